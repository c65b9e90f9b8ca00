package lint_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing/lint"
)

// BenchmarkTariff is what a pushed tariff costs to check.
func BenchmarkTariff(b *testing.B) {
	raw, err := os.ReadFile("../../ocpi/testdata/spec/2.2.1/tariff_4_complex.json")
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if r := lint.Tariff(raw, ocpi.V221); len(r.Findings) == 0 {
			b.Fatal("nothing found")
		}
	}
}

// BenchmarkHostile lints elements that overlap on every axis at once, which is
// where the work per element doubles and the bound ends it.
func BenchmarkHostile(b *testing.B) {
	var elements []string
	for i := range 100 {
		elements = append(elements, fmt.Sprintf(`{"price_components":[{"type":"ENERGY","price":1,"step_size":1},{"type":"TIME","price":1,"step_size":1},{"type":"PARKING_TIME","price":1,"step_size":1}],
"restrictions":{"start_time":"%02d:%02d","end_time":"%02d:%02d","min_kwh":%d,"max_kwh":%d,"min_duration":%d,"max_duration":%d,"min_power":%d,"max_power":%d,"min_current":%d,"max_current":%d,"day_of_week":["MONDAY"]}}`,
			i/60, i%60, (i+700)/60, (i+700)%60, i, i+200, i*60, i*60+9000, i, i+100, i, i+90))
	}
	body := []byte(`{"country_code":"DE","party_id":"ALL","id":"T","currency":"EUR","elements":[` + strings.Join(elements, ",") + `],"last_updated":"2019-01-01T00:00:00Z"}`)
	b.ReportAllocs()
	for b.Loop() {
		lint.Tariff(body, ocpi.V221)
	}
}
