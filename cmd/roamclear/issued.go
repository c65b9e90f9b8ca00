package main

import (
	"context"
	"maps"
	"slices"

	"github.com/roamclear/roamclear/api/rest"
	"github.com/roamclear/roamclear/ingest/control"
	"github.com/roamclear/roamclear/settlement/clearing"
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

func attemptsOf(closings map[uint64]*clearing.Closing) []uint64 {
	return slices.Sorted(maps.Keys(closings))
}

func (d *drafts) issued(closings map[uint64]*clearing.Closing, i *statement.Issue) *rest.Issued {
	c := closings[i.Attempt]
	return &rest.Issued{Issue: *i, Number: d.control.agreements.NumberOf(c, control.Pair{CPO: i.CPO, EMSP: i.EMSP}, i.Rank), At: c.At}
}
