package tariff

import "github.com/roamclear/roamclear/ocpi"

// A tick is 10^-10 s: 36 × 10^12 of them are an hour, so that an hour with 12
// decimals is a whole number of ticks.
const (
	ticksPerSecond     = int64(1e10)
	ticksPerNanosecond = 10
	maxHours           = 200_000 // per volume; a tick count of more could leave 64 bits
)

// Per number of decimals: the largest coefficient of a volume of hours, how
// many ticks one unit of it is, and half of one unit in ticks.
var maxHourCoef, ticksPerUnit, halfUnit = func() (limit, ticks, half [13]int64) {
	for d := range limit {
		limit[d] = maxHours * pow10i64[d]
		ticks[d] = 36 * pow10i64[12-d]
		half[d] = ticks[d] / 2
	}
	return limit, ticks, half
}()

// ticksOf converts a volume of hours; ok is false beyond maxHours.
func ticksOf(n ocpi.Number) (ticks int64, ok bool) {
	coef, scale := n.Coef(), n.Scale()
	if limit := maxHourCoef[scale]; coef > limit || coef < -limit {
		return 0, false
	}
	return coef * ticksPerUnit[scale], true
}

// recoverSeconds undoes the rounding of hours (P-05): OCPI numbers have 4
// decimals, which is 0.36 s, and a step_size of 60 s would turn 0.1667 h into
// 660 s.
//
// decimals is the number of decimals of the hours as printed; length is the
// period's length in ticks when it is known and the period measured this time
// dimension alone, else -1. exact is false when neither the clock nor the
// decimals tell the seconds.
func recoverSeconds(ticks int64, decimals uint8, length int64) (recovered int64, exact bool) {
	if length >= 0 {
		tolerance := halfUnit[decimals]
		if d := ticks - length; -tolerance <= d && d <= tolerance {
			return length, true
		}
	}
	if decimals >= 4 {
		return roundToSecond(ticks), true
	}
	return ticks, ticks%ticksPerSecond == 0
}

// roundToSecond rounds to a whole second, half away from zero.
func roundToSecond(ticks int64) int64 {
	half := ticksPerSecond / 2
	if ticks < 0 {
		half = -half
	}
	return (ticks + half) / ticksPerSecond * ticksPerSecond
}

// scale is what hours are taken times and divided by under the rule: alike where
// they are read as hours.
func (h HoursRule) scale() (multiply, divide int64) {
	switch h {
	case HoursAsSeconds:
		return 1, 3600
	case HoursAsMinutes:
		return 1, 60
	case HoursPerMinute:
		return 60, 1
	case HoursPerSecond:
		return 3600, 1
	default:
		return 1, 1
	}
}

// misreadHours is what becomes of the hours of a period by a rule that does not
// recover seconds.
func (e *Engine) misreadHours(p *period) {
	multiply, divide := e.profile.Hours.scale()
	if multiply == divide {
		return // as printed
	}
	for _, ticks := range [...]*int64{&p.time, &p.parking, &p.reserved} {
		n, ok := e.mul(int128Of(*ticks), int128Of(multiply)).int64()
		if !ok {
			e.overflow = true
		}
		*ticks = n / divide
	}
}
