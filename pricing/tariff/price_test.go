package tariff

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/roamclear/roamclear/ocpi"
)

// TestNoPrice holds every reason for which there is no price.
func TestNoPrice(t *testing.T) {
	const periods = "\nperiod: 2025-07-01T04:10:00Z ENERGY 1 @T\nend: 2025-07-01T05:00:00Z"
	const one = "tariff: inline id=T currency=EUR\nelement: ENERGY 0.25"
	for _, c := range []struct {
		reason, text string
		breaks       func(in *Input)
	}{
		{ReasonUnknownTariff, strings.TrimPrefix(periods, "\n"), nil},
		{ReasonUnknownTariff, one + "\nperiod: 2025-07-01T04:10:00Z ENERGY 1 @U\nend: 2025-07-01T05:00:00Z", nil},
		{ReasonNoTimeZone, one + " | start_time 07:00" + periods, nil},
		{ReasonNoTimeZone, one + " | day_of_week Monday" + periods, nil},
		{ReasonNoTimeZone, one + " | end_date 2026-01-01" + periods, nil},
		{ReasonNoPeriods, one, nil},
		{ReasonNoStartTime, one + periods, func(in *Input) { in.CDR.Start = 0 }},
		{ReasonPeriodsOutOfOrder, one + periods + "\nperiod: 2025-07-01T04:00:00Z ENERGY 1", nil},
		{ReasonMixedCurrency, one + periods, func(in *Input) { in.CDR.Currency = "SEK" }},
		{ReasonMixedLimits, one + "\ntariff: inline id=U currency=EUR max=1\nelement: ENERGY 0.30" + periods + "\nperiod: 2025-07-01T04:20:00Z ENERGY 1 @U", nil},
		{ReasonUnknownDimension, one + periods, func(in *Input) { in.CDR.Periods[0].Dimensions[0].Dimension = ocpi.DimUnknown }},
		{ReasonOverflow, strings.Replace(one, "0.25", "999999999999999999", 1) + periods, func(in *Input) { in.CDR.Periods[0].Dimensions[0].Volume = number("999999999999999999") }},
		{ReasonTooManyPeriods, one + periods, func(in *Input) { in.CDR.Periods = make([]ocpi.ChargingPeriod, MaxPeriods+1) }},
		{ReasonTooManyTariffs, one + periods, func(in *Input) { in.CDR.Tariffs = make([]ocpi.Tariff, MaxTariffs+1) }},
		{"too_many_elements", one + periods, func(in *Input) { in.CDR.Tariffs[0].Elements = make([]ocpi.TariffElement, MaxElements+1) }},
		{"missing_price", one + periods, func(in *Input) { in.CDR.Tariffs[0].Elements[0].Components[0].Price = ocpi.Number{} }},
		{"unknown_dimension", one + periods, func(in *Input) { in.CDR.Tariffs[0].Elements[0].Components[0].Type = ocpi.ComponentUnknown }},
		{"unknown_restriction", one + periods, func(in *Input) { in.CDR.Tariffs[0].Elements[0].Restrictions.Reservation = ocpi.ReservationUnknown }},
		{"vat_out_of_range", one + " vat -100" + periods, nil},
		{ReasonNoValidTariff, one + "\n" + one + "\nperiod: 2025-07-01T04:10:00Z ENERGY 1", func(in *Input) {
			in.CDR.Tariffs[0].Start, in.CDR.Tariffs[1].Start = in.CDR.Start+1, in.CDR.Start+1
		}},
	} {
		t.Run(c.reason, func(t *testing.T) {
			v := parseVector(t, c.text)
			if c.breaks != nil {
				c.breaks(&v.in)
			}
			e, out := NewEngine(), &Result{}
			e.Price(&v.in, out)
			if out.OK || out.Reason != c.reason || out.Detail == "" {
				t.Fatalf("ok %t, reason %q (%s); want %q", out.OK, out.Reason, out.Detail, c.reason)
			}
			if out.Total != (Money{}) || out.Claim != ClaimAbsent {
				t.Errorf("a price beside the reason: %+v", out)
			}
			if x := e.Explain(&v.in, out); x.Reason != c.reason || len(x.Lines) > 0 {
				t.Errorf("explanation %+v", x)
			}
		})
	}
}

// TestChoice holds which tariff a period is priced with (P-01).
func TestChoice(t *testing.T) {
	const a = "tariff: inline id=A currency=EUR\nelement: ENERGY 1\n"
	const b = "tariff: inline id=B currency=EUR\nelement: ENERGY 10\n"
	const end = "end: 2025-07-01T05:00:00Z"
	for _, c := range []struct {
		name, text, total, finding string
		change                     func(in *Input)
	}{
		{"named", a + b + "period: 2025-07-01T04:00:00Z ENERGY 1 @A\nperiod: 2025-07-01T04:10:00Z ENERGY 1 @b\n" + end, "11", "", nil},
		{"one without a name", a + "period: 2025-07-01T04:00:00Z ENERGY 2\n" + end, "2", "", nil},
		{"some without a name", a + "period: 2025-07-01T04:00:00Z ENERGY 1 @A\nperiod: 2025-07-01T04:10:00Z ENERGY 1\n" + end, "1", "period_without_tariff", nil},
		{"two without names", a + b + "period: 2025-07-01T04:00:00Z ENERGY 1\n" + end, "1", "ambiguous_tariff", nil},
		{"the valid one", a + b + "period: 2025-07-01T04:00:00Z ENERGY 1\n" + end, "10", "", func(in *Input) { in.CDR.Tariffs[0].End = in.CDR.Start }},
		{"two versions", a + strings.Replace(b, "id=B", "id=A", 1) + "period: 2025-07-01T04:00:00Z ENERGY 1 @A\n" + end, "10", "", func(in *Input) { in.CDR.Tariffs[0].End = in.CDR.Start }},
		{"from outside", "period: 2025-07-01T04:00:00Z ENERGY 1 @A\n" + end, "1", "", func(in *Input) { outside(t, in, a) }},
		{"embedded before outside", b + "period: 2025-07-01T04:00:00Z ENERGY 1\n" + end, "10", "", func(in *Input) { outside(t, in, a) }},
		{"named and only outside", b + "period: 2025-07-01T04:00:00Z ENERGY 1 @A\n" + end, "1", "", func(in *Input) { outside(t, in, a) }},
		{"expired but named", a + "period: 2025-07-01T04:00:00Z ENERGY 1 @A\n" + end, "1", "tariff_not_valid", func(in *Input) { in.CDR.Tariffs[0].End = in.CDR.Start }},
	} {
		t.Run(c.name, func(t *testing.T) {
			v := parseVector(t, c.text)
			if c.change != nil {
				c.change(&v.in)
			}
			var out Result
			NewEngine().Price(&v.in, &out)
			if !out.OK || out.Total.Excl.Cmp(number(c.total)) != 0 {
				t.Fatalf("%s %s: total %s, want %s", out.Reason, out.Detail, out.Total.Excl, c.total)
			}
			has := func(code string) bool {
				return slices.ContainsFunc(out.Findings, func(f ocpi.Finding) bool { return f.Code == code })
			}
			if c.finding != "" && !has(c.finding) {
				t.Errorf("findings %+v, want %s", out.Findings, c.finding)
			}
			for _, code := range []string{"period_without_tariff", "ambiguous_tariff", "tariff_not_valid"} {
				if code != c.finding && has(code) {
					t.Errorf("finding %s", code)
				}
			}
		})
	}
}

func outside(t *testing.T, in *Input, text string) {
	t.Helper()
	p, err := Prepare(&parseVector(t, text).in.CDR.Tariffs[0])
	if err != nil {
		t.Fatal(err)
	}
	in.Tariffs = append(in.Tariffs, p)
}

// TestClaim holds the tolerance of P-12: half a minor unit a line, at least
// one unit of the least printed decimal, both totals.
func TestClaim(t *testing.T) {
	text := `
tariff: inline id=T currency=EUR
element: ENERGY 0.25 vat 10
period: 2025-07-01T04:00:00Z ENERGY 20
end: 2025-07-01T05:00:00Z`
	for _, c := range []struct {
		excl, incl string
		want       Claim
	}{
		{"5.00", "5.50", ClaimAgrees}, {"5", "5.5", ClaimAgrees}, {"5.01", "5.49", ClaimAgrees}, {"5.02", "5.50", ClaimDiffers},
		{"5.00", "5.52", ClaimDiffers}, {"5.0050", "5.5", ClaimAgrees}, {"5.0051", "5.5", ClaimDiffers},
		{"5.00", "", ClaimAgrees}, {"", "5.52", ClaimDiffers}, {"", "", ClaimAbsent}, {"5.5", "5.0", ClaimDiffers}, {"6", "6", ClaimDiffers},
	} {
		v := parseVector(t, text)
		v.in.CDR.TotalCost = inlinePrice(t, c.excl+"/"+c.incl)
		var out Result
		if NewEngine().Price(&v.in, &out); out.Claim != c.want {
			t.Errorf("claim %q / %q: %s, want %s", c.excl, c.incl, out.Claim, c.want)
		}
	}
}

// TestClaimOfManyLines: lines beyond the fifth bring no further tolerance.
func TestClaimOfManyLines(t *testing.T) {
	for _, c := range []struct {
		lines   int
		claimed string
		want    Claim
	}{
		{1, "1.01", ClaimAgrees}, {1, "1.011", ClaimDiffers}, {4, "4.02", ClaimAgrees}, {4, "4.021", ClaimDiffers},
		{5, "5.025", ClaimAgrees}, {5, "5.03", ClaimDiffers}, {6, "6.025", ClaimAgrees}, {6, "6.03", ClaimDiffers},
		{400, "400.03", ClaimDiffers}, {400, "402", ClaimDiffers}, {400, "399.975", ClaimAgrees},
	} {
		text := "tariff: inline id=T currency=EUR"
		for i := range c.lines {
			text += fmt.Sprintf("\nelement: ENERGY 1 vat 0 | min_duration %d, max_duration %d", i*60, i*60+60)
		}
		for i := range c.lines {
			text += fmt.Sprintf("\nperiod: 2025-07-01T%02d:%02d:00Z ENERGY 1", i/60, i%60)
		}
		v := parseVector(t, text+fmt.Sprintf("\nend: 2025-07-01T%02d:%02d:00Z", c.lines/60, c.lines%60))
		v.in.CDR.TotalCost.Excl = number(c.claimed)
		var out Result
		if NewEngine().Price(&v.in, &out); out.Lines != c.lines || out.Claim != c.want {
			t.Errorf("%d lines (want %d), claimed %s of %s: %s, want %s", out.Lines, c.lines, c.claimed, out.Total.Excl, out.Claim, c.want)
		}
	}
}

// TestExpectedCredit negates every amount, and keeps absent apart from none.
func TestExpectedCredit(t *testing.T) {
	got := ExpectedCredit(ocpi.Price{Excl: number("7.00"), Incl: number("7.90"), Taxes: []ocpi.TaxAmount{{Name: "VAT", Percentage: number("10"), Amount: number("0.90")}}})
	if got.Excl.String() != "-7.00" || got.Incl.String() != "-7.90" || got.Taxes[0].Amount.String() != "-0.90" || got.Taxes[0].Percentage.String() != "10" {
		t.Errorf("got %+v", got)
	}
	if got := ExpectedCredit(ocpi.Price{Excl: number("1")}); got.Incl.IsSet() || got.Taxes != nil {
		t.Errorf("got %+v", got)
	}
}

// TestNoAllocations holds the steady state of the bare price, on the bench
// CDRs and on every vector: limits, reservations, credits, all profiles.
func TestNoAllocations(t *testing.T) {
	inputs := map[string]*Input{}
	for _, name := range benchNames {
		inputs[name] = benchInput(t, name)
	}
	files, err := filepath.Glob("testdata/vectors/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		head, _, _ := strings.Cut(string(text), "\n---\n")
		in := &parseVector(t, head).in
		for i := range in.CDR.Tariffs {
			p, err := Prepare(&in.CDR.Tariffs[i])
			if err != nil {
				t.Fatal(err)
			}
			in.Embedded = append(in.Embedded, p)
		}
		inputs[file] = in
	}
	for name, in := range inputs {
		e, out := NewEngine(), &Result{}
		e.Price(in, out)
		if n := testing.AllocsPerRun(20, func() { e.Price(in, out) }); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

// TestEngineForgets holds that a price does not depend on what was priced
// before it.
func TestEngineForgets(t *testing.T) {
	shared := NewEngine()
	for seed := range 2_000 {
		r := randomOf(uint64(seed))
		in := &Input{CDR: r.cdr(anyVersion(r)), Zone: amsterdam, Profile: pick(r, Profiles()...)}
		var a, b Result
		shared.Price(in, &a)
		NewEngine().Price(in, &b)
		if a.Total != b.Total || a.Reason != b.Reason || a.Parking != b.Parking || !slices.Equal(a.Findings, b.Findings) || !slices.Equal(a.Taxes, b.Taxes) {
			t.Fatalf("seed %d: %+v, alone %+v", seed, a, b)
		}
	}
}
