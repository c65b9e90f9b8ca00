package objects

import (
	"context"
	"fmt"

	"github.com/roamclear/roamclear/ingest"
)

// learn reads which objects of a kind the store holds, those of a warm kind
// with what they are. It takes its time, beside everything else: until it is
// done the store is asked for what is not in memory.
func (f *Follower) learn(ctx context.Context, kind ingest.Object) error {
	known := f.known[kind]
	if known.isComplete() {
		return nil
	}
	var err error
	watched := f.watched[kind]
	if f.folds[kind].Warm() {
		err = f.store.LoadObjects(ctx, kind, func(s ingest.ObjectState) error {
			known.add(s.Identity())
			f.shelve(&s)
			if watched != nil {
				watched.Observe(&s)
			}
			return nil
		})
	} else {
		err = f.store.Identities(ctx, kind, func(id ingest.Identity) error {
			known.add(id)
			return nil
		})
	}
	if err != nil {
		return fmt.Errorf("read which %ss there are: %w", kind, err)
	}
	known.complete()
	if watched != nil {
		watched.Whole()
	}
	return nil
}

// shelve takes a state of the store into memory, where there is none that is
// newer.
func (f *Follower) shelve(s *ingest.ObjectState) {
	id := s.Identity()
	p := f.partOf(id)
	packed := pack(s)
	f.mu.Lock()
	defer f.mu.Unlock()
	if p.states[id] != nil {
		return
	}
	if old := p.shelf.get(id); old != nil && !old.Position.Before(s.Position) {
		return
	}
	p.shelf.put(id, packed)
}
