package tariff

import (
	"math/big"

	"github.com/roamclear/roamclear/ocpi"
)

// Verdict is how a reconciliation ended.
type Verdict string

// Verdicts.
const (
	VerdictAgrees        Verdict = "agrees"         // our own reading gives the partner's total
	VerdictFound         Verdict = "found"          // exactly one other reading does
	VerdictSeveral       Verdict = "several"        // more than one does
	VerdictNoneFound     Verdict = "none_found"     // none does
	VerdictCutShort      Verdict = "cut_short"      // none of those that there was time for
	VerdictNotComparable Verdict = "not_comparable" // there is no price, or no total to compare with
)

// Reading is one other way to price the CDR: a profile, or a mistake that
// partners are known to make.
type Reading struct {
	Code   string // a profile's name, or such as "vat_forgotten"
	Detail string // one sentence
	Total  Money  // what it gives, at the profile's scale
}

// Reconciliation says why the partner's total differs from ours.
type Reconciliation struct {
	Verdict    Verdict
	Readings   []Reading // the readings that give the partner's total to the minor unit
	Difference Money     // claimed less computed, on the sides known to both
	// Dimensions are the sub-totals ("fixed", "energy", "time", "parking",
	// "reservation") in which the CDR's own sub-totals differ from ours; empty when
	// it carries none or they agree.
	Dimensions []string
	// CutShort: the CDR is so large that not every reading was tried; another may
	// give the total too.
	CutShort bool
}

// maxReconcileSteps bounds what one reconciliation looks at, in the steps of a
// price: a CDR of 300 charging periods by a tariff of ten elements is priced with
// every reading. Counted, never timed, so that it ends at the same one everywhere.
const maxReconcileSteps = 1_000_000

// Reconcile looks for the readings that reproduce a partner's total to the
// currency's minor unit, on every side that both know; two departures at once
// only where no single one does. It prices the CDR some forty times, and once
// for each of Input.Others: for a dispute, not for every CDR.
func (e *Engine) Reconcile(in *Input, claimed ocpi.Price) Reconciliation {
	var base Result
	e.Price(in, &base)
	r := &reconciler{engine: e, in: in, claimed: claimed, base: &base, minor: minorUnit(in.currency()), cost: e.steps, left: maxReconcileSteps}
	if !base.OK || !r.comparable(base.Total) {
		return Reconciliation{Verdict: VerdictNotComparable}
	}
	out := Reconciliation{
		Difference: Money{subtract(claimed.Excl, base.Total.Excl), subtract(claimed.Incl, base.Total.Incl)},
		Dimensions: r.dimensions(),
	}
	if r.fits(base.Total) {
		out.Verdict = VerdictAgrees
		return out
	}
	r.rememberLines()
	r.tryTaxes()
	r.tryMissing()
	r.tryProfiles()
	r.tryMistakes()
	r.tryZones()
	r.tryVolumes()
	r.tryTariffs()
	r.tryVersions()
	if len(r.found) == 0 {
		r.tryRawHours()
	}
	out.Readings, out.CutShort = r.found, r.cutShort
	switch {
	case len(r.found) == 0 && r.cutShort:
		out.Verdict = VerdictCutShort
	case len(r.found) == 0:
		out.Verdict = VerdictNoneFound
	case len(r.found) == 1:
		out.Verdict = VerdictFound
	default:
		out.Verdict = VerdictSeveral
	}
	return out
}

// Readings returns what every other profile makes of the CDR, as far as it
// differs: what a person deciding on a dispute wants to see beside the price.
func (e *Engine) Readings(in *Input) []Reading {
	var base, out Result
	if e.Price(in, &base); !base.OK {
		return nil
	}
	var list []Reading
	for _, p := range profiles {
		other := *in
		other.Profile = p
		if in.Profile != nil {
			other.Profile = p.WithScale(in.Profile.Scale)
		}
		if e.Price(&other, &out); out.OK && out.Total != base.Total {
			list = append(list, Reading{p.Name, p.Means, out.Total})
		}
	}
	return list
}

func (in *Input) currency() string {
	if in.CDR == nil {
		return ""
	}
	return in.CDR.Currency
}

type reconciler struct {
	engine  *Engine
	in      *Input
	claimed ocpi.Price
	base    *Result
	minor   uint8
	lines   []pricedLine
	found   []Reading

	cost     int // steps of our own price: about those of any other
	left     int // steps
	cutShort bool
}

// comparable reports whether some side is known to both.
func (r *reconciler) comparable(m Money) bool {
	return r.claimed.Excl.IsSet() && m.Excl.IsSet() || r.claimed.Incl.IsSet() && m.Incl.IsSet()
}

// fits reports whether a total is the claimed one to the minor unit.
func (r *reconciler) fits(m Money) bool {
	return r.comparable(m) && r.same(r.claimed.Excl, m.Excl) && r.same(r.claimed.Incl, m.Incl)
}

// same compares two amounts within half a minor unit; an unknown one is the
// same as anything.
func (r *reconciler) same(a, b ocpi.Number) bool {
	if !a.IsSet() || !b.IsSet() {
		return true
	}
	var x arith
	d := x.mul(x.sub(pico(a), pico(b)), int128Of(2))
	if d.sign() < 0 {
		d = d.neg()
	}
	return !x.overflow && !pow10[12-r.minor].less(d)
}

// offer keeps a reading that gives the claimed total and not ours.
func (r *reconciler) offer(code, detail string, total Money) {
	if !r.fits(total) || r.same(total.Excl, r.base.Total.Excl) && r.same(total.Incl, r.base.Total.Incl) {
		return
	}
	for _, have := range r.found {
		if have.Code == code && have.Detail == detail {
			return
		}
	}
	r.found = append(r.found, Reading{code, detail, total})
}

// try prices a variation of the input.
func (r *reconciler) try(code, detail string, in *Input) {
	var out Result
	if r.price(in, &out); out.OK {
		r.offer(code, detail, out.Total)
	}
}

// price prices a variation while there are steps left for one more price.
func (r *reconciler) price(in *Input, out *Result) {
	if r.left < r.cost {
		r.cutShort = true
		return
	}
	r.engine.Price(in, out)
	r.left -= max(r.engine.steps, r.cost)
}

func (r *reconciler) profile() *Profile { return profileOf(r.in) }

func (r *reconciler) tryProfiles() {
	for _, p := range profiles {
		if p.Name == r.profile().Name {
			continue
		}
		in := *r.in
		in.Profile = p.WithScale(r.profile().Scale)
		r.try(p.Name, p.Means, &in)
	}
}

// pricedLine is what lines of our own price with one VAT and for one sub-total
// come to.
type pricedLine struct {
	excl, incl *big.Rat
	rate       *big.Rat // VAT / 100, nil where there is none
	bucket     int
}

// rememberLines keeps the lines of our price, which the engine still holds.
// Lines of one rate are added up: rates are few, and exact fractions over many
// rates grow long.
func (r *reconciler) rememberLines() {
	e := r.engine
	den := e.den.big()
	type group struct {
		bucket int
		vat    ocpi.Number
	}
	at := map[group]int{}
	for i := range e.tariffs {
		t := &e.tariffs[i]
		for j := range t.components {
			y, c := &e.tallies[int(t.first)+j], &t.components[j]
			if !y.used {
				continue
			}
			g := group{bucket: e.bucketIndex(c)}
			if c.vat.IsSet() {
				coef, scale := trimmed(c.vat)
				g.vat = ocpi.NewNumber(coef, uint8(scale))
			}
			k, ok := at[g]
			if !ok {
				k = len(r.lines)
				at[g] = k
				r.lines = append(r.lines, pricedLine{excl: new(big.Rat), incl: new(big.Rat), rate: percentOf(g.vat), bucket: g.bucket})
			}
			l := &r.lines[k]
			l.excl.Add(l.excl, new(big.Rat).SetFrac(y.excl.big(), den))
			l.incl.Add(l.incl, new(big.Rat).SetFrac(y.incl.big(), den))
		}
	}
}

// percentOf returns a VAT as a fraction of one, nil where there is none.
func percentOf(vat ocpi.Number) *big.Rat {
	if !vat.IsSet() {
		return nil
	}
	return new(big.Rat).SetFrac(big.NewInt(vat.Coef()), new(big.Int).Mul(pow10[vat.Scale()].big(), big.NewInt(100)))
}

// dimensions compares the CDR's sub-totals with ours.
func (r *reconciler) dimensions() (differ []string) {
	c, b := r.in.CDR, r.base
	for _, s := range [...]struct {
		name    string
		claimed ocpi.Price
		ours    Money
	}{
		{"fixed", c.TotalFixedCost, b.Fixed}, {"energy", c.TotalEnergyCost, b.Energy}, {"time", c.TotalTimeCost, b.Time},
		{"parking", c.TotalParkingCost, b.Parking}, {"reservation", c.TotalReservationCost, b.Reservation},
	} {
		ours := s.ours
		if !ours.Excl.IsSet() && !ours.Incl.IsSet() {
			zero := ocpi.NewNumber(0, 0) // nothing of the kind was priced
			ours = Money{zero, zero}
		}
		if !r.same(s.claimed.Excl, ours.Excl) || !r.same(s.claimed.Incl, ours.Incl) {
			differ = append(differ, s.name)
		}
	}
	return differ
}

// subtract returns a - b where both are known and the difference fits.
func subtract(a, b ocpi.Number) ocpi.Number {
	if !a.IsSet() || !b.IsSet() {
		return ocpi.Number{}
	}
	var x arith
	scale := max(a.Scale(), b.Scale())
	d := x.sub(x.mul(int128Of(a.Coef()), pow10[scale-a.Scale()]), x.mul(int128Of(b.Coef()), pow10[scale-b.Scale()]))
	coef, ok := d.int64()
	if !ok || coef > maxCoefficient || coef < -maxCoefficient {
		return ocpi.Number{}
	}
	return ocpi.NewNumber(coef, scale)
}
