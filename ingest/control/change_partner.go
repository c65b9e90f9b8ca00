package control

import (
	"slices"

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

const maxRoles = 1000

func (c PartnerAdded) validate() error {
	if err := validateName("partner id", c.ID); err != nil {
		return err
	}
	if err := validateName("partner name", c.Name); err != nil {
		return err
	}
	if len(c.Roles) == 0 || len(c.Roles) > maxRoles {
		return invalid("partner with %d roles: want 1 to %d", len(c.Roles), maxRoles)
	}
	for i, r := range c.Roles {
		if err := r.validate(); err != nil {
			return err
		}
		if slices.Contains(c.Roles[:i], r) {
			return invalid("role %s is given twice", r)
		}
	}
	if len(c.Profile) > maxName {
		return invalid("profile name of %d bytes: want at most %d", len(c.Profile), maxName)
	}
	return c.Encoding.validate()
}

func (c PartnerAdded) apply(s *State, _ Event) error {
	for _, r := range c.Roles {
		if other := s.roles[r]; other != nil {
			return conflict("role %s already belongs to partner %s (%s)", r, other.ID, other.Name)
		}
	}
	if s.partners[c.ID] != nil {
		return conflict("partner %s exists already", c.ID)
	}
	if s.tokens[c.TokenHash] != nil {
		return conflict("another partner already has this token")
	}
	p := &Partner{
		ID: c.ID, Name: c.Name, Roles: slices.Clone(c.Roles), Encoding: c.Encoding, Profile: c.Profile,
		Version: 1, Tokens: []Token{{Hash: c.TokenHash}},
	}
	p.derive()
	s.put(p)
	return nil
}

// put makes p the current form of its partner, in every index.
func (s *State) put(p *Partner) {
	s.partners[p.ID] = p
	for _, r := range p.Roles {
		s.roles[r] = p
	}
	for _, t := range p.Tokens {
		s.tokens[t.Hash] = p
	}
}

// PartnerRemoved ends a partner: its tokens stop working at once. What it
// sent stays.
type PartnerRemoved struct {
	ID string `json:"id"`
}

func (c PartnerRemoved) validate() error { return validateName("partner id", c.ID) }

func (c PartnerRemoved) apply(s *State, e Event) error {
	p, err := s.expect(c.ID, e)
	if err != nil {
		return err
	}
	delete(s.partners, p.ID)
	for _, r := range p.Roles {
		delete(s.roles, r)
	}
	for _, t := range p.Tokens {
		delete(s.tokens, t.Hash)
	}
	return nil
}

// expect returns the partner if it has the version the event wants.
func (s *State) expect(id string, e Event) (*Partner, error) {
	p := s.partners[id]
	if p == nil {
		return nil, unknown("there is no partner %s", id)
	}
	if e.Expect != 0 && e.Expect != p.Version {
		return nil, conflict("partner %s has version %d, not %d: somebody else changed it, look again", id, p.Version, e.Expect)
	}
	return p, nil
}

// TokenRotated gives a partner a new token. The old one works on until the
// new one is first used, at most until Until (OCPI leaves the overlap open;
// without one a lost answer would lock the partner out).
type TokenRotated struct {
	ID        string    `json:"id"`
	TokenHash TokenHash `json:"token_hash"`
	Until     ocpi.Time `json:"until"`
}

func (c TokenRotated) validate() error {
	if !c.Until.IsSet() {
		return invalid("rotation of partner %s: the end of the old token is missing", c.ID)
	}
	return validateName("partner id", c.ID)
}

func (c TokenRotated) apply(s *State, e Event) error {
	p, err := s.expect(c.ID, e)
	if err != nil {
		return err
	}
	if s.tokens[c.TokenHash] != nil {
		return conflict("the new token is in use already")
	}
	// The old token is the one the partner is known to have: in a rotation
	// whose new token was never used, the older of the two, if still good.
	old := p.Tokens[len(p.Tokens)-1]
	if !old.accepted(e.At) {
		old = p.Tokens[0]
	}
	for _, t := range p.Tokens {
		delete(s.tokens, t.Hash)
	}
	next := *p
	next.Version++
	next.Tokens = []Token{{Hash: c.TokenHash}, {Hash: old.Hash, Until: c.Until}}
	s.put(&next)
	return nil
}

// TokenConfirmed says that the new token of a rotation was used: the old one
// ends.
type TokenConfirmed struct {
	ID        string    `json:"id"`
	TokenHash TokenHash `json:"token_hash"`
}

func (c TokenConfirmed) validate() error { return validateName("partner id", c.ID) }

func (c TokenConfirmed) apply(s *State, e Event) error {
	p, err := s.expect(c.ID, e)
	if err != nil {
		return err
	}
	if !p.isFresh(c.TokenHash) {
		return conflict("partner %s has no rotation to this token under way", c.ID)
	}
	for _, t := range p.Tokens[1:] {
		delete(s.tokens, t.Hash)
	}
	next := *p
	next.Version++
	next.Tokens = p.Tokens[:1:1]
	s.put(&next)
	return nil
}
