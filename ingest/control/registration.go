package control

import (
	"slices"
	"sync/atomic"

	"github.com/roamclear/roamclear/ocpi"
)

// Invitation is what a partner may register with: a token that opens versions
// and credentials alone (OCPI's CREDENTIALS_TOKEN_A), for a while.
type Invitation struct {
	Version ocpi.Version // that is expected, 0 = any
	Until   ocpi.Time
}

// partyData is a party in the log.
type partyData struct {
	Country string `json:"country_code"`
	PartyID string `json:"party_id"`
}

func newPartyData(p ocpi.Party) partyData { return partyData{Country: p.Country, PartyID: p.ID} }

func (d partyData) party() ocpi.Party { return ocpi.Party{Country: d.Country, ID: d.PartyID} }

func (d partyData) validate() error {
	return Role{Role: RoleCPO, Country: d.Country, PartyID: d.PartyID}.validate()
}

// PartnerInvited lets a partner register, under these roles: a new one, or one
// that was invited before or has unregistered.
type PartnerInvited struct {
	ID           string     `json:"id"`
	Name         string     `json:"name"`
	Roles        []Role     `json:"roles"`
	TokenHash    TokenHash  `json:"token_hash"`
	Until        ocpi.Time  `json:"until"`
	Version      string     `json:"version,omitempty"`
	Counterparty *partyData `json:"counterparty,omitempty"`
	Profile      string     `json:"profile,omitempty"`
}

// Kind implements Change.
func (PartnerInvited) Kind() Kind { return Kind{"partner.invited", 1} }

// Validate implements Change.
func (c PartnerInvited) Validate() error {
	if !c.Until.IsSet() {
		return Invalid("invitation of partner %s: its end is missing", c.ID)
	}
	if _, ok := ocpi.ParseVersion(c.Version); !ok && c.Version != "" {
		return Invalid("OCPI version %q: want 2.1.1, 2.2.1 or 2.3.0", c.Version)
	}
	if c.Counterparty != nil {
		if err := c.Counterparty.validate(); err != nil {
			return err
		}
	}
	return PartnerAdded{ID: c.ID, Name: c.Name, Roles: c.Roles, Encoding: EncodingAuto, Profile: c.Profile}.Validate()
}

func (d *Partners) invited(e Event, c PartnerInvited) error {
	s := &d.state.Folded
	p, known := s.byID.Get(c.ID)
	if known {
		if _, err := s.expect(c.ID, e); err != nil {
			return err
		}
	} else {
		p = &Partner{ID: c.ID, Name: c.Name, Encoding: EncodingAuto, Profile: c.Profile, contact: new(atomic.Int64)}
	}
	if stage := p.Stage(); known && stage != StageInvited && stage != StageUnregistered {
		return Conflict("partner %s is %s already: it goes on with the token it has", p.ID, stage)
	}
	added := without(c.Roles, p.Roles)
	if err := s.free(added); err != nil {
		return err
	}
	if _, ok := s.byToken.Get(c.TokenHash); ok {
		return Conflict("another partner already has this token")
	}
	s.end(p.Tokens)
	next := p.with(slices.Concat(p.Roles, added))
	next.Tokens, next.given = []Token{{Hash: c.TokenHash, Until: c.Until}}, e.At
	v, _ := ocpi.ParseVersion(c.Version)
	next.Invitation = &Invitation{Version: v, Until: c.Until}
	next.Counterparty = ocpi.Party{}
	if c.Counterparty != nil {
		next.Counterparty = c.Counterparty.party()
	}
	s.put(next)
	s.begin(next, e.At)
	s.remember(next, added, e)
	return nil
}

// registrationData is what a handshake comes to: how the partner is called,
// what it offers, and its token, which opens everything. Until bounds its old
// token, where it had one that did.
type registrationData struct {
	ID        string    `json:"id"`
	Peer      peerData  `json:"peer"`
	Name      string    `json:"name,omitempty"` // as its business details have it
	Roles     []Role    `json:"roles"`          // that it offers
	TokenHash TokenHash `json:"token_hash"`
	Until     ocpi.Time `json:"until"`
	// Told are the roles that we have shown it with this (see Partners.Told), by
	// their hash.
	Told *TokenHash `json:"told,omitempty"`
}

func (c registrationData) validate() error {
	if err := validateName("partner id", c.ID); err != nil {
		return err
	}
	if c.Name != "" {
		if err := validateName("partner name", c.Name); err != nil {
			return err
		}
	}
	if len(c.Roles) > 0 {
		if err := validateRoles(c.Roles); err != nil {
			return err
		}
	}
	if !c.Until.IsSet() {
		return Invalid("registration of partner %s: the end of its old token is missing", c.ID)
	}
	return c.Peer.validate()
}

// next returns the partner as the handshake leaves it, but for its tokens. Roles
// that were not granted to it before wait for somebody to do so.
func (c registrationData) next(p *Partner) *Partner {
	next := *p
	next.Version++
	next.told = told{}
	if c.Told != nil {
		next.told.roles = *c.Told
	}
	next.Peer, next.Invitation = c.Peer.peer(), nil
	next.Pending = without(c.Roles, p.Roles)
	if c.Name != "" && len(p.Roles) > 0 && p.Name == p.Roles[0].Party().String() {
		next.Name = c.Name // nobody had given it another
	}
	return &next
}

// PartnerRegistered says that a partner has registered: its invitation is used
// up.
type PartnerRegistered registrationData

// Kind implements Change.
func (PartnerRegistered) Kind() Kind { return Kind{"partner.registered", 1} }

// Validate implements Change.
func (c PartnerRegistered) Validate() error { return registrationData(c).validate() }

func (d *Partners) registered(e Event, c PartnerRegistered) error {
	s := &d.state.Folded
	p, err := s.expect(c.ID, e)
	if err != nil {
		return err
	}
	if s.taken(c.TokenHash, p) {
		return Conflict("the new token is in use already")
	}
	tokens := []Token{{Hash: c.TokenHash}}
	switch p.Stage() {
	case StageRegistered:
		return Conflict("partner %s is registered already", p.ID)
	case StageUnregistered:
		return Conflict("partner %s is not invited", p.ID)
	case StageInvited:
		if !p.Tokens[0].accepted(e.At) {
			return Conflict("the invitation of partner %s has expired", p.ID)
		}
	case StageAdded:
		if old := p.known(e.At); old.Hash != c.TokenHash {
			tokens = append(tokens, Token{Hash: old.Hash, Until: c.Until})
		}
	}
	next := registrationData(c).next(p)
	s.settle(next, p, tokens, e)
	s.begin(next, e.At)
	s.hear(next, e.At, e.At)
	return nil
}

// taken reports whether another partner than p has a token.
func (s *partners) taken(token TokenHash, p *Partner) bool {
	owner, ok := s.byToken.Get(token)
	return ok && owner != p
}

// settle puts the next form of a partner, with these tokens in place of those it
// had.
func (s *partners) settle(next, p *Partner, tokens []Token, e Event) {
	s.end(p.Tokens)
	next.Tokens, next.rotated, next.given = tokens, e.Offset, e.At
	s.put(next)
}

// PartnerUpdated says that a registered partner, or we, changed what was
// registered: version, endpoints, tokens of both sides.
type PartnerUpdated registrationData

// Kind implements Change.
func (PartnerUpdated) Kind() Kind { return Kind{"partner.updated", 1} }

// Validate implements Change.
func (c PartnerUpdated) Validate() error { return registrationData(c).validate() }

func (d *Partners) updated(e Event, c PartnerUpdated) error {
	s := &d.state.Folded
	p, err := s.expect(c.ID, e)
	if err != nil {
		return err
	}
	if p.Peer == nil {
		return Conflict("partner %s is not registered", p.ID)
	}
	if s.taken(c.TokenHash, p) {
		return Conflict("the new token is in use already")
	}
	tokens := []Token{{Hash: c.TokenHash}}
	if old := p.known(e.At); old.Hash != c.TokenHash {
		tokens = append(tokens, Token{Hash: old.Hash, Until: c.Until})
	}
	next := registrationData(c).next(p)
	next.told.at = e.At
	s.settle(next, p, tokens, e)
	s.hear(next, e.At, e.At)
	return nil
}

// PartnerUnregistered ends a registration: the partner's tokens stop working and
// we call it no more. What it sent, and its roles, stay.
type PartnerUnregistered struct {
	ID string `json:"id"`
}

// Kind implements Change.
func (PartnerUnregistered) Kind() Kind { return Kind{"partner.unregistered", 1} }

// Validate implements Change.
func (c PartnerUnregistered) Validate() error { return validateName("partner id", c.ID) }

func (d *Partners) unregistered(e Event, c PartnerUnregistered) error {
	s := &d.state.Folded
	p, err := s.expect(c.ID, e)
	if err != nil {
		return err
	}
	if p.Peer == nil {
		return Conflict("partner %s is not registered", p.ID)
	}
	next := *p
	next.Version++
	next.Peer, next.Pending = nil, nil
	s.settle(&next, p, nil, e)
	s.begin(&next, e.At)
	return nil
}
