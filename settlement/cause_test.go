package settlement_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement"
)

// Counts of one pair's month become lines: several readings are narrowed by the
// other CDRs of the pair, what only CDRs state holds where all of them state it.
func TestCauseRows(t *testing.T) {
	type counts = []settlement.CauseCount
	count := func(n uint64, cause string, readings ...string) settlement.CauseCount {
		return settlement.CauseCount{Cause: cause, Readings: readings, Count: n}
	}
	type row struct {
		N        uint64
		Cause    string
		Evidence settlement.Evidence
	}
	for _, c := range []struct {
		name   string
		counts counts
		want   []row
	}{
		{"40 of 41 by one reading alone", counts{count(200, ""), count(1, "several", "step_per_period", "zone_utc"), count(40, "zone_utc")}, []row{
			{40, "zone_utc", settlement.Evidence{}},
			{1, "several", settlement.Evidence{Reading: "zone_utc", Gives: 41, Alone: 40, Of: 41, Holds: true}},
		}},
		{"two sets with one reading in common", counts{count(2, "several", "a", "b"), count(1, "several", "b", "c")}, []row{
			{3, "several", settlement.Evidence{Reading: "b", Gives: 3, Of: 3, Holds: true}},
		}},
		{"the same two everywhere", counts{count(7, "several", "a", "b")}, []row{{7, "several", settlement.Evidence{}}}},
		{"a single one", counts{count(1, "several", "a", "b")}, []row{{1, "several", settlement.Evidence{}}}},
		{"most differ for something else", counts{count(9, "none_found"), count(1, "several", "a", "b"), count(1, "a")}, []row{
			{9, "none_found", settlement.Evidence{}}, {1, "a", settlement.Evidence{}}, {1, "several", settlement.Evidence{}},
		}},
		{"all state a fee", counts{count(5, "stated_fee")}, []row{
			{5, "stated_fee", settlement.Evidence{Reading: "stated_fee", Gives: 5, Alone: 5, Of: 5, Holds: true}},
		}},
		{"some state a fee", counts{count(3, ""), count(5, "stated_fee")}, []row{
			{5, "stated_fee", settlement.Evidence{Reading: "stated_fee", Gives: 5, Alone: 5, Of: 8}},
		}},
		{"one CDR states a fee", counts{count(1, "stated_fee")}, []row{
			{1, "stated_fee", settlement.Evidence{Reading: "stated_fee", Gives: 1, Alone: 1, Of: 1}},
		}},
		{"all agree", counts{count(3, "")}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got []row
			for _, r := range settlement.CauseRows(c.counts) {
				got = append(got, row{r.Count, r.Cause, r.Evidence})
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// Another eMSP's CDRs, another month's and another currency's say nothing.
func TestCauseRowsKeepGroupsApart(t *testing.T) {
	one := settlement.CauseCount{CPO: ocpi.NewParty("GB", "DUN"), EMSP: ocpi.NewParty("NL", "EXW"), Month: 5, Currency: "GBP",
		Cause: "several", Readings: []string{"a", "b"}, Count: 1}
	for _, vary := range []func(*settlement.CauseCount){
		func(c *settlement.CauseCount) { c.EMSP.ID = "VOL" }, func(c *settlement.CauseCount) { c.CPO.ID = "MOU" },
		func(c *settlement.CauseCount) { c.Month++ }, func(c *settlement.CauseCount) { c.Currency = "EUR" },
	} {
		other := one
		other.Cause, other.Readings, other.Count = "a", nil, 40
		vary(&other)
		rows := settlement.CauseRows([]settlement.CauseCount{one, other})
		if len(rows) != 2 || rows[0].Evidence != (settlement.Evidence{}) {
			t.Errorf("%+v", rows)
		}
	}
}
