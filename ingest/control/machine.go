package control

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
)

// ErrNotReady says that the control log has not been folded: answer 503.
var ErrNotReady = errors.New("control log not read yet, try again")

// HaltedError says why the fold went no further than the record at Offset. It
// is an [ErrNotReady]: nothing is decided until a version that can read the
// record folds it.
type HaltedError struct {
	Offset int64
	Err    error
}

// Error names the record and the cause.
func (e *HaltedError) Error() string {
	return fmt.Sprintf("control log: stopped before record %d: %v", e.Offset, e.Err)
}

// Unwrap returns ErrNotReady and the cause.
func (e *HaltedError) Unwrap() []error { return []error{ErrNotReady, e.Err} }

// Log is both ends of the log.
type Log interface {
	ingest.Appender
	ingest.Reader
}

// Options of a Machine.
type Options struct {
	Now    func() ocpi.Time // nil = the system clock
	Logger *slog.Logger     // nil = nothing is logged
}

// Machine follows the control log and carries out commands. Its methods but
// Register and Beside are safe for concurrent use.
type Machine struct {
	log       Log
	partition ingest.Partition
	now       func() ocpi.Time
	logger    *slog.Logger

	domains []*domain
	folds   map[Kind]Fold
	beside  []func(context.Context)

	commands recentCommands // owned by the goroutine in Run
	end      int64          // of the log when it was opened
	progress *ingest.Progress
	notReady atomic.Pointer[error] // nil = ready
	halted   context.Context       // ends when the fold halts, its cause says why
	halt     context.CancelCauseFunc

	turn    chan struct{}   // holds the one command under way
	mu      sync.Mutex      // guards outcome
	outcome map[int64]error // by offset, of what was folded while a command is under way
}

// domain is one part of what is decided.
type domain struct {
	publish func()
	touched bool // by a fold that is not published yet
}

// Open looks at the control log and returns a Machine that has no domains and
// has folded nothing yet: Run does.
func Open(ctx context.Context, log Log, o Options) (*Machine, error) {
	partition := log.Partitions(ingest.TopicControl)[0]
	start, end, err := log.Bounds(ctx, partition)
	if err != nil {
		return nil, fmt.Errorf("open control log: %w", err)
	}
	if start != 0 {
		return nil, fmt.Errorf("open control log: topic %s begins at offset %d, so partners and keys registered before are lost: restore the topic, and set its retention to unlimited", ingest.TopicControl, start)
	}
	m := &Machine{
		log: log, partition: partition, now: o.Now, logger: o.Logger,
		folds:    map[Kind]Fold{},
		commands: recentCommands{seen: map[string]struct{}{}},
		end:      end, progress: ingest.NewProgress(1),
		turn: make(chan struct{}, 1),
	}
	m.halted, m.halt = context.WithCancelCause(context.Background())
	if m.now == nil {
		m.now = func() ocpi.Time { return ocpi.TimeOf(time.Now()) }
	}
	if m.logger == nil {
		m.logger = slog.New(slog.DiscardHandler)
	}
	if end > 0 {
		m.notReady.Store(&ErrNotReady)
	}
	return m, nil
}

// Register adds a domain: the folds of its kinds, and publish, which lets
// others see what they have done so far as a whole. Both are called by one
// goroutine; publish at once, then after the folds of each batch that has some
// of the domain. Only before Run; a kind belongs to one domain.
func (m *Machine) Register(publish func(), folds ...Fold) {
	d := &domain{publish: publish}
	for _, f := range folds {
		if _, taken := m.folds[f.kind]; taken {
			panic(fmt.Sprintf("control: %s version %d is registered twice", f.kind.Name, f.kind.Version))
		}
		f.owner = d
		m.folds[f.kind] = f
	}
	m.domains = append(m.domains, d)
	publish()
}

// Beside has Run run work of a domain beside the fold, until its context ends.
// Only before Run.
func (m *Machine) Beside(work func(context.Context)) { m.beside = append(m.beside, work) }

// Now returns the time by the machine's clock.
func (m *Machine) Now() ocpi.Time { return m.now() }

// Ready returns nil once everything that was in the log at Open is folded and
// while the fold goes on, else an ErrNotReady.
func (m *Machine) Ready() error {
	if why := m.notReady.Load(); why != nil {
		return *why
	}
	return nil
}

// WaitReady returns when Ready does nil, or with what WaitNext returns.
func (m *Machine) WaitReady(ctx context.Context) error { return m.WaitNext(ctx, m.end) }

// Next returns the offset of the first control record that is not folded yet.
func (m *Machine) Next() int64 { return m.progress.Next(0) }

// WaitNext returns when every record before next is folded and published. It
// returns the context's error, and a *HaltedError when the fold stopped before.
func (m *Machine) WaitNext(ctx context.Context, next int64) error {
	if m.Next() >= next {
		return nil
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(m.halted, func() { cancel(context.Cause(m.halted)) })()
	if err := m.progress.WaitNext(ctx, 0, next); err != nil {
		return context.Cause(ctx)
	}
	return nil
}

// CatchUp returns when everything that was in the log when it was called is
// folded. Errors as in WaitNext.
func (m *Machine) CatchUp(ctx context.Context) error {
	_, end, err := m.log.Bounds(ctx, m.partition)
	if err != nil {
		return fmt.Errorf("read the end of the control log: %w", err)
	}
	return m.WaitNext(ctx, end)
}

// Run follows the log until ctx ends (then it returns nil) or the log is not
// what it must be. Before a record that it cannot read it halts: what stands
// before is decided, nothing after is, until ctx ends.
func (m *Machine) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var beside sync.WaitGroup
	defer beside.Wait()
	defer cancel()
	for _, work := range m.beside {
		beside.Go(func() { work(ctx) })
	}
	err := m.log.Tail(ctx, m.partition, m.Next(), m.foldBatch)
	if halted, ok := errors.AsType[*HaltedError](err); ok {
		m.logger.Error("the control log goes on with what this version cannot read: not ready, nothing is decided", "error", halted)
		<-ctx.Done()
	}
	if ctx.Err() != nil {
		return nil
	}
	return fmt.Errorf("follow control log: %w", err)
}
