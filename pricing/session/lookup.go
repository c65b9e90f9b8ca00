package session

import (
	"context"
	"fmt"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
)

// Bounds of what lookups keep and ask for.
const (
	maxAbsent  = 100_000 // Sessions known not to exist
	maxLookups = 500     // per query
)

// lookup is one question to the store. A query costs the store milliseconds
// whatever it asks for, so questions that come while one is under way share
// the next.
type lookup struct {
	key    ocpi.Key
	answer chan<- found
}

type found struct {
	state ingest.ObjectState
	ok    bool
	err   error
}

// ask reads one Session from the store.
func (f *Follower) ask(ctx context.Context, key ocpi.Key) (ingest.ObjectState, bool, error) {
	answer := make(chan found, 1)
	select {
	case f.lookups <- lookup{key, answer}:
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
		var pending []lookup
		select {
		case <-ctx.Done():
			return nil
		case first := <-f.lookups:
			pending = append(pending, first)
		}
	more:
		for len(pending) < maxLookups {
			select {
			case next := <-f.lookups:
				pending = append(pending, next)
			default:
				break more
			}
		}
		keys := make([]ocpi.Key, len(pending))
		for i := range pending {
			keys[i] = pending[i].key
		}
		f.mu.RLock()
		evictions := f.evictions
		f.mu.RUnlock()
		states, err := f.store.LookupSessions(ctx, keys)
		if err != nil {
			err = fmt.Errorf("look up %d sessions: %w", len(keys), err)
		}
		for i := range pending {
			state, ok := states[pending[i].key]
			if err == nil && !ok {
				f.markAbsent(pending[i].key, evictions)
			}
			pending[i].answer <- found{state, ok, err}
		}
	}
}

// markAbsent notes that neither the store nor this follower knows a Session.
// The follower sees whatever changes that; only a Session that came, was
// stored and was let go of since the question would be missed, which the
// count of evictions tells.
func (f *Follower) markAbsent(key ocpi.Key, evictions uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.evictions != evictions || f.parts[f.part(key)][key] != nil {
		return
	}
	if len(f.absent) >= maxAbsent {
		clear(f.absent)
	}
	f.absent[key] = struct{}{}
}
