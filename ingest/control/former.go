package control

import (
	"cmp"
	"slices"
	"sync"

	"github.com/roamclear/roamclear/ocpi"
)

// vacate ends roles that a partner has. Who had them is remembered: what it sent
// stays, and is not shown as if it still held.
func (s *partners) vacate(roles []Role) {
	for _, r := range roles {
		s.byRole = s.byRole.Without(r)
		s.vacant = s.vacant.With(r, struct{}{})
	}
	s.formers = new(formers)
}

// formers are the parties that had roles and have none of them any more: found when
// they are first asked for, and the same until roles end or begin again. Whoever asks
// may ask at any time: there may be any number of them, and each list asks.
type formers struct{ publishing, providing former }

type former struct {
	once    sync.Once
	parties []ocpi.Party // in order
}

// formerPublishers and formerProviders return the parties that published, or had
// Tokens, and do so no more, in order. The slice must not be changed.
func (s *partners) formerPublishers() []ocpi.Party {
	if s.formers == nil {
		return nil
	}
	return s.formers.publishing.of(s, publishes)
}

func (s *partners) formerProviders() []ocpi.Party {
	if s.formers == nil {
		return nil
	}
	return s.formers.providing.of(s, provides)
}

func (f *former) of(s *partners, roles []string) []ocpi.Party {
	f.once.Do(func() {
		for r := range s.vacant.All() {
			if slices.Contains(roles, r.Role) && !s.has(r.Party(), roles) {
				f.parties = append(f.parties, r.Party())
			}
		}
		slices.SortFunc(f.parties, compareParties)
		f.parties = slices.Clip(slices.Compact(f.parties))
	})
	return f.parties
}

func compareParties(a, b ocpi.Party) int {
	return cmp.Or(cmp.Compare(a.Country, b.Country), cmp.Compare(a.ID, b.ID))
}

// has reports whether a party is a partner's now, in one of some roles.
func (s *partners) has(party ocpi.Party, roles []string) bool {
	return slices.ContainsFunc(roles, func(role string) bool {
		_, ok := s.byRole.Get(Role{Role: role, Country: party.Country, PartyID: party.ID})
		return ok
	})
}
