package objectstest

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"sync"

	"github.com/roamclear/roamclear/ingest"
)

// Store is a store of objects in memory. It is safe for concurrent use.
type Store struct {
	mu     sync.Mutex // guards what follows
	next   map[ingest.Partition]int64
	states map[ingest.Identity][]ingest.ObjectState // in the order of their positions
	fail   error
	asked  int
}

// NewStore returns a store that holds states, and nothing of the log.
func NewStore(states ...ingest.ObjectState) *Store {
	s := &Store{next: map[ingest.Partition]int64{}, states: map[ingest.Identity][]ingest.ObjectState{}}
	for _, state := range states {
		s.add(state)
	}
	return s
}

// add keeps every version of a Tariff and the last state of all else.
func (s *Store) add(state ingest.ObjectState) {
	id := state.Identity()
	versions := s.states[id]
	if state.Object != ingest.ObjectTariff && len(versions) > 0 {
		if state.Position.Before(versions[0].Position) {
			return
		}
		versions = nil
	}
	versions = slices.DeleteFunc(versions, func(v ingest.ObjectState) bool { return v.Position == state.Position })
	versions = append(versions, state)
	slices.SortFunc(versions, func(a, b ingest.ObjectState) int { return cmp.Compare(a.Position.Offset, b.Position.Offset) })
	s.states[id] = versions
}

// Fail has every call return err from now on; nil ends it.
func (s *Store) Fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fail = err
}

// Put stores states and how far a partition is stored, as a batch of the
// Recorder does.
func (s *Store) Put(p ingest.Partition, next int64, states ...ingest.ObjectState) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, state := range states {
		s.add(state)
	}
	s.next[p] = max(s.next[p], next)
}

// WriteObjects stores the records of a partition as checkpoint and states.
func (s *Store) WriteObjects(_ context.Context, p ingest.Partition, recs []ingest.Record, states []ingest.ObjectState) error {
	if err := s.failure(); err != nil {
		return err
	}
	s.Put(p, recs[len(recs)-1].Offset+1, states...)
	return nil
}

// Asked returns how many objects were looked up so far.
func (s *Store) Asked() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked
}

func (s *Store) failure() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.fail
}

// Checkpoint implements objects.Store.
func (s *Store) Checkpoint(_ context.Context, p ingest.Partition) (int64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.next[p], s.fail
}

// LoadObjects implements objects.Store.
func (s *Store) LoadObjects(_ context.Context, kind ingest.Object, fn func(ingest.ObjectState) error) error {
	if err := s.failure(); err != nil {
		return err
	}
	s.mu.Lock()
	all := slices.Concat(slices.Collect(maps.Values(s.states))...)
	s.mu.Unlock()
	slices.SortFunc(all, func(a, b ingest.ObjectState) int { return cmp.Compare(a.Position.Offset, b.Position.Offset) })
	for _, state := range all {
		if state.Object != kind {
			continue
		}
		if err := fn(state); err != nil {
			return err
		}
	}
	return nil
}

// Identities implements objects.Store.
func (s *Store) Identities(_ context.Context, kind ingest.Object, fn func(ingest.Identity) error) error {
	if err := s.failure(); err != nil {
		return err
	}
	s.mu.Lock()
	all := slices.Collect(maps.Keys(s.states))
	s.mu.Unlock()
	for _, id := range all {
		if id.Object != kind {
			continue
		}
		if err := fn(id); err != nil {
			return err
		}
	}
	return nil
}

// LookupObjects implements objects.Store.
func (s *Store) LookupObjects(_ context.Context, ids []ingest.Identity) (map[ingest.Identity]ingest.ObjectState, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked += len(ids)
	found := map[ingest.Identity]ingest.ObjectState{}
	for _, id := range ids {
		if versions := s.states[id]; len(versions) > 0 {
			found[id] = versions[len(versions)-1]
		}
	}
	return found, s.fail
}
