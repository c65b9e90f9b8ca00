package convert

import (
	"testing"

	"github.com/roamclear/roamclear/ocpi"
)

// BenchmarkConvert is what an entry of a list costs that is handed out in another
// version.
func BenchmarkConvert(b *testing.B) {
	for _, e := range examples(b) {
		if e.v != ocpi.V221 || e.name != "2.2.1 cdr_example.json" && e.name != "2.2.1 location_example.json" {
			continue
		}
		for _, to := range []ocpi.Version{ocpi.V211, ocpi.V230} {
			b.Run(e.name+" to "+to.String(), func(b *testing.B) {
				b.ReportAllocs()
				b.SetBytes(int64(len(e.raw)))
				for b.Loop() {
					if _, err := Convert(e.kind, e.v, to, e.raw, knowing); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
