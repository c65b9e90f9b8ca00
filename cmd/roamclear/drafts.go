package main

import (
	"context"

	"github.com/roamclear/roamclear/ingest/control"
	"github.com/roamclear/roamclear/ocpi"
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
	drawer := statement.Drawer{Books: d.store, Agreed: agreedBelow{d.control, d.control.machine.Next()}}
	return drawer.Draw(ctx, q, fn)
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
