package objects

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
)

// Get returns an object as it stands, of a part of a Location the whole
// Location; ok is false when there is none. Before it says so it reads the log
// to its end, so that neither a process that has just started nor another one
// than took the push answers wrongly. Where it cannot know, the error wraps
// ingest.ErrUnavailable, or is that of the store or of ctx.
func (f *Follower) Get(ctx context.Context, t ingest.Target) (s ingest.ObjectState, ok bool, err error) {
	s, ok, err = f.Peek(ctx, t)
	if err != nil || ok {
		return s, ok, err
	}
	if err := f.catchUp(ctx, f.partOf(t.Identity())); err != nil {
		return s, false, err
	}
	return f.Peek(ctx, t)
}

// Peek is Get but for what is in the log and not folded yet: ok is false also
// for an object that is on its way.
func (f *Follower) Peek(ctx context.Context, t ingest.Target) (s ingest.ObjectState, ok bool, err error) {
	id := t.Identity()
	fold, p := f.folds[id.Object], f.partOf(id)
	if fold == nil || p == nil {
		return s, false, fmt.Errorf("read %s: objects of this kind are not followed here", id)
	}
	if err := f.wait(ctx); err != nil {
		return s, false, err
	}
	if f.stopped.Load() {
		if err := p.progress.Err(0); err != nil {
			return s, false, err
		}
	}
	f.mu.RLock()
	held := f.held(p, id)
	f.mu.RUnlock()
	switch {
	case held != nil:
		s, ok = *held, true
	case !f.rulesOut(id):
		s, ok, err = f.ask(ctx, id)
	}
	if err != nil || !ok || s.Deleted {
		return ingest.ObjectState{}, false, err
	}
	return s, true, nil
}

// RulesOut reports that there is no such object, as far as the log is folded here
// and without a question to the store.
func (f *Follower) RulesOut(id ingest.Identity) bool {
	p := f.partOf(id)
	if f.folds[id.Object] == nil || p == nil || !f.Ready() || !f.rulesOut(id) {
		return false
	}
	f.mu.RLock()
	defer f.mu.RUnlock()
	return f.held(p, id) == nil // asked last: a state may have to be unpacked to say so
}

// partOf returns the partition an object's records are in.
func (f *Follower) partOf(id ingest.Identity) *part {
	return f.parts[f.log.Place(id.Object.Topic(), id.Key)]
}

// wait returns once the follower knows where it starts.
func (f *Follower) wait(ctx context.Context) error {
	select {
	case <-f.loaded:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Ready reports whether the follower knows where it starts and goes on.
func (f *Follower) Ready() bool {
	select {
	case <-f.loaded:
		return !f.stopped.Load()
	default:
		return false
	}
}

// Stopped says why the follower does not go on, nil when it does: a record of
// a newer version of roamclear.
func (f *Follower) Stopped() error {
	var errs []error
	for _, p := range f.parts {
		errs = append(errs, p.progress.Err(0))
	}
	return errors.Join(errs...)
}

// Findings returns what the kind's fold finds in the state that the record at a
// position made or repeated, see Judge; ok is false where it has nothing to say.
func (f *Follower) Findings(t ingest.Target, p ingest.Position, body ingest.Hash) (findings []ocpi.Finding, ok bool) {
	judge, ok := f.folds[t.Object].(Judge)
	if !ok {
		return nil, false
	}
	return judge.Findings(t.Identity(), p, body)
}

// Wait returns once the record at a position has been folded, so that the next
// Get sees it.
func (f *Follower) Wait(ctx context.Context, topic ingest.Topic, pos ingest.Position) error {
	return f.WaitNext(ctx, ingest.Partition{Topic: topic, Epoch: pos.Epoch, Number: pos.Partition}, pos.Offset+1)
}

// WaitNext returns when every record of a partition before next is folded.
func (f *Follower) WaitNext(ctx context.Context, partition ingest.Partition, next int64) error {
	p := f.parts[partition]
	if p == nil {
		return fmt.Errorf("wait for %s: it is not followed here", partition)
	}
	if err := f.wait(ctx); err != nil {
		return err
	}
	return p.progress.WaitNext(ctx, 0, next)
}

// Next returns the offset up to which a partition has been folded.
func (f *Follower) Next(partition ingest.Partition) int64 { return f.parts[partition].progress.Next(0) }

// CatchUp returns when everything that a topic held when it was called has
// been folded.
func (f *Follower) CatchUp(ctx context.Context, topic ingest.Topic) error {
	for _, p := range f.partsOf(topic) {
		if err := f.catchUp(ctx, p); err != nil {
			return err
		}
	}
	return nil
}

func (f *Follower) catchUp(ctx context.Context, p *part) error {
	_, end, err := f.log.Bounds(ctx, p.Partition)
	if err != nil {
		return fmt.Errorf("read end of %s: %w: %w", p, ingest.ErrUnavailable, err)
	}
	return f.WaitNext(ctx, p.Partition, end)
}

// Find returns those of some objects of one kind that there are, in any order. It
// reads the log to its end first, once for all of them, and asks the store for
// what may be there and is not in memory in a few queries. Errors as those of Get.
func (f *Follower) Find(ctx context.Context, ids []ingest.Identity) ([]ingest.ObjectState, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	if f.folds[ids[0].Object] != nil {
		if err := f.CatchUp(ctx, ids[0].Object.Topic()); err != nil {
			return nil, err
		}
	}
	return f.FindFolded(ctx, ids)
}

// FindFolded is Find as far as the log is folded here.
func (f *Follower) FindFolded(ctx context.Context, ids []ingest.Identity) ([]ingest.ObjectState, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	if f.folds[ids[0].Object] == nil {
		return nil, fmt.Errorf("read %s: objects of this kind are not followed here", ids[0])
	}
	if err := f.wait(ctx); err != nil {
		return nil, err
	}
	found := make([]ingest.ObjectState, 0, len(ids))
	var stored []ingest.Identity
	f.mu.RLock()
	for _, id := range ids {
		switch s := f.held(f.partOf(id), id); {
		case s != nil && !s.Deleted:
			found = append(found, *s)
		case s == nil && !f.rulesOut(id):
			stored = append(stored, id)
		}
	}
	f.mu.RUnlock()
	for chunk := range slices.Chunk(stored, maxLookups) {
		states, err := f.store.LookupObjects(ctx, chunk)
		if err != nil {
			return nil, fmt.Errorf("look up %d objects: %w", len(chunk), err)
		}
		for _, s := range states {
			if !s.Deleted {
				found = append(found, s)
			}
		}
	}
	return found, nil
}
