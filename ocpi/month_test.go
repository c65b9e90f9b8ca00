package ocpi

import (
	"encoding/json"
	"testing"
	"time"
)

func TestMonth(t *testing.T) {
	for _, s := range []string{"2019-01", "1999-12", "0999-07"} {
		m, err := ParseMonth(s)
		if err != nil || m.String() != s {
			t.Errorf("ParseMonth(%q) = %v, %v", s, m, err)
		}
	}
	for _, s := range []string{"", "2019", "2019-13", "2019-1", "2019-01-02", "0000-01"} {
		if m, err := ParseMonth(s); err == nil {
			t.Errorf("ParseMonth(%q) = %v, want an error", s, m)
		}
	}
	dec := MonthOf(2018, time.December)
	if got, want := dec.Add(2), MonthOf(2019, time.February); got != want {
		t.Errorf("%v + 2 = %v, want %v", dec, got, want)
	}
	if got, want := dec.Add(-12), MonthOf(2017, time.December); got != want {
		t.Errorf("%v - 12 = %v, want %v", dec, got, want)
	}
	if dec.Compare(dec.Add(1)) >= 0 || dec.Compare(dec) != 0 {
		t.Error("months do not compare in order")
	}
}

func TestMonthIsTextInJSON(t *testing.T) {
	type holder struct{ Month Month }
	b, err := json.Marshal(holder{MonthOf(2019, time.January)})
	if err != nil || string(b) != `{"Month":"2019-01"}` {
		t.Fatalf("%s, %v", b, err)
	}
	var back holder
	if err := json.Unmarshal(b, &back); err != nil || back.Month != MonthOf(2019, time.January) {
		t.Errorf("%v, %v", back.Month, err)
	}
	if err := json.Unmarshal([]byte(`{"Month":"January"}`), &back); err == nil {
		t.Error("January is taken for a month")
	}
}

func TestBooked(t *testing.T) {
	at := func(text string) Time {
		if text == "" {
			return 0
		}
		when, err := time.Parse(time.RFC3339, text)
		if err != nil {
			t.Fatal(err)
		}
		return TimeOf(when)
	}
	for _, tc := range []struct{ name, end, start, updated, want string }{
		{"its end", "2019-02-01T00:10:00Z", "2019-01-31T23:00:00Z", "2019-03-01T00:00:00Z", "2019-02"},
		{"in UTC", "2019-02-01T00:10:00+01:00", "2019-01-31T23:00:00+01:00", "2019-02-01T00:10:00+01:00", "2019-01"},
		{"its start where the end is not known", "", "2019-01-31T23:00:00Z", "2019-03-01T00:00:00Z", "2019-01"},
		{"its last_updated where neither is", "", "", "2019-03-01T00:00:00Z", "2019-03"},
		{"nothing is known", "", "", "", ""},
	} {
		if got := Booked(at(tc.end), at(tc.start), at(tc.updated)).String(); got != tc.want {
			t.Errorf("%s: booked in %q, want %q", tc.name, got, tc.want)
		}
	}
}
