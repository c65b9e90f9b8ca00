package kafka

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"time"

	segmentio "github.com/segmentio/kafka-go"

	"github.com/roamclear/roamclear/ingest"
)

// pollWait is how long a fetch waits at the end of the log for a record.
const pollWait = 500 * time.Millisecond

// Bounds returns the first offset that a partition has and the one that the
// next record will get.
func (l *Log) Bounds(ctx context.Context, p ingest.Partition) (start, end int64, err error) {
	err = retry(ctx, func() error {
		start, end, err = l.bounds(ctx, p)
		return err
	})
	return start, end, err
}

func (l *Log) bounds(ctx context.Context, p ingest.Partition) (start, end int64, err error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	topic, number := l.opts.name(string(p.Topic)), int(p.Number)
	res, err := l.produce.ListOffsets(ctx, &segmentio.ListOffsetsRequest{
		Topics: map[string][]segmentio.OffsetRequest{topic: {segmentio.FirstOffsetOf(number), segmentio.LastOffsetOf(number)}},
	})
	if err != nil {
		return 0, 0, fmt.Errorf("bounds of %s: %w", p, err)
	}
	for _, o := range res.Topics[topic] {
		if o.Partition == number {
			if o.Error != nil {
				return 0, 0, fmt.Errorf("bounds of %s: %w", p, o.Error)
			}
			return o.FirstOffset, o.LastOffset, nil
		}
	}
	return 0, 0, fmt.Errorf("bounds of %s: no answer for the partition", p)
}

// averageRecord is what few records are taken to have; a broker sends at least
// one batch whatever it is asked for.
const averageRecord = 16 << 10

// Read returns records from an offset on, at most maxRecords and what one
// fetch yields, none at the end of the log. The caller owns them.
func (l *Log) Read(ctx context.Context, p ingest.Partition, from int64, maxRecords int) ([]ingest.Record, error) {
	reader := &partitionReader{partition: p}
	var records []ingest.Record
	err := retry(ctx, func() error {
		res, err := l.fetchOnce(ctx, p, from, min(l.opts.FetchBytes, max(maxRecords, 1)*averageRecord), 0, nil)
		if err == nil {
			records, err = reader.decode(res.recordSet, from, maxRecords)
		}
		if Lasting(err) {
			return permanent{err}
		}
		return err
	})
	return records, err
}

// Tail hands on the records of a partition from an offset on, in order, as
// they come, until ctx ends (then it returns its error) or fn returns one. It
// needs no group and commits nothing. Records belong to fn, but each keeps
// the memory of its whole fetch alive: clone what is kept for long.
//
// Errors of broker and network are waited out. *ingest.GapError, *RecordError and
// *EnvelopeError are returned: the follower must not go on.
func (l *Log) Tail(ctx context.Context, p ingest.Partition, from int64, fn func([]ingest.Record) error) error {
	reader := &partitionReader{partition: p, outage: ingest.Outage{Logger: l.opts.Logger}}
	for {
		records, err := l.await(ctx, reader, from, math.MaxInt, l.opts.FetchBytes, 0)
		if err != nil {
			return err
		}
		if err := fn(records); err != nil {
			return err
		}
		from += int64(len(records))
	}
}

// await fetches until there is at least one record or, when patience is not 0,
// for that long; it waits out errors that pass.
func (l *Log) await(ctx context.Context, p *partitionReader, from int64, maxRecords, maxBytes int, patience time.Duration) ([]ingest.Record, error) {
	wait := 20 * time.Millisecond
	began := time.Now()
	for {
		poll := pollWait
		if patience > 0 {
			if poll = min(poll, patience-time.Since(began)); poll <= 0 {
				return nil, nil
			}
		}
		records, err := l.fetchRecords(ctx, p, from, maxRecords, maxBytes, poll)
		if err == nil {
			p.outage.Over("fetches are answered again", "partition", p.partition)
		}
		if err == nil && len(records) > 0 {
			return records, nil
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if err == nil {
			wait = 20 * time.Millisecond
			continue
		}
		if Lasting(err) {
			return nil, err
		}
		p.outage.Failed(slog.LevelWarn, "fetch failed", "partition", p.partition, "from", from, "error", err)
		if !ingest.Pause(ctx, wait) {
			return nil, ctx.Err()
		}
		wait = min(2*wait, time.Second)
	}
}

// fetchRecords fetches once into the reader's memory and decodes.
func (l *Log) fetchRecords(ctx context.Context, p *partitionReader, from int64, maxRecords, maxBytes int, wait time.Duration) ([]ingest.Record, error) {
	res, err := l.fetchOnce(ctx, p.partition, from, maxBytes, wait, p.memory.take())
	if err != nil {
		return nil, err
	}
	records, err := p.decode(res.recordSet, from, maxRecords)
	if len(records) == 0 {
		p.memory.give(res.slab)
	} else {
		p.memory.keep(res.slab)
	}
	return records, err
}

// Lasting reports whether reading again would fail again: records are missing,
// or are not what this package writes.
func Lasting(err error) bool {
	if _, ok := errors.AsType[*ingest.GapError](err); ok {
		return true
	}
	if _, ok := errors.AsType[*RecordError](err); ok {
		return true
	}
	_, ok := errors.AsType[*EnvelopeError](err)
	return ok
}
