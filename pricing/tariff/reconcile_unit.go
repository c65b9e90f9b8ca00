package tariff

import (
	"math/big"
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
	what  string // "energy"
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
		list = append(list, unitPrice{[]*costLine{l}, what})
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

// tryUnitPrice offers the roundest price that gives the claim.
func (r *reconciler) tryUnitPrice(u *unitPrice, candidates int) {
	if units := u.units(); units.Sign() > 0 {
		claimed, side := r.claimed.Excl, 0
		if u.gross() {
			claimed, side = r.claimed.Incl, 1
		}
		if !claimed.IsSet() || r.in.CDR.Credit {
			return
		}
		others := r.sum(func(l *costLine) bool { return !u.has(l) })
		rest := r.exact([...]int128{others.excl, others.incl}[side])
		implied := new(big.Rat).SetFrac(pico(claimed).big(), pow10[12].big())
		implied.Sub(implied, rest)
		implied.Mul(implied.Quo(implied, units), big.NewRat(pow10i64[r.minor], 1))
		for _, grid := range roundFigures {
			apart := new(big.Rat).Mul(units, big.NewRat(grid, 1)) // minor units
			if apart.Cmp(big.NewRat(int64(chanceOfPrice*candidates), 1)) < 0 {
				return
			}
			price := ocpi.NewNumber(nearest(implied, grid), r.minor)
			if u.plausible(price) && r.offerUnitPrice(u, price, units, others) {
				return
			}
		}
	}
}

// nearest returns the multiple of grid that is nearest to x, 0 where it is too large.
func nearest(x *big.Rat, grid int64) int64 {
	x = new(big.Rat).Quo(x, big.NewRat(grid, 1))
	x.Add(x, big.NewRat(1, 2))
	n := new(big.Int).Div(x.Num(), x.Denom())
	if !n.IsInt64() || n.Int64() > maxCoefficient/grid {
		return 0
	}
	return n.Int64() * grid
}

// offerUnitPrice offers the total with another price, unless a limit would apply to it.
func (r *reconciler) offerUnitPrice(u *unitPrice, price ocpi.Number, units *big.Rat, others lineSum) bool {
	p := new(big.Rat).SetFrac(pico(price).big(), pow10[12].big())
	cost := Money{}
	excl, incl := new(big.Rat), new(big.Rat)
	for _, l := range u.lines {
		net := new(big.Rat).Mul(p, l.units())
		taxed := new(big.Rat).Set(net)
		if rate := l.rate(); rate != nil && l.tax != taxUnknown && l.tax != taxNone {
			factor := new(big.Rat).Add(big.NewRat(1, 1), rate)
			if l.tax == taxIncluded {
				net.Quo(net, factor)
			} else {
				taxed.Mul(taxed, factor)
			}
		}
		excl.Add(excl, net)
		incl.Add(incl, taxed)
	}
	cost = Money{r.number(ratio{wide: excl}), r.number(ratio{wide: incl})}
	total := r.known(Money{
		r.number(ratio{wide: new(big.Rat).Add(excl, r.exact(others.excl))}),
		r.number(ratio{wide: new(big.Rat).Add(incl, r.exact(others.incl))}),
	})
	if r.limitApplies(total) || !r.agreesWithOwn(u, cost) {
		return false
	}
	before := len(r.found)
	r.offer("another_unit_price", "the "+u.what+" was charged at "+price.String()+" instead of "+u.prices(), total)
	return len(r.found) > before
}

// agreesWithOwn reports whether the sub-total that the CDR states, if it states
// one, is what the other price gives.
func (r *reconciler) agreesWithOwn(u *unitPrice, cost Money) bool {
	bucket := u.lines[0].bucket
	rest := r.sum(func(l *costLine) bool { return l.bucket == bucket && !u.has(l) })
	own := ownCosts(r.in.CDR)[bucket]
	excl, ok := cost.Excl.Add(r.number(ratio{num: rest.excl, den: r.den}))
	incl, ok2 := cost.Incl.Add(r.number(ratio{num: rest.incl, den: r.den}))
	m := r.known(Money{excl, incl})
	return ok && ok2 && r.same(own.Excl, m.Excl) && r.same(own.Incl, m.Incl)
}

// limitApplies reports whether a total lies beyond min_price or max_price.
func (r *reconciler) limitApplies(m Money) bool {
	beyond := func(l *limit, side int) bool {
		return l.exclSet && m.Excl.IsSet() && m.Excl.Cmp(l.exclSent) == side || l.inclSet && m.Incl.IsSet() && m.Incl.Cmp(l.inclSent) == side
	}
	return beyond(&r.facts.minPrice, -1) || beyond(&r.facts.maxPrice, 1)
}

func (u *unitPrice) has(l *costLine) bool {
	for _, of := range u.lines {
		if of == l {
			return true
		}
	}
	return false
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

// units returns how many kWh, hours or times it was charged for.
func (u *unitPrice) units() *big.Rat {
	sum := new(big.Rat)
	for _, l := range u.lines {
		sum.Add(sum, l.units())
	}
	return sum
}

func (l *costLine) units() *big.Rat {
	switch {
	case l.energy():
		return new(big.Rat).SetFrac(l.billed.big(), pow10[12].big())
	case l.timed():
		return new(big.Rat).SetFrac(l.billed.big(), pow10x36[12].big())
	}
	return new(big.Rat).SetInt(l.billed.big())
}

// prices names what our price was computed with.
func (u *unitPrice) prices() string {
	if len(u.lines) == 1 {
		return u.lines[0].component.price.String()
	}
	return strconv.Itoa(len(u.lines)) + " prices"
}
