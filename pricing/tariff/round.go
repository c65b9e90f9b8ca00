package tariff

import "github.com/roamclear/roamclear/ocpi"

// roundDiv divides and rounds to a whole number as the profile says (P-12:
// OCPI defines no rounding; its examples round a half away from zero). It is
// the one place where anything is rounded. d must be positive.
func (e *Engine) roundDiv(n, d int128) int128 {
	if n.hi == 0 && d.hi == 0 && int64(d.lo) > 0 { // ordinary money
		q := n.lo / d.lo
		if rest := n.lo - q*d.lo; rest > d.lo-rest || rest == d.lo-rest && (e.profile.Half == HalfUp || q&1 == 1) {
			q++
		}
		return int128{0, q}
	}
	q, r := n.div(d)
	rh, rl := r.abs()
	rest := int128{int64(rh), rl}
	up := rest.cmp(e.sub(d, rest)) // the fraction against a half
	if up > 0 || up == 0 && (e.profile.Half == HalfUp || q.lo&1 == 1) {
		one := int128Of(1)
		if n.sign() < 0 {
			one = one.neg()
		}
		q = e.add(q, one)
	}
	return q
}

// maxCoefficient bounds what an ocpi.Number holds: 18 digits.
const maxCoefficient = int64(999_999_999_999_999_999)

// number rounds an amount over Engine.den for the result.
func (e *Engine) number(n int128) ocpi.Number {
	return e.numberOf(e.roundDiv(n, e.unit))
}

// numberOf turns an integer of the rounding unit into a number with the
// profile's decimals.
func (e *Engine) numberOf(q int128) ocpi.Number {
	if e.scale > e.roundScale {
		q = e.mul(q, pow10[e.scale-e.roundScale])
	}
	coef, ok := q.int64()
	if !ok || coef > maxCoefficient || coef < -maxCoefficient {
		e.overflow = true
		return ocpi.Number{}
	}
	return ocpi.NewNumber(coef, e.scale)
}

// setRounding fixes the denominator of every amount and the unit that results
// are rounded to. Overflow here leaves nothing to divide by: ask before going on.
func (e *Engine) setRounding() {
	e.minorUnit = ocpi.MinorUnit(e.cdr.Currency)
	e.scale = min(e.profile.Scale, 12)
	e.roundScale = e.scale
	if e.profile.Round != RoundTotal {
		e.roundScale = min(e.roundScale, e.minorUnit)
	}
	e.den = e.denominator(0)
	e.unit = e.denominator(e.roundScale)
}
