package clearing

import (
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing/tariff"
)

// Belongs returns the period a charge belongs to: the calendar month, as the zone's
// wall clock shows it, of the instant it is booked by (see [ocpi.BookedAt]). Zero when
// that is not known.
func Belongs(booked ocpi.Time, zone *tariff.Zone) ocpi.Month {
	if !booked.IsSet() {
		return 0
	}
	year, month, _ := zone.Local(booked).Date()
	return ocpi.MonthOf(year, month)
}

// Due returns the period whose statement a CDR that belongs to one comes to by itself:
// that period. With a cut-off day N (0 = none), a CDR whose last_updated is on day N+1 of
// the month after its own or later comes to that month, in the same zone.
func Due(belongs ocpi.Month, lastUpdated ocpi.Time, zone *tariff.Zone, cutOffDay int) ocpi.Month {
	if cutOffDay > 0 && lastUpdated.IsSet() {
		year, month, day := zone.Local(lastUpdated).Date()
		next := belongs.Add(1)
		if changed := ocpi.MonthOf(year, month); changed > next || changed == next && day > cutOffDay {
			return next
		}
	}
	return belongs
}

// Lands returns the period whose statement a CDR comes to that is due in one: that period,
// or the first one after the pair's closed ones.
func Lands(due, closedThrough ocpi.Month) ocpi.Month {
	if closedThrough.IsZero() {
		return due
	}
	return max(due, closedThrough.Add(1))
}
