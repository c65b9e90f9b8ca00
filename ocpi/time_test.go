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
		{"0001-01-01T00:00:00Z", "1678-01-01T00:00:00Z", TimeClamped},
		{"0000-02-29T00:00:00Z", "1678-01-01T00:00:00Z", TimeClamped},
		{"9999-12-31T23:59:59.9999999Z", "2261-12-31T23:59:59Z", TimeClamped},
		{"2025-03-04 11:00:00+00:00", "2025-03-04T11:00:00Z", TimeSpelled},
		{"2025-03-04 11:00:00.123456+02:00", "2025-03-04T09:00:00.123456Z", TimeSpelled},
		{"2025-03-04t11:00:00z", "2025-03-04T11:00:00Z", TimeSpelled},
		{"2025-03-04T11:00Z", "2025-03-04T11:00:00Z", TimeSpelled},
		{"2025-03-04T11:00", "2025-03-04T11:00:00Z", TimeSpelled},
		{"2025-03-04T12:00:00+0100", "2025-03-04T11:00:00Z", TimeSpelled},
		{"2025-03-04T12:00:00+01", "2025-03-04T11:00:00Z", TimeSpelled},
		{"2025-03-04T12:00:00 UTC+1", "2025-03-04T11:00:00Z", TimeSpelled},
		{"2025-03-04T06:30:00\u22124:30", "2025-03-04T11:00:00Z", TimeSpelled},
		{"2025-03-04T11:00:00,5Z", "2025-03-04T11:00:00.5Z", TimeSpelled},
		{"2025-03-04T11:00:00.12345678912345Z", "2025-03-04T11:00:00.123456789Z", TimeSpelled},
		{"2025-03-04T11:00:00.Z", "2025-03-04T11:00:00Z", TimeSpelled},
		{"2025-3-4T9:05:00Z", "2025-03-04T09:05:00Z", TimeSpelled},
		{"2025/03/04 11:00:00", "2025-03-04T11:00:00Z", TimeSpelled},
		{"20250304T110000Z", "2025-03-04T11:00:00Z", TimeSpelled},
		{"2025-03-04T12:00:00+01:00[Europe/Amsterdam]", "2025-03-04T11:00:00Z", TimeSpelled},
		{"2025-03-04 11:00:00 +0000 UTC", "2025-03-04T11:00:00Z", TimeSpelled},
		{"2025-03-04T24:00:00Z", "2025-03-05T00:00:00Z", TimeSpelled},
		{"2016-12-31T23:59:60Z", "2017-01-01T00:00:00Z", TimeSpelled},
		{"Tue, 04 Mar 2025 11:00:00 GMT", "2025-03-04T11:00:00Z", TimeSpelled},
		{"Tue, 04 Mar 2025 12:00:00 +0100", "2025-03-04T11:00:00Z", TimeSpelled},
		{"1741086000", "2025-03-04T11:00:00Z", TimeSpelled},
		{"1741086000000", "2025-03-04T11:00:00Z", TimeSpelled},
		{" 2025-03-04T11:00:00Z ", "2025-03-04T11:00:00Z", TimeSpelled},
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
		"", " ", "2015-06-29", "2015-06-31T20:39:09Z", "1900-02-29T00:00:00Z", "2015-13-01T00:00:00Z", "2015-00-01T00:00:00Z", "2015-01-00T00:00:00Z",
		"2015-06-29T24:00:01Z", "2015-06-29T25:00:00Z", "2015-06-29T20:60:09Z", "2015-06-29T20:39:61Z", "2015-06-29T20:39.5Z", "2015-06-29T20.5Z",
		"2015-06-29T20:39:09+24:00", "2015-06-29T20:39:09+02:60", "2015-06-29T20:39:09ZZ", "2015-06-29T20:39:09 CET", "29-06-2015T20:39:09Z", "06/29/2015 20:39:09",
		"04.03.2025 11:00", "Tue, 04 Mar 2025 11:00:00 CET", "20:39:09", "now", "12345", "-1741086000", "12025-03-04T11:00:00Z",
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
	for in, want := range map[string]string{
		"24:00": "00:00", "9:30": "09:30", "0930": "09:30", "09:30:00": "09:30", "09.30": "09:30", "09:30:00.000": "09:30", " 09:30 ": "09:30",
		"7:05 PM": "19:05", "12:00 am": "00:00", "19:59:59": "20:00", "23:59:59": "00:00",
		"": "", "09:60": "", "-1:00": "", "25:00": "", "24:01": "", "09:30:30": "", "09:30Z": "", "09:30+01:00": "", "9": "", "13:00 PM": "", "noon": "",
	} {
		if got, ok := ParseTimeOfDay(in); ok {
			t.Errorf("%s: got %s", in, got)
		}
		if got, ok := ReadTimeOfDay(in, true); ok != (want != "") || got.String() != want {
			t.Errorf("%s: read as %q, want %q", in, got, want)
		}
	}
	if got, ok := ReadTimeOfDay("19:59:59", false); ok {
		t.Errorf("a window begins at the last second of %s", got)
	}
}

func TestReadDate(t *testing.T) {
	for in, want := range map[string]string{
		"2025-1-2": "2025-01-02", "2025/01/02": "2025-01-02", "20250102": "2025-01-02", "2025-01-02T00:00:00Z": "2025-01-02", "2025-01-02 00:00": "2025-01-02",
		"01/02/2025": "", "2025-02-30": "", "2025-01-02T01:00:00Z": "", "2025-01": "", "": "",
	} {
		if got, ok := ReadDate(in); ok != (want != "") || got.String() != want {
			t.Errorf("%s: read as %q, want %q", in, got, want)
		}
	}
	if got, ok := ParseDate("9999-12-31"); !ok || got.String() != "9999-12-31" {
		t.Errorf("9999-12-31: %s, %t", got, ok)
	}
}
