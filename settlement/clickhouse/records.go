package clickhouse

import (
	"context"
	"fmt"
	"time"

	ch "github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing"
	"github.com/roamclear/roamclear/settlement"
)

// recordColumns are the columns scanRecord reads.
const recordColumns = `partition, epoch, offset, object, method, version, sender,
	country, party, id, sub, received, hash, reason, body`

// scanRecord reads one record; its Body is the caller's to keep.
func scanRecord(rows driver.Rows) (ingest.Record, error) {
	var r ingest.Record
	var object string
	var method, version uint8
	var received time.Time
	var sub, hash string
	err := rows.Scan(&r.Partition, &r.Epoch, &r.Offset, &object, &method, &version, &r.Sender,
		&r.Key.Party.Country, &r.Key.Party.ID, &r.Key.ID, &sub, &received, &hash, &r.Reason, &r.Body)
	if err != nil {
		return r, err
	}
	r.Object, r.Method, r.Version = ingest.ObjectOf(object), ingest.Method(method), ocpi.Version(version)
	r.SetSub(sub)
	r.Received = ocpi.TimeOf(received)
	copy(r.Hash[:], hash)
	return r, nil
}

// each calls fn for every row of a query.
func (s *Store) each(ctx context.Context, attempt, query string, args []any, fn func(driver.Rows) error) error {
	rows, err := s.conn.Query(ctx, query, args...)
	if err != nil {
		return fail(attempt, err)
	}
	for rows.Next() {
		if err := fn(rows); err != nil {
			_ = rows.Close()
			return fail(attempt, err)
		}
	}
	if err := rows.Close(); err != nil {
		return fail(attempt, err)
	}
	return fail(attempt, rows.Err())
}

// bodyRows is how many rows with bodies the engine sends at a time. The driver
// collects the texts of a block in one buffer that doubles as it grows: of 65,000
// bodies that is 400 MB, copied many times over.
const bodyRows = 1024

// inBlocks makes the rows of a query come in small blocks.
func inBlocks(ctx context.Context) context.Context {
	return ch.Context(ctx, ch.WithSettings(ch.Settings{"max_block_size": bodyRows}))
}

// RecordsRange calls fn for every stored record of a partition with from <=
// offset < to, in the order of offsets. A record that stands in the store
// twice, as after a replay that has not been merged yet, comes twice: whoever
// checks the store must see it.
func (s *Store) RecordsRange(ctx context.Context, p ingest.Partition, from, to int64, fn func(ingest.Record) error) error {
	return s.each(inBlocks(ctx), fmt.Sprintf("read records of %s", p),
		"SELECT "+recordColumns+` FROM records
		WHERE topic = ? AND partition = ? AND epoch = ? AND offset >= ? AND offset < ? ORDER BY offset`,
		[]any{p.Topic.Short(), p.Number, p.Epoch, from, to},
		func(rows driver.Rows) error {
			r, err := scanRecord(rows)
			if err != nil {
				return err
			}
			return fn(r)
		})
}

// fitting returns those of the first positions whose bodies fit the room, in
// bytes, at least one. What is not there counts as nothing.
func (s *Store) fitting(ctx context.Context, topic ingest.Topic, positions []ingest.Position, room uint64) ([]ingest.Position, error) {
	if len(positions) == 0 {
		return nil, nil
	}
	wanted, err := withPositions(positions)
	if err != nil {
		return nil, err
	}
	sizes := make(map[ingest.Position]uint64, len(positions))
	err = s.each(ch.Context(ctx, wanted), "measure records", `SELECT partition, epoch, offset, length(body) FROM records
		WHERE topic = ? AND (partition, epoch, offset) IN wanted`, []any{topic.Short()},
		func(rows driver.Rows) error {
			var p ingest.Position
			var size uint64
			err := rows.Scan(&p.Partition, &p.Epoch, &p.Offset, &size)
			sizes[p] = size
			return err
		})
	if err != nil {
		return nil, err
	}
	total := uint64(0)
	for i, p := range positions {
		if total += sizes[p]; total > room {
			return positions[:max(1, i)], nil
		}
	}
	return positions, nil
}

// recordsAt returns the records of a topic at the given positions.
func (s *Store) recordsAt(ctx context.Context, topic ingest.Topic, positions []ingest.Position) (map[ingest.Position]ingest.Record, error) {
	found := make(map[ingest.Position]ingest.Record, len(positions))
	if len(positions) == 0 {
		return found, nil
	}
	wanted, err := withPositions(positions)
	if err != nil {
		return nil, err
	}
	err = s.each(ch.Context(ctx, wanted), "read records", "SELECT "+recordColumns+` FROM records
		WHERE topic = ? AND (partition, epoch, offset) IN wanted`, []any{topic.Short()},
		func(rows driver.Rows) error {
			r, err := scanRecord(rows)
			found[r.Position] = r
			return err
		})
	return found, err
}

// rejectBytes bounds the bodies of a page of rejects.
const rejectBytes = 32 << 20

// rejectCursor names the last reject of a page.
type rejectCursor struct {
	Offset int64 `json:"o"`
}

// Rejects returns a page of the CDRs of a partition that are rejected, for
// pricing them again: of each the Record, the Generation, and of the Outcome
// its Status and Reason, the rest of the row being unset. Reasons, when there
// are any, restrict. next is the cursor of the next page, "" at the end.
func (s *Store) Rejects(ctx context.Context, p ingest.Partition, reasons []string, after string, limit int) (rejects []pricing.Row, next string, err error) {
	cursor, err := decodeCursor[rejectCursor](after)
	if err != nil {
		return nil, "", err
	}
	limit = pageSize(limit)
	var w where
	w.and("NOT elsewhere AND partition = ? AND epoch = ? AND status = 'rejected'", p.Number, p.Epoch)
	if after != "" {
		w.and("offset > ?", cursor.Offset)
	}
	if len(reasons) > 0 {
		w.and("reason IN (?)", reasons)
	}
	var positions []ingest.Position
	err = s.each(ctx, "read rejects", "SELECT offset, generation, reason FROM results FINAL"+w.String()+
		fmt.Sprintf(" ORDER BY offset LIMIT %d", limit), w.args,
		func(rows driver.Rows) error {
			row := pricing.Row{Outcome: pricing.Outcome{Status: pricing.Rejected}}
			row.Record.Position = p.At(0)
			err := rows.Scan(&row.Record.Offset, &row.Generation, &row.Outcome.Reason)
			rejects = append(rejects, row)
			positions = append(positions, row.Record.Position)
			return err
		})
	if err != nil {
		return nil, "", err
	}
	listed, err := s.fitting(ctx, ingest.TopicCDRs, positions, rejectBytes)
	if err != nil {
		return nil, "", err
	}
	more := len(listed) < len(rejects) || len(rejects) == limit
	rejects = rejects[:len(listed)]
	records, err := s.recordsAt(ctx, ingest.TopicCDRs, listed)
	if err != nil {
		return nil, "", err
	}
	for i := range rejects {
		record, ok := records[rejects[i].Record.Position]
		if !ok {
			return nil, "", fmt.Errorf("reject %s has no record in the store: run roamclear verify", rejects[i].Record.Position)
		}
		rejects[i].Record = record
	}
	if more {
		last := rejects[len(rejects)-1].Record
		next, err = encodeCursor(rejectCursor{Offset: last.Offset})
	}
	return rejects, next, err
}

// positionCursor names the last refusal of a page.
type positionCursor struct {
	Partition int32 `json:"p"`
	Epoch     uint8 `json:"e"`
	Offset    int64 `json:"o"`
}

// RefusedCDRs counts, by sender, the bodies of CDRs that could not be used and came since
// an instant. They are kept for 180 days.
func (s *Store) RefusedCDRs(ctx context.Context, since ocpi.Time) (map[string]int, error) {
	counts := map[string]int{}
	err := s.each(ctx, "count refusals", `SELECT sender, count() FROM
		(SELECT DISTINCT partition, epoch, offset, sender FROM records WHERE topic = 'refused' AND object = 'cdr' AND received >= ?) GROUP BY sender`, []any{since.Go()},
		func(rows driver.Rows) error {
			var sender string
			var n uint64
			err := rows.Scan(&sender, &n)
			counts[sender] = int(n)
			return err
		})
	return counts, err
}

// Refusals returns a page of the bodies that could not be used, oldest first.
// A sender other than "" restricts.
func (s *Store) Refusals(ctx context.Context, sender, after string, limit int) (refusals []settlement.Refusal, next string, err error) {
	cursor, err := decodeCursor[positionCursor](after)
	if err != nil {
		return nil, "", err
	}
	limit = pageSize(limit)
	var w where
	w.and("topic = 'refused'")
	if sender != "" {
		w.and("sender = ?", sender)
	}
	if after != "" {
		w.and("(partition, epoch, offset) > (?, ?, ?)", cursor.Partition, cursor.Epoch, cursor.Offset)
	}
	var positions []ingest.Position
	err = s.each(ctx, "list refusals", "SELECT DISTINCT partition, epoch, offset FROM records"+w.String()+
		fmt.Sprintf(" ORDER BY partition, epoch, offset LIMIT %d", limit+1), w.args,
		func(rows driver.Rows) error {
			var p ingest.Position
			err := rows.Scan(&p.Partition, &p.Epoch, &p.Offset)
			positions = append(positions, p)
			return err
		})
	if err != nil {
		return nil, "", err
	}
	listed := positions[:min(len(positions), limit)]
	if listed, err = s.fitting(ctx, ingest.TopicRefused, listed, settlement.PageBytes); err != nil {
		return nil, "", err
	}
	records, err := s.recordsAt(ctx, ingest.TopicRefused, listed)
	if err != nil {
		return nil, "", err
	}
	for _, p := range listed {
		r := records[p]
		refusals = append(refusals, settlement.Refusal{
			Position: p, Received: r.Received.Go(), Sender: r.Sender, Object: r.Object, Reason: r.Reason, Body: r.Body,
		})
	}
	if len(listed) == len(positions) {
		return refusals, "", nil
	}
	last := listed[len(listed)-1]
	next, err = encodeCursor(positionCursor{Partition: last.Partition, Epoch: last.Epoch, Offset: last.Offset})
	return refusals, next, err
}
