package tariff

import "github.com/roamclear/roamclear/ocpi"

// tally is what one price component has been charged for.
type tally struct {
	used        bool
	quantity    int128 // 10^-12 kWh, ticks, or how often a FLAT is charged
	surplus     int128 // what step_size added
	roundedFrom int128 // the total that was rounded up
	excl, incl  int128 // over 36 × 10^(12+decimals) × grossDivisor, set by amounts
}

// dimension is a session total that step_size is applied to (step.go).
type dimension struct {
	kind      ocpi.Component
	total     int128
	tariff    int32 // where the last relevant component is; noTariff: none
	component int32
	period    int32
}

// chargePeriods looks up the component of every dimension in every period, at
// the period's start, and tallies its volume (P-03, P-04).
func (e *Engine) chargePeriods() *Unpriceable {
	s := state{}
	for i := range e.periods {
		if e.steps > MaxSteps {
			return unpriceable(ReasonTooMuchWork, "charging_periods × elements of its tariffs: more than %d restrictions to look at", MaxSteps)
		}
		p := &e.periods[i]
		if p.tariff != noTariff {
			t := &e.tariffs[p.tariff]
			e.stateAt(&s, p, t)
			e.chargePeriod(i, p, t, &s)
			if t.usesBounds {
				e.checkSplit(i, p, t, &s)
			}
		}
		if !p.energy.isZero() {
			s.kwh = e.add(s.kwh, p.energy)
		}
	}
	return nil
}

// stateAt sets the state at the start of a period; s.kwh is the caller's.
func (e *Engine) stateAt(s *state, p *period, t *used) {
	if t.usesWallClock {
		s.wall = e.clock.at(p.start)
	}
	s.elapsed = int64(p.start - e.sessionStart)
	s.period = p
}

func (e *Engine) chargePeriod(i int, p *period, t *used, s *state) {
	if !p.reservationOnly() {
		if !t.flatSettled {
			e.chargeFlat(i, p, t, s)
		}
		if p.has&volumeEnergy != 0 {
			e.charge(t, t.session[ocpi.ComponentEnergy], s, i, p, p.energy, &e.energy)
		}
		if p.has&volumeTime != 0 {
			e.charge(t, t.session[ocpi.ComponentTime], s, i, p, int128Of(p.time), &e.charging)
		}
		if p.has&volumeParking != 0 {
			e.charge(t, t.session[ocpi.ComponentParkingTime], s, i, p, int128Of(p.parking), &e.parking)
		}
	}
	if p.has&volumeReservation != 0 {
		e.chargeReservation(i, p, t, s)
	}
}

// charge adds a volume to the component that prices it, if one does. Volume
// without a component costs nothing and does not count for step_size.
func (e *Engine) charge(t *used, list []candidate, s *state, i int, p *period, q int128, d *dimension) {
	found := e.find(list, s, i)
	if e.explain.on {
		e.traceLookup(t, d.kind, list, found, s, i, q)
	}
	if found < 0 {
		return
	}
	c := list[found].component
	y := &e.tallies[t.first+c]
	y.used = true
	if e.profile.Step == StepPerPeriod {
		q = e.roundUp(q, t.components[c].step)
	}
	y.quantity = e.add(y.quantity, q)
	d.total = e.add(d.total, q)
	if !q.isZero() || d == &e.energy && e.profile.Surplus == SurplusLastPresent {
		d.tariff, d.component, d.period = p.tariff, c, int32(i)
	}
}

// find returns the first candidate whose restrictions all match (mod_tariffs,
// TariffElement: "the first Tariff Element with matching restrictions"), -1
// when none does.
func (e *Engine) find(list []candidate, s *state, period int) int {
	if e.profile.Match == MatchLast {
		return e.findLast(list, s, period)
	}
	for i := range list {
		r := &list[i].restriction
		if r.has == 0 || e.matches(r, s, period) == NoRestriction {
			e.steps += i + 1
			return i
		}
	}
	e.steps += len(list)
	return -1
}

// findLast returns the last candidate whose restrictions all match.
func (e *Engine) findLast(list []candidate, s *state, period int) int {
	e.steps += len(list)
	for i := len(list) - 1; i >= 0; i-- {
		if e.matches(&list[i].restriction, s, period) == NoRestriction {
			return i
		}
	}
	return -1
}

// matches returns what a restriction fails on under the profile.
func (e *Engine) matches(r *restriction, s *state, period int) Restriction {
	if r.has&(hasWallClock|hasElapsed|hasEnergy) != 0 {
		if fails := r.failsOn(s); fails != NoRestriction {
			return fails
		}
	}
	if r.has&hasEqualWindow != 0 && e.profile.Window == WindowNever {
		return OnTime
	}
	if r.has&hasMeasured == 0 {
		return NoRestriction
	}
	fails, unverified, straddled := r.failsOnMeasured(s.period)
	if fails != NoRestriction {
		return fails
	}
	if unverified && !(s.period.parked() && r.has&(hasMinCurrent|hasMinPower) == 0) {
		if e.profile.Evidence == EvidenceRequired {
			if r.has&hasCurrent != 0 && s.period.measured&measuredCurrent == 0 {
				return OnCurrent
			}
			return OnPower
		}
		e.raise(noticeUnverifiable, period)
	}
	if straddled {
		e.raise(noticeStraddled, period)
	}
	return NoRestriction
}
