package reference

import (
	"context"
	"fmt"
	"math"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
)

const (
	// fillAtOnce bounds what one Fill reads: the versions of so many Tariffs,
	// and so many bodies beside those that are read ahead.
	fillAtOnce = 1000
	// viewBytes bounds what a view holds from one batch to the next.
	viewBytes = 32 << 20
	// firstAhead is how many neighbours are read with a version: who reads old
	// CDRs in their order needs these next. Each Fill of a batch doubles it.
	firstAhead = 8
	oldBytes   = 64 // of an entry of past.older, with its place in order
	// listAtOnce bounds the entries that one Fill may list, unless a single
	// Tariff has more.
	listAtOnce = 1_000_000
)

// Begin begins a batch: the view lets go of what it holds where that is much.
func (v *View) Begin() {
	v.missed, v.ahead = false, firstAhead
	if v.bytes > viewBytes {
		v.held, v.bytes, v.bodies = map[ingest.Identity]*past{}, 0, nil
		clear(v.lists)
	}
}

// Missed reports whether a question since the last call had no answer yet.
func (v *View) Missed() bool {
	missed := v.missed
	v.missed = false
	return missed
}

// Fill reads what was missed, at least some of it. The error is the store's.
func (v *View) Fill(ctx context.Context) error {
	if err := v.fillLists(ctx); err != nil {
		return err
	}
	return v.fillBodies(ctx)
}

// fillLists reads which versions there are of Tariffs, of those first of which
// all are wanted, so that the others need not be read that far back.
func (v *View) fillLists(ctx context.Context) error {
	for _, all := range []bool{true, false} {
		if err := v.fillListsOf(ctx, func(from ocpi.Time) bool { return (from == ever) == all }); err != nil {
			return err
		}
	}
	return nil
}

func (v *View) fillListsOf(ctx context.Context, choose func(from ocpi.Time) bool) error {
	var chosen []ingest.Identity
	for id, since := range v.lists {
		if choose(since) {
			chosen = append(chosen, id)
		}
	}
	if len(chosen) == 0 {
		return nil
	}
	if err := v.count(ctx, chosen); err != nil {
		return err
	}
	newest := map[ingest.Identity][]*TariffVersion{}
	from, entries, n := ocpi.Time(math.MaxInt64), 0, 0
	for n < len(chosen) && entries <= listAtOnce {
		id := chosen[n]
		// First what the Index holds: what leaves it now is stored, and in the
		// answer.
		held, older, _ := v.newest(id)
		newest[id], entries, n = held, entries+older, n+1
		from = min(from, v.lists[id])
		delete(v.lists, id)
	}
	ids := chosen[:n]
	all, err := v.store.Versions(ctx, ids, from)
	if err != nil {
		return fmt.Errorf("read which versions %d tariffs have: %w", len(ids), err)
	}
	for _, id := range ids {
		p := makePast(newest[id], all[id], from)
		v.held[id] = p
		v.bytes += int64(len(p.older)) * oldBytes
		v.learn(id, p)
	}
	return nil
}

func (v *View) fillBodies(ctx context.Context) error {
	missed := v.bodies
	if len(missed) == 0 {
		return nil
	}
	v.bodies = nil
	places := map[VersionAt]*oldVersion{}
	var wanted []VersionAt
	for _, b := range missed {
		for i := max(0, b.at-v.ahead/4); i < min(len(b.past.older), b.at+max(v.ahead, 1)); i++ {
			o := &b.past.older[i]
			if at := (VersionAt{b.tariff, o.Position}); !o.read && places[at] == nil {
				places[at] = o
				wanted = append(wanted, at)
			}
		}
	}
	v.ahead *= 2
	if len(wanted) == 0 {
		return nil
	}
	err := v.store.VersionsAt(ctx, wanted, func(s ingest.ObjectState) error {
		o := places[VersionAt{s.Identity(), s.Position}]
		if o == nil || o.read {
			return nil // stands in the store twice
		}
		o.read = true
		if body, err := newVersion(&s); err == nil {
			o.body = body
			v.bytes += body.bytes()
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("read %d versions of tariffs: %w", len(wanted), err)
	}
	for _, w := range wanted {
		if !places[w].read {
			return fmt.Errorf("version %s of %s is not in the store any more: run roamclear verify", w.Position, w.Tariff)
		}
	}
	return nil
}
