package tariff

import "github.com/roamclear/roamclear/ocpi"

// takeStated makes a total whole that lacks a side because a tariff of 2.3.0 gives
// no tax rate: with the taxes that the CDR states (mod_cdrs, Price: taxes).
func (e *Engine) takeStated(out *Result) {
	claimed := e.cdr.TotalCost
	if !claimed.Excl.IsSet() || !claimed.Incl.IsSet() {
		return
	}
	for i := range e.tariffs {
		if e.tariffs[i].tax == taxUnknown {
			return // 2.1.1 means an amount before tax and no other
		}
	}
	total := out.Total
	tax, ok := e.statedTax(claimed)
	if out.StatedExcl = !total.Excl.IsSet(); out.StatedExcl {
		tax, total.Excl = tax.Neg(), total.Incl
	}
	whole, fits := total.Excl.Add(tax)
	if !ok || !fits {
		return
	}
	if out.StatedExcl {
		out.Total.Excl = whole
	} else {
		out.Total.Incl = whole
	}
	out.TaxesStated, out.Taxes = true, out.Taxes[:0]
	for _, t := range claimed.Taxes {
		out.Taxes = append(out.Taxes, Tax{t.Name, t.Percentage, t.Amount})
	}
	if claimed.Taxes == nil { // 2.2.1 states the amount after tax
		out.Taxes = append(out.Taxes, Tax{taxName, ocpi.Number{}, subtract(claimed.Incl, claimed.Excl)})
	}
	e.raise(noticeTaxesStated, -1)
}

// statedTax returns the tax between a total's sides, rounded as ours are.
func (e *Engine) statedTax(total ocpi.Price) (tax ocpi.Number, ok bool) {
	tax = subtract(total.Incl, total.Excl)
	saved := e.overflow
	e.overflow = false
	rounded := e.numberOf(e.roundDiv(pico(tax), pow10[12-e.roundScale]))
	ok, e.overflow = tax.IsSet() && !e.overflow, saved
	return rounded, ok
}

// maxTolerantLines bounds how many cost lines may each bring half a minor unit of
// tolerance: a partner that rounds its lines is off by less than that in all but
// the rarest sums, and a CDR of 600 lines must not hide 3.00.
const maxTolerantLines = 5

// claimOf compares the CDR's total_cost with ours, both sides where both are
// known (P-12). The tolerance is half a minor unit per cost line, of five lines
// at most, but at least one unit of the least decimal that the partner printed. JSON numbers lose
// their trailing zeros (5.50 arrives as 5.5), so the least decimal is that of
// the side with more of them, and never coarser than the currency's minor unit.
func (e *Engine) claimOf(claimed ocpi.Price, computed Money) Claim {
	printed := max(e.minorUnit, claimed.Excl.Scale(), claimed.Incl.Scale())
	// Twice the tolerance, so that half a minor unit stays whole.
	tolerance := e.mul(pow10[12-e.minorUnit], int128Of(int64(min(e.lines, maxTolerantLines))))
	if unit := int128Of(2 * pow10i64[12-printed]); tolerance.less(unit) {
		tolerance = unit
	}
	verdict := ClaimAbsent
	for _, side := range [...][2]ocpi.Number{{claimed.Excl, computed.Excl}, {claimed.Incl, computed.Incl}} {
		if !side[0].IsSet() || !side[1].IsSet() {
			continue
		}
		d := e.sub(pico(side[0]), pico(side[1]))
		if d.sign() < 0 {
			d = d.neg()
		}
		if tolerance.less(e.add(d, d)) {
			return ClaimDiffers
		}
		verdict = ClaimAgrees
	}
	return verdict
}
