package rest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/shopspring/decimal"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ingest/control"
	"github.com/roamclear/roamclear/ingest/control/controltest"
	"github.com/roamclear/roamclear/ingest/ingesttest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement"
)

// someHealth is a store of one CPO that has CDRs of one day.
type someHealth struct{ someLocations }

func (someHealth) CDRHealth(context.Context, settlement.HealthQuery) (*settlement.CDRHealth, error) {
	return &settlement.CDRHealth{
		Days: []settlement.CDRDay{{Day: time.Date(2026, 11, 3, 0, 0, 0, 0, time.UTC), CDRs: 24}}, CDRs: 24, Timed: 23, Late: 1, Corrected: 2, P50: 90 * time.Second, P95: 80 * time.Hour,
	}, nil
}

func (someHealth) HealthDifferences(context.Context, settlement.HealthQuery) ([]settlement.HealthDifference, error) {
	sum := func(s string) settlement.Sum { return settlement.Sum{Excl: decimal.RequireFromString(s)} }
	return []settlement.HealthDifference{
		{Kind: "step_size_ignored", Currency: "EUR", CDRs: 17, Claimed: sum("120.5"), Computed: sum("118.25")},
		{Kind: settlement.CauseUnknown, Currency: "EUR", CDRs: 1, Claimed: sum("7"), Computed: sum("6")},
		{Rejected: true, Kind: "tariff_unknown", Currency: "EUR", CDRs: 2, Claimed: sum("3"), UnknownClaims: 1, UnknownPrices: 2},
	}, nil
}

func (someHealth) Exchanges(context.Context, settlement.ExchangeQuery) ([]settlement.Exchanges, error) {
	return nil, errors.New("no messages are kept")
}

func healthOf(t *testing.T, role string) (Health, *control.Partner) {
	t.Helper()
	m, err := control.Open(t.Context(), ingesttest.NewLog(1), control.Options{})
	if err != nil {
		t.Fatal(err)
	}
	partners := control.NewPartners(m)
	controltest.Run(t, m)
	p, _, err := partners.Add(t.Context(), "", control.NewPartner{Name: "Example  Charging", Roles: []control.Role{control.NewRole(role, "SE", "ABC")}})
	if err != nil {
		t.Fatal(err)
	}
	location := locationOf(ocpi.V221, "L1", `{"evses":[
{"uid":"1","status":"AVAILABLE","last_updated":"2026-11-06T00:00:00Z","connectors":[{"tariff_ids":["T"]},{"tariff_ids":[]}]},
{"uid":"2","status":"AVAILABLE","last_updated":"2026-10-01T00:00:00Z","connectors":[{}]},
{"uid":"3","status":"REMOVED","last_updated":"2020-10-01T00:00:00Z","connectors":[{}]},
{"uid":"4","status":"CHARGING","connectors":[{"tariff_id":"T"}]}]}`)
	tally := &ingest.Tally{}
	now := time.Date(2026, 11, 8, 12, 0, 0, 0, time.UTC)
	tally.Note(p.ID, "cdr SE*ABC*1", ocpi.TimeOf(now), ocpi.Finding{Code: "trailing_slash", Severity: ocpi.Info, Detail: "the path ends in /"})
	return Health{Store: someHealth{someLocations{location}}, Partners: partners, Found: tally, Now: func() time.Time { return now }}, p
}

// The letter says each difference with how many, why, the partner's figure and ours, and what
// else is to be looked at; of what is not known it says nothing.
func TestTheLetterToAPartner(t *testing.T) {
	h, p := healthOf(t, control.RoleCPO)
	q, err := h.Query(url.Values{"from": {"2026-11-02"}, "to": {"2026-11-06"}})
	if err != nil {
		t.Fatal(err)
	}
	r, err := h.Of(t.Context(), p, q)
	if err != nil {
		t.Fatal(err)
	}
	const want = `To: Example Charging
About: the exchange between us from 2026-11-02 to 2026-11-06 (days in UTC)

Hello,

We would like to go through the following with you. Amounts are without VAT.

- 17 CDRs with another price than ours: step size ignored; your figure EUR 120.50, ours EUR 118.25.

- 1 CDR with another price than ours: we have not found out why; your figure EUR 7.00, ours EUR 6.00.

- 2 CDRs that we could not price: tariff unknown; your figure not known.

- 1 CDR of 23 came later than 72 hours after the end of the charge.

- We have no CDR of a charge that ended on 2 days: 2026-11-02, 2026-11-04. If nobody charged then, all is well.

- No tariff is named at 2 connectors of 4: drivers see no price there.

- 1 EVSE of 3 did not change their status for 720h or longer.

- Of 1 EVSE of 3 we do not know when the status changed last.

- trailing_slash: the path ends in /, found 1 time, the last time at 2026-11-08T12:00:00Z.

If you see any of this otherwise, please tell us the id of one such object, and we look at it together. Thank you.
`
	if diff := cmp.Diff(want, r.Letter()); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	var table bytes.Buffer
	if err := r.CSV().Encode(&table); err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{"difference,cause,step_size_ignored,EUR,17,,,120.50,118.25\r\n", "difference,reason,tariff_unknown,EUR,2,,,,\r\n", "cdrs,late,,,1,23,0.0435,,\r\n", "cdrs,p95_s,,,,,288000,,\r\n"} {
		if !strings.Contains(table.String(), line) {
			t.Errorf("no %q in\n%s", line, table.String())
		}
	}
	// Who is no CPO has no CDRs to be late: null, and no zero.
	h, p = healthOf(t, control.RoleEMSP)
	h.Found = nil
	if r, err = h.Of(t.Context(), p, q); err != nil || r.CDRs != nil || r.Locations != nil || r.Exchanges != nil {
		t.Errorf("%+v, %v", r, err)
	}
	if letter := r.Letter(); !strings.Contains(letter, "Nothing in these days needs your attention") {
		t.Error(letter)
	}
}

// Without days it is the last 7; what cannot be is refused by its name.
func TestHealthIsOfSomeDays(t *testing.T) {
	h, _ := healthOf(t, control.RoleCPO)
	for q, want := range map[string]string{
		"": "2026-11-02 2026-11-08 720h0m0s", "from=2026-11-01": "2026-11-01 2026-11-08 720h0m0s", "to=2026-10-10&stale_after=24h": "2026-10-04 2026-10-10 24h0m0s",
		"from=2026-08-09": "2026-08-09 2026-11-08 720h0m0s", "from=2026-08-08": "from: more than 92 days", "from=2026-11-09&to=2026-11-08": "to: 2026-11-08 is before",
		"stale_after=5": "stale_after: ", "stale_after=1m": "stale_after: ", "from=x": "from: ", "to=0001-01-01": "to: want a day", "day=1": "day: no such",
	} {
		values, err := url.ParseQuery(q)
		if err != nil {
			t.Fatal(err)
		}
		got, err := h.Query(values)
		text := fmt.Sprint(got.From.Format(time.DateOnly), " ", got.To.Format(time.DateOnly), " ", got.StaleAfter)
		if e, ok := errors.AsType[*Error](err); ok {
			text = e.Field + ": " + e.Message
		}
		if !strings.HasPrefix(text, want) {
			t.Errorf("%q: %s, want %s", q, text, want)
		}
	}
}

// A share is the part of the whole to four decimals, half up, as exact decimals have it.
func TestShares(t *testing.T) {
	if share(0, 0) != nil {
		t.Error("a share of nothing")
	}
	rnd := rand.New(rand.NewPCG(1, 1))
	for range 2000 {
		whole := 1 + rnd.Uint64N(1<<uint(1+rnd.IntN(62)))
		part := rnd.Uint64N(whole + 1)
		want := decimal.NewFromUint64(part).DivRound(decimal.NewFromUint64(whole), 40).Round(4).StringFixed(4)
		if got := *share(part, whole); got != want {
			t.Fatalf("%d of %d: %s, want %s", part, whole, got, want)
		}
	}
	if got := []string{*share(1, 20000), *share(0, 3), *share(3, 3)}; !slices.Equal(got, []string{"0.0001", "0.0000", "1.0000"}) {
		t.Error(got)
	}
}
