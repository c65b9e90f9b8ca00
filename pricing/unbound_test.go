package pricing_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing"
)

// What a policy refuses is found however much else is: of that the outcome that is
// stored lists so much as fits.
func TestCheckFindsAllThereIs(t *testing.T) {
	r := records(cdr("a", "EXW", tariff, `{"excl_vat":5}`))[0]
	r.Received = ocpi.Time(1_600_000_000 * ocpi.Second)
	body := string(r.Body)
	at, end := strings.Index(body, `{"start_date_time":"2019-01-05T10:00:00Z","dimensions"`), strings.Index(body, `],
"total_cost"`)
	var periods []string
	for i := range 300 {
		periods = append(periods, fmt.Sprintf(`{"start_date_time":"2019-01-05T10:%02d:%02dZ","dimensions":[{"type":"ENERGY","volume":"0.05"},{"type":"ENERGY","volume":0}],"tariff_id":"T1"}`, i/60, i%60))
	}
	r.Body = []byte(body[:at] + strings.Join(periods, ",") + body[end:])
	var row pricing.Row
	pricing.NewPricer(billed{}, policies{}).Price(&r, &row, pricing.AsOf{})
	found, err := pricing.NewChecker(gate{}, billed{}, policies{}).Check(t.Context(), &r.Envelope, r.Body)
	if err != nil || len(found) < len(row.Outcome.Findings) {
		t.Fatalf("%d findings before it is accepted, %d after, %v", len(found), len(row.Outcome.Findings), err)
	}
	if !slices.ContainsFunc(row.Outcome.Findings, func(f ocpi.Finding) bool { return f.Code == "findings_left_out" }) {
		t.Errorf("nothing is left out of %d findings: the CDR shows nothing", len(row.Outcome.Findings))
	}
	if slices.ContainsFunc(found, func(f ocpi.Finding) bool { return f.Code == "findings_left_out" }) {
		t.Error("some are left out before it is accepted")
	}
}
