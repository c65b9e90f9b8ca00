package tariff

import (
	"testing"

	"github.com/roamclear/roamclear/ocpi"
)

// benchInput prepares one of testdata/bench as the worker would: tariffs
// compiled, zone loaded.
func benchInput(tb testing.TB, name string) *Input {
	tb.Helper()
	cdr := mustCDR(tb, ocpi.V221, "testdata/bench/"+name+"_221.json")
	in := &Input{CDR: cdr, Zone: mustZone(tb, "Europe/Amsterdam"), ZoneSource: "location"}
	for i := range cdr.Tariffs {
		p, err := Prepare(&cdr.Tariffs[i])
		if err != nil {
			tb.Fatal(err)
		}
		in.Embedded = append(in.Embedded, p)
	}
	return in
}

var benchNames = []string{"complex10", "simple1"}

func BenchmarkPrice(b *testing.B) {
	for _, name := range benchNames {
		b.Run(name, func(b *testing.B) {
			in, e, out := benchInput(b, name), NewEngine(), &Result{}
			b.ReportAllocs()
			for b.Loop() {
				e.Price(in, out)
			}
			if !out.OK {
				b.Fatal(out.Reason)
			}
		})
	}
}

// BenchmarkReconcile is of a CDR whose claim no reading gives: the dearest there is.
func BenchmarkReconcile(b *testing.B) {
	for _, name := range benchNames {
		b.Run(name, func(b *testing.B) {
			in, e := benchInput(b, name), NewEngine()
			claimed := in.CDR.TotalCost
			claimed.Excl, _ = claimed.Excl.Add(number("1.237"))
			claimed.Incl, _ = claimed.Incl.Add(number("1.361"))
			var r Reconciliation
			b.ReportAllocs()
			for b.Loop() {
				r = e.Reconcile(in, claimed)
			}
			if r.Verdict != VerdictNoneFound {
				b.Fatal(r.Verdict)
			}
			b.ReportMetric(float64(r.Prices), "prices")
		})
	}
}

func BenchmarkPrepare(b *testing.B) {
	for _, name := range benchNames {
		b.Run(name, func(b *testing.B) {
			t := &benchInput(b, name).CDR.Tariffs[0]
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Prepare(t); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
