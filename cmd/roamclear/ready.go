package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/roamclear/roamclear/api"
	"github.com/roamclear/roamclear/ingest"
)

// checks are what must be well for the process to be ready. With the api role
// it is ready as long as it can accept: partners push on while the store is away
// or pricing is late, until the log is full, and what is late is told. Without
// it, to be late is not to do one's work.
func (s *service) checks() []api.Check {
	b, serves := s.backends, s.config.has(roleAPI)
	checks := []api.Check{
		{Name: "running", Ready: func(context.Context) error {
			if s.stopping.Load() {
				return errors.New("stopping")
			}
			if why := s.alarm.Load(); why != nil {
				return errors.New(*why + ": run roamclear verify, put back what is missing, start again")
			}
			return nil
		}},
		{Name: "control", Ready: func(context.Context) error { return s.control.machine.Ready() }},
		{Name: "tariffs", Ready: func(context.Context) error {
			if err := s.owned.Stopped(); err != nil {
				return err
			}
			if !s.owned.Ready() {
				return errors.New("tariffs, locations and sessions are still being read")
			}
			return nil
		}},
		{Name: "store", Ready: b.store.Ping, Tells: serves},
	}
	checks = append(checks, logChecks(b.log)...)
	checks = append(checks, api.Check{Name: "topics", Tells: true, Ready: func(context.Context) error {
		if notes := b.log.Notes(); len(notes) > 0 {
			return errors.New(strings.Join(notes, "; "))
		}
		return nil
	}})
	if b.engine == nil { // else it is this machine's clock too
		checks = append(checks, clockCheck(b.store.Clock, time.Now))
	}
	if b.broker != nil {
		checks = append(checks, api.Check{Name: "log space", Ready: func(context.Context) error {
			if b.broker.Full() {
				return errors.New("the embedded log has reached its cap or the disk is nearly full: pushes get 503 until the store has caught up (setting kafka.cap_bytes)")
			}
			return nil
		}})
	}
	for role, groups := range map[string][]string{rolePrice: {ingest.GroupPricing}, roleSettle: {ingest.GroupRecords, ingest.GroupRefused}} {
		if !s.config.has(role) {
			continue
		}
		for _, g := range groups {
			checks = append(checks, lateCheck(g, func() time.Duration { return s.lag.Age(g) }, serves))
		}
	}
	return checks
}

// takesAppends says which partitions take none. It is a kafka.Log.
type takesAppends interface {
	Failing(ctx context.Context) map[ingest.Partition]error
	Partitions(topic ingest.Topic) []ingest.Partition
}

// logChecks decide by whether anything of a kind can be taken: where a part of a topic's
// partitions has no leader, every process has the same trouble, and what goes to the
// others is taken.
func logChecks(log takesAppends) []api.Check {
	return []api.Check{{Name: "log", Ready: func(ctx context.Context) error {
		failing := log.Failing(ctx)
		var whole []error
		for _, spec := range ingest.Topics() {
			all := log.Partitions(spec.Topic)
			if n, why := failingOf(all, failing); n == len(all) {
				whole = append(whole, fmt.Errorf("%s takes no records: %w", spec.Topic, why))
			}
		}
		return errors.Join(whole...)
	}}, {Name: "log partitions", Tells: true, Ready: func(ctx context.Context) error {
		failing := log.Failing(ctx)
		var parts []error
		for _, spec := range ingest.Topics() {
			all := log.Partitions(spec.Topic)
			if n, why := failingOf(all, failing); n > 0 && n < len(all) {
				parts = append(parts, fmt.Errorf("%d of %d partitions of %s take no records: %w", n, len(all), spec.Topic, why))
			}
		}
		return errors.Join(parts...)
	}}}
}

// failingOf counts those of some partitions that fail, and says why one of them does.
func failingOf(all []ingest.Partition, failing map[ingest.Partition]error) (n int, why error) {
	for _, p := range all {
		if err := failing[p]; err != nil {
			n, why = n+1, err
		}
	}
	return n, why
}

// clockLimit is how far this machine's clock may be from that of the store's server.
const clockLimit = 10 * time.Minute

// clockCheck tells that a clock is wrong: receiving times are this machine's, and brokers
// refuse records from more than an hour ahead, which is then told by the log's check. Which
// of both clocks it is nobody here knows: were it the server's, no process would be ready.
func clockCheck(store func(context.Context) (time.Time, error), now func() time.Time) api.Check {
	return api.Check{Name: "clock", Tells: true, Ready: func(ctx context.Context) error {
		theirs, err := store(ctx)
		if err != nil {
			return nil //nolint:nilerr // told by the store's own check
		}
		where, ahead := "ahead of", now().Sub(theirs).Round(time.Second)
		if ahead < 0 {
			where = "behind"
		}
		if ahead.Abs() > clockLimit {
			return fmt.Errorf("this machine's clock is %v %s that of ClickHouse: set both by NTP", ahead.Abs(), where)
		}
		return nil
	}}
}

// lateLimit is the age of the oldest record that is not stored yet from which
// on a role does not do its work.
const lateLimit = 15 * time.Minute

// lateCheck fails when a group is far behind the log.
func lateCheck(group string, age func() time.Duration, tells bool) api.Check {
	return api.Check{Name: "progress of " + group, Tells: tells, Ready: func(context.Context) error {
		if old := age(); old > lateLimit {
			return fmt.Errorf("the oldest record that is not stored yet is %s old: see the log lines of this group for what keeps it", old.Round(time.Second))
		}
		return nil
	}}
}
