package tariff

import (
	"strings"

	"github.com/roamclear/roamclear/ocpi"
)

// clock compares the time volumes of each period with its length (P-02: TIME
// and PARKING_TIME of a period fill it). The tolerance is a second, or one unit
// of the least printed decimal. Volumes that are the length in another unit than
// hours make a price many times too high, which nobody must overlook.
func (a *audit) clock() {
	for i := range a.cdr.Periods {
		p := &a.cdr.Periods[i]
		end := a.cdr.End
		if i+1 < len(a.cdr.Periods) {
			end = a.cdr.Periods[i+1].Start
		}
		if !end.IsSet() || end < p.Start || int64(end-p.Start) > maxHours*ocpi.Hour {
			continue
		}
		var x arith
		sum, tolerance, timed := int128{}, int128Of(ticksPerSecond), false
		for _, v := range p.Dimensions {
			if v.Dimension != ocpi.DimTime && v.Dimension != ocpi.DimParkingTime && v.Dimension != ocpi.DimReservationTime {
				continue
			}
			timed = true
			sum = x.add(sum, x.mul(pico(v.Volume), int128Of(36)))
			if unit := x.mul(pow10x36[0], pow10[12-v.Volume.Scale()]); tolerance.less(unit) {
				tolerance = unit
			}
		}
		length := int128Of(int64(end-p.Start) * ticksPerNanosecond)
		if !timed || !beyond(&x, sum, length, tolerance) {
			continue
		}
		code, severity, why := "time_not_wall_clock", ocpi.Warning, ""
		if unit := unitOfTime(sum, length, tolerance); unit != "" {
			code, severity, why = "time_in_"+unit, ocpi.Serious, ": they are "+unit+", where hours are meant"
		}
		a.find(code, severity, periodPath(i), "the period lasts %s, its time volumes sum to %s%s", durationText(seconds(length)), durationText(seconds(sum)), why)
	}
}

// unitOfTime names the unit of a period's time volumes where they are its length
// in seconds or minutes, "" where they are not.
func unitOfTime(sum, length, tolerance int128) string {
	var x arith
	if length.less(int128Of(60 * ticksPerSecond)) {
		return "" // too short to tell
	}
	for _, unit := range [...]struct {
		name    string
		perHour int64
	}{{"seconds", 3600}, {"minutes", 60}} {
		read, _ := sum.div(int128Of(unit.perHour))
		printed, _ := tolerance.div(int128Of(unit.perHour))
		if !beyond(&x, read, length, x.add(printed, int128Of(ticksPerSecond))) {
			return unit.name
		}
	}
	return ""
}

// beyond reports |a - b| > tolerance; what does not fit counts as beyond.
func beyond(x *arith, a, b, tolerance int128) bool {
	d := x.sub(a, b)
	if d.sign() < 0 {
		d = d.neg()
	}
	return x.overflow || tolerance.less(d)
}

// volumes compares the periods' volumes with the CDR's totals (mod_cdrs,
// total_energy, total_time, total_parking_time: actual, not rounded to steps).
func (a *audit) volumes() {
	var x arith
	var sums [ocpi.DimStateOfCharge + 1]int128
	var unit [ocpi.DimStateOfCharge + 1]int128 // rounding of the printed volumes, summed
	for i := range a.cdr.Periods {
		for _, v := range a.cdr.Periods[i].Dimensions {
			sums[v.Dimension] = x.add(sums[v.Dimension], pico(v.Volume))
			unit[v.Dimension] = x.add(unit[v.Dimension], pow10[12-v.Volume.Scale()])
		}
	}
	differs := func(total ocpi.Number, dims ...ocpi.Dimension) bool {
		sum, tolerance := int128{}, pow10[12-total.Scale()]
		for _, d := range dims {
			sum, tolerance = x.add(sum, sums[d]), x.add(tolerance, unit[d])
		}
		return beyond(&x, pico(total), sum, tolerance)
	}
	c := a.cdr
	if c.TotalEnergy.IsSet() && differs(c.TotalEnergy, ocpi.DimEnergy) {
		a.find("energy_does_not_add_up", ocpi.Serious, "total_energy", "total_energy is %s kWh, the periods sum to %s kWh", c.TotalEnergy, number12(sums[ocpi.DimEnergy]))
	}
	// Whether total_time includes a reservation is not said: both are accepted.
	if c.TotalTime.IsSet() && differs(c.TotalTime, ocpi.DimTime, ocpi.DimParkingTime) &&
		differs(c.TotalTime, ocpi.DimTime, ocpi.DimParkingTime, ocpi.DimReservationTime) {
		a.find("time_does_not_add_up", ocpi.Warning, "total_time", "total_time is %s h, the periods sum to %s h",
			c.TotalTime, number12(x.add(sums[ocpi.DimTime], sums[ocpi.DimParkingTime])))
	}
	if c.TotalParkingTime.IsSet() && differs(c.TotalParkingTime, ocpi.DimParkingTime) {
		a.find("parking_does_not_add_up", ocpi.Warning, "total_parking_time", "total_parking_time is %s h, the periods sum to %s h", c.TotalParkingTime, number12(sums[ocpi.DimParkingTime]))
	}
}

// power checks that the energy of a period fits the power that its connector
// can give, with a tenth to spare: the MAX_POWER it measured, the voltage and
// amperage that 2.1.1 states, or the most that its kind of connector carries.
func (a *audit) power() {
	limit, what := a.connectorPower()
	e := a.engine
	for i := range a.cdr.Periods {
		p := &e.periods[i]
		if !p.end.IsSet() || p.end <= p.start {
			continue
		}
		most, why := limit, what
		if p.measured&measuredMaxPower != 0 && (most.isZero() || p.maxPower.less(most)) {
			most, why = p.maxPower, "the MAX_POWER that it measured"
		}
		if most.isZero() {
			continue
		}
		// kWh × 3600 s/h × 10 > kW × seconds × 11, both sides in 10^-12.
		var x arith
		used := x.mul(p.energy, int128Of(36_000))
		able := x.mul(most, int128Of(int64(p.end-p.start)/ocpi.Second*11+11))
		if !x.overflow && able.less(used) {
			a.find("energy_above_power", ocpi.Serious, periodPath(i), "%s kWh in %s is more than %s kW, %s", number12(p.energy),
				durationText(seconds(int128Of(int64(p.end-p.start)*ticksPerNanosecond))), number12(most), why)
		}
	}
}

// connectorPower returns the most a connector gives in 10^-12 kW, 0 if unknown.
func (a *audit) connectorPower() (int128, string) {
	l := &a.cdr.Location
	phases := int64(1)
	kind := strings.ToUpper(l.PowerType)
	switch kind {
	case "AC_2_PHASE", "AC_2_PHASE_SPLIT":
		phases = 2
	case "AC_3_PHASE":
		phases = 3
	}
	if l.MaxVoltage.Sign() > 0 && l.MaxAmperage.Sign() > 0 && l.MaxVoltage.Scale()+l.MaxAmperage.Scale() <= 12 {
		var x arith
		watts := x.mul(int128Of(l.MaxVoltage.Coef()), x.mul(int128Of(l.MaxAmperage.Coef()), int128Of(phases)))
		watts = x.mul(watts, pow10[12-l.MaxVoltage.Scale()-l.MaxAmperage.Scale()])
		kw, _ := watts.div(int128Of(1000))
		if x.overflow {
			return int128{}, ""
		}
		return kw, "what the connector's voltage and amperage give"
	}
	// IEC 62196-2: 80 A single phase and 63 A three phase at 250 V and 480 V are
	// the largest ratings.
	switch kind {
	case "AC_1_PHASE":
		return x12(20), "the largest single-phase connector"
	case "AC_2_PHASE", "AC_2_PHASE_SPLIT":
		return x12(40), "the largest two-phase connector"
	case "AC_3_PHASE":
		return x12(53), "the largest three-phase connector"
	}
	return int128{}, ""
}

func x12(n int64) int128 { return pico(ocpi.NewNumber(n, 0)) }

// sums checks the CDR's sub-totals against its total_cost. OCPI leaves the
// sub-totals alone when min_price or max_price moves the total, and lets a CPO
// add what no tariff models (issue 543): then the sum proves nothing.
func (a *audit) sums() {
	c := a.cdr
	if limitedTariffs(c) {
		return
	}
	for _, side := range amountSides {
		if sum, differs := ownSum(c, a.price, side); differs {
			a.find("total_does_not_add_up", ocpi.Serious, "total_cost", "the sub-totals %s sum to %s, total_cost is %s", side.name, number12(sum), side.of(c.TotalCost))
		}
	}
}
