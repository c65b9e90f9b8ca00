package reference

import (
	"slices"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ingest/objects"
	"github.com/roamclear/roamclear/ocpi"
)

// tariffs is the fold of Tariffs. Each state is one version, or a deletion.
type tariffs struct{ *Index }

// Kind implements objects.Fold.
func (tariffs) Kind() ingest.Object { return ingest.ObjectTariff }

// Resident implements objects.Fold.
func (tariffs) Resident() bool { return true }

// Apply implements objects.Fold. A push with an older last_updated than the
// current version's makes no version, nor does one that says the same; after a
// deletion any push does.
func (tariffs) Apply(old *ingest.ObjectState, r *ingest.Record) (*ingest.ObjectState, error) {
	if r.Method == ingest.MethodDelete {
		if old == nil {
			return nil, ingest.ErrUnknownObject
		}
		return &ingest.ObjectState{Object: r.Object, Key: r.Key, Variant: r.Variant, Version: r.Version, Sender: r.Sender,
			Position: r.Position, Received: r.Received, Deleted: true}, nil
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
		s.LastUpdated = t.LastUpdated
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
	h := t.tariffs[s.Key]
	if h == nil {
		h = &history{}
		t.tariffs[s.Key] = h
	}
	if v := h.add(s); v != nil {
		t.causes++
	}
}

// At implements objects.Versions: every version is stored, and every deletion.
func (t tariffs) At(id ingest.Identity, p ingest.Position) *ingest.ObjectState {
	t.mu.RLock()
	defer t.mu.RUnlock()
	h := t.tariffs[id.Key]
	if h == nil {
		return nil
	}
	if h.deletion.Deleted && h.deletion.Position == p {
		return &h.deletion
	}
	if v := h.at(p); v != nil {
		return &v.ObjectState
	}
	return nil
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
	v := t.tariffs[id.Key].upTo(p)
	t.mu.RUnlock()
	if v == nil || v.Position != p && v.hash != body {
		return nil, false // the push was overtaken: it stands nowhere
	}
	return slices.Clone(v.Findings()), true
}
