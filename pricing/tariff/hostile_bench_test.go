package tariff

import (
	"fmt"
	"testing"
)

// BenchmarkHostile measures the dearest CDRs that conform, of the body limit of
// today and of 1 MiB: what the worker does with one of them.
func BenchmarkHostile(b *testing.B) {
	for _, h := range hostiles {
		for _, size := range hostileSizes {
			in, _ := hostileInput(b, h, size)
			e, out := NewEngine(), &Result{}
			e.Price(in, out)
			for _, work := range []struct {
				name string
				do   func()
			}{
				{"prepare", func() {
					for i := range in.CDR.Tariffs {
						if _, err := Prepare(&in.CDR.Tariffs[i]); err != nil {
							b.Fatal(err)
						}
					}
				}},
				{"price", func() { e.Price(in, out) }},
				{"explain", func() { e.Explain(in, out).AppendJSON(nil) }},
				{"audit", func() { e.AuditPriced(in, out) }},
				{"reconcile", func() { e.Reconcile(in, in.CDR.TotalCost) }},
			} {
				if !out.OK && work.name != "price" && work.name != "prepare" {
					continue // refused: nothing else is done with it
				}
				b.Run(fmt.Sprintf("%s/%dKiB/%s", h.name, size>>10, work.name), func(b *testing.B) {
					e.Price(in, out)
					for b.Loop() {
						work.do()
					}
				})
			}
		}
	}
}
