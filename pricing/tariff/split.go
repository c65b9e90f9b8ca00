package tariff

import (
	"slices"

	"github.com/roamclear/roamclear/ocpi"
)

// bounds are the points at which restrictions of a tariff change, sorted.
type bounds struct {
	seconds  []int32  // of the local day; 0 is in it where dates or weekdays count
	elapsed  []int64  // nanoseconds
	energies []int128 // 10^-12 kWh
}

// addBounds collects the bounds of one element.
func (b *bounds) addBounds(r *restriction) {
	if r.has&hasTime != 0 {
		b.seconds = append(b.seconds, r.startSecond, r.endSecond%secondsPerDay)
	}
	if r.has&(hasDate|hasWeekday) != 0 {
		b.seconds = append(b.seconds, 0)
	}
	if r.has&hasMinDuration != 0 {
		b.elapsed = append(b.elapsed, r.minDuration)
	}
	if r.has&hasMaxDuration != 0 {
		b.elapsed = append(b.elapsed, r.maxDuration)
	}
	if r.has&hasMinKWh != 0 {
		b.energies = append(b.energies, r.minKWh)
	}
	if r.has&hasMaxKWh != 0 {
		b.energies = append(b.energies, r.maxKWh)
	}
}

// settle sorts the bounds and drops repeats.
func (b *bounds) settle() {
	slices.Sort(b.seconds)
	slices.Sort(b.elapsed)
	slices.SortFunc(b.energies, int128.cmp)
	b.seconds, b.elapsed, b.energies = slices.Compact(b.seconds), slices.Compact(b.elapsed), slices.Compact(b.energies)
}

// checkSplit flags a period inside which the price changes (P-02: the CPO
// shall open a new period whenever another price component becomes active).
// The price stays that of the period's start: energy cannot be split after the
// fact, and the CPO alone knows.
func (e *Engine) checkSplit(i int, p *period, t *used, s *state) {
	if !p.end.IsSet() || p.end <= p.start {
		return
	}
	if !p.reservationOnly() && e.crosses(p, t, s) {
		e.compareEnds(i, p, t, s, false)
	}
	if p.has&volumeReservation != 0 {
		rs := e.reserved(s)
		if e.crosses(p, t, &rs) {
			e.compareEnds(i, p, t, &rs, true)
		}
	}
}

// compareEnds compares the prices at a period's start and just before its end.
func (e *Engine) compareEnds(i int, p *period, t *used, s *state, reserved bool) {
	last := *s
	last.elapsed += int64(p.end-p.start) - 1
	if t.usesWallClock {
		last.wall = e.clock.at(p.end - 1)
	}
	if p.energy.sign() > 0 {
		last.kwh = e.sub(e.add(s.kwh, p.energy), int128Of(1))
	}
	if e.changed(i, p, t, s, &last, reserved) != ocpi.ComponentUnknown {
		e.raise(noticePeriodNotSplit, i)
	}
}

// reserved returns the state as a reservation sees it: time counts from where
// the reservation was made.
func (e *Engine) reserved(s *state) state {
	rs := *s
	rs.elapsed = int64(s.period.start - e.reservationStart)
	return rs
}

// changed returns the first price component type that two states of a period
// price differently, of those that the period has volume for.
func (e *Engine) changed(i int, p *period, t *used, a, b *state, reserved bool) ocpi.Component {
	for kind := ocpi.ComponentFlat; kind <= ocpi.ComponentParkingTime; kind++ {
		switch {
		case reserved && kind != ocpi.ComponentFlat && kind != ocpi.ComponentTime:
			continue
		case !reserved && kind != ocpi.ComponentFlat && p.has&volumeOf[kind] == 0:
			continue
		case !reserved && (len(t.session[kind]) == 0 || t.session[kind][0].has == 0):
			continue // nothing that could change
		}
		if e.componentAt(t, kind, a, i, reserved) != e.componentAt(t, kind, b, i, reserved) {
			return kind
		}
	}
	return ocpi.ComponentUnknown
}

var volumeOf = [...]uint16{
	ocpi.ComponentEnergy: volumeEnergy, ocpi.ComponentTime: volumeTime, ocpi.ComponentParkingTime: volumeParking,
}

// componentAt returns the component that prices a type in a state, -1 for none.
func (e *Engine) componentAt(t *used, kind ocpi.Component, s *state, i int, reserved bool) int32 {
	list := t.session[kind]
	if reserved {
		list = e.reservationList(t, kind, s, i)
	}
	if found := e.find(list, s, i); found >= 0 {
		return list[found].component
	}
	return -1
}

// crosses reports whether a bound lies strictly inside the period.
func (e *Engine) crosses(p *period, t *used, s *state) bool {
	length := int64(p.end - p.start)
	for _, at := range t.bounds.elapsed {
		if s.elapsed < at && at-s.elapsed < length {
			return true
		}
	}
	if p.energy.sign() > 0 && len(t.bounds.energies) > 0 {
		end := e.add(s.kwh, p.energy)
		for _, at := range t.bounds.energies {
			if s.kwh.less(at) && at.less(end) {
				return true
			}
		}
	}
	if len(t.bounds.seconds) == 0 {
		return false
	}
	if length >= secondsPerDay*ocpi.Second || e.clock.until*ocpi.Second < int64(p.end) && e.clock.until < zoneEnd {
		return true
	}
	from := int64(s.wall.second)
	until := from + length/ocpi.Second
	for _, at := range t.bounds.seconds {
		if from < int64(at) && int64(at) < until {
			return true
		}
	}
	return int64(t.bounds.seconds[0])+secondsPerDay < until // the earliest of the next day
}

// changeInside returns the first price that changes strictly inside a period,
// and when, looking at every bound inside it.
func (e *Engine) changeInside(i int, p *period, t *used, s *state) (kind ocpi.Component, at string) {
	if !t.usesBounds || !p.end.IsSet() || p.end <= p.start {
		return ocpi.ComponentUnknown, ""
	}
	if !p.reservationOnly() {
		if kind, at = e.changeIn(i, p, t, s, false); kind != ocpi.ComponentUnknown {
			return kind, at
		}
	}
	if p.has&volumeReservation != 0 {
		rs := e.reserved(s)
		return e.changeIn(i, p, t, &rs, true)
	}
	return ocpi.ComponentUnknown, ""
}

func (e *Engine) changeIn(i int, p *period, t *used, s *state, reserved bool) (kind ocpi.Component, at string) {
	try := func(inside *state, when string) bool {
		kind, at = e.changed(i, p, t, s, inside, reserved), when
		return kind != ocpi.ComponentUnknown
	}
	for _, bound := range t.bounds.elapsed {
		if s.elapsed < bound && bound-s.elapsed < int64(p.end-p.start) {
			inside := *s
			inside.elapsed = bound
			if try(&inside, "at "+(p.start+ocpi.Time(bound-s.elapsed)).String()) {
				return kind, at
			}
		}
	}
	for _, bound := range t.bounds.energies {
		if s.kwh.less(bound) && bound.less(e.add(s.kwh, p.energy)) {
			inside := *s
			inside.kwh = bound
			if try(&inside, "at "+number12(bound).String()+" kWh") {
				return kind, at
			}
		}
	}
	if t.usesWallClock && e.wallChangeInside(p, t, s, try) {
		return kind, at
	}
	return ocpi.ComponentUnknown, ""
}

// wallChangeInside tries the local bounds of the first nine days of a period,
// which have every weekday in them.
func (e *Engine) wallChangeInside(p *period, t *used, s *state, try func(*state, string) bool) bool {
	for day := range int64(9) {
		for _, bound := range t.bounds.seconds {
			instant := p.start + ocpi.Time((int64(bound)-int64(s.wall.second)+day*secondsPerDay)*ocpi.Second)
			if instant <= p.start || instant >= p.end {
				continue
			}
			inside := *s
			inside.elapsed += int64(instant - p.start)
			inside.wall = e.clock.at(instant)
			if try(&inside, "at "+instant.String()) {
				return true
			}
		}
	}
	return false
}
