package clickhouse

import (
	"context"
	"fmt"
	"slices"

	ch "github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/settlement"
)

var _ settlement.RepriceStore = (*Store)(nil)

// WriteRepriced implements [settlement.RepriceStore].
func (s *Store) WriteRepriced(ctx context.Context, run string, in ingest.Partition, page []settlement.Repriced, p settlement.RepriceProgress) error {
	for i := range page {
		if at := page[i].Row.Record.Position; at != in.At(at.Offset) {
			return fmt.Errorf("store results of a re-pricing in %s: row %d is record %s", in, i, at)
		}
		if err := checkResult(&page[i].Row); err != nil {
			return err
		}
	}
	if len(page) > 0 {
		rows := newTableRows("repricings", repricedColumns)
		err := s.insert(ctx, rows.block, fmt.Sprintf("%s/%d", in, p.Next), len(page),
			func(i int) error {
				var r repricedRow
				if err := r.of(run, &page[i]); err != nil {
					return err
				}
				rows.append(&r)
				return nil
			})
		if err != nil {
			return err
		}
	}
	err := s.conn.Exec(ctx, `INSERT INTO repricing_progress (run, partition, next, terms, ending, cdrs, reference_offset, control_offset, issuers)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`, run, p.Partition, p.Next, p.Terms, p.End, p.CDRs, p.AsOf.Reference, p.AsOf.Control, p.AsOf.Issuers)
	return fail("note progress of a re-pricing", err)
}

// RepriceProgress implements [settlement.RepriceStore].
func (s *Store) RepriceProgress(ctx context.Context, run string) ([]settlement.RepriceProgress, error) {
	var out []settlement.RepriceProgress
	err := s.each(ctx, "read progress of a re-pricing",
		`SELECT partition, next, terms, ending, toInt64(cdrs), reference_offset, control_offset, issuers
		FROM repricing_progress FINAL WHERE run = ? ORDER BY partition`, []any{run},
		func(rows driver.Rows) error {
			var p settlement.RepriceProgress
			err := rows.Scan(&p.Partition, &p.Next, &p.Terms, &p.End, &p.CDRs, &p.AsOf.Reference, &p.AsOf.Control, &p.AsOf.Issuers)
			out = append(out, p)
			return err
		})
	return out, err
}

// ForgetRepricing implements [settlement.RepriceStore]. Progress goes first:
// progress without its rows would pass for a run that changes nothing.
func (s *Store) ForgetRepricing(ctx context.Context, run string) error {
	for _, table := range []string{"repricing_progress", "repricings"} {
		if err := s.conn.Exec(ctx, "ALTER TABLE "+table+" DROP PARTITION ?", run); err != nil {
			return fail("forget a re-pricing", err)
		}
	}
	return nil
}

// Begun implements [settlement.RepriceStore].
func (s *Store) Begun(ctx context.Context) (runs []settlement.BegunRun, err error) {
	err = s.each(ctx, "list re-pricings", "SELECT run, max(control_offset) FROM repricing_progress GROUP BY run ORDER BY run", nil, func(rows driver.Rows) error {
		var r settlement.BegunRun
		err := rows.Scan(&r.Run, &r.Control)
		runs = append(runs, r)
		return err
	})
	return runs, err
}

// applyWindow is how many offsets are compared with the results at a time: it
// bounds the engine's memory, at a few dozen bytes an offset.
const applyWindow = 500_000

// windows calls fn for each run of offsets in which a table has rows of a run.
func (s *Store) windows(ctx context.Context, table string, run any, fn func(partition int32, epoch uint8, from, to int64) error) error {
	type window struct {
		partition int32
		epoch     uint8
		number    int64
	}
	var all []window
	err := s.each(ctx, "list changes of a re-pricing", fmt.Sprintf(
		`SELECT DISTINCT partition, epoch, intDiv(offset, %d) AS number FROM %s WHERE run = ? ORDER BY ALL`, applyWindow, table), []any{run},
		func(rows driver.Rows) error {
			var w window
			err := rows.Scan(&w.partition, &w.epoch, &w.number)
			all = append(all, w)
			return err
		})
	for i := 0; err == nil && i < len(all); i++ {
		w := all[i]
		err = fn(w.partition, w.epoch, w.number*applyWindow, (w.number+1)*applyWindow)
	}
	return err
}

// applicable selects the new results of a window whose old result still counts. old_ver
// holds the position, so within a partition it names one row.
const applicable = `run = ? AND partition = ? AND epoch = ? AND offset >= ? AND offset < ? AND old_ver IN (
	SELECT ver FROM results FINAL WHERE NOT elsewhere AND partition = ? AND epoch = ? AND offset >= ? AND offset < ?)`

// ApplyRepriced implements [settlement.RepriceStore].
func (s *Store) ApplyRepriced(ctx context.Context, run string, in ingest.Partition) error {
	// Explanations are most of a row, so blocks are small.
	ctx = ch.Context(ctx, ch.WithSettings(ch.Settings{
		"max_block_size": 4096, "min_insert_block_size_rows": 65536, "min_insert_block_size_bytes": 64 << 20,
		"max_threads": 1,
	}))
	columns := resultColumns.list()
	stay := "INSERT INTO results (" + columns + ") SELECT " + columns + " FROM repricings FINAL WHERE " + applicable +
		" AND (month, emsp_country, emsp_party) = (old_month, old_emsp_country, old_emsp_party)"
	return s.windows(ctx, "repricings", run, func(p int32, e uint8, from, to int64) error {
		if p != in.Number || e != in.Epoch {
			return nil
		}
		within := []any{p, e, from, to}
		args := slices.Concat([]any{run}, within, within)
		err := s.applyMoved(ctx, in, slices.Concat(args, within))
		if err == nil {
			err = s.conn.Exec(ctx, stay, args...)
		}
		return fail("apply a re-pricing", err)
	})
}

// content is a digest of all that a report or a partner sees of a result. A
// function of NULL is NULL, which equals nothing, so what is hashed is the row
// as bytes. Rows of applied rest on it, and digests in the control log: it never changes.
var content = "sipHash64(" + resultColumns.only("emsp_country", "emsp_party", "month", "currency", "status", "claim", "reason",
	"computed_excl", "computed_incl", "fixed_excl", "fixed_incl", "energy_excl", "energy_incl", "time_excl", "time_incl",
	"parking_excl", "parking_incl", "reservation_excl", "reservation_incl", "tax_name", "tax_percentage", "tax_amount",
	"tariff_hash", "time_zone", "zone_db", "profile", "engine").row() + ")"

// changesSQL holds the changes of a window against the results that count.
const changesSQL = `SELECT toUInt8(multiIf(c.content = n.content, %[3]d, c.ver = n.old_ver, %[4]d, %[5]d)), n.content, n.change
FROM (SELECT offset, old_ver, %[1]s AS content, %[2]s AS change FROM repricings FINAL
	WHERE run = ? AND partition = ? AND epoch = ? AND offset >= ? AND offset < ?) AS n
LEFT JOIN (SELECT offset, ver, %[1]s AS content FROM results FINAL
	WHERE NOT elsewhere AND partition = ? AND epoch = ? AND offset >= ? AND offset < ?) AS c ON n.offset = c.offset
ORDER BY n.offset`

// Changes implements [settlement.RepriceStore].
func (s *Store) Changes(ctx context.Context, run string, fn func(*settlement.Change) error) error {
	ctx = ch.Context(ctx, ch.WithSettings(ch.Settings{"max_bytes_before_external_sort": sortMemory}))
	query := fmt.Sprintf(changesSQL, content, changeColumns.row(), settlement.Counts, settlement.Pending, settlement.Overtaken)
	return s.windows(ctx, "repricings", run, func(p int32, e uint8, from, to int64) error {
		return s.each(ctx, "read changes of a re-pricing", query, []any{run, p, e, from, to, p, e, from, to},
			func(rows driver.Rows) error {
				var stands uint8
				var digest uint64
				c, err := scanChange(rows, &stands, &digest)
				if err != nil {
					return err
				}
				c.Stands, c.Content = settlement.Standing(stands), digest
				return fn(c)
			})
	})
}
