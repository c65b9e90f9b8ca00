package control

import (
	"cmp"
	"context"
	"slices"

	"github.com/roamclear/roamclear/ocpi"
)

// Pair are two parties that roam with each other: a CPO and who reads what it
// publishes. Pairs matter where roaming is not open to all.
type Pair struct {
	CPO, EMSP ocpi.Party
}

// String returns the pair as people write it: "NL*TNM and DE*EMP".
func (p Pair) String() string { return p.CPO.String() + " and " + p.EMSP.String() }

// pairs are the pairs there are, from both sides. The slices are never changed.
type pairs struct {
	ofCPO, ofEMSP Map[ocpi.Party, []ocpi.Party]
}

func (s pairs) has(p Pair) bool {
	list, _ := s.ofCPO.Get(p.CPO)
	return slices.Contains(list, p.EMSP)
}

func (s pairs) with(p Pair) pairs {
	emsps, _ := s.ofCPO.Get(p.CPO)
	cpos, _ := s.ofEMSP.Get(p.EMSP)
	return pairs{s.ofCPO.With(p.CPO, append(slices.Clip(emsps), p.EMSP)), s.ofEMSP.With(p.EMSP, append(slices.Clip(cpos), p.CPO))}
}

func (s pairs) without(p Pair) pairs {
	return pairs{dropped(s.ofCPO, p.CPO, p.EMSP), dropped(s.ofEMSP, p.EMSP, p.CPO)}
}

// all returns the pairs, in order.
func (s pairs) all() []Pair {
	list := []Pair{}
	for cpo, emsps := range s.ofCPO.All() {
		for _, emsp := range emsps {
			list = append(list, Pair{cpo, emsp})
		}
	}
	slices.SortFunc(list, func(a, b Pair) int {
		return cmp.Or(cmp.Compare(a.CPO.String(), b.CPO.String()), cmp.Compare(a.EMSP.String(), b.EMSP.String()))
	})
	return list
}

type pairData struct {
	CPO  partyData `json:"cpo"`
	EMSP partyData `json:"emsp"`
}

func (c pairData) pair() Pair { return Pair{c.CPO.party(), c.EMSP.party()} }

func (c pairData) validate() error {
	if err := c.CPO.validate(); err != nil {
		return err
	}
	return c.EMSP.validate()
}

// PairAdded lets two parties roam with each other.
type PairAdded pairData

// Kind implements Change.
func (PairAdded) Kind() Kind { return Kind{"pair.added", 1} }

// Validate implements Change.
func (c PairAdded) Validate() error { return pairData(c).validate() }

func (d *Partners) pairAdded(e Event, c PairAdded) error {
	p, s := pairData(c).pair(), &d.state.Folded
	if s.pairs.has(p) {
		return Conflict("%s roam with each other already", p)
	}
	s.pairs, s.paired = s.pairs.with(p), s.paired.With(p, e.At)
	return nil
}

// PairRemoved ends a pair. What concerns both already stays theirs.
type PairRemoved pairData

// Kind implements Change.
func (PairRemoved) Kind() Kind { return Kind{"pair.removed", 1} }

// Validate implements Change.
func (c PairRemoved) Validate() error { return pairData(c).validate() }

func (d *Partners) pairRemoved(_ Event, c PairRemoved) error {
	p, s := pairData(c).pair(), &d.state.Folded
	if !s.pairs.has(p) {
		return Unknown("there is no pair of %s", p)
	}
	s.pairs, s.paired = s.pairs.without(p), s.paired.Without(p)
	return nil
}

// dropped returns the map without one of the parties of another.
func dropped(m Map[ocpi.Party, []ocpi.Party], of, other ocpi.Party) Map[ocpi.Party, []ocpi.Party] {
	list, _ := m.Get(of)
	rest := slices.DeleteFunc(slices.Clone(list), func(p ocpi.Party) bool { return p == other })
	if len(rest) == 0 {
		return m.Without(of)
	}
	return m.With(of, rest)
}

// AddPair lets two parties roam with each other. Errors as in [Machine.Do].
func (d *Partners) AddPair(ctx context.Context, command string, p Pair) error {
	_, err := d.machine.Do(ctx, Command{ID: command, Change: PairAdded{newPartyData(p.CPO), newPartyData(p.EMSP)}})
	return err
}

// RemovePair ends a pair. Errors as in [Machine.Do].
func (d *Partners) RemovePair(ctx context.Context, command string, p Pair) error {
	_, err := d.machine.Do(ctx, Command{ID: command, Change: PairRemoved{newPartyData(p.CPO), newPartyData(p.EMSP)}})
	return err
}

// Pairs returns all pairs, in order.
func (d *Partners) Pairs() []Pair { return d.state.Current().pairs.all() }
