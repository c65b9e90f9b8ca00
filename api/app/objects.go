package app

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/roamclear/roamclear/api/app/stations"
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing/reference"
	"github.com/roamclear/roamclear/settlement"
)

// Objects knows what partners own: an *objects.Follower and the *reference.Index that it
// fills.
type Objects interface {
	Ready() bool
	CatchUp(ctx context.Context, topic ingest.Topic) error
	Get(ctx context.Context, t ingest.Target) (s ingest.ObjectState, ok bool, err error)
	FindFolded(ctx context.Context, ids []ingest.Identity) ([]ingest.ObjectState, error)
	View() *reference.View
}

// Worked says how EVSEs worked lately: a stations.Worked.
type Worked interface {
	Ready() bool
	Of(owner ocpi.Party, location string, e *ocpi.EVSE, now ocpi.Time) stations.Lately
}

// Stations finds Locations: a *stations.Index.
type Stations interface {
	Ready() bool
	Search(q *stations.Query, after *stations.Hit, n int) ([]stations.Hit, error)
}

// catchUp returns when all that the topic of Locations and Tariffs held when it was
// called is known here: what a partner was told is stored, whichever process told it, is
// found from then on. Callers that come while the log is being asked share the next
// question.
func (s *server) catchUp(ctx context.Context) error {
	err := s.reading.do(ctx, func(ctx context.Context) error { return s.Objects.CatchUp(ctx, ingest.TopicReference) })
	if err != nil {
		return unavailable("read what partners published", err)
	}
	return nil
}

// unavailable is an error of the log or the store as those who ask have to know it.
func unavailable(what string, err error) error {
	if errors.Is(err, ingest.ErrUnavailable) && !errors.Is(err, settlement.ErrUnavailable) {
		return fmt.Errorf("%s: %w: %w", what, settlement.ErrUnavailable, err)
	}
	return fmt.Errorf("%s: %w", what, err)
}

// turn lets callers share work that answers all who came before it began.
type turn struct {
	mu   sync.Mutex // guards next and busy
	next *shared
	busy bool
}

type shared struct {
	done chan struct{}
	err  error
}

// do returns once work that began after the call has been done, by this caller or
// another. Work of others goes on when this caller's context ends.
func (t *turn) do(ctx context.Context, work func(context.Context) error) error {
	t.mu.Lock()
	if t.next == nil {
		t.next = &shared{done: make(chan struct{})}
	}
	mine := t.next
	if !t.busy {
		t.busy = true
		go t.run(context.WithoutCancel(ctx), work)
	}
	t.mu.Unlock()
	select {
	case <-mine.done:
		return mine.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (t *turn) run(ctx context.Context, work func(context.Context) error) {
	for {
		t.mu.Lock()
		now := t.next
		if t.next = nil; now == nil {
			t.busy = false
			t.mu.Unlock()
			return
		}
		t.mu.Unlock()
		bounded, cancel := context.WithTimeout(ctx, patience)
		now.err = work(bounded)
		cancel()
		close(now.done)
	}
}
