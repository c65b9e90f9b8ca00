package ocpi

import (
	"testing"

	"pgregory.net/rapid"
)

func drawNumber(t *rapid.T, label string) Number {
	if rapid.IntRange(0, 9).Draw(t, label+" is small") > 2 {
		return NewNumber(rapid.Int64Range(-1000, 1000).Draw(t, label), uint8(rapid.IntRange(0, 4).Draw(t, label+" scale")))
	}
	return NewNumber(rapid.Int64Range(-maxCoef+1, maxCoef-1).Draw(t, label), uint8(rapid.IntRange(0, MaxNumberDecimals).Draw(t, label+" scale")))
}

// Products compare as they do with arbitrary digits, also where 128 bits do not hold them.
func TestCompareProductsAgainstDecimal(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var sides [2][]Number
		for i := range sides {
			for range rapid.IntRange(0, 3).Draw(t, "factors") {
				sides[i] = append(sides[i], drawNumber(t, "factor"))
			}
		}
		want := decimalProduct(sides[0]).Cmp(decimalProduct(sides[1]))
		if got := CompareProducts(sides[0], sides[1]); got != want {
			t.Fatalf("%v against %v: %d, want %d", sides[0], sides[1], got, want)
		}
		if a, b := drawNumber(t, "a"), drawNumber(t, "b"); a.Cmp(b) != a.Decimal().Cmp(b.Decimal()) {
			t.Fatalf("%v against %v: %d", a, b, a.Cmp(b))
		}
	})
}

func TestCompareAllocatesNothing(t *testing.T) {
	cost, limit, energy := MustNumber("7.31"), MustNumber("0.79"), MustNumber("9.2531")
	if n := testing.AllocsPerRun(100, func() {
		if CompareProducts([]Number{cost}, []Number{limit, energy}) != 1 || cost.Cmp(energy) != -1 {
			t.Error("7.31 is more than 0.79 × 9.2531, and less than 9.2531")
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// Sums are those of arbitrary digits, or out of bounds.
func TestAddAgainstDecimal(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := drawNumber(t, "a"), drawNumber(t, "b")
		exact := a.Decimal().Add(b.Decimal())
		sum, ok := a.Add(b)
		want, err := ParseNumber(exact.StringFixed(int32(max(a.Scale(), b.Scale()))))
		if ok != (err == nil) || ok && sum != want {
			t.Fatalf("%s + %s = %s, %v; want %s, %v", a, b, sum, ok, want, err)
		}
	})
}

func TestAddAllocatesNothing(t *testing.T) {
	a, b := MustNumber("7.31"), MustNumber("-7.3099")
	if n := testing.AllocsPerRun(100, func() {
		if sum, ok := a.Add(b); !ok || sum != MustNumber("0.0001") {
			t.Errorf("%s, %v", sum, ok)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
