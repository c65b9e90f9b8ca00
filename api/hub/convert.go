package hub

import (
	"fmt"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
)

// show answers with an object as it was sent. One that came in another OCPI
// version is not shown in this one's shape until it can be converted. A large one
// that was read for this answer alone is held until it is written, as a page of a
// list is, and takes the place of one.
func (x *exchange) show(v ocpi.Version, body []byte) (answer, error) {
	if v != x.route.version {
		return answer{}, fmt.Errorf("object was sent in OCPI %s, cannot be shown in %s", v, x.route.version)
	}
	if o := x.route.object; len(body) > maxKept && (o == ingest.ObjectCDR || o == ingest.ObjectSession) {
		if err := x.enterList(); err != nil {
			return answer{}, err
		}
	}
	return answer{data: body}, nil
}
