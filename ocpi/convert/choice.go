package convert

import (
	"strconv"

	"github.com/roamclear/roamclear/ocpi"
)

// chosenAlike tells where a Tariff means another price by the rule of the other version:
// 2.1.1 takes the first element whose restrictions match for everything ("the first
// tariff in the list with matching restrictions will be used"), 2.2.1 the first for
// each dimension. Down the object is refused, up it is told.
func (c *conversion) chosenAlike(text string) {
	var d ocpi.Decoder
	t, err := d.TariffToPrice(c.from, []byte(text))
	if err != nil {
		return // not reached: the text is JSON and an object
	}
	at, ok := differs(t.Elements)
	if !ok {
		return
	}
	path := "elements[" + strconv.Itoa(at) + "]"
	if c.down() {
		c.refuse(path, "OCPI 2.1.1 takes the first element that matches for everything and would never come to it")
		return
	}
	c.lose(path, "OCPI 2.1.1 takes the first element that matches for everything and never comes to it; OCPI "+c.to.String()+" does")
}

// dimensionSet has a bit for each type of component.
type dimensionSet uint8

// dimensionsOf returns what an element has components for, and for which of these a
// charge costs something by it.
func dimensionsOf(e *ocpi.TariffElement) (named, priced dimensionSet) {
	for i := range e.Components {
		bit := dimensionSet(1) << e.Components[i].Type
		named |= bit
		if e.Components[i].Price.Sign() != 0 {
			priced |= bit
		}
	}
	return named, priced
}

// differs returns the first element that prices a dimension which an earlier one that
// can match at the same time does not have. Behind an element without restrictions
// 2.1.1 never looks, so that one decides alone.
func differs(elements []ocpi.TariffElement) (at int, ok bool) {
	for i := range min(len(elements), maxCompared) {
		named, _ := dimensionsOf(&elements[i])
		for j := i + 1; j < len(elements); j++ {
			_, priced := dimensionsOf(&elements[j])
			if priced&^named != 0 && overlap(&elements[i].Restrictions, &elements[j].Restrictions) {
				return j, true
			}
		}
		if elements[i].Restrictions == (ocpi.Restrictions{}) {
			return 0, false
		}
	}
	return maxCompared, len(elements) > maxCompared
}

// maxCompared bounds the work: a tariff of more elements before one that always matches
// counts as one that differs.
const maxCompared = 300

// overlap reports whether two sets of restrictions can match at the same time. Where it
// is not certain that they cannot, they can.
func overlap(a, b *ocpi.Restrictions) bool {
	days := a.DayOfWeek == 0 || b.DayOfWeek == 0 || a.DayOfWeek&b.DayOfWeek != 0
	return days && (a.Reservation == ocpi.ReservationNone) == (b.Reservation == ocpi.ReservationNone) &&
		below(a.MinKWh, b.MaxKWh) && below(b.MinKWh, a.MaxKWh) &&
		below(a.MinCurrent, b.MaxCurrent) && below(b.MinCurrent, a.MaxCurrent) &&
		below(a.MinPower, b.MaxPower) && below(b.MinPower, a.MaxPower) &&
		below(a.MinDuration, b.MaxDuration) && below(b.MinDuration, a.MaxDuration) &&
		earlier(a.StartDate, b.EndDate) && earlier(b.StartDate, a.EndDate) &&
		hoursOverlap(a, b)
}

// below reports whether a range that begins at low can have values that one which ends
// at high has: ends are exclusive.
func below(low, high ocpi.Number) bool { return !low.IsSet() || !high.IsSet() || low.Cmp(high) < 0 }

func earlier(start, end ocpi.Date) bool {
	return !start.IsSet() || !end.IsSet() || start.String() < end.String()
}

// hoursOverlap compares times of day. A window that does not end after it starts goes
// on past midnight.
func hoursOverlap(a, b *ocpi.Restrictions) bool {
	return within(a, b.StartTime) || within(b, a.StartTime)
}

// within reports whether the window of some restrictions holds a minute; an absent
// start is midnight.
func within(r *ocpi.Restrictions, minute ocpi.TimeOfDay) bool {
	at := minuteOf(minute, 0)
	start, end := minuteOf(r.StartTime, 0), minuteOf(r.EndTime, minutesPerDay)
	if start < end {
		return start <= at && at < end
	}
	return at >= start || at < end
}

const minutesPerDay = 24 * 60

func minuteOf(t ocpi.TimeOfDay, absent int) int {
	if !t.IsSet() {
		return absent
	}
	return t.Minute()
}
