package lint

import (
	"fmt"
	"slices"

	"github.com/roamclear/roamclear/ocpi"
)

// axisMembers names the restrictions of the numeric axes.
var axisMembers = [axes][2]string{
	axisKWh:      {"min_kwh", "max_kwh"},
	axisDuration: {"min_duration", "max_duration"},
	axisCurrent:  {"min_current", "max_current"},
	axisPower:    {"min_power", "max_power"},
}

// restrictions checks the restrictions of one element by themselves.
func (c *checker) restrictions(i int, r *ocpi.Restrictions) {
	for axis := axisKWh; axis < axes; axis++ {
		c.numericRange(i, r, axis)
	}
	if r.StartDate.IsSet() && r.EndDate.IsSet() && compareDates(r.EndDate, r.StartDate) <= 0 {
		c.add("empty_range", ocpi.Serious, restrictionPath(i, "end_date"), "end_date is exclusive and not after start_date: the element never applies; write the day after the last one")
	}
	c.datesInValidity(i, r)
	c.window(i, r)
	c.energyUnit(i, r)
	c.powerUnit(i, r)
	c.durationUnit(i, r)
}

// numericRange checks a min and max: min is inclusive, max exclusive.
func (c *checker) numericRange(i int, r *ocpi.Restrictions, axis int) {
	low, high := bounds(r, axis)
	name := axisMembers[axis]
	for k, n := range []ocpi.Number{low, high} {
		if n.Sign() < 0 {
			c.add("negative_bound", ocpi.Warning, restrictionPath(i, name[k]), "a bound below zero counts as zero; correct it or leave it out")
		}
	}
	switch {
	case high.IsSet() && high.Sign() <= 0:
		c.add("empty_range", ocpi.Serious, restrictionPath(i, name[1]), "nothing is below zero: the element never applies; leave "+name[1]+" out if there is no upper bound")
	case low.IsSet() && high.IsSet() && low.Cmp(high) >= 0:
		c.add("empty_range", ocpi.Serious, restrictionPath(i, name[1]), name[1]+" is exclusive and not above "+name[0]+": the element never applies; correct the bounds")
	case low.IsSet() && low.Sign() == 0:
		c.add("bound_of_zero", ocpi.Info, restrictionPath(i, name[0]), "everything is at least zero: the bound restricts nothing; leave it out")
	}
}

// datesInValidity reports dates that lie outside the tariff's validity. A day
// of grace on either side leaves room for the time zone.
func (c *checker) datesInValidity(i int, r *ocpi.Restrictions) {
	const day = int64(24 * 60 * 60)
	late := r.StartDate.IsSet() && c.t.End.IsSet() && dayNumber(r.StartDate)*day-day >= int64(c.t.End)/ocpi.Second
	early := r.EndDate.IsSet() && c.t.Start.IsSet() && dayNumber(r.EndDate)*day+day <= int64(c.t.Start)/ocpi.Second
	if late {
		c.add("never_valid", ocpi.Serious, restrictionPath(i, "start_date"), "the element starts to apply after the tariff has ended (end_date_time); correct one of the two")
	}
	if early {
		c.add("never_valid", ocpi.Serious, restrictionPath(i, "end_date"), "the element ends before the tariff starts to be valid (start_date_time); correct one of the two")
	}
}

const allDays = ocpi.Weekdays(1<<7 - 1)

// window checks start_time, end_time and day_of_week.
func (c *checker) window(i int, r *ocpi.Restrictions) {
	if r.DayOfWeek == allDays {
		c.add("entire_week", ocpi.Info, restrictionPath(i, "day_of_week"), "all seven days restrict nothing; leave day_of_week out")
	}
	start, end := r.StartTime, r.EndTime
	switch {
	case !start.IsSet() && !end.IsSet():
		return
	case !end.IsSet():
		c.add("one_sided_window", ocpi.Info, restrictionPath(i, "start_time"), "without end_time the window is taken to last until midnight (OCPI issue 502); write end_time 00:00")
		return
	case !start.IsSet():
		c.add("one_sided_window", ocpi.Info, restrictionPath(i, "end_time"), "without start_time the window is taken to begin at midnight (OCPI issue 502); write start_time 00:00")
	case start == end && start.Minute() == 0:
		c.add("whole_day", ocpi.Info, restrictionPath(i, "end_time"), "from 00:00 to 00:00 is the whole day and restricts nothing; leave both out")
	case start == end:
		c.add("equal_window", ocpi.Warning, restrictionPath(i, "end_time"), "start_time equals end_time: taken as the whole day, by other readers as never; leave both out for the whole day")
	case start > end && end.Minute() != 0 && r.DayOfWeek != 0 && r.DayOfWeek != allDays:
		c.add("wrapping_window_with_weekday", ocpi.Warning, restrictionPath(i, "day_of_week"), "the window passes midnight: the weekday of the moment decides, so the hours after midnight are those of the named days, not of the nights that begin on them; split the element at 00:00")
	}
	c.endOneShort(i, r)
}

// endOneShort reports an end_time that was meant to be inclusive: 23:59, or a
// minute before another element starts.
func (c *checker) endOneShort(i int, r *ocpi.Restrictions) {
	end := r.EndTime.Minute()
	if end%60 != 59 {
		return
	}
	next := fmt.Sprintf("%02d:%02d", (end+1)/60%24, (end+1)%60)
	if end == minutesPerDay-1 {
		c.add("end_time_2359", ocpi.Warning, restrictionPath(i, "end_time"), "end_time is exclusive, so the last minute of the day is not covered; write 00:00")
		return
	}
	if slices.ContainsFunc(c.t.Elements, func(e ocpi.TariffElement) bool {
		return e.Restrictions.StartTime.IsSet() && e.Restrictions.StartTime.Minute() == end+1
	}) {
		c.add("end_time_inclusive", ocpi.Warning, restrictionPath(i, "end_time"), "end_time is exclusive, so the minute from "+clock(int32(end))+" falls between two elements; write "+next)
	}
}

// What follows guesses at units from the size of a number. It only decides
// what is worth a look.

// energyUnit reports kWh bounds that look like Wh.
func (c *checker) energyUnit(i int, r *ocpi.Restrictions) {
	limit := ocpi.NewNumber(1000, 0)
	for _, b := range []struct {
		name  string
		bound ocpi.Number
	}{{"min_kwh", r.MinKWh}, {"max_kwh", r.MaxKWh}} {
		if b.bound.Cmp(limit) >= 0 {
			c.add("kwh_looks_like_wh", ocpi.Warning, restrictionPath(i, b.name), fmt.Sprintf("%s kWh is more than a car takes: the unit is kWh, not Wh; divide by 1000", b.bound))
		}
	}
}

// fuses are the sizes of AC fuses in ampere that are no usual power in kW.
var fuses = []string{"10", "13", "16", "20", "25", "32", "40", "63", "64", "80", "96", "125"}

// powerUnit reports power bounds that look like ampere or watt (issue 516).
func (c *checker) powerUnit(i int, r *ocpi.Restrictions) {
	for _, b := range []struct {
		name  string
		bound ocpi.Number
	}{{"min_power", r.MinPower}, {"max_power", r.MaxPower}} {
		switch plain := b.bound.Decimal().String(); {
		case b.bound.Cmp(ocpi.NewNumber(2000, 0)) >= 0:
			c.add("power_looks_like_watt", ocpi.Warning, restrictionPath(i, b.name), plain+" kW is more than a charger gives: the unit is kW, not W; divide by 1000")
		case b.bound.IsSet() && slices.Contains(fuses, plain):
			current := map[string]string{"min_power": "min_current", "max_power": "max_current"}[b.name]
			mend := "if ampere are meant, use " + current
			if c.t.Version == ocpi.V211 {
				mend = "if ampere are meant, convert them (2.1.1 has no " + current + ")"
			}
			c.add("power_looks_like_ampere", ocpi.Warning, restrictionPath(i, b.name), plain+" is the size of a fuse in ampere, the unit here is kW: the price would change at another power; "+mend)
		}
	}
}

// durationUnit reports durations that look like minutes, and such as no
// session reaches. The unit is seconds since the start of the session.
func (c *checker) durationUnit(i int, r *ocpi.Restrictions) {
	for _, b := range []struct {
		name  string
		bound ocpi.Number
	}{{"min_duration", r.MinDuration}, {"max_duration", r.MaxDuration}} {
		switch {
		case b.bound.Sign() <= 0:
		case b.bound.Cmp(ocpi.NewNumber(60, 0)) < 0:
			c.add("duration_looks_like_minutes", ocpi.Warning, restrictionPath(i, b.name), fmt.Sprintf("the unit is seconds, so the price changes after %s seconds; multiply by 60 if minutes are meant", b.bound))
		case b.bound.Cmp(ocpi.NewNumber(86400, 0)) > 0:
			c.add("duration_long", ocpi.Warning, restrictionPath(i, b.name), secondsText(b.bound)+" is more than a day, and the unit is seconds: few sessions get there; check it")
		}
	}
}
