package objects

import (
	"context"
	"fmt"

	"github.com/roamclear/roamclear/ingest"
)

// maxLookups bounds the questions that share a query.
const maxLookups = 500

// lookup is one question to the store. A query costs the store milliseconds
// whatever it asks for, so questions that come while one is under way share
// the next.
type lookup struct {
	id     ingest.Identity
	answer chan<- found
}

type found struct {
	state ingest.ObjectState
	ok    bool
	err   error
}

// ask reads one object from the store.
func (f *Follower) ask(ctx context.Context, id ingest.Identity) (ingest.ObjectState, bool, error) {
	answer := make(chan found, 1)
	select {
	case f.lookups <- lookup{id, answer}:
	case <-ctx.Done():
		return ingest.ObjectState{}, false, ctx.Err()
	}
	select {
	case a := <-answer:
		return a.state, a.ok, a.err
	case <-ctx.Done():
		return ingest.ObjectState{}, false, ctx.Err()
	}
}

// serveLookups answers until ctx ends.
func (f *Follower) serveLookups(ctx context.Context) error {
	for {
		pending := f.questions(ctx)
		if len(pending) == 0 {
			return nil
		}
		ids := make([]ingest.Identity, len(pending))
		for i := range pending {
			ids[i] = pending[i].id
		}
		f.mu.RLock()
		evictions := f.answers.evictions
		f.mu.RUnlock()
		states, err := f.store.LookupObjects(ctx, ids)
		if err != nil {
			err = fmt.Errorf("look up %d objects: %w", len(ids), err)
		}
		for _, s := range states {
			f.note(&s, evictions)
		}
		for i := range pending {
			state, ok := states[ids[i]]
			pending[i].answer <- found{state, ok, err}
		}
	}
}

// questions waits for one and takes what else is asked then; none when ctx
// has ended.
func (f *Follower) questions(ctx context.Context) []lookup {
	var pending []lookup
	select {
	case <-ctx.Done():
		return nil
	case first := <-f.lookups:
		pending = append(pending, first)
	}
	for len(pending) < maxLookups {
		select {
		case next := <-f.lookups:
			pending = append(pending, next)
		default:
			return pending
		}
	}
	return pending
}

// fetchMissing reads the objects that a batch changes and that are not in
// memory from the store, in one query.
func (f *Follower) fetchMissing(ctx context.Context, p *part, recs []ingest.Record) error {
	ids := f.missing(p, recs)
	if len(ids) == 0 {
		return nil
	}
	states, err := f.store.LookupObjects(ctx, ids)
	if err != nil {
		return fmt.Errorf("look up %d objects: %w", len(ids), err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, s := range states {
		f.keep(p, &s)
	}
	return nil
}

// rulesOut reports that neither the store nor this follower has an object. The
// fold of a kind with versions would have it.
func (f *Follower) rulesOut(id ingest.Identity) bool {
	known := f.known[id.Object]
	return known == nil || known.rulesOut(id)
}

func (f *Follower) missing(p *part, recs []ingest.Record) []ingest.Identity {
	var ids []ingest.Identity
	asked := map[ingest.Identity]bool{}
	f.mu.RLock()
	defer f.mu.RUnlock()
	for i := range recs {
		id := recs[i].Identity()
		if f.folds[id.Object] == nil || asked[id] || f.rulesOut(id) || f.held(p, id) != nil {
			continue
		}
		asked[id] = true
		ids = append(ids, id)
	}
	return ids
}
