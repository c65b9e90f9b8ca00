package clickhouse

import (
	"context"
	"fmt"

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
// offsets. The tables below are not kept in that order, so read a partition in
// one call rather than in many slices.
func (s *Store) inRange(ctx context.Context, columns, table string, p ingest.Partition, from, to int64, fn func(driver.Rows) error) error {
	ctx = ch.Context(ctx, ch.WithSettings(ch.Settings{"max_bytes_before_external_sort": sortMemory}))
	return s.each(ctx, fmt.Sprintf("read %s of %s", table, p),
		"SELECT "+columns+" FROM "+table+`
		WHERE partition = ? AND epoch = ? AND offset >= ? AND offset < ? ORDER BY offset`,
		[]any{p.Number, p.Epoch, from, to}, fn)
}

// CopiesRange calls fn for every stored copy of a CDR. Like RecordsRange it
// gives a row that stands in the store twice two times.
func (s *Store) CopiesRange(ctx context.Context, p ingest.Partition, from, to int64, fn func(settlement.StoredCopy) error) error {
	return s.inRange(ctx, "country, party, id, partition, epoch, offset, hash", "copies", p, from, to,
		func(rows driver.Rows) error {
			var c settlement.StoredCopy
			var hash string
			if err := rows.Scan(&c.Key.Party.Country, &c.Key.Party.ID, &c.Key.ID,
				&c.Position.Partition, &c.Position.Epoch, &c.Position.Offset, &hash); err != nil {
				return err
			}
			copy(c.Hash[:], hash)
			return fn(c)
		})
}

// WinnersRange calls fn for every CDR whose first accepted copy stands in the
// range: the rows that every list counts, chosen as every list chooses them.
func (s *Store) WinnersRange(ctx context.Context, p ingest.Partition, from, to int64, fn func(settlement.StoredCDR) error) error {
	return s.inRange(ctx, `country, party, id, partition, epoch, offset, hash,
		cpo_country, cpo_party, emsp_country, emsp_party, month, currency, credit`, "cdrs FINAL", p, from, to,
		func(rows driver.Rows) error {
			var c settlement.StoredCDR
			var hash string
			var month uint32
			var credit uint8
			if err := rows.Scan(&c.Key.Party.Country, &c.Key.Party.ID, &c.Key.ID,
				&c.Position.Partition, &c.Position.Epoch, &c.Position.Offset, &hash,
				&c.CPO.Country, &c.CPO.ID, &c.EMSP.Country, &c.EMSP.ID, &month, &c.Currency, &credit); err != nil {
				return err
			}
			copy(c.Hash[:], hash)
			c.Month, c.Credit = ocpi.Month(month), credit != 0
			return fn(c)
		})
}

// ResultsRange calls fn for every result that a settlement counts, by the
// position of the record it was computed from.
func (s *Store) ResultsRange(ctx context.Context, p ingest.Partition, from, to int64, fn func(settlement.StoredResult) error) error {
	return s.inRange(ctx, storedColumns.row(), "results FINAL", p, from, to,
		readStored(func(r *settlement.StoredResult) error { return fn(*r) }))
}
