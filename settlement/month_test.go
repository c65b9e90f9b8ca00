package settlement

import (
	"testing"
	"time"

	"github.com/shopspring/decimal"
)

func TestMonth(t *testing.T) {
	for _, s := range []string{"2019-01", "1999-12", "0999-07"} {
		m, err := ParseMonth(s)
		if err != nil || m.String() != s {
			t.Errorf("ParseMonth(%q) = %v, %v", s, m, err)
		}
	}
	for _, s := range []string{"", "2019", "2019-13", "2019-1", "2019-01-02", "0000-01"} {
		if m, err := ParseMonth(s); err == nil {
			t.Errorf("ParseMonth(%q) = %v, want an error", s, m)
		}
	}
	dec := Month{2018, time.December}
	if got, want := dec.Add(2), (Month{2019, time.February}); got != want {
		t.Errorf("%v + 2 = %v, want %v", dec, got, want)
	}
	if got, want := dec.Add(-12), (Month{2017, time.December}); got != want {
		t.Errorf("%v - 12 = %v, want %v", dec, got, want)
	}
	if dec.Compare(dec.Add(1)) >= 0 || dec.Compare(dec) != 0 {
		t.Error("months do not compare in order")
	}
}

func TestDifferenceLeavesUnpricedOut(t *testing.T) {
	d := decimal.RequireFromString
	ptr := func(s string) *decimal.Decimal { v := d(s); return &v }
	row := SettlementRow{
		Claimed:         Sum{Excl: d("30.00"), Incl: ptr("36.00")},
		UnpricedClaimed: Sum{Excl: d("5.00"), Incl: ptr("6.00")},
		Computed:        Sum{Excl: d("24.1234"), Incl: ptr("28.9")},
	}
	got := row.Difference()
	if !got.Excl.Equal(d("0.8766")) || got.Incl == nil || !got.Incl.Equal(d("1.1")) {
		t.Errorf("difference %s, %v; want 0.8766, 1.1", got.Excl, got.Incl)
	}
	row.Computed.Incl, row.Computed.MissingIncl = nil, 2
	if got := row.Difference(); got.Incl != nil || got.MissingIncl != 2 {
		t.Errorf("difference incl %v missing %d; want none, 2", got.Incl, got.MissingIncl)
	}
}
