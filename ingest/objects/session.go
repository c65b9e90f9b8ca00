package objects

import (
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
			s.LastUpdated = Updated(r, o.LastUpdated)
		}
		return err
	})
	return s, err
}

// Folded implements Fold.
func (Sessions) Folded(*ingest.ObjectState) {}
