package settlement

import (
	"context"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing/tariff"
)

// Lookup is by what people find a counted CDR again, and what it is made up of, as it is
// priced now.
type Lookup struct {
	Key                                     ocpi.Key
	Position                                ingest.Position // of the copy that counts
	SessionID                               string          // as sent
	LocationID, EVSEID                      string          // "" where not known
	TariffIDs, Profile, TimeZone, Cause     string          // "" where there is none
	Computed                                tariff.Money
	Fixed, Energy, Time, Parking, Reserving tariff.Money // of Computed, unset where nothing of that kind was priced
}

// LookupStore reads what is known of CDRs beside what drafts read, in no order. What is
// handed on is the callee's until it returns, but for its texts. Errors: ErrUnavailable,
// and those of fn.
type LookupStore interface {
	// LookupsOf reads CDRs by their keys; those that there are not are left out.
	LookupsOf(ctx context.Context, keys []ocpi.Key, fn func(*Lookup) error) error
	// BodiesAt reads the bodies of CDRs as they were sent.
	BodiesAt(ctx context.Context, positions []ingest.Position, fn func(p ingest.Position, v ocpi.Version, body []byte) error) error
	// CopiesOf returns the accepted copies of those CDRs that came more than once, the one
	// that counts first.
	CopiesOf(ctx context.Context, keys []ocpi.Key) (map[ocpi.Key][]Copy, error)
}
