package clickhouse

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/pricing"
)

// blocks are one writer's blocks of every table; they keep their memory.
type blocks struct {
	records     *recordRows
	duplicates  *duplicateRows
	cdrs        *cdrRows
	results     *resultRows
	senders     *senderRows
	credits     *creditRows
	sessions    *sessionRows
	objects     *objectRows
	lists       *listRows
	late        *lateRows
	checkpoints *checkpointRows
}

var blocksPool = sync.Pool{New: func() any {
	return &blocks{
		records: newRecordRows(), duplicates: newDuplicateRows(), cdrs: newCDRRows(), results: newResultRows(),
		senders: newSenderRows(), credits: newCreditRows(), sessions: newSessionRows(), objects: newObjectRows(), lists: newListRows(), late: newLateRows(), checkpoints: newCheckpointRows(),
	}
}}

// WriteCDRs stores a batch: its records, the copies of CDRs that came more than
// once, and of the first copies which record stands for the CDR, whose lists have
// it and what it came to, one part per table; and then the checkpoint. A reader
// that sees a result sees everything it rests on. When it returns an error,
// nothing or any part of the batch has been stored; writing the same records
// again, in batches cut anywhere, completes it and changes nothing else. Where
// they have been priced again meanwhile, Again keeps the results that stand. The
// batch's memory may be reused once it has returned.
func (s *Store) WriteCDRs(ctx context.Context, b *pricing.Batch) error {
	if err := checkBatch(b); err != nil {
		return fmt.Errorf("store batch of CDRs: %w", err)
	}
	w := s.writers.at(b.Partition)
	w.Lock()
	defer w.Unlock()
	known, err := s.knownOf(ctx, b.Partition, w)
	if err != nil {
		return err
	}
	told, err := s.sort(ctx, b.Partition, known, b.Rows)
	if err != nil {
		return err
	}
	for _, h := range told.hashes { // whatever becomes of the batch: a part of it may be stored
		known.add(h)
	}
	into := blocksPool.Get().(*blocks)
	defer blocksPool.Put(into)
	what := rangeName(b.Partition, b.Rows[0].Record.Offset, b.Rows[len(b.Rows)-1].Record.Offset)
	err = s.insert(ctx, into.records.block, what, len(b.Rows), func(i int) error { into.records.append(b.Partition.Topic, &b.Rows[i].Record); return nil })
	if err != nil {
		return err
	}
	err = s.insert(ctx, into.duplicates.block, what, len(told.duplicates), func(i int) error { into.duplicates.append(&told.duplicates[i]); return nil })
	if err != nil {
		return err
	}
	first := told.first
	if b.Again {
		if first, err = s.withoutResult(ctx, b, first); err != nil {
			return err
		}
	}
	if err := s.writePlaces(ctx, into, what, first); err != nil {
		return err
	}
	if err := s.writeLate(ctx, into, what, first); err != nil {
		return err
	}
	err = s.insert(ctx, into.results.block, what, len(first), func(i int) error { return into.results.append(&first[i]) })
	if err != nil {
		return err
	}
	return s.writeCheckpoint(ctx, into.checkpoints, b.Partition, b.Next)
}

// writePlaces stores which records stand for CDRs, whose lists have them and
// what relations look them up by.
// Results come after: what a CDR has left is found by its row in cdrs, whatever
// was written after that.
func (s *Store) writePlaces(ctx context.Context, into *blocks, what string, rows []placedRow) error {
	err := s.insert(ctx, into.cdrs.block, what, len(rows), func(i int) error { return into.cdrs.append(&rows[i]) })
	if err != nil {
		return err
	}
	err = s.insert(ctx, into.senders.block, what, len(rows), func(i int) error { rows[i].listings(into.senders.append); return nil })
	if err != nil {
		return err
	}
	return s.writeBeside(ctx, into, what, rows)
}

// Priced returns the offset from which on no result is stored. It may be beyond
// the checkpoint, which comes after results, and knows no gaps.
func (s *Store) Priced(ctx context.Context, p ingest.Partition) (next int64, err error) {
	err = s.conn.QueryRow(ctx, "SELECT toInt64(if(count() = 0, 0, max(offset) + 1)) FROM results WHERE partition = ? AND epoch = ?", p.Number, p.Epoch).Scan(&next)
	return next, fail(fmt.Sprintf("read how far %s is priced", p), err)
}

// withoutResult returns those first copies of a batch that have no result yet.
// The others keep theirs: tariffs, partners and this program may have changed
// since, and what has been reported changes by a
// re-pricing alone. Where there is a result there is all that it is found by, and
// both name the same debtor.
func (s *Store) withoutResult(ctx context.Context, b *pricing.Batch, first []placedRow) ([]placedRow, error) {
	standing := map[int64]bool{}
	err := s.each(ctx, fmt.Sprintf("read which of %s are priced", b.Partition), `SELECT DISTINCT offset FROM results
		WHERE partition = ? AND epoch = ? AND offset >= ? AND offset <= ?`,
		[]any{b.Partition.Number, b.Partition.Epoch, b.Rows[0].Record.Offset, b.Rows[len(b.Rows)-1].Record.Offset},
		func(rows driver.Rows) error {
			var offset int64
			err := rows.Scan(&offset)
			standing[offset] = true
			return err
		})
	if err != nil || len(standing) == 0 {
		return first, err
	}
	var fresh []placedRow
	for i := range first {
		if !standing[first[i].Record.Offset] {
			fresh = append(fresh, first[i])
		}
	}
	return fresh, nil
}

// checkBatch returns an error for a batch that is not records of one partition
// in the order of their offsets, each with its result.
func checkBatch(b *pricing.Batch) error {
	if b.Partition.Topic != ingest.TopicCDRs {
		return fmt.Errorf("topic %q", b.Partition.Topic)
	}
	if len(b.Rows) == 0 {
		return errors.New("no rows")
	}
	before := int64(-1)
	for i := range b.Rows {
		at := b.Rows[i].Record.Position
		if at != b.Partition.At(at.Offset) || at.Offset <= before {
			return fmt.Errorf("row %d is record %s, want one of %s after offset %d", i, at, b.Partition, before)
		}
		before = at.Offset
		if err := checkResult(&b.Rows[i]); err != nil {
			return err
		}
	}
	return nil
}

// WriteResults stores results of records that are in the store already: a
// reject that has become priceable (same Generation, priced), or a re-pricing
// (a higher Generation). Where the debtor or the month is another one now, what
// was found by the former is taken back. It touches neither records nor
// checkpoint. Rows are of one epoch and partition; their Bodies are not read.
func (s *Store) WriteResults(ctx context.Context, p ingest.Partition, rows []pricing.Row) error {
	fresh := make([]placedRow, len(rows))
	for i := range rows {
		if at := rows[i].Record.Position; at != p.At(at.Offset) {
			return fmt.Errorf("store results of %s: row %d is record %s", p, i, at)
		}
		if err := checkResult(&rows[i]); err != nil {
			return err
		}
		fresh[i] = placed(&rows[i])
	}
	return s.rebook(ctx, p, fresh, false)
}

// WriteObjects stores records, in the order of their offsets, of the topics of sessions,
// reference data or refused bodies, with the states these records lead to (of
// Sessions, Locations, Tariffs and Tokens; none for refused bodies), whose lists
// have them, and then the checkpoint. Replays change nothing: records are keyed by
// position, and of the states of one object the highest position wins. Lists come
// after objects, since a page fails where what is listed is not there; what an
// interruption leaves out is written by the replay, which knows of no results that
// have to stand.
func (s *Store) WriteObjects(ctx context.Context, p ingest.Partition, recs []ingest.Record, states []ingest.ObjectState) error {
	if len(recs) == 0 {
		return nil
	}
	if err := checkTopic(p.Topic); err != nil {
		return fmt.Errorf("store records: %w", err)
	}
	first, before := recs[0].Offset, int64(-1)
	for i := range recs {
		at := recs[i].Position
		if at != p.At(at.Offset) || at.Offset <= before {
			return fmt.Errorf("store records of %s: record %d is %s, want one after offset %d", p, i, at, before)
		}
		if err := checkPosition(at); err != nil {
			return fmt.Errorf("store records of %s: %w", p, err)
		}
		before = at.Offset
	}
	for i := range states {
		if at := states[i].Position; at != p.At(at.Offset) {
			return fmt.Errorf("store state of %s: it is of record %s, not of %s", states[i].Key, at, p)
		}
	}
	last := recs[len(recs)-1].Offset
	what := rangeName(p, first, last)
	into := blocksPool.Get().(*blocks)
	defer blocksPool.Put(into)
	err := s.insert(ctx, into.records.block, what, len(recs), func(i int) error { into.records.append(p.Topic, &recs[i]); return nil })
	if err != nil {
		return err
	}
	err = s.insert(ctx, into.objects.block, what, len(states), func(i int) error { return into.objects.append(p.Topic, &states[i]) })
	if err != nil {
		return err
	}
	err = s.insert(ctx, into.lists.block, what, len(states), func(i int) error { into.lists.append(&states[i]); return nil })
	if err != nil {
		return err
	}
	return s.writeCheckpoint(ctx, into.checkpoints, p, last+1)
}

func rangeName(p ingest.Partition, first, last int64) string {
	return fmt.Sprintf("%s/%d/%d-%d", p, p.Epoch, first, last)
}

func (s *Store) writeCheckpoint(ctx context.Context, c *checkpointRows, p ingest.Partition, next int64) error {
	return s.insert(ctx, c.block, fmt.Sprintf("%s/%d/%d", p, p.Epoch, next), 1, func(int) error {
		c.topic.Append(p.Topic.Short())
		c.epoch.Append(p.Epoch)
		c.partition.Append(p.Number)
		c.next.Append(next)
		return nil
	})
}

// NoteGap notes that the log let go of the records from..next of a partition
// before they were stored.
func (s *Store) NoteGap(ctx context.Context, p ingest.Partition, from, next int64) error {
	return fail(fmt.Sprintf("note a gap in %s", p), s.conn.Exec(ctx,
		"INSERT INTO gaps (topic, epoch, partition, first, next) VALUES (?, ?, ?, ?, ?)", p.Topic.Short(), p.Epoch, p.Number, from, next))
}

// Gaps returns the gaps of a partition, ascending, each as its first offset and
// the one behind it.
func (s *Store) Gaps(ctx context.Context, p ingest.Partition) ([][2]int64, error) {
	var out [][2]int64
	err := s.each(ctx, fmt.Sprintf("read the gaps of %s", p),
		"SELECT first, next FROM gaps FINAL WHERE topic = ? AND epoch = ? AND partition = ? ORDER BY first, next", []any{p.Topic.Short(), p.Epoch, p.Number},
		func(rows driver.Rows) error {
			var gap [2]int64
			err := rows.Scan(&gap[0], &gap[1])
			out = append(out, gap)
			return err
		})
	return out, err
}

// Checkpoint returns the offset of the first record that is not stored, 0 when
// nothing of the partition is.
func (s *Store) Checkpoint(ctx context.Context, p ingest.Partition) (next int64, err error) {
	err = s.conn.QueryRow(ctx,
		"SELECT max(next) FROM checkpoints WHERE topic = ? AND epoch = ? AND partition = ?",
		p.Topic.Short(), p.Epoch, p.Number).Scan(&next)
	return next, fail(fmt.Sprintf("read checkpoint of %s", p), err)
}
