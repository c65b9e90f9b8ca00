// Package session folds the sessions topic: one state per Session. PUT
// replaces, PATCH merges (charging_periods append), an older last_updated is
// ignored, and the state carries the last applied position, so that a replay
// changes nothing (OCPI mod_sessions).
package session

import (
	"context"
	"fmt"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
	"golang.org/x/sync/errgroup"
)

// Store holds the folded state of every Session up to its checkpoint.
type Store interface {
	Checkpoint(ctx context.Context, p ingest.Partition) (next int64, err error)
	LookupSessions(ctx context.Context, keys []ocpi.Key) (map[ocpi.Key]ingest.ObjectState, error)
}

// maxSessions bounds how many Sessions a partition keeps in memory before it
// lets go of those the store holds.
const maxSessions = 50_000

// Follower holds the Sessions that changed since the store's checkpoint, and
// reads the others from the store. It is safe for concurrent use.
type Follower struct {
	log      ingest.Reader
	store    Store
	topic    []ingest.Partition
	progress *ingest.Progress
	started  chan struct{} // closed when every partition knows where it starts
	start    sync.Once     // closes started, also when Run is called again
	inert    prometheus.Counter

	lookups chan lookup

	mu        sync.RWMutex // guards everything below
	parts     []map[ocpi.Key]*ingest.ObjectState
	absent    map[ocpi.Key]struct{} // neither here nor in the store
	evictions uint64
}

// NewFollower returns a Follower that has folded nothing yet: call Run.
func NewFollower(log ingest.Reader, store Store, reg prometheus.Registerer) *Follower {
	topic := log.Partitions(ingest.TopicSessions)
	n := len(topic)
	f := &Follower{
		log: log, store: store, topic: topic, progress: ingest.NewProgress(n), started: make(chan struct{}),
		parts: make([]map[ocpi.Key]*ingest.ObjectState, n), absent: map[ocpi.Key]struct{}{}, lookups: make(chan lookup),
		inert: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "roamclear_session_inapplicable_total",
			Help: "Session changes that did not apply when their turn came: an older last_updated, or a PATCH of an unknown Session."}),
	}
	for i := range f.parts {
		f.parts[i] = map[ocpi.Key]*ingest.ObjectState{}
	}
	reg.MustRegister(f.inert)
	return f
}

// Run follows every partition from the store's checkpoint until ctx ends.
// Called again after an error it goes on where it was.
func (f *Follower) Run(ctx context.Context) error {
	starts, err := f.starts(ctx)
	if err != nil {
		return err
	}
	f.start.Do(func() { close(f.started) })
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return f.serveLookups(ctx) })
	for p, from := range starts {
		g.Go(func() error {
			return f.log.Tail(ctx, f.topic[p], from, func(recs []ingest.Record) error {
				return f.foldBatch(ctx, int32(p), recs)
			})
		})
	}
	return g.Wait()
}

// starts returns where to follow each partition from. What is in memory is
// complete up to where the fold got to, and stays so only if it goes on there:
// the checkpoint may be further, since another process keeps it.
func (f *Follower) starts(ctx context.Context) ([]int64, error) {
	starts := make([]int64, len(f.parts))
	for p := range f.parts {
		if !f.Ready() {
			next, err := f.store.Checkpoint(ctx, f.topic[p])
			if err != nil {
				return nil, fmt.Errorf("read checkpoint of %s: %w", f.topic[p], err)
			}
			f.progress.Advance(int32(p), next)
		}
		starts[p] = f.progress.Next(int32(p))
	}
	return starts, nil
}

func (f *Follower) foldBatch(ctx context.Context, p int32, recs []ingest.Record) error {
	if len(recs) == 0 {
		return nil
	}
	if err := f.fetchMissing(ctx, p, recs); err != nil {
		return err
	}
	var d ocpi.Decoder
	f.mu.Lock()
	for i := range recs {
		r := &recs[i]
		if s := f.apply(&d, f.parts[p][r.Key], r); s != nil {
			f.parts[p][r.Key] = s
			delete(f.absent, r.Key)
		}
	}
	size := len(f.parts[p])
	f.mu.Unlock()
	f.progress.Advance(p, recs[len(recs)-1].Offset+1)
	if size > maxSessions {
		return f.evict(ctx, p)
	}
	return nil
}

// fetchMissing reads the Sessions of a batch that are not in memory from the
// store, in one query.
func (f *Follower) fetchMissing(ctx context.Context, p int32, recs []ingest.Record) error {
	var keys []ocpi.Key
	asked := map[ocpi.Key]bool{}
	f.mu.RLock()
	for i := range recs {
		k := recs[i].Key
		_, absent := f.absent[k]
		if f.parts[p][k] == nil && !absent && !asked[k] {
			asked[k] = true
			keys = append(keys, k)
		}
	}
	f.mu.RUnlock()
	if len(keys) == 0 {
		return nil
	}
	found, err := f.store.LookupSessions(ctx, keys)
	if err != nil {
		return fmt.Errorf("look up %d sessions: %w", len(keys), err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for k, s := range found {
		f.parts[p][k] = &s
	}
	return nil
}

// apply returns the state after r, or nil when r changes nothing.
func (f *Follower) apply(d *ocpi.Decoder, old *ingest.ObjectState, r *ingest.Record) *ingest.ObjectState {
	var base []byte
	if old != nil {
		if old.Position.Offset >= r.Offset {
			return nil // folded before
		}
		base = old.Body
	}
	if base == nil && r.Method != ingest.MethodPut {
		f.inert.Inc()
		return nil
	}
	body, err := ingest.Apply(r.Version, r.Method, ingest.Target{Object: r.Object, Key: r.Key}, base, r.Body)
	if err != nil {
		f.inert.Inc()
		return nil
	}
	o, err := d.Session(r.Version, body)
	if err != nil || (old != nil && o.LastUpdated < old.LastUpdated) {
		f.inert.Inc()
		return nil
	}
	return &ingest.ObjectState{
		Object: r.Object, Key: r.Key, Version: r.Version, Sender: r.Sender, Position: r.Position,
		Received: r.Received, LastUpdated: o.LastUpdated, Body: append([]byte(nil), body...),
	}
}

// evict lets go of the Sessions that the store holds.
func (f *Follower) evict(ctx context.Context, p int32) error {
	next, err := f.store.Checkpoint(ctx, f.topic[p])
	if err != nil {
		return fmt.Errorf("read checkpoint of %s: %w", f.topic[p], err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.evictions++
	for k, s := range f.parts[p] {
		if s.Position.Offset < next {
			delete(f.parts[p], k)
		}
	}
	return nil
}

// Get returns the current state of a Session.
func (f *Follower) Get(ctx context.Context, key ocpi.Key) (ingest.ObjectState, bool, error) {
	select {
	case <-f.started:
	case <-ctx.Done():
		return ingest.ObjectState{}, false, ctx.Err()
	}
	f.mu.RLock()
	s := f.parts[f.part(key)][key]
	_, absent := f.absent[key]
	f.mu.RUnlock()
	if s != nil {
		return *s, true, nil
	}
	if absent {
		return ingest.ObjectState{}, false, nil
	}
	return f.ask(ctx, key)
}

// CatchUp returns when everything that was in the log of a Session when it was
// called has been folded: what is unknown then, nobody PUT.
func (f *Follower) CatchUp(ctx context.Context, key ocpi.Key) error {
	p := f.log.Place(ingest.TopicSessions, key)
	_, end, err := f.log.Bounds(ctx, p)
	if err != nil {
		return fmt.Errorf("read end of %s: %w", p, err)
	}
	return f.WaitNext(ctx, p.Number, end)
}

// WaitNext returns when every record of a partition before next is folded.
func (f *Follower) WaitNext(ctx context.Context, partition int32, next int64) error {
	return f.progress.WaitNext(ctx, partition, next)
}

// part returns the number of a Session's partition.
func (f *Follower) part(key ocpi.Key) int32 { return f.log.Place(ingest.TopicSessions, key).Number }

// Ready reports whether the follower knows where it starts.
func (f *Follower) Ready() bool {
	select {
	case <-f.started:
		return true
	default:
		return false
	}
}

// States returns the state of every Session the records touched, for the
// store. The follower must have folded them: see WaitNext.
func (f *Follower) States(partition int32, recs []ingest.Record) []ingest.ObjectState {
	f.mu.RLock()
	defer f.mu.RUnlock()
	var states []ingest.ObjectState
	seen := map[ocpi.Key]bool{}
	for i := range recs {
		k := recs[i].Key
		if s := f.parts[partition][k]; s != nil && !seen[k] {
			seen[k] = true
			states = append(states, *s)
		}
	}
	return states
}
