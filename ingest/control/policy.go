package control

import (
	"context"
	"slices"
)

// What is done with what a partner sends although it departs from OCPI.
const (
	PolicyAccept = "accept" // it is taken, and the finding listed: the default
	PolicyRefuse = "refuse" // it is refused, and kept as a refused body
)

const maxPolicies = 1000 // of one partner

// PartnerPolicy says what is done with what has a kind of finding, named by its
// code, when it comes from a partner.
type PartnerPolicy struct {
	ID     string `json:"id"`
	Code   string `json:"kind"`
	Policy string `json:"policy"`
}

// Kind implements Change.
func (PartnerPolicy) Kind() Kind { return Kind{"partner.policy", 1} }

// Validate implements Change.
func (c PartnerPolicy) Validate() error {
	if c.Policy != PolicyAccept && c.Policy != PolicyRefuse {
		return Invalid("policy %q: want %s or %s", c.Policy, PolicyAccept, PolicyRefuse)
	}
	if err := validateName("kind of finding", c.Code); err != nil {
		return err
	}
	return validateName("partner id", c.ID)
}

func (d *Partners) policy(e Event, c PartnerPolicy) error {
	s := &d.state.Folded
	p, err := s.expect(c.ID, e)
	if err != nil {
		return err
	}
	at, known := slices.BinarySearch(p.Refuses, c.Code)
	next := *p
	next.Version++
	switch {
	case c.Policy == PolicyRefuse && !known:
		if len(p.Refuses) == maxPolicies {
			return Conflict("partner %s has %d policies, no more are kept", p.ID, maxPolicies)
		}
		next.Refuses = slices.Insert(slices.Clone(p.Refuses), at, c.Code)
	case c.Policy == PolicyAccept && known:
		next.Refuses = slices.Delete(slices.Clone(p.Refuses), at, at+1)
	}
	next.derive()
	s.put(&next)
	return nil
}

// SetPolicy says what is done with a kind of finding in what a partner sends.
// Errors as in [Machine.Do].
func (d *Partners) SetPolicy(ctx context.Context, command, id string, expect uint64, code, policy string) (*Partner, error) {
	change := PartnerPolicy{ID: id, Code: code, Policy: policy}
	if _, err := d.machine.Do(ctx, Command{ID: command, Expect: expect, Change: change}); err != nil {
		return nil, err
	}
	return d.partner(id)
}
