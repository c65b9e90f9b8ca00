package tariff

import "github.com/roamclear/roamclear/ocpi"

// limit is a min_price or max_price over the tariff's denominator (mod_tariffs,
// Tariff.min_price; 2.3.0 PriceLimit).
type limit struct {
	exclSet, inclSet bool
	excl, incl       int128
	exclSent         ocpi.Number
	inclSent         ocpi.Number
}

func (l limit) same(o limit) bool {
	return l.exclSet == o.exclSet && l.inclSet == o.inclSet &&
		l.exclSent.Cmp(o.exclSent) == 0 && l.inclSent.Cmp(o.inclSent) == 0
}

func (p *Prepared) compileLimit(a *arith, price ocpi.Price) limit {
	scaled := func(n ocpi.Number) int128 {
		coef, scale := trimmed(n)
		return a.mul(a.mul(int128Of(coef), pow10x36[12+p.decimals-scale]), p.grossDivisor)
	}
	l := limit{exclSet: price.Excl.IsSet(), inclSet: price.Incl.IsSet(), exclSent: price.Excl, inclSent: price.Incl}
	if l.exclSet {
		l.excl = scaled(price.Excl)
	}
	if l.inclSet {
		l.incl = scaled(price.Incl)
	}
	return l
}

// final is the session's total after limits.
type final struct {
	excl, incl           ratio
	exclKnown, inclKnown bool
	limited              bool
	hits                 [4]bool // minimum before tax, after tax; maximum before tax, after tax
}

// applyLimits holds the total within min_price and max_price (P-10): before
// and after tax each on its own, after steps and after all dimensions. The
// minimum is for a Charging Session, so a reservation alone is not raised to
// it. Sub-totals are not touched.
func (e *Engine) applyLimits(total *amount) final {
	f := final{exclKnown: !total.exclUnknown, inclKnown: !total.inclUnknown}
	t := &e.tariffs[0]
	f.excl.num, f.incl.num = total.excl, total.incl
	if t.unlimited {
		return f
	}
	f.excl.den = e.den
	f.incl.den = f.excl.den
	if !e.onlyReservation && e.profile.Limit != LimitNoMin {
		e.applyLimit(&f, t, &t.minPrice, -1, 0)
	}
	if e.profile.Limit != LimitNoMax {
		e.applyLimit(&f, t, &t.maxPrice, 1, 2)
	}
	return f
}

// applyLimit applies one limit; side is the sign of a total beyond it.
func (e *Engine) applyLimit(f *final, t *used, l *limit, side, hit int) {
	if !l.exclSet && !l.inclSet {
		return
	}
	den := e.den
	bound := func(n int128) ratio { return ratio{num: e.mul(n, t.factor), den: den} }
	before := *f
	exclHit := l.exclSet && f.exclKnown && e.compare(f.excl, bound(l.excl)) == side
	inclHit := l.inclSet && f.inclKnown && e.compare(f.incl, bound(l.incl)) == side
	if e.profile.Limit == LimitProportional {
		inclHit = false
	}
	if exclHit {
		f.excl = bound(l.excl)
	}
	if inclHit {
		f.incl = bound(l.incl)
	}
	// A limit that states one side only moves the other in proportion.
	proportional := e.profile.Limit == LimitProportional
	if exclHit && f.inclKnown && (!l.inclSet || proportional) && e.profile.Limit != LimitGivenOnly {
		f.incl = e.scaled(before.incl, before.excl, f.excl)
		if !proportional {
			e.raise(noticeLimitWithoutTax, -1)
		}
	}
	if inclHit && f.exclKnown && !l.exclSet && e.profile.Limit != LimitGivenOnly {
		f.excl = e.scaled(before.excl, before.incl, f.incl)
		e.raise(noticeLimitWithoutTax, -1)
	}
	if exclHit || inclHit {
		f.limited = true
		f.hits[hit] = f.hits[hit] || exclHit
		f.hits[hit+1] = f.hits[hit+1] || inclHit
	}
}
