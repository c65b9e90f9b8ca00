package settlement

import (
	"testing"

	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing/tariff"
	"github.com/shopspring/decimal"
)

// What is claimed but not compared is no difference: CDRs without a price, and
// those that credits cancel in full.
func TestDifferenceOverWhatIsCompared(t *testing.T) {
	d := decimal.RequireFromString
	row := SettlementRow{
		Claimed:         Sum{Excl: d("37.50"), incl: d("45.00")},
		CreditedClaimed: Sum{Excl: d("7.50"), incl: d("9.00")},
		UnpricedClaimed: Sum{Excl: d("5.00"), incl: d("6.00")},
		Computed:        Sum{Excl: d("24.1234"), incl: d("28.9")},
	}
	got := row.Difference()
	if !got.Equal(Sum{Excl: d("0.8766"), incl: d("1.1")}) {
		t.Errorf("difference %s, %v; want 0.8766, 1.1", got.Excl, got.Incl())
	}
	row.Computed.MissingIncl = 2
	if got := row.Difference(); got.Incl() != nil || got.MissingIncl != 2 {
		t.Errorf("difference incl %v missing %d; want none, 2", got.Incl(), got.MissingIncl)
	}
	row.Claimed.MissingIncl, row.UnpricedClaimed.MissingIncl = 3, 1
	if got := row.Difference(); got.MissingIncl != 5 {
		t.Errorf("%d missing in the difference, want 5: an unpriced claim is one of the claims", got.MissingIncl)
	}
}

func TestSum(t *testing.T) {
	money := func(excl, incl string) tariff.Money {
		m := tariff.Money{Excl: ocpi.MustNumber(excl)}
		if incl != "" {
			m.Incl = ocpi.MustNumber(incl)
		}
		return m
	}
	for _, tc := range []struct {
		name       string
		sum        Sum
		excl, incl string
		missing    uint64
	}{
		{"nothing", Sum{}, "0", "0", 0},
		{"one amount", SumOf(money("1.50", "1.80")), "1.5", "1.8", 0},
		{"one that does not tell it including VAT", SumOf(money("1.50", "")), "1.5", "unknown", 1},
		{"one of which nothing is known", SumOf(tariff.Money{}), "0", "unknown", 1},
		{"two", SumOf(money("1.50", "1.80")).Add(SumOf(money("0.25", "0.30"))), "1.75", "2.1", 0},
		{"less another", SumOf(money("1.50", "1.80")).Sub(SumOf(money("2.00", "2.40"))), "-0.5", "-0.6", 0},
		{"one missing of two", SumOf(money("1.50", "1.80")).Add(SumOf(money("0.25", ""))), "1.75", "unknown", 1},
		{"what is missing stays missing", SumOf(money("1.50", "")).Sub(SumOf(money("1.50", ""))), "0", "unknown", 2},
		{"to nothing", Sum{}.Add(SumOf(money("1.50", "1.80"))), "1.5", "1.8", 0},
		{"of the store, nothing", NewSum(nil, nil, 0), "0", "0", 0},
	} {
		if got := tc.sum; got.Excl.String() != tc.excl || text(got.Incl()) != tc.incl || got.MissingIncl != tc.missing {
			t.Errorf("%s: %s, %s incl. VAT (%d missing), want %s, %s (%d)", tc.name, got.Excl, text(got.Incl()), got.MissingIncl, tc.excl, tc.incl, tc.missing)
		}
	}
	a, b := SumOf(money("1.50", "1.80")), SumOf(money("1.5", "1.8"))
	if !a.Equal(b) || a.Equal(SumOf(money("1.50", ""))) || a.Equal(Sum{}) {
		t.Error("sums are not compared by what they say")
	}
}
