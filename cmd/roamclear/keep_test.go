package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ingest/kafka"
	"github.com/roamclear/roamclear/settlement"
)

// What waiting does not cure stops a worker for good and is said; anything
// else is tried again.
func TestAWorkerStopsWhereItMustNotSkip(t *testing.T) {
	cases := []struct {
		name string
		err  error
		stop bool
	}{
		{"a gap", &ingest.GapError{Want: 5, Start: 9}, true},
		{"a record that is not ours", &kafka.RecordError{Reason: "checksum is wrong"}, true},
		{"a record of a newer version", &kafka.EnvelopeError{Reason: "version 9"}, true},
		{"a commit that is not ours", ingest.ErrLedger, true},
		{"a lost claim", kafka.ErrOwnershipLost, false},
		{"a store that is away", settlement.ErrUnavailable, false},
	}
	for _, c := range cases {
		synctest.Test(t, func(t *testing.T) {
			s := &service{logger: slog.New(slog.DiscardHandler)}
			ctx, cancel := context.WithCancel(t.Context())
			runs := 0
			done := make(chan error)
			work := s.keep("pricing", func(context.Context) error {
				if runs++; runs == 3 {
					cancel()
				}
				return fmt.Errorf("read: %w", c.err)
			})
			go func() { done <- work(ctx) }()
			if c.stop {
				synctest.Wait()
				if why := s.alarm.Load(); runs != 1 || why == nil || !strings.Contains(*why, c.err.Error()) {
					t.Errorf("%s: ran %d times, alarm %v; want one run and an alarm that says why", c.name, runs, why)
				}
				cancel()
			}
			if err := <-done; err != nil {
				t.Errorf("%s: %v", c.name, err)
			}
			if !c.stop && (runs != 3 || s.alarm.Load() != nil) {
				t.Errorf("%s: ran %d times, alarm %v; want it tried again", c.name, runs, s.alarm.Load())
			}
		})
	}
}

func TestAStartWaitsForTheStore(t *testing.T) {
	damaged := errors.New("a newer schema")
	for _, c := range []struct {
		name    string
		answers []error
		want    error
	}{
		{"up after a while", []error{settlement.ErrUnavailable, settlement.ErrUnavailable, nil}, nil},
		{"waiting is no use", []error{settlement.ErrUnavailable, damaged}, damaged},
		{"never up", nil, settlement.ErrUnavailable},
	} {
		synctest.Test(t, func(t *testing.T) {
			err := awaitStore(t.Context(), slog.New(slog.DiscardHandler), func() error {
				if len(c.answers) == 0 {
					return settlement.ErrUnavailable
				}
				answer := c.answers[0]
				c.answers = c.answers[1:]
				return answer
			})
			if !errors.Is(err, c.want) || len(c.answers) > 0 {
				t.Errorf("%s: %v with %d answers left, want %v", c.name, err, len(c.answers), c.want)
			}
		})
	}
}

// A log older than its store would give offsets to new CDRs that the store
// has already: they would never be priced, or take another's place.
func TestALogOlderThanItsStoreIsRefused(t *testing.T) {
	data, s := pushed(t)
	s.stop()
	damage(t, data, "INSERT INTO checkpoints (topic, epoch, partition, next) VALUES ('cdrs', 1, 1, 1000)")
	inside, err := startService(t.Context(), testConfig(data), os.Stderr)
	if err != nil {
		t.Fatal(err)
	}
	if err := inside.run(t.Context(), nil); err == nil || !strings.Contains(err.Error(), "roamclear.cdrs/1 up to offset 1000, the log ends at") {
		t.Errorf("service on a log that lost its end: %v", err)
	}
	if out, err := verifyAll(t, data); err == nil || !strings.Contains(out, "the log lost its end") {
		t.Errorf("verify says %v:\n%s", err, out)
	}
}
