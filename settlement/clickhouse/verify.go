package clickhouse

import (
	"context"
	"fmt"

	"github.com/ClickHouse/ch-go/proto"
	ch "github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement"
)

// sortMemory bounds what the engine holds to put a partition in the order of
// offsets; beyond it, it sorts on disk.
const sortMemory = 256 << 20

// inRange reads rows of a partition with from <= offset < to in the order of
// offsets. Tables but records and results are not kept in an order that knows
// offsets, so read a partition of them in one call rather than in many slices.
func (s *Store) inRange(ctx context.Context, columns, table, condition string, p ingest.Partition, from, to int64, fn func(driver.Rows) error) error {
	ctx = ch.Context(ctx, ch.WithSettings(ch.Settings{"max_bytes_before_external_sort": sortMemory}))
	return s.each(ctx, fmt.Sprintf("read %s of %s", table, p),
		"SELECT "+columns+" FROM "+table+`
		WHERE partition = ? AND epoch = ? AND offset >= ? AND offset < ?`+condition+" ORDER BY offset",
		[]any{p.Number, p.Epoch, from, to}, fn)
}

// CopiesRange calls fn for the copies of the CDRs that came more than once.
func (s *Store) CopiesRange(ctx context.Context, p ingest.Partition, from, to int64, fn func(settlement.StoredCopy) error) error {
	const all = "OVER (PARTITION BY partition, country, party, id)"
	return s.inRange(ctx, "country, party, id, partition, epoch, offset, hash, emsp_country, emsp_party, first_epoch, first_offset, first_hash, n, differ, listed",
		`(SELECT *, count() `+all+` AS n, max(conflict) `+all+` AS listed, min(hash) `+all+` != max(hash) `+all+` AS differ,
			argMin(epoch, (epoch, offset)) `+all+` AS first_epoch, argMin(offset, (epoch, offset)) `+all+` AS first_offset,
			argMin(hash, (epoch, offset)) `+all+` AS first_hash
			FROM duplicates FINAL)`, "", p, from, to,
		func(rows driver.Rows) error {
			var c settlement.StoredCopy
			var hash, firstHash string
			var differ, listed uint8
			if err := rows.Scan(&c.Key.Party.Country, &c.Key.Party.ID, &c.Key.ID, &c.Position.Partition, &c.Position.Epoch, &c.Position.Offset,
				&hash, &c.EMSP.Country, &c.EMSP.ID, &c.First.Epoch, &c.First.Offset, &firstHash, &c.Copies, &differ, &listed); err != nil {
				return err
			}
			copy(c.Hash[:], hash)
			copy(c.FirstHash[:], firstHash)
			c.First.Partition, c.Differ, c.Conflict = c.Position.Partition, differ != 0, listed != 0
			return fn(c)
		})
}

// winnerColumns are the columns of a [settlement.StoredCDR], listingColumns those
// of a [settlement.StoredListing].
var (
	winnerColumns = columns[settlement.StoredCDR]{
		label("country", func(c *settlement.StoredCDR) *string { return &c.Key.Party.Country }),
		label("party", func(c *settlement.StoredCDR) *string { return &c.Key.Party.ID }),
		prose("id", func(c *settlement.StoredCDR) *string { return &c.Key.ID }),
		whole[proto.ColInt32]("partition", func(c *settlement.StoredCDR) *int32 { return &c.Position.Partition }, (*rowReader).i32),
		whole[proto.ColUInt8]("epoch", func(c *settlement.StoredCDR) *uint8 { return &c.Position.Epoch }, (*rowReader).u8),
		whole[proto.ColInt64]("offset", func(c *settlement.StoredCDR) *int64 { return &c.Position.Offset }, (*rowReader).i64),
		label("emsp_country", func(c *settlement.StoredCDR) *string { return &c.EMSP.Country }),
		label("emsp_party", func(c *settlement.StoredCDR) *string { return &c.EMSP.ID }),
		calendar("months[1]", func(c *settlement.StoredCDR) *ocpi.Month { return &c.Month }),
		moment("last_updated", func(c *settlement.StoredCDR) *ocpi.Time { return &c.LastUpdated }),
		yes("earlier != ''", func(c *settlement.StoredCDR) *bool { return &c.Moved }),
	}
	listingColumns = columns[settlement.StoredListing]{
		label("country", func(l *settlement.StoredListing) *string { return &l.Party.Country }),
		label("party", func(l *settlement.StoredListing) *string { return &l.Party.ID }),
		yes("creditor", func(l *settlement.StoredListing) *bool { return &l.Creditor }),
		whole[proto.ColInt32]("partition", func(l *settlement.StoredListing) *int32 { return &l.Position.Partition }, (*rowReader).i32),
		whole[proto.ColUInt8]("epoch", func(l *settlement.StoredListing) *uint8 { return &l.Position.Epoch }, (*rowReader).u8),
		whole[proto.ColInt64]("offset", func(l *settlement.StoredListing) *int64 { return &l.Position.Offset }, (*rowReader).i64),
		moment("last_updated", func(l *settlement.StoredListing) *ocpi.Time { return &l.LastUpdated }),
		moment("received", func(l *settlement.StoredListing) *ocpi.Time { return &l.Received }),
	}
)

// WinnersRange calls fn for every CDR whose first accepted copy stands in the
// range: the rows by which single CDRs are found, chosen as they are then.
func (s *Store) WinnersRange(ctx context.Context, p ingest.Partition, from, to int64, fn func(settlement.StoredCDR) error) error {
	return s.inRange(ctx, winnerColumns.row(), "cdrs FINAL", "", p, from, to,
		func(rows driver.Rows) error {
			var c settlement.StoredCDR
			if err := winnerColumns.scan(rows, &c); err != nil {
				return err
			}
			return fn(c)
		})
}

// ListingsRange calls fn for every CDR on every OCPI list.
func (s *Store) ListingsRange(ctx context.Context, p ingest.Partition, from, to int64, fn func(settlement.StoredListing) error) error {
	return s.inRange(ctx, listingColumns.row(), "sender_lists FINAL", " AND NOT gone", p, from, to,
		func(rows driver.Rows) error {
			var l settlement.StoredListing
			if err := listingColumns.scan(rows, &l); err != nil {
				return err
			}
			return fn(l)
		})
}

// ResultsRange calls fn for every result that a settlement counts, by the
// position of the record it was computed from.
func (s *Store) ResultsRange(ctx context.Context, p ingest.Partition, from, to int64, fn func(settlement.StoredResult) error) error {
	return inWindows(from, to, func(from, to int64) error {
		return s.inRange(ctx, storedColumns.row(), "results FINAL", " AND NOT elsewhere", p, from, to,
			readStored(func(r *settlement.StoredResult) error { return fn(*r) }))
	})
}
