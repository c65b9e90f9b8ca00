package control

import (
	"context"
	"time"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
)

// InvitationLife is how long a partner may register with its invitation.
const InvitationLife = 30 * 24 * time.Hour

// NewInvitation is what Invite needs. Token "" has one minted; Version 0 and a
// zero Counterparty are left open.
type NewInvitation struct {
	Name         string
	Roles        []Role
	Token        string
	Version      ocpi.Version
	Counterparty ocpi.Party
	Profile      string
}

// Invite lets a partner register under these roles and returns the token to do
// so with, which cannot be had again. Who was invited before, or has
// unregistered, and has the first role, is invited again: the token before ends.
// Errors as in [Machine.Do].
func (d *Partners) Invite(ctx context.Context, command string, n NewInvitation) (*Partner, string, error) {
	token, err := tokenOrNew(n.Token)
	if err != nil {
		return nil, "", err
	}
	if len(n.Roles) == 0 {
		return nil, "", Invalid("an invitation needs at least one role, such as CPO of GB*DUN")
	}
	roles := foldedRoles(n.Roles)
	invite := PartnerInvited{
		ID: d.invitedID(roles[0]), Name: n.Name, Roles: roles, TokenHash: HashToken(token),
		Until: d.machine.Now() + ocpi.Time(InvitationLife), Profile: n.Profile,
	}
	if n.Version != 0 {
		invite.Version = n.Version.String()
	}
	if !n.Counterparty.IsZero() {
		c := newPartyData(n.Counterparty)
		invite.Counterparty = &c
	}
	if _, err := d.machine.Do(ctx, Command{ID: command, Change: invite}); err != nil {
		return nil, "", err
	}
	p, err := d.partner(invite.ID)
	return p, token, err
}

// invitedID returns the id of whoever has the role, else of a new partner.
func (d *Partners) invitedID(first Role) string {
	if p, ok := d.state.Current().byRole.Get(first); ok {
		return p.ID
	}
	return d.freeID(first)
}

// Holder returns the partner that has a role.
func (d *Partners) Holder(r Role) (*Partner, bool) { return d.state.Current().byRole.Get(r) }

// Owner finds the partner that pushes objects of a kind for a party.
func (d *Partners) Owner(o ingest.Object, party ocpi.Party) (*Partner, bool) {
	for _, role := range RoleNames() {
		if p, ok := d.Holder(Role{role, party.Country, party.ID}); ok {
			if from, ok := p.Sender(o); ok && from.Owns(party) {
				return p, true
			}
		}
	}
	return nil, false
}

// Registration is what a handshake comes to. Token is the partner's, which opens
// everything from then on: "" has one minted. Roles are those it offers; what
// cannot be a role is left out. With Now the token before ends at once: it has
// leaked.
type Registration struct {
	Peer  Peer
	Name  string
	Roles []Role
	Token string
	Now   bool
	Told  TokenHash // of the credentials that we gave it, see [Told]; zero = not noted
}

// Register completes the invitation of a partner, or the entry of one that was
// added by hand, and returns it with its token. Errors as in [Machine.Do].
func (d *Partners) Register(ctx context.Context, command, id string, r Registration) (*Partner, string, error) {
	data, token, err := d.registration(id, r)
	if err != nil {
		return nil, "", err
	}
	return d.handshake(ctx, Command{ID: command, Change: PartnerRegistered(data)}, id, token)
}

// Update replaces what a partner has registered. Its old token works on until the
// new one is used, at most for [RotationGrace]. Errors as in [Machine.Do].
func (d *Partners) Update(ctx context.Context, command, id string, r Registration) (*Partner, string, error) {
	data, token, err := d.registration(id, r)
	if err != nil {
		return nil, "", err
	}
	return d.handshake(ctx, Command{ID: command, Change: PartnerUpdated(data)}, id, token)
}

func (d *Partners) handshake(ctx context.Context, cmd Command, id, token string) (*Partner, string, error) {
	if _, err := d.machine.Do(ctx, cmd); err != nil {
		return nil, "", err
	}
	p, err := d.partner(id)
	return p, token, err
}

func (d *Partners) registration(id string, r Registration) (registrationData, string, error) {
	token, err := tokenOrNew(r.Token)
	if err != nil {
		return registrationData{}, "", err
	}
	until := d.machine.Now() + ocpi.Time(RotationGrace)
	if r.Now {
		until = endedAtOnce
	}
	data := registrationData{
		ID: id, Peer: r.Peer.data(), Name: named(r.Name), Roles: possible(r.Roles), TokenHash: HashToken(token), Until: until,
	}
	if r.Told != (TokenHash{}) {
		data.Told = &r.Told
	}
	return data, token, nil
}

// named returns a name that a partner gives itself, so far as it can be kept.
func named(name string) string {
	if validateName("partner name", name) != nil {
		return ""
	}
	return name
}

// possible returns what can be roles, each once, and no more than are kept.
func possible(offered []Role) []Role {
	roles := []Role{}
	seen := map[Role]bool{}
	for _, r := range foldedRoles(offered) {
		if r.validate() == nil && !seen[r] && len(roles) < maxRoles {
			seen[r] = true
			roles = append(roles, r)
		}
	}
	return roles
}

// Unregister ends a registration. Errors as in [Machine.Do].
func (d *Partners) Unregister(ctx context.Context, command, id string, expect uint64) error {
	_, err := d.machine.Do(ctx, Command{ID: command, Expect: expect, Change: PartnerUnregistered{ID: id}})
	return err
}

// Offer gives a partner a token, "" for a new one, that works from now
// on beside those it has, so that it can be sent to it; Update with it makes it the
// partner's. Until then it works for [RotationGrace] at most: where no answer came,
// nobody knows which one the partner goes on with. Errors as in [Machine.Do].
func (d *Partners) Offer(ctx context.Context, command, id, token string) (string, error) {
	token, err := tokenOrNew(token)
	if err != nil {
		return "", err
	}
	offer := TokenOffered{ID: id, TokenHash: HashToken(token), Until: d.machine.Now() + ocpi.Time(RotationGrace)}
	if _, err := d.machine.Do(ctx, Command{ID: command, Change: offer}); err != nil {
		return "", err
	}
	return token, nil
}

// Presented returns the token of an Authorization header as the partner holds it,
// decoded where it came encoded; ok is false where it is nobody's.
func (d *Partners) Presented(authorization string) (token string, ok bool) {
	s, now := d.state.Current(), d.machine.now()
	credentials, ok := cutScheme(authorization, "Token")
	if !ok {
		return "", false
	}
	p, _, ok := s.authenticate(authorization, now)
	if !ok {
		return "", false
	}
	for text := []byte(credentials); ; {
		if p.accepts(HashToken(string(text)), now) {
			return string(text), true
		}
		if text, _, ok = decodeToken(text); !ok {
			return "", false
		}
	}
}
