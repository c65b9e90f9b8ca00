package objects

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/roamclear/roamclear/ingest"
)

// entryBytes is what an entry costs besides its texts: the state, its place
// in a map, the strings' headers.
const entryBytes = 400

// size is what an object takes in memory, about.
func size(s *ingest.ObjectState) int64 { return int64(len(s.Body)) + idSize(s.Identity()) }

func idSize(id ingest.Identity) int64 {
	return int64(len(id.Key.Party.Country)+len(id.Key.Party.ID)+len(id.Key.ID)+len(id.Variant)) + entryBytes
}

// keep holds a state in the place of the one before.
func (f *Follower) keep(p *part, fold Fold, s *ingest.ObjectState) {
	id := s.Identity()
	if !fold.Resident() {
		if old := p.states[id]; old != nil {
			p.held -= size(old)
		}
		p.held += size(s)
	}
	p.states[id] = s
	if known := f.known[id.Object]; known != nil {
		known.add(id)
	}
}

// evict lets go of objects of a partition that the store holds, those first
// that changed longest ago, until half of its share is left. What the store
// does not hold yet stays: it is as much as its keeper is behind.
func (f *Follower) evict(ctx context.Context, p *part) error {
	if p.held <= max(f.share, p.enough) {
		return nil
	}
	next, err := f.store.Checkpoint(ctx, p.Partition)
	if err != nil {
		return fmt.Errorf("read checkpoint of %s: %w", p, err)
	}
	stored := f.evictable(p, next)
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, s := range stored {
		if p.held <= f.share/2 {
			break
		}
		p.held -= size(s)
		delete(p.states, s.Identity())
	}
	// Where the store is behind, it is asked again when some more has come.
	p.enough = p.held + f.share/8
	return nil
}

func (f *Follower) evictable(p *part, next int64) []*ingest.ObjectState {
	var list []*ingest.ObjectState
	for id, s := range p.states {
		if s.Position.Offset < next && !f.folds[id.Object].Resident() {
			list = append(list, s)
		}
	}
	slices.SortFunc(list, func(a, b *ingest.ObjectState) int { return cmp.Compare(a.Position.Offset, b.Position.Offset) })
	return list
}
