package lint

import (
	"fmt"

	"github.com/roamclear/roamclear/ocpi"
)

// element checks one tariff element by itself.
func (c *checker) element(i int) {
	e := &c.t.Elements[i]
	first := map[ocpi.Component]int{}
	for j := range e.Components {
		p := &e.Components[j]
		c.price(i, j, p)
		c.step(i, j, p)
		if p.Type == ocpi.ComponentUnknown {
			continue
		}
		at, seen := first[p.Type]
		if !seen {
			first[p.Type] = j
			continue
		}
		severity, mend := ocpi.Serious, "; remove the wrong one"
		if samePrice(&e.Components[at], p) {
			severity, mend = ocpi.Warning, "; it is the same, so remove it"
		}
		c.add("duplicate_dimension", severity, componentPath(i, j, "type"),
			fmt.Sprintf("the element prices %s twice and only price_components[%d] is charged%s", p.Type, at, mend))
	}
	c.restrictions(i, &e.Restrictions)
}

// price checks the amount of a price component.
func (c *checker) price(i, j int, p *ocpi.PriceComponent) {
	path := componentPath(i, j, "price")
	if p.Price.Sign() < 0 {
		c.add("negative_price", ocpi.Serious, path,
			"a price below zero pays the driver; write the price without the sign, or a lower price instead of a discount")
	}
	c.absurd(i, j, p)
	if p.Price.Decimal().Exponent() < -4 && !p.Price.Decimal().Equal(p.Price.Decimal().Round(4)) {
		c.add("price_precision", ocpi.Info, path,
			"the price has more than the 4 decimals that OCPI numbers carry: a reader that cuts them off computes another total; write at most 4")
	}
}

// Bounds of what a step is likely to mean. They only decide what is worth a
// look, never a price.
const (
	largeEnergyStep = 1_000 // Wh: whole kWh
	largeTimeStep   = 3_600 // s: whole hours
	smallTimeStep   = 30    // s: looks like minutes
)

// step checks step_size: Wh for ENERGY, seconds for TIME and PARKING_TIME.
func (c *checker) step(i, j int, p *ocpi.PriceComponent) {
	path := componentPath(i, j, "step_size")
	step := p.StepSize.Decimal().IntPart()
	switch timed := p.Type == ocpi.ComponentTime || p.Type == ocpi.ComponentParkingTime; {
	case p.Type == ocpi.ComponentUnknown:
	case !p.StepSize.IsSet():
		c.add("step_size_missing", ocpi.Warning, path, "step_size is required: without it nothing is rounded up here, but a reader may reject the tariff; write 1")
	case p.Type == ocpi.ComponentFlat:
		if step > 1 {
			c.add("step_size_of_flat", ocpi.Info, path, "a FLAT price has no unit: the step_size is ignored; write 1")
		}
	case step == 0:
		c.add("step_size_zero", ocpi.Info, path, "OCPI does not say what a step of 0 is: it is taken as no rounding; write 1")
	case p.Type == ocpi.ComponentEnergy && step >= largeEnergyStep:
		c.add("step_size_large", ocpi.Warning, path, fmt.Sprintf("every started %d Wh is billed in full; the unit is Wh, not kWh: write 1 for exact billing", step))
	case timed && step > largeTimeStep:
		c.add("step_size_large", ocpi.Warning, path, "every started "+secondsText(p.StepSize)+" is billed in full; the unit is seconds")
	case timed && step > 1 && step <= smallTimeStep:
		c.add("step_size_minutes", ocpi.Warning, path, fmt.Sprintf("a step of %d seconds looks like minutes; if minutes are meant, write %d", step, step*60))
	}
	if p.Type == ocpi.ComponentTime && step > 1 && !c.stepUnused && c.t.Elements[i].Restrictions.Reservation == ocpi.ReservationNone && c.pricesParking() {
		c.stepUnused = true
		c.add("step_size_unused", ocpi.Info, path, "where parking is billed in the same session, only PARKING_TIME is rounded up and this step is not applied (mod_cdrs, step_size)")
	}
}

// pricesParking reports whether any element charges for parking.
func (c *checker) pricesParking() bool {
	for i := range c.t.Elements {
		for j := range c.t.Elements[i].Components {
			if p := &c.t.Elements[i].Components[j]; p.Type == ocpi.ComponentParkingTime && p.Price.Sign() != 0 {
				return true
			}
		}
	}
	return false
}

// flats reports several start fees: whether one session pays one or all of
// them is open (issues 176 and 390).
func (c *checker) flats() {
	first := -1
	for i := range c.t.Elements {
		e := &c.t.Elements[i]
		if e.Restrictions.Reservation != ocpi.ReservationNone {
			continue
		}
		for j := range e.Components {
			if p := &e.Components[j]; p.Type != ocpi.ComponentFlat || p.Price.Sign() == 0 {
				continue
			}
			if first < 0 {
				first = i
			} else if first != i {
				c.add("several_flats", ocpi.Warning, componentPath(i, j, ""),
					fmt.Sprintf("elements[%d] has a FLAT too: a session in which both apply pays both here, only the first elsewhere (OCPI issue 390); keep one", first))
			}
			break
		}
	}
}
