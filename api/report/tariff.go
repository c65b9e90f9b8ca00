package report

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/gin-gonic/gin"
	"github.com/roamclear/roamclear/api/rest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing/lint"
	"github.com/roamclear/roamclear/pricing/reference"
	"github.com/roamclear/roamclear/settlement"
)

var tariffParams = []string{"party", "limit", "cursor"}

// TariffChoice is a page of the Tariffs that stand now.
type TariffChoice struct {
	Key   rest.Key
	Party ocpi.Party // owner; zero = any
	After ocpi.Key   // the last of the page before; zero = the first page
	Limit int
}

// TariffQuery reads the parameters of a list of Tariffs. The error is an
// [*rest.Error] that names the parameter.
func TariffQuery(values url.Values, key rest.Key) (TariffChoice, error) {
	p := rest.NewParams(values, tariffParams...)
	q := TariffChoice{Key: key, Party: p.Party("party"), Limit: p.Limit(rest.MaxLimit)}
	if cursor := values.Get("cursor"); cursor != "" {
		var ok bool
		if q.After, ok = ParseTariffKey(cursor); !ok {
			p.Fail(rest.Invalid("cursor", "not a cursor of this list; leave it out to start at the first page"))
		}
	}
	return q, p.Err()
}

// ParseTariffKey reads "GB*DUN*id".
func ParseTariffKey(s string) (ocpi.Key, bool) {
	country, rest, _ := strings.Cut(s, "*")
	party, id, ok := strings.Cut(rest, "*")
	owner, known := ocpi.ParseParty(country + "*" + party)
	return ocpi.Key{Party: owner, ID: ocpi.Fold(id)}, ok && known && id != ""
}

// All lists the Tariffs that the key may see, by owner and id, not cut to a
// page.
func (q *TariffChoice) All(known Tariffs) ([]*reference.TariffVersion, error) {
	if !known.Ready() {
		return nil, fmt.Errorf("list tariffs: %w: they are still being read", settlement.ErrUnavailable)
	}
	var list []*reference.TariffVersion
	known.Tariffs(func(v *reference.TariffVersion) {
		owner := v.Key.Party
		if q.Key.Sees(owner, owner) && (q.Party.IsZero() || q.Party == owner) {
			list = append(list, v)
		}
	})
	slices.SortFunc(list, func(a, b *reference.TariffVersion) int { return compareKeys(a.Key, b.Key) })
	return list, nil
}

func compareKeys(a, b ocpi.Key) int {
	return cmp.Or(cmp.Compare(a.Party.Country, b.Party.Country), cmp.Compare(a.Party.ID, b.Party.ID), cmp.Compare(a.ID, b.ID))
}

// FindingCounts counts findings by severity.
type FindingCounts struct {
	Serious int `json:"serious"`
	Warning int `json:"warning"`
	Info    int `json:"info"`
}

// CountFindings counts findings by severity.
func CountFindings(findings []ocpi.Finding) (n FindingCounts) {
	for i := range findings {
		switch findings[i].Severity {
		case ocpi.Serious:
			n.Serious++
		case ocpi.Warning:
			n.Warning++
		default:
			n.Info++
		}
	}
	return n
}

// tariffSummary is one Tariff in a list. Start and End bound its validity.
type tariffSummary struct {
	Owner         string        `json:"owner"`
	ID            string        `json:"id"`
	Version       string        `json:"version"`
	Sender        string        `json:"sender"`
	Received      string        `json:"received"`
	Currency      string        `json:"currency"`
	Start         *string       `json:"start"`
	End           *string       `json:"end"`
	LastUpdated   string        `json:"last_updated"`
	FindingCounts FindingCounts `json:"finding_counts"`
	URL           string        `json:"url"`
}

// KnownTariff is a Tariff as it stands, decoded.
type KnownTariff struct {
	*reference.TariffVersion
	Tariff *ocpi.Tariff
	Counts FindingCounts
}

// NewKnownTariff decodes a version and counts what lint finds in it.
func NewKnownTariff(v *reference.TariffVersion) (*KnownTariff, error) {
	t, err := new(ocpi.Decoder).Tariff(v.Version, v.Body)
	if err != nil {
		return nil, fmt.Errorf("read tariff %s: the body at %s: %v", v.Key, v.Position, err) //nolint:errorlint // ours, not the reader's: a 500
	}
	return &KnownTariff{TariffVersion: v, Tariff: t, Counts: CountFindings(v.Findings())}, nil
}

func newTariffSummary(k *KnownTariff) tariffSummary {
	return tariffSummary{
		Owner: k.Key.Party.String(), ID: k.Tariff.ID, Version: k.Version.String(), Sender: k.Sender,
		Received: k.Received.String(), Currency: k.Tariff.Currency, Start: setInstant(k.Tariff.Start), End: setInstant(k.Tariff.End),
		LastUpdated: k.Tariff.LastUpdated.String(), FindingCounts: k.Counts, URL: "/api/v1" + TariffPath(k.Key),
	}
}

func setInstant(t ocpi.Time) *string {
	if !t.IsSet() {
		return nil
	}
	s := t.String()
	return &s
}

// TariffPath is the path of a Tariff below /api/v1, and of its page.
func TariffPath(k ocpi.Key) string { return "/tariffs" + strings.TrimPrefix(CDRPath(k), "/cdrs") }

// listTariffs answers GET /api/v1/tariffs.
func (s *server) listTariffs(c *gin.Context, key rest.Key) error {
	q, err := TariffQuery(c.Request.URL.Query(), key)
	if err != nil {
		return err
	}
	all, err := q.All(s.tariffs)
	if err != nil {
		return err
	}
	from, next := 0, ""
	if q.After != (ocpi.Key{}) {
		from, _ = slices.BinarySearchFunc(all, q.After, func(v *reference.TariffVersion, after ocpi.Key) int {
			return cmp.Or(compareKeys(v.Key, after), -1) // the first beyond it
		})
	}
	page := all[from:]
	if len(page) > q.Limit {
		page = page[:q.Limit]
		next = page[q.Limit-1].Key.String()
	}
	list, err := summaries(c.Request.Context(), page)
	if err != nil {
		return err
	}
	rest.WriteJSON(c, http.StatusOK, map[string]any{"tariffs": list, "next": rest.LinkNext(c, next)})
	return nil
}

// summaries stops when nobody waits for them any more: a tariff that nobody
// has looked at must be checked first.
func summaries(ctx context.Context, page []*reference.TariffVersion) ([]tariffSummary, error) {
	list := make([]tariffSummary, len(page))
	for i, v := range page {
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("list tariffs: %w", err)
		}
		k, err := NewKnownTariff(v)
		if err != nil {
			return nil, err
		}
		list[i] = newTariffSummary(k)
	}
	return list, nil
}

// tariffDetail is one Tariff but for its raw body, which is spliced in front
// as it came. PriceList is empty where the tariff cannot be priced.
type tariffDetail struct {
	tariffSummary
	Position  string         `json:"position"`
	Hash      string         `json:"hash"`
	Versions  int            `json:"versions"`
	PriceList []string       `json:"price_list"`
	Findings  []ocpi.Finding `json:"findings"`
}

// tariff answers GET /api/v1/tariffs/{country}/{party}/{id}.
func (s *server) tariff(c *gin.Context, key rest.Key) error {
	if p := rest.NewParams(c.Request.URL.Query()); p.Err() != nil {
		return p.Err()
	}
	k, err := rest.PathKey(c)
	if err != nil {
		return err
	}
	known, err := CurrentTariff(s.tariffs, k, key)
	if err != nil {
		return err
	}
	versions, err := s.tariffs.Versions(c.Request.Context(), k)
	if err != nil {
		return err
	}
	return rest.WriteRaw(c, known.Body, tariffDetail{
		tariffSummary: newTariffSummary(known), Position: known.Position.String(), Hash: known.Hash(),
		Versions: versions, PriceList: known.PriceList(), Findings: known.Findings(),
	})
}

// CurrentTariff finds the version of a Tariff that stands. What belongs to
// others is [settlement.ErrNotFound], like what does not exist.
func CurrentTariff(known Tariffs, k ocpi.Key, key rest.Key) (*KnownTariff, error) {
	if !known.Ready() {
		return nil, fmt.Errorf("read tariff %s: %w: tariffs are still being read", k, settlement.ErrUnavailable)
	}
	v := known.CurrentTariff(k)
	if v == nil || !key.Sees(k.Party, k.Party) {
		return nil, settlement.ErrNotFound
	}
	return NewKnownTariff(v)
}

// PriceList is the tariff as a driver would read it, line by line; empty where
// the engine cannot price it.
func (k *KnownTariff) PriceList() []string {
	if _, err := k.Prepared(); err != nil {
		return []string{}
	}
	return lint.PriceList(k.Tariff)
}
