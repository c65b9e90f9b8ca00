package main

import (
	"context"

	"github.com/roamclear/roamclear/settlement"
	"github.com/roamclear/roamclear/settlement/clearing"
	"github.com/roamclear/roamclear/settlement/statement"
)

// choices are what people chose, as the control log has it. It implements
// settlement.ChoiceLog.
type choices struct {
	b *backends
	d *decisions
}

// Known implements settlement.ChoiceLog.
func (c choices) Known(ctx context.Context) (below int64, err error) {
	if err := c.d.machine.CatchUp(ctx); err != nil {
		return 0, err
	}
	below = c.d.machine.Next()
	return below, statement.Project(ctx, c.d.decided, c.b.store)
}

// Choices implements settlement.ChoiceLog.
func (c choices) Choices(ctx context.Context) (*settlement.Choices, error) {
	if err := c.d.machine.CatchUp(ctx); err != nil {
		return nil, err
	}
	of := &settlement.Choices{}
	_, err := c.d.decided.Since(ctx, 0, func(r *clearing.DecisionRecord) error {
		switch r.Act {
		case clearing.Adopt:
			of.Adopted(r.Offset, r.Groups[0].CDRs[0], r.Copy)
		case clearing.Undo:
			for i := range r.Groups {
				of.Undone(r.Offset, r.Groups[i].CDRs)
			}
		}
		return nil
	})
	return of, err
}
