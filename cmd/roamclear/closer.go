package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/roamclear/roamclear/api/rest"
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement/clearing"
	"github.com/roamclear/roamclear/settlement/statement"
)

// closer closes periods with what this process has. It implements rest.Closer.
type closer struct {
	backends *backends
	control  *decisions
	drafts   *drafts // who draw: a close takes a turn among them
	turn     chan struct{}
	now      atomic.Pointer[rest.Underway]
}

func newCloser(b *backends, d *drafts) *closer {
	return &closer{backends: b, control: d.control, drafts: d, turn: make(chan struct{}, 1)}
}

// Close closes a period, or asks for it. Errors as those of statement.Closer.
func (c *closer) Close(ctx context.Context, r statement.CloseRequest) (result *statement.CloseResult, err error) {
	err = c.inTurn(ctx, func(s *statement.Closer) error {
		r.Told = c.tells(r.Scope, r.Period)
		result, err = s.Close(ctx, r)
		return err
	})
	return result, err
}

// tells says from now on how far a close is.
func (c *closer) tells(scope clearing.Scope, period ocpi.Month) func(statement.CloseProgress) {
	told := func(p statement.CloseProgress) {
		c.now.Store(&rest.Underway{Scope: scope, Period: period, CloseProgress: p})
	}
	told(statement.CloseProgress{Stage: statement.StageWaiting})
	return told
}

// Underway implements rest.Closer.
func (c *closer) Underway() *rest.Underway { return c.now.Load() }

// Approve approves what another key asked for. Errors as those of statement.Closer.
func (c *closer) Approve(ctx context.Context, a statement.Approval) (result *statement.CloseResult, err error) {
	err = c.inTurn(ctx, func(s *statement.Closer) error {
		a.Told = c.tells(clearing.Scope{}, 0)
		result, err = s.Approve(ctx, a)
		return err
	})
	return result, err
}

// inTurn calls fn once there is a turn: one period is closed at a time. What it reads and
// writes it does in a turn among those who draw.
func (c *closer) inTurn(ctx context.Context, fn func(*statement.Closer) error) error {
	leave, err := takeTurn(ctx, c.turn)
	if err != nil {
		return err
	}
	defer leave()
	if err := c.control.machine.Ready(); err != nil {
		return err
	}
	defer c.now.Store(nil)
	return fn(&statement.Closer{Books: c.backends.store, Issues: c.backends.store, Logs: logs{c.backends, c.control}, Control: closeControl{c.control.closes, c.control}, Turn: c.drafts.turn})
}

// closeControl is the control log as a close sees it. It implements statement.Control.
type closeControl struct {
	*clearing.Closes
	control *decisions
}

// Agreed implements statement.Control.
func (c closeControl) Agreed(below int64) statement.Agreed { return agreedBelow{c.control, below} }

// logs say how far the logs reach, and how far the store and this process have them. They
// implement statement.Logs.
type logs struct {
	*backends
	control *decisions
}

// Cut implements statement.Logs. Of partitions that the log has no more, the store has all
// there was.
func (l logs) Cut(ctx context.Context) (cut statement.Cut, err error) {
	if cut.CDRs, err = l.store.CDRCheckpoints(ctx); err != nil {
		return cut, err
	}
	for _, p := range l.log.Partitions(ingest.TopicCDRs) {
		if _, cut.CDRs[p], err = l.log.Bounds(ctx, p); err != nil {
			return cut, fmt.Errorf("read the end of %s: %w", p, err)
		}
	}
	for topic, end := range map[ingest.Topic]*int64{ingest.TopicReference: &cut.Reference, ingest.TopicControl: &cut.Control} {
		if _, *end, err = l.log.Bounds(ctx, l.log.Partitions(topic)[0]); err != nil {
			return cut, fmt.Errorf("read the end of %s: %w", topic, err)
		}
	}
	return cut, nil
}

// A close looks this often whether everything is stored and priced, for this long.
const (
	closeLooks = 250 * time.Millisecond
	closeWaits = 2 * time.Minute
)

// Reach implements statement.Logs.
func (l logs) Reach(ctx context.Context, cut statement.Cut, lags func(string)) error {
	ctx, cancel := context.WithTimeout(ctx, closeWaits)
	defer cancel()
	if err := l.control.machine.WaitNext(ctx, cut.Control); err != nil {
		return fmt.Errorf("wait for the control log up to %d: %w", cut.Control, err)
	}
	if err := statement.Project(ctx, l.control.decided, l.store); err != nil {
		return err
	}
	ticker := time.NewTicker(closeLooks)
	defer ticker.Stop()
	for {
		behind, err := l.behind(ctx, cut)
		switch {
		case err != nil:
			return err
		case behind == "":
			return nil
		}
		lags(behind)
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return fmt.Errorf("%s: close the period when it has caught up: %w", behind, ctx.Err())
		}
	}
}

// behind says what is not stored and priced yet of a cut, "" for nothing.
func (l logs) behind(ctx context.Context, cut statement.Cut) (string, error) {
	stored, err := l.store.CDRCheckpoints(ctx)
	if err != nil {
		return "", err
	}
	var list []string
	for p, end := range cut.CDRs {
		if n := end - stored[p]; n > 0 {
			list = append(list, fmt.Sprintf("%d CDRs of %s are not priced yet", n, p))
		}
	}
	slices.Sort(list)
	n, first, err := l.store.AdoptionsPending(ctx, cut.Control, 1)
	if err != nil {
		return "", err
	}
	if n > 0 {
		list = append(list, fmt.Sprintf("%d CDRs of which another copy is to count, such as %s, are not priced by it yet", n, first[0]))
	}
	return strings.Join(list, ", "), nil
}
