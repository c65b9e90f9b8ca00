package tariff

import (
	"math/big"
	"strings"

	"github.com/roamclear/roamclear/ocpi"
)

// Kinds of cost that were left out: arithmetic on the sub-totals of our own price.

var bucketNames = [bucketCount]string{"fixed", "energy", "time", "parking", "reservation"}

// tryMissing leaves one kind of cost out.
func (r *reconciler) tryMissing() {
	for bucket, name := range bucketNames {
		if bucket != bucketFixed && r.charged()&(1<<bucket) != 0 { // a missing FLAT is start_fee_missing
			r.offer(name+"_not_charged", "the "+name+" cost was left out", r.without(1<<bucket))
		}
	}
}

// tryMissingSets leaves several kinds of cost out.
func (r *reconciler) tryMissingSets() {
	charged := r.charged()
	for out := uint8(1); out < 1<<bucketCount; out++ {
		left := charged &^ out
		if out&^charged != 0 || out&(out-1) == 0 || !r.near(r.sum(func(l *costLine) bool { return left&(1<<l.bucket) != 0 })) {
			continue
		}
		if left == 0 {
			r.offer("nothing_charged", "nothing was charged", r.without(out))
			continue
		}
		r.offer(strings.Join(namesOf(out), "_and_")+"_not_charged",
			"only the "+strings.Join(namesOf(left), " and the ")+" cost was charged", r.without(out))
	}
}

func namesOf(buckets uint8) (names []string) {
	for bucket, name := range bucketNames {
		if buckets&(1<<bucket) != 0 {
			names = append(names, name)
		}
	}
	return names
}

// charged returns the kinds of cost that add to our price, as bits.
func (r *reconciler) charged() (buckets uint8) {
	for bucket := range bucketNames {
		if r.sum(func(l *costLine) bool { return l.bucket == bucket }) != (lineSum{}) {
			buckets |= 1 << bucket
		}
	}
	return buckets
}

// lineSum is a sum of lines over reconciler.den.
type lineSum struct{ excl, incl int128 }

func (r *reconciler) sum(of func(*costLine) bool) (s lineSum) {
	var x arith // no part of a total that fits goes beyond it
	for i := range r.lines {
		if l := &r.lines[i]; of(l) {
			s.excl, s.incl = x.add(s.excl, l.excl), x.add(s.incl, l.incl)
		}
	}
	return s
}

// near reports whether a sum is the claim to a minor unit: what is farther away is
// not worth rounding.
func (r *reconciler) near(s lineSum) bool {
	for side, sum := range [...]int128{s.excl, s.incl} {
		claimed := [...]ocpi.Number{r.claimed.Excl, r.claimed.Incl}[side]
		ours := [...]ocpi.Number{r.base.Total.Excl, r.base.Total.Incl}[side]
		if !claimed.IsSet() || !ours.IsSet() {
			continue
		}
		var x arith
		want := x.mul(pico(claimed), r.perPico)
		if r.in.CDR.Credit {
			want = want.neg()
		}
		unit, _ := r.den.div(pow10[r.minor])
		if d := magnitude(x.sub(sum, want)); !x.overflow && unit.less(d) {
			return false
		}
	}
	return true
}

// without returns the total without some kinds of cost, limits not applied.
func (r *reconciler) without(buckets uint8) Money {
	s := r.sum(func(l *costLine) bool { return buckets&(1<<l.bucket) == 0 })
	return r.known(Money{r.number(ratio{num: s.excl, den: r.den}), r.number(ratio{num: s.incl, den: r.den})})
}

// known leaves the sides unset that our own total does not know.
func (r *reconciler) known(m Money) Money {
	if !r.base.Total.Excl.IsSet() {
		m.Excl = ocpi.Number{}
	}
	if !r.base.Total.Incl.IsSet() {
		m.Incl = ocpi.Number{}
	}
	return m
}

// exact returns an amount over reconciler.den as a fraction.
func (r *reconciler) exact(amount int128) *big.Rat {
	return new(big.Rat).SetFrac(amount.big(), r.den.big())
}

// number rounds as our own price did; unset where it does not fit.
func (r *reconciler) number(x ratio) ocpi.Number {
	e := r.engine
	saved := e.overflow
	e.profile, e.scale, e.roundScale = r.profile(), r.scale, r.roundScale // of ours, whatever was priced since
	if r.in.CDR.Credit {                                                  // negated, as the total we compare with is
		x.num = x.num.neg()
		if x.wide != nil {
			x.wide = new(big.Rat).Neg(x.wide)
		}
	}
	n := e.ratioNumber(x)
	e.overflow = saved
	return n
}
