package statementtest

import (
	"context"
	"slices"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing/tariff"
	"github.com/roamclear/roamclear/settlement"
	"github.com/roamclear/roamclear/settlement/clearing"
	"github.com/roamclear/roamclear/settlement/statement"
)

// House is the logs of an installation as a close sees them: what was agreed, begun and
// closed, where the logs end, and that everything is worked off.
type House struct {
	Books    *Books
	Begun    ocpi.Month // the last period that is settled elsewhere
	Settings []Setting  // in the order of their records
	Closings []*clearing.Closing
	Requests []*clearing.Request // in the order of their records, whatever became of them
	Next     int64               // offset of the next control record
}

var (
	_ statement.Control = (*House)(nil)
	_ statement.Logs    = (*House)(nil)
)

// Setting is something agreed.
type Setting struct {
	Offset int64
	Scope  clearing.Scope
	From   ocpi.Month
	Apply  func(*clearing.Terms)
}

// Closer closes the periods of the house.
func (h *House) Closer() *statement.Closer {
	return &statement.Closer{Books: h.Books, Issues: h.Books, Logs: h, Control: h}
}

// Agree sets something from now on.
func (h *House) Agree(scope clearing.Scope, from ocpi.Month, apply func(*clearing.Terms)) {
	h.Settings = append(h.Settings, Setting{h.Next, scope, from, apply})
	h.Next++
}

// Decide decides about a CDR; nil takes back what was decided.
func (h *House) Decide(key ocpi.Key, d *clearing.Decision) {
	h.Books.Decisions = append(h.Books.Decisions, statement.Decided{Key: key, Decision: d, Offset: h.Next, By: "finance", Reason: "because"})
	h.Next++
}

// Adopt has another copy of a CDR count, which came last: what it says is set by change.
func (h *House) Adopt(key ocpi.Key, change func(*settlement.BookedCDR)) {
	i := slices.IndexFunc(h.Books.CDRs, func(c settlement.BookedCDR) bool { return c.Key == key })
	c := &h.Books.CDRs[i]
	of := ingest.Partition{Topic: ingest.TopicCDRs, Epoch: c.Position.Epoch, Number: c.Position.Partition}
	was, at := c.Position, of.At(h.Ends()[of])
	h.Books.Decisions = append(h.Books.Decisions, statement.Decided{Key: key, Offset: h.Next, By: "finance", Reason: "because", Position: was, Adopted: &at})
	h.Next++
	c.First = first(c)
	change(c)
	c.Position = at
	c.Version++
	c.AsOf.Control = h.Next
}

// Cut implements statement.Logs.
func (h *House) Cut(context.Context) (statement.Cut, error) {
	if err := h.Books.step("read where the logs end"); err != nil {
		return statement.Cut{}, err
	}
	return statement.Cut{CDRs: h.Ends(), Control: h.Next}, nil
}

// Ends is behind all CDRs.
func (h *House) Ends() settlement.Ends {
	ends := settlement.Ends{}
	for i := range h.Books.CDRs {
		p := h.Books.CDRs[i].Position
		at := ingest.Partition{Topic: ingest.TopicCDRs, Epoch: p.Epoch, Number: p.Partition}
		ends[at] = max(ends[at], p.Offset+1)
	}
	return ends
}

// Reach implements statement.Logs.
func (h *House) Reach(context.Context, statement.Cut, func(string)) error {
	return h.Books.step("wait")
}

// Agreed implements statement.Control.
func (h *House) Agreed(below int64) statement.Agreed { return agreed{h, below} }

// agreed is what holds below an offset.
type agreed struct {
	*House
	below int64
}

// covers reports whether what is said for a scope holds for all of another.
func covers(wide, narrow clearing.Scope) bool {
	return (wide.CPO.IsZero() || wide.CPO == narrow.CPO) && (wide.EMSP.IsZero() || wide.EMSP == narrow.EMSP)
}

func (a agreed) Terms(cpo, emsp ocpi.Party, period ocpi.Month) clearing.Terms {
	t := clearing.Terms{Owed: clearing.OwedClaimed, Zone: tariff.UTC, Pack: clearing.DefaultPack, Tax: clearing.Tax{Category: clearing.TaxStated}, Undecided: clearing.UndecidedRefuse}
	of := clearing.Scope{CPO: cpo, EMSP: emsp}
	for level := clearing.LevelHouse; level <= clearing.LevelPair; level++ {
		for _, s := range a.Settings {
			if s.Scope.Level() == level && s.Offset < a.below && s.From <= period && covers(s.Scope, of) {
				s.Apply(&t)
			}
		}
	}
	return t
}

func (a agreed) ClosedThrough(cpo, emsp ocpi.Party) ocpi.Month {
	through := a.Begun
	for _, c := range a.Closings {
		if c.Offset < a.below && covers(c.Scope, clearing.Scope{CPO: cpo, EMSP: emsp}) {
			through = max(through, c.Period)
		}
	}
	return through
}

func (a agreed) BegunThrough(_, _ ocpi.Party) ocpi.Month { return a.Begun }

func (a agreed) Counted() (list []clearing.Counted) {
	for _, c := range a.Closings {
		if c.Offset < a.below {
			list = append(list, clearing.Counted{ID: c.ID, Period: c.Period, Control: c.Control})
		}
	}
	return list
}

func (a agreed) Below() int64 { return a.below }

// Refuses implements statement.Control.
func (h *House) Refuses(a clearing.Attempt) *clearing.NotClosed {
	for _, c := range h.Closings {
		switch {
		case covers(c.Scope, a.Scope) && c.Period == a.Period:
			return &clearing.NotClosed{Why: clearing.AlreadyClosed, Attempt: a, Through: c.Period, Of: c.Scope}
		case covers(c.Scope, a.Scope) && c.Period > a.Period:
			return &clearing.NotClosed{Why: clearing.ClosedLater, Attempt: a, Through: c.Period, Of: c.Scope}
		}
	}
	if h.Begun >= a.Period {
		return &clearing.NotClosed{Why: clearing.BegunLater, Attempt: a, Through: h.Begun}
	}
	if four := h.Agreed(h.Next).Terms(ocpi.Party{}, ocpi.Party{}, a.Period).FourEyes; four && !a.Asks() {
		return &clearing.NotClosed{Why: clearing.FourEyes, Attempt: a}
	}
	for _, s := range h.Settings {
		if s.Offset >= a.Control && s.Scope.Bears(a.Scope) {
			return &clearing.NotClosed{Why: clearing.AgreementChanged, Attempt: a, Of: s.Scope, Record: s.Offset}
		}
	}
	for _, c := range h.Closings {
		if c.Offset >= a.Control && c.Scope.Bears(a.Scope) {
			return &clearing.NotClosed{Why: clearing.ClosedMeanwhile, Attempt: a, Of: c.Scope, Record: c.Offset}
		}
	}
	if !a.Asks() {
		return nil
	}
	for i := range h.Books.Decisions {
		if d := &h.Books.Decisions[i]; d.Offset >= a.Control { // of whatever pair
			return &clearing.NotClosed{Why: clearing.DecidedMeanwhile, Attempt: a, Of: a.Scope, Record: d.Offset}
		}
	}
	for _, r := range h.Requests {
		if r.Offset >= a.Control && r.Scope == a.Scope && r.ID != a.ID {
			return &clearing.NotClosed{Why: clearing.RequestedMeanwhile, Attempt: a, Of: a.Scope, Record: r.Offset}
		}
	}
	return nil
}

func (h *House) counts(id uint64) *clearing.Closing {
	i := slices.IndexFunc(h.Closings, func(c *clearing.Closing) bool { return c.ID == id })
	if i < 0 {
		return nil
	}
	return h.Closings[i]
}

// Doomed implements statement.Control.
func (h *House) Doomed(a clearing.Attempt) bool { return h.counts(a.ID) == nil && h.Refuses(a) != nil }

// RequestPeriod implements statement.Control.
func (h *House) RequestPeriod(_ context.Context, n clearing.NewClosing) (*clearing.Request, error) {
	if err := h.Books.step("ask"); err != nil {
		return nil, err
	}
	for _, r := range h.Requests {
		if r.ID == n.ID {
			return r, nil
		}
	}
	if why := h.Refuses(n.Attempt); why != nil {
		return nil, why
	}
	r := &clearing.Request{NewClosing: n, Editions: clearing.RunningEditions(), Offset: h.Next}
	h.Requests = append(h.Requests, r)
	h.Next++
	return r, h.Books.done("ask")
}

// Request implements statement.Control.
func (h *House) Request(_ context.Context, record int64) (*clearing.Request, error) {
	for _, r := range h.Requests {
		if r.Offset == record {
			return r, nil
		}
	}
	return nil, &clearing.NotClosed{Why: clearing.NoRequest, Record: record}
}

// RefusesApproval implements statement.Control.
func (h *House) RefusesApproval(r *clearing.Request, by string) *clearing.NotClosed {
	why := h.Refuses(r.Attempt)
	if own := by == r.By; own && (why == nil || why.Why != clearing.AlreadyClosed) {
		return &clearing.NotClosed{Why: clearing.OwnRequest, Attempt: r.Attempt, Record: r.Offset}
	}
	return why
}

// ApprovePeriod implements statement.Control.
func (h *House) ApprovePeriod(_ context.Context, r *clearing.Request, by string) (*clearing.Closing, error) {
	n := r.NewClosing
	n.Requested, n.By = &clearing.Requested{Record: r.Offset, By: r.By}, by
	return h.close(n, func() *clearing.NotClosed { return h.RefusesApproval(r, by) })
}

// ClosePeriod implements statement.Control.
func (h *House) ClosePeriod(_ context.Context, n clearing.NewClosing) (*clearing.Closing, error) {
	return h.close(n, func() *clearing.NotClosed { return h.Refuses(n.Attempt) })
}

func (h *House) close(n clearing.NewClosing, refuses func() *clearing.NotClosed) (*clearing.Closing, error) {
	if err := h.Books.step("append"); err != nil {
		return nil, err
	}
	if c := h.counts(n.ID); c != nil {
		return c, nil
	}
	if why := refuses(); why != nil {
		return nil, why
	}
	c := &clearing.Closing{NewClosing: n, Editions: clearing.RunningEditions(), Offset: h.Next}
	for _, s := range n.Statements {
		first := int64(1)
		for _, before := range h.Closings {
			for _, of := range before.Statements {
				if of.CPO == s.CPO {
					first += of.Count
				}
			}
		}
		c.Firsts = append(c.Firsts, first)
	}
	h.Closings = append(h.Closings, c)
	h.Next++
	return c, h.Books.done("append")
}
