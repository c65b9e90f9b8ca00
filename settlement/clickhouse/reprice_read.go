package clickhouse

import (
	"context"
	"fmt"

	ch "github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/ext"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement"
)

// readWindow is how many offsets are put in order at a time: it bounds the
// engine's memory, and reads of results no more than stands in it.
const readWindow = 250_000

// inWindows calls fn for each window of a run of offsets.
func inWindows(from, to int64, fn func(from, to int64) error) error {
	for ; from < to; from += readWindow {
		if err := fn(from, min(from+readWindow, to)); err != nil {
			return err
		}
	}
	return nil
}

// CountedResults implements [settlement.RepriceStore].
func (s *Store) CountedResults(ctx context.Context, r *settlement.Repricing, p ingest.Partition, from, to int64, fn func(*settlement.StoredResult) error) error {
	var w where
	w.and("NOT elsewhere AND partition = ? AND epoch = ? AND offset >= ? AND offset < ?")
	w.months(r.From, r.To)
	w.parties(r.Party, ocpi.Party{}, ocpi.Party{})
	query := "SELECT " + storedColumns.row() + " FROM results FINAL" + w.String() + " ORDER BY offset"
	return inWindows(from, to, func(from, to int64) error {
		return s.each(inBlocks(ctx), fmt.Sprintf("read results of %s", p), query, append([]any{p.Number, p.Epoch, from, to}, w.args...), readStored(fn))
	})
}

// CDRRecords implements [settlement.RepriceStore]: records are kept in the
// order of offsets, so this reads one run of the table.
func (s *Store) CDRRecords(ctx context.Context, p ingest.Partition, offsets []int64, fn func(*ingest.Record) error) error {
	if len(offsets) == 0 {
		return nil
	}
	table, err := ext.NewTable("wanted", ext.Column("offset", "Int64"))
	if err != nil {
		return fmt.Errorf("make table of offsets: %w", err)
	}
	for _, o := range offsets {
		if err := table.Append(o); err != nil {
			return fmt.Errorf("make table of offsets: %w", err)
		}
	}
	return s.each(ch.Context(inBlocks(ctx), ch.WithExternalTable(table)), fmt.Sprintf("read records of %s", p),
		"SELECT "+recordColumns+` FROM records
		WHERE topic = 'cdrs' AND partition = ? AND epoch = ? AND offset >= ? AND offset <= ? AND offset IN wanted ORDER BY offset`,
		[]any{p.Number, p.Epoch, offsets[0], offsets[len(offsets)-1]},
		func(rows driver.Rows) error {
			r, err := scanRecord(rows)
			if err != nil {
				return err
			}
			return fn(&r)
		})
}
