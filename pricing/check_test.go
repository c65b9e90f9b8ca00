package pricing_test

import (
	"slices"
	"testing"

	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing"
)

// What its price would have for findings is known of a CDR before it is accepted.
func TestCheckBeforeACDRIsAccepted(t *testing.T) {
	c := pricing.NewChecker(gate{}, billed{}, policies{})
	good := records(cdr("a", "EXW", tariff, `{"excl_vat":5}`))[0]
	good.Received = ocpi.Time(1_600_000_000 * ocpi.Second)
	future := good
	future.Received = 1
	cheap := records(cdr("a", "EXW", tariff, `{"excl_vat":6}`))[0]
	cheap.Received = good.Received
	for code, tt := range map[string]struct {
		found bool
		of    pricing.Row
	}{
		"charge_in_the_future": {true, pricing.Row{Record: future}},
		"total_differs":        {true, pricing.Row{Record: cheap}},
		"":                     {false, pricing.Row{Record: good}},
	} {
		r := &tt.of.Record
		found, err := c.Check(t.Context(), &r.Envelope, r.Body)
		has := slices.ContainsFunc(found, func(f ocpi.Finding) bool {
			return f.Code == code || code == "" && (f.Code == "charge_in_the_future" || f.Code == "total_differs")
		})
		if err != nil || has != tt.found {
			t.Errorf("%q: %+v, %v", code, found, err)
		}
	}
}
