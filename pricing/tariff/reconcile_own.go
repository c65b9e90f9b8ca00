package tariff

import (
	"strings"

	"github.com/roamclear/roamclear/ocpi"
)

// What the CDR itself says of its total, where no reading of the tariff gives it.

// OwnSum is the code of the reading that is none: the CDR's total contradicts its
// own sub-totals.
const OwnSum = "total_not_sum_of_parts"

// tryOwnSum names a total that is not the sum of the sub-totals beside it: no
// price gives both. It holds where the claim differs from ours on no side on
// which they do sum to it.
func (r *reconciler) tryOwnSum() {
	c := r.in.CDR
	if r.facts.limits && (r.facts.hits != [4]bool{} || r.atLimit() || len(r.dimensions()) > 0) {
		return // a limit moves the total, not the sub-totals
	}
	var wrong []string
	for _, side := range amountSides {
		claimed, ours := side.of(r.claimed), side.of(ocpi.Price{Excl: r.base.Total.Excl, Incl: r.base.Total.Incl})
		if !claimed.IsSet() || !ours.IsSet() || r.same(claimed, ours) {
			continue
		}
		sum, differs := ownSum(c, r.base, side)
		if !differs {
			return
		}
		wrong = append(wrong, number12(sum).String()+" "+side.name)
	}
	detail := "the CDR's own sub-totals sum to " + strings.Join(wrong, " and ")
	if len(r.dimensions()) == 0 {
		detail += ", which is what its tariff gives"
	}
	r.offer(OwnSum, detail+": the total is not their sum", Money{r.claimed.Excl, r.claimed.Incl})
}

// tryStated names a fee or a discount that the CDR states and its tariff does not
// have: one sub-total differs, by all that the total does. What only the partner
// says cannot confirm itself: it explains the claim where every CDR of the pair
// carries it, which nobody can tell from one CDR.
func (r *reconciler) tryStated() {
	differ := r.dimensions()
	if len(differ) != 1 || r.facts.limits {
		return
	}
	for bucket, name := range bucketNames {
		ours := r.base.costs()[bucket]
		if name != differ[0] || bucket != bucketFixed && ours != (Money{}) {
			continue
		}
		own := ownCosts(r.in.CDR)[bucket]
		total, more := r.base.Total, Money{}
		ok := true
		for _, side := range [...]struct {
			own, ours ocpi.Number
			total, to *ocpi.Number
		}{{own.Excl, ours.Excl, &total.Excl, &more.Excl}, {own.Incl, ours.Incl, &total.Incl, &more.Incl}} {
			if !side.total.IsSet() {
				continue
			}
			fits := false
			if !side.own.IsSet() {
				return // known to us, not stated
			}
			if *side.to, fits = side.own.Add(side.ours.Neg()); fits {
				*side.total, fits = side.total.Add(*side.to)
			}
			ok = ok && fits
		}
		if ok {
			r.offerStated(more, total)
		}
	}
}

func (r *reconciler) offerStated(more, total Money) {
	code, what, amount := "stated_fee", "a fee of ", more
	if more.Excl.Sign() < 0 || !more.Excl.IsSet() && more.Incl.Sign() < 0 {
		code, what, amount = "stated_discount", "a discount of ", Money{more.Excl.Neg(), more.Incl.Neg()}
	}
	text := amountText(amount.Excl) + " before tax"
	if amount.Incl.IsSet() {
		text += ", " + amountText(amount.Incl) + " after tax"
	}
	r.offer(code, "the CDR states "+what+text+", which its tariff does not have", total)
	r.stated = len(r.found) > 0
}

// ownCosts are the sub-totals that the CDR states, by bucket.
func ownCosts(c *ocpi.CDR) [bucketCount]ocpi.Price {
	return [...]ocpi.Price{c.TotalFixedCost, c.TotalEnergyCost, c.TotalTimeCost, c.TotalParkingCost, c.TotalReservationCost}
}

// amountSide is one side of an amount.
type amountSide struct {
	name string
	of   func(ocpi.Price) ocpi.Number
}

var amountSides = [...]amountSide{
	{"before tax", func(p ocpi.Price) ocpi.Number { return p.Excl }},
	{"after tax", func(p ocpi.Price) ocpi.Number { return p.Incl }},
}

// limitedTariffs reports whether some tariff of the CDR has a price limit: OCPI
// leaves the sub-totals alone where one moves the total.
func limitedTariffs(c *ocpi.CDR) bool {
	for i := range c.Tariffs {
		if c.Tariffs[i].MinPrice.IsSet() || c.Tariffs[i].MaxPrice.IsSet() {
			return true
		}
	}
	return false
}

// ownSum adds up the CDR's own sub-totals on one side and holds its total_cost
// against them, to a minor unit each. Where it states none, or leaves one out that
// we have, nothing differs: absent is not zero.
func ownSum(c *ocpi.CDR, ours *Result, side amountSide) (sum int128, differs bool) {
	var x arith
	n, total := int64(0), side.of(c.TotalCost)
	for i, p := range ownCosts(c) {
		m := ours.costs()[i]
		switch v := side.of(p); {
		case v.IsSet():
			n++
			sum = x.add(sum, pico(v))
		case m.Excl.Sign() != 0 || m.Incl.Sign() != 0:
			return sum, false
		}
	}
	if n == 0 || !total.IsSet() {
		return sum, false
	}
	if c.Credit {
		sum = sum.neg()
	}
	return sum, beyond(&x, pico(total), sum, x.mul(pow10[12-ocpi.MinorUnit(c.Currency)], int128Of(n)))
}
