package tariff

import "github.com/roamclear/roamclear/ocpi"

// may is ok, and everything in a test that compares with trying all.
func (r *reconciler) may(ok bool) bool { return ok || r.engine.exhaustive }

// applies reports whether the rules of another profile could give the claim: some
// rule in which it differs bears on this CDR. Where our own profile is not the
// default one, less is known, and more is tried.
func (r *reconciler) applies(p *Profile) bool {
	b, f := r.profile(), &r.facts
	if (p.Hours == HoursAsSeconds || p.Hours == HoursAsMinutes) && !f.longer {
		return false // they are hours: a claim that nearly leaves them out says nothing else
	}
	return r.may(p.Step != b.Step && r.stepsMatter(b.Step, p.Step) ||
		p.Flat != b.Flat && r.flatsMatter(b.Flat, p.Flat) ||
		(p.Round != b.Round || p.Half != b.Half) && r.roundingMatters() ||
		p.Choice != b.Choice && (b.Choice != ChooseByID || f.named && (f.several || f.was(noticePeriodWithoutTariff))) ||
		p.Untagged != b.Untagged && (b.Untagged != UntaggedFree || f.was(noticePeriodWithoutTariff)) ||
		p.Hours != b.Hours && r.hoursMatter(b.Hours, p.Hours, p.Step) ||
		p.Elapsed != b.Elapsed && f.elapsedMatters(b.Elapsed, p.Elapsed) ||
		p.Evidence != b.Evidence && (f.was(noticeUnverifiable) || b.Evidence != EvidenceAssumed && f.currentBounds) ||
		p.Window != b.Window && f.was(noticeEqualWindow) ||
		p.Limit != b.Limit && f.limitsMatter(b.Limit, p.Limit) ||
		p.Surplus != b.Surplus && f.zeroEnergy && f.uneven ||
		p.Match != b.Match && f.choices ||
		p.Split != b.Split && f.splitMatters(p.Split))
}

// was reports whether our price raised a notice.
func (f *facts) was(code notice) bool { return f.raised&(1<<code) != 0 }

// stepsMatter reports whether two step rules could differ. Most give the same
// where only one dimension of time is priced.
func (r *reconciler) stepsMatter(ours, other StepRule) bool {
	f := &r.facts
	ordinary := func(s StepRule) bool {
		return s == StepLast || s == StepLastRelevant || s == StepPerDimension || s == StepCombined
	}
	switch {
	case !f.uneven || !r.reachable(other):
		return false
	case ordinary(ours) && ordinary(other):
		return f.bothTimed
	case ordinary(ours) && other == StepNone:
		return f.surplus
	case ordinary(ours) && other == StepLastAllVolume:
		return f.unpriced || f.bothTimed
	}
	return true
}

func (r *reconciler) flatsMatter(ours, other FlatRule) bool {
	switch {
	case ours != FlatEachOnce:
		return true
	case other == FlatFirstOnly:
		return r.facts.flats > 1 || r.facts.reservationFlats > 1
	case other == FlatTwice:
		return r.scales(2, 1, (*costLine).startFee)
	}
	return r.scales(0, 1, (*costLine).startFee)
}

// roundingMatters reports whether the claim is as near as rounding every line goes.
func (r *reconciler) roundingMatters() bool {
	if r.facts.hits[0] || r.facts.hits[1] || r.facts.limits && r.profile().Limit != LimitIndependent {
		return true // a minimum of one side scales what was rounded on the other
	}
	halves := int128Of(int64(r.facts.lines + 3))
	for _, side := range [...][2]ocpi.Number{{r.claimed.Excl, r.base.Total.Excl}, {r.claimed.Incl, r.base.Total.Incl}} {
		if !side[0].IsSet() || !side[1].IsSet() {
			continue
		}
		var x arith
		d := magnitude(x.sub(pico(side[0]), pico(side[1])))
		if x.mul(halves, pow10[12-r.minor]).less(x.add(d, d)) {
			return false
		}
	}
	return true
}

func (f *facts) elapsedMatters(ours, other ElapsedRule) bool {
	if ours != ElapsedSession {
		return true
	}
	return f.elapsedBounds && (other == ElapsedCharging && f.chargingElsewhere || other == ElapsedParking && f.parkingElsewhere)
}

// limitsMatter: without a limit that moved our total, no rule of limits does.
func (f *facts) limitsMatter(ours, other LimitRule) bool {
	switch {
	case ours != LimitIndependent:
		return f.limits
	case other == LimitNoMin:
		return f.hits[0] || f.hits[1]
	case other == LimitNoMax:
		return f.hits[2] || f.hits[3]
	}
	return f.hits != [4]bool{}
}

func (f *facts) splitMatters(other SplitRule) bool {
	switch other {
	case SplitClock:
		return f.crossClock
	case SplitTimes:
		return f.crossClock && (f.energyByClock || f.energyBounds)
	case SplitEnergy:
		return f.crossEnergy
	}
	return f.crossClock && f.crossEnergy
}

// hoursMatter reports whether two ways to read hours could differ.
func (r *reconciler) hoursMatter(ours, other HoursRule, step StepRule) bool {
	multiply, divide := other.scale()
	if multiply == divide {
		return ours != HoursRecovered || r.facts.rounded && r.reachable(step)
	}
	return r.scales(multiply, divide, (*costLine).timed)
}

// apart returns how far the claim is from our total before limits, over
// reconciler.den, on the sides that both know; ok is false where that does not fit.
func (r *reconciler) apart() (d [2]int128, known [2]bool, ok bool) {
	var x arith
	for side, a := range [...][2]ocpi.Number{{r.claimed.Excl, r.base.Total.Excl}, {r.claimed.Incl, r.base.Total.Incl}} {
		if known[side] = a[0].IsSet() && a[1].IsSet(); !known[side] {
			continue
		}
		claimed := x.mul(pico(a[0]), r.perPico)
		if r.in.CDR.Credit {
			claimed = claimed.neg()
		}
		d[side] = x.sub(claimed, r.before[side])
	}
	return d, known, !x.overflow
}

// atLimit reports whether the claim is a limit: then what it was before says nothing.
func (r *reconciler) atLimit() bool {
	is := func(bound, claimed ocpi.Number) bool {
		if r.in.CDR.Credit {
			claimed = claimed.Neg()
		}
		return bound.IsSet() && claimed.IsSet() && r.same(bound, claimed)
	}
	f := &r.facts
	return f.limits && (is(f.minPrice.exclSent, r.claimed.Excl) || is(f.minPrice.inclSent, r.claimed.Incl) ||
		is(f.maxPrice.exclSent, r.claimed.Excl) || is(f.maxPrice.inclSent, r.claimed.Incl))
}

// within reports whether the claim is our total with more, to some slack, on every
// side that both know.
func (r *reconciler) within(more, slack func(side int) int128) bool {
	d, known, ok := r.apart()
	if !ok || r.atLimit() {
		return true
	}
	var x arith
	for side := range d {
		most := x.add(slack(side), r.rounding())
		if off := magnitude(x.sub(d[side], more(side))); known[side] && !x.overflow && most.less(off) {
			return false
		}
	}
	return true
}

// reachable reports whether a step rule and rounded hours could make up for what
// the claim is apart.
func (r *reconciler) reachable(rule StepRule) bool {
	times := int64(1)
	if rule == StepPerPeriod || r.profile().Step == StepPerPeriod {
		times += int64(r.facts.periods)
	}
	nothing := func(int) int128 { return int128{} }
	return r.within(nothing, func(side int) int128 { return r.moves(side, times, 1) })
}

// moves returns what some steps of every line, and some times the rounding of hours, cost.
func (r *reconciler) moves(side int, steps, hours int64) int128 {
	var x arith
	moves := x.add(x.mul(r.facts.stepCost[side], int128Of(steps)), x.mul(r.facts.driftCost[side], int128Of(hours)))
	if x.overflow {
		return farthest
	}
	return moves
}

// rounding returns how far rounding moves a total at most: half a minor unit a line,
// as much for the total, and as much for the claim.
func (r *reconciler) rounding() int128 {
	var x arith
	unit, _ := r.den.div(pow10[r.minor])
	return x.mul(unit, int128Of(int64(r.facts.lines/2+2)))
}

// scales reports whether the claim could be ours with the quantities of some
// lines multiplied, as far as step_size and rounding move it.
func (r *reconciler) scales(multiply, divide int64, of func(*costLine) bool) bool {
	var x arith
	var cost, measured [2]int128
	some := false
	for i := range r.lines {
		l := &r.lines[i]
		if !of(l) {
			continue
		}
		for side, amount := range [...]int128{l.excl, l.incl} {
			some = some || !l.measured[side].isZero()
			cost[side], measured[side] = x.add(cost[side], amount), x.add(measured[side], l.measured[side])
		}
	}
	more := func(side int) int128 {
		scaled, _ := x.mul(measured[side], int128Of(multiply)).div(int128Of(divide))
		return x.sub(scaled, cost[side])
	}
	return some && (r.within(more, func(side int) int128 { return r.moves(side, 1, max(multiply, 1)) }) || x.overflow)
}

// parkingCharges reports whether the claim could be ours with the parking billed as
// charging: at no price of TIME less than the least, or more than the greatest.
func (r *reconciler) parkingCharges() bool {
	f := &r.facts
	if !f.parked || f.currentBounds { // what was parked is told from what charged by its current
		return f.parked
	}
	var x arith
	var middle, half [2]int128
	for side := range middle {
		low, high := x.mul(f.timePrices[side][0], f.parkedTicks), x.mul(f.timePrices[side][1], f.parkedTicks)
		middle[side], half[side] = halfOf(x.add(low, high)), halfOf(x.sub(high, low))
	}
	for i := range r.lines {
		if l := &r.lines[i]; l.component.kind == ocpi.ComponentParkingTime {
			middle[0], middle[1] = x.sub(middle[0], l.excl), x.sub(middle[1], l.incl)
		}
	}
	return x.overflow || r.within(func(side int) int128 { return middle[side] },
		func(side int) int128 { return x.add(half[side], x.add(f.timeSteps[side], r.moves(side, 1, 1))) }) || x.overflow
}
