package clearing

import (
	"context"
	"fmt"
	"slices"

	"github.com/roamclear/roamclear/ingest/control"
	"github.com/roamclear/roamclear/ocpi"
)

// Closes is the domain of the closed months, and of those with which settlement
// begins. Its methods are safe for
// concurrent use.
type Closes struct {
	machine *control.Machine
	state   control.State[closes]
}

type closes struct {
	closings []closing                   // ascending; never changed, replaced
	begins   control.Map[Scope, []Begin] // ascending by record; never changed
}

// closing is a month that was closed, and by which record.
type closing struct {
	month  ocpi.Month
	at     ocpi.Time
	offset int64
}

// NewCloses registers the domain.
func NewCloses(m *control.Machine) *Closes {
	d := &Closes{machine: m}
	m.Register(d.state.Publish, control.On(d.closed), control.On(d.begun))
	return d
}

// Close closes a month for good. command may be "". Errors as in
// [control.Machine.Do].
func (d *Closes) Close(ctx context.Context, command string, month ocpi.Month) error {
	_, err := d.machine.Do(ctx, control.Command{ID: command, Change: PeriodClosed{Month: month}})
	return err
}

// Closed implements settlement.Periods.
func (d *Closes) Closed(m ocpi.Month) bool { return d.ClosedAt(m).IsSet() }

// ClosedBelow implements settlement.Closings. Errors as in
// [control.Machine.WaitNext].
func (d *Closes) ClosedBelow(ctx context.Context, m ocpi.Month, below int64) (bool, error) {
	if err := d.machine.WaitNext(ctx, below); err != nil {
		return false, fmt.Errorf("wait for the control log up to %d: %w", below, err)
	}
	s := d.state.Current()
	i, closed := s.search(m)
	return closed && s.closings[i].offset < below, nil
}

// ClosedAt returns when a month was closed, not set while it is open.
func (d *Closes) ClosedAt(m ocpi.Month) ocpi.Time { return d.state.Current().at(m) }

// Months returns the closed months, ascending.
func (d *Closes) Months() []ocpi.Month {
	closings := d.state.Current().closings
	months := make([]ocpi.Month, len(closings))
	for i := range closings {
		months[i] = closings[i].month
	}
	return months
}

func (s *closes) at(m ocpi.Month) ocpi.Time {
	i, found := s.search(m)
	if !found {
		return 0
	}
	return s.closings[i].at
}

// search finds a month, or where it belongs.
func (s *closes) search(m ocpi.Month) (i int, found bool) {
	return slices.BinarySearchFunc(s.closings, m, func(c closing, m ocpi.Month) int { return c.month.Compare(m) })
}

// PeriodClosed closes a calendar month, UTC: what reports say of it stays.
// What is found out later is a correction in a month that is open. A closed
// month is never opened again.
type PeriodClosed struct {
	Month ocpi.Month `json:"month"` // "2019-01"
}

// Kind implements control.Change.
func (PeriodClosed) Kind() control.Kind { return control.Kind{Name: "period.closed", Version: 1} }

// Validate implements control.Change.
func (c PeriodClosed) Validate() error {
	if c.Month.IsZero() {
		return control.Invalid("month: required, such as 2019-01")
	}
	return nil
}

func (d *Closes) closed(e control.Event, c PeriodClosed) error {
	s := &d.state.Folded
	i, found := s.search(c.Month)
	if found {
		return control.Conflict("%s is closed already", c.Month)
	}
	if e.At.Month().Compare(c.Month) <= 0 {
		return control.Conflict("%s has not ended yet (months are UTC): close it when it has", c.Month)
	}
	s.closings = slices.Insert(slices.Clone(s.closings), i, closing{c.Month, e.At, e.Offset})
	return nil
}
