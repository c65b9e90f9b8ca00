package main

import (
	"context"
	"time"

	"github.com/roamclear/roamclear/ingest/control"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement"
	"github.com/roamclear/roamclear/settlement/clearing"
	"github.com/roamclear/roamclear/settlement/clickhouse"
	"github.com/roamclear/roamclear/settlement/statement"
)

// drafts draws statements of all that is stored now, under what is agreed now. It
// implements rest.Drafts.
type drafts struct {
	store   *clickhouse.Store
	control *decisions
	turns   chan struct{} // of those who draw: each holds four connections to the store meanwhile
	waiting *statement.Waiting
}

// draftsAtOnce bounds how many are drawn side by side: each may read a month of all
// pairs. Others wait.
const draftsAtOnce = 2

func newDrafts(store *clickhouse.Store, control *decisions) *drafts {
	d := &drafts{store: store, control: control, turns: make(chan struct{}, draftsAtOnce)}
	d.waiting = statement.NewWaiting(d, time.Now)
	return d
}

// turn waits for a turn among those who draw, and returns what ends it.
func (d *drafts) turn(ctx context.Context) (leave func(), err error) {
	return takeTurn(ctx, d.turns)
}

// takeTurn waits for a place among those of a channel, and returns what gives it back.
func takeTurn(ctx context.Context, turns chan struct{}) (leave func(), err error) {
	select {
	case turns <- struct{}{}:
		return func() { <-turns }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Draw implements rest.Drafts.
func (d *drafts) Draw(ctx context.Context, q statement.Query, fn func(*statement.Draft) error) error {
	return d.inTurn(ctx, q, func(q statement.Query, by agreedBelow) error {
		drawer := statement.Drawer{Books: d.store, Agreed: by}
		return drawer.Draw(ctx, q, fn)
	})
}

// DrawNow implements statement.WaitingSource.
func (d *drafts) DrawNow(ctx context.Context, q statement.Query, fn func(*statement.Draft) error) (at statement.Standing, err error) {
	err = d.inTurn(ctx, q, func(q statement.Query, by agreedBelow) error {
		at = statement.Standing{CDRs: q.Below, Control: by.below}
		drawer := statement.Drawer{Books: d.store, Agreed: by}
		return drawer.Draw(ctx, q, fn)
	})
	return at, err
}

// Standing implements statement.WaitingSource.
func (d *drafts) Standing(ctx context.Context) (at statement.Standing, err error) {
	if err := d.control.machine.Ready(); err != nil {
		return at, err
	}
	at.CDRs, err = d.store.CDRCheckpoints(ctx)
	at.Control = d.control.machine.Next()
	return at, err
}

// Since implements statement.WaitingSource.
func (d *drafts) Since(ctx context.Context, from int64, fn func(*clearing.DecisionRecord) error) (int64, error) {
	return d.control.decided.Since(ctx, from, fn)
}

// Waiting implements rest.Drafts.
func (d *drafts) Waiting(ctx context.Context, q statement.Query, fn func(*statement.Draft) error) (statement.AsOf, error) {
	return d.waiting.Draw(ctx, q, fn)
}

// Try implements rest.Drafts.
func (d *drafts) Try(ctx context.Context, q statement.Query, pack string, inForce, tried func(*statement.Draft) error) error {
	return d.inTurn(ctx, q, func(q statement.Query, by agreedBelow) error {
		drawer := statement.Drawer{Books: d.store, Agreed: reopened{agreedBelow: by}}
		if err := drawer.Draw(ctx, q, inForce); err != nil {
			return err
		}
		drawer.Agreed = reopened{by, pack}
		return drawer.Draw(ctx, q, tried)
	})
}

// Reported implements report.Reporter.
func (d *drafts) Reported(ctx context.Context, q settlement.SettlementQuery, open bool, rows []settlement.SettlementRow) ([]settlement.SettlementRow, error) {
	if err := d.control.machine.Ready(); err != nil {
		return nil, err
	}
	r := statement.Reporter{Months: d.store, Books: d.store, Agreed: func(below int64) statement.Agreed { return agreedBelow{d.control, below} }, Control: d.control.machine.Next()}
	if !open {
		return r.Issued(ctx, q, rows)
	}
	err := d.inTurn(ctx, statement.Query{Period: statement.AfterAll}, func(of statement.Query, by agreedBelow) (err error) {
		r.Control = by.below // of both
		if rows, err = r.Issued(ctx, q, rows); err == nil {
			rows, err = r.Open(ctx, q, of.Below, rows)
		}
		return err
	})
	return rows, err
}

// inTurn calls fn with where the logs end, once there is a turn. What bears on one CDR is
// read without one: a few look-ups by key.
func (d *drafts) inTurn(ctx context.Context, q statement.Query, fn func(statement.Query, agreedBelow) error) error {
	if q.Key.ID == "" {
		leave, err := d.turn(ctx)
		if err != nil {
			return err
		}
		defer leave()
	}
	if err := d.control.machine.Ready(); err != nil {
		return err
	}
	var err error
	if q.Below, err = d.store.CDRCheckpoints(ctx); err != nil {
		return err
	}
	by := agreedBelow{d.control, d.control.machine.Next()}
	if err := statement.Project(ctx, d.control.decided, d.store); err != nil { // what was decided below it
		return err
	}
	if q.Period.IsZero() && q.Key.ID == "" {
		if q.Period, err = d.lastPeriod(ctx, q, by); err != nil {
			return err
		}
	}
	return fn(q, by)
}

// lastPeriod is a period in which all there is comes to a statement.
func (d *drafts) lastPeriod(ctx context.Context, q statement.Query, by agreedBelow) (last ocpi.Month, err error) {
	months, err := d.store.Months(ctx, q.Party)
	for _, m := range months {
		last = max(last, m.Add(statement.LandsWithin))
	}
	for _, c := range by.Counted() {
		last = max(last, c.Period.Add(1))
	}
	if !q.CPO.IsZero() && !q.EMSP.IsZero() {
		last = max(last, by.ClosedThrough(q.CPO, q.EMSP).Add(1)) // or begun
	}
	return last, err
}

// reopened is what was agreed, as if no period were closed or settled elsewhere; where
// pack is not "", with that pack. What agreements change of packs stays.
type reopened struct {
	agreedBelow
	pack string
}

// Terms implements statement.Agreed.
func (u reopened) Terms(cpo, emsp ocpi.Party, period ocpi.Month) clearing.Terms {
	t := u.agreedBelow.Terms(cpo, emsp, period)
	if u.pack != "" {
		t.Pack = u.pack
	}
	return t
}

// ClosedThrough implements statement.Agreed.
func (reopened) ClosedThrough(_, _ ocpi.Party) ocpi.Month { return 0 }

// BegunThrough implements statement.Agreed.
func (reopened) BegunThrough(_, _ ocpi.Party) ocpi.Month { return 0 }

// Counted implements statement.Agreed.
func (reopened) Counted() []clearing.Counted { return nil }

// agreedBelow is what was agreed by the control records at offsets below one. It
// implements statement.Agreed.
type agreedBelow struct {
	*decisions
	below int64
}

// Terms implements statement.Agreed.
func (a agreedBelow) Terms(cpo, emsp ocpi.Party, period ocpi.Month) clearing.Terms {
	return a.agreements.TermsAt(control.Pair{CPO: cpo, EMSP: emsp}, period, a.below)
}

// ClosedThrough implements statement.Agreed.
func (a agreedBelow) ClosedThrough(cpo, emsp ocpi.Party) ocpi.Month {
	return a.closes.ClosedThroughAt(control.Pair{CPO: cpo, EMSP: emsp}, a.below)
}

// BegunThrough implements statement.Agreed.
func (a agreedBelow) BegunThrough(cpo, emsp ocpi.Party) ocpi.Month {
	return a.closes.BegunThroughAt(control.Pair{CPO: cpo, EMSP: emsp}, a.below)
}

// Counted implements statement.Agreed.
func (a agreedBelow) Counted() []clearing.Counted { return a.closes.CountedAt(a.below) }

// Below implements statement.Agreed.
func (a agreedBelow) Below() int64 { return a.below }
