package settlement

import (
	"context"

	"github.com/roamclear/roamclear/ingest"
)

// Choices are which copies of CDRs people chose to count, as the control log has it: by the
// copies that the decisions name, for these name no identities.
type Choices struct {
	of  map[ingest.Position]*choice
	all []*choice
}

// choice is what was decided of the copies of one CDR, in the order of control records.
type choice struct {
	said []chosen
	seen bool
}

// chosen is one decision.
type chosen struct {
	control int64
	to      *ingest.Position // the copy that is to count, nil: the first
}

// Adopted notes that a copy of the CDR is to count of which another one did.
func (c *Choices) Adopted(control int64, of, other ingest.Position) {
	one := c.of[of]
	if one == nil {
		one = c.of[other]
	}
	if one == nil {
		one = &choice{}
		c.all = append(c.all, one)
	}
	if c.of == nil {
		c.of = map[ingest.Position]*choice{}
	}
	c.of[of], c.of[other] = one, one
	one.said = append(one.said, chosen{control, &other})
}

// Undone notes that what was decided of some CDRs is taken back: their first copies count.
func (c *Choices) Undone(control int64, cdrs []ingest.Position) {
	for _, at := range cdrs {
		if one := c.of[at]; one != nil {
			one.said = append(one.said, chosen{control, nil})
		}
	}
}

// find returns what was decided of a CDR by one of its copies, nil where nothing was.
func (c *Choices) find(copies ...ingest.Position) *choice {
	for _, at := range copies {
		if one := c.of[at]; one != nil {
			return one
		}
	}
	return nil
}

// ChoiceLog reads what people chose.
type ChoiceLog interface {
	// Known has the store know what is decided by now, and returns below which control record.
	Known(ctx context.Context) (below int64, err error)
	// Choices returns what is decided by now.
	Choices(ctx context.Context) (*Choices, error)
}

// proveChoices holds what the store has people choose against the log, up to where it must
// know of it.
func proveChoices(report *Report, log *Choices, stored []ChosenCopy, below int64) {
	for i := range stored {
		c := &stored[i]
		one := log.find(c.Position, c.First)
		if one == nil && c.To != nil {
			one = log.find(*c.To)
		}
		if one == nil {
			report.chosen(c.Position, "the store has somebody choose which copy of CDR %s counts by control record %d; no record says so", c.Key, c.Control)
			continue
		}
		one.seen = true
		same := false
		for _, d := range one.said {
			switch {
			case d.control == c.Control:
				same = c.To == nil && d.to == nil || c.To != nil && d.to != nil && *c.To == *d.to
			case d.control > c.Control && d.control < below:
				report.chosen(c.Position, "which copy of CDR %s counts was decided by control record %d; the store has the decision of record %d", c.Key, d.control, c.Control)
			}
		}
		if !same {
			report.chosen(c.Position, "the store has somebody choose which copy of CDR %s counts by control record %d, which does not say so", c.Key, c.Control)
		}
	}
	for _, one := range log.all {
		if first := one.said[0]; !one.seen && first.control < below {
			report.chosen(*first.to, "by control record %d this copy is to count for its CDR; the store knows of no such decision", first.control)
		}
	}
}

// chosen tells what does not add up about a copy.
func (r *Report) chosen(at ingest.Position, format string, args ...any) {
	r.disagree(ingest.Partition{Topic: ingest.TopicCDRs, Epoch: at.Epoch, Number: at.Partition}, at.Offset, format, args...)
}
