package control

import (
	"cmp"
	"slices"

	"github.com/roamclear/roamclear/ocpi"
)

// vacate ends roles that a partner has. Who had them is remembered: what it sent
// stays, and is not shown as if it still held.
func (s *partners) vacate(roles []Role) {
	for _, r := range roles {
		s.byRole = s.byRole.Without(r)
		s.vacant = s.vacant.With(r, struct{}{})
	}
}

// former returns the parties that had one of some roles and have none of them any
// more, in order.
func (s *partners) former(roles []string) []ocpi.Party {
	var list []ocpi.Party
	for r := range s.vacant.All() {
		if party := r.Party(); slices.Contains(roles, r.Role) && !s.has(party, roles) && !slices.Contains(list, party) {
			list = append(list, party)
		}
	}
	slices.SortFunc(list, func(a, b ocpi.Party) int { return cmp.Or(cmp.Compare(a.Country, b.Country), cmp.Compare(a.ID, b.ID)) })
	return list
}

// has reports whether a party is a partner's now, in one of some roles.
func (s *partners) has(party ocpi.Party, roles []string) bool {
	return slices.ContainsFunc(roles, func(role string) bool {
		_, ok := s.byRole.Get(Role{Role: role, Country: party.Country, PartyID: party.ID})
		return ok
	})
}
