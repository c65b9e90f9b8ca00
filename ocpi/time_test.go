package ocpi

import (
	"errors"
	"testing"
	"time"
)

func TestParseTime(t *testing.T) {
	tests := []struct {
		in   string
		want string // RFC 3339, "" for the zero Time
		note TimeNote
	}{
		{"2015-06-29T20:39:09Z", "2015-06-29T20:39:09Z", TimePlain},
		{"2015-06-29T20:39:09", "2015-06-29T20:39:09Z", TimeWithoutZone},
		{"2016-12-29T17:45:09.2Z", "2016-12-29T17:45:09.2Z", TimePlain},
		{"2016-12-29T17:45:09.2", "2016-12-29T17:45:09.2Z", TimeWithoutZone},
		{"2018-01-01T01:08:01.123456789Z", "2018-01-01T01:08:01.123456789Z", TimePlain},
		{"2018-01-01T01:08:01.12345678900Z", "2018-01-01T01:08:01.123456789Z", TimePlain},
		{"2020-02-29T23:59:59+02:30", "2020-02-29T21:29:59Z", TimeOffset},
		{"2020-01-01T00:00:00-00:00", "2020-01-01T00:00:00Z", TimeOffset},
		{"1900-02-28T00:00:00Z", "1900-02-28T00:00:00Z", TimePlain},
		{"1969-12-31T23:59:59.5Z", "1969-12-31T23:59:59.5Z", TimePlain},
		{"1970-1-1T00:00:00Z", "", TimeUnknown},
		{"1970-01-01T00:00:00Z", "", TimeUnknown},
		{"1970-01-01T01:00:00+01:00", "", TimeUnknown},
	}
	for _, tt := range tests {
		got, note, err := ParseTime(tt.in)
		want := Time(0)
		if tt.want != "" {
			instant, err := time.Parse(time.RFC3339Nano, tt.want)
			if err != nil {
				t.Fatal(err)
			}
			want = TimeOf(instant)
		}
		if err != nil || got != want || note != tt.note {
			t.Errorf("%s: got %s, note %d, %v", tt.in, got, note, err)
		}
	}
	for _, in := range []string{
		"", "2015-06-29", "2015-06-29T20:39Z", "2015-6-29T20:39:09Z", "2015-06-29 20:39:09Z", "2015-06-29t20:39:09z", "2015-06-29T20:39:09 Z",
		"2015-06-31T20:39:09Z", "1900-02-29T00:00:00Z", "2015-13-01T00:00:00Z", "2015-00-01T00:00:00Z", "2015-01-00T00:00:00Z",
		"2015-06-29T24:00:00Z", "2015-06-29T20:60:09Z", "2015-06-29T20:39:60Z", "2015-06-29T20:39:09.Z", "2015-06-29T20:39:09.1234567891Z",
		"2015-06-29T20:39:09+0200", "2015-06-29T20:39:09+24:00", "2015-06-29T20:39:09+02:60", "2015-06-29T20:39:09ZZ", "1677-01-01T00:00:00Z", "2262-01-01T00:00:00Z",
	} {
		if got, _, err := ParseTime(in); !errors.Is(err, ErrTime) {
			t.Errorf("%s: got %s, %v, want ErrTime", in, got, err)
		}
	}
}

// TestDateDays compares the days since 1970 of every day that a Date can
// be with the standard library.
func TestDateDays(t *testing.T) {
	day := time.Date(1000, 1, 1, 0, 0, 0, 0, time.UTC)
	for ; day.Year() < 3000; day = day.AddDate(0, 0, 1) {
		d, ok := ParseDate(day.Format(time.DateOnly))
		if !ok || d.days() != day.Unix()/86400 {
			t.Fatalf("%s: got %v, %t, day %d", day, d, ok, d.days())
		}
	}
}

func TestTimeOfDay(t *testing.T) {
	for in, minute := range map[string]int{"00:00": 0, "09:30": 570, "23:59": 1439} {
		got, ok := ParseTimeOfDay(in)
		if !ok || got.Minute() != minute || got.String() != in {
			t.Errorf("%s: got %s, %t", in, got, ok)
		}
	}
	for _, in := range []string{"", "24:00", "9:30", "09:60", "0930", "09:30:00", "-1:00", "09.30"} {
		if got, ok := ParseTimeOfDay(in); ok {
			t.Errorf("%s: got %s", in, got)
		}
	}
}
