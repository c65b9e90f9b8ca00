package objects

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"github.com/roamclear/roamclear/ingest"
)

// Store holds the folded state of every object up to its checkpoints.
type Store interface {
	// Checkpoint returns the offset up to which the store holds everything.
	Checkpoint(ctx context.Context, p ingest.Partition) (next int64, err error)
	// LoadObjects calls fn for every object of a kind, in any order and for one
	// perhaps more than once: that with the highest position counts.
	LoadObjects(ctx context.Context, kind ingest.Object, fn func(ingest.ObjectState) error) error
	// Identities calls fn for every object of a kind, for one perhaps more than
	// once.
	Identities(ctx context.Context, kind ingest.Object, fn func(ingest.Identity) error) error
	// LookupObjects returns those of the objects that the store knows.
	LookupObjects(ctx context.Context, ids []ingest.Identity) (map[ingest.Identity]ingest.ObjectState, error)
}

// Options of a Follower. Log, Store, Folds and Registerer must be set.
type Options struct {
	Log        ingest.Reader
	Store      Store
	Folds      []Fold
	Observers  map[ingest.Object]Observer // of warm kinds
	MaxBytes   int64                      // of objects that changed lately, once the store holds them too; 0: 64 MiB
	ShelfBytes int64                      // of other objects of warm kinds, see shelf; 0: 224 MiB
	WaneBytes  int64                      // of those of other kinds that changed a while ago; 0: 64 MiB
	Logger     *slog.Logger               // nil: nothing is logged
	Registerer prometheus.Registerer
}

// Some tens of thousands of Sessions, a million Tokens with their Locations.
const (
	defaultMaxBytes   = 64 << 20
	defaultShelfBytes = 224 << 20
	defaultWaneBytes  = 64 << 20
)

// Follower holds what partners own now. It is safe for concurrent use.
type Follower struct {
	log     ingest.Reader
	store   Store
	folds   map[ingest.Object]Fold
	watched map[ingest.Object]Observer
	known   map[ingest.Object]*filter // of the kinds that hold no states themselves, see Versions
	parts   map[ingest.Partition]*part
	share   int64 // of Options.MaxBytes, for each partition
	logger  *slog.Logger
	loaded  chan struct{} // closed once every partition knows where it starts
	stopped atomic.Bool   // a partition is not followed any further: every request asks
	once    sync.Once     // closes loaded, also when Run is called again
	inert   *prometheus.CounterVec
	lookups chan lookup

	mu      sync.RWMutex // guards what follows, and what the parts hold
	answers answers
}

// part is one partition that is followed. Only the goroutine that follows it
// changes what it holds.
type part struct {
	ingest.Partition
	progress *ingest.Progress
	states   map[ingest.Identity]*ingest.ObjectState // that changed lately
	held     int64                                   // bytes of states
	enough   int64                                   // evict when more than this is held
	shelf    *shelf                                  // others of warm kinds
	wanes    *waning                                 // others that changed a while ago
}

// New returns a Follower that has folded nothing yet: call Run.
func New(o Options) *Follower {
	f := &Follower{
		log: o.Log, store: o.Store, folds: map[ingest.Object]Fold{}, watched: o.Observers, known: map[ingest.Object]*filter{}, parts: map[ingest.Partition]*part{},
		logger: o.Logger, loaded: make(chan struct{}), lookups: make(chan lookup),
		inert: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "roamclear_objects_inapplicable_total",
			Help: "Changes of client-owned objects that did not apply when their turn came, by kind: an older last_updated, a PATCH of what is not there, a result that is too large."},
			[]string{"object"}),
	}
	if f.logger == nil {
		f.logger = slog.New(slog.DiscardHandler)
	}
	warm := 0
	for _, fold := range o.Folds {
		f.folds[fold.Kind()] = fold
		if _, ok := fold.(Versions); !ok {
			f.known[fold.Kind()] = newFilter()
		}
		for _, p := range o.Log.Partitions(fold.Kind().Topic()) {
			if f.parts[p] == nil {
				f.parts[p] = &part{Partition: p, progress: ingest.NewProgress(1), states: map[ingest.Identity]*ingest.ObjectState{}}
			}
			if fold.Warm() {
				warm++
			}
		}
	}
	f.share = cmp.Or(o.MaxBytes, defaultMaxBytes) / int64(max(1, len(f.parts)))
	for _, p := range f.parts {
		p.shelf = newShelf(cmp.Or(o.ShelfBytes, defaultShelfBytes) / int64(max(1, warm)))
		p.wanes = newWaning(cmp.Or(o.WaneBytes, defaultWaneBytes) / int64(max(1, len(f.parts))))
	}
	o.Registerer.MustRegister(f.inert)
	return f
}

// Run loads the store's states and follows the log until ctx ends. Called
// again after an error it goes on where it was.
func (f *Follower) Run(ctx context.Context) error {
	if !f.Ready() {
		if err := f.load(ctx); err != nil {
			return err
		}
		f.once.Do(func() { close(f.loaded) })
	}
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return f.serveLookups(ctx) })
	for kind := range f.known {
		g.Go(func() error { return f.learn(ctx, kind) })
	}
	for _, p := range f.parts {
		g.Go(func() error { return f.follow(ctx, p) })
	}
	return g.Wait()
}

// load reads where each partition starts, then what folds have to know of every
// object: what the store gains meanwhile is folded twice, which changes nothing.
func (f *Follower) load(ctx context.Context) error {
	for _, p := range f.parts {
		next, err := f.store.Checkpoint(ctx, p.Partition)
		if err != nil {
			return fmt.Errorf("read checkpoint of %s: %w", p, err)
		}
		p.progress.Advance(0, next)
	}
	loads, loading := errgroup.WithContext(ctx)
	for kind, fold := range f.folds {
		if l, ok := fold.(Loader); ok {
			loads.Go(func() error {
				if err := l.Load(loading); err != nil {
					return fmt.Errorf("load %ss: %w", kind, err)
				}
				return nil
			})
		}
	}
	return loads.Wait()
}

// follow folds one partition until ctx ends. A record of a newer version of
// roamclear stops it for good, the process lives on: folding past it, others
// would decide otherwise than this process.
func (f *Follower) follow(ctx context.Context, p *part) error {
	err := f.log.Tail(ctx, p.Partition, p.progress.Next(0), func(recs []ingest.Record) error {
		return f.foldBatch(ctx, p, recs)
	})
	if !errors.Is(err, ingest.ErrNewer) {
		return err
	}
	f.logger.Error("stopped before a record of a newer version of roamclear: upgrade this process", "partition", p.String(), "error", err)
	f.stopped.Store(true)
	p.progress.Fail(0, fmt.Errorf("%s: %w: %w", p, ingest.ErrUnavailable, err))
	<-ctx.Done()
	return ctx.Err()
}

func (f *Follower) foldBatch(ctx context.Context, p *part, recs []ingest.Record) error {
	if err := f.fetchMissing(ctx, p, recs); err != nil {
		return err
	}
	for i := range recs {
		f.fold(p, &recs[i])
	}
	if n := len(recs); n > 0 {
		p.progress.Advance(0, recs[n-1].Offset+1)
	}
	if err := f.release(ctx, p); err != nil {
		return err
	}
	return f.evict(ctx, p)
}

// fold applies one record. One that does not apply leaves the object as it is,
// in every process alike.
func (f *Follower) fold(p *part, r *ingest.Record) {
	fold := f.folds[r.Object]
	if fold == nil {
		return // of a kind that nobody here asks for
	}
	id := r.Identity()
	f.mu.RLock()
	old := f.held(p, id)
	f.mu.RUnlock()
	if old != nil && !old.Position.Before(r.Position) {
		return // folded before
	}
	s, err := fold.Apply(old, r)
	if err != nil {
		f.inert.WithLabelValues(r.Object.String()).Inc()
		return
	}
	if s == nil {
		return
	}
	f.mu.Lock()
	f.keep(p, s)
	f.mu.Unlock()
	fold.Folded(s)
	if o := f.watched[s.Object]; o != nil {
		o.Observe(s)
	}
}

// States returns the state of everything the records touched, for the store;
// none where the topic folds to nothing. The follower must have folded them:
// see WaitNext.
func (f *Follower) States(partition ingest.Partition, recs []ingest.Record) []ingest.ObjectState {
	p := f.parts[partition]
	if p == nil {
		return nil
	}
	f.mu.RLock()
	defer f.mu.RUnlock()
	var states []ingest.ObjectState
	seen := map[ingest.Identity]bool{}
	for i := range recs {
		id := recs[i].Identity()
		if v, ok := f.folds[id.Object].(Versions); ok {
			if s := v.At(id, recs[i].Position); s != nil {
				states = append(states, *s)
			}
			continue
		}
		if s := f.held(p, id); s != nil && !seen[id] {
			seen[id] = true
			states = append(states, *s)
		}
	}
	return states
}

// Follows reports whether the topic's records fold to objects here.
func (f *Follower) Follows(topic ingest.Topic) bool {
	for p := range f.parts {
		if p.Topic == topic {
			return true
		}
	}
	return false
}

// partsOf returns the partitions of a topic that are followed, by number.
func (f *Follower) partsOf(topic ingest.Topic) []*part {
	var list []*part
	for _, p := range f.parts {
		if p.Topic == topic {
			list = append(list, p)
		}
	}
	slices.SortFunc(list, func(a, b *part) int { return int(a.Number - b.Number) })
	return list
}
