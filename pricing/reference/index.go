package reference

import (
	"sync"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ingest/objects"
	"github.com/roamclear/roamclear/ocpi"
)

// Index is what the follower of its folds has read. It is safe for concurrent
// use.
type Index struct {
	lints chan struct{} // a place each for the tariffs that are checked now

	mu        sync.RWMutex // guards everything below
	tariffs   map[ocpi.Key]*history
	zones     map[ocpi.Key][]ingest.Change
	contracts map[string][]owner // by folded contract id, sorted by name
	causes    uint64             // counts Tariff versions, zones and contract ids that came
}

// NewIndex returns an Index that knows nothing: a follower of its Folds fills it.
func NewIndex() *Index {
	return &Index{
		lints: make(chan struct{}, maxLints), tariffs: map[ocpi.Key]*history{},
		zones: map[ocpi.Key][]ingest.Change{}, contracts: map[string][]owner{},
	}
}

// Folds returns the folds that fill the Index.
func (x *Index) Folds() []objects.Fold {
	return []objects.Fold{tariffs{x}, locations{x}, tokens{x}}
}

// Causes counts what can heal a reject: it grows when a Tariff version, a
// Location's time zone or a Token's contract id arrives.
func (x *Index) Causes() uint64 {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return x.causes
}
