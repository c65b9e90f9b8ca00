package control

import (
	"slices"

	"github.com/roamclear/roamclear/ocpi"
)

// PeriodClosed closes a calendar month, UTC: what reports say of it stays.
// What is found out later is a correction in a month that is open. A closed
// month is never opened again.
type PeriodClosed struct {
	Month ocpi.Month `json:"month"` // "2019-01"
}

func (c PeriodClosed) validate() error {
	if c.Month.IsZero() {
		return invalid("month: required, such as 2019-01")
	}
	return nil
}

func (c PeriodClosed) apply(s *State, e Event) error {
	if s.Closed(c.Month) {
		return conflict("%s is closed already", c.Month)
	}
	if e.At.Month().Compare(c.Month) <= 0 {
		return conflict("%s has not ended yet (months are UTC): close it when it has", c.Month)
	}
	// A new slice: published states keep the one they have.
	closed := append(slices.Clone(s.closed), c.Month)
	slices.Sort(closed)
	s.closed = closed
	return nil
}

// Closed reports whether a month is closed.
func (s *State) Closed(month ocpi.Month) bool {
	_, found := slices.BinarySearch(s.closed, month)
	return found
}

// ClosedPeriods returns the closed months, ascending.
func (s *State) ClosedPeriods() []ocpi.Month { return slices.Clone(s.closed) }
