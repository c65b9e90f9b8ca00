package reference

import (
	"fmt"
	"runtime"
	"testing"

	"github.com/roamclear/roamclear/ocpi"
)

// BenchmarkPayers is what a contract takes in memory.
func BenchmarkPayers(b *testing.B) {
	for b.Loop() {
		const n = 500_000
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		p := newPayers()
		for i := range n {
			p.add(fmt.Sprintf("NL-EXW-C%09d-1", i), ocpi.Party{Country: "NL", ID: "EXW"}, int64(i), 0)
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/n, "B/contract")
		runtime.KeepAlive(p)
	}
}
