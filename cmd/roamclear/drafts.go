package main

import (
	"context"

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
	turns   chan struct{}
}

// draftsAtOnce bounds how many are drawn side by side: each may read a month of all
// pairs. Others wait.
const draftsAtOnce = 2

func newDrafts(store *clickhouse.Store, d *decisions) *drafts {
	return &drafts{store: store, control: d, turns: make(chan struct{}, draftsAtOnce)}
}

// Draw implements rest.Drafts.
func (d *drafts) Draw(ctx context.Context, q statement.Query, fn func(*statement.Draft) error) error {
	select {
	case d.turns <- struct{}{}:
		defer func() { <-d.turns }()
	case <-ctx.Done():
		return ctx.Err()
	}
	if err := d.control.machine.Ready(); err != nil {
		return err
	}
	var err error
	if q.Below, err = d.store.CDRCheckpoints(ctx); err != nil {
		return err
	}
	drawer := statement.Drawer{Books: unissued{d.store}, Agreed: agreedBelow{d.control, d.control.machine.Next()}}
	return drawer.Draw(ctx, q, fn)
}

// unissued are books of which nothing is issued and nothing is decided.
type unissued struct{ settlement.BookedStore }

// BookedOpen implements statement.Books.
func (u unissued) BookedOpen(ctx context.Context, q settlement.SettlementQuery, below settlement.Ends, _ []clearing.Counted, fn func(*settlement.BookedCDR) error) error {
	return u.Booked(ctx, q, below, fn)
}

// BookedBeside implements statement.Books.
func (unissued) BookedBeside(context.Context, settlement.SettlementQuery, settlement.Ends, []clearing.Counted, func(*settlement.BookedCDR) error) error {
	return nil
}

// BookedDecided implements statement.Books.
func (unissued) BookedDecided(context.Context, settlement.SettlementQuery, settlement.Ends, int64, []clearing.Counted, func(*settlement.BookedCDR, *statement.Decided) error) error {
	return nil
}

// IssuedMoved implements statement.Books.
func (unissued) IssuedMoved(context.Context, settlement.SettlementQuery, settlement.Ends, []clearing.Counted, func(*statement.IssuedCDR) error) error {
	return nil
}

// IssuedOf implements statement.Books.
func (unissued) IssuedOf(context.Context, []ocpi.Key, []clearing.Counted, func(*statement.IssuedCDR) error) error {
	return nil
}

// DecidedOf implements statement.Books.
func (unissued) DecidedOf(context.Context, []ocpi.Key, int64, func(*statement.Decided) error) error {
	return nil
}

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
