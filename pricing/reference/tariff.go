package reference

import (
	"encoding/hex"
	"sync"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing/lint"
	"github.com/roamclear/roamclear/pricing/tariff"
)

// TariffVersion is one version of a Tariff as its owner pushed it.
type TariffVersion struct {
	ingest.ObjectState
	start, end ocpi.Time
	hash       [32]byte

	once     sync.Once
	prepared *tariff.Prepared
	err      error

	lintOnce sync.Once
	findings []ocpi.Finding
}

// Prepared returns the version compiled for the engine, or why it cannot be.
func (v *TariffVersion) Prepared() (*tariff.Prepared, error) {
	v.once.Do(func() {
		t, err := new(ocpi.Decoder).Tariff(v.Version, v.Body)
		if err != nil {
			v.err = err
			return
		}
		v.prepared, v.err = tariff.Prepare(t)
	})
	return v.prepared, v.err
}

// Findings returns what package lint finds in the version, the worst first. It
// is looked for once; the caller must not change it.
func (v *TariffVersion) Findings() []ocpi.Finding {
	v.lintOnce.Do(func() { v.findings = lint.Tariff(v.Body, v.Version).Findings })
	return v.findings
}

// Hash returns the hex canonical content hash of the version.
func (v *TariffVersion) Hash() string { return hex.EncodeToString(v.hash[:]) }

func (v *TariffVersion) validAt(t ocpi.Time) bool {
	return (!v.start.IsSet() || v.start <= t) && (!v.end.IsSet() || t < v.end)
}

// history is every version of one Tariff, oldest first.
type history struct {
	versions []*TariffVersion
	deleted  bool
	next     int64 // records before this offset have been folded
	tomb     ingest.ObjectState
}

// restore takes what the store holds, oldest first. A load that broke off is
// done again from the start: what it had brought is there already.
func (h *history) restore(s ingest.ObjectState, d *ocpi.Decoder) {
	if s.Position.Offset < h.next {
		return
	}
	h.next = s.Position.Offset + 1
	if s.Deleted {
		h.deleted, h.tomb = true, s
		return
	}
	h.add(s, d)
}

// fold applies one record and reports whether it made a new version. A push
// with an older last_updated than the current version's makes none; after a
// deletion any push does.
func (h *history) fold(r *ingest.Record, d *ocpi.Decoder) bool {
	if r.Offset < h.next {
		return false
	}
	h.next = r.Offset + 1
	s := ingest.ObjectState{
		Object: r.Object, Key: r.Key, Version: r.Version, Sender: r.Sender,
		Position: r.Position, Received: r.Received,
	}
	if r.Method == ingest.MethodDelete {
		s.Deleted = true
		h.deleted, h.tomb = true, s
		return false
	}
	var base []byte
	if current := h.current(); current != nil {
		base = current.Body
	} else if r.Method == ingest.MethodPatch { // 2.1.1 only
		return false
	}
	t := ingest.Target{Object: r.Object, Key: r.Key}
	whole, err := ingest.Apply(r.Version, r.Method, t, base, r.Body)
	if err != nil || ingest.Stale(t, base, whole) {
		return false
	}
	s.Body = append([]byte(nil), whole...)
	return h.add(s, d)
}

// add appends a version unless it says what the current one says.
func (h *history) add(s ingest.ObjectState, d *ocpi.Decoder) bool {
	t, err := d.Tariff(s.Version, s.Body)
	if err != nil {
		return false
	}
	v := &TariffVersion{ObjectState: s, start: t.Start, end: t.End}
	v.LastUpdated = t.LastUpdated
	if v.hash, err = d.CanonicalHash(s.Body); err != nil {
		return false
	}
	if n := len(h.versions); n > 0 && !h.deleted && h.versions[n-1].hash == v.hash {
		return false
	}
	h.deleted = false
	h.versions = append(h.versions, v)
	return true
}

// current returns the version that stands, nil when deleted or unknown.
func (h *history) current() *TariffVersion {
	if h == nil || h.deleted || len(h.versions) == 0 {
		return nil
	}
	return h.versions[len(h.versions)-1]
}

// Tariff returns the version of a Tariff that a CDR received at `received`,
// whose charge began at start, is priced with: of the versions valid at start
// the latest received before the CDR; if there is none, the first received
// after it. nil means unknown. The answer can only change from unknown to
// known, so it does not matter when a worker asks.
func (f *Follower) Tariff(key ocpi.Key, received, start ocpi.Time) *TariffVersion {
	f.mu.RLock()
	defer f.mu.RUnlock()
	h := f.tariffs[key]
	if h == nil {
		return nil
	}
	var before, after *TariffVersion
	for _, v := range h.versions {
		switch {
		case !v.validAt(start):
		case v.Received <= received:
			before = v
		case after == nil:
			after = v
		}
	}
	if before != nil {
		return before
	}
	return after
}

// CurrentTariff returns the version of a Tariff that stands now, for what-if
// prices and reading back; nil when unknown or deleted.
func (f *Follower) CurrentTariff(key ocpi.Key) *TariffVersion {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return f.tariffs[key].current()
}

// Tariffs calls fn for the version of every Tariff that stands now.
func (f *Follower) Tariffs(fn func(*TariffVersion)) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	for _, h := range f.tariffs {
		if v := h.current(); v != nil {
			fn(v)
		}
	}
}

// Versions counts the versions of a Tariff that are known, withdrawn ones too.
func (f *Follower) Versions(key ocpi.Key) int {
	f.mu.RLock()
	defer f.mu.RUnlock()
	if h := f.tariffs[key]; h != nil {
		return len(h.versions)
	}
	return 0
}

// TariffsBefore returns the versions of a Tariff that were received no later
// than `received`, the newest first and at most limit of them, withdrawn ones
// and ones of any validity included: what its owner may have priced a CDR with.
// The answer for a CDR does not depend on when it is asked for.
func (f *Follower) TariffsBefore(key ocpi.Key, received ocpi.Time, limit int) []*TariffVersion {
	f.mu.RLock()
	defer f.mu.RUnlock()
	h := f.tariffs[key]
	if h == nil {
		return nil
	}
	var list []*TariffVersion
	for i := len(h.versions) - 1; i >= 0 && len(list) < limit; i-- {
		if v := h.versions[i]; v.Received <= received {
			list = append(list, v)
		}
	}
	return list
}
