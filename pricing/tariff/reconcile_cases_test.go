package tariff

import (
	"fmt"
	"strings"
	"testing"

	"github.com/roamclear/roamclear/ocpi"
)

// caseInput prepares a CDR of testdata/cases as the worker would.
func caseInput(tb testing.TB, name string) *Input {
	tb.Helper()
	in := &Input{CDR: mustCDR(tb, ocpi.V221, "testdata/cases/"+name+".json"), Zone: mustZone(tb, "Europe/Amsterdam"), ZoneSource: "location"}
	for i := range in.CDR.Tariffs {
		p, err := Prepare(&in.CDR.Tariffs[i])
		if err != nil {
			tb.Fatal(err)
		}
		in.Embedded = append(in.Embedded, p)
	}
	return in
}

// caseNames are public bug reports, each with the cause that must be named.
var caseNames = []string{"two_kinds_left_out", "last_match_wins", "period_split_by_clock", "time_in_seconds"}

// What public bug reports say of wrong totals is named: the price, the code, the
// sentence and the figures. A neighbour that charges right agrees, and nothing is
// said of it.
func TestPublicCases(t *testing.T) {
	for name, c := range map[string]struct{ price, reading, finding string }{
		"two_kinds_left_out":    {"25.2000 / 30.2400", "fixed_and_time_not_charged: only the energy cost was charged: 22.5000 / 27.0000", ""},
		"last_match_wins":       {"12.9800 / 15.5760", "last_match_wins: of the elements that apply the last one was used instead of the first: 22.5800 / 27.0960", ""},
		"period_split_by_clock": {"5.5000 / 6.6000", "period_split_by_clock: a charging period inside which the price changes was split by the clock: 7.5000 / 9.0000", ""},
		"time_in_seconds": {"21600.0000 / 25920.0000", "time_in_seconds: the time volumes are seconds instead of hours: 6.0000 / 7.2000",
			"serious time_in_seconds: the period lasts 1 h, its time volumes sum to 3600 h: they are seconds, where hours are meant"},
	} {
		t.Run(name, func(t *testing.T) {
			in, e, out := caseInput(t, name), NewEngine(), &Result{}
			if e.Price(in, out); pair(out.Total) != c.price || out.Claim != ClaimDiffers {
				t.Errorf("price %s, claim %s; want %s, differs", pair(out.Total), out.Claim, c.price)
			}
			if c.finding != "" && !strings.Contains(findingsText(e.AuditPriced(in, out)), c.finding) {
				t.Errorf("want %q among\n%s", c.finding, findingsText(e.AuditPriced(in, out)))
			}
			got := e.Reconcile(in, in.CDR.TotalCost)
			if got.Verdict != VerdictFound || readingText(got.Readings[0]) != c.reading {
				t.Errorf("%s %+v, want %s", got.Verdict, got.Readings, c.reading)
			}
			clean := caseInput(t, name+"_clean")
			if findings := append(e.Audit(clean), clean.CDR.Findings...); len(findings) > 0 {
				t.Errorf("its neighbour has findings:\n%s", findingsText(findings))
			}
			if got := e.Reconcile(clean, clean.CDR.TotalCost); got.Verdict != VerdictAgrees {
				t.Errorf("its neighbour: %+v", got)
			}
		})
	}
}

func pair(m Money) string { return m.Excl.String() + " / " + m.Incl.String() }

func readingText(r Reading) string { return r.Code + ": " + r.Detail + ": " + pair(r.Total) }

func findingsText(findings []ocpi.Finding) string {
	var b strings.Builder
	for _, f := range findings {
		fmt.Fprintf(&b, "%s %s: %s\n", f.Severity, f.Code, f.Detail)
	}
	return b.String()
}

// hotel has a price for everything that a mistake can concern.
const hotel = `
tariff: inline id=T currency=EUR
element: FLAT 1.00 vat 20
element: ENERGY 0.52 vat 20 step 1
element: TIME 3.00 vat 20 step 1
period: 2025-07-01T04:00:00Z ENERGY 30 TIME 2
end: 2025-07-01T06:00:00Z`

const netHotel = "element: ENERGY 0.50 vat 20 step 1\nelement: PARKING_TIME 2 vat 20 step 1\nperiod: 2025-07-01T04:00:00Z "

// Readings of money that is not as the tariff has it.
func TestReconcileMoney(t *testing.T) {
	const single = "tariff: inline id=T currency=EUR\n"
	for _, c := range []struct {
		name, text, own string // own: sub-totals as the CDR states them
		excl, incl      string
		verdict         Verdict
		readings        string
	}{
		{"VAT amount twice", hotel, "", "22.60", "31.64", VerdictFound, "vat_amount_twice"},
		{"VAT amount twice, from the gross", hotel, "", "27.12", "31.64", VerdictFound, "vat_amount_twice"},
		{"VAT on VAT", hotel, "", "22.60", "32.54", VerdictFound, "vat_twice"},
		{"only the energy", hotel, "", "15.60", "18.72", VerdictFound, "fixed_and_time_not_charged"},
		{"only the time", hotel, "", "6.00", "7.20", VerdictFound, "fixed_and_energy_not_charged"},
		{"only the fee", hotel, "", "1.00", "1.20", VerdictFound, "energy_and_time_not_charged"},
		{"no time", hotel, "", "16.60", "19.92", VerdictFound, "time_not_charged"},
		{"nothing", hotel, "", "0.00", "0.00", VerdictFound, "nothing_charged"},
		{"energy at 0.55", hotel, "", "23.50", "28.20", VerdictFound, "another_unit_price"},
		{"time at 4.00", hotel, "", "24.60", "29.52", VerdictSeveral, "another_unit_price another_unit_price"}, // or the fee at 3.00
		{"energy at 0.5433: not round", hotel, "", "23.30", "27.96", VerdictNoneFound, ""},
		{"energy at 0.53", hotel, "", "22.90", "27.48", VerdictFound, "another_unit_price"},
		{"20 kWh at 0.53: one claim in seven by chance", strings.Replace(hotel, "ENERGY 30", "ENERGY 20", 1), "", "17.60", "21.12", VerdictNoneFound, ""},
		{"20 kWh at 0.53, as its sub-total says", strings.Replace(hotel, "ENERGY 30", "ENERGY 20", 1), "energy=10.60/12.72 time=6.00/7.20 fixed=1.00/1.20", "17.60", "21.12", VerdictFound, "another_unit_price"},
		{"time at 3.15, as its sub-total says", hotel, "energy=15.60/18.72 time=6.30/7.56 fixed=1.00/1.20", "22.90", "27.48", VerdictFound, "another_unit_price"},
		{"time at 3.13: not round enough", hotel, "energy=15.60/18.72 time=6.26/7.51 fixed=1.00/1.20", "22.86", "27.43", VerdictNoneFound, ""},
		{"two sub-totals differ", hotel, "energy=16.50/19.80 time=6.30/7.56 fixed=1.00/1.20", "23.80", "28.56", VerdictNoneFound, ""},
		{"no sum of its parts", hotel, "energy=15.60/18.72 time=6.00/7.20 fixed=1.00/1.20", "25.17", "30.20", VerdictFound, OwnSum},
		{"no sum of parts that are not ours", hotel, "energy=15.66/18.79 time=6.00/7.20 fixed=1.00/1.20", "25.17", "30.20", VerdictFound, OwnSum},
		{"no sum of its parts, far from a limit", strings.Replace(hotel, "currency=EUR", "currency=EUR max=50/60", 1), "energy=15.60/18.72 time=6.00/7.20 fixed=1.00/1.20", "25.17", "30.20", VerdictFound, OwnSum},
		{"a limit moves no parts", strings.Replace(hotel, "currency=EUR", "currency=EUR max=20/24", 1), "energy=15.60/18.72 time=6.00/7.20 fixed=1.00/1.20", "19.17", "23.00", VerdictNoneFound, ""},
		{"energy alone at 0.49", single + "element: ENERGY 0.45 vat 20 step 1\nperiod: 2025-07-01T04:00:00Z ENERGY 10\nend: 2025-07-01T06:00:00Z", "", "4.90", "5.88", VerdictFound, "another_unit_price"},
		{"1 kWh explains everything", single + "element: ENERGY 0.45 vat 20 step 1\nperiod: 2025-07-01T04:00:00Z ENERGY 1\nend: 2025-07-01T06:00:00Z", "", "0.49", "0.59", VerdictNoneFound, ""},
		{"a fee that only the CDR states", single + "element: ENERGY 0.50 vat 20 step 1\nperiod: 2025-07-01T04:00:00Z ENERGY 7.77\nend: 2025-07-01T06:00:00Z",
			"energy=3.885/4.662 fixed=0.35/0.42", "4.235", "5.082", VerdictStated, "stated_fee"},
		{"a discount that only the CDR states", single + "element: ENERGY 0.50 vat 20 step 1\nperiod: 2025-07-01T04:00:00Z ENERGY 7.77\nend: 2025-07-01T06:00:00Z",
			"energy=3.885/4.662 fixed=-0.35/-0.42", "3.535", "4.242", VerdictStated, "stated_discount"},
		{"energy split at 10 kWh", single + "element: ENERGY 0.30 vat 20 step 1 | max_kwh 10\nelement: ENERGY 0.45 vat 20 step 1\nperiod: 2025-07-01T04:00:00Z ENERGY 25\nend: 2025-07-01T06:00:00Z",
			"", "9.75", "11.70", VerdictFound, "period_split_by_energy"},
		{"energy split by the clock", "zone: Europe/Amsterdam\n" + single + "element: ENERGY 0.30 vat 20 step 1 | start_time 07:00, end_time 19:00\nelement: ENERGY 0.20 vat 20 step 1\nperiod: 2025-07-01T04:00:00Z ENERGY 24\nend: 2025-07-01T08:00:00Z",
			"", "6.60", "7.92", VerdictFound, "period_split_by_clock"},
		{"time in minutes", single + "element: TIME 6 vat 20 step 60\nperiod: 2025-07-01T04:00:00Z TIME 90\nend: 2025-07-01T05:30:00Z", "", "9.00", "10.80", VerdictFound, "time_in_minutes"},
		{"a price a minute", single + "element: TIME 0.10 vat 20 step 60\nperiod: 2025-07-01T04:00:00Z TIME 1.5\nend: 2025-07-01T05:30:00Z", "", "9.00", "10.80", VerdictFound, "time_per_minute"},
		{"imported energy", single + netHotel + "ENERGY_IMPORT 12\nend: 2025-07-01T06:00:00Z", "", "6.00", "7.20", VerdictFound, "energy_import_read"},
		{"imported instead of net energy", single + netHotel + "ENERGY 9 ENERGY_IMPORT 12\nend: 2025-07-01T06:00:00Z", "", "6.00", "7.20", VerdictFound, "energy_import_read"},
		{"imported besides energy", single + netHotel + "ENERGY 12 ENERGY_IMPORT 12\nend: 2025-07-01T06:00:00Z", "", "12.00", "14.40", VerdictFound, "energy_import_read"},
	} {
		t.Run(c.name, func(t *testing.T) {
			v := parseVector(t, c.text)
			v.in.CDR.TotalCost = ocpi.Price{Excl: number(c.excl), Incl: number(c.incl)}
			for own := range strings.FieldsSeq(c.own) {
				name, amounts, _ := strings.Cut(own, "=")
				excl, incl, _ := strings.Cut(amounts, "/")
				*map[string]*ocpi.Price{"energy": &v.in.CDR.TotalEnergyCost, "time": &v.in.CDR.TotalTimeCost, "fixed": &v.in.CDR.TotalFixedCost}[name] =
					ocpi.Price{Excl: number(excl), Incl: number(incl)}
			}
			got := NewEngine().Reconcile(&v.in, v.in.CDR.TotalCost)
			var codes []string
			for _, r := range got.Readings {
				codes = append(codes, r.Code)
				if r.Code != OwnSum && (apart(r.Total.Excl, c.excl) || apart(r.Total.Incl, c.incl)) {
					t.Errorf("%s gives %s, the claim is %s / %s", r.Code, pair(r.Total), c.excl, c.incl)
				}
			}
			if got.Verdict != c.verdict || strings.Join(codes, " ") != c.readings {
				t.Errorf("%s %+v, want %s, %q", got.Verdict, got.Readings, c.verdict, c.readings)
			}
		})
	}
}

// apart reports whether an amount is more than half a cent from a figure.
func apart(n ocpi.Number, figure string) bool {
	d := ratSub(ratNumber(n), ratNumber(number(figure)))
	return d.Abs(d).Cmp(ratNumber(number("0.005"))) > 0
}

// The sentence of another unit price names what, and both prices.
func TestUnitPriceSaysWhich(t *testing.T) {
	v := parseVector(t, hotel)
	got := NewEngine().Reconcile(&v.in, ocpi.Price{Excl: number("23.50"), Incl: number("28.20")})
	const want = "another_unit_price: the energy was charged at 0.55 instead of 0.52: 23.5000 / 28.2000"
	if len(got.Readings) != 1 || readingText(got.Readings[0]) != want {
		t.Errorf("%+v, want %s", got.Readings, want)
	}
}

// Of all totals that a partner could claim, one in ten at most is another unit
// price by chance, and the fewer the less the charge tells of its prices.
func TestAnotherPriceIsRareByChance(t *testing.T) {
	for _, text := range []string{hotel, dayAndNight, strings.Replace(hotel, "ENERGY 30 TIME 2", "ENERGY 3 TIME 0.25", 1),
		"tariff: inline id=T currency=EUR\nelement: ENERGY 0.45 vat 20 step 1\nperiod: 2025-07-01T04:00:00Z ENERGY 11.3\nend: 2025-07-01T06:00:00Z",
		"tariff: inline id=T currency=JPY\nelement: ENERGY 45 vat 20 step 1\nperiod: 2025-07-01T04:00:00Z ENERGY 11.3\nend: 2025-07-01T06:00:00Z"} {
		v := parseVector(t, text)
		e, out := NewEngine(), &Result{}
		e.Price(&v.in, out)
		minor := ocpi.MinorUnit(v.in.CDR.Currency)
		ours, _ := pico(out.Total.Excl).div(pow10[12-minor])
		all, met := int64(0), int64(0)
		for cents := ours.lo / 2; cents < 2*ours.lo; cents++ { // from half to twice ours
			all++
			got := e.Reconcile(&v.in, ocpi.Price{Excl: ocpi.NewNumber(int64(cents), minor)})
			if len(got.Readings) > 0 && got.Readings[0].Code == "another_unit_price" {
				met++
			}
		}
		if met*chanceOfPrice > all {
			t.Errorf("%d of %d totals are explained by another unit price:%s", met, all, text)
		}
	}
}
