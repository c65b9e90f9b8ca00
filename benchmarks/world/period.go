package world

import (
	"slices"
	"time"
)

// period is a part of a charge in which no price changes.
type period struct {
	start, end time.Time
	parked     bool  // the vehicle asks for no power
	wattHours  int64 // energy of this period
}

// metered is how many readings of the meter a long charge has.
const metered = 7

// chargingEnd is when the vehicle stopped asking for power: published, or
// from what the energy takes at the power such vehicles draw.
func chargingEnd(r *row) time.Time {
	stay := r.end.Sub(r.start)
	charging := r.charging
	if charging == 0 {
		watts := r.kw * 850
		if r.dc {
			watts = r.kw * 500
		}
		charging = time.Duration(r.wattHours*3600/max(watts, 1))*time.Second + time.Minute
	}
	if charging <= 0 || stay-charging < 2*time.Minute {
		charging = stay
	}
	return r.start.Add(charging)
}

// periods cuts a charge where a price may change, where charging ends, and at
// the meter's own readings.
func periods(c *cpo, t *tariff, r *row) []period {
	if !r.end.After(r.start) {
		return []period{{start: r.start, end: r.end, wattHours: r.wattHours}}
	}
	charged := chargingEnd(r)
	cuts := append(priceChanges(c, t, r), r.start, charged)
	reading := max(5*time.Minute, charged.Sub(r.start)/metered).Truncate(time.Minute)
	for at := r.start.Add(reading); at.Before(charged); at = at.Add(reading) {
		cuts = append(cuts, at)
	}
	cuts = slices.DeleteFunc(cuts, func(at time.Time) bool { return at.Before(r.start) || !at.Before(r.end) })
	slices.SortFunc(cuts, time.Time.Compare)
	cuts = slices.CompactFunc(cuts, time.Time.Equal)

	var all []period
	var given int64
	for i, at := range cuts {
		p := period{start: at, end: r.end, parked: !at.Before(charged)}
		if i+1 < len(cuts) {
			p.end = cuts[i+1]
		}
		if !p.parked {
			upTo := r.wattHours
			if p.end.Before(charged) {
				upTo = r.wattHours * int64(p.end.Sub(r.start)/time.Second) / int64(charged.Sub(r.start)/time.Second)
			}
			p.wattHours = upTo - given
			given = upTo
		}
		all = append(all, p)
	}
	return all
}

// priceChanges lists the instants at which a restriction of t starts or stops
// to match. (No window here touches an hour that daylight saving repeats or
// skips.)
func priceChanges(c *cpo, t *tariff, r *row) []time.Time {
	var cuts []time.Time
	for _, e := range t.elements {
		var edges []string
		if e.when.from != "" {
			edges = append(edges, e.when.from, e.when.to)
		}
		if e.when.days != nil {
			edges = append(edges, "00:00")
		}
		if e.when.min != 0 {
			cuts = append(cuts, r.start.Add(e.when.min))
		}
		if e.when.max != 0 {
			cuts = append(cuts, r.start.Add(e.when.max))
		}
		if edges == nil {
			continue
		}
		y, m, d := r.start.In(c.zone).Date()
		for day := 0; ; day++ {
			midnight := time.Date(y, m, d+day, 0, 0, 0, 0, c.zone)
			if midnight.After(r.end) {
				break
			}
			for _, edge := range edges {
				clock, err := time.Parse("15:04", edge)
				if err != nil {
					panic(err) // our own table
				}
				cuts = append(cuts, time.Date(y, m, d+day, clock.Hour(), clock.Minute(), 0, 0, c.zone).UTC())
			}
		}
	}
	return cuts
}
