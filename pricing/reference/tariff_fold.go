package reference

import (
	"context"
	"slices"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ingest/objects"
	"github.com/roamclear/roamclear/ocpi"
)

// tariffs is the fold of Tariffs. Each state is one version, or a deletion.
type tariffs struct{ *Index }

// Kind implements objects.Fold.
func (tariffs) Kind() ingest.Object { return ingest.ObjectTariff }

// Warm implements objects.Fold: the Index holds the last state of each.
func (tariffs) Warm() bool { return false }

// Load implements objects.Loader: of each Tariff the last state. What is before it
// the store is asked for when a charge needs it.
func (t tariffs) Load(ctx context.Context) error {
	wanted, err := t.store.LastVersions(ctx)
	if err != nil {
		return err
	}
	states := make([]ingest.ObjectState, 0, len(wanted))
	err = t.store.VersionsAt(ctx, wanted, func(s ingest.ObjectState) error {
		states = append(states, s)
		return nil
	})
	if err != nil {
		return err
	}
	loaded := newVersions()
	for _, s := range inOrder(states) {
		loaded.add(&s)
	}
	for _, h := range loaded.of {
		h.older, h.latest = uncounted, unknownLatest
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.tariffs = loaded
	t.causes++
	return nil
}

// inOrder returns states in the order of the log, each once.
func inOrder(states []ingest.ObjectState) []ingest.ObjectState {
	slices.SortFunc(states, func(a, b ingest.ObjectState) int {
		return sign(a.Position.Before(b.Position)) - sign(b.Position.Before(a.Position))
	})
	return slices.CompactFunc(states, func(a, b ingest.ObjectState) bool { return a.Position == b.Position && a.Identity() == b.Identity() })
}

// Apply implements objects.Fold. A push with an older last_updated than the
// current version's makes no version, nor does one that says the same; after a
// deletion any push does.
func (tariffs) Apply(old *ingest.ObjectState, r *ingest.Record) (*ingest.ObjectState, error) {
	if r.Method == ingest.MethodDelete {
		if old == nil {
			return nil, ingest.ErrUnknownObject
		}
		return &ingest.ObjectState{Object: r.Object, Key: r.Key, Variant: r.Variant, Version: r.Version, Sender: r.Sender,
			Position: r.Position, Received: r.Received, Deleted: true, Created: objects.Created(old, r)}, nil
	}
	s, err := objects.Merge(old, r)
	if err != nil {
		return nil, err
	}
	same := false
	err = objects.Decode(func(d *ocpi.Decoder) error {
		t, err := d.Tariff(s.Version, s.Body)
		if err != nil {
			return err
		}
		s.LastUpdated = objects.Updated(r, t.LastUpdated)
		hash, err := d.CanonicalHash(s.Body)
		if err != nil || old == nil || old.Deleted {
			return err
		}
		before, err := d.CanonicalHash(old.Body)
		same = err == nil && before == hash
		return nil
	})
	if err != nil || same {
		return nil, err
	}
	return s, nil
}

// Folded implements objects.Fold.
func (t tariffs) Folded(s *ingest.ObjectState) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.tariffs.add(s) != nil {
		t.causes++
	}
}

// At implements objects.Versions: every version is stored, and every deletion.
func (t tariffs) At(id ingest.Identity, p ingest.Position) *ingest.ObjectState {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.tariffs.of[id].at(p)
}

// Latest implements objects.Versions.
func (t tariffs) Latest(id ingest.Identity) *ingest.ObjectState {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.tariffs.of[id].last()
}

// Full implements objects.Versions.
func (t tariffs) Full() bool {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.tariffs.full()
}

// Release implements objects.Versions.
func (t tariffs) Release(next int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.tariffs.release(next)
}

// maxLints bounds how many tariffs are checked at once. Most take 0.1 ms, but
// one built to be slow takes 0.5 s, and must keep nothing waiting.
const maxLints = 2

// Findings implements objects.Judge: what is doubtful in the version that a
// push made, or repeated. Where too many are being checked, it cannot be said
// now; who reads the tariff later is told.
func (t tariffs) Findings(id ingest.Identity, p ingest.Position, body ingest.Hash) (findings []ocpi.Finding, ok bool) {
	select {
	case t.lints <- struct{}{}:
		defer func() { <-t.lints }()
	default:
		return nil, false
	}
	t.mu.RLock()
	v := t.tariffs.of[id].upTo(p)
	t.mu.RUnlock()
	if v == nil || v.Position != p && v.hash != body {
		return nil, false // the push was overtaken: it stands nowhere
	}
	return slices.Clone(v.Findings()), true
}
