package control

import (
	"slices"

	"github.com/roamclear/roamclear/ocpi"
)

// Hub returns the hub that a partner is: what it says of itself when it asks for more
// than one of its parties. It need not be granted, but is believed then only where
// nobody else is that party, nor we are, nor has another partner offered it before: a
// platform of 2.3.0 may name the hub it connects through in hub_party_id, and nobody
// may take a name by offering it. ok is false where it is none.
func (d *Partners) Hub(p *Partner, ours ocpi.Party) (hub ocpi.Party, ok bool) {
	if hub, ok = hubOf(p.Roles, func(ocpi.Party) bool { return true }); ok {
		return hub, true
	}
	s := d.state.Current()
	return hubOf(p.Pending, func(party ocpi.Party) bool {
		if party == ours || p.Owns(party) {
			return party != ours
		}
		return !s.anothers(p, party)
	})
}

// anothers reports whether a party is another platform's than the partner's: it has it,
// or offered it before.
func (s *partners) anothers(p *Partner, party ocpi.Party) bool {
	for _, role := range roleNames {
		if holder, ok := s.byRole.Get(Role{role, party.Country, party.ID}); ok && !p.sharesPlatform(holder) {
			return true
		}
	}
	if list, _ := s.offered.Get(party); len(list) > 0 {
		first, ok := s.byID.Get(list[0])
		return ok && !p.sharesPlatform(first)
	}
	return false
}

// sharesPlatform reports whether another partner is the same platform over a connection
// of its own: its versions answered at the same URL when it registered.
func (p *Partner) sharesPlatform(other *Partner) bool {
	return other.ID == p.ID || p.Peer != nil && other.Peer != nil && p.Peer.URL == other.Peer.URL
}

// hubOf returns the first party with the role of a hub that is believed.
func hubOf(roles []Role, believed func(ocpi.Party) bool) (hub ocpi.Party, ok bool) {
	i := slices.IndexFunc(roles, func(r Role) bool { return r.Role == RoleHub && believed(r.Party()) })
	if i < 0 {
		return hub, false
	}
	return roles[i].Party(), true
}

// offers notes which parties a partner offers to be, that offered others before.
func (s *partners) offers(id string, before, now []Role) {
	is := func(r Role) func(Role) bool {
		return func(other Role) bool { return other.Party() == r.Party() }
	}
	for _, r := range before {
		if list, _ := s.offered.Get(r.Party()); !slices.ContainsFunc(now, is(r)) && slices.Contains(list, id) {
			list = slices.DeleteFunc(slices.Clone(list), func(other string) bool { return other == id })
			s.offered = s.offered.With(r.Party(), list)
			if len(list) == 0 {
				s.offered = s.offered.Without(r.Party())
			}
		}
	}
	for _, r := range now {
		if list, _ := s.offered.Get(r.Party()); !slices.Contains(list, id) {
			s.offered = s.offered.With(r.Party(), append(slices.Clone(list), id))
		}
	}
}
