package whatif_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing/tariff"
	"github.com/roamclear/roamclear/pricing/whatif"
	"pgregory.net/rapid"
)

// The fee at the start and the one for overstaying stand upright, the second
// tier begins at 10 kWh, and 12.50 is the most that is charged.
func TestCurve(t *testing.T) {
	by := whatif.Terms{Tariff: prepare(t, `"elements":[
		{"price_components":[{"type":"PARKING_TIME","price":6,"vat":0,"step_size":1}]},
		{"price_components":[{"type":"ENERGY","price":0.30,"vat":0,"step_size":1}],"restrictions":{"max_kwh":10}},
		{"price_components":[{"type":"ENERGY","price":0.50,"vat":0,"step_size":1}]},
		{"price_components":[{"type":"FLAT","price":5,"vat":0,"step_size":1}],"restrictions":{"min_duration":5400}},
		{"price_components":[{"type":"FLAT","price":1,"vat":0,"step_size":1}]}],
		"max_price":{"excl_vat":12.5}`)}
	c := whatif.Charge{Start: instant(t, "2025-06-02T08:00:00Z"), Duration: time.Hour, EnergyKWh: kwh("15"), ParkingAfter: time.Hour}
	curve, err := whatif.Curve(&c, &by, 16)
	if err != nil {
		t.Fatal(err)
	}
	want := `
08:00:00 0 kWh 1.0000 = fixed 1.0000 energy 0.0000 parking 
08:14:00 3.5 kWh 2.0500 = fixed 1.0000 energy 1.0500 parking 
08:28:00 7 kWh 3.1000 = fixed 1.0000 energy 2.1000 parking 
08:40:00 10 kWh 4.0000 = fixed 1.0000 energy 3.0000 parking 
08:42:00 10.5 kWh 4.2500 = fixed 1.0000 energy 3.2500 parking 
08:56:00 14 kWh 6.0000 = fixed 1.0000 energy 5.0000 parking 
09:00:00 15 kWh 6.5000 = fixed 1.0000 energy 5.5000 parking 
09:10:00 15 kWh 7.5000 = fixed 1.0000 energy 5.5000 parking 1.0000
09:24:00 15 kWh 8.9000 = fixed 1.0000 energy 5.5000 parking 2.4000
09:30:00 15 kWh 9.5000 = fixed 1.0000 energy 5.5000 parking 3.0000
09:30:00 15 kWh 12.5000 = fixed 6.0000 energy 5.5000 parking 3.0000
09:38:00 15 kWh 12.5000 = fixed 6.0000 energy 5.5000 parking 3.8000
09:52:00 15 kWh 12.5000 = fixed 6.0000 energy 5.5000 parking 5.2000
10:00:00 15 kWh 12.5000 = fixed 6.0000 energy 5.5000 parking 6.0000
`
	var got strings.Builder
	got.WriteString("\n")
	for _, p := range curve {
		fmt.Fprintf(&got, "%s %s kWh %s = fixed %s energy %s parking %s\n", p.At.Go().Format("15:04:05"), p.KWh, p.Total.Excl, p.Fixed.Excl, p.Energy.Excl, p.Parking.Excl)
	}
	if diff := cmp.Diff(want, got.String()); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	// Instants that are asked for are there, those outside are not.
	asked := instant(t, "2025-06-02T08:20:10Z")
	if curve, err = whatif.Curve(&c, &by, 16, asked, c.Start-1, c.Start+ocpi.Time(3*ocpi.Hour)); err != nil || len(curve) > 16 {
		t.Fatal(err, len(curve))
	}
	if !slices.ContainsFunc(curve, func(p whatif.Point) bool { return p.At == asked }) || curve[0].At != c.Start {
		t.Errorf("%s is not in the curve", asked)
	}
}

// A step_size is drawn as steps: what is billed stands still and jumps.
func TestSteps(t *testing.T) {
	by := whatif.Terms{Tariff: prepare(t, `"elements":[
		{"price_components":[{"type":"TIME","price":4,"vat":0,"step_size":900},{"type":"ENERGY","price":0.30,"vat":0,"step_size":1}]},
		{"price_components":[{"type":"PARKING_TIME","price":6,"vat":0,"step_size":600}]}]`)}
	c := whatif.Charge{Start: instant(t, "2025-06-02T08:00:00Z"), Duration: 40 * time.Minute, EnergyKWh: kwh("8"), ParkingAfter: 15 * time.Minute}
	curve, err := whatif.Curve(&c, &by, 12)
	if err != nil {
		t.Fatal(err)
	}
	stepped, err := whatif.Steps(&c, &by, curve)
	if err != nil {
		t.Fatal(err)
	}
	const want = `
08:00:00 time 0.0000 parking 
08:00:01 time 1.0000 parking 
08:15:00 time 1.0000 parking 
08:15:01 time 2.0000 parking 
08:30:00 time 2.0000 parking 
08:30:01 time 3.0000 parking 
08:50:00 time 2.6667 parking 1.0000
08:50:01 time 2.6667 parking 2.0000
08:55:00 time 2.6667 parking 2.0000
`
	var got strings.Builder
	got.WriteString("\n")
	for i, p := range stepped {
		jumps := func(o whatif.Point) bool { return o.Time != p.Time || o.Parking != p.Parking }
		if i == 0 || i == len(stepped)-1 || p.At != instant(t, "2025-06-02T08:40:00Z") && p.At != instant(t, "2025-06-02T08:40:01Z") &&
			(jumps(stepped[i-1]) || jumps(stepped[i+1])) {
			fmt.Fprintf(&got, "%s time %s parking %s\n", p.At.Go().Format("15:04:05"), p.Time.Excl, p.Parking.Excl)
		}
	}
	if diff := cmp.Diff(want, got.String()); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	for i := range curve {
		if !slices.ContainsFunc(stepped, func(p whatif.Point) bool { return p == curve[i] }) {
			t.Errorf("%s is no longer in the curve", curve[i].At)
		}
	}
}

// A Session under way costs what its periods cost until it was last updated.
func TestOfSession(t *testing.T) {
	s := ocpi.Session{
		Version: ocpi.V221, CountryCode: "DE", PartyID: "ALL", ID: "S1", Currency: "EUR", Status: "ACTIVE",
		Start: instant(t, "2025-06-02T08:00:00Z"), LastUpdated: instant(t, "2025-06-02T08:45:00Z"), KWh: kwh("12"),
		Periods: []ocpi.ChargingPeriod{
			{Start: instant(t, "2025-06-02T08:00:00Z"), TariffID: "t1", Dimensions: []ocpi.Volume{{Dimension: ocpi.DimEnergy, Volume: kwh("10")}, {Dimension: ocpi.DimTime, Volume: kwh("0.5")}}},
			{Start: instant(t, "2025-06-02T08:30:00Z"), TariffID: "T1", Dimensions: []ocpi.Volume{{Dimension: ocpi.DimEnergy, Volume: kwh("2")}, {Dimension: ocpi.DimTime, Volume: kwh("0.25")}}},
		},
		TotalCost: ocpi.Price{Excl: kwh("5.00")},
	}
	p := whatif.OfSession(&s, []*tariff.Prepared{prepare(t, tiers)}, nil, "", nil)
	// 1.00 + 10 kWh at 0.30 + 2 kWh at 0.50.
	if !p.Result.OK || p.Result.Total.Excl.String() != "5.0000" || p.Result.Claim != tariff.ClaimAgrees || p.CDR.End != s.LastUpdated {
		t.Errorf("%+v", p.Result)
	}
	s.Periods = s.Periods[:1]
	if p = whatif.OfSession(&s, nil, nil, "", nil); p.Result.Reason != tariff.ReasonUnknownTariff || p.Explanation.Reason != tariff.ReasonUnknownTariff {
		t.Errorf("without its tariff: %+v", p.Result)
	}
}

// drawTariff draws a tariff with restrictions of every kind that a charge
// can cross; without step_size unless stepped.
func drawTariff(t *rapid.T, stepped bool) *tariff.Prepared {
	pick := func(name string, of ...string) ocpi.Number { return kwh(rapid.SampledFrom(of).Draw(t, name)) }
	version := rapid.SampledFrom([]ocpi.Version{ocpi.V221, ocpi.V230}).Draw(t, "version")
	from := ocpi.Tariff{Version: version, ID: "T", Currency: "EUR", TaxIncluded: ocpi.TaxNo}
	for range rapid.IntRange(1, 6).Draw(t, "elements") {
		var e ocpi.TariffElement
		for range rapid.IntRange(1, 3).Draw(t, "components") {
			c := ocpi.PriceComponent{
				Type:  ocpi.Component(rapid.IntRange(int(ocpi.ComponentFlat), int(ocpi.ComponentParkingTime)).Draw(t, "type")),
				Price: pick("price", "0", "0.25", "0.3333", "1.20", "5"), VAT: pick("vat", "0", "19", "7.7"),
			}
			if stepped {
				c.StepSize = pick("step", "1", "60", "300", "1000")
			}
			e.Components = append(e.Components, c)
		}
		r := &e.Restrictions
		some := func() bool { return rapid.IntRange(0, 3).Draw(t, "some") == 0 }
		if some() {
			r.StartTime = ocpi.NewTimeOfDay(rapid.IntRange(0, 23).Draw(t, "from"), 0)
			r.EndTime = ocpi.NewTimeOfDay(rapid.IntRange(0, 23).Draw(t, "to"), 30)
		}
		if some() {
			r.DayOfWeek = ocpi.Weekdays(rapid.IntRange(1, 127).Draw(t, "weekdays"))
		}
		if some() {
			r.MinKWh = pick("min_kwh", "0", "1", "5.00001", "10")
		}
		if some() {
			r.MaxKWh = pick("max_kwh", "2.5", "5.00001", "20")
		}
		if some() {
			r.MinDuration = pick("min_duration", "0", "600", "3600")
		}
		if some() {
			r.MaxDuration = pick("max_duration", "1800", "7200", "90")
		}
		if some() {
			r.MinPower = pick("min_power", "3", "11")
		}
		if some() {
			r.Reservation = ocpi.ReservationRestriction(rapid.IntRange(1, 2).Draw(t, "reservation"))
		}
		from.Elements = append(from.Elements, e)
	}
	if rapid.Bool().Draw(t, "limited") {
		from.MinPrice, from.MaxPrice = ocpi.Price{Excl: kwh("1"), Incl: kwh("1.2")}, ocpi.Price{Excl: kwh("12"), Incl: kwh("14.4")}
	}
	p, err := tariff.Prepare(&from)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// drawCharge draws a charge around the days on which clocks change.
func drawCharge(t *rapid.T) whatif.Charge {
	second := func(name string, most int) time.Duration {
		return time.Duration(rapid.IntRange(0, most).Draw(t, name)) * time.Second
	}
	c := whatif.Charge{
		Start:    ocpi.TimeOf(time.Date(2025, time.Month(rapid.SampledFrom([]int{3, 10}).Draw(t, "month")), 25, 12, 0, 0, 0, time.UTC).Add(second("start", 100_000))),
		Duration: second("duration", 40_000), ParkingAfter: second("parking", 20_000),
	}
	if c.Duration > 0 {
		c.EnergyKWh = ocpi.NewNumber(rapid.Int64Range(0, 4_000_000).Draw(t, "energy"), 5)
	}
	if rapid.Bool().Draw(t, "reserved") {
		c.Reserved = second("reservation", 5_000)
	}
	return c
}

// The price of a charge is the price of its CDR, whose periods are split where
// the price changes, sum to what was asked for, and are in order.
func TestPriceIsThatOfItsCDR(t *testing.T) {
	amsterdam := zone(t, "Europe/Amsterdam")
	rapid.Check(t, func(t *rapid.T) {
		by := whatif.Terms{Tariff: drawTariff(t, true), Zone: amsterdam}
		c := drawCharge(t)
		p, err := whatif.Of(&c, &by)
		if err != nil {
			t.Fatal(err)
		}
		in := tariff.Input{CDR: p.CDR, Tariffs: []*tariff.Prepared{by.Tariff}, Zone: amsterdam, ReservationExpired: new(bool)}
		var out tariff.Result
		engine := tariff.NewEngine()
		engine.Price(&in, &out)
		if diff := cmp.Diff(out, p.Result, cmp.AllowUnexported(ocpi.Number{})); diff != "" {
			t.Fatalf("-CDR +what-if\n%s", diff)
		}
		for _, f := range engine.Audit(&in) {
			ofTariff := f.Code == "two_reservation_fees" || f.Code == "restriction_unverifiable" && (c.Duration == 0 || c.ParkingAfter+c.Reserved > 0)
			rounded := f.Code == "energy_above_power" // a tenth of a Wh more, in seconds
			if f.Severity != ocpi.Info && !ofTariff && !rounded {
				t.Fatalf("the CDR is not what a CPO should send: %s %s %s", f.Code, f.Path, f.Detail)
			}
		}
		energy, at := kwh("0").Decimal(), p.CDR.Start
		for _, period := range p.CDR.Periods {
			if period.Start < at || period.Start > p.CDR.End {
				t.Fatalf("periods out of order:\n%s", periods(p.CDR))
			}
			at = period.Start
			for _, d := range period.Dimensions {
				if d.Volume.Sign() < 0 {
					t.Fatalf("negative volume:\n%s", periods(p.CDR))
				}
				if d.Dimension == ocpi.DimEnergy {
					energy = energy.Add(d.Volume.Decimal())
				}
			}
		}
		if !energy.Equal(c.EnergyKWh.Decimal()) {
			t.Fatalf("%s kWh of %s:\n%s", energy, c.EnergyKWh, periods(p.CDR))
		}
	})
}

// The curve ends at the total, never falls where prices are not negative and
// nothing is rounded up, and goes forward in time within its bound.
func TestCurveClimbsToTheTotal(t *testing.T) {
	amsterdam := zone(t, "Europe/Amsterdam")
	rapid.Check(t, func(t *rapid.T) {
		by := whatif.Terms{Tariff: drawTariff(t, false), Zone: amsterdam}
		c := drawCharge(t)
		n := rapid.IntRange(2, 60).Draw(t, "points")
		curve, err := whatif.Curve(&c, &by, n)
		if err != nil {
			t.Fatal(err)
		}
		p, err := whatif.Of(&c, &by)
		if err != nil || !p.Result.OK {
			t.Fatalf("%v %+v", err, p.Result)
		}
		if len(curve) == 0 || len(curve) > n || curve[0].At != p.CDR.Start {
			t.Fatalf("%d points for %d", len(curve), n)
		}
		if last := curve[len(curve)-1]; last.Total != p.Result.Total || last.Energy != p.Result.Energy || last.At != p.CDR.End {
			t.Fatalf("ends at %+v, the total is %+v", last, p.Result.Total)
		}
		for i := 1; i < len(curve); i++ {
			a, b := &curve[i-1], &curve[i]
			if b.At < a.At || b.KWh.Cmp(a.KWh) < 0 {
				t.Fatalf("%s, %s kWh after %s, %s kWh", b.At, b.KWh, a.At, a.KWh)
			}
			if b.Total.Excl.Cmp(a.Total.Excl) < 0 || b.Total.Incl.Cmp(a.Total.Incl) < 0 {
				t.Fatalf("falls from %s (%s) to %s (%s)", a.Total.Excl, a.At, b.Total.Excl, b.At)
			}
		}
	})
}
