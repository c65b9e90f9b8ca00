package tariff

import (
	"math"
	"math/bits"

	"github.com/roamclear/roamclear/ocpi"
)

// Restriction names one member of TariffRestrictions (mod_tariffs), in the
// order in which they are tested.
type Restriction uint8

// Restrictions. NoRestriction is what a match fails on when it does not fail.
const (
	NoRestriction Restriction = iota
	OnTime                    // start_time and end_time
	OnDate                    // start_date and end_date
	OnWeekday                 // day_of_week
	OnDuration                // min_duration and max_duration
	OnEnergy                  // min_kwh and max_kwh
	OnCurrent                 // min_current and max_current
	OnPower                   // min_power and max_power
	OnReservation             // reservation
)

var restrictionNames = [...]string{"", "time", "date", "weekday", "duration", "kwh", "current", "power", "reservation"}

// String returns a short stable code.
func (r Restriction) String() string {
	if int(r) < len(restrictionNames) {
		return restrictionNames[r]
	}
	return "unknown"
}

// What a restriction restricts, as bits.
const (
	hasTime uint16 = 1 << iota
	hasDate
	hasWeekday
	hasMinDuration
	hasMaxDuration
	hasMinKWh
	hasMaxKWh
	hasMinCurrent
	hasMaxCurrent
	hasMinPower
	hasMaxPower
	hasEqualWindow // start_time = end_time, not 00:00

	hasWallClock = hasTime | hasDate | hasWeekday | hasEqualWindow
	hasElapsed   = hasMinDuration | hasMaxDuration
	hasEnergy    = hasMinKWh | hasMaxKWh
	hasCurrent   = hasMinCurrent | hasMaxCurrent
	hasPower     = hasMinPower | hasMaxPower
	hasMeasured  = hasCurrent | hasPower
)

// restriction is a compiled TariffRestrictions: all bounds half-open, joined
// by AND. Quantities are in 10^-12 of their unit, durations in nanoseconds.
type restriction struct {
	has                      uint16
	startSecond, endSecond   int32 // of the local day; start > end: the window passes midnight
	weekdays                 ocpi.Weekdays
	startDay, endDay         int32
	minDuration, maxDuration int64
	minKWh, maxKWh           int128
	minCurrent, maxCurrent   int128
	minPower, maxPower       int128
}

const secondsPerDay = 24 * 60 * 60

// compileRestriction reads the members as P-04's table has them.
func compileRestriction(r *ocpi.Restrictions) restriction {
	c := restriction{endSecond: secondsPerDay, startDay: math.MinInt32, endDay: math.MaxInt32}
	compileWindow(r, &c)
	if r.StartDate.IsSet() || r.EndDate.IsSet() {
		c.has |= hasDate
		if r.StartDate.IsSet() {
			c.startDay = dayOf(r.StartDate)
		}
		if r.EndDate.IsSet() {
			c.endDay = dayOf(r.EndDate)
		}
	}
	if r.DayOfWeek != 0 {
		c.has |= hasWeekday
		c.weekdays = r.DayOfWeek
	}
	if r.MinDuration.IsSet() {
		c.has |= hasMinDuration
		c.minDuration = nanoseconds(r.MinDuration)
	}
	if r.MaxDuration.IsSet() {
		c.has |= hasMaxDuration
		c.maxDuration = nanoseconds(r.MaxDuration)
	}
	for _, bound := range []struct {
		from ocpi.Number
		to   *int128
		has  uint16
	}{
		{r.MinKWh, &c.minKWh, hasMinKWh}, {r.MaxKWh, &c.maxKWh, hasMaxKWh},
		{r.MinCurrent, &c.minCurrent, hasMinCurrent}, {r.MaxCurrent, &c.maxCurrent, hasMaxCurrent},
		{r.MinPower, &c.minPower, hasMinPower}, {r.MaxPower, &c.maxPower, hasMaxPower},
	} {
		if bound.from.IsSet() {
			c.has |= bound.has
			*bound.to = pico(bound.from)
		}
	}
	return c
}

// compileWindow reads start_time and end_time: a missing one means midnight,
// an end of 00:00 the end of the day, and start = end the whole day.
func compileWindow(r *ocpi.Restrictions, c *restriction) {
	if !r.StartTime.IsSet() && !r.EndTime.IsSet() {
		return
	}
	if r.StartTime.IsSet() {
		c.startSecond = int32(r.StartTime.Minute()) * 60
	}
	if r.EndTime.IsSet() && r.EndTime.Minute() != 0 {
		c.endSecond = int32(r.EndTime.Minute()) * 60
	}
	switch {
	case c.startSecond == c.endSecond:
		c.has |= hasEqualWindow
	case c.startSecond != 0 || c.endSecond != secondsPerDay:
		c.has |= hasTime
	}
}

// pico returns a number as an integer of 10^-12: at most 18 digits shifted by
// 12, so it always fits.
func pico(n ocpi.Number) int128 {
	coef := n.Coef()
	if coef < 0 {
		hi, lo := bits.Mul64(uint64(-coef), uint64(pow10i64[12-n.Scale()]))
		return int128{int64(hi), lo}.neg()
	}
	hi, lo := bits.Mul64(uint64(coef), uint64(pow10i64[12-n.Scale()]))
	return int128{int64(hi), lo}
}

// nanoseconds returns a number of seconds rounded up to nanoseconds, so that
// "elapsed >= bound" and "elapsed < bound" keep their meaning, and bounded to
// what an instant can hold.
func nanoseconds(n ocpi.Number) int64 {
	q, r := pico(n).div(int128Of(1000))
	if r.sign() > 0 {
		q = int128{q.hi, q.lo + 1}
	}
	ns, ok := q.int64()
	switch {
	case ok:
		return ns
	case n.Sign() < 0:
		return math.MinInt64
	}
	return math.MaxInt64
}

// state is what restrictions are tested against: one instant of one period
// (P-03).
type state struct {
	wall    wall
	elapsed int64   // nanoseconds since the session's start
	kwh     int128  // 10^-12 kWh of the periods before
	period  *period // for what was measured in it
}

const (
	measuredMinCurrent uint8 = 1 << iota
	measuredMaxCurrent
	measuredMinPower
	measuredMaxPower

	measuredCurrent = measuredMinCurrent | measuredMaxCurrent
	measuredPower   = measuredMinPower | measuredMaxPower
)

// failsOn returns the first restriction that does not hold, or NoRestriction.
// What a current or power restriction does without a measurement is the
// caller's to decide (matchMeasured).
func (r *restriction) failsOn(s *state) Restriction {
	has := r.has
	if has&hasTime != 0 && !r.inWindow(s.wall.second) {
		return OnTime
	}
	if has&hasDate != 0 && (s.wall.day < r.startDay || s.wall.day >= r.endDay) {
		return OnDate
	}
	if has&hasWeekday != 0 && r.weekdays&(1<<s.wall.weekday) == 0 {
		return OnWeekday
	}
	if has&hasMinDuration != 0 && s.elapsed < r.minDuration || has&hasMaxDuration != 0 && s.elapsed >= r.maxDuration {
		return OnDuration
	}
	if has&hasMinKWh != 0 && s.kwh.less(r.minKWh) || has&hasMaxKWh != 0 && !s.kwh.less(r.maxKWh) {
		return OnEnergy
	}
	return NoRestriction
}

// inWindow reports whether a second of the local day lies in [start, end); a window
// whose end is before its start passes midnight.
func (r *restriction) inWindow(second int32) bool {
	if r.startSecond < r.endSecond {
		return r.startSecond <= second && second < r.endSecond
	}
	return second >= r.startSecond || second < r.endSecond
}

// failsOnMeasured tests current and power: the period reached the range, so a
// minimum is tested against the period's MAX_* (else its MIN_*), a maximum
// against its MIN_* (else its MAX_*). straddled: the period lies on both sides.
func (r *restriction) failsOnMeasured(p *period) (fails Restriction, unverified, straddled bool) {
	if r.has&hasCurrent != 0 {
		if p.measured&measuredCurrent == 0 {
			unverified = true
		} else {
			low, high := p.minCurrent, p.maxCurrent
			if r.has&hasMinCurrent != 0 && high.less(r.minCurrent) || r.has&hasMaxCurrent != 0 && !low.less(r.maxCurrent) {
				return OnCurrent, unverified, false
			}
			straddled = r.has&hasMinCurrent != 0 && low.less(r.minCurrent) || r.has&hasMaxCurrent != 0 && !high.less(r.maxCurrent)
		}
	}
	if r.has&hasPower != 0 {
		if p.measured&measuredPower == 0 {
			return NoRestriction, true, straddled
		}
		low, high := p.minPower, p.maxPower
		if r.has&hasMinPower != 0 && high.less(r.minPower) || r.has&hasMaxPower != 0 && !low.less(r.maxPower) {
			return OnPower, unverified, false
		}
		straddled = straddled || r.has&hasMinPower != 0 && low.less(r.minPower) || r.has&hasMaxPower != 0 && !high.less(r.maxPower)
	}
	return NoRestriction, unverified, straddled
}
