package control

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
)

// ErrNotReady says that the control log has not been folded yet: answer 503.
var ErrNotReady = errors.New("control log not read yet, try again")

// RotationGrace is how long the old token of a rotation works when the new
// one is not used.
const RotationGrace = 7 * 24 * time.Hour

// Log is both ends of the log.
type Log interface {
	ingest.Appender
	ingest.Reader
}

// Options of a Control.
type Options struct {
	Now    func() ocpi.Time // nil = the system clock
	Logger *slog.Logger     // nil = nothing is logged
}

// Control follows the control log and carries out commands. Its methods are
// safe for concurrent use.
type Control struct {
	log    Log
	now    func() ocpi.Time
	logger *slog.Logger

	partition ingest.Partition
	end       int64 // of the log when it was opened
	progress  *ingest.Progress
	state     atomic.Pointer[State]
	fold      *State // owned by the goroutine in Run

	turn    chan struct{}   // holds the one command under way
	confirm chan freshToken // to Run: new tokens of rotations seen in use
	mu      sync.Mutex      // guards outcomes
	outcome map[int64]error // by offset, of what was folded while a command is under way
}

type freshToken struct {
	partner string
	hash    TokenHash
}

// Open looks at the control log and returns a Control that has not folded
// anything yet: Run does.
func Open(ctx context.Context, log Log, o Options) (*Control, error) {
	partition := log.Partitions(ingest.TopicControl)[0]
	start, end, err := log.Bounds(ctx, partition)
	if err != nil {
		return nil, fmt.Errorf("open control log: %w", err)
	}
	if start != 0 {
		return nil, fmt.Errorf("open control log: topic %s begins at offset %d, so partners and keys registered before are lost: restore the topic, and set its retention to unlimited", ingest.TopicControl, start)
	}
	c := &Control{
		log: log, now: o.Now, logger: o.Logger, partition: partition, end: end,
		progress: ingest.NewProgress(1), fold: NewState(),
		turn: make(chan struct{}, 1), confirm: make(chan freshToken, 64),
	}
	if c.now == nil {
		c.now = func() ocpi.Time { return ocpi.TimeOf(time.Now()) }
	}
	if c.logger == nil {
		c.logger = slog.New(slog.DiscardHandler)
	}
	c.state.Store(c.fold.published())
	return c, nil
}

// State returns what has been folded so far. It never changes; ask again for
// a newer one.
func (c *Control) State() *State { return c.state.Load() }

// Ready reports whether everything that was in the log at Open is folded.
func (c *Control) Ready() bool { return c.progress.Next(0) >= c.end }

// WaitNext returns when every record before next is folded.
func (c *Control) WaitNext(ctx context.Context, next int64) error {
	return c.progress.WaitNext(ctx, 0, next)
}

// WaitReady returns when Ready is true, or with the context's error.
func (c *Control) WaitReady(ctx context.Context) error {
	return c.progress.WaitNext(ctx, 0, c.end)
}

// Run follows the log until ctx ends (then it returns nil) or a record cannot
// be folded: the process must stop then, its state would not be the others'.
func (c *Control) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var confirming sync.WaitGroup
	defer confirming.Wait()
	confirming.Go(func() { c.confirmTokens(ctx) })
	defer cancel()

	err := c.log.Tail(ctx, c.partition, 0, c.foldBatch)
	if ctx.Err() != nil && (err == nil || errors.Is(err, ctx.Err())) {
		return nil
	}
	return fmt.Errorf("follow control log: %w", err)
}

func (c *Control) foldBatch(records []ingest.Record) error {
	next := c.progress.Next(0)
	outcomes := make(map[int64]error, len(records))
	for _, r := range records {
		if r.Offset != next {
			return fmt.Errorf("control log has offset %d where %d was due: records are missing", r.Offset, next)
		}
		e, err := DecodeEvent(r.Body)
		if err != nil {
			return fmt.Errorf("control record %d: %w", r.Offset, err)
		}
		err = c.fold.Fold(e)
		if _, refused := errors.AsType[*Refused](err); err != nil && !refused {
			return fmt.Errorf("fold control record %d: %w", r.Offset, err)
		}
		outcomes[r.Offset] = err
		next++
	}
	c.state.Store(c.fold.published())
	c.mu.Lock()
	if c.outcome != nil {
		for offset, err := range outcomes {
			c.outcome[offset] = err
		}
	}
	c.mu.Unlock()
	c.progress.Advance(0, next)
	return nil
}

// Command asks for a change. With an ID of its own a caller may repeat it
// when the outcome is unknown: it takes effect once. Expect, when not 0, is
// the version the partner must have.
type Command struct {
	ID     string // "" = a new one
	Expect uint64
	Change Change
}

// Do appends a command and returns when this process has folded it, so that
// State shows its effect, with its position. One command runs at a time.
// Errors: *Refused when it has no effect, ErrNotReady, and those of
// [ingest.Appender], after which the same command may be repeated.
func (c *Control) Do(ctx context.Context, cmd Command) (ingest.Position, error) {
	if !c.Ready() {
		return ingest.Position{}, ErrNotReady
	}
	if cmd.ID == "" {
		cmd.ID = rand.Text()
	}
	e := Event{Command: cmd.ID, Expect: cmd.Expect, At: c.now(), Change: cmd.Change}
	if err := e.validate(); err != nil {
		return ingest.Position{}, err
	}
	body, err := e.Encode()
	if err != nil {
		return ingest.Position{}, err
	}
	select {
	case c.turn <- struct{}{}:
		defer func() { <-c.turn }()
	case <-ctx.Done():
		return ingest.Position{}, fmt.Errorf("wait for the command before: %w", ctx.Err())
	}
	c.watch(map[int64]error{})
	defer c.watch(nil)

	pos, err := c.log.Append(ctx, ingest.TopicControl, &ingest.Envelope{Received: e.At}, body)
	if err != nil {
		return ingest.Position{}, fmt.Errorf("append command: %w", err)
	}
	if err := c.progress.WaitNext(ctx, 0, pos.Offset+1); err != nil {
		return pos, fmt.Errorf("%w: the command is in the log but not folded here: %w", ingest.ErrOutcomeUnknown, err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return pos, c.outcome[pos.Offset]
}

func (c *Control) watch(outcomes map[int64]error) {
	c.mu.Lock()
	c.outcome = outcomes
	c.mu.Unlock()
}

// Authenticate finds the partner an OCPI Authorization header belongs to, and
// ends the old token of a rotation once the new one is seen.
func (c *Control) Authenticate(authorization string) (*Partner, bool) {
	p, fresh, ok := c.State().Authenticate(authorization, c.now())
	if fresh {
		select {
		case c.confirm <- freshToken{p.ID, p.Tokens[0].Hash}:
		default: // the next request with this token asks again
		}
	}
	return p, ok
}

// confirmTokens appends a token.confirmed for every new token seen in use.
// Requests go on arriving until it is folded: the state is asked again before
// each append. Two processes may confirm the same token; the command id makes
// that one event.
func (c *Control) confirmTokens(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case f := <-c.confirm:
			p, ok := c.State().Partner(f.partner)
			if !ok || !p.isFresh(f.hash) {
				continue
			}
			change := TokenConfirmed{ID: f.partner, TokenHash: f.hash}
			_, err := c.Do(ctx, Command{ID: fmt.Sprintf("confirm-%x", f.hash[:24]), Change: change})
			if _, refused := errors.AsType[*Refused](err); err != nil && !refused && ctx.Err() == nil {
				// The old token stays valid a little longer, until the next use.
				c.logger.Warn("confirm token", "partner", f.partner, "error", err)
			}
		}
	}
}
