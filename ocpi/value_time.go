package ocpi

import "strings"

// instant reads a DateTime (R-TYPE-03). The zero Time is absent, not readable
// or, with a finding, the sentinel of R-CDR-13.
func (d *Decoder) instant(name string) Time {
	t, _ := d.dateTime(name)
	return t
}

// moment is instant for the beginning or the end of a charge: none takes place
// beyond what a Time holds, so that such a one says that it is not known.
func (d *Decoder) moment(name string) Time {
	t, note := d.dateTime(name)
	if note == TimeClamped {
		return 0
	}
	return t
}

func (d *Decoder) dateTime(name string) (Time, TimeNote) {
	s, ok := d.timeText(name)
	if !ok {
		return 0, 0
	}
	t, note, err := ParseTime(s)
	if err == nil && note == TimePlain {
		return t, note
	}
	return d.oddTime(name, s, t, note, err)
}

// oddTime lists how an instant was written, or that it cannot be read.
func (d *Decoder) oddTime(name, s string, t Time, note TimeNote, err error) (Time, TimeNote) {
	switch {
	case err != nil && strings.TrimSpace(s) == "":
		d.find("empty_value", Warning, name, "an empty value says nothing: counts as absent")
	case err != nil:
		d.unread(name, err.Error())
	case note == TimeWithoutZone:
		d.find("datetime_without_zone", Info, name, "no zone, taken as UTC")
	case note == TimeOffset:
		d.find("datetime_offset", Warning, name, "an offset instead of UTC, converted")
	case note == TimeSpelled:
		d.find("datetime_spelling", Warning, name, "not spelled as OCPI does: read as "+t.String())
	case note == TimeClamped:
		d.find("datetime_out_of_range", d.clampedSeverity(), name, "beyond what is computed with: read as "+t.String())
	case note == TimeUnknown:
		d.find("datetime_unknown", Serious, name, "1970-01-01T00:00:00Z stands for a time that is not known")
	}
	return t, note
}

// clampedSeverity is Info where far ahead means for ever, as the end of a tariff.
func (d *Decoder) clampedSeverity() Severity {
	if d.weight == settles {
		return Serious
	}
	return Info
}

// timeText is string for a DateTime: a number, which is one since 1970, needs no
// finding of its own.
func (d *Decoder) timeText(name string) (string, bool) {
	c := d.peek()
	if c == '"' {
		s := d.str()
		return s, d.err == nil
	}
	if startsNumber(c) {
		s := d.span()
		return s, d.err == nil
	}
	return d.oddString(name, c)
}

func (d *Decoder) timeOfDay(name string, end bool) TimeOfDay {
	s, ok := d.string(name)
	if !ok {
		return 0
	}
	t, ok := ParseTimeOfDay(s)
	if ok {
		return t
	}
	if t, ok = ReadTimeOfDay(s, end); ok {
		d.find("time_spelling", Warning, name, "want HH:MM from 00:00 to 23:59: read as "+t.String())
		return t
	}
	d.unreadText(name, s, "want HH:MM from 00:00 to 23:59")
	return 0
}

// unreadText is unread for a text, which is as good as absent where it is empty.
func (d *Decoder) unreadText(name, s, reason string) {
	if strings.TrimSpace(s) == "" {
		d.find("empty_value", Warning, name, "an empty value says nothing: counts as absent")
		return
	}
	d.unread(name, reason)
}

func (d *Decoder) date(name string) Date {
	s, ok := d.string(name)
	if !ok {
		return Date{}
	}
	date, ok := ParseDate(s)
	if ok {
		return date
	}
	if date, ok = ReadDate(s); ok {
		d.find("date_spelling", Warning, name, "want a date such as 2019-05-06: read as "+date.String())
		return date
	}
	d.unreadText(name, s, "want a date such as 2019-05-06")
	return Date{}
}

func (d *Decoder) weekdays(name string) (w Weekdays) {
	if !d.isArray(name, '"') {
		return 0
	}
	d.enter(name)
	a := d.openArray()
	for d.more(&a) {
		d.at(a.n - 1)
		if d.isNull() {
			d.nothing()
			continue
		}
		if s, ok := d.string(""); ok {
			w |= d.weekday(s)
		}
	}
	d.leave()
	return w
}

// weekday reads the name of a day, which may be cut to three letters.
func (d *Decoder) weekday(s string) Weekdays {
	if day := weekdayOf(s); day >= 0 {
		return 1 << day
	}
	spelled := strings.TrimSuffix(enumName(s), ".")
	for day, name := range weekdayNames {
		if spelled == name || spelled == name[:3] {
			d.enumCase("", s, name)
			return 1 << day
		}
	}
	d.unreadText("", s, "want a day such as MONDAY")
	return 0
}

var weekdayNames = [...]string{"SUNDAY", "MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY"}

func weekdayOf(s string) int {
	for i, name := range weekdayNames {
		if name == s {
			return i
		}
	}
	return -1
}
