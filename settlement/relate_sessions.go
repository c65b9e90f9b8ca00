package settlement

import (
	"context"

	"github.com/roamclear/roamclear/ocpi"
)

// sessions finds which Sessions are billed twice among those that CDRs in the
// range are of, or the CDRs of the keys, whose credits were looked at.
func (r *Relater) sessions(ctx context.Context, in Range, keys []ocpi.Key, below Ends) error {
	sets, err := r.Store.SessionsTouched(ctx, in, keys)
	if err != nil {
		return err
	}
	w := r.writer(below)
	for len(sets) > 0 {
		var together []ocpi.Key // whole sets
		for len(sets) > 0 && (len(together) == 0 || len(together)+len(sets[0]) <= relateKeys) {
			together, sets = append(together, sets[0]...), sets[1:]
		}
		if err := r.twins(ctx, w, together, below); err != nil {
			return err
		}
	}
	return w.flush(ctx)
}

// twins writes what holds of some Sessions' CDRs, and what no longer does.
func (r *Relater) twins(ctx context.Context, w *relationWriter, keys []ocpi.Key, below Ends) error {
	var cdrs []SessionCDR
	if err := r.Store.SessionCDRs(ctx, keys, below, func(c SessionCDR) error { cdrs = append(cdrs, c); return nil }); err != nil {
		return err
	}
	type pair struct{ key, other ocpi.Key }
	held := map[pair]Relation{}
	if err := r.Store.TwinsHeld(ctx, keys, func(h Relation) error { held[pair{h.Key, h.Other}] = h; return nil }); err != nil {
		return err
	}
	for _, set := range bySession(cdrs) {
		found := BilledTwice(set)
		for _, f := range found {
			delete(held, pair{f.Key, f.Other})
		}
		if err := w.add(ctx, found); err != nil {
			return err
		}
	}
	for _, h := range held {
		h.Active = false
		if err := w.add(ctx, []Relation{h}); err != nil {
			return err
		}
	}
	return nil
}
