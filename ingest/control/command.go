package control

import (
	"context"
	"crypto/rand"
	"fmt"

	"github.com/roamclear/roamclear/ingest"
)

// Command asks for a change. With an ID of its own a caller may repeat it
// when the outcome is unknown: it takes effect once. Expect, when not 0, is
// the version that what is changed must have.
type Command struct {
	ID     string // "" = a new one
	Expect uint64
	Change Change
}

// Do appends a command and returns when this process has folded it, so that
// its domain shows the effect, with its position. One command runs at a time.
// Errors: *Refused when it has no effect, ErrNotReady, and those of
// [ingest.Appender], after which the same command may be repeated.
func (m *Machine) Do(ctx context.Context, cmd Command) (ingest.Position, error) {
	if err := m.Ready(); err != nil {
		return ingest.Position{}, err
	}
	if cmd.ID == "" {
		cmd.ID = rand.Text()
	}
	e := Event{Command: cmd.ID, Expect: cmd.Expect, At: m.now()}
	if _, known := m.folds[cmd.Change.Kind()]; !known {
		return ingest.Position{}, &UnknownEventError{cmd.Change.Kind()} // in the log it would halt every fold
	}
	if err := validate(e, cmd.Change); err != nil {
		return ingest.Position{}, err
	}
	body, err := Encode(e, cmd.Change)
	if err != nil {
		return ingest.Position{}, err
	}
	select {
	case m.turn <- struct{}{}:
		defer func() { <-m.turn }()
	case <-ctx.Done():
		return ingest.Position{}, fmt.Errorf("wait for the command before: %w", ctx.Err())
	}
	m.watch(map[int64]error{})
	defer m.watch(nil)

	pos, err := m.log.Append(ctx, ingest.TopicControl, &ingest.Envelope{Received: e.At}, body)
	if err != nil {
		return ingest.Position{}, fmt.Errorf("append command: %w", err)
	}
	if err := m.WaitNext(ctx, pos.Offset+1); err != nil {
		return pos, fmt.Errorf("%w: the command is in the log but not folded here: %w", ingest.ErrOutcomeUnknown, err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return pos, m.outcome[pos.Offset]
}
