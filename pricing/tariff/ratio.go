package tariff

import (
	"math/big"

	"github.com/roamclear/roamclear/ocpi"
)

// ratio is an amount over a denominator of its own: what a limit scaled in
// proportion. That multiplies amounts with each other, the one computation whose
// exact result can outgrow 128 bits for ordinary money; wide then holds it.
type ratio struct {
	num, den int128
	wide     *big.Rat
}

// narrow runs an int128 computation; false says that it did not fit, and the
// engine's overflow is as it was.
func (e *Engine) narrow(compute func(a *arith)) bool {
	var a arith
	compute(&a)
	return !a.overflow
}

// compare compares two amounts.
func (e *Engine) compare(x, y ratio) (order int) {
	if x.wide == nil && y.wide == nil {
		if x.den == y.den {
			return x.num.cmp(y.num)
		}
		if e.narrow(func(a *arith) { order = a.mul(x.num, y.den).cmp(a.mul(y.num, x.den)) }) {
			return order
		}
	}
	return x.rat().Cmp(y.rat())
}

// scaled returns x × to / from; where from is zero there is no proportion and
// the result is to.
func (e *Engine) scaled(x, from, to ratio) (r ratio) {
	if from.sign() == 0 {
		return to
	}
	if x.wide == nil && from.wide == nil && to.wide == nil &&
		e.narrow(func(a *arith) { r = a.times(a.times(x, to), from.inverse()) }) {
		return r
	}
	wide := new(big.Rat).Mul(x.rat(), to.rat())
	return ratio{wide: wide.Quo(wide, from.rat())}
}

// minus returns x - y.
func (e *Engine) minus(x, y ratio) (r ratio) {
	if x.wide == nil && y.wide == nil {
		if x.den == y.den {
			return ratio{num: e.sub(x.num, y.num), den: x.den}
		}
		if e.narrow(func(a *arith) { r = a.minus(x.reduced(), y.reduced()) }) {
			return r
		}
	}
	return ratio{wide: new(big.Rat).Sub(x.rat(), y.rat())}
}

// ratioNumber rounds the amount as round.go does.
func (e *Engine) ratioNumber(r ratio) ocpi.Number {
	if r.wide == nil {
		r = r.reduced()
		var q int128
		if e.narrow(func(a *arith) { q = e.roundDiv(a.mul(r.num, pow10[e.roundScale]), r.den) }) {
			return e.numberOf(q)
		}
	}
	scaled := new(big.Rat).Mul(r.rat(), new(big.Rat).SetInt(pow10[e.roundScale].big()))
	// Quotient and remainder suffice to round: compare the remainder with a half.
	q, rest := new(big.Int).QuoRem(scaled.Num(), scaled.Denom(), new(big.Int))
	half := rest.Abs(rest).Lsh(rest, 1).Cmp(scaled.Denom())
	if half > 0 || half == 0 && (e.profile.Half == HalfUp || q.Bit(0) == 1) {
		q.Add(q, big.NewInt(int64(scaled.Sign())))
	}
	if !q.IsInt64() {
		e.overflow = true
		return ocpi.Number{}
	}
	return e.numberOf(int128Of(q.Int64()))
}

func (r ratio) sign() int {
	if r.wide != nil {
		return r.wide.Sign()
	}
	return r.num.sign()
}

func (r ratio) rat() *big.Rat {
	if r.wide != nil {
		return r.wide
	}
	return new(big.Rat).SetFrac(r.num.big(), r.den.big())
}

// reduced returns r in lowest terms; the denominator stays positive.
func (r ratio) reduced() ratio {
	g := gcd(r.num, r.den)
	r.num, _ = r.num.div(g)
	r.den, _ = r.den.div(g)
	return r
}

func (r ratio) inverse() ratio {
	if r.num.sign() < 0 {
		return ratio{num: r.den.neg(), den: r.num.neg()}
	}
	return ratio{num: r.den, den: r.num}
}

// times multiplies, reducing crosswise first so that more fits.
func (a *arith) times(x, y ratio) ratio {
	x, y = ratio{num: x.num, den: y.den}.reduced(), ratio{num: y.num, den: x.den}.reduced()
	return ratio{num: a.mul(x.num, y.num), den: a.mul(x.den, y.den)}.reduced()
}

func (a *arith) minus(x, y ratio) ratio {
	g := gcd(x.den, y.den)
	xs, _ := y.den.div(g)
	ys, _ := x.den.div(g)
	return ratio{num: a.sub(a.mul(x.num, xs), a.mul(y.num, ys)), den: a.mul(x.den, xs)}
}

func (x int128) big() *big.Int {
	hi, lo := x.abs()
	b := new(big.Int).SetUint64(hi)
	b.Lsh(b, 64).Or(b, new(big.Int).SetUint64(lo))
	if x.hi < 0 {
		b.Neg(b)
	}
	return b
}
