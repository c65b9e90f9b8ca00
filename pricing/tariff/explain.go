package tariff

import "github.com/roamclear/roamclear/ocpi"

// explainTariffs names the tariffs; their elements follow once it is known
// which the lines speak of.
func (e *Engine) explainTariffs() {
	for i := range e.tariffs {
		t := &e.tariffs[i]
		t.render()
		ref := t.ref
		ref.Embedded = t.source.Embedded
		e.explain.out.Tariffs = append(e.explain.out.Tariffs, ref)
	}
}

// explainLines turns traces into lines, one per component that charged, and
// runs of periods into segments.
func (e *Engine) explainLines() {
	x := &e.explain
	x.head, x.tail = x.head[:0], x.tail[:0]
	for range e.tallies {
		x.head, x.tail = append(x.head, -1), append(x.tail, -1)
	}
	for i := range x.traces {
		n := &x.traces[i]
		if n.tally < 0 {
			continue
		}
		if x.head[n.tally] < 0 {
			x.head[n.tally] = int32(i)
		} else {
			x.traces[x.tail[n.tally]].next = int32(i)
		}
		x.tail[n.tally] = int32(i)
	}
	for i := range e.tariffs {
		t := &e.tariffs[i]
		for j := range t.components {
			if e.tallies[int(t.first)+j].used {
				x.out.Lines = append(x.out.Lines, e.explainLine(i, t, j))
			}
		}
	}
	e.explainUnpriced()
	e.explainElements()
}

func (e *Engine) explainLine(i int, t *used, j int) Line {
	x := &e.explain
	y, c := &e.tallies[int(t.first)+j], &t.components[j]
	l := Line{
		Tariff: i, Element: int(c.element), Component: int(c.index), Kind: c.kind,
		Reservation: c.reservation != ocpi.ReservationNone,
		Measured:    quantityOf(c.kind, y.quantity), Price: c.price, VAT: c.vat, Step: c.stepSize,
	}
	l.Billed = l.Measured
	n := y.quantity
	if !y.surplus.isZero() {
		n = e.add(n, y.surplus)
		l.Surplus, l.Billed = quantityOf(c.kind, y.surplus), quantityOf(c.kind, n)
		l.SurplusOf = quantityOf(c.kind, y.roundedFrom)
	}
	if c.exclKnown || n.isZero() {
		l.Amount.Excl = e.number(y.excl)
	}
	if (c.inclKnown || n.isZero()) && t.tax != taxUnknown {
		if y.incl == y.excl && l.Amount.Excl.IsSet() {
			l.Amount.Incl = l.Amount.Excl
		} else {
			l.Amount.Incl = e.number(y.incl)
		}
	}
	from := len(x.segments)
	for k := x.head[int(t.first)+j]; k >= 0; k = x.traces[k].next {
		e.addSegment(&x.traces[k], from)
	}
	l.Segments = x.segments[from:len(x.segments):len(x.segments)]
	return l
}

// addSegment appends a trace, or extends the last segment of the line with it.
func (e *Engine) addSegment(n *trace, from int) {
	x := &e.explain
	missed := x.misses[n.missed[0]:n.missed[1]:n.missed[1]]
	if k := len(x.segments) - 1; k >= from {
		last := &x.segments[k]
		full := len(x.segments) >= maxSegments
		x.truncated = x.truncated || full
		if full || last.Last+1 == int(n.period) && sameMisses(last.Missed, missed) {
			last.Last = int(n.period)
			x.sum = e.add(x.sum, n.quantity)
			last.Quantity = quantityOf(n.kind, x.sum)
			return
		}
	}
	x.sum = n.quantity
	s := Segment{
		First: int(n.period), Last: int(n.period), Quantity: quantityOf(n.kind, n.quantity),
		Elapsed: seconds(e.mul(int128Of(n.state.elapsed), int128Of(ticksPerNanosecond))),
		KWh:     number12(n.state.kwh), Missed: missed,
	}
	t := &e.tariffs[n.tariff]
	if t.usesWallClock {
		s.Local = localMinuteOf(n.state.wall)
	}
	if t.usesCurrent && n.state.period.measured&measuredCurrent != 0 {
		s.Current = [2]ocpi.Number{number12(n.state.period.minCurrent), number12(n.state.period.maxCurrent)}
	}
	if t.usesCurrent && n.state.period.measured&measuredPower != 0 {
		s.Power = [2]ocpi.Number{number12(n.state.period.minPower), number12(n.state.period.maxPower)}
	}
	x.segments = append(x.segments, s)
}

func sameMisses(a, b []Miss) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

// explainUnpriced lists volume without a component, per dimension.
func (e *Engine) explainUnpriced() {
	x := &e.explain
	for kind := ocpi.ComponentEnergy; kind <= ocpi.ComponentParkingTime; kind++ {
		for _, reserved := range [...]bool{false, true} {
			from, total := len(x.segments), int128{}
			for i := range x.traces {
				n := &x.traces[i]
				if n.tally >= 0 || n.kind != kind || n.reserved != reserved || n.quantity.isZero() {
					continue
				}
				total = e.add(total, n.quantity)
				e.addSegment(n, from)
			}
			if len(x.segments) == from {
				continue
			}
			x.out.Unpriced = append(x.out.Unpriced, Line{
				Kind: kind, Reservation: reserved, Tariff: int(e.tariffOf(x.segments[from].First)), Element: -1,
				Measured: quantityOf(kind, total), Segments: x.segments[from:len(x.segments):len(x.segments)],
			})
		}
	}
}

func (e *Engine) tariffOf(period int) int32 { return max(e.periods[period].tariff, 0) }

// explainElements lists the elements that lines or misses speak of.
func (e *Engine) explainElements() {
	x := &e.explain
	for i := range e.tariffs {
		t := &e.tariffs[i]
		x.seen = append(x.seen[:0], make([]bool, len(t.elements))...)
		for j := range x.out.Lines {
			if l := &x.out.Lines[j]; l.Tariff == i {
				x.seen[l.Element] = true
			}
		}
		for j := range x.traces {
			n := &x.traces[j]
			if int(n.tariff) != i {
				continue
			}
			for _, m := range x.misses[n.missed[0]:n.missed[1]] {
				x.seen[m.Element] = true
			}
		}
		from := len(x.elements)
		for j, seen := range x.seen {
			if seen {
				x.elements = append(x.elements, t.elements[j])
			}
		}
		x.out.Tariffs[i].Elements = x.elements[from:len(x.elements):len(x.elements)]
	}
}

// explainTotal adds limits, rounding and the verdict on the claim.
func (e *Engine) explainTotal(out *Result) {
	x := &e.explain.out
	x.Total, x.Claim = out.Total, out.Claim
	x.Claimed = Money{e.cdr.TotalCost.Excl, e.cdr.TotalCost.Incl}
	x.Taxes, x.TaxesStated = append(x.Taxes, out.Taxes...), out.TaxesStated
	t := &e.tariffs[0]
	for i, bound := range [...]ocpi.Number{t.minPrice.exclSent, t.minPrice.inclSent, t.maxPrice.exclSent, t.maxPrice.inclSent} {
		if e.final.hits[i] {
			x.Limits = append(x.Limits, LimitHit{Maximum: i >= 2, AfterTax: i%2 == 1, Bound: bound})
		}
	}
	total := out.Known()
	if e.cdr.Credit {
		total = Money{total.Excl.Neg(), total.Incl.Neg()}
	}
	var lines Money
	for i := range x.Lines {
		lines.Excl = plus(lines.Excl, x.Lines[i].Amount.Excl)
		lines.Incl = plus(lines.Incl, x.Lines[i].Amount.Incl)
	}
	if total.Excl.IsSet() {
		before := e.number(e.total.excl)
		x.Limit.Excl, x.Rounding.Excl = difference(total.Excl, before), difference(before, lines.Excl)
	}
	if total.Incl.IsSet() {
		before := e.number(e.total.incl)
		x.Limit.Incl, x.Rounding.Incl = difference(total.Incl, before), difference(before, lines.Incl)
	}
}

// plus and difference work on amounts of one scale; an unset one is zero. The
// result's numbers are bounded to 18 digits, so a sum of two fits 64 bits.
func plus(a, b ocpi.Number) ocpi.Number {
	if !a.IsSet() {
		return b
	}
	return ocpi.NewNumber(a.Coef()+b.Coef(), a.Scale())
}

func difference(a, b ocpi.Number) ocpi.Number {
	return ocpi.NewNumber(a.Coef()-b.Coef(), a.Scale())
}
