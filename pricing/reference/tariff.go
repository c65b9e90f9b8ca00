package reference

import (
	"context"
	"encoding/hex"
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
	kind       string // TariffType, "" where it says none
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

// Type is the TariffType of the version (mod_tariffs), "" where it says none.
func (v *TariffVersion) Type() string { return v.kind }

// Since is the instant from which on the version is in force: its last_updated,
// or where there is none, its receipt.
func (v *TariffVersion) Since() ocpi.Time {
	if v.LastUpdated.IsSet() {
		return v.LastUpdated
	}
	return v.Received
}

// newVersion reads a version; the error says that this decoder cannot.
func newVersion(s *ingest.ObjectState) (*TariffVersion, error) {
	v := &TariffVersion{ObjectState: *s}
	err := objects.Decode(func(d *ocpi.Decoder) error {
		t, err := d.Tariff(s.Version, s.Body)
		if err != nil {
			return err
		}
		v.start, v.end = t.Start, t.End
		v.kind = intern(t.Type)
		if !v.LastUpdated.IsSet() { // else the fold has said it, see objects.Updated
			v.LastUpdated = t.LastUpdated
		}
		v.hash, err = d.CanonicalHash(s.Body)
		return err
	})
	return v, err
}

// versionBytes is what a version takes besides its body.
const versionBytes = 512

// bytes is what the version takes in memory, about.
func (v *TariffVersion) bytes() int64 { return int64(len(v.Body)) + versionBytes }

func (v *TariffVersion) validAt(t ocpi.Time) bool {
	return (!v.start.IsSet() || v.start <= t) && (!v.end.IsSet() || t < v.end)
}

// CurrentTariff returns the version of a Tariff for everybody that stands now, for
// what-if prices and reading back; nil when unknown or deleted.
func (x *Index) CurrentTariff(key ocpi.Key) *TariffVersion {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return x.tariffs.of[General(key)].current()
}

// Tariffs calls fn for the version of every Tariff for everybody that stands now.
func (x *Index) Tariffs(fn func(*TariffVersion)) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	for id, h := range x.tariffs.of {
		if v := h.current(); v != nil && id.Variant == "" {
			fn(v)
		}
	}
}

// Versions counts the versions of a Tariff for everybody that are known, withdrawn
// ones too. The error is the store's.
func (x *Index) Versions(ctx context.Context, key ocpi.Key) (int, error) {
	if err := x.count(ctx, []ingest.Identity{General(key)}); err != nil {
		return 0, err
	}
	x.mu.RLock()
	defer x.mu.RUnlock()
	h := x.tariffs.of[General(key)]
	if h == nil {
		return 0, nil
	}
	return len(h.versions) + max(h.older, 0), nil
}
