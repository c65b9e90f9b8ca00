package tariff

import "github.com/roamclear/roamclear/ocpi"

// What a CDR's totals are kept apart by (P-11; mod_cdrs, CDR total_*_cost).
const (
	bucketFixed = iota
	bucketEnergy
	bucketTime
	bucketParking
	bucketReservation
	bucketCount
)

// bucketOf returns the sub-total that a component belongs to. A FLAT stays a
// fixed cost even where its element also prices parking: nothing in OCPI tags a
// FLAT as a parking fee; an element of PARKING_TIME and FLAT alone does.
func (e *Engine) bucketOf(c *component) *amount { return &e.buckets[e.bucketIndex(c)] }

func (e *Engine) bucketIndex(c *component) int {
	switch {
	case c.reservation != ocpi.ReservationNone:
		return bucketReservation
	case c.kind == ocpi.ComponentEnergy:
		return bucketEnergy
	case c.kind == ocpi.ComponentTime:
		return bucketTime
	case c.kind == ocpi.ComponentParkingTime || c.parkingFee:
		return bucketParking
	}
	return bucketFixed
}

// sum adds the buckets up to the session's total before limits.
func (e *Engine) sum() amount {
	total := amount{inclUnknown: e.noTaxKnown()}
	for i := range e.buckets {
		b := &e.buckets[i]
		if !b.present {
			continue
		}
		total.excl = e.add(total.excl, b.excl)
		total.incl = e.add(total.incl, b.incl)
		total.exclUnknown = total.exclUnknown || b.exclUnknown
		total.inclUnknown = total.inclUnknown || b.inclUnknown
	}
	return total
}

// noTaxKnown reports whether no used tariff says anything of tax, so that the
// amount after tax is unknown even where nothing was charged.
func (e *Engine) noTaxKnown() bool {
	for i := range e.tariffs {
		if e.tariffs[i].tax != taxUnknown {
			return false
		}
	}
	return true
}

// fill rounds every total into the result.
func (e *Engine) fill(out *Result, total *amount, f *final) {
	out.Total = e.finalMoney(f)
	for i, to := range [bucketCount]*Money{&out.Fixed, &out.Energy, &out.Time, &out.Parking, &out.Reservation} {
		if b := &e.buckets[i]; b.present {
			*to = e.money(b)
		}
	}
	if f.exclKnown && f.inclKnown {
		e.fillTaxes(out, total, f)
	}
	out.Lines = e.lines
}

func (e *Engine) money(b *amount) (m Money) {
	if !b.exclUnknown {
		m.Excl = e.number(b.excl)
	}
	switch {
	case b.inclUnknown:
	case !b.exclUnknown && b.incl == b.excl:
		m.Incl = m.Excl
	default:
		m.Incl = e.number(b.incl)
	}
	return m
}

func (e *Engine) finalMoney(f *final) (m Money) {
	if f.exclKnown {
		m.Excl = e.ratioOrNumber(f.excl, f)
	}
	if f.inclKnown {
		m.Incl = e.ratioOrNumber(f.incl, f)
	}
	return m
}

func (e *Engine) ratioOrNumber(r ratio, f *final) ocpi.Number {
	if !f.limited {
		return e.number(r.num)
	}
	return e.ratioNumber(r)
}

// fillTaxes lists the tax of each rate. Where a limit moved the total, the
// taxes are scaled so that they still sum to what lies between its sides
// (2.3.0, Price: before_taxes and taxes).
func (e *Engine) fillTaxes(out *Result, total *amount, f *final) {
	if !f.limited {
		for i := range e.rates {
			r := &e.rates[i]
			out.Taxes = append(out.Taxes, Tax{taxName, r.percentage, e.number(r.tax)})
		}
		return
	}
	after := e.minus(f.incl, f.excl)
	before := ratio{num: e.sub(total.incl, total.excl), den: e.den}
	for i := range e.rates {
		r := &e.rates[i]
		share := ratio{num: r.tax, den: before.den}
		if !before.num.isZero() {
			share = e.scaled(share, before, after)
		}
		out.Taxes = append(out.Taxes, Tax{taxName, r.percentage, e.ratioNumber(share)})
	}
	if before.num.isZero() && !after.num.isZero() {
		out.Taxes = append(out.Taxes, Tax{taxName, ocpi.Number{}, e.ratioNumber(after)})
	}
}
