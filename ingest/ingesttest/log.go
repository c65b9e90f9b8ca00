// Package ingesttest holds a log in memory, for tests.
package ingesttest

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
)

// Log is a log in memory: both ends of every topic. It is safe for concurrent
// use.
type Log struct {
	n int // partitions of a topic

	mu      sync.Mutex // guards what follows
	records map[ingest.Partition][]ingest.Record
	start   map[ingest.Partition]int64 // see Trim
	newer   map[ingest.Partition]int64 // see WriteNewer
	fail    error
	precede []byte
	grown   chan struct{}
}

// NewLog returns an empty log whose topics have n partitions each.
func NewLog(n int) *Log {
	return &Log{
		n: n, records: map[ingest.Partition][]ingest.Record{}, start: map[ingest.Partition]int64{},
		newer: map[ingest.Partition]int64{}, grown: make(chan struct{}),
	}
}

// Prefix returns a log that ends at an offset of a partition, and has no other.
func (l *Log) Prefix(p ingest.Partition, end int) *Log {
	l.mu.Lock()
	defer l.mu.Unlock()
	short := NewLog(l.n)
	short.records[p] = l.records[p][:end:end]
	return short
}

// Trim lets go of the records of a partition before an offset.
func (l *Log) Trim(p ingest.Partition, start int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.start[p] = start
}

// FailNext has the next Append return err and append nothing.
func (l *Log) FailNext(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.fail = err
}

// Precede has the next Append find that another process has just appended body.
func (l *Log) Precede(body []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.precede = body
}

// Damage lets change alter the records of a partition.
func (l *Log) Damage(p ingest.Partition, change func(records []ingest.Record)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	change(l.records[p])
}

// WriteNewer appends what only a newer version of roamclear can read.
func (l *Log) WriteNewer(p ingest.Partition) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.newer[p] = l.put(p, ingest.Record{}).Offset
}

// Append implements ingest.Appender.
func (l *Log) Append(_ context.Context, topic ingest.Topic, e *ingest.Envelope, body []byte) (ingest.Position, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.fail; err != nil {
		l.fail = nil
		return ingest.Position{}, err
	}
	p := l.Place(topic, e.Key)
	if l.precede != nil {
		l.put(p, ingest.Record{Body: l.precede})
		l.precede = nil
	}
	return l.put(p, ingest.Record{Envelope: *e, Body: slices.Clone(body)}), nil
}

// put appends a record to a partition and wakes who waits for one.
func (l *Log) put(p ingest.Partition, r ingest.Record) ingest.Position {
	r.Position = p.At(int64(len(l.records[p])))
	l.records[p] = append(l.records[p], r)
	close(l.grown)
	l.grown = make(chan struct{})
	return r.Position
}

// Partitions implements ingest.Reader.
func (l *Log) Partitions(topic ingest.Topic) []ingest.Partition {
	list := make([]ingest.Partition, l.n)
	for i := range list {
		list[i] = ingest.Partition{Topic: topic, Epoch: 1, Number: int32(i)}
	}
	return list
}

// Place implements ingest.Reader: by the length of the id.
func (l *Log) Place(topic ingest.Topic, key ocpi.Key) ingest.Partition {
	return ingest.Partition{Topic: topic, Epoch: 1, Number: int32(len(key.ID) % l.n)}
}

// Bounds implements ingest.Reader.
func (l *Log) Bounds(_ context.Context, p ingest.Partition) (start, end int64, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.start[p], int64(len(l.records[p])), nil
}

// Read implements ingest.Reader.
func (l *Log) Read(_ context.Context, p ingest.Partition, from int64, maxRecords int) ([]ingest.Record, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if from < l.start[p] || from > int64(len(l.records[p])) {
		return nil, fmt.Errorf("read %s: there is no offset %d", p, from)
	}
	records := l.records[p][from:]
	if newer, ok := l.newer[p]; ok {
		if from >= newer {
			return nil, ingest.ErrNewer
		}
		records = l.records[p][from:newer]
	}
	return slices.Clone(records[:min(len(records), maxRecords)]), nil
}

// Tail implements ingest.Reader.
func (l *Log) Tail(ctx context.Context, p ingest.Partition, from int64, fn func([]ingest.Record) error) error {
	for {
		l.mu.Lock()
		grown := l.grown
		l.mu.Unlock()
		records, err := l.Read(ctx, p, from, 1000)
		if err != nil {
			return err
		}
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
