package objects

import (
	"runtime"
	"testing"
)

// What a Token takes on the shelf, and what it costs to put it there and to read
// it.
func BenchmarkShelf(b *testing.B) {
	b.Run("pack", func(b *testing.B) {
		s := token(1)
		for b.Loop() {
			pack(s)
		}
	})
	b.Run("unpack", func(b *testing.B) {
		s := token(1)
		packed := pack(s)
		for b.Loop() {
			if _, err := unpack(s.Identity(), packed); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("200,000 tokens", func(b *testing.B) {
		for b.Loop() {
			const n = 200_000
			before := live()
			h := newShelf(1 << 40)
			for i := range n {
				s := token(i)
				h.put(s.Identity(), pack(s))
			}
			b.ReportMetric(float64(live()-before)/n, "B/token")
			b.ReportMetric(float64(h.bytes)/n, "counted-B/token")
		}
	})
}

// BenchmarkFilter is a million ids: what each takes.
func BenchmarkFilter(b *testing.B) {
	for b.Loop() {
		const n = 1_000_000
		before := live()
		f := newFilter()
		id := numbered("x", 0)
		for i := range n {
			id.Key.ID = string(rune('a'+i%26)) + string(rune(i/26))
			f.add(id)
		}
		b.ReportMetric(float64(live()-before)/n, "B/id")
		runtime.KeepAlive(f)
	}
}

// live is what the heap holds after a collection, in bytes.
func live() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
