package control

import (
	"slices"
	"sync/atomic"

	"github.com/roamclear/roamclear/ocpi"
)

// PartnerAdded registers a partner with its first token.
type PartnerAdded struct {
	ID        string        `json:"id"`
	Name      string        `json:"name"`
	Roles     []Role        `json:"roles"`
	TokenHash TokenHash     `json:"token_hash"`
	Encoding  TokenEncoding `json:"token_encoding"`
	Profile   string        `json:"profile,omitempty"`
}

// Kind implements Change.
func (PartnerAdded) Kind() Kind { return Kind{"partner.added", 1} }

// Validate implements Change.
func (c PartnerAdded) Validate() error {
	if err := validateName("partner id", c.ID); err != nil {
		return err
	}
	if err := validateName("partner name", c.Name); err != nil {
		return err
	}
	if err := validateRoles(c.Roles); err != nil {
		return err
	}
	if len(c.Profile) > maxName {
		return Invalid("profile name of %d bytes: want at most %d", len(c.Profile), maxName)
	}
	return c.Encoding.validate()
}

func (d *Partners) added(e Event, c PartnerAdded) error {
	s := &d.state.Folded
	if err := s.free(c.Roles); err != nil {
		return err
	}
	if _, ok := s.byID.Get(c.ID); ok {
		return Conflict("partner %s exists already", c.ID)
	}
	if _, ok := s.byToken.Get(c.TokenHash); ok {
		return Conflict("another partner already has this token")
	}
	p := &Partner{
		ID: c.ID, Name: c.Name, Roles: slices.Clone(c.Roles), Encoding: c.Encoding, Profile: c.Profile,
		Version: 1, Tokens: []Token{{Hash: c.TokenHash}}, given: e.At, contact: new(atomic.Int64),
	}
	p.derive()
	s.put(p)
	s.begin(p, e.At)
	s.remember(p, c.Roles, e)
	return nil
}

// remember notes what prices depend on, for questions about an earlier offset:
// that the partner has the roles from there on; and since when it has them.
func (s *partners) remember(p *Partner, roles []Role, e Event) {
	for _, r := range roles {
		s.joined = s.joined.With(r, e.At)
		switch party := r.Party(); r.Role {
		case RoleEMSP:
			if _, known := s.billable.Get(party); !known {
				s.billable = s.billable.With(party, e.Offset)
			}
		case RoleCPO:
			// Appending leaves what a published state holds as it is.
			before, _ := s.profiles.Get(party)
			s.profiles = s.profiles.With(party, append(before, profileNaming{e.Offset, p.Profile}))
		}
	}
}

// put makes p the current form of its partner, in every index.
func (s *partners) put(p *Partner) {
	var before []Role
	if old, ok := s.byID.Get(p.ID); ok {
		before = old.Pending
	}
	s.offers(p.ID, before, p.Pending)
	s.byID = s.byID.With(p.ID, p)
	for _, r := range p.Roles {
		if _, held := s.byRole.Get(r); !held && s.formers != nil {
			s.formers = new(formers)
		}
		s.byRole = s.byRole.With(r, p)
		s.vacant = s.vacant.Without(r)
	}
	for _, t := range p.Tokens {
		s.byToken = s.byToken.With(t.Hash, p)
	}
}

// end takes the tokens out of the index.
func (s *partners) end(tokens []Token) {
	for _, t := range tokens {
		s.byToken = s.byToken.Without(t.Hash)
	}
}

// PartnerRemoved ends a partner: its tokens stop working at once. What it
// sent stays.
type PartnerRemoved struct {
	ID string `json:"id"`
}

// Kind implements Change.
func (PartnerRemoved) Kind() Kind { return Kind{"partner.removed", 1} }

// Validate implements Change.
func (c PartnerRemoved) Validate() error { return validateName("partner id", c.ID) }

func (d *Partners) removed(e Event, c PartnerRemoved) error {
	s := &d.state.Folded
	p, err := s.expect(c.ID, e)
	if err != nil {
		return err
	}
	s.byID = s.byID.Without(p.ID)
	s.offers(p.ID, p.Pending, nil)
	s.vacate(p.Roles)
	s.end(p.Tokens)
	s.unpin(p.ID, p.Pins...)
	d.tally.Forget(p.ID) // who comes by this id later is another one
	s.absences, s.findings, s.contacts = s.absences.Without(p.ID), s.findings.Without(p.ID), s.contacts.Without(p.ID)
	return nil
}

// expect returns the partner if it has the version the event wants.
func (s *partners) expect(id string, e Event) (*Partner, error) {
	p, ok := s.byID.Get(id)
	if !ok {
		return nil, Unknown("there is no partner %s", id)
	}
	if e.Expect != 0 && e.Expect != p.Version {
		return nil, Conflict("partner %s has version %d, not %d: somebody else changed it, look again", id, p.Version, e.Expect)
	}
	return p, nil
}

// endedAtOnce is the Until of a rotation that ends all tokens before at once: in
// the past by any process's clock, and an instant to a version that does not
// know of it.
const endedAtOnce ocpi.Time = 1

// TokenRotated gives a partner a new token. The old one works on until the
// new one is first used, at most until Until (OCPI leaves the overlap open;
// without one a lost answer would lock the partner out).
type TokenRotated struct {
	ID        string    `json:"id"`
	TokenHash TokenHash `json:"token_hash"`
	Until     ocpi.Time `json:"until"`
}

// Kind implements Change.
func (TokenRotated) Kind() Kind { return Kind{"token.rotated", 1} }

// Validate implements Change.
func (c TokenRotated) Validate() error {
	if !c.Until.IsSet() {
		return Invalid("rotation of partner %s: the end of the old token is missing", c.ID)
	}
	return validateName("partner id", c.ID)
}

func (d *Partners) rotated(e Event, c TokenRotated) error {
	s := &d.state.Folded
	p, err := s.expect(c.ID, e)
	if err != nil {
		return err
	}
	if _, ok := s.byToken.Get(c.TokenHash); ok {
		return Conflict("the new token is in use already")
	}
	if p.Invitation != nil || len(p.Tokens) == 0 {
		return Conflict("partner %s is %s and has no token to rotate: invite it again", p.ID, p.Stage())
	}
	s.renew(p, c.TokenHash, c.Until, e)
	return nil
}

// renew gives a partner a new token beside the one it is known to have, which
// works on until the new one is used, until at most.
func (s *partners) renew(p *Partner, token TokenHash, until ocpi.Time, e Event) {
	old := p.known(e.At)
	s.end(p.Tokens)
	next := *p
	next.Version++
	next.Tokens = []Token{{Hash: token}, {Hash: old.Hash, Until: until}}
	next.rotated, next.given = e.Offset, e.At
	s.put(&next)
}

// known returns the token that the partner is known to have: in a rotation whose
// new token was never used, the older of the two, if still good.
func (p *Partner) known(now ocpi.Time) Token {
	if old, ok := p.old(); ok && old.accepted(now) {
		return old
	}
	return p.Tokens[0]
}

// TokenConfirmed says that the new token of a rotation was used: the old one
// ends.
type TokenConfirmed struct {
	ID        string    `json:"id"`
	TokenHash TokenHash `json:"token_hash"`
}

// Kind implements Change.
func (TokenConfirmed) Kind() Kind { return Kind{"token.confirmed", 1} }

// Validate implements Change.
func (c TokenConfirmed) Validate() error { return validateName("partner id", c.ID) }

func (d *Partners) confirmed(e Event, c TokenConfirmed) error {
	s := &d.state.Folded
	p, err := s.expect(c.ID, e)
	if err != nil {
		return err
	}
	if !p.isFresh(c.TokenHash) {
		return Conflict("partner %s has no rotation to this token under way", c.ID)
	}
	s.end(p.Tokens[1:2])
	next := *p
	next.Version++
	next.Tokens = slices.Concat(p.Tokens[:1], p.offered())
	s.put(&next)
	return nil
}
