package tariff

import (
	"github.com/roamclear/roamclear/ocpi"
)

// The second reading's money: P-09 taxes, P-10 limits, P-11 totals.

var hundred = ratInt(100)

// price returns a line's amount.
func (r *reader) price(l *readLine) readMoney {
	t, c := r.tariffs[l.tariff], r.componentOf(l)
	amount := ratMul(l.quantity, ratNumber(c.Price))
	if c.Type == ocpi.ComponentTime || c.Type == ocpi.ComponentParkingTime {
		amount = ratDiv(amount, ratInt(3600))
	}
	factor := ratAdd(ratInt(1), ratDiv(ratNumber(c.VAT), hundred))
	nothing := amount.Sign() == 0
	switch {
	case t.Version == ocpi.V211:
		return readMoney{amount, nil}
	case t.Version == ocpi.V230 && t.TaxIncluded == ocpi.TaxNotApplicable:
		return readMoney{amount, amount}
	case t.Version == ocpi.V230 && t.TaxIncluded == ocpi.TaxYes:
		if c.VAT.IsSet() {
			return readMoney{ratDiv(amount, factor), amount}
		}
		if nothing {
			return readMoney{amount, amount}
		}
		return readMoney{nil, amount}
	case c.VAT.IsSet():
		return readMoney{amount, ratMul(amount, factor)}
	case t.Version == ocpi.V230 && !nothing:
		return readMoney{amount, nil}
	}
	return readMoney{amount, amount}
}

func addMoney(to **readMoney, m readMoney) {
	if *to == nil {
		*to = &readMoney{ratInt(0), ratInt(0)}
	}
	if m.excl == nil || (*to).excl == nil {
		(*to).excl = nil
	} else {
		(*to).excl = ratAdd((*to).excl, m.excl)
	}
	if m.incl == nil || (*to).incl == nil {
		(*to).incl = nil
	} else {
		(*to).incl = ratAdd((*to).incl, m.incl)
	}
}

// sum adds the lines up and rounds.
func (r *reader) sum() *reading {
	out := &reading{taxes: map[string]rat{}}
	var total *readMoney
	addMoney(&total, readMoney{ratInt(0), ratInt(0)})
	for _, l := range r.lines {
		if l.quantity == nil {
			continue
		}
		m := r.price(l)
		if r.profile.Round == RoundLineMinor {
			minor := readMinor(r.cdr.Currency)
			if m.excl != nil {
				m.excl = readRound(m.excl, minor, r.profile.Half)
			}
			if m.incl != nil {
				m.incl = readRound(m.incl, minor, r.profile.Half)
			}
		}
		addMoney(&total, m)
		addMoney(r.bucket(out, l), m)
		t, c := r.tariffs[l.tariff], r.componentOf(l)
		if c.VAT.IsSet() && t.Version != ocpi.V211 && t.TaxIncluded != ocpi.TaxNotApplicable && m.excl != nil && m.incl != nil {
			key := ratNumber(c.VAT).RatString()
			if out.taxes[key] == nil {
				out.taxes[key] = ratInt(0)
			}
			out.taxes[key] = ratAdd(out.taxes[key], ratSub(m.incl, m.excl))
		}
	}
	var first *ocpi.Tariff
	for _, p := range r.periods {
		if p.tariff != nil && first == nil {
			first = p.tariff
		}
	}
	if first.Version == ocpi.V211 {
		total.incl = nil
	}
	before := *total
	r.limit(first, total)
	if total.excl == nil || total.incl == nil {
		out.taxes = map[string]rat{}
	} else if was, is := ratSub(before.incl, before.excl), ratSub(total.incl, total.excl); was.Cmp(is) != 0 {
		for key, tax := range out.taxes {
			if was.Sign() != 0 {
				out.taxes[key] = ratDiv(ratMul(tax, is), was)
			}
		}
		if was.Sign() == 0 {
			out.taxes[""] = is
		}
	}
	out.total = total
	r.roundAll(out)
	return out
}

func (r *reader) bucket(out *reading, l *readLine) **readMoney {
	e := &r.tariffs[l.tariff].Elements[l.element]
	if e.Restrictions.Reservation != ocpi.ReservationNone {
		return &out.reservation
	}
	switch e.Components[l.component].Type {
	case ocpi.ComponentEnergy:
		return &out.energy
	case ocpi.ComponentTime:
		return &out.time
	case ocpi.ComponentParkingTime:
		return &out.parking
	}
	parking, other := false, false
	for _, c := range e.Components {
		parking = parking || c.Type == ocpi.ComponentParkingTime
		other = other || c.Type == ocpi.ComponentTime || c.Type == ocpi.ComponentEnergy || c.Type == ocpi.ComponentUnknown
	}
	if parking && !other {
		return &out.parking
	}
	return &out.fixed
}

// limit applies P-10: the floor, then the ceiling.
func (r *reader) limit(t *ocpi.Tariff, m *readMoney) {
	session := false
	for _, p := range r.periods {
		session = session || !p.onlyReservation()
	}
	if session {
		r.bound(t.MinPrice, m, -1)
	}
	r.bound(t.MaxPrice, m, 1)
}

func (r *reader) bound(l ocpi.Price, m *readMoney, side int) {
	was := *m
	exclHit := l.Excl.IsSet() && m.excl != nil && m.excl.Cmp(ratNumber(l.Excl)) == side
	inclHit := l.Incl.IsSet() && m.incl != nil && m.incl.Cmp(ratNumber(l.Incl)) == side
	rule := r.profile.Limit
	if rule == LimitProportional {
		inclHit = false
	}
	if exclHit {
		m.excl = ratNumber(l.Excl)
	}
	if inclHit {
		m.incl = ratNumber(l.Incl)
	}
	if rule == LimitGivenOnly {
		return
	}
	if exclHit && m.incl != nil && (!l.Incl.IsSet() || rule == LimitProportional) {
		m.incl = inProportion(was.incl, was.excl, m.excl)
	}
	if inclHit && m.excl != nil && !l.Excl.IsSet() {
		m.excl = inProportion(was.excl, was.incl, m.incl)
	}
}

func inProportion(x, from, to rat) rat {
	if from.Sign() == 0 {
		return to
	}
	return ratDiv(ratMul(x, to), from)
}

func readMinor(currency string) int {
	return map[string]int{"EUR": 2, "JPY": 0, "KWD": 3}[currency]
}

func (r *reader) roundAll(out *reading) {
	decimals := int(r.profile.Scale)
	if r.profile.Round != RoundTotal {
		decimals = min(decimals, readMinor(r.cdr.Currency))
	}
	side := func(x rat) rat {
		if x == nil {
			return nil
		}
		return readRound(x, decimals, r.profile.Half)
	}
	for _, m := range []*readMoney{out.total, out.fixed, out.energy, out.time, out.parking, out.reservation} {
		if m != nil {
			m.excl, m.incl = side(m.excl), side(m.incl)
		}
	}
	for key, tax := range out.taxes {
		out.taxes[key] = side(tax)
	}
}

// agrees compares a number with a rational; both may be unknown.
func agrees(n ocpi.Number, x rat) bool {
	if !n.IsSet() || x == nil {
		return !n.IsSet() && x == nil
	}
	return ratNumber(n).Cmp(x) == 0
}

func moneyAgrees(m Money, x *readMoney) bool {
	if x == nil {
		return !m.Excl.IsSet() && !m.Incl.IsSet()
	}
	return agrees(m.Excl, x.excl) && agrees(m.Incl, x.incl)
}
