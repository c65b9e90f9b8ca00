package control

import (
	"cmp"
	"math"
	"slices"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
)

// Scope is which objects of a kind a partner sees: its own, and of others what
// is for everybody or for one of its parties. It is the one answer to who sees
// what: [Scope.Holds] for one object, its members for a list that is filtered
// where it is read. The slices must not be changed.
type Scope struct {
	Own     []ocpi.Party // the viewer's parties that own such objects
	Every   bool         // else: those of every owner,
	From    []ocpi.Party // or of these, in order,
	Except  []ocpi.Party // but for these, in order, which own no such objects any more,
	Shared  bool         // which are for everybody: Locations, Tokens, Tariffs without a recipient,
	For     []ocpi.Party // or for one of these: debtors of Sessions and CDRs, recipients of Tariffs
	Granted []ocpi.Party // all of these owners, whomever it is for: Sessions of CPOs that let an SCSP read them
	Only    ocpi.Party   // when set, all of it between the viewer and this party alone
}

// Holds reports whether an object of an owner is in the scope. other is whom it
// is for: the debtor of a CDR or Session, the recipient of a Tariff; zero = nobody
// or everybody.
func (s *Scope) Holds(owner, other ocpi.Party) bool {
	switch {
	case slices.Contains(s.Own, owner):
		return s.Only.IsZero() || other.IsZero() || other == s.Only
	case slices.Contains(s.Granted, owner):
		return true
	case !s.Every && !contains(s.From, owner), s.excepts(owner):
		return false
	case other.IsZero():
		return s.Shared
	}
	return slices.Contains(s.For, other)
}

// Others is [Scope.Holds] for who selects objects of an owner where they are stored: whom
// they must be for, or that it holds all of them, whomever they are for.
func (s *Scope) Others(owner ocpi.Party) (others []ocpi.Party, all bool) {
	switch {
	case slices.Contains(s.Own, owner):
		if s.Only.IsZero() {
			return nil, true
		}
		return []ocpi.Party{{}, s.Only}, false
	case slices.Contains(s.Granted, owner):
		return nil, true
	case !s.Every && !contains(s.From, owner), s.excepts(owner):
		return nil, false
	}
	others = slices.Clone(s.For)
	if s.Shared {
		others = append(others, ocpi.Party{})
	}
	return others, false
}

// Empty reports whether the scope can hold nothing.
func (s *Scope) Empty() bool {
	others := (s.Every || len(s.From) > 0) && (s.Shared || len(s.For) > 0)
	return len(s.Own) == 0 && len(s.Granted) == 0 && !others
}

// Sees reports whether a partner sees an object: see [Scope.Holds].
func (d *Partners) Sees(viewer *Partner, what ingest.Object, owner, other ocpi.Party) bool {
	s := d.Scope(viewer, what)
	return s.Holds(owner, other)
}

// PairsOnly has partners see Locations, Tariffs and Tokens only of parties that
// theirs roam with, by the pairs that were added. Only before use.
func (d *Partners) PairsOnly() { d.pairsOnly = true }

// Scope returns what a partner sees of a kind of object:
//
//	Locations, Tariffs without recipient   their owner; EMSP, NAP, NSP and OTHER, of any CPO
//	Tariffs with a recipient               their owner and the recipient
//	Tokens                                 their owner; CPOs, of any eMSP
//	Sessions, CDRs, invoices               their two parties
//	Sessions                               SCSPs, of CPOs that granted it
//
// Where only pairs roam, what is for everybody is for the other party of a pair,
// and so are Tariffs. To a 2.1.1 partner with a counterparty there is nobody else.
// What a party published is for its owner alone once no partner has it in a role
// that publishes, until one does again; what two parties owe each other stays theirs.
func (d *Partners) Scope(viewer *Partner, what ingest.Object) Scope {
	s, now := Scope{Only: viewer.Counterparty}, d.state.Current()
	switch what {
	case ingest.ObjectLocation, ingest.ObjectTariff:
		s.Own, s.Shared = viewer.publishing.Parties, len(viewer.readers) > 0
		if what == ingest.ObjectTariff {
			s.For = viewer.readers
		}
		s.Except = now.formerPublishers()
		d.reach(&s, viewer.readers, now.pairs.ofEMSP)
	case ingest.ObjectToken:
		s.Own, s.Shared = viewer.mobility.Parties, len(viewer.charging.Parties) > 0
		s.Except = now.formerProviders()
		d.reach(&s, viewer.charging.Parties, now.pairs.ofCPO)
	case ingest.ObjectSession, ingest.ObjectCDR:
		s.Own, s.For = viewer.charging.Parties, viewer.mobility.Parties
		s.from(nil, true)
		if what == ingest.ObjectSession && viewer.Counterparty.IsZero() {
			s.Granted = granted(now.grants, viewer.parties([]string{RoleSCSP}))
		}
	case ingest.ObjectInvoice:
		s.Own = viewer.parties([]string{RoleCPO, RoleEMSP})
		s.For = s.Own
		s.from(nil, true)
	}
	return s
}

// reach sets whose objects the viewer's parties see.
func (d *Partners) reach(s *Scope, parties []ocpi.Party, others Map[ocpi.Party, []ocpi.Party]) {
	if !d.pairsOnly {
		s.from(nil, true)
		return
	}
	var from []ocpi.Party
	for _, p := range parties {
		paired, _ := others.Get(p)
		from = append(from, paired...)
	}
	slices.SortFunc(from, compareParties)
	s.from(slices.Compact(from), false)
}

// granted returns the CPOs whose Sessions one of some SCSPs may read, each once.
func granted(grants pairs, scsps []ocpi.Party) (cpos []ocpi.Party) {
	seen := map[ocpi.Party]bool{}
	for _, p := range scsps {
		of, _ := grants.ofEMSP.Get(p)
		for _, cpo := range of {
			if !seen[cpo] {
				seen[cpo] = true
				cpos = append(cpos, cpo)
			}
		}
	}
	return cpos
}

// from sets of which owners the scope is, within the one counterparty there may be.
func (s *Scope) from(owners []ocpi.Party, every bool) {
	owners = slices.DeleteFunc(owners, s.excepts)
	switch {
	case s.excepts(s.Only):
	case s.Only.IsZero():
		s.From, s.Every = owners, every
	case every || contains(owners, s.Only):
		s.From = []ocpi.Party{s.Only}
	}
}

func (s *Scope) excepts(owner ocpi.Party) bool { return contains(s.Except, owner) }

// contains reports whether a party is among some that are in order.
func contains(list []ocpi.Party, party ocpi.Party) bool {
	_, found := slices.BinarySearchFunc(list, party, compareParties)
	return found
}

// Counterpart is a role of another partner that a viewer may reach, since an instant.
type Counterpart struct {
	Role    Role
	Partner *Partner
	Since   ocpi.Time
}

// Counterparts returns whom a partner may exchange anything with, in the order of
// party and role: for its CPOs those who read what they publish, for these the CPOs
// and NAPs; where only pairs roam, those of its pairs.
func (d *Partners) Counterparts(viewer *Partner) []Counterpart {
	s := d.state.Current()
	charging, readers := d.joined(s, viewer.charging.Parties, []string{RoleCPO}), d.joined(s, viewer.readers, reads)
	list := []Counterpart{}
	for role, p := range s.byRole.All() {
		if p.ID == viewer.ID || !viewer.Counterparty.IsZero() && role.Party() != viewer.Counterparty {
			continue
		}
		since := never
		if slices.Contains(reads, role.Role) {
			since = d.roams(s, charging, func(own ocpi.Party) Pair { return Pair{own, role.Party()} })
		}
		if slices.Contains(publishes, role.Role) {
			since = min(since, d.roams(s, readers, func(own ocpi.Party) Pair { return Pair{role.Party(), own} }))
		}
		if since != never {
			at, _ := s.joined.Get(role)
			list = append(list, Counterpart{role, p, max(since, at)})
		}
	}
	slices.SortFunc(list, func(a, b Counterpart) int {
		return cmp.Or(cmp.Compare(a.Role.Party().String(), b.Role.Party().String()), cmp.Compare(a.Role.Role, b.Role.Role))
	})
	return list
}

// never is when what is not begins.
const never ocpi.Time = math.MaxInt64

// joinedParty is a party, and since when it is here.
type joinedParty struct {
	party ocpi.Party
	at    ocpi.Time
}

// joined returns since when parties have one of some roles; where all roam with all, of
// the first of them alone.
func (d *Partners) joined(s *partners, parties []ocpi.Party, roles []string) []joinedParty {
	var list []joinedParty
	for _, party := range parties {
		at := never
		for _, role := range roles {
			r := Role{role, party.Country, party.ID}
			if _, held := s.byRole.Get(r); held {
				since, _ := s.joined.Get(r)
				at = min(at, since)
			}
		}
		list = append(list, joinedParty{party, at})
	}
	if !d.pairsOnly && len(list) > 0 {
		return []joinedParty{slices.MinFunc(list, func(a, b joinedParty) int { return cmp.Compare(a.at, b.at) })}
	}
	return list
}

// roams returns since when one of the parties roams with another, as a pair says.
func (d *Partners) roams(s *partners, own []joinedParty, pair func(ocpi.Party) Pair) ocpi.Time {
	since := never
	for _, one := range own {
		switch p := pair(one.party); {
		case !d.pairsOnly:
			since = min(since, one.at)
		case s.pairs.has(p):
			at, _ := s.paired.Get(p)
			since = min(since, max(at, one.at))
		}
	}
	return since
}
