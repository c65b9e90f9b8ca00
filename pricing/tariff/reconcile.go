package tariff

import (
	"slices"
	"strings"

	"github.com/roamclear/roamclear/ocpi"
)

// Verdict is how a reconciliation ended.
type Verdict string

// Verdicts.
const (
	VerdictAgrees        Verdict = "agrees"         // our own reading gives the partner's total
	VerdictFound         Verdict = "found"          // exactly one other reading does
	VerdictStated        Verdict = "stated"         // a fee or discount does that only the CDR states
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
	// Prices is how many prices the search took, our own among them.
	Prices int
}

// maxReconcileSteps bounds what one reconciliation looks at, in the steps of a
// price: a CDR of 300 charging periods by a tariff of ten elements is priced with
// every reading. Counted, never timed, so that it ends at the same one everywhere.
const maxReconcileSteps = 1_000_000

// Reconcile looks for the readings that reproduce a partner's total to the
// currency's minor unit, on every side that both know; two departures at once
// only where no single one does, and what explains less only where nothing
// explains more. What of our own price tells that a reading could not give
// another one is not tried (facts.go), so that it takes a few prices, and one
// for each of Input.Others: for a CDR that differs, not for every CDR.
func (e *Engine) Reconcile(in *Input, claimed ocpi.Price) Reconciliation {
	found, _ := e.reconcile(in, claimed, nil)
	return found
}

// ExplainReading explains a price as one of the readings that Reconcile found has it,
// by its code and detail: which element it takes for which period. It returns false
// for a reading that is arithmetic on our own price, of which nothing of the kind
// differs. What it returns is reused by the engine's next Explain.
func (e *Engine) ExplainReading(in *Input, claimed ocpi.Price, code, detail string) (*Explanation, bool) {
	_, by := e.reconcile(in, claimed, &Reading{Code: code, Detail: detail})
	if by == nil {
		return nil, false
	}
	var out Result
	e.Price(by, &out)
	return e.Explain(by, &out), out.OK
}

// reconcile is Reconcile; by is the input that gives the wanted reading, nil where none does.
func (e *Engine) reconcile(in *Input, claimed ocpi.Price, wanted *Reading) (found Reconciliation, by *Input) {
	var base Result
	before := e.prices
	e.Price(in, &base)
	base.Total = base.Known()
	r := &reconciler{engine: e, in: in, claimed: claimed, base: &base, wanted: wanted, minor: ocpi.MinorUnit(in.currency()), cost: e.steps, left: maxReconcileSteps}
	if !base.OK || !r.comparable(base.Total) {
		return Reconciliation{Verdict: VerdictNotComparable, Prices: e.prices - before}, nil
	}
	out := Reconciliation{
		Difference: Money{subtract(claimed.Excl, base.Total.Excl), subtract(claimed.Incl, base.Total.Incl)},
		Dimensions: r.dimensions(),
	}
	if r.fits(base.Total) {
		out.Verdict, out.Prices = VerdictAgrees, e.prices-before
		return out, nil
	}
	r.remember()
	for _, try := range [...][]func(){
		{r.tryTaxes, r.tryMissing, r.tryProfiles, r.tryMistakes, r.tryZones, r.tryVolumes, r.tryImports, r.tryTariffs, r.tryVersions},
		{r.tryRawHours},
		{r.tryLastMatch},
		{r.tryMissingSets},
		{r.tryOwnSum},
		{r.tryUnitPrices},
		{r.tryStated},
	} {
		for _, reading := range try {
			reading()
		}
		if len(r.found) > 0 || r.cutShort {
			break
		}
	}
	out.Verdict, out.Readings, out.CutShort, out.Prices = r.verdict(), r.found, r.cutShort, e.prices-before
	return out, r.by
}

func (r *reconciler) verdict() Verdict {
	switch {
	case len(r.found) == 0 && r.cutShort:
		return VerdictCutShort
	case len(r.found) == 0:
		return VerdictNoneFound
	case len(r.found) > 1:
		return VerdictSeveral
	case r.stated:
		return VerdictStated
	}
	return VerdictFound
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
	facts   facts
	lines   []costLine
	found   []Reading
	stated  bool // what was found is not in the tariff, only in the CDR

	// Of the amounts of lines: their denominator, what 10^-12 of the currency are
	// over it, and how they are rounded.
	den, perPico      int128
	before            [2]int128 // our total before limits, before and after tax
	scale, roundScale uint8

	// Scratch of one reading.
	varied  Profile
	variant Input
	out     Result

	// wanted is the reading whose input is asked for, see ExplainReading; by is that.
	wanted *Reading
	by     *Input

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

// has reports whether a reading whose code begins so was found.
func (r *reconciler) has(code string) bool {
	return slices.ContainsFunc(r.found, func(f Reading) bool { return strings.HasPrefix(f.Code, code) })
}

// try prices a variation of the input.
func (r *reconciler) try(code, detail string, in *Input) {
	if r.price(in, &r.out) {
		r.offerBy(in, code, detail, r.out.Known())
	}
}

// offerBy is offer of what another input was priced to, or would be.
func (r *reconciler) offerBy(in *Input, code, detail string, total Money) {
	if w := r.wanted; w != nil && r.by == nil && w.Code == code && w.Detail == detail {
		by, profile := *in, *profileOf(in)
		by.Profile = &profile // in's own is scratch
		r.by = &by
	}
	r.offer(code, detail, total)
}

// tryProfile prices by other rules, where they could give another price.
func (r *reconciler) tryProfile(code, detail string, p *Profile) {
	if !r.applies(p) {
		return
	}
	r.variant = *r.in
	r.variant.Profile = p
	r.try(code, detail, &r.variant)
}

// vary returns our own rules, to be varied.
func (r *reconciler) vary(name string) *Profile {
	r.varied = *r.profile()
	r.varied.Name = name
	return &r.varied
}

// price prices a variation while there are steps left for one more price.
func (r *reconciler) price(in *Input, out *Result) (priced bool) {
	if r.left < r.cost {
		r.cutShort = true
		return false
	}
	r.engine.Price(in, out)
	r.left -= max(r.engine.steps, r.cost)
	return out.OK
}

func (r *reconciler) profile() *Profile { return profileOf(r.in) }

func (r *reconciler) tryProfiles() {
	for _, p := range profiles {
		if p.Name == r.profile().Name {
			continue
		}
		scale := r.profile().Scale
		r.varied = *p
		r.varied.Scale = min(scale, 12)
		r.tryProfile(p.Name, p.Means, &r.varied)
	}
}

// dimensions compares the CDR's sub-totals with ours.
func (r *reconciler) dimensions() (differ []string) {
	for i, own := range ownCosts(r.in.CDR) {
		ours := r.base.costs()[i]
		if !ours.Excl.IsSet() && !ours.Incl.IsSet() {
			zero := ocpi.NewNumber(0, 0) // nothing of the kind was priced
			ours = Money{zero, zero}
		}
		if !r.same(own.Excl, ours.Excl) || !r.same(own.Incl, ours.Incl) {
			differ = append(differ, bucketNames[i])
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
