package control

import (
	"slices"

	"github.com/roamclear/roamclear/ocpi"
)

// TokenOffered lets a partner use a token that we are about to give it, until we
// know that it has taken it (see PartnerUpdated), at most until Until. It has at
// most one such.
type TokenOffered struct {
	ID        string    `json:"id"`
	TokenHash TokenHash `json:"token_hash"`
	Until     ocpi.Time `json:"until"`
}

// Kind implements Change.
func (TokenOffered) Kind() Kind { return Kind{"token.offered", 1} }

// Validate implements Change.
func (c TokenOffered) Validate() error {
	if !c.Until.IsSet() {
		return Invalid("token offered to partner %s: its end is missing", c.ID)
	}
	return validateName("partner id", c.ID)
}

func (d *Partners) offered(e Event, c TokenOffered) error {
	s := &d.state.Folded
	p, err := s.expect(c.ID, e)
	if err != nil {
		return err
	}
	if stage := p.Stage(); stage != StageRegistered && stage != StageAdded {
		return Conflict("partner %s is %s: it has no token beside which another could be", p.ID, stage)
	}
	if _, ok := s.byToken.Get(c.TokenHash); ok {
		return Conflict("the new token is in use already")
	}
	s.end(p.offered())
	next := *p
	next.Version++
	next.Tokens = append(slices.Clip(p.Tokens[:len(p.Tokens)-len(p.offered())]), Token{Hash: c.TokenHash, Until: c.Until, Offered: true})
	s.put(&next)
	return nil
}
