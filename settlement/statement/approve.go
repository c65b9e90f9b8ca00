package statement

import (
	"context"
	"errors"
	"fmt"

	"github.com/roamclear/roamclear/settlement/clearing"
)

// Approval says which request to approve.
type Approval struct {
	Record int64 // of the control log, that asks for it
	By     string
	Told   func(CloseProgress) // nil: nobody is told how far it is
}

// LostError says that the store does not have what a request wrote.
type LostError struct {
	Request *clearing.Request
	Err     error
}

// Error says what to do.
func (e *LostError) Error() string {
	r := e.Request
	return fmt.Sprintf("the store does not have what control record %d asks for as it was written: ask for the close of %s of %s again: %v", r.Offset, r.Period, r.Scope, e.Err)
}

// Unwrap returns what is wrong.
func (e *LostError) Unwrap() error { return e.Err }

// Approve closes a period as another key asked: just what was written then counts from
// now on. Nothing is drawn: what came since is of the next period. Errors:
// *clearing.NotClosed, *LostError, and those of what it rests on. To try again is harmless.
func (c *Closer) Approve(ctx context.Context, a Approval) (*CloseResult, error) {
	r, err := c.Control.Request(ctx, a.Record)
	if err != nil {
		return nil, fmt.Errorf("approve control record %d: %w", a.Record, err)
	}
	told := a.Told
	if told == nil {
		told = func(CloseProgress) {}
	}
	switch why := c.Control.RefusesApproval(r, a.By); {
	case why == nil:
		leave, err := c.inTurn(ctx)
		if err != nil {
			return nil, err
		}
		defer leave()
		err = c.readAll(ctx, &r.NewClosing, told)
		if notWhole(err) {
			err = &LostError{r, err}
		}
		if err != nil {
			return nil, err
		}
	case why.Why != clearing.AlreadyClosed: // which it may be by this very request
		return nil, why
	}
	told(CloseProgress{Stage: StageAppending, Lines: r.Lines})
	closing, err := c.Control.ApprovePeriod(ctx, r, a.By)
	if err != nil {
		return nil, fmt.Errorf("approve control record %d: %w", a.Record, err)
	}
	return &CloseResult{Closing: closing}, nil
}

// readAll is readBack of what may have been written long ago: what counts as issued may be
// gone though the lines are there.
func (c *Closer) readAll(ctx context.Context, n *clearing.NewClosing, told func(CloseProgress)) error {
	return c.readBack(ctx, n, told, func(i *Issue, s *Statement) error {
		var first error
		err := counted(ctx, c.Books, i, s, func(format string, args ...any) {
			if first == nil {
				first = fmt.Errorf("%w: %s", errNotWhole, fmt.Sprintf(format, args...))
			}
		})
		return errors.Join(err, first)
	})
}

// notWhole reports whether an error says that the store lacks something that was written.
func notWhole(err error) bool {
	_, damaged := errors.AsType[*DamagedError](err)
	return damaged || errors.Is(err, errNotWhole)
}
