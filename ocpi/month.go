package ocpi

import (
	"fmt"
	"time"
)

// Month is a calendar month in UTC: year × 100 + month, so that months compare
// as numbers. The numbers are frozen: the store keeps them. The zero value
// means "not known".
type Month uint32

// MonthOf returns the month of a year.
func MonthOf(year int, month time.Month) Month { return Month(year*100 + int(month)) }

// BookedAt returns the instant a charge is booked by: its end; where that is
// not known (OCPI's sentinel 1970-1-1T00:00:00Z) its start, else its
// last_updated.
func BookedAt(end, start, lastUpdated Time) Time {
	switch {
	case end.IsSet():
		return end
	case start.IsSet():
		return start
	}
	return lastUpdated
}

// Booked returns the month a charge is booked in, UTC: that of [BookedAt]. So
// every charge is in some month and none vanishes from a report.
func Booked(end, start, lastUpdated Time) Month { return BookedAt(end, start, lastUpdated).Month() }

// Month returns the calendar month of the instant in UTC, zero when it is not
// known.
func (t Time) Month() Month {
	if !t.IsSet() {
		return 0
	}
	year, month, _ := t.Go().Date()
	return MonthOf(year, month)
}

// ParseMonth reads a month as String writes it: "2019-01".
func ParseMonth(s string) (Month, error) {
	t, err := time.Parse("2006-01", s)
	if err != nil || t.Year() < 1 {
		return 0, fmt.Errorf("%q is not a month such as 2019-01", s)
	}
	return MonthOf(t.Year(), t.Month()), nil
}

// String returns the month as reports write it: "2019-01"; the zero month is "".
func (m Month) String() string {
	if m.IsZero() {
		return ""
	}
	return fmt.Sprintf("%04d-%02d", uint32(m)/100, uint32(m)%100)
}

// IsZero reports whether the month is not known.
func (m Month) IsZero() bool { return m == 0 }

// Compare orders months: negative when m is earlier than o.
func (m Month) Compare(o Month) int { return m.number() - o.number() }

// Add returns the month n months later.
func (m Month) Add(n int) Month {
	k := m.number() + n
	return MonthOf(k/12, time.Month(k%12+1))
}

// Start returns its first instant in UTC.
func (m Month) Start() time.Time {
	return time.Date(int(m)/100, time.Month(m%100), 1, 0, 0, 0, 0, time.UTC)
}

// number counts months since the year 0.
func (m Month) number() int { return int(m)/100*12 + int(m)%100 - 1 }

// MarshalText writes the month as String does.
func (m Month) MarshalText() ([]byte, error) { return []byte(m.String()), nil }

// UnmarshalText reads what MarshalText writes of a month that is known.
func (m *Month) UnmarshalText(b []byte) (err error) {
	*m, err = ParseMonth(string(b))
	return err
}
