package lint

import (
	"fmt"

	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing/tariff"
)

// repeatedYear is the year whose end of daylight saving is looked at: the rules
// of a zone go on, and no clock may decide what is found.
const repeatedYear = 2026

// repeatedHours reports windows that begin or end within the hour that comes
// twice when daylight saving ends, in the time zone of the owner's country: the
// price then changes there and back and there again. A window within that hour
// holds for twice as long.
func (c *checker) repeatedHours() {
	zone, err := tariff.LoadZone(tariff.SingleZone(c.t.CountryCode))
	if err != nil {
		return // of several zones, nobody knows which
	}
	from, to, ok := zone.Repeated(repeatedYear)
	if !ok {
		return
	}
	found := len(c.findings)
	for i := range c.t.Elements {
		if c.repeatedHour(i, from, to); len(c.findings)-found > maxRepeated {
			return
		}
	}
}

// maxRepeated is after how many of them no further element is looked at.
const maxRepeated = 10

func (c *checker) repeatedHour(i int, from, to int32) {
	r := &c.t.Elements[i].Restrictions
	start, end, hour := r.StartTime, r.EndTime, clock(from)+" to "+clock(to)
	if start.IsSet() && end.IsSet() && from <= int32(start.Minute()) && start < end && int32(end.Minute()) <= to {
		c.add("repeated_hour", ocpi.Info, restrictionPath(i, "start_time"), "where daylight saving ends the time from "+hour+" comes twice, so the window holds for twice as long that night")
		return
	}
	for _, bound := range []struct {
		name string
		at   ocpi.TimeOfDay
	}{{"start_time", start}, {"end_time", end}} {
		if bound.at.IsSet() && from < int32(bound.at.Minute()) && int32(bound.at.Minute()) < to {
			c.add("repeated_hour", ocpi.Info, restrictionPath(i, bound.name), fmt.Sprintf(
				"where daylight saving ends the time from %s comes twice: the price changes at %s, back at the end of the hour, and at %s again; put the bound at %s or %s",
				hour, bound.at, bound.at, clock(from), clock(to)))
		}
	}
}
