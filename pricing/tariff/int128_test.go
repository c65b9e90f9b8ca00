package tariff

import (
	"math"
	"math/big"
	"math/rand/v2"
	"testing"

	"github.com/shopspring/decimal"

	"github.com/roamclear/roamclear/ocpi"
)

var largest = int128{math.MaxInt64, math.MaxUint64}

// randomInt128 prefers the edges: few bits, all bits, powers of ten.
func randomInt128(r random) int128 {
	var x int128
	switch r.IntN(5) {
	case 0:
		x = int128Of(r.Int64N(200) - 100)
	case 1:
		x = pow10[r.IntN(maxPow10+1)]
	case 2:
		x = int128{int64(r.Uint64() >> (1 + r.IntN(63))), r.Uint64()}
	case 3:
		x = int128{0, r.Uint64() >> r.IntN(64)}
	default:
		x = largest
	}
	if r.chance(50) {
		x = x.neg()
	}
	return x
}

// TestInt128AgainstBig compares every operation with math/big, at and beyond
// the bounds: what fits must be equal, what does not must be flagged.
func TestInt128AgainstBig(t *testing.T) {
	r := random{rand.New(rand.NewPCG(1, 2))}
	limit := largest.big()
	ops := envInt(t, "TARIFF_OPS", 500_000)
	for range ops {
		x, y := randomInt128(r), randomInt128(r)
		bx, by := x.big(), y.big()
		for _, op := range []struct {
			name string
			got  func(a *arith) int128
			want *big.Int
		}{
			{"+", func(a *arith) int128 { return a.add(x, y) }, new(big.Int).Add(bx, by)},
			{"-", func(a *arith) int128 { return a.sub(x, y) }, new(big.Int).Sub(bx, by)},
			{"*", func(a *arith) int128 { return a.mul(x, y) }, new(big.Int).Mul(bx, by)},
		} {
			var a arith
			got := op.got(&a)
			fits := op.want.CmpAbs(limit) <= 0
			if a.overflow == fits {
				t.Fatalf("%s %s %s: overflow %t, want %t", bx, op.name, by, a.overflow, !fits)
			}
			if fits && got.big().Cmp(op.want) != 0 {
				t.Fatalf("%s %s %s = %s, want %s", bx, op.name, by, got.big(), op.want)
			}
		}
		if x.cmp(y) != bx.Cmp(by) || x.less(y) != (bx.Cmp(by) < 0) || x.sign() != bx.Sign() {
			t.Fatalf("order of %s and %s", bx, by)
		}
		if y.sign() > 0 {
			q, rest := x.div(y)
			wq, wr := new(big.Int).QuoRem(bx, by, new(big.Int))
			if q.big().Cmp(wq) != 0 || rest.big().Cmp(wr) != 0 {
				t.Fatalf("%s / %s = %s rest %s, want %s rest %s", bx, by, q.big(), rest.big(), wq, wr)
			}
		}
		if g := gcd(x, y).big(); x.sign() != 0 && g.Cmp(new(big.Int).GCD(nil, nil, new(big.Int).Abs(bx), new(big.Int).Abs(by))) != 0 {
			t.Fatalf("gcd of %s and %s: %s", bx, by, g)
		}
	}
}

// TestRoundingAgainstDecimal compares rounding with shopspring, which rounds a
// half away from zero, or to the even neighbour.
func TestRoundingAgainstDecimal(t *testing.T) {
	r := random{rand.New(rand.NewPCG(3, 4))}
	for _, half := range []HalfRule{HalfUp, HalfEven} {
		e := &Engine{profile: &Profile{Half: half, Scale: 4}}
		for range envInt(t, "TARIFF_OPS", 500_000) / 4 {
			coef := int128Of(r.Int64())
			if r.chance(50) {
				coef = int128Of(r.Int64N(2000)*5 - 5000) // many halves
			}
			if r.chance(50) {
				coef = coef.neg()
			}
			scale := r.IntN(9)
			d := decimal.NewFromBigInt(coef.big(), int32(-4-scale))
			want := d.Round(4)
			if half == HalfEven {
				want = d.RoundBank(4)
			}
			got := e.roundDiv(coef, pow10[scale])
			if !decimal.NewFromBigInt(got.big(), -4).Equal(want) {
				t.Fatalf("%s rounds to %s, want %s", d, decimal.NewFromBigInt(got.big(), -4), want)
			}
		}
	}
}

// TestPico holds the conversion of every number that can be sent.
func TestPico(t *testing.T) {
	r := random{rand.New(rand.NewPCG(5, 6))}
	for range 100_000 {
		n := ocpi.NewNumber(r.Int64N(2*maxCoefficient+1)-maxCoefficient, uint8(r.IntN(13)))
		if got := decimal.NewFromBigInt(pico(n).big(), -12); !got.Equal(n.Decimal()) {
			t.Fatalf("%s became %s", n, got)
		}
		if back := number12(pico(n)); back.Cmp(n) != 0 {
			t.Fatalf("%s came back as %s", n, back)
		}
	}
}
