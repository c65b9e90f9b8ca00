package tariff

import "github.com/roamclear/roamclear/ocpi"

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
