package control

import (
	"fmt"
	"slices"
	"strings"

	"github.com/roamclear/roamclear/ocpi"
)

// Self is who we are to partners.
type Self struct {
	Party ocpi.Party
	Name  string
}

// Credentials returns our credentials as a partner sees them, with the token that
// it has and our versions endpoint (OCPI credentials, "Credentials object"). A hub
// names itself alone in 2.2.1; in 2.3.0 it has no role, and names whom the partner
// can reach through it. In 2.1.1, which knows no hubs, we are the counterparty that
// was agreed on, else ourselves.
func (d *Partners) Credentials(p *Partner, v ocpi.Version, self Self, token, versionsURL string) *ocpi.Credentials {
	c := &ocpi.Credentials{Token: token, URL: versionsURL, Hub: self.Party}
	own := ocpi.CredentialsRole{Party: self.Party, Name: self.Name}
	switch v {
	case ocpi.V211:
		c.Roles = append(c.Roles, d.as(p.Counterparty, own))
	case ocpi.V230:
		c.Roles = d.reachable(p)
		if len(c.Roles) == 0 {
			own.Role = RoleOther
			c.Roles = append(c.Roles, own)
		}
	default:
		own.Role = RoleHub
		c.Roles = append(c.Roles, own)
	}
	return c
}

// as returns the role that we have as another party, else our own.
func (d *Partners) as(party ocpi.Party, own ocpi.CredentialsRole) ocpi.CredentialsRole {
	if party.IsZero() {
		return own
	}
	name := party.String()
	for _, role := range roleNames {
		if p, ok := d.Holder(Role{role, party.Country, party.ID}); ok {
			name = p.Name
			break
		}
	}
	return ocpi.CredentialsRole{Party: party, Name: name}
}

// reachable returns the roles of those who may exchange something with a partner
// now: those who can send us something, and no role that 2.3.0 does not have.
func (d *Partners) reachable(p *Partner) []ocpi.CredentialsRole {
	var roles []ocpi.CredentialsRole
	known := RolesIn(ocpi.V230)
	for _, other := range d.Counterparts(p) {
		stage := other.Partner.Stage()
		if slices.Contains(known, other.Role.Role) && (stage == StageRegistered || stage == StageAdded) {
			roles = append(roles, ocpi.CredentialsRole{Role: other.Role.Role, Party: other.Role.Party(), Name: other.Partner.Name})
		}
	}
	return roles
}

// Told returns the hash of the roles in credentials: by it we know later whether
// there is anything new to tell.
func Told(c *ocpi.Credentials) TokenHash {
	var b strings.Builder
	for _, r := range c.Roles {
		fmt.Fprintf(&b, "%s %s %q\n", r.Role, r.Party, r.Name)
	}
	return HashToken(b.String())
}

// Outdated reports whether a registered partner was shown other roles than it would
// be shown now, whose hash it returns, and when its registration was last updated,
// zero for never.
func (d *Partners) Outdated(p *Partner, self Self) (now TokenHash, updated ocpi.Time, outdated bool) {
	if p.Peer == nil {
		return now, 0, false
	}
	now = Told(d.Credentials(p, p.Peer.Version, self, "", ""))
	return now, p.told.at, now != p.told.roles
}
