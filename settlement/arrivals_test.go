package settlement_test

import (
	"testing"
	"time"

	"github.com/roamclear/roamclear/settlement"
)

// A pair is silent after three days, one with few CDRs after longer; a month that is over
// is looked at by its end.
func TestSilentPairs(t *testing.T) {
	day := func(text string) time.Time {
		at, err := time.Parse(time.DateOnly, text)
		if err != nil {
			t.Fatal(err)
		}
		return at
	}
	for _, c := range []struct {
		title, last, now string
		before           uint64
		days             int
		silent           bool
	}{
		{"yesterday", "2026-03-19", "2026-03-20", 100, 1, false},
		{"three days", "2026-03-17", "2026-03-20", 100, 3, true},
		{"one a week", "2026-03-10", "2026-03-20", 4, 10, false},
		{"one a week, for a month", "2026-02-20", "2026-03-20", 4, 28, true},
		{"once", "2026-02-03", "2026-03-20", 1, 45, false},
		{"once, long ago", "2026-02-01", "2026-06-20", 1, 59, false},
		{"the month is over", "2026-03-25", "2026-09-01", 100, 7, true},
		{"till its end", "2026-03-31", "2026-09-01", 100, 1, false},
	} {
		p := settlement.PairArrivals{Before: c.before, Last: day(c.last)}
		if days, silent := p.SilentFor(202603, day(c.now)); days != c.days || silent != c.silent {
			t.Errorf("%s: %d days, silent %t; want %d, %t", c.title, days, silent, c.days, c.silent)
		}
	}
	var list []settlement.PairArrivals
	for _, n := range []uint64{3, 9, 1, 7} {
		list = settlement.KeepSilent(list, settlement.PairArrivals{Before: n}, 3)
	}
	if len(list) != 3 || list[0].Before != 9 || list[2].Before != 3 {
		t.Errorf("kept: %+v", list)
	}
}
