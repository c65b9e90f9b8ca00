// Package controltest holds a control log in memory, for tests.
package controltest

import (
	"context"
	"slices"
	"sync"
	"testing"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
)

// Log is a control log in memory. Set its exported fields before use.
type Log struct {
	Start int64 // what Bounds says the log begins with

	mu      sync.Mutex // guards what follows
	fail    error
	precede []byte
	records []ingest.Record
	grown   chan struct{}
}

// NewLog returns an empty log.
func NewLog() *Log { return &Log{grown: make(chan struct{})} }

// FailNext has the next Append return err and append nothing.
func (l *Log) FailNext(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.fail = err
}

// Precede has the next Append find that another process has just appended
// body.
func (l *Log) Precede(body []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.precede = body
}

// Damage lets change alter the records that have been appended.
func (l *Log) Damage(change func(records []ingest.Record)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	change(l.records)
}

// Append adds a record.
func (l *Log) Append(_ context.Context, _ ingest.Topic, e *ingest.Envelope, body []byte) (ingest.Position, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.fail; err != nil {
		l.fail = nil
		return ingest.Position{}, err
	}
	if l.precede != nil {
		l.records = append(l.records, ingest.Record{Position: ingest.Position{Epoch: 1, Offset: int64(len(l.records))}, Body: l.precede})
		l.precede = nil
	}
	pos := ingest.Position{Epoch: 1, Offset: int64(len(l.records))}
	l.records = append(l.records, ingest.Record{Position: pos, Envelope: *e, Body: slices.Clone(body)})
	close(l.grown)
	l.grown = make(chan struct{})
	return pos, nil
}

// Partitions lists the one partition, of whatever topic is asked for.
func (l *Log) Partitions(topic ingest.Topic) []ingest.Partition {
	return []ingest.Partition{{Topic: topic, Epoch: 1}}
}

// Place returns the one partition.
func (l *Log) Place(topic ingest.Topic, _ ocpi.Key) ingest.Partition { return l.Partitions(topic)[0] }

// Read returns the records from an offset on, at most maxRecords.
func (l *Log) Read(_ context.Context, _ ingest.Partition, from int64, maxRecords int) ([]ingest.Record, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	records := slices.Clone(l.records[from:])
	return records[:min(len(records), maxRecords)], nil
}

// Bounds returns Start and the offset of the next record.
func (l *Log) Bounds(context.Context, ingest.Partition) (start, end int64, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.Start, int64(len(l.records)), nil
}

// Tail hands on all records from an offset on, until ctx ends.
func (l *Log) Tail(ctx context.Context, _ ingest.Partition, from int64, fn func([]ingest.Record) error) error {
	for {
		l.mu.Lock()
		records, grown := l.records[from:], l.grown
		l.mu.Unlock()
		if len(records) > 0 {
			if err := fn(records); err != nil {
				return err
			}
			from += int64(len(records))
			continue
		}
		select {
		case <-grown:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Run runs a machine until the test ends.
func Run(t testing.TB, machine interface{ Run(context.Context) error }) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- machine.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("run the control log: %v", err)
		}
	})
}
