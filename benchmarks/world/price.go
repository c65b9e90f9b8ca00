package world

import (
	"time"

	"github.com/shopspring/decimal"
)

// amount is money before and after tax, 4 decimals.
type amount struct{ excl, incl decimal.Decimal }

// quote is what a charge costs by its tariff: the totals of a right CDR.
type quote struct {
	total                        amount
	fixed, energy, time, parking *amount // nil where nothing of that kind is priced
}

// line is a quantity (Wh or seconds) at the price that was active.
type line struct {
	component *component
	quantity  int64
}

// price computes a quote exactly: numerators over one denominator, rounded
// once, half away from zero. The rules are those of OCPI 2.2.1-d2 mod_tariffs:
// FLAT once, energy rounded up once to the last step, of the time dimensions
// only parking if any is priced, else charging time; then the limits.
func (t *tariff) price(c *cpo, all []period) quote {
	var fixed, energies, times, parkings []line
	start := all[0].start
	for _, p := range all {
		local, elapsed := p.start.In(c.zone), p.start.Sub(start)
		if f := t.find(flat, local, elapsed); f != nil && fixed == nil {
			fixed = append(fixed, line{f, 1})
		}
		if e := t.find(energy, local, elapsed); e != nil && p.wattHours != 0 {
			energies = append(energies, line{e, p.wattHours})
		}
		seconds := int64(p.end.Sub(p.start) / time.Second)
		kind, lines := timed, &times
		if p.parked {
			kind, lines = parking, &parkings
		}
		if k := t.find(kind, local, elapsed); k != nil && seconds > 0 {
			*lines = append(*lines, line{k, seconds})
		}
	}
	roundUp(energies)
	if len(parkings) > 0 {
		roundUp(parkings)
	} else {
		roundUp(times)
	}

	var sum numerators
	q := quote{
		fixed:   sum.add(fixed, 3600*1000),
		energy:  sum.add(energies, 3600),
		time:    sum.add(times, 1000),
		parking: sum.add(parkings, 1000),
	}
	q.total = amount{
		clamp(sum.round().excl, t.min.excl, t.max.excl),
		clamp(sum.round().incl, t.min.incl, t.max.incl),
	}
	return q
}

// roundUp adds to the last line what the whole lacks to a multiple of the
// last step.
func roundUp(lines []line) {
	if len(lines) == 0 {
		return
	}
	last := &lines[len(lines)-1]
	step := last.component.step
	var total int64
	for _, l := range lines {
		total += l.quantity
	}
	if over := total % step; over > 0 {
		last.quantity += step - over
	} else if over < 0 { // up is towards zero
		last.quantity -= over
	}
}

// numerators of a sum of money: excl over 3,600,000, incl over 100 times that.
type numerators struct{ excl, incl decimal.Decimal }

// add adds lines whose quantities count scale/3,600,000 of a priced unit each
// and returns their own sum.
func (n *numerators) add(lines []line, scale int64) *amount {
	if len(lines) == 0 {
		return nil
	}
	var own numerators
	for _, l := range lines {
		x := must(l.component.price).Mul(decimal.NewFromInt(l.quantity)).Mul(decimal.NewFromInt(scale))
		factor := decimal.NewFromInt(100)
		if l.component.vat != "" {
			factor = factor.Add(must(l.component.vat))
		}
		own.excl = own.excl.Add(x)
		own.incl = own.incl.Add(x.Mul(factor))
	}
	n.excl, n.incl = n.excl.Add(own.excl), n.incl.Add(own.incl)
	a := own.round()
	return &a
}

func (n *numerators) round() amount {
	return amount{n.excl.DivRound(decimal.NewFromInt(3_600_000), 4), n.incl.DivRound(decimal.NewFromInt(360_000_000), 4)}
}

func clamp(x decimal.Decimal, low, high string) decimal.Decimal {
	if low != "" && x.LessThan(must(low)) {
		return must(low)
	}
	if high != "" && x.GreaterThan(must(high)) {
		return must(high)
	}
	return x
}

// body prints an amount; the tax is left out where the CPO states none.
func (a *amount) body(c *cpo) *priceBody {
	if a == nil {
		return nil
	}
	p := &priceBody{Excl: number(a.excl)}
	if c.taxed {
		p.Incl = number(a.incl)
	}
	return p
}
