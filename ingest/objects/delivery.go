package objects

import (
	"bytes"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
)

// Deliveries is the Fold of what recipients said of CDRs: the last word of each.
type Deliveries struct{}

// Kind implements Fold.
func (Deliveries) Kind() ingest.Object { return ingest.ObjectDelivery }

// Warm implements Fold: they are asked for with the CDR.
func (Deliveries) Warm() bool { return false }

// Apply implements Fold.
func (Deliveries) Apply(old *ingest.ObjectState, r *ingest.Record) (*ingest.ObjectState, error) {
	s := noted(old, r, bytes.Clone(r.Body))
	d, err := ingest.ReadDelivery(s)
	if err != nil {
		return nil, err
	}
	s.With, _ = ocpi.ParseParty(d.Recipient)
	return s, leave(old, s)
}

// Folded implements Fold.
func (Deliveries) Folded(*ingest.ObjectState) {}
