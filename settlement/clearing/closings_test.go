package clearing_test

import (
	"testing"

	"github.com/roamclear/roamclear/ingest/ingesttest"
	"github.com/roamclear/roamclear/settlement/clearing"
)

// What comes after the close of its period comes late: for its own pair, by the zone of that
// pair, from the record of the close on.
func TestClosedBelow(t *testing.T) {
	ctx, d := t.Context(), newDesk(t, ingesttest.NewLog(1)) // in June 2026
	steps := []struct{ do, of, month string }{
		{"zone", "NL*TNM DE*EMP", "2026-01"}, // record 0
		{"closed elsewhere", "house", "2026-01"},
		{"close", "NL*TNM DE*EMP", "2026-03"},
		{"begin", "- DE*BIG", "2026-05"},
		{"close", "house", "2026-03"},
	}
	for i, s := range steps {
		var err error
		switch s.do {
		case "zone":
			_, _, err = d.agreements.Set(ctx, "", clearing.NewAgreement{Scope: scope(t, s.of), From: month(t, s.month), Values: map[string]string{"zone": "Europe/Berlin"}, By: clearing.ByLocal})
		case "closed elsewhere":
			err = d.closes.Close(ctx, "", month(t, s.month))
		case "begin":
			err = d.closes.Begin(ctx, "", clearing.NewBegin{Scope: scope(t, s.of), Month: month(t, s.month), By: clearing.ByLocal})
		case "close":
			_, err = d.closes.ClosePeriod(ctx, closing(t, uint64(i*2+2), s.of, s.month, d.Next(), ""))
		}
		if err != nil {
			t.Fatalf("%s: %v", s.do, err)
		}
	}
	const never = -1
	for _, c := range []struct {
		what, of, booked string
		from             int64 // the first offset below which it is closed
	}{
		{"the month that was closed elsewhere", "NL*TNM DE*EMP", "2026-01-15T12:00:00Z", 2},
		{"one before it", "NL*TNM DE*EMP", "2025-11-15T12:00:00Z", 2},
		{"of whoever", "GB*DUN FR*XYZ", "2026-01-15T12:00:00Z", 2},
		{"a month that its pair closed", "NL*TNM DE*EMP", "2026-03-15T12:00:00Z", 3},
		{"one that it took along", "NL*TNM DE*EMP", "2026-02-15T12:00:00Z", 3},
		{"of another pair", "NL*TNM FR*XYZ", "2026-03-15T12:00:00Z", 5},
		{"its last hour is of April in Berlin", "NL*TNM DE*EMP", "2026-03-31T22:30:00Z", never},
		{"the hour before is not", "NL*TNM DE*EMP", "2026-03-31T21:30:00Z", 3},
		{"nor is it in UTC", "NL*TNM FR*XYZ", "2026-03-31T22:30:00Z", 5},
		{"settlement begins later", "NL*TNM DE*BIG", "2026-04-15T12:00:00Z", 4},
		{"and has begun", "NL*TNM DE*BIG", "2026-05-15T12:00:00Z", never},
		{"a month that is open", "NL*TNM DE*EMP", "2026-04-15T12:00:00Z", never},
		{"who pays is not known: what holds for all", "NL*TNM -", "2026-03-15T12:00:00Z", 5},
		{"it says nothing of when it was", "NL*TNM DE*EMP", "", never},
	} {
		for below := range int64(len(steps) + 1) {
			pair := scope(t, c.of)
			closed, err := d.agreements.ClosedBelow(ctx, pair.CPO, pair.EMSP, known(c.booked), below)
			if want := c.from != never && below >= c.from; err != nil || closed != want {
				t.Errorf("%s, below %d: closed %t, %v; want %t", c.what, below, closed, err, want)
			}
		}
	}
}
