package lint

import (
	"fmt"
	"strings"

	"github.com/roamclear/roamclear/ocpi"
)

// dimensions in the order a price list is read.
var dimensions = [...]ocpi.Component{
	ocpi.ComponentFlat, ocpi.ComponentEnergy, ocpi.ComponentTime, ocpi.ComponentParkingTime,
}

// offer is a price component that is looked up for its dimension: the first of
// that dimension in its element (P-04).
type offer struct {
	element   int
	component int
	box       box
	price     *ocpi.PriceComponent
	dead      bool // earlier offers leave it nothing
}

// coverage finds, dimension by dimension, the components that an earlier
// element always beats, the ones that share moments, and the moments that
// nothing prices. Reservations are looked up among themselves (P-08).
func (c *checker) coverage() {
	s := newSpace(c.t)
	var gaps [len(dimensions)][]box
	var priced [len(dimensions)]bool
	dead := make([]int, len(c.t.Elements)) // components of the element that never apply
	bounded := false
	for _, phase := range []ocpi.ReservationRestriction{ocpi.ReservationNone, ocpi.Reservation, ocpi.ReservationExpires} {
		for d, dimension := range dimensions {
			offers := c.offers(s, phase, dimension)
			region, ok := c.shadows(s, offers, dead)
			bounded = bounded || !ok || !c.overlaps(s, offers)
			if phase == ocpi.ReservationNone {
				gaps[d], priced[d] = region, len(offers) > 0
			}
		}
	}
	if bounded {
		c.bounded()
		return
	}
	c.gaps(s, gaps, priced)
}

// bounded reports that the analysis was given up.
func (c *checker) bounded() {
	c.add("analysis_bounded", ocpi.Info, "elements", "the restrictions combine in too many ways to be compared completely: unreachable elements and gaps may be missing from this list; use fewer elements")
}

// offers lists the components of a dimension that apply in a phase.
func (c *checker) offers(s *space, phase ocpi.ReservationRestriction, dimension ocpi.Component) (offers []offer) {
	for i := range c.t.Elements {
		e := &c.t.Elements[i]
		if e.Restrictions.Reservation != phase {
			continue
		}
		for j := range e.Components {
			if e.Components[j].Type == dimension {
				offers = append(offers, offer{element: i, component: j, box: s.box(&e.Restrictions), price: &e.Components[j]})
				break
			}
		}
	}
	return offers
}

// shadows reports the offers that earlier ones leave nothing to, and returns
// what none of them covers.
func (c *checker) shadows(s *space, offers []offer, dead []int) (region []box, ok bool) {
	region = s.universe
	for i := range offers {
		o := &offers[i]
		if o.box.empty() {
			o.dead = true // reported as empty_range
			continue
		}
		if !meets(region, &o.box) {
			o.dead = true
			c.shadowed(s, offers[:i], o, dead)
		}
		if region, ok = s.minus(region, &o.box); !ok {
			return nil, false
		}
	}
	return region, true
}

func meets(region []box, b *box) bool {
	for i := range region {
		if !region[i].disjoint(b) {
			return true
		}
	}
	return false
}

// shadowed reports an offer that never applies.
func (c *checker) shadowed(s *space, earlier []offer, o *offer, dead []int) {
	if !meets(s.universe, &o.box) {
		c.add("never_matches", ocpi.Serious, restrictionPath(o.element, "day_of_week"),
			"none of these weekdays occurs between start_date and end_date: the element never applies; correct the dates or the weekdays")
		return
	}
	code, by := "unreachable_component", "the elements before it together always apply first"
	mend, same := "; the first match wins, so put the narrower element first", false
	for i := range earlier {
		e := &earlier[i]
		if !e.box.contains(&o.box) {
			continue
		}
		same = samePrice(e.price, o.price)
		if o.box.contains(&e.box) && restricts(&c.t.Elements[e.element].Restrictions) {
			code = "duplicate_window"
			by = fmt.Sprintf("elements[%d] has the same restrictions and comes first", e.element)
			mend = "; correct the restrictions of one of them"
			break
		}
		by = fmt.Sprintf("elements[%d] always applies first", e.element)
		break
	}
	dead[o.element]++
	path := componentPath(o.element, o.component, "")
	if dead[o.element] == len(c.t.Elements[o.element].Components) && code == "unreachable_component" {
		c.drop("unreachable_component", path[:strings.LastIndex(path, ".")])
		code, path = "unreachable_element", elementPath(o.element)
	}
	severity := ocpi.Serious
	if same {
		severity, mend = ocpi.Warning, "; it costs the same, so remove it"
	}
	c.add(code, severity, path, "its "+o.price.Type.String()+" price is never charged: "+by+mend)
}

// restricts reports whether anything but the reservation restricts.
func restricts(r *ocpi.Restrictions) bool {
	bare := *r
	bare.Reservation = ocpi.ReservationNone
	return bare != ocpi.Restrictions{}
}

// samePrice reports whether two components charge alike.
func samePrice(a, b *ocpi.PriceComponent) bool {
	return a.Price.Cmp(b.Price) == 0 && a.VAT.IsSet() == b.VAT.IsSet() && a.VAT.Cmp(b.VAT) == 0 && a.StepSize.Cmp(b.StepSize) == 0
}

// maxOverlaps is how many overlaps of one dimension are listed.
const maxOverlaps = 10

// overlaps reports offers of which neither is the special case of the other
// but which share moments: the order of the elements then decides the price.
func (c *checker) overlaps(s *space, offers []offer) (ok bool) {
	found := 0
	for j := range offers {
		for i := range j {
			if s.budget--; s.budget < 0 {
				return false
			}
			a, b := &offers[i], &offers[j]
			if a.dead || b.dead || a.box.disjoint(&b.box) || samePrice(a.price, b.price) || b.box.contains(&a.box) || a.box.contains(&b.box) {
				continue
			}
			if found++; found > maxOverlaps {
				return true
			}
			var common box
			for axis := range common {
				common[axis] = intersect(a.box[axis], b.box[axis])
			}
			c.add("overlap", ocpi.Info, componentPath(b.element, b.component, ""),
				fmt.Sprintf("elements[%d] also prices %s (%s) and wins, being first; if that is not meant, make the restrictions exclude each other", a.element, b.price.Type, s.text(&common)))
		}
	}
	return true
}
