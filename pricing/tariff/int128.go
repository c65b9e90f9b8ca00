package tariff

import (
	"math"
	"math/bits"
)

// int128 is a signed 128-bit integer in two's complement. -2^127 is not used:
// it counts as overflow, so that every value has a negative.
type int128 struct {
	hi int64
	lo uint64
}

// arith computes on int128 and remembers whether anything did not fit. The
// result of an operation that overflowed is meaningless; ask overflow once at
// the end instead of after every step.
type arith struct{ overflow bool }

func int128Of(x int64) int128 { return int128{hi: x >> 63, lo: uint64(x)} }

func (x int128) sign() int {
	if x.hi < 0 {
		return -1
	}
	if x.hi == 0 && x.lo == 0 {
		return 0
	}
	return 1
}

func (x int128) isZero() bool { return x.hi == 0 && x.lo == 0 }

// less reports x < y.
func (x int128) less(y int128) bool {
	return x.hi < y.hi || x.hi == y.hi && x.lo < y.lo
}

func (x int128) cmp(y int128) int {
	switch {
	case x == y:
		return 0
	case x.less(y):
		return -1
	}
	return 1
}

func (x int128) neg() int128 {
	lo, borrow := bits.Sub64(0, x.lo, 0)
	return int128{hi: -x.hi - int64(borrow), lo: lo}
}

// abs returns the magnitude as an unsigned pair.
func (x int128) abs() (hi, lo uint64) {
	if x.hi < 0 {
		x = x.neg()
	}
	return uint64(x.hi), x.lo
}

// int64 returns x when it fits.
func (x int128) int64() (int64, bool) {
	return int64(x.lo), x.hi == int64(x.lo)>>63
}

func (a *arith) add(x, y int128) int128 {
	lo, carry := bits.Add64(x.lo, y.lo, 0)
	hi := x.hi + y.hi + int64(carry)
	// Overflow flips the sign of two summands of the same sign.
	if (x.hi^hi)&(y.hi^hi) < 0 || hi == math.MinInt64 && lo == 0 {
		a.overflow = true
	}
	return int128{hi, lo}
}

func (a *arith) sub(x, y int128) int128 { return a.add(x, y.neg()) }

func (a *arith) mul(x, y int128) int128 {
	// Most factors fit 64 bits: one multiplication.
	if x.hi == 0 && y.hi == 0 {
		hi, lo := bits.Mul64(x.lo, y.lo)
		if hi>>63 != 0 {
			a.overflow = true
		}
		return int128{int64(hi), lo}
	}
	return a.mulSlow(x, y)
}

func (a *arith) mulSlow(x, y int128) int128 {
	negative := (x.hi < 0) != (y.hi < 0)
	xh, xl := x.abs()
	yh, yl := y.abs()
	if xh != 0 && yh != 0 {
		a.overflow = true
		return int128{}
	}
	hi, lo := bits.Mul64(xl, yl)
	crossHi, cross := bits.Mul64(xh, yl)
	crossHi2, cross2 := bits.Mul64(xl, yh)
	hi, carry := bits.Add64(hi, cross|cross2, 0) // one of the two is zero
	if crossHi != 0 || crossHi2 != 0 || carry != 0 || hi>>63 != 0 {
		a.overflow = true
		return int128{}
	}
	p := int128{int64(hi), lo}
	if negative {
		return p.neg()
	}
	return p
}

// div divides towards zero; d must be positive.
func (x int128) div(d int128) (q, r int128) {
	xh, xl := x.abs()
	qh, ql, rh, rl := divide(xh, xl, uint64(d.hi), d.lo)
	q, r = int128{int64(qh), ql}, int128{int64(rh), rl}
	if x.hi < 0 {
		return q.neg(), r.neg()
	}
	return q, r
}

// divide divides unsigned 128-bit integers; the divisor is not zero.
func divide(nh, nl, dh, dl uint64) (qh, ql, rh, rl uint64) {
	if dh == 0 {
		if nh == 0 {
			return 0, nl / dl, 0, nl % dl
		}
		qh = nh / dl
		ql, rl = bits.Div64(nh%dl, nl, dl)
		return qh, ql, 0, rl
	}
	// The divisor has more than 64 bits, so the quotient has fewer: estimate it
	// from the top 64 bits of the divisor; it is then at most one too large.
	shift := uint(bits.LeadingZeros64(dh))
	top := dh<<shift | dl>>(64-shift)
	ql, _ = bits.Div64(nh>>1, nh<<63|nl>>1, top)
	ql >>= 63 - shift
	if ql != 0 {
		ql--
	}
	ph, pl := bits.Mul64(ql, dl)
	ph += ql * dh
	rl, borrow := bits.Sub64(nl, pl, 0)
	rh, _ = bits.Sub64(nh, ph, borrow)
	if rh > dh || rh == dh && rl >= dl {
		ql++
		rl, borrow = bits.Sub64(rl, dl, 0)
		rh, _ = bits.Sub64(rh, dh, borrow)
	}
	return 0, ql, rh, rl
}

// gcd returns the greatest common divisor of two magnitudes, at least 1.
func gcd(x, y int128) int128 {
	if x.hi < 0 {
		x = x.neg()
	}
	if y.hi < 0 {
		y = y.neg()
	}
	for !y.isZero() {
		_, r := x.div(y)
		x, y = y, r
	}
	if x.isZero() {
		return int128Of(1)
	}
	return x
}

const maxPow10 = 38

// pow10 holds 10^0 to 10^38, pow10x36 the same times 36 as far as it fits.
var pow10, pow10x36 = powers()

func powers() (plain, x36 [maxPow10 + 1]int128) {
	var a arith
	plain[0] = int128Of(1)
	for i := 1; i <= maxPow10; i++ {
		plain[i] = a.mul(plain[i-1], int128Of(10))
	}
	for i := 0; i <= maxPow10-2; i++ {
		x36[i] = a.mul(plain[i], int128Of(36))
	}
	return plain, x36
}

var pow10i64 = [...]int64{
	1, 10, 100, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18,
}
