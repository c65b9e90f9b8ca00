package tariff

import (
	"fmt"
	"slices"
	"time"

	"github.com/roamclear/roamclear/ocpi"
)

// Whoever measures a charge shall open a new charging period wherever another
// price component may become active (P-02; mod_cdrs, ChargingPeriod). The
// functions of this file tell where that is.

// ElapsedBounds returns the durations since the start of the session (or of a
// reservation), in nanoseconds and ascending, at which a restriction of the
// tariff begins or ceases to hold (min_duration, max_duration).
func (p *Prepared) ElapsedBounds() []int64 { return slices.Clone(p.bounds.elapsed) }

// EnergyBounds returns the energies since the start of the session, in kWh and
// ascending, at which a restriction begins or ceases to hold (min_kwh, max_kwh).
func (p *Prepared) EnergyBounds() []ocpi.Number {
	var list []ocpi.Number
	for _, at := range p.bounds.energies {
		list = append(list, number12(at))
	}
	return list
}

// WallClockBounds returns the instants strictly between from and until,
// ascending, at which local time reaches a bound of start_time, end_time,
// start_date, end_date or day_of_week, or the zone's clocks change. The error
// says that there are more than most. Without such restrictions, or without a
// zone, there are none.
func (p *Prepared) WallClockBounds(zone *Zone, from, until ocpi.Time, most int) ([]ocpi.Time, error) {
	if !p.usesWallClock || zone == nil {
		return nil, nil
	}
	var list []ocpi.Time
	add := func(unix int64) bool {
		if t := ocpi.Time(unix * ocpi.Second); from < t && t < until {
			list = append(list, t)
		}
		return len(list) <= most
	}
	for unix := floorDiv(int64(from), ocpi.Second); ocpi.Time(unix*ocpi.Second) < until; {
		offset, _, end := zone.span(unix)
		end = min(end, floorDiv(int64(until), ocpi.Second)+1)
		midnight := floorDiv(unix+offset, secondsPerDay) * secondsPerDay
		for ; midnight-offset < end; midnight += secondsPerDay {
			for _, second := range p.bounds.seconds {
				at := midnight + int64(second) - offset
				if at < unix || at >= end {
					continue
				}
				if !add(at) {
					return nil, fmt.Errorf("local time passes more than %d bounds of the tariff", most)
				}
			}
		}
		if unix = end; !add(end) {
			return nil, fmt.Errorf("local time passes more than %d bounds of the tariff", most)
		}
	}
	slices.Sort(list)
	return slices.Compact(list), nil
}

// Local returns an instant as the zone's wall clock shows it.
func (z *Zone) Local(t ocpi.Time) time.Time { return t.Go().In(z.location) }

// Instant returns the instant at which the zone's wall clock shows a date and
// a time. One that is shown twice means one of the two; one that is skipped
// means as far on either side of the gap (time.Date).
func (z *Zone) Instant(year int, month time.Month, day, hour, minute int) ocpi.Time {
	return ocpi.TimeOf(time.Date(year, month, day, hour, minute, 0, 0, z.location))
}
