package control

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/roamclear/roamclear/ocpi"
)

func TestPeriodsAreClosedOnceAndAfterTheirEnd(t *testing.T) {
	s := NewState()
	at := func(text string) ocpi.Time {
		when, err := time.Parse(time.RFC3339, text)
		if err != nil {
			t.Fatal(err)
		}
		return ocpi.TimeOf(when)
	}
	before := s.published()
	for i, c := range []struct{ month, at, refused string }{
		{"2019-02", "2019-02-28T23:59:59Z", "has not ended"},
		{"2019-02", "2019-03-01T00:00:00Z", ""},
		{"2019-02", "2019-04-01T00:00:00Z", "closed already"},
		{"2019-01", "2019-04-01T00:00:00Z", ""},
		{"2019-1", "2019-04-01T00:00:00Z", "not a month"},
		{"2019-13", "2019-04-01T00:00:00Z", "not a month"},
	} {
		err := s.Fold(Event{Command: string(rune('a' + i)), At: at(c.at), Change: PeriodClosed{Month: c.month}})
		if (err == nil) != (c.refused == "") || (err != nil && !strings.Contains(err.Error(), c.refused)) {
			t.Errorf("close %s at %s: %v, want %q", c.month, c.at, err, c.refused)
		}
	}
	if diff := cmp.Diff([]string{"2019-01", "2019-02"}, s.published().ClosedPeriods()); diff != "" {
		t.Error(diff)
	}
	if !s.Closed("2019-01") || s.Closed("2019-03") || before.Closed("2019-01") {
		t.Error("Closed does not say what ClosedPeriods says, or a published state changed")
	}
}
