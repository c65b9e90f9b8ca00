package tariff

import (
	"slices"

	"github.com/roamclear/roamclear/ocpi"
)

// bounds are the points at which restrictions of a tariff change, found, sorted
// and freed of repeats once, when it is prepared.
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

// elapsedAfter, energiesAfter and secondsAfter return the bounds beyond a state.

func (b *bounds) elapsedAfter(at int64) []int64 {
	i, found := slices.BinarySearch(b.elapsed, at)
	return b.elapsed[skip(i, found):]
}

func (b *bounds) energiesAfter(at int128) []int128 {
	i, found := slices.BinarySearchFunc(b.energies, at, int128.cmp)
	return b.energies[skip(i, found):]
}

func (b *bounds) secondsAfter(at int32) []int32 {
	i, found := slices.BinarySearch(b.seconds, at)
	return b.seconds[skip(i, found):]
}

func skip(i int, found bool) int {
	if found {
		return i + 1
	}
	return i
}

// settle sorts the bounds and drops repeats.
func (b *bounds) settle() {
	slices.Sort(b.seconds)
	slices.Sort(b.elapsed)
	slices.SortFunc(b.energies, int128.cmp)
	b.seconds, b.elapsed, b.energies = slices.Compact(b.seconds), slices.Compact(b.elapsed), slices.Compact(b.energies)
}

// maxSplitSteps bounds how long one price looks for periods that were not split.
// It is a finding and moves no amount; an audit looks closer and says where it ended.
const maxSplitSteps = 50_000

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

// compareEnds compares the prices at a period's start and just before its end,
// until it has found one that changes or taken its steps, which are not the price's.
func (e *Engine) compareEnds(i int, p *period, t *used, s *state, reserved bool) {
	if e.raised&(1<<noticePeriodNotSplit) != 0 || e.splitSteps > maxSplitSteps {
		return
	}
	before := e.steps
	last := *s
	last.elapsed += int64(p.end-p.start) - 1
	if t.usesWallClock {
		last.wall = e.clock.at(p.end - 1)
	}
	if p.energy.sign() > 0 {
		last.kwh = e.sub(e.add(s.kwh, p.energy), int128Of(1))
	}
	at := e.pricedAt(i, p, t, s, reserved)
	if e.changed(&at, i, p, t, &last, reserved) != ocpi.ComponentUnknown {
		e.raise(noticePeriodNotSplit, i)
	}
	e.splitSteps += e.steps - before
	e.steps = before
}

// reserved returns the state as a reservation sees it: time counts from where
// the reservation was made.
func (e *Engine) reserved(s *state) state {
	rs := *s
	rs.elapsed = int64(s.period.start - e.reservationStart)
	return rs
}

// pricedBy is which component of a tariff prices each type in some state: -1 for
// none, notAsked where the period has nothing of it or nothing could change.
type pricedBy [ocpi.ComponentParkingTime + 1]int32

const notAsked = -2

// pricedAt looks up every price component type that a period has volume for.
func (e *Engine) pricedAt(i int, p *period, t *used, s *state, reserved bool) (by pricedBy) {
	for kind := ocpi.ComponentFlat; kind <= ocpi.ComponentParkingTime; kind++ {
		by[kind] = notAsked
		switch {
		case reserved && kind != ocpi.ComponentFlat && kind != ocpi.ComponentTime:
		case !reserved && kind != ocpi.ComponentFlat && p.has&volumeOf[kind] == 0:
		case !reserved && (len(t.session[kind]) == 0 || t.session[kind][0].has == 0):
		default:
			by[kind] = e.componentAt(t, kind, s, i, reserved)
		}
	}
	return by
}

// changed returns the first price component type that another state of the
// period prices differently.
func (e *Engine) changed(at *pricedBy, i int, p *period, t *used, s *state, reserved bool) ocpi.Component {
	for kind := ocpi.ComponentFlat; kind <= ocpi.ComponentParkingTime; kind++ {
		if at[kind] != notAsked && at[kind] != e.componentAt(t, kind, s, i, reserved) {
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

// manyBounds is how many bounds are sooner looked at in turn than searched.
const manyBounds = 12

// crosses reports whether a bound lies strictly inside the period.
func (e *Engine) crosses(p *period, t *used, s *state) bool {
	length := int64(p.end - p.start)
	elapsed := t.bounds.elapsed
	if len(elapsed) > manyBounds {
		elapsed = first(t.bounds.elapsedAfter(s.elapsed))
	}
	for _, at := range elapsed {
		if s.elapsed < at && at-s.elapsed < length {
			return true
		}
	}
	if p.energy.sign() > 0 && len(t.bounds.energies) > 0 {
		energies, end := t.bounds.energies, e.add(s.kwh, p.energy)
		if len(energies) > manyBounds {
			energies = first(t.bounds.energiesAfter(s.kwh))
		}
		for _, at := range energies {
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
	return t.bounds.passesSecond(s.wall.second, int64(s.wall.second)+length/ocpi.Second)
}

// passesSecond reports whether a bound of the local day, or the earliest of the
// next, lies strictly between two seconds counted from the day's start.
func (b *bounds) passesSecond(from int32, until int64) bool {
	seconds := b.seconds
	if len(seconds) > manyBounds {
		seconds = first(b.secondsAfter(from))
	}
	for _, at := range seconds {
		if from < at && int64(at) < until {
			return true
		}
	}
	return int64(b.seconds[0])+secondsPerDay < until
}

func first[T any](list []T) []T { return list[:min(1, len(list))] }
