package hub

import (
	"maps"
	"slices"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement"
)

// visible returns the lists of the route's kind of object that the partner may
// read, none where its roles are nothing to that kind. They hold what
// control.Scope.Holds, but for Sessions that name no eMSP: these are on their
// owner's list only where it has no counterparty.
func (x *exchange) visible() []settlement.ListPart {
	s := x.s.Partners.Scope(x.partner, x.route.object)
	var lists []settlement.ListPart
	add := func(kind settlement.ListKind, owners []ocpi.Party, parties ...ocpi.Party) {
		part := settlement.ListPart{ObjectList: settlement.ObjectList{Kind: kind}, Owners: owners}
		if everybody := kind == settlement.ListAll || kind == settlement.ListWith; everybody && len(owners) == 0 {
			part.Except = s.Except
		}
		for _, part.Party = range parties {
			lists = append(lists, part)
		}
	}
	if s.Only.IsZero() {
		own := s.Own
		if x.route.version != ocpi.V211 { // which has no SCSP
			own = union(own, s.Granted)
		}
		add(settlement.ListOwn, nil, own...)
	} else if len(s.Own) > 0 {
		add(settlement.ListWith, s.Own, s.Only)
	}
	shared := x.route.object != ingest.ObjectSession && x.route.object != ingest.ObjectInvoice
	switch {
	case shared && s.Shared && s.Every: // its own among them
		add(settlement.ListAll, nil, ocpi.Party{})
	case shared && s.Shared:
		add(settlement.ListOpen, nil, union(s.Own, s.From)...)
	case shared:
		add(settlement.ListOpen, nil, s.Own...)
	}
	if s.Every || len(s.From) > 0 {
		add(settlement.ListWith, s.From, s.For...)
	}
	return lists
}

// union returns parties each once.
func union(a, b []ocpi.Party) []ocpi.Party {
	all, seen := slices.Clone(a), make(map[ocpi.Party]bool, len(a)+len(b))
	for _, p := range a {
		seen[p] = true
	}
	for _, p := range b {
		if !seen[p] {
			seen[p] = true
			all = append(all, p)
		}
	}
	return all
}

// owners are the parties whose objects of the route's kind the partner may see.
func (x *exchange) owners() []ocpi.Party {
	s := x.s.Partners.Scope(x.partner, x.route.object)
	switch {
	case !s.Shared:
		return s.Own
	case !s.Every:
		return union(s.Own, s.From)
	}
	owners := map[ocpi.Party]bool{}
	for _, p := range x.s.Partners.All() {
		for _, own := range p.Publishing().Parties {
			owners[own] = true
		}
	}
	return slices.Collect(maps.Keys(owners))
}
