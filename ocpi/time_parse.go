package ocpi

import (
	"errors"
	"time"
)

// TimeNote says how a DateTime was written when it was not plain UTC.
type TimeNote uint8

// Notes of ParseTime. OCPI allows to leave the zone out; an offset, other
// spellings and the sentinel of R-CDR-13 depart from it.
const (
	TimePlain       TimeNote = iota
	TimeWithoutZone          // no zone: taken as UTC, as OCPI says
	TimeOffset               // a numeric offset: converted to UTC
	TimeUnknown              // 1970-01-01T00:00:00Z, padded or not: not known
	TimeClamped              // beyond what a Time holds: the first or the last it does
	TimeSpelled              // spelled in another way that has one meaning
)

// ErrTime is the error of a string that is no instant.
var ErrTime = errors.New("want a date and time such as 2019-05-06T07:30:00Z")

// The first and the last instant that DateTimes are clamped to: tariffs that
// hold until further notice end in 9999, and 0001 is what some platforms write
// for no date.
const (
	minYear, maxYear = 1678, 2261

	firstTime = Time(-9214560000 * int64(time.Second)) // 1678-01-01T00:00:00Z
	lastTime  = Time(9214646399 * int64(time.Second))  // 2261-12-31T23:59:59Z
)

// ParseTime reads an OCPI DateTime: RFC 3339, where the zone may be left out and
// fractions have at most nine digits, in the years 0000 to 9999; and what has
// the same meaning and is spelled in another way, see spelledTime. The sentinel
// "1970-1-1T00:00:00Z", which partners agree on for "not known", is the zero
// Time. Error: ErrTime.
func ParseTime(s string) (Time, TimeNote, error) {
	if len(s) < len("2006-01-02T15:04:05") || s[10] != 'T' || s[13] != ':' || s[16] != ':' {
		return spelledTime(s)
	}
	date, ok := ParseDate(s[:10])
	hour, minute, second := twoDigits(s[11:]), twoDigits(s[14:]), twoDigits(s[17:])
	if !ok || hour > 23 || minute > 59 || second > 59 {
		return spelledTime(s)
	}
	nanos, i, ok := fraction(s, 19)
	if !ok {
		return spelledTime(s)
	}
	offset, note, ok := zone(s[i:])
	if !ok {
		return spelledTime(s)
	}
	return instantOf(date, int64(hour*3600+minute*60+second)-offset, nanos, note)
}

// instantOf returns the instant that is some seconds after a date's midnight.
func instantOf(date Date, seconds, nanos int64, note TimeNote) (Time, TimeNote, error) {
	switch {
	case date.Year < minYear:
		return firstTime, TimeClamped, nil
	case date.Year > maxYear:
		return lastTime, TimeClamped, nil
	}
	t := Time((date.days()*86400+seconds)*Second + nanos)
	if t == 0 {
		note = TimeUnknown
	}
	return t, note, nil
}

// twoDigits returns the number that s starts with, 255 when there is none.
func twoDigits(s string) int {
	a, b := s[0]-'0', s[1]-'0'
	if a > 9 || b > 9 {
		return 255
	}
	return int(a)*10 + int(b)
}

// fraction reads an optional fraction of a second at s[i], in nanoseconds.
// Digits beyond the ninth must be zeros: an instant is never rounded.
func fraction(s string, i int) (nanos int64, end int, ok bool) {
	if i == len(s) || s[i] != '.' {
		return 0, i, true
	}
	i++
	start, unit := i, Second/10
	for ; i < len(s) && s[i]-'0' <= 9; i++ {
		if unit == 0 && s[i] != '0' {
			return 0, i, false
		}
		nanos += int64(s[i]-'0') * unit
		unit /= 10
	}
	return nanos, i, i > start
}

// zone reads what follows the time: nothing, Z or an offset in seconds.
func zone(s string) (offset int64, note TimeNote, ok bool) {
	switch {
	case s == "Z":
		return 0, TimePlain, true
	case s == "":
		return 0, TimeWithoutZone, true
	case len(s) != len("+02:00") || s[3] != ':' || s[0] != '+' && s[0] != '-':
		return 0, 0, false
	}
	hour, minute := twoDigits(s[1:]), twoDigits(s[4:])
	if hour > 23 || minute > 59 {
		return 0, 0, false
	}
	offset = int64(hour*3600 + minute*60)
	if s[0] == '-' {
		offset = -offset
	}
	return offset, TimeOffset, true
}

// ParseDate reads a calendar date such as "2019-05-06" (R-TARIFF-07), of the
// years 0000 to 9999. A day that its month does not have is not a date.
func ParseDate(s string) (Date, bool) {
	if len(s) != len("2006-01-02") || s[4] != '-' || s[7] != '-' {
		return Date{}, false
	}
	century, year, month, day := twoDigits(s), twoDigits(s[2:]), twoDigits(s[5:]), twoDigits(s[8:])
	if century > 99 || year > 99 {
		return Date{}, false
	}
	return dateOf(century*100+year, month, day)
}

// dateOf returns a date; ok is false where there is none of these numbers.
func dateOf(year, month, day int) (d Date, ok bool) {
	d = Date{Year: int16(year), Month: uint8(month), Day: uint8(day)}
	if year > 9999 || month < 1 || month > 12 || day < 1 || day > d.daysInMonth() {
		return Date{}, false
	}
	return d, true
}

func (d Date) daysInMonth() int {
	switch d.Month {
	case 2:
		if d.Year%4 == 0 && (d.Year%100 != 0 || d.Year%400 == 0) {
			return 29
		}
		return 28
	case 4, 6, 9, 11:
		return 30
	}
	return 31
}

// daysBefore holds the days of a year before each month, counted from March,
// so that the leap day is the last day of the counted year.
var daysBefore = [12]int64{306, 337, 0, 31, 61, 92, 122, 153, 184, 214, 245, 275}

// days returns the days since 1970-01-01.
func (d Date) days() int64 {
	year := int64(d.Year)
	if d.Month <= 2 {
		year--
	}
	const marchFirstYear0 = 719468 // days from 0000-03-01 to 1970-01-01
	return year*365 + year/4 - year/100 + year/400 + daysBefore[d.Month-1] + int64(d.Day) - 1 - marchFirstYear0
}

// ParseTimeOfDay reads "HH:MM" from 00:00 to 23:59 (R-TARIFF-07).
func ParseTimeOfDay(s string) (TimeOfDay, bool) {
	if len(s) != len("15:04") || s[2] != ':' {
		return 0, false
	}
	hour, minute := twoDigits(s), twoDigits(s[3:])
	if hour > 23 || minute > 59 {
		return 0, false
	}
	return NewTimeOfDay(hour, minute), true
}

// String returns the time of day as OCPI writes it, "" when absent.
func (t TimeOfDay) String() string {
	if !t.IsSet() {
		return ""
	}
	m := t.Minute()
	return string([]byte{byte('0' + m/600), byte('0' + m/60%10), ':', byte('0' + m%60/10), byte('0' + m%10)})
}

// String returns the date as OCPI writes it, "" when absent.
func (d Date) String() string {
	if !d.IsSet() {
		return ""
	}
	return time.Date(int(d.Year), time.Month(d.Month), int(d.Day), 0, 0, 0, 0, time.UTC).Format(time.DateOnly)
}
