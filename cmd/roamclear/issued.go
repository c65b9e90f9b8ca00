package main

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/roamclear/roamclear/api/rest"
	"github.com/roamclear/roamclear/ingest/control"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement/clearing"
	"github.com/roamclear/roamclear/settlement/clickhouse"
	"github.com/roamclear/roamclear/settlement/statement"
)

// Issues implements rest.IssuedStatements.
func (d *drafts) Issues(ctx context.Context, q statement.IssueQuery, fn func(*rest.Issued) error) error {
	closings, err := d.closings(ctx, q)
	if err != nil || len(closings) == 0 {
		return err
	}
	return d.store.Issues(ctx, q, attemptsOf(closings), func(i *statement.Issue) error { return fn(d.issued(closings, i)) })
}

// Issued implements rest.IssuedStatements.
func (d *drafts) Issued(ctx context.Context, q statement.IssueQuery) (found *rest.Issued, err error) {
	closings, err := d.closings(ctx, q)
	if err != nil || len(closings) == 0 {
		return nil, err
	}
	err = statement.ReadIssued(ctx, d.store, q, attemptsOf(closings), func(i *statement.Issue, s *statement.Statement) error {
		found = d.issued(closings, i)
		found.Statement = s
		return nil
	})
	return found, err
}

// LinesOf implements rest.Traces. What a close looked at and added nothing to is none.
func (d *drafts) LinesOf(ctx context.Context, key ocpi.Key) (lines []rest.TracedLine, more int, err error) {
	if err := d.control.machine.Ready(); err != nil {
		return nil, 0, err
	}
	counted := d.control.closes.CountedAt(d.control.machine.Next())
	if len(counted) == 0 {
		return nil, 0, nil
	}
	err = d.store.IssuedOf(ctx, []ocpi.Key{key}, counted, func(l *statement.IssuedCDR) error {
		lines = append(lines, rest.TracedLine{IssuedCDR: *l})
		return nil
	})
	slices.SortStableFunc(lines, func(a, b rest.TracedLine) int { return a.Period.Compare(b.Period) })
	type place struct {
		emsp     ocpi.Party
		currency string
	}
	began := map[place]bool{}
	lines = slices.DeleteFunc(lines, func(l rest.TracedLine) bool {
		at := place{l.EMSP, l.Currency}
		mark := began[at] && !l.Adds()
		began[at] = true
		return mark
	})
	more = max(0, len(lines)-rest.MaxTraced)
	lines = lines[more:]
	for i := range lines {
		l := &lines[i]
		if err != nil {
			break
		}
		q := statement.IssueQuery{CPO: key.Party, EMSP: l.EMSP, Period: l.Period, Currency: l.Currency}
		err = d.Issues(ctx, q, func(i *rest.Issued) error {
			if i.Attempt == l.Attempt {
				l.Number, l.At = i.Number, i.At
			}
			return nil
		})
	}
	return lines, more, err
}

// DecisionsOf implements rest.Traces.
func (d *drafts) DecisionsOf(ctx context.Context, key ocpi.Key) ([]statement.Decided, error) {
	return d.store.DecisionHistory(ctx, key)
}

// maxNumbered bounds the statements that a number is taken for, and the closes read for it.
const maxNumbered = 20

// Numbered implements report.Numbers.
func (d *drafts) Numbered(ctx context.Context, number string) (found []rest.Issued, err error) {
	n, err := strconv.ParseInt(number[len(strings.TrimRight(number, "0123456789")):], 10, 64)
	if err != nil || n < 1 {
		return nil, nil //nolint:nilerr // it is no number
	}
	if err := d.control.machine.Ready(); err != nil {
		return nil, err
	}
	err = d.control.closes.Numbered(ctx, n, maxNumbered, func(c *clearing.Closing, cpo ocpi.Party, rank int) error {
		closings := map[uint64]*clearing.Closing{c.ID: c}
		return d.store.Issues(ctx, statement.IssueQuery{CPO: cpo, Period: c.Period}, []uint64{c.ID}, func(i *statement.Issue) error {
			if one := d.issued(closings, i); i.Rank == rank && strings.EqualFold(one.Number, number) && len(found) < maxNumbered {
				found = append(found, *one)
			}
			return nil
		})
	})
	return found, err
}

// closings are those of a period that bear on what is asked for, by their attempts.
func (d *drafts) closings(ctx context.Context, q statement.IssueQuery) (map[uint64]*clearing.Closing, error) {
	if err := d.control.machine.Ready(); err != nil {
		return nil, err
	}
	closings := map[uint64]*clearing.Closing{}
	within := clearing.ClosingQuery{Within: clearing.Scope{CPO: q.CPO, EMSP: q.EMSP}, Period: q.Period}
	err := d.control.closes.Closings(ctx, within, func(c *clearing.Closing) error {
		closings[c.ID] = c
		return nil
	})
	return closings, err
}

// Explain implements rest.Reasons.
func (d *drafts) Explain(ctx context.Context, q statement.Query, list []statement.Unlike) (explained []statement.Explained, err error) {
	closing, err := d.closedBy(ctx, &q)
	if err != nil {
		return nil, err
	}
	err = d.inTurn(ctx, q, func(q statement.Query, by agreedBelow) error {
		e := statement.Explainer{
			Books: d.store, Lookups: d.store, Control: by.below, Below: q.Below, Closing: closing,
			Agreed: func(below int64) statement.Agreed { return agreedBelow{d.control, below} },
		}
		explained, err = e.Explain(ctx, q, list)
		return err
	})
	return explained, err
}

// closedBy is the close that closed a period for a pair, nil where it is open.
func (d *drafts) closedBy(ctx context.Context, q *statement.Query) (first *clearing.Closing, err error) {
	if err := d.control.machine.Ready(); err != nil {
		return nil, err
	}
	within := clearing.ClosingQuery{Within: clearing.Scope{CPO: q.CPO, EMSP: q.EMSP}}
	err = d.control.closes.Closings(ctx, within, func(c *clearing.Closing) error {
		if first == nil && c.Period >= q.Period {
			first = c
		}
		return nil
	})
	return first, err
}

func attemptsOf(closings map[uint64]*clearing.Closing) []uint64 {
	return slices.Sorted(maps.Keys(closings))
}

func (d *drafts) issued(closings map[uint64]*clearing.Closing, i *statement.Issue) *rest.Issued {
	c := closings[i.Attempt]
	return &rest.Issued{Issue: *i, Number: d.control.agreements.NumberOf(c, control.Pair{CPO: i.CPO, EMSP: i.EMSP}, i.Rank), At: c.At, Control: c.Control}
}

// months tell of a month what no draft has. They implement page.Months.
type months struct {
	*clickhouse.Store
	drafts *drafts
}

// IssuedClaims implements page.Months.
func (m months) IssuedClaims(ctx context.Context, q statement.IssueQuery, fn func(*statement.IssuedClaim) error) error {
	closings, err := m.drafts.closings(ctx, q)
	if err != nil || len(closings) == 0 {
		return err
	}
	return m.Store.IssuedClaims(ctx, q, attemptsOf(closings), fn)
}
