package tariff

import (
	"strings"
	"testing"

	"github.com/roamclear/roamclear/ocpi"
)

// A tariff of 2.3.0 that gives no tax rate leaves one side of the total open. The
// taxes that the CDR states close it, marked, and confirm nothing: the verdict
// is that of the other side.
func TestTaxesAsStated(t *testing.T) {
	const (
		before = "version: 2.3.0\ntariff: inline id=T currency=EUR tax=NO\nelement: ENERGY 0.25\nperiod: 2025-07-01T04:00:00Z ENERGY 20\nend: 2025-07-01T06:00:00Z"
		gross  = "version: 2.3.0\ntariff: inline id=T currency=EUR tax=YES\nelement: ENERGY 0.30\nperiod: 2025-07-01T04:00:00Z ENERGY 20\nend: 2025-07-01T06:00:00Z"
		rated  = "version: 2.3.0\ntariff: inline id=T currency=EUR tax=NO\nelement: ENERGY 0.25 vat 20\nperiod: 2025-07-01T04:00:00Z ENERGY 20\nend: 2025-07-01T06:00:00Z"
		early  = "version: 2.1.1\ntariff: inline id=T currency=EUR\nelement: ENERGY 0.25\nperiod: 2025-07-01T04:00:00Z ENERGY 20\nend: 2025-07-01T06:00:00Z"
	)
	for _, c := range []struct {
		name, text, excl, incl string
		total                  string
		claim                  Claim
		stated                 bool
	}{
		{"agrees", before, "5", "6.05", "5.0000 / 6.0500", ClaimAgrees, true},
		{"differs before tax", before, "6", "7.26", "5.0000 / 6.2600", ClaimDiffers, true},
		{"states no tax", before, "5", "5", "5.0000 / 5.0000", ClaimAgrees, true},
		{"says nothing of tax", before, "5", "", "5.0000 / ", ClaimAgrees, false},
		{"prices with tax", gross, "5", "6", "5.0000 / 6.0000", ClaimAgrees, true},
		{"prices with tax, differs after tax", gross, "5", "6.50", "4.5000 / 6.0000", ClaimDiffers, true},
		{"a rate confirms or not", rated, "5", "6.05", "5.0000 / 6.0000", ClaimDiffers, false},
		{"2.1.1 knows no tax", early, "5", "6.05", "5.0000 / ", ClaimAgrees, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			v := parseVector(t, c.text)
			v.in.CDR.TotalCost.Excl = number(c.excl)
			if c.incl != "" {
				v.in.CDR.TotalCost.Incl = number(c.incl)
			}
			e, out := NewEngine(), &Result{}
			e.Price(&v.in, out)
			if got := pair(out.Total); got != c.total || out.Claim != c.claim || out.TaxesStated != c.stated {
				t.Errorf("%s, %s, stated %t; want %s, %s, %t", got, out.Claim, out.TaxesStated, c.total, c.claim, c.stated)
			}
			if marked := strings.Contains(findingsText(out.Findings), "info taxes_as_stated"); marked != c.stated {
				t.Errorf("findings:\n%s", findingsText(out.Findings))
			}
			x := e.Explain(&v.in, out)
			checkSum(t, x)
			checkRoundTrip(t, x)
			if x.TaxesStated != c.stated {
				t.Errorf("the explanation says stated: %t", x.TaxesStated)
			}
		})
	}
}

// Stated taxes explain no difference: only the side that the tariff gives is reconciled.
func TestStatedTaxesAreNoReading(t *testing.T) {
	v := parseVector(t, "version: 2.3.0\ntariff: inline id=T currency=EUR tax=NO\nelement: ENERGY 0.25\nelement: FLAT 1\nperiod: 2025-07-01T04:00:00Z ENERGY 20\nend: 2025-07-01T06:00:00Z")
	v.in.CDR.TotalCost = ocpi.Price{Excl: number("5"), Incl: number("6.05"), Taxes: []ocpi.TaxAmount{{Name: "VAT", Percentage: number("21"), Amount: number("1.05")}}}
	e, out := NewEngine(), &Result{}
	e.Price(&v.in, out)
	if len(out.Taxes) != 1 || out.Taxes[0] != (Tax{"VAT", number("21"), number("1.05")}) {
		t.Errorf("taxes %+v", out.Taxes)
	}
	if d := TotalDiffers(v.in.CDR, out).Detail; d != "the CDR claims 5 / 6.05, its tariff gives 6.0000 / unknown" {
		t.Error(d)
	}
	got := e.Reconcile(&v.in, v.in.CDR.TotalCost)
	if got.Verdict != VerdictFound || got.Readings[0].Code != "start_fee_missing" || got.Difference.Incl.IsSet() {
		t.Errorf("%+v", got)
	}
}
