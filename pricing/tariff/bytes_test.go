package tariff

import (
	"runtime"
	"testing"
)

// What a tariff says it takes is what the heap grows by.
func TestBytesOfPrepared(t *testing.T) {
	for seed := range uint64(6) {
		r := randomOf(seed)
		from := r.tariff(anyVersion(r), "A", "EUR")
		for range int(seed) * 20 {
			from.Elements = append(from.Elements, r.element(true))
		}
		const copies = 300
		kept := make([]*Prepared, copies)
		before := heap()
		claimed := 0
		for i := range kept {
			p, err := Prepare(&from)
			if err != nil {
				t.Fatal(err)
			}
			kept[i] = p
			claimed += p.Bytes()
		}
		grown := heap() - before
		runtime.KeepAlive(kept)
		if claimed < grown*85/100 || claimed > grown*125/100 {
			t.Errorf("%d elements: %d bytes each, the heap grew by %d", len(from.Elements), claimed/copies, grown/copies)
		}
	}
}

func heap() int {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}
