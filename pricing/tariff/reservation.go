package tariff

import "github.com/roamclear/roamclear/ocpi"

// A reservation has its own context (P-08; mod_tariffs, ReservationRestriction
// Type): elements without a reservation restriction never apply to it, elements
// with one never apply outside it. Its volume is RESERVATION_TIME, its price
// components are FLAT (once) and TIME.

// inferExpiry decides whether the reservation expired. The CDR does not say
// (issue 395): a CDR that measured nothing but a reservation is taken as an
// expired one unless the caller knows better; a cancelled reservation looks the
// same.
func (e *Engine) inferExpiry() {
	if e.in.ReservationExpired != nil {
		e.reservationExpired = *e.in.ReservationExpired
		return
	}
	e.reservationExpired = e.onlyReservation
	if e.onlyReservation {
		e.raise(noticeReservationExpiryInferred, 0)
	}
}

// chargeReservation charges a period's reservation. For an expired one the
// RESERVATION_EXPIRES elements come first whatever their place, per dimension;
// what they do not price, the RESERVATION elements do.
func (e *Engine) chargeReservation(i int, p *period, t *used, s *state) {
	rs := e.reserved(s)
	flat := e.reservationList(t, ocpi.ComponentFlat, &rs, i)
	if found := e.find(flat, &rs, i); found >= 0 {
		e.chargeReservationFlat(t, flat, found, &rs, i)
	}
	if e.reservationExpired && len(t.expired[ocpi.ComponentFlat]) > 0 && len(t.reserved[ocpi.ComponentFlat]) > 0 {
		e.raise(noticeTwoReservationFlats, i)
	}
	list := e.reservationList(t, ocpi.ComponentTime, &rs, i)
	e.charge(t, list, &rs, i, p, int128Of(p.reserved), &e.reservation)
	if n := len(e.explain.traces); e.explain.on && n > 0 {
		e.explain.traces[n-1].reserved = true
	}
}

// reservationList returns the candidates that apply: those of an expired
// reservation if it expired and one of them matches.
func (e *Engine) reservationList(t *used, kind ocpi.Component, s *state, period int) []candidate {
	if e.reservationExpired && e.find(t.expired[kind], s, period) >= 0 {
		return t.expired[kind]
	}
	return t.reserved[kind]
}

// chargeReservationFlat charges a reservation's FLAT once.
func (e *Engine) chargeReservationFlat(t *used, list []candidate, found int, s *state, i int) {
	y := &e.tallies[t.first+list[found].component]
	if y.used || e.profile.Flat == FlatFirstOnly && e.reservationFlatCharged {
		return
	}
	y.used = true
	y.quantity = int128Of(1)
	e.reservationFlatCharged = true
	if e.explain.on {
		e.traceLookup(t, ocpi.ComponentFlat, list, found, s, i, y.quantity)
	}
}
