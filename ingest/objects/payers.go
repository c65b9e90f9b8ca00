package objects

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
)

// UnnamedStore reads the Sessions of which nobody is known to pay.
type UnnamedStore interface {
	// UnnamedSessions returns a page of those in a partition, with no more than
	// identity and contract; next is "" at the end.
	UnnamedSessions(ctx context.Context, p ingest.Partition, after string, limit int) (unnamed []ingest.ObjectState, next string, err error)
}

// Payers finds who pays for Sessions whose tokens named nobody known when they came:
// their Token comes later. What it finds becomes a record of theirs, so that every
// process folds the same, they come on the list of the eMSP, and stay there.
type Payers struct {
	Store   UnnamedStore
	Objects *Follower
	Log     ingest.Appender
	// Payer returns who pays for a contract in a charge that began at start.
	Payer func(contractID string, start ocpi.Time) (ocpi.Party, bool)
	// Causes counts what may make somebody known.
	Causes  func() uint64
	Logger  *slog.Logger
	Metrics *PayerMetrics
	AtATime int              // Sessions that one look names at most; 0 = 2,000
	Now     func() time.Time // nil = time.Now

	after string // where the next look goes on
	lost  int    // Sessions that could not be named since one could
	mu    sync.Mutex
	bad   map[ingest.Identity]retry
}

// PayerMetrics tells how naming goes. All Payers of a process share one.
type PayerMetrics struct{ named, failed prometheus.Counter }

// NewPayerMetrics registers the metrics of every Payers of the process.
func NewPayerMetrics(r prometheus.Registerer) *PayerMetrics {
	m := &PayerMetrics{
		named: prometheus.NewCounter(prometheus.CounterOpts{Name: "roamclear_sessions_named_total",
			Help: "Sessions of which it was found later who pays."}),
		failed: prometheus.NewCounter(prometheus.CounterOpts{Name: "roamclear_sessions_unnameable_total",
			Help: "Attempts to say who pays for a Session that failed for that Session alone: it is skipped, and tried again later."}),
	}
	r.MustRegister(m.named, m.failed)
	return m
}

// retry is when a Session that could not be named is tried again.
type retry struct {
	at    time.Time
	pause time.Duration
}

// Naming a Session makes a record and a state of it, so a look names no more than so
// many and leaves the rest to the next one: after an upgrade millions may be there to
// be named at once, beside what partners push.
const (
	payersPage    = 1000
	payersAtATime = 2000
	payersAtOnce  = 32               // records that are appended
	payerWithin   = 10 * time.Second // what one of them may take
	maxBad        = 1000             // Sessions that are skipped
	badAtFirst    = time.Minute
	badAtLast     = time.Hour
	// payersLost is after how many failures, of one Session after the other, a look
	// ends: it may be no Session's fault.
	payersLost = 5
)

// Run sweeps the Sessions of a partition until ctx ends.
func (s *Payers) Run(ctx context.Context, p ingest.Partition) error {
	ingest.Sweep(ctx, s.Causes, func(ctx context.Context) (bool, error) { return s.Look(ctx, p) }, func(err error) {
		s.Logger.Warn("look for who pays for Sessions", "partition", p.String(), "error", err)
	})
	return nil
}

// Look looks at the Sessions of a partition that are stored, to their end, or until it
// has named as many as it may: more says that the next one goes on there. A Session
// that cannot be named is skipped, told and tried again later; an error is what no
// Session is at fault of.
func (s *Payers) Look(ctx context.Context, p ingest.Partition) (more bool, err error) {
	for left := cmp.Or(s.AtATime, payersAtATime); left > 0; {
		unnamed, next, err := s.Store.UnnamedSessions(ctx, p, s.after, payersPage)
		if err != nil {
			return false, fmt.Errorf("read Sessions of nobody in %s: %w", p, err)
		}
		var known []ingest.Identity
		for i := range unnamed {
			id := unnamed[i].Identity()
			if _, ok := s.Payer(unnamed[i].Contract, 0); ok && !s.skips(id) { // whenever it began
				known = append(known, id)
			}
		}
		if err := s.nameAll(ctx, known); err != nil {
			return false, err
		}
		left -= len(known)
		if s.after = next; next == "" {
			return false, nil
		}
	}
	return true, nil
}

// nameAll names Sessions. Those that fail beside others are tried again one by one:
// they share queries, so that one of them may be why all have failed.
func (s *Payers) nameAll(ctx context.Context, list []ingest.Identity) error {
	failed := make([]bool, len(list))
	var g errgroup.Group
	g.SetLimit(payersAtOnce)
	for i, id := range list {
		g.Go(func() error {
			failed[i] = s.name(ctx, id) != nil
			return nil
		})
	}
	_ = g.Wait() // each is asked below
	if slices.Contains(failed, false) {
		s.lost = 0
	}
	for i, id := range list {
		if !failed[i] {
			continue
		}
		err := s.name(ctx, id)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err == nil {
			s.lost = 0
			continue
		}
		s.skip(id, err)
		if s.lost++; s.lost >= payersLost {
			s.lost = 0
			return fmt.Errorf("%d Sessions, one after the other, cannot be named: %w", payersLost, err)
		}
	}
	return nil
}

// skips reports whether a Session could not be named lately.
func (s *Payers) skips(id ingest.Identity) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	bad, ok := s.bad[id]
	return ok && s.now().Before(bad.at)
}

// skip tells that a Session could not be named, and keeps it from being tried again
// for a while.
func (s *Payers) skip(id ingest.Identity, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.bad == nil || len(s.bad) >= maxBad { // rather all of them are tried once more
		s.bad = map[ingest.Identity]retry{}
	}
	pause := min(max(2*s.bad[id].pause, badAtFirst), badAtLast)
	s.bad[id] = retry{s.now().Add(pause), pause}
	s.Metrics.failed.Inc()
	s.Logger.Error("it cannot be said who pays for a Session: skipped for a while", "session", id.Key.String(), "again_in", pause, "error", err)
}

func (s *Payers) now() time.Time {
	if s.Now != nil {
		return s.Now()
	}
	return time.Now()
}

// name appends who pays for a Session, unless somebody is known by now.
func (s *Payers) name(ctx context.Context, id ingest.Identity) error {
	ctx, cancel := context.WithTimeout(ctx, payerWithin)
	defer cancel()
	target := ingest.Target{Object: id.Object, Key: id.Key}
	state, ok, err := s.Objects.Get(ctx, target)
	if err != nil {
		return fmt.Errorf("read %s: %w", id, err)
	}
	if !ok || !state.With.IsZero() || state.Contract == "" {
		return nil
	}
	var start ocpi.Time
	err = Decode(func(d *ocpi.Decoder) error {
		session, err := d.Session(state.Version, state.Body)
		if err == nil {
			start = session.Start
		}
		return err
	})
	if err != nil { // of a state that an older decoder could read
		return fmt.Errorf("read when %s began: %w", id, err)
	}
	payer, ok := s.Payer(state.Contract, start)
	if !ok {
		return nil
	}
	e := ingest.Envelope{Object: id.Object, Method: ingest.MethodPatch, Version: state.Version, Sender: state.Sender, Key: id.Key,
		Path: ingest.PayerPath(payer, state.Contract), Received: ocpi.TimeOf(time.Now())}
	at, err := s.Log.Append(ctx, id.Object.Topic(), &e, nil)
	if err != nil {
		return fmt.Errorf("append who pays for %s: %w", id, err)
	}
	if err := s.Objects.Wait(ctx, id.Object.Topic(), at); err != nil {
		return fmt.Errorf("wait for who pays for %s: %w", id, err)
	}
	now, ok, err := s.Objects.Get(ctx, target)
	if err != nil {
		return fmt.Errorf("read %s: %w", id, err)
	}
	if ok && now.With.IsZero() && now.Contract == state.Contract {
		return fmt.Errorf("record %s says who pays for %s: %w", at, id, errNotNamed) // or each look would append another
	}
	s.Metrics.named.Inc()
	return nil
}

var errNotNamed = errors.New("it does not apply")
