package report

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
)

// A Session that is left open is completed by its CDR, else stale after two days; one
// that its owner has ended is what the owner says.
func TestWhatASessionIsLeftAs(t *testing.T) {
	now := time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)
	away := errors.New("away")
	for _, c := range []struct {
		status string
		ago    time.Duration
		billed bool
		err    error
		want   string
	}{
		{"ACTIVE", time.Hour, false, nil, ""},
		{"ACTIVE", 48*time.Hour - time.Second, false, nil, ""},
		{"ACTIVE", 48 * time.Hour, false, nil, "stale"},
		{"PENDING", 72 * time.Hour, false, nil, "stale"},
		{"RESERVED", 72 * time.Hour, false, nil, "stale"},
		{"active", 72 * time.Hour, true, nil, "completed_by_cdr"},
		{"RESERVATION", time.Minute, true, nil, "completed_by_cdr"},
		{"COMPLETED", 72 * time.Hour, true, nil, ""},
		{"INVALID", 72 * time.Hour, false, nil, ""},
		{"completed", 72 * time.Hour, false, away, ""},
		{"ACTIVE", 72 * time.Hour, false, away, "error"},
	} {
		s := &server{now: func() time.Time { return now }, billed: func(_ context.Context, cpo ocpi.Party, session string) (bool, error) {
			if cpo != ocpi.NewParty("GB", "DUN") || session != "S-1" {
				t.Errorf("asked for %s of %s", session, cpo)
			}
			return c.billed, c.err
		}}
		state := &ingest.ObjectState{Key: ocpi.NewKey("GB", "DUN", "s-1"), LastUpdated: ocpi.TimeOf(now.Add(-c.ago))}
		got, err := s.left(t.Context(), c.status, state)
		is := ""
		if got != nil {
			is = *got
		}
		if err != nil {
			is = "error"
		}
		if is != c.want {
			t.Errorf("%s, %s ago, billed %v: %q, want %q", c.status, c.ago, c.billed, is, c.want)
		}
	}
}
