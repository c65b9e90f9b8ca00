package settlement

import (
	"context"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
)

// Finder finds CDRs by what people have at hand. Party, where it is not zero, restricts
// to CDRs in which it is CPO or eMSP. Each method reads where an index leads it, and
// returns limit CDRs at most.
type Finder interface {
	// FindCDRs returns the CDRs whose id begins so, by CPO and id. prefix is folded.
	FindCDRs(ctx context.Context, party ocpi.Party, prefix string, limit int) ([]CDRSummary, error)
	// FindSessionCDRs returns the CDRs of Sessions with an id, of any CPO. It is folded.
	FindSessionCDRs(ctx context.Context, party ocpi.Party, session string, limit int) ([]CDRSummary, error)
	// FindAt returns the CDR of which the record there is a copy. ok is false where no CDR
	// stands there.
	FindAt(ctx context.Context, at ingest.Position) (key ocpi.Key, ok bool, err error)
}
