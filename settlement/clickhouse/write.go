package clickhouse

import (
	"context"
	"fmt"
	"sync"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/pricing"
)

// batchRows are the blocks of one batch of CDRs; they keep their memory.
type batchRows struct {
	records *recordRows
	copies  *copyRows
	cdrs    *cdrRows
	results *resultRows
}

var batchRowsPool = sync.Pool{New: func() any {
	return &batchRows{records: newRecordRows(), copies: newCopyRows(), cdrs: newCDRRows(), results: newResultRows()}
}}

func (b *batchRows) reset() {
	b.records.reset()
	b.copies.reset()
	b.cdrs.reset()
	b.results.reset()
}

// WriteCDRs stores a batch: its records, its copies by identity, its CDRs and
// its results, one part per table, and then the checkpoint. A reader that sees
// a result sees everything it rests on. When it returns an error, nothing or
// any part of the batch has been stored; writing the same records again, in
// batches cut anywhere, completes it and changes nothing else. The batch's
// memory may be reused once it has returned.
func (s *Store) WriteCDRs(ctx context.Context, b *pricing.Batch) error {
	if b.Topic != ingest.TopicCDRs {
		return fmt.Errorf("store batch of CDRs: topic %q", b.Topic)
	}
	rows := batchRowsPool.Get().(*batchRows)
	defer func() {
		rows.reset()
		batchRowsPool.Put(rows)
	}()
	if err := rows.fill(b); err != nil {
		return fmt.Errorf("store batch of CDRs: %w", err)
	}
	token := rangeToken(b.Topic, b.Epoch, b.Partition, b.First, b.Last)
	for _, block := range []*block{rows.records.block, rows.copies.block, rows.cdrs.block, rows.results.block} {
		if err := s.insert(ctx, block, token); err != nil {
			return err
		}
	}
	return s.writeCheckpoint(ctx, b.Topic, b.Epoch, b.Partition, b.Last+1)
}

func (b *batchRows) fill(batch *pricing.Batch) error {
	topic, err := topicNumber(batch.Topic)
	if err != nil {
		return err
	}
	if want := batch.Last - batch.First + 1; int64(len(batch.Rows)) != want {
		return fmt.Errorf("%d rows for offsets %d to %d", len(batch.Rows), batch.First, batch.Last)
	}
	for i := range batch.Rows {
		row := &batch.Rows[i]
		want := ingest.Position{Epoch: batch.Epoch, Partition: batch.Partition, Offset: batch.First + int64(i)}
		if row.Record.Position != want {
			return fmt.Errorf("row %d is record %s, want %s", i, row.Record.Position, want)
		}
		if err := checkPosition(want); err != nil {
			return err
		}
		b.records.append(topic, &row.Record)
		b.copies.append(&row.Record)
		b.cdrs.append(row)
		if err := b.results.append(row); err != nil {
			return err
		}
	}
	return nil
}

// WriteResults stores results of records that are in the store already: a
// reject that has become priceable (same Generation, priced), or a re-pricing
// (a higher Generation). It touches neither records nor checkpoint. Rows are
// of one epoch and partition; their Bodies are not read.
func (s *Store) WriteResults(ctx context.Context, epoch uint8, partition int32, rows []pricing.Row) error {
	results := newResultRows()
	for i := range rows {
		p := rows[i].Record.Position
		if p.Epoch != epoch || p.Partition != partition {
			return fmt.Errorf("store results of partition %d-%d: row %d is record %s", epoch, partition, i, p)
		}
		if err := checkPosition(p); err != nil {
			return fmt.Errorf("store results: %w", err)
		}
		if err := results.append(&rows[i]); err != nil {
			return err
		}
	}
	return s.insert(ctx, results.block, fmt.Sprintf("%d/%d/repriced", epoch, partition))
}

// WriteObjects stores a gapless run of records of the topics of sessions,
// reference data or refused bodies, with the states these records lead to (of
// Sessions, Locations, Tariffs and Tokens; none for refused bodies), and then
// the checkpoint. Replays change nothing: records are keyed by position, and
// of the states of one object the highest position wins.
func (s *Store) WriteObjects(ctx context.Context, topic ingest.Topic, epoch uint8, partition int32, recs []ingest.Record, states []ingest.ObjectState) error {
	if len(recs) == 0 {
		return nil
	}
	number, err := topicNumber(topic)
	if err != nil {
		return fmt.Errorf("store records: %w", err)
	}
	first := recs[0].Offset
	records, objects := newRecordRows(), newObjectRows()
	for i := range recs {
		want := ingest.Position{Epoch: epoch, Partition: partition, Offset: first + int64(i)}
		if recs[i].Position != want {
			return fmt.Errorf("store records of %s: record %d is %s, want %s", topic, i, recs[i].Position, want)
		}
		if err := checkPosition(want); err != nil {
			return fmt.Errorf("store records of %s: %w", topic, err)
		}
		records.append(number, &recs[i])
	}
	for i := range states {
		if p := states[i].Position; p.Epoch != epoch || p.Partition != partition {
			return fmt.Errorf("store state of %s: it is of record %s, not of partition %d-%d", states[i].Key, p, epoch, partition)
		}
		if err := objects.append(number, &states[i]); err != nil {
			return err
		}
	}
	last := recs[len(recs)-1].Offset
	token := rangeToken(topic, epoch, partition, first, last)
	if err := s.insert(ctx, records.block, token); err != nil {
		return err
	}
	if err := s.insert(ctx, objects.block, token); err != nil {
		return err
	}
	return s.writeCheckpoint(ctx, topic, epoch, partition, last+1)
}

func rangeToken(topic ingest.Topic, epoch uint8, partition int32, first, last int64) string {
	return fmt.Sprintf("%s/%d/%d/%d-%d", topic, epoch, partition, first, last)
}

func (s *Store) writeCheckpoint(ctx context.Context, topic ingest.Topic, epoch uint8, partition int32, next int64) error {
	c := newCheckpointRows()
	c.topic.Append(topicNumbers[topic])
	c.epoch.Append(epoch)
	c.partition.Append(partition)
	c.next.Append(next)
	return s.insert(ctx, c.block, fmt.Sprintf("%s/%d/%d/%d", topic, epoch, partition, next))
}

// Checkpoint returns the offset of the first record that is not stored, 0 when
// nothing of the partition is.
func (s *Store) Checkpoint(ctx context.Context, topic ingest.Topic, epoch uint8, partition int32) (next int64, err error) {
	err = s.conn.QueryRow(ctx,
		"SELECT max(next) FROM checkpoints WHERE topic = ? AND epoch = ? AND partition = ?",
		topicName(topic), epoch, partition).Scan(&next)
	return next, fail(fmt.Sprintf("read checkpoint of %s %d-%d", topic, epoch, partition), err)
}
