package control

import (
	"slices"
	"time"
)

// PeriodClosed closes a calendar month, UTC: what reports say of it stays.
// What is found out later is a correction in a month that is open. A closed
// month is never opened again.
type PeriodClosed struct {
	Month string `json:"month"` // "2019-01"
}

const monthLayout = "2006-01"

func (c PeriodClosed) validate() error {
	if t, err := time.Parse(monthLayout, c.Month); err != nil || t.Format(monthLayout) != c.Month {
		return invalid("%q is not a month such as 2019-01", c.Month)
	}
	return nil
}

func (c PeriodClosed) apply(s *State, e Event) error {
	if s.Closed(c.Month) {
		return conflict("%s is closed already", c.Month)
	}
	month, err := time.Parse(monthLayout, c.Month)
	if err != nil {
		return invalid("%q is not a month such as 2019-01", c.Month)
	}
	if e.At.Go().Before(month.AddDate(0, 1, 0)) {
		return conflict("%s has not ended yet (months are UTC): close it when it has", c.Month)
	}
	// A new slice: published states keep the one they have.
	closed := append(slices.Clone(s.closed), c.Month)
	slices.Sort(closed)
	s.closed = closed
	return nil
}

// Closed reports whether a month, such as "2019-01", is closed.
func (s *State) Closed(month string) bool {
	_, found := slices.BinarySearch(s.closed, month)
	return found
}

// ClosedPeriods returns the closed months, ascending.
func (s *State) ClosedPeriods() []string { return slices.Clone(s.closed) }
