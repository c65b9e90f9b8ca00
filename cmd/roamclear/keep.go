package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ingest/kafka"
	"github.com/roamclear/roamclear/settlement"
)

// wellAfter is how long what is run again has to go on to have been well meanwhile.
const wellAfter = time.Minute

// keep runs a worker again after a failure it can recover from: a lost claim,
// a store that is away. A gap in the log is not one, nor a record or a commit
// that is not ours: the worker stops for good, the process says so and is no
// longer ready; pushes are still accepted.
func (s *service) keep(name string, run func(context.Context) error) func(context.Context) error {
	outage := &ingest.Outage{Logger: s.logger}
	return func(ctx context.Context) error {
		for {
			began := time.Now()
			err := run(ctx)
			if ctx.Err() != nil {
				return nil
			}
			if time.Since(began) > wellAfter {
				outage = &ingest.Outage{Logger: s.logger}
			}
			if kafka.Lasting(err) || errors.Is(err, ingest.ErrLedger) {
				reason := fmt.Sprintf("%s stopped: %v", name, err)
				s.alarm.Store(&reason)
				s.logger.Error("the log is not what it must be: stopped, nothing skipped", "worker", name, "error", err)
				<-ctx.Done()
				return nil
			}
			outage.Failed(slog.LevelWarn, "worker stopped, starting it again", "worker", name, "error", err)
			if !ingest.Pause(ctx, time.Second) {
				return nil
			}
		}
	}
}

// persist runs a follower again while the store it starts from is away.
func (s *service) persist(name string, run func(context.Context) error) func(context.Context) error {
	outage := &ingest.Outage{Logger: s.logger}
	return func(ctx context.Context) error {
		for {
			began := time.Now()
			err := run(ctx)
			if time.Since(began) > wellAfter {
				outage = &ingest.Outage{Logger: s.logger}
			}
			if ctx.Err() != nil || !errors.Is(err, settlement.ErrUnavailable) {
				return err
			}
			outage.Failed(slog.LevelWarn, "follower waits for the store", "follower", name, "error", err)
			if !ingest.Pause(ctx, 500*time.Millisecond) {
				return nil
			}
		}
	}
}
