package objects

import (
	"fmt"
	"slices"
	"strings"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
)

// Sessions is the Fold of Sessions: PUT replaces, PATCH merges, of which
// charging_periods append (OCPI mod_sessions).
type Sessions struct{}

// Kind implements Fold.
func (Sessions) Kind() ingest.Object { return ingest.ObjectSession }

// Warm implements Fold: Sessions come and go, the store holds them.
func (Sessions) Warm() bool { return false }

// Apply implements Fold.
func (Sessions) Apply(old *ingest.ObjectState, r *ingest.Record) (*ingest.ObjectState, error) {
	s, err := Merge(old, r)
	if err != nil {
		return nil, err // of one that has ended too: see ingest.Apply
	}
	err = Decode(func(d *ocpi.Decoder) error {
		o, err := d.Session(s.Version, s.Body)
		if err == nil {
			s.LastUpdated, s.With = Updated(r, o.LastUpdated), tokenParty(&o.Token)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	if err := leave(old, s); err != nil {
		return nil, err
	}
	return s, nil
}

// tokenParty is the eMSP that a Session's token names, in memory of its own; 2.1.1
// has none, and some leave out a half of it.
func tokenParty(t *ocpi.CDRToken) ocpi.Party {
	if t.CountryCode == "" || t.PartyID == "" {
		return ocpi.Party{}
	}
	return ocpi.NewParty(strings.Clone(t.CountryCode), strings.Clone(t.PartyID))
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
func (Sessions) Folded(*ingest.ObjectState) {}
