package settlement

import (
	"fmt"
	"time"
)

// ParseMonth reads a month as reports write it: "2019-01".
func ParseMonth(s string) (Month, error) {
	t, err := time.Parse("2006-01", s)
	if err != nil || t.Year() < 1 {
		return Month{}, fmt.Errorf("%q is not a month such as 2019-01", s)
	}
	return Month{Year: t.Year(), Month: t.Month()}, nil
}

// String returns the month as reports write it: "2019-01"; the zero month is "".
func (m Month) String() string {
	if m.IsZero() {
		return ""
	}
	return fmt.Sprintf("%04d-%02d", m.Year, int(m.Month))
}

// IsZero reports whether the month is not named.
func (m Month) IsZero() bool { return m == Month{} }

// Compare orders months: negative when m is earlier than o.
func (m Month) Compare(o Month) int { return m.number() - o.number() }

// Add returns the month n months later.
func (m Month) Add(n int) Month {
	k := m.number() + n
	return Month{Year: k / 12, Month: time.Month(k%12 + 1)}
}

// number counts months since the year 0.
func (m Month) number() int { return m.Year*12 + int(m.Month) - 1 }
