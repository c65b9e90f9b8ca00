package control

import (
	"context"
	"strings"

	"github.com/roamclear/roamclear/ocpi"
)

// NewPartner is what AddPartner needs. Token "" has one minted.
type NewPartner struct {
	Name     string
	Roles    []Role
	Token    string
	Encoding TokenEncoding // "" = auto
	Profile  string
}

// AddPartner registers a partner and returns it with its token, which cannot
// be had again. command may be "". Errors as in [Control.Do].
func (c *Control) AddPartner(ctx context.Context, command string, n NewPartner) (*Partner, string, error) {
	token, err := tokenOrNew(n.Token)
	if err != nil {
		return nil, "", err
	}
	if n.Encoding == "" {
		n.Encoding = EncodingAuto
	}
	if len(n.Roles) == 0 {
		return nil, "", invalid("a partner needs at least one role, such as CPO of GB*DUN")
	}
	roles := make([]Role, len(n.Roles))
	for i, r := range n.Roles {
		roles[i] = NewRole(r.Role, r.Country, r.PartyID)
	}
	add := PartnerAdded{
		ID: PartnerID(roles[0]), Name: n.Name, Roles: roles,
		TokenHash: HashToken(token), Encoding: n.Encoding, Profile: n.Profile,
	}
	if _, err := c.Do(ctx, Command{ID: command, Change: add}); err != nil {
		return nil, "", err
	}
	p, err := c.partner(add.ID)
	return p, token, err
}

// RotateToken gives a partner a new token (chosen, or minted when "") and
// returns it. The old one works until the new one is used, at most for
// [RotationGrace]. Errors as in [Control.Do].
func (c *Control) RotateToken(ctx context.Context, command, id string, expect uint64, token string) (*Partner, string, error) {
	token, err := tokenOrNew(token)
	if err != nil {
		return nil, "", err
	}
	until := c.now() + ocpi.Time(RotationGrace)
	rotate := TokenRotated{ID: id, TokenHash: HashToken(token), Until: until}
	if _, err := c.Do(ctx, Command{ID: command, Expect: expect, Change: rotate}); err != nil {
		return nil, "", err
	}
	p, err := c.partner(id)
	return p, token, err
}

func (c *Control) partner(id string) (*Partner, error) {
	p, ok := c.State().Partner(id)
	if !ok {
		return nil, conflict("partner %s was removed at the same moment", id)
	}
	return p, nil
}

// RemovePartner ends a partner. Errors as in [Control.Do].
func (c *Control) RemovePartner(ctx context.Context, command, id string, expect uint64) error {
	_, err := c.Do(ctx, Command{ID: command, Expect: expect, Change: PartnerRemoved{ID: id}})
	return err
}

// NewKey is what AddKey needs. A zero Party reads everything.
type NewKey struct {
	Name   string // "" = named after its id
	Scopes []string
	Party  ocpi.Party
}

// AddKey registers an API key and returns it with its secret, which cannot be
// had again. Errors as in [Control.Do].
func (c *Control) AddKey(ctx context.Context, command string, n NewKey) (*APIKey, string, error) {
	secret := NewToken()
	hash := HashToken(secret)
	add := KeyAdded{
		ID: newKeyID(hash), Name: n.Name, Hash: hash, Scopes: n.Scopes,
		Country: n.Party.Country, PartyID: n.Party.ID,
	}
	if add.Name == "" {
		add.Name = add.ID
	}
	if _, err := c.Do(ctx, Command{ID: command, Change: add}); err != nil {
		return nil, "", err
	}
	k, ok := c.State().Key("Bearer " + secret)
	if !ok {
		return nil, "", conflict("key %s was removed at the same moment", add.ID)
	}
	return k, secret, nil
}

// newKeyID shortens the hash of the key: unique for all that matters, and a
// clash is refused by the fold.
func newKeyID(h TokenHash) string {
	text, _ := h.MarshalText() // never fails
	return "key-" + strings.ToLower(string(text[:10]))
}

// RemoveKey ends an API key. Errors as in [Control.Do].
func (c *Control) RemoveKey(ctx context.Context, command, id string) error {
	_, err := c.Do(ctx, Command{ID: command, Change: KeyRemoved{ID: id}})
	return err
}

func tokenOrNew(token string) (string, error) {
	if token == "" {
		return NewToken(), nil
	}
	return token, ValidateToken(token)
}
