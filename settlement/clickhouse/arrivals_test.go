package clickhouse

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing"
	"github.com/roamclear/roamclear/settlement"
	"github.com/roamclear/roamclear/settlement/statement"
	"github.com/shopspring/decimal"
)

// CDRs are counted by the day on which charges ended, each once however often it came or
// was priced, and by pair.
func TestArrivals(t *testing.T) {
	s := newStore(t)
	b := batchOf(t, 1, 10, january)
	write(t, s, b)
	write(t, s, b)
	for _, c := range []struct {
		party ocpi.Party
		month ocpi.Month
		want  string
	}{
		{ocpi.Party{}, 201901, "31 days: 2=1 3=2 9=1 15=1 20=1 31=3"},
		{ocpi.NewParty("DE", "TNM"), 201901, "31 days: 2=1 3=2"},
		{ocpi.Party{}, 201902, "28 days: 1=1"},
		{ocpi.Party{}, 201903, "31 days:"},
	} {
		days, err := s.CDRsByDay(t.Context(), c.party, c.month)
		if err != nil {
			t.Fatal(err)
		}
		got := fmt.Sprintf("%d days:", len(days))
		for i, n := range days {
			if n > 0 {
				got += fmt.Sprintf(" %d=%d", i+1, n)
			}
		}
		if got != c.want {
			t.Errorf("%s %s: %s, want %s", c.party, c.month, got, c.want)
		}
	}
	for party, want := range map[ocpi.Party][]string{
		{}:                         {"GB*DUN DE*TNM 3 0 2019-01-03", "GB*DUN NL*EXW 6 1 2019-02-01"},
		ocpi.NewParty("DE", "TNM"): {"GB*DUN DE*TNM 3 0 2019-01-03"},
	} {
		var got []string
		err := s.PairsBefore(t.Context(), party, 201902, func(p *settlement.PairArrivals) error {
			got = append(got, fmt.Sprint(p.CPO, " ", p.EMSP, " ", p.Before, " ", p.Count, " ", p.Last.Format("2006-01-02")))
			return nil
		})
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%s: %v\n%s", party, err, diff)
		}
	}
}

// timeless are four CDRs, of which the first says when its charge ended, the second only
// when it began, the third when it was last updated, and the last nothing: it came a day
// later.
func timeless(t *testing.T) *pricing.Batch {
	b := batchOf(t, 0, 0, strings.Repeat("GB*DUN NL*EXW a 2019-03-31 GBP 1.00/1.20 priced 1.00/1.20 -\n", 4))
	at := func(day int) ocpi.Time { return ocpi.TimeOf(time.Date(2019, 3, day, 23, 59, 59, 999999999, time.UTC)) }
	for i := range b.Rows {
		r := &b.Rows[i]
		r.ID = fmt.Sprint("a", i)
		r.Record.Key.ID = strings.ToUpper(r.ID)
		r.End, r.Start, r.LastUpdated, r.Record.Received = at(1), at(2), at(3), at(4)
		if i >= 1 {
			r.End = 0
		}
		if i >= 2 {
			r.Start = 0
		}
		if i >= 3 {
			r.LastUpdated = 0
		}
	}
	return b
}

// A CDR that says no time at all is counted on the day on which it came, as it is booked.
func TestTimelessArrivals(t *testing.T) {
	s := newStore(t)
	write(t, s, timeless(t))
	days, err := s.CDRsByDay(t.Context(), ocpi.Party{}, 201903)
	if err != nil || !slices.Equal(days[:5], []uint64{1, 1, 1, 1, 0}) {
		t.Errorf("counted by day: %v, %v", days, err)
	}
}

// What lines claim is summed once, of the attempts and the period that are asked for.
func TestIssuedClaims(t *testing.T) {
	s := newStore(t)
	line := func(attempt uint64, id, emsp, net, claim string, zeroed bool) statement.IssuedLine {
		l := statement.IssuedLine{IssuedCDR: statement.IssuedCDR{Attempt: attempt, Period: 201901, Key: ocpi.NewKey("GB", "DUN", id), Currency: "GBP", Month: 201901, Version: 1, Net: decimal.RequireFromString(net), Claim: decimal.RequireFromString(claim), Zeroed: zeroed}}
		l.EMSP, _ = ocpi.ParseParty(emsp)
		l.Line = statement.Line{CDR: l.Key.String(), Kind: statement.CDR, Belongs: 201901, Net: l.Net}
		return l
	}
	for range 2 {
		for attempt, lines := range map[uint64][]statement.IssuedLine{
			7: {line(7, "A", "NL*EXW", "6", "7", false), line(7, "B", "NL*EXW", "0", "5", true), line(7, "C", "DE*TNM", "1.5", "1.5", false)},
			9: {line(9, "D", "NL*EXW", "100", "100", false)},
		} {
			if err := s.WriteLines(t.Context(), attempt, 0, lines); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, c := range []struct {
		q        statement.IssueQuery
		attempts []uint64
		want     string
	}{
		{statement.IssueQuery{Period: 201901}, []uint64{7}, "DE*TNM GBP 1 1.5 1.5 0, NL*EXW GBP 2 12 6 5"},
		{statement.IssueQuery{Period: 201901, EMSP: ocpi.NewParty("NL", "EXW")}, []uint64{7, 9}, "NL*EXW GBP 3 112 106 5"},
		{statement.IssueQuery{Period: 201902}, []uint64{7}, ""},
		{statement.IssueQuery{Period: 201901}, nil, ""},
	} {
		var got []string
		err := s.IssuedClaims(t.Context(), c.q, c.attempts, func(i *statement.IssuedClaim) error {
			got = append(got, fmt.Sprint(i.EMSP, " ", i.Currency, " ", i.Lines, " ", i.Claim, " ", i.Net, " ", i.Zeroed))
			return nil
		})
		if text := strings.Join(got, ", "); err != nil || text != c.want {
			t.Errorf("%+v of %d: %v, %q, want %q", c.q, c.attempts, err, text, c.want)
		}
	}
}
