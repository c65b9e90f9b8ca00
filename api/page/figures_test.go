package page

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing/tariff"
	"github.com/roamclear/roamclear/settlement"
	"github.com/shopspring/decimal"
)

func TestFigure(t *testing.T) {
	for _, tc := range []struct {
		in     string
		places int
		want   figure
	}{
		{"0", 2, figure{Text: "0.00", Zero: true}},
		{"999.5", 2, figure{Text: "999.50"}},
		{"1000", 2, figure{Text: "1\u202f000.00"}},
		{"-1234567.891", 2, figure{Text: "\u22121\u202f234\u202f567.891", Negative: true}},
		{"12", 0, figure{Text: "12"}},
		{"12.000000000000", 0, figure{Text: "12"}},
		{"0.1", 4, figure{Text: "0.1000"}},
		{"-0.00", 2, figure{Text: "0.00", Zero: true}},
	} {
		if diff := cmp.Diff(tc.want, newFigure(decimal.RequireFromString(tc.in), tc.places)); diff != "" {
			t.Errorf("%s to %d places: %s", tc.in, tc.places, diff)
		}
	}
	if got := orUnknown(nil, 2); got.Text != "" || got.Zero {
		t.Errorf("unknown is shown as %+v", got)
	}
}

func TestTotals(t *testing.T) {
	d := decimal.RequireFromString
	sum := func(excl, incl string) settlement.Sum { e, i := d(excl), d(incl); return settlement.NewSum(&e, &i, 0) }
	rate := d("20")
	row := func(currency string, claimed settlement.Sum, n uint64) settlement.SettlementRow {
		return settlement.SettlementRow{
			Currency: currency, CDRCount: n, Claimed: claimed, Credits: sum("-1", "-1.2"), Net: sum("9", "10.8"),
			Computed: sum("8", "9.6"), UnpricedClaimed: sum("2", "2.4"), UnpricedCount: 1, DiffersCount: 1, CreditCount: 1,
			Tax: []settlement.TaxSum{{Name: "VAT", Percentage: &rate, Amount: d("1.6")}},
		}
	}
	missing := settlement.Sum{Excl: d("5.5"), MissingIncl: 3}
	totals := totalsByCurrency([]settlement.SettlementRow{
		row("GBP", sum("10", "12"), 2), row("EUR", sum("7", "8.4"), 1), row("GBP", missing, 4),
	})
	if len(totals) != 2 || totals[0].Currency != "EUR" || totals[1].Currency != "GBP" {
		t.Fatalf("totals %+v", totals)
	}
	gbp := totals[1]
	if !gbp.Claimed.Excl.Equal(d("15.5")) || gbp.Claimed.Incl() != nil || gbp.Claimed.MissingIncl != 3 {
		t.Errorf("claimed %+v; want 15.5, unknown including VAT because of 3", gbp.Claimed)
	}
	if gbp.CDRCount != 6 || gbp.CreditCount != 2 || gbp.UnpricedCount != 2 || gbp.DiffersCount != 2 {
		t.Errorf("counts %+v", gbp)
	}
	if !gbp.Net.Incl().Equal(d("21.6")) || len(gbp.Tax) != 1 || !gbp.Tax[0].Amount.Equal(d("3.2")) {
		t.Errorf("net %+v, tax %+v", gbp.Net, gbp.Tax)
	}
	if !totals[0].Claimed.Excl.Equal(d("7")) {
		t.Errorf("EUR %+v", totals[0].Claimed)
	}
}

// The shown lines are the engine's, with the limit and the rounding as lines
// of their own, and sum to the total.
func TestExplanationLines(t *testing.T) {
	n := ocpi.MustNumber
	money := func(excl, incl string) tariff.Money { return tariff.Money{Excl: n(excl), Incl: n(incl)} }
	x := &tariff.Explanation{
		Engine: "1", Profile: "default", Version: ocpi.V221, Currency: "EUR",
		Tariffs: []tariff.TariffRef{{ID: "T", Owner: "FR*PAR"}},
		Lines: []tariff.Line{
			{Kind: ocpi.ComponentFlat, Reservation: true, Price: n("2"), VAT: n("20.0"), Amount: money("2", "2.4")},
			{Kind: ocpi.ComponentEnergy, Measured: n("1234.5"), Billed: n("1235"), Price: n("0.25"), VAT: n("20"), Amount: money("308.75", "370.5")},
			{Kind: ocpi.ComponentParkingTime, Measured: n("7103.5"), Billed: n("7140"), Price: n("3"), Amount: money("5.95", "5.95")},
		},
		Limits: []tariff.LimitHit{{Maximum: true, Bound: n("300")}}, Limit: money("-16.7", "-16.7"),
		Rounding: money("0.0001", "0"), Total: money("300.0001", "362.15"),
	}
	got := newExplanation(x)
	want := []priceLine{
		{Name: "Reservation fee", Price: "2.00", VAT: "20 %"},
		{Name: "Energy", Measured: "1\u202f234.5\u202fkWh", Billed: "1\u202f235\u202fkWh", Price: "0.25 per kWh", VAT: "20 %"},
		{Name: "Parking time", Measured: "1:58:23.5", Billed: "1:59:00", Price: "3.00 per hour", VAT: "none"},
		{Name: "Maximum price 300.00"},
		{Name: "Rounding"},
		{Name: "Total", Total: true},
	}
	sum := decimal.Zero
	for i, m := range []tariff.Money{x.Lines[0].Amount, x.Lines[1].Amount, x.Lines[2].Amount, x.Limit, x.Rounding, x.Total} {
		want[i].Excl, want[i].Incl = newFigure(m.Excl.Decimal(), 4), newFigure(m.Incl.Decimal(), 4)
		if i < 5 {
			sum = sum.Add(m.Excl.Decimal())
		}
	}
	if diff := cmp.Diff(want, got.Lines); diff != "" {
		t.Error(diff)
	}
	if !sum.Equal(x.Total.Excl.Decimal()) {
		t.Errorf("the test's own lines sum to %s", sum)
	}
	if got.Words == "" {
		t.Error("no words")
	}
}
