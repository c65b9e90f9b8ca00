package tariff

import (
	"slices"
	"testing"

	"github.com/roamclear/roamclear/ocpi"
)

// A tariff beside the CDR may have come in another version of OCPI: its prices
// and taxes are what its own version means, the volumes what the CDR's does.
func TestTariffOfAnotherVersion(t *testing.T) {
	const (
		plain  = "element: ENERGY 0.25"
		taxed  = "element: ENERGY 0.25 vat 20"
		ampere = "element: ENERGY 0.25 vat 20 | max_current 32\nelement: ENERGY 0.50 vat 20"
		fee    = "element: FLAT 1 vat 10"
	)
	for _, c := range []struct {
		name                  string
		of                    ocpi.Version
		header, elements, own string
		cdr                   ocpi.Version
		want                  string
		finding               string
	}{
		{"2.2.1 in 2.1.1", ocpi.V221, "", taxed, "", ocpi.V211, "5.0000 / 6.0000", ""},
		{"2.2.1 without vat in 2.1.1: none applies", ocpi.V221, "", plain, "", ocpi.V211, "5.0000 / 5.0000", "vat_absent"},
		{"2.3.0 with tax in 2.1.1", ocpi.V230, "tax=YES", "element: ENERGY 0.25 vat 25", "", ocpi.V211, "4.0000 / 5.0000", ""},
		{"2.1.1 in 2.2.1: the tax is not known", ocpi.V211, "", plain, "", ocpi.V221, "5.0000 / ", "rules_inferred_2_1_1"},
		{"2.1.1 in 2.3.0", ocpi.V211, "", plain, "", ocpi.V230, "5.0000 / ", "rules_inferred_2_1_1"},
		{"2.3.0 without vat in 2.2.1: the tax is not known", ocpi.V230, "tax=NO", plain, "", ocpi.V221, "5.0000 / ", ""},
		{"2.1.1 states currents of the session", ocpi.V221, "", ampere, "", ocpi.V211, "5.0000 / 6.0000", "restriction_unverifiable"},
		{"2.2.1 states currents of the period", ocpi.V221, "", ampere, "", ocpi.V221, "10.0000 / 12.0000", ""},
		{"2.1.1 tariffs keep what they say", ocpi.V211, "", ampere, "", ocpi.V211, "10.0000 / ", ""},
		{"2.1.1 beside the CDR's own", ocpi.V211, "", plain, fee, ocpi.V221, "6.0000 / ", ""},
		{"2.2.1 beside the CDR's own", ocpi.V221, "", taxed, fee, ocpi.V230, "6.0000 / 7.1000", ""},
		{"2.3.0 with tax beside the CDR's own", ocpi.V230, "tax=YES", taxed, fee, ocpi.V221, "mixed_taxes", ""},
	} {
		beside := parseVector(t, "version: "+c.of.String()+"\ntariff: inline id=T currency=EUR "+c.header+"\n"+c.elements)
		p, err := Prepare(&beside.in.CDR.Tariffs[0])
		if err != nil {
			t.Fatal(err)
		}
		text := "version: " + c.cdr.String()
		if c.own != "" {
			text += "\ntariff: inline id=OWN currency=EUR\n" + c.own + "\nperiod: 2025-07-01T04:00:00Z TIME 1 @OWN"
		}
		v := parseVector(t, text+"\nperiod: 2025-07-01T05:00:00Z ENERGY 20 MAX_CURRENT 63 @T\nend: 2025-07-01T06:00:00Z")
		v.in.Tariffs = []*Prepared{p}
		var out Result
		NewEngine().Price(&v.in, &out)
		got := out.Total.Excl.String() + " / " + out.Total.Incl.String()
		if !out.OK {
			got = out.Reason
		}
		if got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
		if c.finding != "" && !slices.ContainsFunc(out.Findings, func(f ocpi.Finding) bool { return f.Code == c.finding }) {
			t.Errorf("%s: no finding %s among %v", c.name, c.finding, out.Findings)
		}
		checkAny(t, &v.in)
	}
}
