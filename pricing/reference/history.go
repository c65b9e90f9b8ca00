package reference

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
)

// history is what is held of one Tariff: its newest versions.
type history struct {
	versions []*TariffVersion // in the order of the log; never changed in place: views hold it
	older    int              // versions before them, which only the store has; or uncounted
	latest   ocpi.Time        // no Since of those is after it
	// other is the last deletion, or the last state that our decoder cannot
	// read: the store holds what an older one could.
	other *ingest.ObjectState
}

// add takes a state and returns its version, nil where it is none.
func (h *history) add(s *ingest.ObjectState) *TariffVersion {
	v, err := (*TariffVersion)(nil), error(nil)
	if !s.Deleted {
		v, err = newVersion(s)
	}
	if s.Deleted || err != nil {
		other := *s
		h.other = &other
		return nil
	}
	h.versions = append(h.versions, v)
	return v
}

// at returns the state that the record at p made, nil for none.
func (h *history) at(p ingest.Position) *ingest.ObjectState {
	if h == nil {
		return nil
	}
	if h.other != nil && h.other.Position == p {
		return h.other
	}
	if v := h.upTo(p); v != nil && v.Position == p {
		return &v.ObjectState
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

// last returns the last state, a deletion too; nil for none.
func (h *history) last() *ingest.ObjectState {
	if h == nil {
		return nil
	}
	n := len(h.versions)
	if n == 0 || h.other != nil && h.versions[n-1].Position.Before(h.other.Position) {
		return h.other
	}
	return &h.versions[n-1].ObjectState
}

// current returns the version that stands, nil when deleted or unknown.
func (h *history) current() *TariffVersion {
	if h == nil || len(h.versions) == 0 {
		return nil
	}
	last := h.versions[len(h.versions)-1]
	if h.other != nil && h.other.Deleted && last.Position.Before(h.other.Position) {
		return nil
	}
	return last
}

// forget lets go of the n oldest versions.
func (h *history) forget(n int) (bytes int64) {
	for _, v := range h.versions[:n] {
		bytes += v.bytes()
		if h.older != uncounted {
			h.older++
		}
		h.latest = max(h.latest, v.Since())
	}
	h.versions = slices.Clone(h.versions[n:])
	return bytes
}

// choose returns the version of a list, which is in the order of the log, that
// was in force at start, as of an end of the reference topic: before; where
// there is none, the first one after it. See View.Tariff.
func choose(versions []*TariffVersion, start ocpi.Time, below int64) (before, after *TariffVersion) {
	for _, v := range versions {
		switch since := v.Since(); {
		case v.Position.Offset >= below || !v.validAt(start):
		case since <= start && (before == nil || since >= before.Since()):
			before = v
		case since > start && (after == nil || since < after.Since()):
			after = v
		}
	}
	return before, after
}

// uncounted is how many versions there are before those that are held where
// nobody has asked for it yet: none, or any number.
const uncounted = -1

// count finds out how many versions there are before those that are held, of
// those Tariffs of which nobody has asked yet.
func (x *Index) count(ctx context.Context, ids []ingest.Identity) error {
	ask, first := []ingest.Identity(nil), map[ingest.Identity]*TariffVersion{}
	x.mu.RLock()
	for _, id := range ids {
		if h := x.tariffs.of[id]; h != nil && h.older == uncounted {
			ask, first[id] = append(ask, id), h.first()
		}
	}
	x.mu.RUnlock()
	if len(ask) == 0 {
		return nil
	}
	counts, err := x.store.CountVersions(ctx, ask)
	if err != nil {
		return fmt.Errorf("count the versions of %d tariffs: %w", len(ask), err)
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, id := range ask {
		if h := x.tariffs.of[id]; h != nil && h.first() == first[id] { // else some went meanwhile
			h.counted(counts[id])
		}
	}
	return nil
}

// counted takes how many versions the store has.
func (h *history) counted(c Count) {
	h.older = c.N
	for _, v := range h.versions {
		if !c.UpTo.Before(v.Position) {
			h.older--
		}
	}
}

// first returns the oldest version that is held, nil for none.
func (h *history) first() *TariffVersion {
	if len(h.versions) == 0 {
		return nil
	}
	return h.versions[0]
}

// unknownLatest is the latest of versions that nobody has asked for yet: finding
// it out for all Tariffs at the start would read all versions of all.
const unknownLatest = math.MaxInt64

// learn notes what was found out about the versions before those that are held.
func (x *Index) learn(id ingest.Identity, p *past) {
	x.mu.Lock()
	defer x.mu.Unlock()
	h := x.tariffs.of[id]
	if h == nil || len(h.versions) == 0 || len(p.newest) == 0 || h.versions[0] != p.newest[0] {
		return // some went since: they are older now
	}
	last := p.from
	if n := len(p.older); n > 0 {
		last = p.older[n-1].Since
	} else if p.from > ever {
		last = p.from - 1
	}
	h.latest = min(h.latest, last)
}

// heldBytes bounds the versions in memory beside the last of each Tariff: some
// 30,000, of which one of a thousand tariffs that change every quarter of an
// hour keeps seven hours.
const heldBytes = 64 << 20

// versions are the histories of all Tariffs, bounded together.
type versions struct {
	of    map[ingest.Identity]*history
	bytes int64 // of all versions but the last of each Tariff
	limit int64
	wait  int64 // full only beyond: the store does not hold them yet
	// superseded are those, in the order of the log for each Tariff.
	superseded []*TariffVersion
}

func newVersions() versions {
	return versions{of: map[ingest.Identity]*history{}, limit: heldBytes}
}

// add takes a state and returns its version, nil where it is none.
func (t *versions) add(s *ingest.ObjectState) *TariffVersion {
	h := t.of[s.Identity()]
	if h == nil {
		h = &history{}
		t.of[internIdentity(s.Identity())] = h
	}
	v := h.add(s)
	if n := len(h.versions); v != nil && n > 1 {
		t.superseded = append(t.superseded, h.versions[n-2])
		t.bytes += h.versions[n-2].bytes()
	}
	return v
}

func (t *versions) full() bool { return t.bytes > max(t.limit, t.wait) }

// release lets go of the oldest that stand before next, until an eighth of the
// room is free.
func (t *versions) release(next int64) {
	gone, n := map[ingest.Identity]int{}, 0
	for left := t.bytes; n < len(t.superseded) && left > t.limit/8*7; n++ {
		v := t.superseded[n]
		if v.Position.Offset >= next {
			break
		}
		left -= v.bytes()
		gone[v.Identity()]++
	}
	for id, n := range gone {
		t.bytes -= t.of[id].forget(n)
	}
	t.superseded = slices.Clone(t.superseded[n:])
	t.wait = t.bytes + t.limit/8
}
