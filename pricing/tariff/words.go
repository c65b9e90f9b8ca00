package tariff

import (
	"fmt"
	"strings"
	"time"

	"github.com/roamclear/roamclear/ocpi"
)

// amountText shows an unknown amount as such, never as zero.
func amountText(n ocpi.Number) string {
	if !n.IsSet() {
		return "unknown"
	}
	return n.String()
}

// dimensionText names what a line measures.
func dimensionText(l *Line) string {
	switch {
	case l.Reservation:
		return "reservation"
	case l.Kind == ocpi.ComponentEnergy:
		return "energy"
	case l.Kind == ocpi.ComponentTime:
		return "charging"
	case l.Kind == ocpi.ComponentParkingTime:
		return "parking"
	}
	return l.Kind.String()
}

// quantityText writes a quantity with its unit.
func quantityText(kind ocpi.Component, n ocpi.Number) string {
	switch kind {
	case ocpi.ComponentEnergy:
		return n.String() + " kWh"
	case ocpi.ComponentFlat:
		return n.String() + "x"
	}
	return durationText(n)
}

func stepText(l *Line) string {
	if l.Kind == ocpi.ComponentEnergy {
		return l.Step.String() + " Wh"
	}
	return durationText(l.Step)
}

// durationText writes seconds as people say them: "1 h 58 min 23 s".
func durationText(n ocpi.Number) string {
	coef, scale := trimmed(n)
	if scale > 0 || coef < 0 {
		return n.String() + " s"
	}
	var parts []string
	for _, unit := range []struct {
		seconds int64
		name    string
	}{{3600, "h"}, {60, "min"}, {1, "s"}} {
		if v := coef / unit.seconds; v > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", v, unit.name))
			coef %= unit.seconds
		}
	}
	if parts == nil {
		return "0 s"
	}
	return strings.Join(parts, " ")
}

// restrictionsText says when an element applies.
func restrictionsText(r *ocpi.Restrictions) string {
	var parts []string
	add := func(format string, args ...any) { parts = append(parts, fmt.Sprintf(format, args...)) }
	clock := func(t ocpi.TimeOfDay) string { return fmt.Sprintf("%02d:%02d", t.Minute()/60, t.Minute()%60) }
	switch {
	case r.StartTime.IsSet() && r.EndTime.IsSet():
		add("from %s to %s", clock(r.StartTime), clock(r.EndTime))
	case r.StartTime.IsSet():
		add("from %s", clock(r.StartTime))
	case r.EndTime.IsSet():
		add("until %s", clock(r.EndTime))
	}
	date := func(d ocpi.Date) string { return fmt.Sprintf("%04d-%02d-%02d", d.Year, d.Month, d.Day) }
	if r.StartDate.IsSet() {
		add("from %s on", date(r.StartDate))
	}
	if r.EndDate.IsSet() {
		add("before %s", date(r.EndDate))
	}
	if r.DayOfWeek != 0 {
		var days []string
		for day := time.Sunday; day <= time.Saturday; day++ {
			if r.DayOfWeek.Has(day) {
				days = append(days, day.String()[:3])
			}
		}
		add("on %s", strings.Join(days, ", "))
	}
	span := func(what, unit string, low, high ocpi.Number) {
		switch {
		case low.IsSet() && high.IsSet():
			add("%s from %s to below %s %s", what, low, high, unit)
		case low.IsSet():
			add("%s from %s %s", what, low, unit)
		case high.IsSet():
			add("%s below %s %s", what, high, unit)
		}
	}
	span("energy so far", "kWh", r.MinKWh, r.MaxKWh)
	span("current", "A", r.MinCurrent, r.MaxCurrent)
	span("power", "kW", r.MinPower, r.MaxPower)
	if r.MinDuration.IsSet() {
		add("after %s", durationText(r.MinDuration))
	}
	if r.MaxDuration.IsSet() {
		add("during the first %s", durationText(r.MaxDuration))
	}
	switch r.Reservation {
	case ocpi.Reservation:
		add("for a reservation")
	case ocpi.ReservationExpires:
		add("for a reservation that expired")
	}
	if parts == nil {
		return "applies without restriction"
	}
	return "applies " + strings.Join(parts, ", ")
}
