package ocpi

import (
	"regexp"
	"strconv"
	"strings"
	"time"
)

// How partners spell an instant besides OCPI's way, as far as it has one
// meaning: the year comes first, a time of day follows, and so may a zone.
var (
	spelledDateTime = regexp.MustCompile(`^(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?:[Tt_]|\s)\s*(\d{1,2})(?::(\d{1,2})(?::(\d{1,2}))?)?(?:[.,](\d*))?\s*(.*)$`)
	basicDateTime   = regexp.MustCompile(`^(\d{4})(\d\d)(\d\d)[Tt\s](\d\d)(?:(\d\d)(\d\d)?)?(?:[.,](\d*))?\s*(.*)$`)
	spelledZone     = regexp.MustCompile(`^(?:UTC|GMT|Z)?([+-])(\d{1,2})(?::?(\d\d))?(?::?00)?(?:\s+[A-Z]{1,5})?$`)
	zoneRemark      = regexp.MustCompile(`\s*(?:\[[^\]]*\]|\([^)]*\))$`)
)

// maxSpelled bounds what is looked at, in bytes.
const maxSpelled = 100

// httpLayouts are spellings with the name of a month, which HTTP and mail have.
var httpLayouts = []string{time.RFC1123, time.RFC1123Z, "Mon, 2 Jan 2006 15:04:05 -0700", "Mon, 2 Jan 2006 15:04:05 MST"}

// spelledTime reads an instant that is spelled in another way than OCPI's: a
// space for the T, small letters, one digit for two, no seconds, a comma or any
// number of digits in the fraction, offsets such as +0200, +02 or UTC+2, 24:00,
// a leap second, seconds since 1970. A date alone is no instant, and neither is
// one whose day and month could be taken for each other.
func spelledTime(s string) (Time, TimeNote, error) {
	if s = strings.TrimSpace(s); len(s) > maxSpelled || s == "" {
		return 0, 0, ErrTime
	}
	if s == "1970-1-1T00:00:00Z" {
		return 0, TimeUnknown, nil
	}
	m := spelledDateTime.FindStringSubmatch(s)
	if m == nil {
		m = basicDateTime.FindStringSubmatch(s)
	}
	if m == nil {
		return otherTime(s)
	}
	date, ok := dateOf(number2(m[1]), number2(m[2]), number2(m[3]))
	hour, minute, second := number2(m[4]), number2(m[5]), number2(m[6])
	offset, zoned := offsetOf(m[8])
	switch {
	case !ok || !zoned || hour > 24 || minute > 59 || second > 60:
		return 0, 0, ErrTime
	case hour == 24 && (minute > 0 || second > 0):
		return 0, 0, ErrTime
	case m[7] != "" && m[6] == "": // of a minute or an hour
		return 0, 0, ErrTime
	}
	return instantOf(date, int64(hour*3600+minute*60+second)-offset, nanosOf(m[7]), TimeSpelled)
}

// number2 reads a few digits, none as zero.
func number2(s string) int {
	n, _ := strconv.Atoi(s) // digits alone
	return n
}

// nanosOf returns the nanoseconds of a fraction of a second; further digits are
// cut off.
func nanosOf(fraction string) int64 { return int64(number2((fraction + "000000000")[:9])) }

// offsetOf reads the zone that follows a time: none, UTC or an offset, in
// seconds east of it. A name beside an offset is a remark.
func offsetOf(s string) (offset int64, ok bool) {
	s = zoneRemark.ReplaceAllString(s, "")
	s = strings.ToUpper(strings.ReplaceAll(s, "\u2212", "-")) // ISO 8601's minus
	switch s {
	case "", "Z", "UTC", "GMT", "UT":
		return 0, true
	}
	m := spelledZone.FindStringSubmatch(s)
	if m == nil {
		return 0, false
	}
	hour, minute := number2(m[2]), number2(m[3])
	if hour > 23 || minute > 59 {
		return 0, false
	}
	offset = int64(hour*3600 + minute*60)
	if m[1] == "-" {
		offset = -offset
	}
	return offset, true
}

// otherTime reads an instant as HTTP writes it, or as seconds or milliseconds
// since 1970, which their number of digits tells apart.
func otherTime(s string) (Time, TimeNote, error) {
	for _, layout := range httpLayouts {
		t, err := time.ParseInLocation(layout, s, time.UTC)
		if zone, _ := t.Zone(); err == nil && (zone == "UTC" || zone == "GMT" || zone == "") {
			return instantOf(Date{Year: int16(t.Year()), Month: uint8(t.Month()), Day: uint8(t.Day())},
				t.Unix()-time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC).Unix(), 0, TimeSpelled)
		}
	}
	whole, _, _ := strings.Cut(s, ".")
	n, err := strconv.ParseInt(whole, 10, 64)
	switch {
	case err != nil:
		return 0, 0, ErrTime
	case len(whole) == 10 || len(whole) == 9:
		return Time(n * Second), TimeSpelled, nil
	case len(whole) == 13 || len(whole) == 12:
		return Time(n * (Second / 1000)), TimeSpelled, nil
	}
	return 0, 0, ErrTime
}

// spelledTimeOfDay matches times of day that are not HH:MM and have one meaning.
var spelledTimeOfDay = regexp.MustCompile(`^(\d{1,2})[:.h](\d\d)(?::(\d\d)(?:[.,]0*)?)?\s*([AaPp]\.?[Mm]\.?)?$`)

// ReadTimeOfDay reads a time of day that is not written as OCPI has it, HH:MM:
// with seconds, one digit for the hour, in halves of a day, or 24:00, which is
// midnight. Times of day are whole minutes: the last second of one, which ends a
// window that is meant to be inclusive, is read as the next minute where end is
// set. ok is false where it has no one meaning, such as with a zone.
func ReadTimeOfDay(s string, end bool) (t TimeOfDay, ok bool) {
	s = strings.TrimSpace(s)
	if len(s) == 4 && strings.Trim(s, "0123456789") == "" {
		s = s[:2] + ":" + s[2:]
	}
	m := spelledTimeOfDay.FindStringSubmatch(s)
	if m == nil {
		return 0, false
	}
	hour, minute, second := number2(m[1]), number2(m[2]), number2(m[3])
	if half := strings.ToUpper(m[4]); half != "" {
		if hour < 1 || hour > 12 {
			return 0, false
		}
		if hour %= 12; half[0] == 'P' {
			hour += 12
		}
	}
	switch {
	case minute > 59 || second != 0 && (second != 59 || !end):
		return 0, false
	case second == 59:
		minute++
	}
	if minutes := hour*60 + minute; minutes <= 24*60 {
		return NewTimeOfDay(minutes/60%24, minutes%60), true
	}
	return 0, false
}

var spelledDate = regexp.MustCompile(`^(\d{4})(?:[-/.](\d{1,2})[-/.](\d{1,2})|(\d\d)(\d\d))(?:[Tt\s]0?0:00(?::00(?:[.,]0*)?)?\s*[Zz]?)?$`)

// ReadDate reads a calendar date that is not written as OCPI has it, 2019-05-06:
// with one digit for two, other signs between, or midnight after it. The year
// must come first.
func ReadDate(s string) (Date, bool) {
	m := spelledDate.FindStringSubmatch(strings.TrimSpace(s))
	if m == nil {
		return Date{}, false
	}
	return dateOf(number2(m[1]), number2(m[2]+m[4]), number2(m[3]+m[5]))
}
