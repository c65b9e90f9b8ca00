package tariff

import (
	"slices"
	"strconv"

	"github.com/roamclear/roamclear/ocpi"
)

// Another unit price: some price explains every total, so only one that is a
// round figure counts, and only where a round figure says something. Prices of a
// grid are grid × quantity apart in the total: with 10 kWh, of the prices in whole
// cents one meets a claim out of ten by chance. The claim must be one that chance meets less than once in ten
// times, over all prices that could have been another one.
const chanceOfPrice = 10

// roundFigures are the grids of a round price, in minor units, the roundest first.
var roundFigures = [...]int64{10_000, 5_000, 1_000, 500, 100, 50, 10, 5, 1}

// unitPrice is a price that could have been another one: of some lines of one kind.
type unitPrice struct {
	lines []*costLine
	what  string // "the energy"
}

// tryUnitPrices asks of each price, and of all prices of one kind at once, what it
// must have been for the claim.
func (r *reconciler) tryUnitPrices() {
	if r.facts.hits != [4]bool{} {
		return // the claim says nothing of the prices
	}
	prices := r.unitPrices()
	for i := range prices {
		r.tryUnitPrice(&prices[i], len(prices))
	}
}

// unitPrices lists them. Where the CDR states sub-totals, only a price of the one
// kind of cost that differs can have been another one.
func (r *reconciler) unitPrices() (list []unitPrice) {
	differ := r.dimensions()
	if len(differ) > 1 {
		return nil
	}
	type group struct {
		bucket int
		kind   ocpi.Component
	}
	at := map[group]int{}
	var groups []unitPrice
	for i := range r.lines {
		l := &r.lines[i]
		if l.billed.sign() <= 0 || len(differ) == 1 && bucketNames[l.bucket] != differ[0] || len(differ) == 0 && r.statesCost(l.bucket) {
			continue
		}
		what := unitNames[l.component.kind]
		if l.component.reservation != ocpi.ReservationNone {
			what = "reservation " + what
		}
		list = append(list, unitPrice{[]*costLine{l}, "the " + what})
		g := group{l.bucket, l.component.kind}
		k, ok := at[g]
		if !ok {
			k = len(groups)
			at[g] = k
			groups = append(groups, unitPrice{what: "all " + what})
		}
		groups[k].lines = append(groups[k].lines, l)
	}
	for _, g := range groups {
		if len(g.lines) > 1 {
			list = append(list, g)
		}
	}
	return list
}

var unitNames = [...]string{
	ocpi.ComponentFlat: "fee", ocpi.ComponentEnergy: "energy", ocpi.ComponentTime: "time", ocpi.ComponentParkingTime: "parking",
}

// statesCost reports whether the CDR states a sub-total.
func (r *reconciler) statesCost(bucket int) bool {
	return ownCosts(r.in.CDR)[bucket].IsSet()
}

// tryUnitPrice offers the roundest price that gives the claim. Amounts are over
// r.den × 10^minor here, so that a price in minor units is a whole number.
func (r *reconciler) tryUnitPrice(u *unitPrice, candidates int) {
	claimed, side := r.claimed.Excl, 0
	if u.gross() {
		claimed, side = r.claimed.Incl, 1
	}
	if !claimed.IsSet() || r.in.CDR.Credit {
		return
	}
	var x arith
	others := r.sum(func(l *costLine) bool { return !u.has(l) })
	target := x.sub(x.mul(pico(claimed), r.perPico), [...]int128{others.excl, others.incl}[side])
	target = x.mul(target, pow10[r.minor])
	one := int128{} // what a price of one minor unit costs
	for _, l := range u.lines {
		one = x.add(one, x.mul(l.billed, l.perMinor))
	}
	for _, grid := range roundFigures {
		apart := x.mul(one, int128Of(grid))
		if x.overflow || apart.less(x.mul(r.den, int128Of(int64(chanceOfPrice*candidates)))) {
			return
		}
		n, ok := nearest(target, apart)
		if !ok || n > maxCoefficient/grid {
			continue
		}
		off := magnitude(x.sub(x.mul(apart, int128Of(n)), target))
		if price := ocpi.NewNumber(n*grid, r.minor); !r.den.less(off) && u.plausible(price) && r.offerUnitPrice(u, price, others) {
			return
		}
	}
}

// nearest returns how many times apart goes into target, to the nearest.
func nearest(target, apart int128) (int64, bool) {
	if target.sign() <= 0 {
		return 0, false
	}
	n, rest := target.div(apart)
	whole, ok := n.int64()
	if !rest.less(halfOf(apart)) {
		whole++
	}
	return whole, ok
}

// offerUnitPrice offers the total with another price, unless a limit would apply to it.
func (r *reconciler) offerUnitPrice(u *unitPrice, price ocpi.Number, others lineSum) bool {
	var x arith
	var cost lineSum
	for _, l := range u.lines {
		amount := x.mul(x.mul(l.billed, l.perMinor), int128Of(price.Coef()))
		excl, incl := amount, amount
		if f, ok := taxFactor(l.component.vat); l.component.vat.IsSet() && ok && l.tax != taxUnknown && l.tax != taxNone {
			if l.tax == taxIncluded {
				part, _ := amount.div(f.num) // divides: see compilePrice
				excl = x.mul(part, f.den)
			} else {
				part, _ := amount.div(f.den)
				incl = x.mul(part, f.num)
			}
		}
		cost.excl, cost.incl = x.add(cost.excl, excl), x.add(cost.incl, incl)
	}
	total := lineSum{x.add(cost.excl, x.mul(others.excl, pow10[r.minor])), x.add(cost.incl, x.mul(others.incl, pow10[r.minor]))}
	if x.overflow || r.limitApplies(r.money(total)) || !r.agreesWithOwn(u, cost) {
		return false
	}
	before := len(r.found)
	r.offer("another_unit_price", u.what+" was charged at "+price.String()+" instead of "+u.prices(), r.money(total))
	return len(r.found) > before
}

// money rounds a sum over r.den × 10^minor.
func (r *reconciler) money(s lineSum) Money {
	var x arith
	den := x.mul(r.den, pow10[r.minor])
	if x.overflow {
		return Money{}
	}
	return r.known(Money{r.number(ratio{num: s.excl, den: den}), r.number(ratio{num: s.incl, den: den})})
}

// agreesWithOwn reports whether the sub-total that the CDR states, if it states
// one, is what the other price gives: cost is over r.den × 10^minor.
func (r *reconciler) agreesWithOwn(u *unitPrice, cost lineSum) bool {
	var x arith
	bucket := u.lines[0].bucket
	rest := r.sum(func(l *costLine) bool { return l.bucket == bucket && !u.has(l) })
	own := ownCosts(r.in.CDR)[bucket]
	m := r.money(lineSum{x.add(cost.excl, x.mul(rest.excl, pow10[r.minor])), x.add(cost.incl, x.mul(rest.incl, pow10[r.minor]))})
	return !x.overflow && r.same(own.Excl, m.Excl) && r.same(own.Incl, m.Incl)
}

// limitApplies reports whether a total lies beyond min_price or max_price.
func (r *reconciler) limitApplies(m Money) bool {
	beyond := func(l *limit, side int) bool {
		return l.exclSet && m.Excl.IsSet() && m.Excl.Cmp(l.exclSent) == side || l.inclSet && m.Incl.IsSet() && m.Incl.Cmp(l.inclSent) == side
	}
	return beyond(&r.facts.minPrice, -1) || beyond(&r.facts.maxPrice, 1)
}

func (u *unitPrice) has(l *costLine) bool {
	return slices.Contains(u.lines, l)
}

// maxPriceFactor is how many times ours another price may be, or how many times less.
const maxPriceFactor = 3

// plausible reports whether a price is near one of ours: far away there is always a
// round one.
func (u *unitPrice) plausible(price ocpi.Number) bool {
	for _, l := range u.lines {
		var x arith
		other, ours := pico(price), pico(l.component.price)
		if ours.sign() > 0 && !x.mul(other, int128Of(maxPriceFactor)).less(ours) && !x.mul(ours, int128Of(maxPriceFactor)).less(other) {
			return true
		}
	}
	return false
}

// gross reports whether the price is one with tax.
func (u *unitPrice) gross() bool { return u.lines[0].tax == taxIncluded }

// prices names what our price was computed with.
func (u *unitPrice) prices() string {
	if len(u.lines) == 1 {
		return u.lines[0].component.price.String()
	}
	return strconv.Itoa(len(u.lines)) + " prices"
}
