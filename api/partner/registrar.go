package partner

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"

	"github.com/roamclear/roamclear/api"
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ingest/control"
	"github.com/roamclear/roamclear/ocpi"
)

// Registrar registers us with partners, and keeps that up: the calls of
// mod_credentials as its client. Its errors are an api.ErrPeer, or those of
// [control.Machine.Do].
type Registrar struct {
	Dialer   *Dialer
	Partners *control.Partners
	Sealer   *control.Sealer
	Self     control.Self
	Versions string // URL of our versions, that partners call
	// Found is told what is found in credentials that a partner answered with; nil = nobody.
	Found  func(partner string, f *ocpi.Finding)
	Logger *slog.Logger
}

// Invited is what a partner gave us to register with. Roles are what it may be
// here; none: what it says of itself, in Role where that is given. Version 0 = the
// best.
type Invited struct {
	URL, Token string
	Version    ocpi.Version
	Roles      []control.Role
	Role       string
	Name       string
}

// Connected is what came of it.
type Connected struct {
	Partner *control.Partner
	Found   *Found
}

// Connect registers us with a partner, which is registered here from then on.
func (c *Registrar) Connect(ctx context.Context, in Invited) (*Connected, error) {
	found, err := c.Dialer.Discover(ctx, in.URL, in.Token, "", in.Version)
	if err != nil {
		return nil, peerError(err)
	}
	at, err := found.Credentials()
	if err != nil {
		return nil, peerError(err)
	}
	door := Knock{URL: at, Version: found.Version, Token: in.Token, Encoding: found.Encoding}
	if len(in.Roles) == 0 {
		if in.Roles, err = c.rolesOf(ctx, door, in.Role); err != nil {
			return nil, err
		}
	}
	one, token, undo, err := c.expect(ctx, in, found.Version)
	if err != nil {
		return nil, err
	}
	ctx = For(ctx, one.ID)
	own := c.Partners.Credentials(one, door.Version, c.Self, token, c.Versions)
	theirs, err := c.introduce(ctx, door, own)
	if err != nil {
		return nil, errors.Join(peerError(err), undo())
	}
	if err := c.judge(one, theirs); err != nil {
		door.Partner, door.Token = one.ID, theirs.Token
		if err := c.Dialer.DeleteCredentials(ctx, door); err != nil { // it has registered us
			c.Logger.Warn("a partner that was not registered has us registered", "partner", one.ID, "error", err)
		}
		return nil, errors.Join(err, undo())
	}
	found = c.again(ctx, theirs, found)
	one, _, err = c.Partners.Register(ctx, "", one.ID, c.registration(theirs, found, own))
	if err != nil {
		return nil, fmt.Errorf("the partner has registered us, and we could not note it: register again with a new token of theirs: %w", err)
	}
	c.Logger.Info("registered with a partner", "partner", one.ID, "version", found.Version.String())
	return &Connected{Partner: one, Found: found}, nil
}

// Rotate exchanges tokens with a registered partner: it gets a new one, "" for one
// that is made, and gives us one. With now its old one ends at once, else when the
// new one is used.
func (c *Registrar) Rotate(ctx context.Context, p *control.Partner, token string, now bool) (*control.Partner, error) {
	ctx = For(ctx, p.ID)
	door, err := c.door(p)
	if err != nil {
		return nil, err
	}
	if token, err = c.Partners.Offer(ctx, "", p.ID, token); err != nil {
		return nil, err
	}
	own := c.Partners.Credentials(p, door.Version, c.Self, token, c.Versions)
	body, err := own.Encode(door.Version)
	if err != nil {
		return nil, err
	}
	theirs, err := read(c.Dialer.PutCredentials(ctx, door, body))(door.Version)
	if err != nil {
		return nil, peerError(err)
	}
	if err := c.judge(p, theirs); err != nil { // the tokens have been exchanged: without the new one it could not be called
		c.Logger.Warn("credentials that a partner answered with are refused by agreement, and stand", "partner", p.ID, "error", err)
	}
	found := &Found{Version: p.Peer.Version, VersionsURL: p.Peer.URL, Endpoints: p.Peer.Endpoints, Encoding: p.Peer.Encoding}
	r := c.registration(theirs, c.again(ctx, theirs, found), own)
	r.Now = now
	p, _, err = c.Partners.Update(ctx, "", p.ID, r)
	return p, err
}

// judge counts what is found in credentials that a partner answered with, and refuses
// it where that is agreed, as it is in those that it sends.
func (c *Registrar) judge(p *control.Partner, theirs *ocpi.Credentials) error {
	var refused []ocpi.FieldError
	for i := range theirs.Findings {
		f := &theirs.Findings[i]
		if c.Found != nil {
			c.Found(p.ID, f)
		}
		if slices.Contains(p.Refuses, f.Code) {
			refused = append(refused, ingest.RefusedBy(f))
		}
	}
	if refused == nil {
		return nil
	}
	return peerError(fmt.Errorf("its credentials are refused: %w", &ocpi.Invalid{Fields: refused}))
}

// Unregister tells a partner that its registration has ended.
func (c *Registrar) Unregister(ctx context.Context, p *control.Partner) error {
	door, err := c.door(p)
	if err != nil {
		return err
	}
	if err := c.Dialer.DeleteCredentials(ctx, door); err != nil {
		return peerError(err)
	}
	return nil
}

// door is where and how the credentials of a registered partner are called.
func (c *Registrar) door(p *control.Partner) (Knock, error) {
	if p.Peer == nil {
		return Knock{}, control.Conflict("partner %s has not registered", p.ID)
	}
	at, err := (&Found{Version: p.Peer.Version, VersionsURL: p.Peer.URL, Endpoints: p.Peer.Endpoints}).Credentials()
	if err != nil {
		return Knock{}, peerError(err)
	}
	token, err := c.Sealer.Open(p.Peer.Token)
	if err != nil {
		return Knock{}, peerError(fmt.Errorf("call partner %s: %w", p.ID, err))
	}
	return Knock{Partner: p.ID, URL: at, Version: p.Peer.Version, Token: token, Encoding: p.Peer.Encoding}, nil
}

// registration is what a handshake comes to: how the partner is called, by which
// token it calls us, and whom it knows of.
func (c *Registrar) registration(theirs *ocpi.Credentials, found *Found, own *ocpi.Credentials) control.Registration {
	return control.Registration{
		Peer: control.Peer{
			Version: found.Version, URL: found.VersionsURL, Endpoints: found.Endpoints,
			Token: c.Sealer.Seal(theirs.Token), Encoding: found.Encoding,
		},
		Name: nameOf(theirs), Roles: rolesIn(theirs), Token: own.Token, Told: control.Told(own),
	}
}

// rolesOf asks a partner who it is, by its token A. In 2.1.1 nobody says which
// role the party has. That it is a hub is not taken from its word alone: a hub is
// believed to speak for others.
func (c *Registrar) rolesOf(ctx context.Context, door Knock, role string) ([]control.Role, error) {
	theirs, err := read(c.Dialer.GetCredentials(ctx, door))(door.Version)
	if err != nil {
		return nil, control.Invalid("the partner does not say who it is before it has registered us: give its role, country and party (%v)", err)
	}
	roles := rolesIn(theirs)
	for i, r := range roles {
		roles[i] = control.NewRole(cmp.Or(r.Role, role), r.Country, r.PartyID)
	}
	hub := func(r control.Role) bool { return r.Role == control.RoleHub }
	says := slices.ContainsFunc(roles, hub)
	roles = slices.DeleteFunc(roles, func(r control.Role) bool {
		return r.Role == "" || role == "" && hub(r) || role != "" && r.Role != ocpi.Fold(role)
	})
	switch {
	case len(roles) == 0 && says && role == "":
		return nil, control.Invalid("the partner says that it is a hub, and nothing else: give its role HUB where it is to be one here")
	case len(roles) == 0:
		return nil, control.Invalid("OCPI %s does not say that the partner has such a role: give its role, country and party", door.Version)
	}
	return roles, nil
}

// expect lets a partner in by a token that it is about to get. undo takes that
// back.
func (c *Registrar) expect(ctx context.Context, in Invited, v ocpi.Version) (one *control.Partner, token string, undo func() error, err error) {
	known, ok := c.Partners.Holder(in.Roles[0])
	if ok && known.Stage() == control.StageAdded {
		token, err = c.Partners.Offer(ctx, "", known.ID, "")
		return known, token, func() error { return nil }, err // its old token goes on
	}
	name := in.Name
	if name == "" {
		name = in.Roles[0].Party().String()
	}
	one, token, err = c.Partners.Invite(ctx, "", control.NewInvitation{Name: name, Roles: in.Roles, Version: v})
	if err != nil || ok {
		return one, token, func() error { return nil }, err
	}
	return one, token, func() error {
		if err := c.Partners.Remove(context.WithoutCancel(ctx), "", one.ID, 0); err != nil {
			return fmt.Errorf("take back the invitation of %s: %w", one.ID, err)
		}
		return nil
	}, nil
}

// introduce gives a partner our credentials and returns its own.
func (c *Registrar) introduce(ctx context.Context, door Knock, own *ocpi.Credentials) (*ocpi.Credentials, error) {
	body, err := own.Encode(door.Version)
	if err != nil {
		return nil, err
	}
	return read(c.Dialer.PostCredentials(ctx, door, body))(door.Version)
}

// read reads the credentials that a partner answered with.
func read(data []byte, err error) func(v ocpi.Version) (*ocpi.Credentials, error) {
	return func(v ocpi.Version) (*ocpi.Credentials, error) {
		if err != nil {
			return nil, err
		}
		theirs, err := new(ocpi.Decoder).Credentials(v, data)
		if err != nil {
			return nil, fmt.Errorf("%w: its credentials cannot be used: %w", ErrUnreachable, err)
		}
		return theirs, nil
	}
}

// again discovers the partner by the token that counts from now on: to token A
// some show less. Where it cannot be, what was found by token A holds.
func (c *Registrar) again(ctx context.Context, theirs *ocpi.Credentials, before *Found) *Found {
	for _, at := range []string{theirs.URL, before.VersionsURL} {
		found, err := c.Dialer.Discover(ctx, at, theirs.Token, before.Encoding, before.Version)
		if err == nil {
			found.Offered = before.Offered
			return found
		}
		c.Logger.Warn("a partner cannot be called with the token that it has just given", "url", pathOf(at), "error", err)
	}
	return before
}

// peerError is an error that the partner has to act on.
func peerError(err error) error {
	if errors.Is(err, api.ErrPeer) {
		return err
	}
	return fmt.Errorf("%w: %w", api.ErrPeer, err)
}

func rolesIn(c *ocpi.Credentials) []control.Role {
	roles := make([]control.Role, len(c.Roles))
	for i, r := range c.Roles {
		roles[i] = control.NewRole(r.Role, r.Party.Country, r.Party.ID)
	}
	if hub, ok := control.HubRole(c); ok && !slices.Contains(roles, hub) {
		roles = append(roles, hub)
	}
	return roles
}

// nameOf is what a partner calls itself.
func nameOf(c *ocpi.Credentials) string {
	if len(c.Roles) == 0 {
		return ""
	}
	return c.Roles[0].Name
}
