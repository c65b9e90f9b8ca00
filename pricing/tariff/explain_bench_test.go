package tariff

import "testing"

func BenchmarkExplain(b *testing.B) {
	for _, name := range benchNames {
		b.Run(name, func(b *testing.B) {
			in, e, out := benchInput(b, name), NewEngine(), &Result{}
			e.Price(in, out)
			b.ReportAllocs()
			for b.Loop() {
				e.Explain(in, out)
			}
		})
	}
}

func BenchmarkExplainJSON(b *testing.B) {
	for _, name := range benchNames {
		b.Run(name, func(b *testing.B) {
			in, e, out := benchInput(b, name), NewEngine(), &Result{}
			e.Price(in, out)
			var buf []byte
			b.ReportAllocs()
			for b.Loop() {
				buf = e.Explain(in, out).AppendJSON(buf[:0])
			}
			b.ReportMetric(float64(len(buf)), "bytes")
		})
	}
}
