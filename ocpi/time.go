package ocpi

import "time"

// Time is an instant: nanoseconds since 1970-01-01T00:00:00Z. The zero value
// means "not known"; the OCPI sentinel "1970-1-1T00:00:00Z" decodes to it.
type Time int64

// Nanosecond units of a Time difference.
const (
	Second = int64(time.Second)
	Hour   = int64(time.Hour)
)

// TimeOf converts a time.Time.
func TimeOf(t time.Time) Time { return Time(t.UnixNano()) }

// Go returns the instant as a time.Time in UTC.
func (t Time) Go() time.Time { return time.Unix(0, int64(t)).UTC() }

// IsSet reports whether the instant is known.
func (t Time) IsSet() bool { return t != 0 }

// String returns the instant as OCPI writes it, at most 3 fractional digits.
func (t Time) String() string { return t.Go().Format("2006-01-02T15:04:05.999Z07:00") }

// TimeOfDay is a local wall-clock minute, as in a tariff restriction. The zero
// value is absent; otherwise it is the minute since midnight plus one.
type TimeOfDay uint16

// NewTimeOfDay returns the time of day of an hour and a minute.
func NewTimeOfDay(hour, minute int) TimeOfDay { return TimeOfDay(hour*60 + minute + 1) }

// IsSet reports whether the time of day is present.
func (t TimeOfDay) IsSet() bool { return t != 0 }

// Minute returns the minute since midnight, 0 to 1439.
func (t TimeOfDay) Minute() int { return int(t) - 1 }

// Date is a local calendar date; the zero value is absent.
type Date struct {
	Year  int16
	Month uint8
	Day   uint8
}

// IsSet reports whether the date is present.
func (d Date) IsSet() bool { return d.Month != 0 }

// Weekdays is a set of local weekdays, bit 0 = Sunday as in time.Weekday. The
// empty set means "no restriction".
type Weekdays uint8

// Has reports whether day is in the set.
func (w Weekdays) Has(day time.Weekday) bool { return w&(1<<day) != 0 }
