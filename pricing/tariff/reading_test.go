package tariff

import (
	"math/big"
	"slices"
	"time"

	"github.com/roamclear/roamclear/ocpi"
)

// A second reading of the rules: slow, literal, in big.Rat, written from
// pricing-semantics (P-01 to P-14) and not from the engine. It shares nothing
// with it but the input types and the Profile's names.

type rat = *big.Rat

func ratInt(x int64) rat { return new(big.Rat).SetInt64(x) }
func ratNumber(n ocpi.Number) rat {
	return new(big.Rat).SetFrac(big.NewInt(n.Coef()), new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(n.Scale())), nil))
}
func ratAdd(a, b rat) rat { return new(big.Rat).Add(a, b) }
func ratSub(a, b rat) rat { return new(big.Rat).Sub(a, b) }
func ratMul(a, b rat) rat { return new(big.Rat).Mul(a, b) }
func ratDiv(a, b rat) rat { return new(big.Rat).Quo(a, b) }

// readMoney is an amount; nil sides are unknown.
type readMoney struct{ excl, incl rat }

// reading is what the second reading finds.
type reading struct {
	reason                                           string
	total, fixed, energy, time, parking, reservation *readMoney
	taxes                                            map[string]rat
}

// readLine is one price component with what it is billed for.
type readLine struct {
	tariff, element, component int
	quantity                   rat // kWh, seconds, times
}

type readPeriod struct {
	start, end           ocpi.Time
	energy               rat
	time, parking, resvd rat // seconds
	has                  map[ocpi.Dimension]bool
	values               map[ocpi.Dimension]rat
	tariff               *ocpi.Tariff
}

func (p *readPeriod) onlyReservation() bool {
	return p.has[ocpi.DimReservationTime] && p.energy.Sign() == 0 && p.time.Sign() == 0 && p.parking.Sign() == 0
}

type reader struct {
	cdr      *ocpi.CDR
	profile  *Profile
	location *time.Location
	expired  bool
	periods  []*readPeriod
	lines    []*readLine
	tariffs  []*ocpi.Tariff
}

// read prices a CDR whose tariffs are all embedded.
func read(cdr *ocpi.CDR, profile *Profile, location *time.Location, expired *bool) *reading {
	r := &reader{cdr: cdr, profile: profile, location: location}
	for i := range cdr.Tariffs {
		r.tariffs = append(r.tariffs, &cdr.Tariffs[i])
	}
	if reason := r.timeline(); reason != "" {
		return &reading{reason: reason}
	}
	if reason := r.choose(); reason != "" {
		return &reading{reason: reason}
	}
	r.expired = true
	for _, p := range r.periods {
		r.expired = r.expired && p.onlyReservation()
	}
	if expired != nil {
		r.expired = *expired
	}
	r.charge()
	return r.sum()
}

// P-02, P-05.
func (r *reader) timeline() string {
	for i, from := range r.cdr.Periods {
		p := &readPeriod{start: from.Start, end: r.cdr.End, energy: ratInt(0), time: ratInt(0), parking: ratInt(0), resvd: ratInt(0),
			has: map[ocpi.Dimension]bool{}, values: map[ocpi.Dimension]rat{}}
		if i+1 < len(r.cdr.Periods) {
			p.end = r.cdr.Periods[i+1].Start
		}
		if i > 0 && from.Start < r.cdr.Periods[i-1].Start {
			return ReasonPeriodsOutOfOrder
		}
		decimals := map[ocpi.Dimension]int{}
		for _, v := range from.Dimensions {
			if !p.has[v.Dimension] || int(v.Volume.Scale()) < decimals[v.Dimension] {
				decimals[v.Dimension] = int(v.Volume.Scale())
			}
			p.has[v.Dimension] = true
			p.values[v.Dimension] = ratNumber(v.Volume)
			hours := ratMul(ratNumber(v.Volume), ratInt(3600))
			switch v.Dimension {
			case ocpi.DimEnergy:
				p.energy = ratAdd(p.energy, ratNumber(v.Volume))
			case ocpi.DimTime:
				p.time = ratAdd(p.time, hours)
			case ocpi.DimParkingTime:
				p.parking = ratAdd(p.parking, hours)
			case ocpi.DimReservationTime:
				p.resvd = ratAdd(p.resvd, hours)
			}
		}
		if r.profile.Hours == HoursRecovered {
			filled := 0
			for _, q := range []rat{p.time, p.parking, p.resvd} {
				if q.Sign() != 0 {
					filled++
				}
			}
			for _, d := range []struct {
				q *rat
				d ocpi.Dimension
			}{{&p.time, ocpi.DimTime}, {&p.parking, ocpi.DimParkingTime}, {&p.resvd, ocpi.DimReservationTime}} {
				if (*d.q).Sign() != 0 {
					*d.q = readSeconds(*d.q, decimals[d.d], p, filled == 1)
				}
			}
		}
		r.periods = append(r.periods, p)
	}
	return ""
}

func readSeconds(seconds rat, decimals int, p *readPeriod, alone bool) rat {
	if alone && p.end != 0 && p.end >= p.start {
		wall := new(big.Rat).SetFrac64(int64(p.end-p.start), 1e9)
		tolerance := ratDiv(ratInt(1800), new(big.Rat).SetInt(new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(decimals)), nil)))
		if d := ratSub(seconds, wall); d.Abs(d).Cmp(tolerance) <= 0 {
			return wall
		}
	}
	if decimals >= 4 {
		return readRound(seconds, 0, HalfUp)
	}
	return seconds
}

// readRound rounds to a number of decimals.
func readRound(x rat, decimals int, half HalfRule) rat {
	scale := new(big.Rat).SetInt(new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(decimals)), nil))
	y := ratMul(new(big.Rat).Abs(x), scale)
	q, m := new(big.Int).QuoRem(y.Num(), y.Denom(), new(big.Int))
	twice := m.Lsh(m, 1).Cmp(y.Denom())
	if twice > 0 || twice == 0 && (half == HalfUp || q.Bit(0) == 1) {
		q.Add(q, big.NewInt(1))
	}
	if x.Sign() < 0 {
		q.Neg(q)
	}
	return ratDiv(new(big.Rat).SetInt(q), scale)
}

func readValid(t *ocpi.Tariff, at ocpi.Time) bool {
	return (t.Start == 0 || at >= t.Start) && (t.End == 0 || at < t.End)
}

// P-01.
func (r *reader) choose() string {
	named := slices.ContainsFunc(r.cdr.Periods, func(p ocpi.ChargingPeriod) bool { return p.TariffID != "" })
	if r.profile.Choice == ChooseFirstValid {
		named = false
	}
	if !named {
		if len(r.tariffs) == 0 {
			return ReasonUnknownTariff
		}
		choice := r.tariffs[0]
		if i := slices.IndexFunc(r.tariffs, func(t *ocpi.Tariff) bool { return readValid(t, r.cdr.Start) }); i >= 0 {
			choice = r.tariffs[i]
		} else if len(r.tariffs) > 1 {
			return ReasonNoValidTariff
		}
		for _, p := range r.periods {
			p.tariff = choice
		}
		return r.check()
	}
	for i, p := range r.periods {
		id := r.cdr.Periods[i].TariffID
		if id == "" {
			continue
		}
		for _, t := range r.tariffs {
			if t.ID == id && (p.tariff == nil || !readValid(p.tariff, r.cdr.Start) && readValid(t, r.cdr.Start)) {
				p.tariff = t
			}
		}
		if p.tariff == nil {
			return ReasonUnknownTariff
		}
	}
	if r.profile.Untagged == UntaggedPriced {
		for i, p := range r.periods {
			if p.tariff == nil && i > 0 {
				p.tariff = r.periods[i-1].tariff
			}
		}
		for i := len(r.periods) - 2; i >= 0; i-- {
			if r.periods[i].tariff == nil {
				r.periods[i].tariff = r.periods[i+1].tariff
			}
		}
	}
	return r.check()
}

func (r *reader) check() string {
	local := false
	for _, p := range r.periods {
		if p.tariff == nil {
			continue
		}
		if p.tariff.Currency != r.cdr.Currency {
			return ReasonMixedCurrency
		}
		for _, e := range p.tariff.Elements {
			x := e.Restrictions
			local = local || x.StartTime.IsSet() && x.StartTime != x.EndTime && !(x.StartTime.Minute() == 0 && !x.EndTime.IsSet()) ||
				x.EndTime.IsSet() && x.EndTime != x.StartTime && !(x.EndTime.Minute() == 0 && (!x.StartTime.IsSet() || x.StartTime.Minute() == 0)) ||
				x.StartTime.IsSet() && x.StartTime == x.EndTime && x.StartTime.Minute() != 0 ||
				x.StartDate.IsSet() || x.EndDate.IsSet() || x.DayOfWeek != 0
		}
	}
	if local && r.location == nil {
		return ReasonNoTimeZone
	}
	return ""
}

// P-04: does an element apply to a period, at its start?
func (r *reader) applies(x *ocpi.Restrictions, p *readPeriod, elapsed int64, kwh rat) bool {
	if r.location != nil {
		local := time.Unix(0, int64(p.start)).In(r.location)
		minute := local.Hour()*60 + local.Minute()
		start, end := 0, 24*60
		if x.StartTime.IsSet() {
			start = x.StartTime.Minute()
		}
		if x.EndTime.IsSet() && x.EndTime.Minute() != 0 {
			end = x.EndTime.Minute()
		}
		switch {
		case start < end && (minute < start || minute >= end):
			return false
		case start > end && minute < start && minute >= end:
			return false
		case start == end && r.profile.Window == WindowNever:
			return false
		}
		today := local.Year()*10000 + int(local.Month())*100 + local.Day()
		day := func(d ocpi.Date) int { return int(d.Year)*10000 + int(d.Month)*100 + int(d.Day) }
		if x.StartDate.IsSet() && today < day(x.StartDate) || x.EndDate.IsSet() && today >= day(x.EndDate) {
			return false
		}
		if x.DayOfWeek != 0 && !x.DayOfWeek.Has(local.Weekday()) {
			return false
		}
	}
	seconds := new(big.Rat).SetFrac64(elapsed, 1e9)
	if x.MinDuration.IsSet() && seconds.Cmp(ratNumber(x.MinDuration)) < 0 || x.MaxDuration.IsSet() && seconds.Cmp(ratNumber(x.MaxDuration)) >= 0 {
		return false
	}
	if x.MinKWh.IsSet() && kwh.Cmp(ratNumber(x.MinKWh)) < 0 || x.MaxKWh.IsSet() && kwh.Cmp(ratNumber(x.MaxKWh)) >= 0 {
		return false
	}
	// Nothing but parking: 0 A and 0 kW are below any maximum, evidence or not.
	parked := p.parking.Sign() != 0 && p.time.Sign() == 0 && p.energy.Sign() == 0 && !x.MinCurrent.IsSet() && !x.MinPower.IsSet()
	return r.measured(x.MinCurrent, x.MaxCurrent, p, parked, ocpi.DimMinCurrent, ocpi.DimMaxCurrent) &&
		r.measured(x.MinPower, x.MaxPower, p, parked, ocpi.DimMinPower, ocpi.DimMaxPower)
}

func (r *reader) measured(low, high ocpi.Number, p *readPeriod, parked bool, minDim, maxDim ocpi.Dimension) bool {
	if !low.IsSet() && !high.IsSet() {
		return true
	}
	least, most := p.values[minDim], p.values[maxDim]
	if least == nil {
		least = most
	}
	if most == nil {
		most = least
	}
	if least == nil {
		return r.profile.Evidence == EvidenceAssumed || parked
	}
	return !(low.IsSet() && most.Cmp(ratNumber(low)) < 0) && !(high.IsSet() && least.Cmp(ratNumber(high)) >= 0)
}

// lookup returns the first element with a component of the kind that applies.
func (r *reader) lookup(kind ocpi.Component, want ocpi.ReservationRestriction, p *readPeriod, elapsed int64, kwh rat) *readLine {
	for i := range p.tariff.Elements {
		e := &p.tariff.Elements[i]
		if e.Restrictions.Reservation != want || !r.applies(&e.Restrictions, p, elapsed, kwh) {
			continue
		}
		for j := range e.Components {
			if e.Components[j].Type == kind {
				return r.line(slices.Index(r.tariffs, p.tariff), i, j)
			}
		}
	}
	return nil
}

func (r *reader) line(tariff, element, component int) *readLine {
	for _, l := range r.lines {
		if l.tariff == tariff && l.element == element && l.component == component {
			return l
		}
	}
	l := &readLine{tariff: tariff, element: element, component: component, quantity: nil}
	r.lines = append(r.lines, l)
	return l
}

func (r *reader) componentOf(l *readLine) *ocpi.PriceComponent {
	return &r.tariffs[l.tariff].Elements[l.element].Components[l.component]
}
