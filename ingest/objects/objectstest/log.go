// Package objectstest holds a log and a store in memory, and the suite that
// every fold of package objects must pass, for tests.
package objectstest

import (
	"context"
	"slices"
	"sync"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
)

// Log is a log in memory: both ends. It is safe for concurrent use.
type Log struct {
	n int // partitions of a topic

	mu      sync.Mutex // guards what follows
	records map[ingest.Partition][]ingest.Record
	newer   map[ingest.Partition]int64 // see WriteNewer
	grown   chan struct{}
}

// NewLog returns an empty log whose topics have n partitions each.
func NewLog(n int) *Log {
	return &Log{n: n, records: map[ingest.Partition][]ingest.Record{}, newer: map[ingest.Partition]int64{}, grown: make(chan struct{})}
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

// Append implements ingest.Appender.
func (l *Log) Append(_ context.Context, topic ingest.Topic, e *ingest.Envelope, body []byte) (ingest.Position, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	p := l.Place(topic, e.Key)
	pos := p.At(int64(len(l.records[p])))
	l.records[p] = append(l.records[p], ingest.Record{Position: pos, Envelope: *e, Body: slices.Clone(body)})
	l.wake()
	return pos, nil
}

// WriteNewer appends what only a newer version of roamclear can read.
func (l *Log) WriteNewer(p ingest.Partition) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.newer[p] = int64(len(l.records[p]))
	l.records[p] = append(l.records[p], ingest.Record{Position: p.At(l.newer[p])})
	l.wake()
}

func (l *Log) wake() {
	close(l.grown)
	l.grown = make(chan struct{})
}

// Bounds implements ingest.Reader.
func (l *Log) Bounds(_ context.Context, p ingest.Partition) (start, end int64, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return 0, int64(len(l.records[p])), nil
}

// Read implements ingest.Reader.
func (l *Log) Read(_ context.Context, p ingest.Partition, from int64, maxRecords int) ([]ingest.Record, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
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
