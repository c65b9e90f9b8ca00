// Package reference folds the reference topic: the Tariffs, Locations and
// Tokens that partners own, as pricing and the APIs look them up. Every
// process that needs them runs one [Follower]; it starts from the store's
// folded state and follows the log from there.
//
// Lookups are deterministic: they depend on receiving times in the log, not
// on when they are made. See [Follower.Tariff] and [Follower.Zone].
package reference

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
)

// Store is what the follower starts from.
type Store interface {
	// Checkpoint returns the offset up to which the store holds everything.
	Checkpoint(ctx context.Context, p ingest.Partition) (next int64, err error)
	// LoadObjects calls fn for every object of a kind, for Tariffs for every
	// version, oldest first.
	LoadObjects(ctx context.Context, kind ingest.Object, fn func(ingest.ObjectState) error) error
}

// Follower holds the folded state. It is safe for concurrent use.
type Follower struct {
	log      ingest.Reader
	store    Store
	topic    ingest.Partition // its only one
	logger   *slog.Logger
	progress *ingest.Progress
	loaded   chan struct{} // closed once the store's state is in
	once     sync.Once     // closes loaded, also when Run is called again
	inert    prometheus.Counter

	mu        sync.RWMutex // guards everything below
	tariffs   map[ocpi.Key]*history
	locations map[ocpi.Key]*ingest.ObjectState
	tokens    map[tokenKey]*ingest.ObjectState
	contracts map[string][]ocpi.Party // folded contract id -> owners, sorted
	decoder   ocpi.Decoder
	causes    uint64 // counts Tariff versions, zones and contract ids that came
}

type tokenKey struct {
	key ocpi.Key
	typ string
}

// NewFollower returns a Follower that has folded nothing yet: call Run.
func NewFollower(log ingest.Reader, store Store, logger *slog.Logger, reg prometheus.Registerer) *Follower {
	f := &Follower{
		log: log, store: store, topic: log.Partitions(ingest.TopicReference)[0], logger: logger,
		progress: ingest.NewProgress(1), loaded: make(chan struct{}),
		tariffs: map[ocpi.Key]*history{}, locations: map[ocpi.Key]*ingest.ObjectState{},
		tokens: map[tokenKey]*ingest.ObjectState{}, contracts: map[string][]ocpi.Party{},
		inert: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "roamclear_reference_inapplicable_total",
			Help: "Changes of Locations, Tariffs and Tokens that did not apply when their turn came: an older last_updated, or a PATCH of an EVSE that is not there."}),
	}
	reg.MustRegister(f.inert)
	return f
}

// Run loads the store's state and follows the log until ctx ends.
func (f *Follower) Run(ctx context.Context) error {
	from, err := f.load(ctx)
	if err != nil {
		return err
	}
	f.once.Do(func() { close(f.loaded) })
	f.progress.Advance(0, from)
	return f.log.Tail(ctx, f.topic, from, func(recs []ingest.Record) error {
		f.mu.Lock()
		for i := range recs {
			f.fold(&recs[i])
		}
		f.mu.Unlock()
		if len(recs) > 0 {
			f.progress.Advance(0, recs[len(recs)-1].Offset+1)
		}
		return nil
	})
}

func (f *Follower) load(ctx context.Context) (int64, error) {
	// The checkpoint is read first: what the store gains meanwhile is folded
	// twice, which changes nothing.
	from, err := f.store.Checkpoint(ctx, f.topic)
	if err != nil {
		return 0, fmt.Errorf("read checkpoint of %s: %w", ingest.TopicReference, err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, kind := range []ingest.Object{ingest.ObjectTariff, ingest.ObjectLocation, ingest.ObjectToken} {
		err := f.store.LoadObjects(ctx, kind, func(s ingest.ObjectState) error {
			f.restore(s)
			return nil
		})
		if err != nil {
			return 0, fmt.Errorf("load %ss: %w", kind, err)
		}
	}
	return from, nil
}

func (f *Follower) restore(s ingest.ObjectState) {
	switch s.Object {
	case ingest.ObjectTariff:
		h := f.tariffs[s.Key]
		if h == nil {
			h = &history{}
			f.tariffs[s.Key] = h
		}
		h.restore(s, &f.decoder)
	case ingest.ObjectLocation:
		f.locations[s.Key] = &s
	case ingest.ObjectToken:
		f.setToken(&s)
	}
}

func (f *Follower) setToken(s *ingest.ObjectState) {
	f.tokens[tokenKey{s.Key, s.Variant}] = s
	t, err := f.decoder.Token(s.Version, s.Body)
	if err != nil {
		f.inert.Inc()
		return
	}
	contract := ocpi.Fold(t.ContractID)
	owners := f.contracts[contract]
	if contract == "" || slices.Contains(owners, s.Key.Party) {
		return
	}
	owners = append(owners, s.Key.Party)
	slices.SortFunc(owners, func(a, b ocpi.Party) int { return strings.Compare(a.String(), b.String()) })
	f.contracts[strings.Clone(contract)] = owners
	f.signal()
}

// fold applies one record. A change that does not apply leaves the object as
// it is, in every process alike.
func (f *Follower) fold(r *ingest.Record) {
	switch r.Object {
	case ingest.ObjectTariff:
		f.foldTariff(r)
	case ingest.ObjectLocation:
		f.foldLocation(r)
	case ingest.ObjectToken:
		k := tokenKey{r.Key, r.Variant}
		if s, ok := f.apply(r, f.tokens[k]); ok {
			f.setToken(s)
		}
	}
}

// apply returns the state after r, or false when r changes nothing.
func (f *Follower) apply(r *ingest.Record, old *ingest.ObjectState) (*ingest.ObjectState, bool) {
	var base []byte
	if old != nil {
		if old.Position.Offset >= r.Offset {
			return nil, false // folded before
		}
		base = old.Body
	}
	if base == nil && (r.Method != ingest.MethodPut) {
		f.inert.Inc()
		return nil, false
	}
	t := ingest.Target{Object: r.Object, Key: r.Key, Variant: r.Variant, Path: r.Path}
	body, err := ingest.Apply(r.Version, r.Method, t, base, r.Body)
	if err != nil || ingest.Stale(t, base, body) {
		f.inert.Inc()
		return nil, false
	}
	s := &ingest.ObjectState{
		Object: r.Object, Key: r.Key, Variant: r.Variant, Version: r.Version, Sender: r.Sender,
		Position: r.Position, Received: r.Received, Body: append([]byte(nil), body...),
	}
	return s, true
}

func (f *Follower) foldTariff(r *ingest.Record) {
	h := f.tariffs[r.Key]
	if h == nil {
		if r.Method == ingest.MethodDelete {
			f.inert.Inc()
			return
		}
		h = &history{}
		f.tariffs[r.Key] = h
	}
	if h.fold(r, &f.decoder) {
		f.signal()
	}
}

func (f *Follower) foldLocation(r *ingest.Record) {
	old := f.locations[r.Key]
	s, ok := f.apply(r, old)
	if !ok {
		return
	}
	if old != nil {
		s.Zones = old.Zones
	}
	loc, err := f.decoder.Location(s.Version, s.Body)
	if err != nil {
		f.inert.Inc()
		return
	}
	s.LastUpdated = loc.LastUpdated
	if n := len(s.Zones); loc.TimeZone != "" && (n == 0 || s.Zones[n-1].Zone != loc.TimeZone) {
		zone := ingest.ZoneChange{Received: r.Received, Zone: string([]byte(loc.TimeZone))}
		s.Zones = append(s.Zones[:n:n], zone)
		f.signal()
	}
	f.locations[r.Key] = s
}

func (f *Follower) signal() { f.causes++ }

// Causes counts what can heal a reject: it grows when a Tariff version, a
// Location's time zone or a Token's contract id arrives.
func (f *Follower) Causes() uint64 {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return f.causes
}

// Ready reports whether the store's state has been loaded.
func (f *Follower) Ready() bool {
	select {
	case <-f.loaded:
		return true
	default:
		return false
	}
}

// Next returns the offset up to which the topic has been folded.
func (f *Follower) Next() int64 { return f.progress.Next(0) }

// CatchUp returns when the follower has folded everything that was in the log
// when it was called.
func (f *Follower) CatchUp(ctx context.Context) error {
	_, end, err := f.log.Bounds(ctx, f.topic)
	if err != nil {
		return fmt.Errorf("read end of %s: %w", ingest.TopicReference, err)
	}
	return f.WaitNext(ctx, 0, end)
}

// WaitNext returns when every record before next has been folded. The topic
// has one partition, 0.
func (f *Follower) WaitNext(ctx context.Context, partition int32, next int64) error {
	select {
	case <-f.loaded:
	case <-ctx.Done():
		return ctx.Err()
	}
	return f.progress.WaitNext(ctx, partition, next)
}
