package tariff

import "github.com/roamclear/roamclear/ocpi"

// stepOf returns a component's step_size in the unit of its quantity: Wh and
// seconds are 10^9 × 10^-12 kWh and 10^10 ticks. Absent, zero and negative
// steps, and any step of a FLAT, round nothing.
func stepOf(c *ocpi.PriceComponent) int128 {
	if c.StepSize.Sign() <= 0 {
		return int128{}
	}
	var a arith
	step := pico(c.StepSize) // 10^-12 Wh or s
	switch c.Type {
	case ocpi.ComponentEnergy:
		step, _ = step.div(int128Of(1000))
	case ocpi.ComponentTime, ocpi.ComponentParkingTime:
		step, _ = step.div(int128Of(100))
	default:
		return int128{}
	}
	if a.overflow {
		return int128{}
	}
	return step
}

// roundUp returns the smallest multiple of step that is not below q; a
// negative q goes towards zero (P-06 C5). Step 0 rounds nothing.
func (a *arith) roundUp(q, step int128) int128 {
	if step.sign() <= 0 {
		return q
	}
	n, rest := q.div(step)
	if rest.isZero() {
		return q
	}
	if q.sign() > 0 {
		n = a.add(n, int128Of(1))
	}
	return a.mul(n, step)
}

// applySteps rounds the session's totals up to step_size (P-06; mod_cdrs,
// "Step size"): ENERGY once, time once, a reservation's time on its own. The
// step is the last relevant component's, the surplus is charged at its price.
func (e *Engine) applySteps() {
	rule := e.profile.Step
	if rule == StepNone || rule == StepPerPeriod {
		return
	}
	if rule == StepLastAllVolume {
		e.countAllVolume()
	}
	if e.energy.total.sign() < 0 {
		e.raise(noticeNegativeEnergy, int(e.energy.period))
	}
	e.step(&e.energy, e.energy.total)
	e.step(&e.reservation, e.reservation.total)
	switch rule {
	case StepPerDimension:
		e.step(&e.charging, e.charging.total)
		e.step(&e.parking, e.parking.total)
	case StepCombined:
		e.step(e.lastTimed(), e.add(e.charging.total, e.parking.total))
	case StepLastRelevant:
		last := e.lastTimed()
		e.step(last, last.total)
	default:
		// Parking that has a price is the last time dimension even when charging
		// resumed after it: "step_size for the total parking duration" only.
		if e.parking.tariff != noTariff {
			e.step(&e.parking, e.parking.total)
		} else {
			e.step(&e.charging, e.charging.total)
		}
	}
}

// lastTimed returns the time dimension that was priced last; within one
// period parking follows charging.
func (e *Engine) lastTimed() *dimension {
	if e.parking.tariff != noTariff && (e.charging.tariff == noTariff || e.parking.period >= e.charging.period) {
		return &e.parking
	}
	return &e.charging
}

// step adds what is missing to the next multiple to the last relevant
// component.
func (e *Engine) step(d *dimension, total int128) {
	if d.tariff == noTariff {
		return
	}
	t := &e.tariffs[d.tariff]
	step := t.components[d.component].step
	if step.isZero() {
		return
	}
	if surplus := e.sub(e.roundUp(total, step), total); !surplus.isZero() {
		y := &e.tallies[t.first+d.component]
		y.surplus = e.add(y.surplus, surplus)
		y.roundedFrom = total
	}
}

// countAllVolume makes the totals include volume that no component prices, as
// one outside engine counts (STEP_LAST_ALLVOL).
func (e *Engine) countAllVolume() {
	e.energy.total, e.charging.total, e.parking.total = int128{}, int128{}, int128{}
	for i := range e.periods {
		p := &e.periods[i]
		e.energy.total = e.add(e.energy.total, p.energy)
		e.charging.total = e.add(e.charging.total, int128Of(p.time))
		e.parking.total = e.add(e.parking.total, int128Of(p.parking))
	}
}
