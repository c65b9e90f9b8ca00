package chaos

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/roamclear/roamclear/benchmarks/world"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/shopspring/decimal"
)

// api reads the reporting API.
type api struct{ url, key string }

type sum struct {
	Excl    decimal.Decimal  `json:"excl_vat"`
	Incl    *decimal.Decimal `json:"incl_vat"`
	Missing int              `json:"incl_vat_missing"`
}

type settlementRow struct {
	CPO      string `json:"cpo"`
	EMSP     string `json:"emsp"`
	Month    string `json:"month"`
	Currency string `json:"currency"`
	CDRs     int    `json:"cdr_count"`
	Credits  int    `json:"credit_count"`
	Claimed  sum    `json:"claimed"`
	Credited sum    `json:"credits"`
	Net      sum    `json:"net"`
}

func (r *settlementRow) line() (world.Line, error) {
	cpo, ok := ocpi.ParseParty(r.CPO)
	emsp, ok2 := ocpi.ParseParty(r.EMSP)
	if !ok || !ok2 {
		return world.Line{}, fmt.Errorf("row of %q and %q in the report", r.CPO, r.EMSP)
	}
	return world.Line{CPO: cpo, EMSP: emsp, Month: r.Month, Currency: r.Currency}, nil
}

// differences lists what a row has other than the reference; a nil row has
// nothing.
func (r *settlementRow) differences(want *world.Totals) []string {
	if r == nil {
		r = &settlementRow{}
	}
	var d []string
	if r.CDRs != want.CDRs || r.Credits != want.Credits {
		d = append(d, fmt.Sprintf("%d CDRs and %d credits, acknowledged were %d and %d", r.CDRs, r.Credits, want.CDRs, want.Credits))
	}
	net := world.Sum{
		Excl: want.Claimed.Excl.Add(want.CreditedAmount.Excl), Incl: want.Claimed.Incl.Add(want.CreditedAmount.Incl),
		MissingIncl: want.Claimed.MissingIncl + want.CreditedAmount.MissingIncl,
	}
	d = r.Claimed.differences(d, "claimed", &want.Claimed)
	d = r.Credited.differences(d, "credits", &want.CreditedAmount)
	return r.Net.differences(d, "net", &net)
}

func (s *sum) differences(d []string, name string, want *world.Sum) []string {
	if !s.Excl.Equal(want.Excl) {
		d = append(d, fmt.Sprintf("%s excl_vat %s, acknowledged %s", name, s.Excl, want.Excl))
	}
	switch {
	case want.MissingIncl != s.Missing || (want.MissingIncl > 0) != (s.Incl == nil):
		d = append(d, fmt.Sprintf("%s incl_vat unknown of %d, acknowledged %d", name, s.Missing, want.MissingIncl))
	case s.Incl != nil && !s.Incl.Equal(want.Incl):
		d = append(d, fmt.Sprintf("%s incl_vat %s, acknowledged %s", name, s.Incl, want.Incl))
	}
	return d
}

// settlement reads the report of a span of months.
func (a *api) settlement(ctx context.Context, from, to string) ([]settlementRow, error) {
	var report struct{ Rows []settlementRow }
	err := a.get(ctx, "/api/v1/reports/settlement?from="+from+"&to="+to, &report)
	return report.Rows, err
}

// cdrs counts the CDRs of a line by identity.
func (a *api) cdrs(ctx context.Context, line world.Line) (map[string]int, error) {
	seen := map[string]int{}
	query := url.Values{
		"cpo": {line.CPO.String()}, "emsp": {line.EMSP.String()}, "from": {line.Month}, "to": {line.Month},
		"currency": {line.Currency}, "limit": {"100"},
	}
	for {
		var page struct {
			CDRs []struct{ ID string }
			Next string
		}
		if err := a.get(ctx, "/api/v1/cdrs?"+query.Encode(), &page); err != nil {
			return nil, err
		}
		for _, c := range page.CDRs {
			seen[ocpi.Fold(c.ID)]++
		}
		if page.Next == "" {
			return seen, nil
		}
		query.Set("cursor", page.Next)
	}
}

func (a *api) get(ctx context.Context, path string, into any) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, a.url+path, nil)
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", "Bearer "+a.key)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return fmt.Errorf("get %s: %w", path, err)
	}
	defer response.Body.Close() //nolint:errcheck // only read
	body, err := io.ReadAll(io.LimitReader(response.Body, 64<<20))
	if err != nil {
		return fmt.Errorf("get %s: %w", path, err)
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("get %s: HTTP %d %.200s", path, response.StatusCode, body)
	}
	if err := json.Unmarshal(body, into); err != nil {
		return fmt.Errorf("read %s: %w", path, err)
	}
	return nil
}
