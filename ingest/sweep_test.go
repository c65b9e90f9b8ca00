package ingest_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/roamclear/roamclear/ingest"
)

// Looking takes a tenth of the time, also where it fails, and goes on where there is
// more to do or it failed, without anything having come.
func TestSweepTakesATenthOfTheTime(t *testing.T) {
	for _, tt := range []struct {
		name  string
		moves bool // causes
		more  bool
		fails bool
		most  int // looks within an hour
		least int
	}{
		{"nothing comes", false, false, false, 13, 11}, // every five minutes
		{"something comes all the time", true, false, false, 61, 55},
		{"there is more", false, true, false, 61, 55},
		{"it fails", false, false, true, 61, 55},
		{"it fails, and something comes", true, true, true, 61, 55},
	} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
			defer cancel()
			causes, looks, failed := uint64(0), 0, 0
			ingest.Sweep(ctx, func() uint64 {
				if tt.moves {
					causes++
				}
				return causes
			}, func(context.Context) (bool, error) {
				looks++
				time.Sleep(6 * time.Second) // of the test's own clock
				if tt.fails {
					return tt.more, errors.New("away")
				}
				return tt.more, nil
			}, func(error) { failed++ })
			if looks < tt.least || looks > tt.most {
				t.Errorf("%s: %d looks in an hour, want %d to %d", tt.name, looks, tt.least, tt.most)
			}
			if tt.fails != (failed > 0) {
				t.Errorf("%s: %d failures are told", tt.name, failed)
			}
		})
	}
}
