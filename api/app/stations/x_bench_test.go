package stations_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/roamclear/roamclear/api/app/stations"
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
)

// BenchmarkSearch finds the next 20 of 20,000 Locations in a country the size of Great
// Britain's south: any, and those with a connector that one in a thousand has.
func BenchmarkSearch(b *testing.B) {
	random := rand.New(rand.NewPCG(10, 11))
	x := stations.New()
	for i := range 20_000 {
		status := "AVAILABLE"
		if random.IntN(1000) == 0 {
			status = "RESERVED"
		}
		body := fmt.Appendf(nil, `{"country_code":"GB","party_id":"DUN","id":"L%d","publish":true,"address":"High Street 1","city":"Dundee","country":"GBR","coordinates":{"latitude":"%.6f","longitude":"%.6f"},`+
			`"time_zone":"Europe/London","evses":[{"uid":"E1","status":%q,"connectors":[{"id":"1","standard":"IEC_62196_T2_COMBO","format":"CABLE","power_type":"DC","max_voltage":400,"max_amperage":500,"last_updated":"2025-01-01T00:00:00Z"}],`+
			`"last_updated":"2025-01-01T00:00:00Z"}],"last_updated":"2025-01-01T00:00:00Z"}`, i, 51+2*random.Float64(), -4+5*random.Float64(), status)
		x.Observe(&ingest.ObjectState{Object: ingest.ObjectLocation, Key: ocpi.NewKey("GB", "DUN", fmt.Sprintf("L%d", i)), Version: ocpi.V221, Body: body})
	}
	x.Whole()
	for name, filter := range map[string]stations.Filter{"any": {}, "one in a thousand": {Status: stations.Statuses.Of("RESERVED")}} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				q := stations.Query{Circle: &stations.Circle{Centre: stations.Point{Latitude: 51.5 + random.Float64(), Longitude: -2 + random.Float64()}, Metres: 100_000}, Plug: filter}
				hits, err := x.Search(&q, nil, 21)
				if err != nil || len(hits) == 0 {
					b.Fatalf("%d hits, %v", len(hits), err)
				}
			}
		})
	}
}
