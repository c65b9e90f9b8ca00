package tariff

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/roamclear/roamclear/ocpi"
)

// dayAndNight is a morning in Amsterdam (UTC+2) that costs 7.1083 / 8.1025:
// start 0.50, 10.5 kWh at 0.20, 7.25 kWh at 0.30, 80 min at 1.00, 22 min of
// parking billed as 30 at 2.00.
const dayAndNight = `
zone: Europe/Amsterdam
tariff: inline id=T currency=EUR
element: FLAT 0.50 vat 20
element: ENERGY 0.30 vat 10 step 1 | start_time 07:00, end_time 19:00
element: ENERGY 0.20 vat 10 step 1
element: PARKING_TIME 2.00 vat 20 step 900 | min_duration 3600
element: TIME 1.00 vat 20 step 60
period: 2025-07-01T04:10:00Z ENERGY 10.5 TIME 0.8333
period: 2025-07-01T05:00:00Z ENERGY 7.25 TIME 0.5
period: 2025-07-01T05:30:00Z PARKING_TIME 0.3667
end: 2025-07-01T05:52:00Z`

const limited = `
tariff: inline id=T currency=EUR max=5.00/5.50 min=1.00/1.10
element: ENERGY 0.30 vat 10 step 1
end: 2025-07-01T05:00:00Z
`

const steps = `
tariff: inline id=T currency=EUR
element: ENERGY 1.00 step 1000
period: 2025-07-01T04:10:00Z ENERGY 1.5
period: 2025-07-01T04:20:00Z ENERGY 1.5
end: 2025-07-01T05:00:00Z`

const tenMinutes = `
tariff: inline id=T currency=EUR
element: TIME 6 step 60
period: 2025-07-01T04:10:00Z TIME 0.1667
end: 2025-07-01T04:20:00Z`

// dear has a price at which the rounding of 0.1667 h is cents.
const dear = `
tariff: inline id=T currency=EUR
period: 2025-07-01T04:10:00Z TIME 0.1667
end: 2025-07-01T04:20:00Z
element: TIME 2000 `

// rawTwice has 600.12 s and 200.16 s, which are 601 s and 201 s a period, or
// 801 s in all: 802 s, 445.56, only where each period is rounded.
const rawTwice = `
tariff: inline id=T currency=EUR
element: TIME 2000 step 1
period: 2025-07-01T04:10:00Z TIME 0.1667
period: 2025-07-01T04:20:00Z TIME 0.0556
end: 2025-07-01T04:23:20Z`

// TestReconcile claims what each mistake gives, worked out by hand, and
// expects it named: alone where nothing else gives the same total.
func TestReconcile(t *testing.T) {
	for _, c := range []struct {
		text, excl, incl string
		verdict          Verdict
		readings         string
	}{
		{dayAndNight, "7.11", "8.10", VerdictAgrees, ""},
		{dayAndNight, "1.00", "1.00", VerdictNoneFound, ""},
		{dayAndNight, "7.11", "7.11", VerdictFound, "vat_forgotten"},
		{dayAndNight, "8.10", "7.11", VerdictFound, "excl_incl_swapped"},
		{dayAndNight, "7.11", "9.25", VerdictFound, "vat_twice"},
		{dayAndNight, "8.10", "9.25", VerdictFound, "vat_twice"},
		{dayAndNight, "7.11", "8.53", VerdictFound, "vat_one_rate_for_all"},
		{dayAndNight, "6.25", "7.11", VerdictFound, "prices_taken_as_gross"},
		{dayAndNight, "6.84", "7.78", VerdictFound, "STEP_NONE"},
		{dayAndNight, "7.61", "8.70", VerdictFound, "start_fee_twice"},
		{dayAndNight, "6.61", "7.50", VerdictFound, "start_fee_missing"},
		{dayAndNight, "6.38", "7.31", VerdictSeveral, "zone_utc zone_without_dst zone_one_hour_west"},
		{dayAndNight, "6.475", "7.3425", VerdictFound, "parking_as_charging"},
		{dayAndNight, "6.11", "6.90", VerdictSeveral, "parking_not_charged duration_from_parking"},
		{dayAndNight, "2.83", "3.40", VerdictFound, "energy_not_charged"},
		{dayAndNight, "4277.83", "4705.90", VerdictFound, "energy_times_1000"},
		{limited + "period: 2025-07-01T04:10:00Z ENERGY 40", "12.00", "13.20", VerdictFound, "max_price_forgotten"},
		{limited + "period: 2025-07-01T04:10:00Z ENERGY 2", "0.60", "0.66", VerdictFound, "min_price_forgotten"},
		{steps, "4.00", "4.00", VerdictFound, "step_per_period"},
		{tenMinutes, "1.10", "1.10", VerdictFound, "HOURS_RAW"},
		{dear + "step 1", "333.40", "333.40", VerdictFound, "rounded_hours_billed_raw"},
		{dear + "step 1", "333.89", "333.89", VerdictFound, "HOURS_RAW"}, // 601 s
		{rawTwice, "445.56", "445.56", VerdictFound, "rounded_hours_billed_raw"},
	} {
		t.Run(c.excl+"/"+c.incl, func(t *testing.T) {
			v := parseVector(t, c.text)
			got := NewEngine().Reconcile(&v.in, ocpi.Price{Excl: number(c.excl), Incl: number(c.incl)})
			var codes []string
			for _, r := range got.Readings {
				codes = append(codes, r.Code)
			}
			if got.Verdict != c.verdict || strings.Join(codes, " ") != c.readings {
				t.Errorf("verdict %s, readings %q; want %s, %q", got.Verdict, codes, c.verdict, c.readings)
			}
		})
	}
}

// Another version of the tariff explains the total.
func TestReconcileTariffVersion(t *testing.T) {
	v := parseVector(t, steps)
	older := inlineTariff(t, ocpi.V221, "id=T currency=EUR")
	older.Elements = []ocpi.TariffElement{inlineElement(t, "ENERGY 0.90 step 1000")}
	p, err := Prepare(&older)
	if err != nil {
		t.Fatal(err)
	}
	v.in.Tariffs = []*Prepared{p}
	got := NewEngine().Reconcile(&v.in, ocpi.Price{Excl: number("2.70")})
	if got.Verdict != VerdictFound || got.Readings[0].Code != "tariff_of_another_version" {
		t.Errorf("got %+v", got)
	}
}

// Others explain the total by their last_updated, each in the place of its own
// tariff, and never bear on the price.
func TestReconcileOtherVersions(t *testing.T) {
	version := func(id, updated, price string) *Prepared {
		o := inlineTariff(t, ocpi.V221, "id="+id+" currency=EUR")
		o.Elements, o.LastUpdated = []ocpi.TariffElement{inlineElement(t, "ENERGY "+price+" step 1000")}, instant(t, updated)
		p, err := Prepare(&o)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	june, may := version("T", "2025-06-01T00:00:00Z", "0.90"), version("T", "2025-05-01T00:00:00Z", "0.80")
	for name, c := range map[string]struct {
		others   []*Prepared
		excl     string
		verdict  Verdict
		readings []string
	}{
		"by date":            {[]*Prepared{june, may}, "2.40", VerdictFound, []string{"2025-05-01T00:00:00Z"}},
		"equal in price":     {[]*Prepared{june, version("T", "2025-04-01T00:00:00Z", "0.90")}, "2.70", VerdictSeveral, []string{"2025-06-01T00:00:00Z", "2025-04-01T00:00:00Z"}},
		"of a stranger":      {[]*Prepared{version("U", "2025-05-01T00:00:00Z", "0.8123")}, "2.44", VerdictNoneFound, nil},
		"we price as before": {[]*Prepared{june}, "3.00", VerdictAgrees, nil},
	} {
		t.Run(name, func(t *testing.T) {
			v := parseVector(t, steps)
			for i := range v.in.CDR.Periods {
				v.in.CDR.Periods[i].TariffID = "T"
			}
			v.in.Others = c.others
			got := NewEngine().Reconcile(&v.in, ocpi.Price{Excl: number(c.excl)})
			if got.Verdict != c.verdict || len(got.Readings) != len(c.readings) {
				t.Fatalf("got %+v", got)
			}
			for i, updated := range c.readings {
				if r := got.Readings[i]; r.Code != "tariff_of_another_version" || !strings.HasSuffix(r.Detail, "last updated "+updated) {
					t.Errorf("got %+v, want the version of %s", r, updated)
				}
			}
		})
	}
}

// The sub-totals say where a difference sits that no reading explains.
func TestReconcileDimensions(t *testing.T) {
	v := parseVector(t, dayAndNight)
	v.in.CDR.TotalEnergyCost = ocpi.Price{Excl: number("5.10"), Incl: number("5.61")}
	v.in.CDR.TotalFixedCost = ocpi.Price{Excl: number("0.50"), Incl: number("0.60")}
	got := NewEngine().Reconcile(&v.in, ocpi.Price{Excl: number("7.93"), Incl: number("9.01")})
	if got.Verdict != VerdictNoneFound || !slices.Equal(got.Dimensions, []string{"energy"}) {
		t.Errorf("got %+v", got)
	}
	if d := cmp.Diff("0.8217", got.Difference.Excl.String()); d != "" {
		t.Error(d)
	}
}

// Nothing to compare with, nothing to price.
func TestReconcileNotComparable(t *testing.T) {
	v := parseVector(t, steps)
	if got := NewEngine().Reconcile(&v.in, ocpi.Price{}); got.Verdict != VerdictNotComparable {
		t.Errorf("no claim: %+v", got)
	}
	v.in.CDR.Tariffs = nil
	if got := NewEngine().Reconcile(&v.in, ocpi.Price{Excl: number("1")}); got.Verdict != VerdictNotComparable {
		t.Errorf("no tariff: %+v", got)
	}
}

// Every profile says in words what it does, and no word is its own name.
func TestProfilesSayWhatTheyMean(t *testing.T) {
	seen := map[string]string{}
	for _, p := range Profiles() {
		if len(p.Means) < 20 || strings.Contains(p.Means, p.Name) || strings.HasSuffix(p.Means, ".") {
			t.Errorf("%s means %q", p.Name, p.Means)
		}
		if other := seen[p.Means]; other != "" {
			t.Errorf("%s and %s mean the same", p.Name, other)
		}
		seen[p.Means] = p.Name
	}
	v := parseVector(t, dayAndNight)
	got := NewEngine().Reconcile(&v.in, ocpi.Price{Excl: number("6.84"), Incl: number("7.78")})
	if got.Verdict != VerdictFound || !strings.Contains(got.Readings[0].Detail, "step_size was ignored") {
		t.Errorf("got %+v", got)
	}
}

// A reading explains its own price, and takes the elements that it means; one that is
// arithmetic on ours takes no others, and says so.
func TestExplainReading(t *testing.T) {
	for _, c := range []struct{ excl, incl, elements string }{
		{"6.38", "7.31", "0:1-1 2:1-2 3:3-3 4:1-2"},    // three readings: the night goes on to the end
		{"6.475", "7.3425", "0:1-1 1:2-2 2:1-1 4:1-3"}, // parking is charged as charging
		{"7.11", "7.11", ""},
		{"2.83", "3.40", ""},
	} {
		v := parseVector(t, dayAndNight)
		claimed := ocpi.Price{Excl: number(c.excl), Incl: number(c.incl)}
		for _, r := range NewEngine().Reconcile(&v.in, claimed).Readings {
			x, ok := NewEngine().ExplainReading(&v.in, claimed, r.Code, r.Detail)
			if ok != (c.elements != "") {
				t.Errorf("%s: explained: %t", r.Code, ok)
			}
			if !ok {
				continue
			}
			var parts []string
			for _, l := range x.Lines {
				for _, s := range l.Segments {
					parts = append(parts, fmt.Sprintf("%d:%d-%d", l.Element, s.First+1, s.Last+1))
				}
			}
			if got := strings.Join(parts, " "); got != c.elements || x.Total != r.Total {
				t.Errorf("%s: %q, total %v; want %q, %v", r.Code, got, x.Total, c.elements, r.Total)
			}
		}
	}
	v := parseVector(t, dayAndNight)
	if _, ok := NewEngine().ExplainReading(&v.in, ocpi.Price{Excl: number("6.38")}, "zone_utc", "another sentence"); ok {
		t.Error("a reading that was not found is explained")
	}
}
