package objects

import (
	"encoding/json"
	"fmt"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
)

// Authorizations is the Fold of real-time authorizations: of each Token at a CPO the
// last ones, to hold its CDRs against. All of them are in the log.
type Authorizations struct{}

// maxAuthorizations bounds how many are held of a Token at a CPO.
const maxAuthorizations = 20

// Kind implements Fold.
func (Authorizations) Kind() ingest.Object { return ingest.ObjectAuthorization }

// Warm implements Fold: they are asked for once, with the CDR.
func (Authorizations) Warm() bool { return false }

// Apply implements Fold.
func (Authorizations) Apply(old *ingest.ObjectState, r *ingest.Record) (*ingest.ObjectState, error) {
	var a ingest.Authorization
	if err := json.Unmarshal(r.Body, &a); err != nil {
		return nil, fmt.Errorf("read authorization of %s: %w", r.Identity(), err)
	}
	var list []ingest.Authorization
	if old != nil {
		var err error
		if list, err = ingest.Authorizations(old); err != nil {
			return nil, err
		}
	}
	list = append(list, a)
	body, err := json.Marshal(list[max(0, len(list)-maxAuthorizations):])
	if err != nil {
		return nil, fmt.Errorf("encode authorizations of %s: %w", r.Identity(), err)
	}
	s := noted(old, r, body)
	s.With, _ = ocpi.ParseParty(a.EMSP)
	return s, leave(old, s)
}

// Folded implements Fold.
func (Authorizations) Folded(*ingest.ObjectState) {}

// noted is what we have noted ourselves, as it stands after a record.
func noted(old *ingest.ObjectState, r *ingest.Record, body []byte) *ingest.ObjectState {
	return &ingest.ObjectState{
		Object: r.Object, Key: r.Key, Variant: r.Variant, Version: r.Version, Sender: r.Sender,
		Position: r.Position, Received: r.Received, LastUpdated: r.Received, Body: body, Created: Created(old, r),
	}
}
