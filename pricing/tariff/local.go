package tariff

import (
	"strconv"
	"time"

	"github.com/roamclear/roamclear/ocpi"
)

// LocalMinute is a wall-clock minute at the Location: minutes since
// 1970-01-01T00:00 local time, plus one. The zero value is "not known".
type LocalMinute int64

func localMinuteOf(w wall) LocalMinute {
	return LocalMinute(int64(w.day)*(secondsPerDay/60)+int64(w.second/60)) + 1
}

// Go returns the wall-clock time as if it were UTC.
func (m LocalMinute) Go() time.Time { return time.Unix(int64(m-1)*60, 0).UTC() }

// append writes "2006-01-02T15:04".
func (m LocalMinute) append(b []byte) []byte {
	at := m.Go()
	year, month, day := at.Date()
	b = append(appendDate(b, year, int(month), day), 'T')
	return appendClock(b, at.Hour()*60+at.Minute())
}

// parseLocalMinute reads what append wrote; "" is not known.
func parseLocalMinute(s string) (LocalMinute, error) {
	if s == "" {
		return 0, nil
	}
	at, err := time.Parse("2006-01-02T15:04", s)
	if err != nil {
		return 0, err
	}
	return LocalMinute(at.Unix()/60 + 1), nil
}

func appendDate(b []byte, year, month, day int) []byte {
	if 0 <= year && year <= 9999 {
		b = append2(append2(b, year/100), year%100)
	} else {
		b = strconv.AppendInt(b, int64(year), 10)
	}
	return append2(append(append2(append(b, '-'), month), '-'), day)
}

func appendClock(b []byte, minute int) []byte {
	return append2(append(append2(b, minute/60), ':'), minute%60)
}

// appendTime writes an instant as ocpi.Time.String does; most have no fraction.
func appendTime(b []byte, t ocpi.Time) []byte {
	if int64(t)%ocpi.Second != 0 {
		return append(b, t.String()...)
	}
	at := t.Go()
	year, month, day := at.Date()
	hour, minute, second := at.Clock()
	b = appendClock(append(appendDate(b, year, int(month), day), 'T'), hour*60+minute)
	return append(append2(append(b, ':'), second), 'Z')
}

// append2 writes two digits.
func append2(b []byte, n int) []byte { return append(b, byte('0'+n/10), byte('0'+n%10)) }

func appendOCPIDate(b []byte, d ocpi.Date) []byte {
	return appendDate(b, int(d.Year), int(d.Month), int(d.Day))
}
