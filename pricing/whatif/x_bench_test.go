package whatif_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing/tariff"
	"github.com/roamclear/roamclear/pricing/whatif"
)

func BenchmarkOf(b *testing.B) {
	by, c := benchmarkCase(b, dayAndNight, 2*time.Hour)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := whatif.Of(&c, &by); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCurve(b *testing.B) {
	by, c := benchmarkCase(b, dayAndNight, 2*time.Hour)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := whatif.Curve(&c, &by, 120); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkLargestCurve is the most work that one request can ask for: 20 days
// under a tariff with the most elements there may be, of which the last matches.
func BenchmarkLargestCurve(b *testing.B) {
	var elements strings.Builder
	elements.WriteString(`"elements":[`)
	for i := range tariff.MaxElements {
		if i > 0 {
			elements.WriteByte(',')
		}
		fmt.Fprintf(&elements, `{"price_components":[{"type":"ENERGY","price":0.1,"vat":20,"step_size":1},{"type":"TIME","price":0.1,"vat":20,"step_size":1}],"restrictions":{"start_time":"%02d:%02d","min_kwh":%d}}`, i%24, i/24%4*15, 20000-i)
	}
	elements.WriteString(`]`)
	by, c := benchmarkCase(b, elements.String(), 20*24*time.Hour)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := whatif.Curve(&c, &by, whatif.MaxCurve); err != nil {
			b.Fatal(err)
		}
	}
}

func benchmarkCase(b *testing.B, elements string, length time.Duration) (whatif.Terms, whatif.Charge) {
	from, err := new(ocpi.Decoder).TariffToPrice(ocpi.V221, []byte(`{"id":"T1","currency":"EUR","last_updated":"2025-01-01T00:00:00Z",`+elements+`}`))
	if err != nil {
		b.Fatal(err)
	}
	p, err := tariff.Prepare(from)
	if err != nil {
		b.Fatal(err)
	}
	c := whatif.Charge{Start: ocpi.TimeOf(time.Date(2025, 6, 2, 17, 0, 0, 0, time.UTC)), Duration: length, EnergyKWh: kwh("20")}
	return whatif.Terms{Tariff: p, Zone: tariff.UTC}, c
}
