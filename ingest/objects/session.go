package objects

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
)

// Sessions is the Fold of Sessions: PUT replaces, PATCH merges, of which
// charging_periods append (OCPI mod_sessions).
type Sessions struct {
	// Seen is told of every new state; nil = nobody is. It must not call the follower.
	Seen func(s *ingest.ObjectState)
}

// Kind implements Fold.
func (Sessions) Kind() ingest.Object { return ingest.ObjectSession }

// Warm implements Fold: Sessions come and go, the store holds them.
func (Sessions) Warm() bool { return false }

// Apply implements Fold.
func (Sessions) Apply(old *ingest.ObjectState, r *ingest.Record) (*ingest.ObjectState, error) {
	if r.Method == ingest.MethodPatch && len(r.Body) == 0 {
		return foundPayer(old, r)
	}
	s, err := Merge(old, r)
	if err != nil {
		return nil, err // of one that has ended too: see ingest.Apply
	}
	err = Decode(func(d *ocpi.Decoder) error {
		o, err := d.Session(s.Version, s.Body)
		if err == nil {
			s.LastUpdated, s.With = Updated(r, o.LastUpdated), cloned(o.Token.Party())
			if s.With.IsZero() {
				s.Contract = strings.Clone(ocpi.Fold(o.Token.ContractID))
			}
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	pays(old, s, r)
	if err := leave(old, s); err != nil {
		return nil, err
	}
	return s, nil
}

// pays finds whom a Session is with whose token names no eMSP: who pays for its
// contract, as the record says that changes it, else as it was known before. Nothing
// else is asked: what was known when the record was made stands with it in the log.
func pays(old, s *ingest.ObjectState, r *ingest.Record) {
	if s.Contract == "" {
		return
	}
	if payer, contract, ok := r.PayerOf(); ok && contract == s.Contract {
		s.With = payer
	} else if old != nil && old.Contract == s.Contract {
		s.With, s.Named = old.With, old.Named
	}
}

// foundPayer is a record without a body: that it is known now who pays for the contract of
// a Session that named nobody known. It changes nothing that its owner said, nor when: to
// the list of who pays the Session comes now, see ingest.ObjectState.Named.
func foundPayer(old *ingest.ObjectState, r *ingest.Record) (*ingest.ObjectState, error) {
	payer, contract, ok := r.PayerOf()
	switch {
	case standing(old) == nil:
		return nil, ingest.ErrUnknownObject
	case !ok || contract != old.Contract:
		return nil, errors.New("it is of another contract now")
	case !old.With.IsZero():
		return nil, nil // known once it stays
	}
	s := *old
	s.Position, s.With, s.Named = r.Position, payer, r.Received
	return &s, leave(old, &s)
}

func cloned(p ocpi.Party) ocpi.Party {
	return ocpi.Party{Country: strings.Clone(p.Country), ID: strings.Clone(p.ID)}
}

// maxLeft bounds what objects keep of parties that they were with: all of it is
// stored with each state.
const maxLeft = 100

// leave notes the party that an object is no more with.
func leave(old, s *ingest.ObjectState) error {
	if old == nil {
		return nil
	}
	s.Left = old.Left
	if slices.Contains(s.Left, s.With) {
		s.Left = slices.DeleteFunc(slices.Clone(s.Left), func(p ocpi.Party) bool { return p == s.With })
	}
	if !old.With.IsZero() && old.With != s.With {
		s.Left = append(slices.Clip(s.Left), old.With)
	}
	if len(s.Left) > maxLeft {
		return fmt.Errorf("%s has been with more than %d parties", s.Identity(), maxLeft)
	}
	return nil
}

// Folded implements Fold.
func (f Sessions) Folded(s *ingest.ObjectState) {
	if f.Seen != nil {
		f.Seen(s)
	}
}
