package tariff

import "github.com/roamclear/roamclear/ocpi"

// chargeFlat charges the FLAT component that is active at the start of a
// period, each distinct one once per session (P-07): an unrestricted FLAT is a
// start fee, one with min_duration a late fee (issue 566). A FLAT that becomes
// inactive and active again is not charged again. A charge that failed before
// any energy flowed still pays its FLAT.
func (e *Engine) chargeFlat(i int, p *period, t *used, s *state) {
	list := t.session[ocpi.ComponentFlat]
	found := e.find(list, s, i)
	if found < 0 {
		return
	}
	// Where the first FLAT has no restriction no other can become active.
	t.flatSettled = list[0].has == 0 && e.profile.Match == MatchFirst
	y := &e.tallies[t.first+list[found].component]
	if y.used {
		return
	}
	switch e.profile.Flat {
	case FlatNever:
		return
	case FlatFirstOnly:
		if e.flatCharged {
			return
		}
	}
	y.used = true
	y.quantity = int128Of(1)
	if e.profile.Flat == FlatTwice {
		y.quantity = int128Of(2)
	}
	e.flatCharged = true
	if e.explain.on {
		e.traceLookup(t, ocpi.ComponentFlat, list, found, s, i, y.quantity)
	}
}
