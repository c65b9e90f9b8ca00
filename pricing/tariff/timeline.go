package tariff

import "github.com/roamclear/roamclear/ocpi"

// period is one charging period with its volumes in exact units (P-02).
type period struct {
	start, end ocpi.Time // end is 0 when unknown
	has        uint16
	measured   uint8  // which of the four at the end hold something
	tariff     int32  // index into Engine.tariffs, or noTariff
	energy     int128 // 10^-12 kWh
	time       int64  // ticks of charging
	parking    int64  // ticks of parking
	reserved   int64  // ticks of reservation
	minCurrent, maxCurrent,
	minPower, maxPower int128
}

// Volumes that a period has.
const (
	volumeEnergy uint16 = 1 << iota
	volumeTime
	volumeParking
	volumeReservation
	volumeFlat
	volumeSessionOnly
	volumeUnknown

	volumeTimed     = volumeTime | volumeParking | volumeReservation
	volumePriceable = volumeEnergy | volumeTime | volumeParking | volumeReservation
)

// reservationOnly reports whether the period lies before the charge.
func (p *period) reservationOnly() bool {
	return p.has&volumeReservation != 0 && p.energy.isZero() && p.time == 0 && p.parking == 0
}

// parked reports whether nothing but parking was measured: 0 A and 0 kW unless
// stated otherwise.
func (p *period) parked() bool { return p.parking != 0 && p.time == 0 && p.energy.isZero() }

// layOut builds the timeline: a period lasts until the next one starts, the
// last one until the CDR ends.
func (e *Engine) layOut() *Unpriceable {
	c := e.cdr
	switch {
	case len(c.Periods) == 0:
		return &Unpriceable{ReasonNoPeriods, "the CDR has no charging periods"}
	case len(c.Periods) > MaxPeriods:
		return unpriceable(ReasonTooManyPeriods, "the CDR has %d charging periods; at most %d are priced", len(c.Periods), MaxPeriods)
	case !c.Start.IsSet():
		return &Unpriceable{ReasonNoStartTime, reasonNoStartTimeDetail}
	case !c.End.IsSet():
		e.raise(noticeEndUnknown, -1)
	}
	if cap(e.periods) < len(c.Periods) {
		e.periods = make([]period, len(c.Periods))
	}
	e.periods = e.periods[:len(c.Periods)]
	steps := len(c.Periods)
	for i := range c.Periods {
		p := &e.periods[i]
		from := &c.Periods[i]
		p.start, p.end, p.tariff = from.Start, c.End, noTariff
		if i+1 < len(c.Periods) {
			p.end = c.Periods[i+1].Start
		}
		switch {
		case !p.start.IsSet():
			return &Unpriceable{ReasonNoStartTime, reasonNoStartTimeDetail}
		case i > 0 && p.start < e.periods[i-1].start:
			return unpriceable(ReasonPeriodsOutOfOrder, "charging_periods[%d] starts before charging_periods[%d]", i, i-1)
		case p.start < c.Start:
			e.raise(noticePeriodBeforeStart, i)
		}
		if c.End.IsSet() && p.start > c.End {
			e.raise(noticePeriodAfterEnd, i)
		}
		if why := e.measure(p, from, i); why != nil {
			return why
		}
		steps += len(from.Dimensions)
	}
	e.steps += steps
	e.findSessionStart()
	return nil
}

// measure reads the volumes of a period. Several of one dimension add up.
func (e *Engine) measure(p *period, from *ocpi.ChargingPeriod, i int) *Unpriceable {
	p.has, p.measured = 0, 0 // the entry is used again; what measured does not name stays stale
	p.energy, p.time, p.parking, p.reserved = int128{}, 0, 0, 0
	var decimals [3]uint8 // fewest printed decimals of TIME, PARKING_TIME, RESERVATION_TIME
	for j := range from.Dimensions {
		v := &from.Dimensions[j]
		switch v.Dimension {
		case ocpi.DimEnergy:
			p.energy = e.add(p.energy, pico(v.Volume))
			p.has |= volumeEnergy
		case ocpi.DimTime:
			e.addHours(&p.time, &decimals[0], p.has&volumeTime != 0, v.Volume)
			p.has |= volumeTime
		case ocpi.DimParkingTime:
			e.addHours(&p.parking, &decimals[1], p.has&volumeParking != 0, v.Volume)
			p.has |= volumeParking
		case ocpi.DimReservationTime:
			e.addHours(&p.reserved, &decimals[2], p.has&volumeReservation != 0, v.Volume)
			p.has |= volumeReservation
		case ocpi.DimMinCurrent:
			p.minCurrent = pico(v.Volume)
			p.measured |= measuredMinCurrent
		case ocpi.DimMaxCurrent:
			p.maxCurrent = pico(v.Volume)
			p.measured |= measuredMaxCurrent
		case ocpi.DimMinPower:
			p.minPower = pico(v.Volume)
			p.measured |= measuredMinPower
		case ocpi.DimMaxPower:
			p.maxPower = pico(v.Volume)
			p.measured |= measuredMaxPower
		case ocpi.DimFlat:
			p.has |= volumeFlat
			e.raise(noticeFlatDimension, i)
		case ocpi.DimUnknown:
			p.has |= volumeUnknown
			e.raise(noticeUnknownDimension, i)
		default:
			p.has |= volumeSessionOnly
			e.raise(noticeSessionDimension, i)
		}
	}
	if p.has&volumeUnknown != 0 && p.has&volumePriceable == 0 {
		return &Unpriceable{ReasonUnknownDimension, reasonUnknownDimDetail}
	}
	p.fillMeasured()
	if p.has&volumeTimed != 0 {
		if e.profile.Hours == HoursRecovered {
			e.recoverHours(p, decimals, i)
		} else {
			e.misreadHours(p)
		}
	}
	return nil
}

func (e *Engine) addHours(ticks *int64, decimals *uint8, again bool, n ocpi.Number) {
	t, ok := ticksOf(n)
	sum := *ticks + t
	if !ok || (t > 0) != (sum > *ticks) && t != 0 {
		e.overflow = true
		return
	}
	if !again || n.Scale() < *decimals {
		*decimals = n.Scale()
	}
	*ticks = sum
}

// fillMeasured lets a minimum stand for a missing maximum and the reverse.
func (p *period) fillMeasured() {
	switch p.measured & measuredCurrent {
	case measuredMinCurrent:
		p.maxCurrent = p.minCurrent
	case measuredMaxCurrent:
		p.minCurrent = p.maxCurrent
	}
	switch p.measured & measuredPower {
	case measuredMinPower:
		p.maxPower = p.minPower
	case measuredMaxPower:
		p.minPower = p.maxPower
	}
}

// recoverHours turns the hours of a period back into the seconds they were
// rounded from. The clock decides where one time dimension fills the period.
func (e *Engine) recoverHours(p *period, decimals [3]uint8, i int) {
	length := int64(-1)
	if p.end.IsSet() && p.end >= p.start && int64(p.end-p.start) < maxHours*ocpi.Hour {
		length = int64(p.end-p.start) * ticksPerNanosecond
	}
	switch p.has & volumeTimed {
	case volumeTime:
		e.recover(&p.time, decimals[0], length, i)
	case volumeParking:
		e.recover(&p.parking, decimals[1], length, i)
	case volumeReservation:
		e.recover(&p.reserved, decimals[2], length, i)
	default:
		e.recoverSeveral(p, decimals, length, i)
	}
}

// recoverSeveral recovers a period that lists several time dimensions: the
// clock tells only where all but one of them are zero.
func (e *Engine) recoverSeveral(p *period, decimals [3]uint8, length int64, i int) {
	counted := 0
	for _, ticks := range [...]int64{p.time, p.parking, p.reserved} {
		if ticks != 0 {
			counted++
		}
	}
	if counted > 1 {
		length = -1
	}
	e.recover(&p.time, decimals[0], length, i)
	e.recover(&p.parking, decimals[1], length, i)
	e.recover(&p.reserved, decimals[2], length, i)
}

func (e *Engine) recover(ticks *int64, decimals uint8, length int64, i int) {
	if *ticks == 0 {
		return
	}
	if *ticks < 0 {
		e.raise(noticeNegativeTime, i)
	}
	recovered, exact := recoverSeconds(*ticks, decimals, length)
	if !exact {
		e.raise(noticeHoursImprecise, i)
	}
	*ticks = recovered
}

// findSessionStart finds the instant that durations count from (P-03): the
// CDR's start, or where the charge begins after a reservation.
func (e *Engine) findSessionStart() {
	e.sessionStart = e.cdr.Start
	e.reservationStart = e.cdr.Start
	e.onlyReservation = false
	if e.periods[0].reservationOnly() {
		e.onlyReservation = true
		for i := range e.periods {
			if !e.periods[i].reservationOnly() {
				e.sessionStart = e.periods[i].start
				e.onlyReservation = false
				break
			}
		}
	}
	switch e.profile.Elapsed {
	case ElapsedCharging:
		e.startFromFirst(volumeTime | volumeEnergy)
	case ElapsedParking:
		e.startFromFirst(volumeParking)
	}
}

func (e *Engine) startFromFirst(volume uint16) {
	for i := range e.periods {
		if e.periods[i].has&volume != 0 {
			e.sessionStart = e.periods[i].start
			return
		}
	}
}
