package clearing

import (
	"context"
	"fmt"
	"slices"

	"github.com/roamclear/roamclear/ingest/control"
	"github.com/roamclear/roamclear/ocpi"
)

// Closes is the domain of the closed months. Its methods are safe for
// concurrent use.
type Closes struct {
	machine *control.Machine
	state   control.State[closes]
}

type closes struct {
	months  []ocpi.Month // ascending; never changed, replaced
	offsets []int64      // of the records that closed them; likewise
}

// NewCloses registers the domain.
func NewCloses(m *control.Machine) *Closes {
	d := &Closes{machine: m}
	m.Register(d.state.Publish, control.On(d.closed))
	return d
}

// Close closes a month for good. command may be "". Errors as in
// [control.Machine.Do].
func (d *Closes) Close(ctx context.Context, command string, month ocpi.Month) error {
	_, err := d.machine.Do(ctx, control.Command{ID: command, Change: PeriodClosed{Month: month}})
	return err
}

// Closed implements settlement.Periods.
func (d *Closes) Closed(m ocpi.Month) bool { return d.state.Current().has(m) }

// ClosedBelow implements settlement.Closings. Errors as in
// [control.Machine.WaitNext].
func (d *Closes) ClosedBelow(ctx context.Context, m ocpi.Month, below int64) (bool, error) {
	if err := d.machine.WaitNext(ctx, below); err != nil {
		return false, fmt.Errorf("wait for the control log up to %d: %w", below, err)
	}
	s := d.state.Current()
	i, closed := slices.BinarySearch(s.months, m)
	return closed && s.offsets[i] < below, nil
}

// Months returns the closed months, ascending. The slice must not be changed.
func (d *Closes) Months() []ocpi.Month { return d.state.Current().months }

func (s *closes) has(m ocpi.Month) bool {
	_, found := slices.BinarySearch(s.months, m)
	return found
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
	if s.has(c.Month) {
		return control.Conflict("%s is closed already", c.Month)
	}
	if e.At.Month().Compare(c.Month) <= 0 {
		return control.Conflict("%s has not ended yet (months are UTC): close it when it has", c.Month)
	}
	i, _ := slices.BinarySearch(s.months, c.Month)
	s.months = slices.Insert(slices.Clone(s.months), i, c.Month)
	s.offsets = slices.Insert(slices.Clone(s.offsets), i, e.Offset)
	return nil
}
