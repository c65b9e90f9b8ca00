package reference

import (
	"context"
	"sync"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ingest/objects"
	"github.com/roamclear/roamclear/ocpi"
)

// Store is what an Index reads of the store.
type Store interface {
	// LoadChanges calls fn for every object of a kind, with the Changes that it
	// has seen but without its body; where Changes were not kept with the body.
	// In any order, from several goroutines at once, and for one object perhaps more
	// than once: that with most Changes counts. The state is valid until fn returns.
	LoadChanges(ctx context.Context, kind ingest.Object, fn func(s *ingest.ObjectState) error) error
	// LastVersions returns where the last version of every Tariff stands, or its
	// deletion, each once. What it costs does not grow with the versions there are.
	LastVersions(ctx context.Context) ([]VersionAt, error)
	// CountVersions returns how many versions some Tariffs have, and perhaps others.
	CountVersions(ctx context.Context, ids []ingest.Identity) (map[ingest.Identity]Count, error)
	// Versions returns the versions of some Tariffs whose Since is not before
	// an instant, deletions not included, in any order; perhaps those of others too.
	Versions(ctx context.Context, ids []ingest.Identity, since ocpi.Time) (map[ingest.Identity][]Version, error)
	// VersionsAt calls fn for the versions of Tariffs at the given positions, in
	// any order.
	VersionsAt(ctx context.Context, wanted []VersionAt, fn func(ingest.ObjectState) error) error
}

// Version is where a version of a Tariff stands in the log, and from when on it
// is in force: see TariffVersion.Since.
type Version struct {
	Position ingest.Position
	Since    ocpi.Time
}

// Count is how many versions of a Tariff there are up to a position, deletions not
// counted.
type Count struct {
	N    int
	UpTo ingest.Position
}

// VersionAt is one version of one Tariff.
type VersionAt struct {
	Tariff   ingest.Identity
	Position ingest.Position
}

// Index is what the follower of its folds has read. It is safe for concurrent
// use.
type Index struct {
	// Issuers has the parties of provider ids that are not those of the same name. Set
	// it before use, and alike in every process: who pays for a contract rests on it.
	Issuers ocpi.Issuers

	store Store
	lints chan struct{} // a place each for the tariffs that are checked now

	mu      sync.RWMutex // guards everything below
	tariffs versions
	zones   map[ocpi.Key][]ingest.Change
	payers  *payers
	odd     map[ocpi.Key]oddZone
	causes  uint64 // counts Tariff versions, zones and contract ids that came
}

// General is a Tariff as everybody has it whom its owner gave no other of that id.
func General(key ocpi.Key) ingest.Identity {
	return ingest.Identity{Object: ingest.ObjectTariff, Key: key}
}

// For is a Tariff that its owner gave to one party alone, the recipient.
func For(key ocpi.Key, recipient ocpi.Party) ingest.Identity {
	return ingest.Identity{Object: ingest.ObjectTariff, Key: key, Variant: recipient.String()}
}

// NewIndex returns an Index that knows nothing: a follower of its Folds fills it.
func NewIndex(store Store) *Index {
	return &Index{
		store: store, lints: make(chan struct{}, maxLints), tariffs: newVersions(),
		zones: map[ocpi.Key][]ingest.Change{}, payers: newPayers(), odd: map[ocpi.Key]oddZone{},
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
