package control

import (
	"context"

	"github.com/roamclear/roamclear/ocpi"
)

// Grant lets a party that plans charging (OCPI's SCSP) read the Sessions of a CPO.
// Such a party is none of the two that a Session is between, so it sees none without.
type Grant struct {
	CPO, SCSP ocpi.Party
}

// String returns the grant as people write it: "NL*SMA reads Sessions of NL*TNM".
func (g Grant) String() string { return g.SCSP.String() + " reads Sessions of " + g.CPO.String() }

// pair keeps a grant as pairs are kept: by both parties.
func (g Grant) pair() Pair { return Pair{CPO: g.CPO, EMSP: g.SCSP} }

type grantData struct {
	CPO  partyData `json:"cpo"`
	SCSP partyData `json:"scsp"`
}

func newGrantData(g Grant) grantData { return grantData{newPartyData(g.CPO), newPartyData(g.SCSP)} }

func (c grantData) grant() Grant { return Grant{c.CPO.party(), c.SCSP.party()} }

func (c grantData) validate() error {
	if err := c.CPO.validate(); err != nil {
		return err
	}
	return c.SCSP.validate()
}

// GrantAdded lets an SCSP read the Sessions of a CPO, also those that there are.
type GrantAdded grantData

// Kind implements Change.
func (GrantAdded) Kind() Kind { return Kind{"grant.added", 1} }

// Validate implements Change.
func (c GrantAdded) Validate() error { return grantData(c).validate() }

func (d *Partners) grantAdded(_ Event, c GrantAdded) error {
	g, s := grantData(c).grant(), &d.state.Folded
	if s.grants.has(g.pair()) {
		return Conflict("%s already", g)
	}
	s.grants = s.grants.with(g.pair())
	return nil
}

// GrantRemoved ends a grant: from then on the SCSP sees none of these Sessions.
type GrantRemoved grantData

// Kind implements Change.
func (GrantRemoved) Kind() Kind { return Kind{"grant.removed", 1} }

// Validate implements Change.
func (c GrantRemoved) Validate() error { return grantData(c).validate() }

func (d *Partners) grantRemoved(_ Event, c GrantRemoved) error {
	g, s := grantData(c).grant(), &d.state.Folded
	if !s.grants.has(g.pair()) {
		return Unknown("there is no grant by which %s", g)
	}
	s.grants = s.grants.without(g.pair())
	return nil
}

// AddGrant lets an SCSP read the Sessions of a CPO. Errors as in [Machine.Do].
func (d *Partners) AddGrant(ctx context.Context, command string, g Grant) error {
	_, err := d.machine.Do(ctx, Command{ID: command, Change: GrantAdded(newGrantData(g))})
	return err
}

// RemoveGrant ends a grant. Errors as in [Machine.Do].
func (d *Partners) RemoveGrant(ctx context.Context, command string, g Grant) error {
	_, err := d.machine.Do(ctx, Command{ID: command, Change: GrantRemoved(newGrantData(g))})
	return err
}

// Grants returns all grants, in order.
func (d *Partners) Grants() []Grant {
	list := []Grant{}
	for _, p := range d.state.Current().grants.all() {
		list = append(list, Grant{p.CPO, p.EMSP})
	}
	return list
}
