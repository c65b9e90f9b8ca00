package lint

import (
	"fmt"
	"strings"

	"github.com/roamclear/roamclear/ocpi"
)

// gaps reports the moments at which a dimension that the tariff prices has no
// price: it then costs nothing (P-04). A gap in one of ENERGY and TIME is
// usual where the other is priced; a gap in both is free charging.
func (c *checker) gaps(s *space, gaps [len(dimensions)][]box, priced [len(dimensions)]bool) {
	const energy, timed, parking = 1, 2, 3
	if !priced[energy] && !priced[timed] {
		c.nothingByUse()
	}
	if !priced[energy] && priced[timed] {
		c.add("energy_not_priced", ocpi.Info, "elements", "no element prices ENERGY: the energy itself costs nothing; add an ENERGY price if that is not meant")
	}
	severity := ocpi.Warning
	if priced[energy] && priced[timed] {
		severity = ocpi.Info
		both, ok := s.meet(gaps[energy], gaps[timed])
		if !ok {
			c.bounded()
		}
		if len(both) > 0 {
			c.add("charging_gap", ocpi.Warning, "elements", "neither ENERGY nor TIME has a price "+s.when(both)+": charging is then free; add a last element without restrictions")
		}
	}
	for _, d := range []int{energy, timed, parking} {
		if !priced[d] || len(gaps[d]) == 0 {
			continue
		}
		if d == parking {
			severity = ocpi.Info
		}
		c.add("price_gap", severity, "elements", dimensions[d].String()+" has no price "+s.when(gaps[d])+": it then costs nothing; add a last element without restrictions if that is not meant")
	}
}

// nothingByUse reports a tariff that charges neither energy nor time.
func (c *checker) nothingByUse() {
	for i := range c.t.Elements {
		e := &c.t.Elements[i]
		for j := range e.Components {
			if e.Components[j].Price.Sign() != 0 && e.Restrictions.Reservation == ocpi.ReservationNone {
				c.add("nothing_priced_by_use", ocpi.Warning, "elements", "neither ENERGY nor TIME has a price: every charge costs the same, however long and however much; add an element for what is used")
				return
			}
		}
	}
	c.add("free_of_charge", ocpi.Info, "elements", "every price of a charge is zero or missing: charging is free")
}

// meet returns what is in both regions; ok is false when that is too much work.
func (s *space) meet(a, b []box) (both []box, ok bool) {
	for i := range a {
		if s.budget -= len(b); s.budget < 0 {
			return nil, false
		}
		for j := range b {
			if a[i].disjoint(&b[j]) {
				continue
			}
			var common box
			for axis := range common {
				common[axis] = intersect(a[i][axis], b[j][axis])
			}
			both = append(both, common)
		}
	}
	return both, true
}

// maxGaps is how many parts of a gap are spelt out.
const maxGaps = 3

// when writes a region as "at Mon–Fri 18:00–24:00 (30 hours a week)".
func (s *space) when(region []box) string {
	region = merge(region)
	var parts []string
	minutes, weekly := int32(0), true
	for i := range region {
		b := &region[i]
		minutes += b[axisWeek].size()
		for axis := axisDate; axis < axes; axis++ {
			weekly = weekly && b[axis].size() == s.universe[0][axis].size()
		}
		if text := s.text(b); text != "" && i < maxGaps {
			parts = append(parts, text)
		}
	}
	text := "(" + strings.Join(parts, " | ") + ")"
	if len(region) > maxGaps {
		text = fmt.Sprintf("(%s | %d more)", strings.Join(parts, " | "), len(region)-maxGaps)
	}
	if weekly {
		text += " for " + secondsText(ocpi.NewNumber(int64(minutes)*60, 0)) + " a week"
	}
	return text
}

// mergeable bounds the comparisons of merge.
const mergeable = 100

// merge joins boxes that differ along one axis only, so that they read well.
func merge(region []box) []box {
	if len(region) > mergeable {
		return region
	}
	merged := append([]box(nil), region...)
	for i := 0; i < len(merged); i++ {
		for j := i + 1; j < len(merged); j++ {
			if axis := onlyDifference(&merged[i], &merged[j]); axis >= 0 {
				merged[i][axis] = union(merged[i][axis], merged[j][axis])
				merged = append(merged[:j], merged[j+1:]...)
				i, j = -1, len(merged) // what was joined may join again
			}
		}
	}
	return merged
}

// onlyDifference returns the one axis along which two boxes differ, else -1.
func onlyDifference(a, b *box) int {
	axis := -1
	for i := range a {
		if len(subtract(a[i], b[i])) == 0 && len(subtract(b[i], a[i])) == 0 {
			continue
		}
		if axis >= 0 {
			return -1
		}
		axis = i
	}
	return axis
}
