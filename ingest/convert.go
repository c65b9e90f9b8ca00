package ingest

import (
	"fmt"

	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/ocpi/convert"
)

// kinds are what conversions call kinds of objects.
var kinds = map[Object]convert.Kind{
	ObjectCDR: convert.CDR, ObjectSession: convert.Session, ObjectTariff: convert.Tariff,
	ObjectLocation: convert.Location, ObjectToken: convert.Token,
}

// Kind returns what conversions call the kind, 0 for one that a single version of
// OCPI has.
func (o Object) Kind() convert.Kind { return kinds[o] }

// In returns the object's body in an OCPI version: what a change in part that
// comes in that version is made of. It follows from the state alone, for the fold
// makes of a record what its sender was told. Where the version cannot hold the
// object, or would give it another price, the error is an *ocpi.Invalid.
func (s *ObjectState) In(v ocpi.Version) ([]byte, error) {
	r, err := convert.Convert(s.Object.Kind(), s.Version, v, s.Body, convert.Context{Owner: s.Key.Party, At: s.Received})
	if err != nil {
		return nil, invalid("$", fmt.Sprintf("the %s there is was sent in OCPI %s and cannot be changed in part in %s: %v. PUT the whole of it", s.Object, s.Version, v, err))
	}
	return r.Body, nil
}
