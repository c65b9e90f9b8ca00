package world

import (
	"cmp"
	"slices"
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

// billing is how a charge is billed. The zero value is right; each member that
// is set is a mistake that partners make.
type billing struct {
	zone       *time.Location // in which local times are read; nil: the Location's
	flats      int            // how often FLAT is charged, beyond once
	exact      bool           // step_size is ignored
	eachPeriod bool           // step_size is applied to every charging period
	noParking  bool           // parking is left out
	noMin      bool           // min_price is not applied
	noMax      bool           // max_price is not applied
	tax        taxing
}

// taxing says what becomes of tax.
type taxing uint8

const (
	taxAdded    taxing = iota
	taxLeftOut         // the amount after tax is the one before it
	taxTwice           // added, and added again
	taxIncluded        // the tariff's prices are taken for prices after tax
)

// price is what a charge costs.
func (t *tariff) price(c *cpo, all []period) quote { return t.bill(c, all, &billing{}) }

// bill computes a quote exactly: numerators over one denominator, rounded
// once, half away from zero. The rules are those of OCPI 2.2.1-d2 mod_tariffs:
// FLAT once, energy rounded up once to the last step, of the time dimensions
// only parking if any is priced, else charging time; then the limits.
func (t *tariff) bill(c *cpo, all []period, b *billing) quote {
	var fixed, energies, times, parkings []line
	start, zone := all[0].start, cmp.Or(b.zone, c.zone)
	for _, p := range all {
		local, elapsed := p.start.In(zone), p.start.Sub(start)
		if f := t.find(flat, local, elapsed); f != nil && fixed == nil {
			fixed = slices.Repeat([]line{{f, 1}}, 1+b.flats)
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
	b.step(energies, times, parkings)
	if b.noParking {
		parkings = nil
	}
	sum := numerators{tax: b.tax}
	q := quote{
		fixed:   sum.add(fixed, 3600*1000),
		energy:  sum.add(energies, 3600),
		time:    sum.add(times, 1000),
		parking: sum.add(parkings, 1000),
	}
	low, high := t.min, t.max
	if b.noMin {
		low = limit{}
	}
	if b.noMax {
		high = limit{}
	}
	q.total = amount{clamp(sum.round().excl, low.excl, high.excl), clamp(sum.round().incl, low.incl, high.incl)}
	if b.tax == taxLeftOut {
		q.total.incl = q.total.excl
	}
	return q
}

// step rounds the quantities up to step_size.
func (b *billing) step(energies, times, parkings []line) {
	switch {
	case b.exact:
	case b.eachPeriod:
		for _, lines := range [][]line{energies, times, parkings} {
			for i := range lines {
				roundUp(lines[i : i+1])
			}
		}
	default:
		roundUp(energies)
		if len(parkings) > 0 {
			roundUp(parkings)
		} else {
			roundUp(times)
		}
	}
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
type numerators struct {
	excl, incl decimal.Decimal
	tax        taxing
}

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
		excl, incl := n.tax.of(x, factor)
		own.excl, own.incl = own.excl.Add(excl), own.incl.Add(incl)
	}
	n.excl, n.incl = n.excl.Add(own.excl), n.incl.Add(own.incl)
	a := own.round()
	return &a
}

// of is the part of a line in both numerators; factor is 100 and the VAT in percent.
func (t taxing) of(x, factor decimal.Decimal) (excl, incl decimal.Decimal) {
	hundred := decimal.NewFromInt(100)
	switch t {
	case taxLeftOut:
		return x, x.Mul(hundred)
	case taxTwice:
		return x, x.Mul(factor).Mul(factor).Div(hundred)
	case taxIncluded:
		return x.Mul(hundred).DivRound(factor, 20), x.Mul(hundred)
	}
	return x, x.Mul(factor)
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
