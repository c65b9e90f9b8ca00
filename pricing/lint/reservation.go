package lint

import "github.com/roamclear/roamclear/ocpi"

// reservations checks the elements of reservations, which may have FLAT and
// TIME only and during which nothing is charged (mod_tariffs, P-08).
func (c *checker) reservations() {
	var fees [ocpi.ReservationUnknown + 1]string // path of the first FLAT
	session := false
	for i := range c.t.Elements {
		e := &c.t.Elements[i]
		phase := e.Restrictions.Reservation
		if phase == ocpi.ReservationNone {
			session = true
			continue
		}
		for j := range e.Components {
			switch p := &e.Components[j]; p.Type {
			case ocpi.ComponentEnergy, ocpi.ComponentParkingTime:
				c.add("reservation_dimension", ocpi.Serious, componentPath(i, j, "type"), "a reservation has no "+p.Type.String()+": the price is never charged; use FLAT or TIME, or take the reservation restriction away")
			case ocpi.ComponentFlat:
				if fees[phase] == "" {
					fees[phase] = componentPath(i, j, "")
				}
			}
		}
		c.reservationRestrictions(i, &e.Restrictions)
	}
	if !session {
		c.add("reservation_only", ocpi.Warning, "elements", "every element is for reservations: the charge itself costs nothing; add an element without the reservation restriction")
	}
	if fees[ocpi.Reservation] != "" && fees[ocpi.ReservationExpires] != "" {
		c.add("two_reservation_fees", ocpi.Info, fees[ocpi.ReservationExpires], "RESERVATION has a FLAT too: when the reservation expires this one is charged instead of it, by other readers both; say in tariff_alt_text which is meant")
	}
}

// reservationRestrictions reports restrictions on what a reservation never has.
func (c *checker) reservationRestrictions(i int, r *ocpi.Restrictions) {
	for _, axis := range []int{axisKWh, axisCurrent, axisPower} {
		low, high := bounds(r, axis)
		for k, n := range []ocpi.Number{low, high} {
			if n.IsSet() {
				c.add("reservation_restriction", ocpi.Warning, restrictionPath(i, axisMembers[axis][k]), "a reservation takes no energy, so readers differ on whether this restriction matches; leave it out")
			}
		}
	}
}
