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
	january, february := ocpi.MonthOf(2019, time.January), ocpi.MonthOf(2019, time.February)
	for i, c := range []struct {
		month       ocpi.Month
		at, refused string
	}{
		{february, "2019-02-28T23:59:59Z", "has not ended"},
		{february, "2019-03-01T00:00:00Z", ""},
		{february, "2019-04-01T00:00:00Z", "closed already"},
		{january, "2019-04-01T00:00:00Z", ""},
		{0, "2019-04-01T00:00:00Z", "required"},
	} {
		err := s.Fold(Event{Command: string(rune('a' + i)), At: at(c.at), Change: PeriodClosed{Month: c.month}})
		if (err == nil) != (c.refused == "") || (err != nil && !strings.Contains(err.Error(), c.refused)) {
			t.Errorf("close %s at %s: %v, want %q", c.month, c.at, err, c.refused)
		}
	}
	if diff := cmp.Diff([]ocpi.Month{january, february}, s.published().ClosedPeriods()); diff != "" {
		t.Error(diff)
	}
	if !s.Closed(january) || s.Closed(february.Add(1)) || before.Closed(january) {
		t.Error("Closed does not say what ClosedPeriods says, or a published state changed")
	}
}
