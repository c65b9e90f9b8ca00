package reference

import (
	"encoding/hex"
	"slices"
	"sync"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ingest/objects"
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

// Since is the instant from which on the version is in force: its last_updated,
// or where there is none, its receipt.
func (v *TariffVersion) Since() ocpi.Time {
	if v.LastUpdated.IsSet() {
		return v.LastUpdated
	}
	return v.Received
}

func (v *TariffVersion) validAt(t ocpi.Time) bool {
	return (!v.start.IsSet() || v.start <= t) && (!v.end.IsSet() || t < v.end)
}

// history is every version of one Tariff, oldest first.
type history struct {
	versions []*TariffVersion
	deletion ingest.ObjectState // the last one
}

// add appends a version and returns it, nil for a deletion.
func (h *history) add(s *ingest.ObjectState) *TariffVersion {
	if s.Deleted {
		h.deletion = *s
		return nil
	}
	v := &TariffVersion{ObjectState: *s}
	err := objects.Decode(func(d *ocpi.Decoder) error {
		t, err := d.Tariff(s.Version, s.Body)
		if err != nil {
			return err
		}
		v.start, v.end, v.LastUpdated = t.Start, t.End, t.LastUpdated
		v.hash, err = d.CanonicalHash(s.Body)
		return err
	})
	if err != nil {
		return nil // the store holds what an older decoder could read
	}
	h.versions = append(h.versions, v)
	return v
}

// at returns the version that the record at p made, nil for none.
func (h *history) at(p ingest.Position) *TariffVersion {
	if v := h.upTo(p); v != nil && v.Position == p {
		return v
	}
	return nil
}

// upTo returns the last version that a record up to p made, nil for none.
func (h *history) upTo(p ingest.Position) *TariffVersion {
	if h == nil {
		return nil
	}
	for _, v := range slices.Backward(h.versions) {
		if !p.Before(v.Position) {
			return v
		}
	}
	return nil
}

// current returns the version that stands, nil when deleted or unknown.
func (h *history) current() *TariffVersion {
	if h == nil || len(h.versions) == 0 {
		return nil
	}
	last := h.versions[len(h.versions)-1]
	if h.deletion.Deleted && last.Position.Before(h.deletion.Position) {
		return nil
	}
	return last
}

// Tariff returns the version of a Tariff that a charge which began at start is
// priced with, as of an end of the reference topic: the one in force then (OCPI:
// Tariffs "as they were at the start of the charging session"). Of the versions
// below the end that were valid at start it is the latest whose instant, see
// Since, is not after start, of equal ones the one with the higher offset. If
// there is none, it is the earliest after start, of equal ones the one with the
// lower offset, and later is true. nil means unknown. No clock decides: the
// answer follows from the log below the end.
func (x *Index) Tariff(key ocpi.Key, start ocpi.Time, below int64) (v *TariffVersion, later bool) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	h := x.tariffs[key]
	if h == nil {
		return nil, false
	}
	var before, after *TariffVersion
	for _, v := range h.versions {
		switch since := v.Since(); {
		case v.Position.Offset >= below || !v.validAt(start):
		case since <= start && (before == nil || since >= before.Since()):
			before = v
		case since > start && (after == nil || since < after.Since()):
			after = v
		}
	}
	if before != nil {
		return before, false
	}
	return after, after != nil
}

// CurrentTariff returns the version of a Tariff that stands now, for what-if
// prices and reading back; nil when unknown or deleted.
func (x *Index) CurrentTariff(key ocpi.Key) *TariffVersion {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return x.tariffs[key].current()
}

// Tariffs calls fn for the version of every Tariff that stands now.
func (x *Index) Tariffs(fn func(*TariffVersion)) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	for _, h := range x.tariffs {
		if v := h.current(); v != nil {
			fn(v)
		}
	}
}

// Versions counts the versions of a Tariff that are known, withdrawn ones too.
func (x *Index) Versions(key ocpi.Key) int {
	x.mu.RLock()
	defer x.mu.RUnlock()
	if h := x.tariffs[key]; h != nil {
		return len(h.versions)
	}
	return 0
}

// TariffsBelow returns the versions of a Tariff as of an end of the reference
// topic, the newest first and at most limit of them, withdrawn ones and ones of
// any validity included: what its owner may have priced a CDR with.
func (x *Index) TariffsBelow(key ocpi.Key, below int64, limit int) []*TariffVersion {
	x.mu.RLock()
	defer x.mu.RUnlock()
	h := x.tariffs[key]
	if h == nil {
		return nil
	}
	var list []*TariffVersion
	for i := len(h.versions) - 1; i >= 0 && len(list) < limit; i-- {
		if v := h.versions[i]; v.Position.Offset < below {
			list = append(list, v)
		}
	}
	return list
}
