package lint_test

import (
	"os"
	"testing"

	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing/lint"
)

// BenchmarkTariff is what a pushed tariff costs to check.
func BenchmarkTariff(b *testing.B) {
	raw, err := os.ReadFile("../tariff/testdata/spec/2.2.1/tariff_4_complex.json")
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
