package clearing

import (
	"context"
	"slices"

	"github.com/roamclear/roamclear/ingest/control"
	"github.com/roamclear/roamclear/ocpi"
)

// Closes is the domain of the closed periods, and of those with which settlement
// begins. Its methods are safe for concurrent use.
type Closes struct {
	machine    *control.Machine
	agreements *Agreements // that no close may miss a change of; set by NewAgreements
	decisions  *Decisions  // likewise of closes that somebody else approves; set by NewDecisions
	state      control.State[closes]
}

type closes struct {
	months  []closedMonth               // ascending; never changed, replaced
	begins  control.Map[Scope, []Begin] // ascending by record; never changed
	periods periods
	// requests are the last ones of each scope, whatever became of them.
	requests control.Map[Scope, request]
}

// closedMonth is a month that was closed, and by which record.
type closedMonth struct {
	month  ocpi.Month
	at     ocpi.Time
	offset int64
}

// NewCloses registers the domain.
func NewCloses(m *control.Machine) *Closes {
	d := &Closes{machine: m}
	m.Register(d.state.Publish, control.On(d.monthClosed), control.On(d.begun), control.On(d.periodClosed), control.On(d.periodRequested))
	return d
}

// Close closes a month for good. command may be "". Errors as in
// [control.Machine.Do].
func (d *Closes) Close(ctx context.Context, command string, month ocpi.Month) error {
	_, err := d.machine.Do(ctx, control.Command{ID: command, Change: MonthClosed{Month: month}})
	return err
}

// Months returns the closed months, ascending.
func (d *Closes) Months() []ocpi.Month {
	closed := d.state.Current().months
	months := make([]ocpi.Month, len(closed))
	for i := range closed {
		months[i] = closed[i].month
	}
	return months
}

// search finds a month, or where it belongs.
func (s *closes) search(m ocpi.Month) (i int, found bool) {
	return slices.BinarySearchFunc(s.months, m, func(c closedMonth, m ocpi.Month) int { return c.month.Compare(m) })
}

// MonthClosed says that a calendar month, UTC, was closed elsewhere: settlement begins
// after it. It is never opened again.
type MonthClosed struct {
	Month ocpi.Month `json:"month"` // "2019-01"
}

// Kind implements control.Change.
func (MonthClosed) Kind() control.Kind { return control.Kind{Name: "period.closed", Version: 1} }

// Validate implements control.Change.
func (c MonthClosed) Validate() error {
	if c.Month.IsZero() {
		return control.Invalid("month: required, such as 2019-01")
	}
	return nil
}

func (d *Closes) monthClosed(e control.Event, c MonthClosed) error {
	s := &d.state.Folded
	i, found := s.search(c.Month)
	if until, of := s.periods.through(Scope{}); !until.IsZero() {
		return control.Conflict("%s is closed through %s, with statements: close periods likewise from then on", of, until)
	}
	if found {
		return control.Conflict("%s is closed already", c.Month)
	}
	if e.At.Month().Compare(c.Month) <= 0 {
		return control.Conflict("%s has not ended yet (months are UTC): close it when it has", c.Month)
	}
	s.months = slices.Insert(slices.Clone(s.months), i, closedMonth{c.Month, e.At, e.Offset})
	return nil
}
