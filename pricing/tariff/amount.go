package tariff

import "github.com/roamclear/roamclear/ocpi"

// amount is a sum of cost lines over Engine.den.
type amount struct {
	excl, incl               int128
	present                  bool // at least one line
	exclUnknown, inclUnknown bool
}

// rateSum is the tax of all lines of one rate.
type rateSum struct {
	percentage ocpi.Number
	tax        int128
}

// unify brings the prices of all used tariffs over one denominator.
func (e *Engine) unify() {
	first := &e.tariffs[0]
	e.decimals, e.grossDivisor = first.decimals, first.grossDivisor
	if len(e.tariffs) == 1 {
		return
	}
	for i := range e.tariffs[1:] {
		t := &e.tariffs[i+1]
		e.decimals = max(e.decimals, t.decimals)
		part, _ := t.grossDivisor.div(gcd(e.grossDivisor, t.grossDivisor))
		e.grossDivisor = e.mul(e.grossDivisor, part)
	}
	if e.overflow {
		return
	}
	for i := range e.tariffs {
		t := &e.tariffs[i]
		part, _ := e.grossDivisor.div(t.grossDivisor)
		t.factor = e.mul(pow10[e.decimals-t.decimals], part)
	}
}

// denominator returns den / 10^scale, which is whole for scale up to 12.
func (e *Engine) denominator(scale uint8) int128 {
	if e.grossDivisor.hi == 0 && e.grossDivisor.lo == 1 {
		return pow10x36[12+e.decimals-int(scale)]
	}
	return e.mul(pow10x36[12+e.decimals-int(scale)], e.grossDivisor)
}

// amounts prices every tally (P-09): billed quantity × price, before and after
// tax, and sums the lines by what they are for.
func (e *Engine) amounts() *Unpriceable {
	one := int128Of(1)
	for i := range e.tariffs {
		t := &e.tariffs[i]
		for j := range t.components {
			y := &e.tallies[int(t.first)+j]
			if !y.used {
				continue
			}
			c := &t.components[j]
			n := y.quantity
			if !y.surplus.isZero() {
				n = e.add(n, y.surplus)
			}
			y.excl = e.mul(n, c.excl)
			y.incl = y.excl
			if c.incl != c.excl {
				y.incl = e.mul(n, c.incl)
			}
			if t.factor != one {
				y.excl, y.incl = e.mul(y.excl, t.factor), e.mul(y.incl, t.factor)
			}
			if e.profile.Round == RoundLineMinor {
				e.roundLine(y)
			}
			e.addLine(t, c, y, n)
			if len(e.rates) > MaxRates {
				return unpriceable(ReasonTooManyRates, "the CDR is charged at more than %d VAT rates", MaxRates)
			}
		}
	}
	return nil
}

// addLine adds a priced tally to its bucket, its tax to its rate.
func (e *Engine) addLine(t *used, c *component, y *tally, n int128) {
	e.lines++
	b := e.bucketOf(c)
	b.present = true
	b.excl = e.add(b.excl, y.excl)
	b.incl = e.add(b.incl, y.incl)
	if !n.isZero() {
		b.exclUnknown = b.exclUnknown || !c.exclKnown
		b.inclUnknown = b.inclUnknown || !c.inclKnown
		if !c.vat.IsSet() && t.tax == taxOnTop && c.price.Sign() != 0 {
			e.raise(noticeVATAbsent, -1)
		}
	}
	if t.tax == taxUnknown {
		b.inclUnknown = true
	}
	if c.rate >= 0 {
		r := e.rateOf(t, c.rate)
		r.tax = e.add(r.tax, e.sub(y.incl, y.excl))
	}
}

// rateOf returns the sum of a tariff's rate; rates of several tariffs meet by
// value, in order of appearance.
func (e *Engine) rateOf(t *used, rate int32) *rateSum {
	percentage := t.rates[rate]
	for i := range e.rates {
		if e.rates[i].percentage == percentage || e.rates[i].percentage.Cmp(percentage) == 0 {
			return &e.rates[i]
		}
	}
	e.rates = append(e.rates, rateSum{percentage: percentage})
	return &e.rates[len(e.rates)-1]
}

// roundLine rounds a line at the currency's minor unit; tax is what remains
// between the two.
func (e *Engine) roundLine(y *tally) {
	unit := e.denominator(e.minorUnit)
	y.excl = e.mul(e.roundDiv(y.excl, unit), unit)
	y.incl = e.mul(e.roundDiv(y.incl, unit), unit)
}
