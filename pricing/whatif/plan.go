package whatif

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/roamclear/roamclear/ocpi"
	"github.com/shopspring/decimal"
)

// plan is a charge with the points at which its price can change.
type plan struct {
	*Charge
	by       *Terms
	begin    ocpi.Time // of the reservation, else of the charge
	charged  ocpi.Time // end of charging
	end      ocpi.Time
	decimals int32 // of energies
	power    ocpi.Number
	points   []point // where a period starts, ascending by instant, then energy
}

// point is an instant of a charge, with the energy that has flowed until then.
type point struct {
	at  ocpi.Time
	kwh decimal.Decimal
}

func (a point) compare(b point) int { return cmp.Or(cmp.Compare(a.at, b.at), a.kwh.Cmp(b.kwh)) }

// newPlan lists the points. The energy of a point never falls from one to the
// next: energyAt rounds energies down, reached rounds instants up.
func newPlan(c *Charge, by *Terms) (*plan, error) {
	if err := c.Check(); err != nil {
		return nil, err
	}
	p := &plan{Charge: c, by: by, power: c.power(), decimals: max(4, int32(c.EnergyKWh.Scale()))}
	p.begin = c.Start - ocpi.Time(c.Reserved)
	p.charged = c.Start + ocpi.Time(c.Duration)
	p.end = p.charged + ocpi.Time(c.ParkingAfter)
	bounds := by.Tariff.EnergyBounds()
	for _, b := range bounds {
		p.decimals = max(p.decimals, int32(b.Scale()))
	}
	instants, err := p.instants()
	if err != nil {
		return nil, err
	}
	for _, at := range instants {
		p.points = append(p.points, point{at, p.energyAt(at)})
	}
	total := c.EnergyKWh.Decimal()
	for _, b := range bounds {
		if kwh := b.Decimal(); kwh.IsPositive() && kwh.LessThan(total) {
			p.points = append(p.points, point{p.reached(kwh), kwh})
		}
	}
	slices.SortFunc(p.points, point.compare)
	p.points = slices.CompactFunc(p.points, func(a, b point) bool { return a.compare(b) == 0 })
	if len(p.points) > MaxPeriods {
		return nil, tooManyPeriods()
	}
	return p, nil
}

func tooManyPeriods() error {
	return &ChargeError{"length", fmt.Sprintf("the price can change more than %d times in it; price a shorter charge", MaxPeriods)}
}

// instants lists where a period starts by the clock.
func (p *plan) instants() ([]ocpi.Time, error) {
	list, err := p.by.Tariff.WallClockBounds(p.by.Zone, p.begin, p.end, MaxPeriods)
	if err != nil {
		return nil, tooManyPeriods()
	}
	list = append(list, p.begin)
	if p.Duration+p.ParkingAfter > 0 {
		list = append(list, p.Start)
	}
	if p.ParkingAfter > 0 {
		list = append(list, p.charged)
	}
	for _, elapsed := range p.by.Tariff.ElapsedBounds() {
		if elapsed > 0 && elapsed < int64(p.Reserved) {
			list = append(list, p.begin+roundUpTo(ocpi.Time(elapsed), ocpi.Time(ocpi.Second)))
		}
		if elapsed > 0 && elapsed < int64(p.end-p.Start) {
			list = append(list, p.Start+roundUpTo(ocpi.Time(elapsed), ocpi.Time(ocpi.Second)))
		}
	}
	slices.Sort(list)
	return slices.Compact(list), nil
}

// energyAt is the energy that has flowed at an instant, rounded down; at the
// end of charging it is the whole.
func (p *plan) energyAt(at ocpi.Time) decimal.Decimal {
	switch {
	case at <= p.Start:
		return decimal.Zero
	case at >= p.charged:
		return p.EnergyKWh.Decimal()
	}
	share := p.EnergyKWh.Decimal().Mul(decimal.NewFromInt(int64(at - p.Start)))
	quotient, _ := share.QuoRem(decimal.NewFromInt(int64(p.Duration)), p.decimals)
	return quotient
}

// reached is the first whole second at which so much energy has flowed.
func (p *plan) reached(kwh decimal.Decimal) ocpi.Time {
	seconds := decimal.NewFromInt(int64(p.Duration / time.Second))
	quotient, rest := kwh.Mul(seconds).QuoRem(p.EnergyKWh.Decimal(), 0)
	if rest.IsPositive() {
		quotient = quotient.Add(decimal.NewFromInt(1))
	}
	return p.Start + ocpi.Time(quotient.IntPart()*ocpi.Second)
}

// last is the end of the charge.
func (p *plan) last() point { return point{p.end, p.EnergyKWh.Decimal()} }
