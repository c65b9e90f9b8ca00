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
func size(s *ingest.ObjectState) int64 {
	return int64(len(s.Body)+len(s.Key.Party.Country)+len(s.Key.Party.ID)+len(s.Key.ID)+len(s.Variant)) + entryBytes
}

// answers are states that the store was asked for lately: who pushes a change of
// an object asks for it, and its fold needs it next.
type answers struct {
	states    map[ingest.Identity]*ingest.ObjectState
	bytes     int64
	evictions uint64 // of any part
}

// maxAnswers bounds them, in bytes.
const maxAnswers = 16 << 20

// note keeps an answer of the store to a question that was asked when so many
// evictions had been. An object that was folded since is in memory, unless it
// was let go of: then nobody knows whether the answer is an older one.
func (f *Follower) note(s *ingest.ObjectState, evictions uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	id := s.Identity()
	if f.answers.evictions != evictions || f.held(f.partOf(id), id) != nil {
		return
	}
	if f.answers.states == nil || f.answers.bytes > maxAnswers {
		f.answers.states, f.answers.bytes = map[ingest.Identity]*ingest.ObjectState{}, 0
	}
	f.answers.states[id] = s
	f.answers.bytes += size(s)
}

// held returns the state of an object that is in memory, nil where it is not.
// The caller holds f.mu.
func (f *Follower) held(p *part, id ingest.Identity) *ingest.ObjectState {
	if v, ok := f.folds[id.Object].(Versions); ok {
		return v.Latest(id)
	}
	if s := p.states[id]; s != nil {
		return s
	}
	if s := p.shelf.get(id); s != nil {
		return s
	}
	if s := p.wanes.get(id); s != nil {
		return s
	}
	return f.answers.states[id]
}

// keep holds a state in the place of the one before.
func (f *Follower) keep(p *part, s *ingest.ObjectState) {
	id := s.Identity()
	known := f.known[id.Object]
	if known == nil {
		return // its fold holds it
	}
	if old := p.states[id]; old != nil {
		p.held -= size(old)
	}
	p.held += size(s)
	p.states[id] = s
	p.shelf.drop(id)
	p.wanes.drop(id)
	if old := f.answers.states[id]; old != nil {
		delete(f.answers.states, id)
		f.answers.bytes -= size(old)
	}
	known.add(id)
}

// release has the folds of kinds with versions let go of some, where they hold
// too many.
func (f *Follower) release(ctx context.Context, p *part) error {
	for kind, fold := range f.folds {
		v, ok := fold.(Versions)
		if !ok || kind.Topic() != p.Topic || !v.Full() {
			continue
		}
		next, err := f.store.Checkpoint(ctx, p.Partition)
		if err != nil {
			return fmt.Errorf("read checkpoint of %s: %w", p, err)
		}
		v.Release(next)
	}
	return nil
}

// evict lets go of objects of a partition that the store holds, those first
// that changed longest ago, until half of its share is left; those of warm
// kinds go to the shelf while it has room, the others take the room of what wanes.
// What the store does not hold yet stays: it is as much as its keeper is behind.
func (f *Follower) evict(ctx context.Context, p *part) error {
	if p.held <= max(f.share, p.enough) {
		return nil
	}
	next, err := f.store.Checkpoint(ctx, p.Partition)
	if err != nil {
		return fmt.Errorf("read checkpoint of %s: %w", p, err)
	}
	stored := f.evictable(p, next)
	packed := make([]string, len(stored))
	for i, s := range stored {
		packed[i] = pack(s)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.answers.evictions++
	for i, s := range stored {
		p.held -= size(s)
		delete(p.states, s.Identity())
		if f.folds[s.Object].Warm() {
			p.shelf.put(s.Identity(), packed[i])
		} else {
			p.wanes.put(s.Identity(), packed[i])
		}
	}
	// Where the store is behind, it is asked again when some more has come.
	p.enough = p.held + f.share/8
	return nil
}

// evictable lists what may go, the oldest first, until half of the share is
// left. While a warm kind is being read into memory none of it goes: it would
// not be told from what has not been read yet.
func (f *Follower) evictable(p *part, next int64) []*ingest.ObjectState {
	var list []*ingest.ObjectState
	for id, s := range p.states {
		if s.Position.Offset < next && (!f.folds[id.Object].Warm() || f.known[id.Object].isComplete()) {
			list = append(list, s)
		}
	}
	slices.SortFunc(list, func(a, b *ingest.ObjectState) int { return cmp.Compare(a.Position.Offset, b.Position.Offset) })
	left := p.held
	for i, s := range list {
		if left <= f.share/2 {
			return list[:i]
		}
		left -= size(s)
	}
	return list
}
