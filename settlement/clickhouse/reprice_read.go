package clickhouse

import (
	"context"
	"fmt"
	"slices"

	ch "github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/ext"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing"
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
	w.and(fmt.Sprintf("generation < %d", pricing.MaxGeneration))
	w.months(r.From, r.To)
	w.parties(r.Party, ocpi.Party{}, ocpi.Party{})
	query := "SELECT " + storedColumns.row() + " FROM results FINAL" + w.String() + " ORDER BY offset"
	return inWindows(from, to, func(from, to int64) error {
		return s.each(inBlocks(ctx), fmt.Sprintf("read results of %s", p), query, append([]any{p.Number, p.Epoch, from, to}, w.args...), readStored(fn))
	})
}

// Spent implements [settlement.RepriceStore]. Hardly any CDR is one, which the rows as they
// stand say.
func (s *Store) Spent(ctx context.Context, r *settlement.Repricing, limit int) (n int64, first []ocpi.Key, err error) {
	spent := fmt.Sprintf("generation >= %d", pricing.MaxGeneration)
	var among where
	among.and("generation > 0") // as index touched has it
	among.and(spent)
	among.months(r.From, r.To)
	w := among.counting()
	w.parties(r.Party, ocpi.Party{}, ocpi.Party{})
	err = s.each(ctx, "read what cannot be priced again", "SELECT country, party, id, toInt64(count() OVER ()) FROM results FINAL PREWHERE "+
		atPlace+" IN (SELECT partition, month, epoch, offset FROM results"+among.String()+")"+w.String()+fmt.Sprintf(" ORDER BY country, party, id LIMIT %d", limit),
		slices.Concat(among.args, w.args), func(rows driver.Rows) error {
			var key ocpi.Key
			err := rows.Scan(&key.Party.Country, &key.Party.ID, &key.ID, &n)
			first = append(first, key)
			return err
		})
	return n, first, err
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
