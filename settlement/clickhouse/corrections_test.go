package clickhouse

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing"
	"github.com/roamclear/roamclear/settlement"
)

// corrections renders the rows that have corrections.
func corrections(t *testing.T, s *Store, q settlement.SettlementQuery) string {
	t.Helper()
	rows, err := s.Settlement(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, r := range rows {
		if c := r.Corrections; !c.Excl.IsZero() || c.Incl() == nil {
			fmt.Fprintf(&b, "%s %s %s %s: %d CDRs, corrections %s\n", r.Month, r.CPO, r.EMSP, r.Currency, r.CDRCount, sumText(c))
		}
	}
	return b.String()
}

// Changes of closed months are put on and taken off in the month they land in;
// where the debtor changes, in the rows of both. What was closed stays.
func TestCorrectionsLandInTheOpenMonth(t *testing.T) {
	s := newStore(t)
	b := batchOf(t, 0, 0, twoMonths+`
		GB*DUN NL*EXW c5 2019-03-01 GBP 1/1.2 priced 1/1.2 -`)
	write(t, s, b)
	whole := settlement.SettlementQuery{From: wholeYear.From, To: wholeYear.To}
	before, err := s.Settlement(t.Context(), whole)
	if err != nil {
		t.Fatal(err)
	}
	page := repriced(t, s, b, "2/2.4")[:3] // c1, c3 of January, c4 of February
	page[2].Row.Debtor = ocpi.Party{Country: "NL", ID: "EXW"}
	page[0].Row.Outcome.Status, page[0].Row.Outcome.Reason = pricing.Rejected, "unknown_tariff"
	note(t, s, "run", page, 5)
	march := ocpi.MonthOf(2019, 3)
	closed := []settlement.ClosedMonth{{Month: wholeYear.From, Lands: march}, {Month: ocpi.MonthOf(2019, 2), Lands: march}}
	for range 2 { // applied again, nothing moves
		if err := s.ApplyRepriced(t.Context(), "run", cdrsOf(0), closed); err != nil {
			t.Fatal(err)
		}
	}
	if a, err := standing(t, s, "run"); err != nil || a != (settlement.Applied{Applied: 3, Corrected: 3}) {
		t.Errorf("%+v, %v, want 3 applied as corrections", a, err)
	}

	want := strings.Join([]string{
		"2019-03 GB*DUN * EUR: 0 CDRs, corrections 2.999999999999/- (1 missing)",
		"2019-03 GB*DUN NL*EXW GBP: 1 CDRs, corrections -10/-12",
		"2019-03 GB*PKC DE*TNM GBP: 0 CDRs, corrections -1.5/-1.8",
		"2019-03 GB*PKC NL*EXW GBP: 0 CDRs, corrections 2/2.4", "",
	}, "\n")
	if diff := cmp.Diff(want, corrections(t, s, whole)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	after, err := s.Settlement(t.Context(), settlement.SettlementQuery{From: wholeYear.From, To: march.Add(-1)})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(rowsText(before[:len(after)]), rowsText(after)); diff != "" {
		t.Errorf("what was closed has changed:\n%s", diff)
	}
	own := settlement.SettlementQuery{From: march, To: march, Party: ocpi.Party{Country: "DE", ID: "TNM"}}
	if got := corrections(t, s, own); got != "2019-03 GB*PKC DE*TNM GBP: 0 CDRs, corrections -1.5/-1.8\n" {
		t.Errorf("one party sees\n%s", got)
	}
	months, err := s.Months(t.Context(), own.Party)
	if err != nil || len(months) != 2 || months[1] != march {
		t.Errorf("its months are %v, %v", months, err)
	}
	none, err := s.SettlementAt(t.Context(), settlement.SettlementQuery{From: march, To: march}, settlement.Ends{cdrsOf(0): 0}, nil)
	if err != nil || len(none) != 0 {
		t.Errorf("before the first record: %v, %v", none, err)
	}
}
