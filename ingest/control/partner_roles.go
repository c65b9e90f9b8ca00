package control

import (
	"context"
	"slices"
	"strconv"
)

const maxRoles = 1000

// RolesAdded gives a partner further roles: its platform serves more parties
// over the same connection.
type RolesAdded struct {
	ID    string `json:"id"`
	Roles []Role `json:"roles"`
}

// Kind implements Change.
func (RolesAdded) Kind() Kind { return Kind{"roles.added", 1} }

// Validate implements Change.
func (c RolesAdded) Validate() error {
	if err := validateName("partner id", c.ID); err != nil {
		return err
	}
	return validateRoles(c.Roles)
}

func (d *Partners) rolesAdded(e Event, c RolesAdded) error {
	s := &d.state.Folded
	p, err := s.expect(c.ID, e)
	if err != nil {
		return err
	}
	if err := s.free(c.Roles); err != nil {
		return err
	}
	if n := len(p.Roles) + len(c.Roles); n > maxRoles {
		return Conflict("partner %s would have %d roles, at most %d are kept", p.ID, n, maxRoles)
	}
	next := p.with(slices.Concat(p.Roles, c.Roles))
	s.put(next)
	s.remember(next, c.Roles, e)
	return nil
}

// RolesRemoved ends roles of a partner: what it sent under them stays, and what
// was priced for them stays payable.
type RolesRemoved struct {
	ID    string `json:"id"`
	Roles []Role `json:"roles"`
}

// Kind implements Change.
func (RolesRemoved) Kind() Kind { return Kind{"roles.removed", 1} }

// Validate implements Change.
func (c RolesRemoved) Validate() error { return RolesAdded(c).Validate() }

func (d *Partners) rolesRemoved(e Event, c RolesRemoved) error {
	s := &d.state.Folded
	p, err := s.expect(c.ID, e)
	if err != nil {
		return err
	}
	for _, r := range c.Roles {
		if !slices.Contains(p.Roles, r) {
			return Unknown("partner %s has no role %s", p.ID, r)
		}
	}
	rest := without(p.Roles, c.Roles)
	if len(rest) == 0 {
		return Conflict("partner %s would have no role left: remove the partner instead", p.ID)
	}
	s.vacate(c.Roles)
	s.put(p.with(rest))
	s.absences = s.absences.Without(p.ID) // what it offers is read anew
	return nil
}

// with returns the partner's next version, which has these roles.
func (p *Partner) with(roles []Role) *Partner {
	next := *p
	next.Version++
	next.Roles = roles
	next.Pending = without(p.Pending, roles)
	next.derive()
	return &next
}

// without returns the roles that are not among others.
func without(roles, others []Role) []Role {
	return slices.DeleteFunc(slices.Clone(roles), func(r Role) bool { return slices.Contains(others, r) })
}

func validateRoles(roles []Role) error {
	if len(roles) == 0 || len(roles) > maxRoles {
		return Invalid("%d roles: want 1 to %d", len(roles), maxRoles)
	}
	for i, r := range roles {
		if err := r.validate(); err != nil {
			return err
		}
		if slices.Contains(roles[:i], r) {
			return Invalid("role %s is given twice", r)
		}
	}
	return nil
}

// free refuses roles that a partner has: each belongs to one only.
func (s *partners) free(roles []Role) error {
	for _, r := range roles {
		if other, ok := s.byRole.Get(r); ok {
			return Conflict("role %s already belongs to partner %s (%s)", r, other.ID, other.Name)
		}
	}
	return nil
}

// AddRoles gives a partner further roles. Errors as in [Machine.Do].
func (d *Partners) AddRoles(ctx context.Context, command, id string, expect uint64, roles ...Role) (*Partner, error) {
	return d.changeRoles(ctx, Command{ID: command, Expect: expect, Change: RolesAdded{ID: id, Roles: foldedRoles(roles)}}, id)
}

// RemoveRoles ends roles of a partner, which keeps one at least. Errors as in
// [Machine.Do].
func (d *Partners) RemoveRoles(ctx context.Context, command, id string, expect uint64, roles ...Role) (*Partner, error) {
	return d.changeRoles(ctx, Command{ID: command, Expect: expect, Change: RolesRemoved{ID: id, Roles: foldedRoles(roles)}}, id)
}

func (d *Partners) changeRoles(ctx context.Context, cmd Command, id string) (*Partner, error) {
	if _, err := d.machine.Do(ctx, cmd); err != nil {
		return nil, err
	}
	return d.partner(id)
}

// Join adds the roles of n to the partner whose token it gives: a platform with
// several parties has one connection, and so one token (OCPI 2.2.1 credentials,
// "roles"). joined is false where nobody has the token: then Add registers a new
// partner. What n says otherwise must be what the partner has, and its name is
// not changed by the way.
func (d *Partners) Join(ctx context.Context, command string, n NewPartner) (p *Partner, joined bool, err error) {
	own, ok := d.state.Current().withToken(n.Token, d.machine.now())
	if !ok {
		return nil, false, nil
	}
	if n.Encoding != "" && n.Encoding != EncodingAuto && n.Encoding != own.Encoding {
		return nil, true, Conflict("this is the token of partner %s, whose token encoding is %s: its roles share that", own.ID, own.Encoding)
	}
	if n.Profile != "" && n.Profile != own.Profile {
		return nil, true, Conflict("this is the token of partner %s, whose profile is %q: its roles share that", own.ID, own.Profile)
	}
	p, err = d.AddRoles(ctx, command, own.ID, 0, n.Roles...)
	return p, true, err
}

// freeID returns the id of a new partner: made of its first role, and numbered
// where a partner still has that id which has given that role up.
func (d *Partners) freeID(first Role) string {
	id := PartnerID(first)
	for n := 2; ; n++ {
		if p, taken := d.Find(id); !taken || slices.Contains(p.Roles, first) {
			return id // who has the role is named when it is refused
		}
		id = PartnerID(first) + "-" + strconv.Itoa(n)
	}
}

func foldedRoles(roles []Role) []Role {
	folded := make([]Role, len(roles))
	for i, r := range roles {
		folded[i] = NewRole(r.Role, r.Country, r.PartyID)
	}
	return folded
}
