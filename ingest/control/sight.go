package control

import (
	"cmp"
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
	From    []ocpi.Party // or of these,
	Except  []ocpi.Party // but for these, which own no such objects any more,
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
	case !s.Every && !slices.Contains(s.From, owner), s.excepts(owner):
		return false
	case other.IsZero():
		return s.Shared
	}
	return slices.Contains(s.For, other)
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
		s.Except = now.former(publishes)
		d.reach(&s, viewer.readers, now.pairs.ofEMSP)
	case ingest.ObjectToken:
		s.Own, s.Shared = viewer.mobility.Parties, len(viewer.charging.Parties) > 0
		s.Except = now.former(provides)
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
	s.from(from, false)
}

// granted returns the CPOs whose Sessions one of some SCSPs may read, each once.
func granted(grants pairs, scsps []ocpi.Party) (cpos []ocpi.Party) {
	for _, p := range scsps {
		of, _ := grants.ofEMSP.Get(p)
		for _, cpo := range of {
			if !slices.Contains(cpos, cpo) {
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
	case every || slices.Contains(owners, s.Only):
		s.From = []ocpi.Party{s.Only}
	}
}

func (s *Scope) excepts(owner ocpi.Party) bool { return slices.Contains(s.Except, owner) }

// Counterpart is a role of another partner that a viewer may reach.
type Counterpart struct {
	Role    Role
	Partner *Partner
}

// Counterparts returns whom a partner may exchange anything with, in the order of
// party and role: for its CPOs those who read what they publish, for these the CPOs
// and NAPs; where only pairs roam, those of its pairs.
func (d *Partners) Counterparts(viewer *Partner) []Counterpart {
	s := d.state.Current()
	charging, readers := viewer.charging.Parties, viewer.readers
	list := []Counterpart{}
	for role, p := range s.byRole.All() {
		if p.ID == viewer.ID || !viewer.Counterparty.IsZero() && role.Party() != viewer.Counterparty {
			continue
		}
		toReader := slices.Contains(reads, role.Role) && d.roams(s, charging, func(own ocpi.Party) Pair { return Pair{own, role.Party()} })
		toOwner := slices.Contains(publishes, role.Role) && d.roams(s, readers, func(own ocpi.Party) Pair { return Pair{role.Party(), own} })
		if toReader || toOwner {
			list = append(list, Counterpart{role, p})
		}
	}
	slices.SortFunc(list, func(a, b Counterpart) int {
		return cmp.Or(cmp.Compare(a.Role.Party().String(), b.Role.Party().String()), cmp.Compare(a.Role.Role, b.Role.Role))
	})
	return list
}

// roams reports whether one of the parties roams with another, as a pair says.
func (d *Partners) roams(s *partners, own []ocpi.Party, pair func(ocpi.Party) Pair) bool {
	if !d.pairsOnly {
		return len(own) > 0
	}
	return slices.ContainsFunc(own, func(p ocpi.Party) bool { return s.pairs.has(pair(p)) })
}
