package clickhouse

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/roamclear/roamclear/ingest"
)

// migrationWindow is how many offsets a statement with windows works on at a
// time: it bounds the engine's memory, and what is done twice after an
// interruption.
const migrationWindow = 250_000

// migrationRun is a run of offsets of a partition, as a windows query gives it.
type migrationRun struct {
	topic     string
	partition int32
	epoch     uint8
	from, to  int64
}

// executeWindows runs a statement for one window after the other, and notes how
// far it has come: who is interrupted goes on there.
func (s *Store) executeWindows(ctx context.Context, m migration, i int, st step) error {
	err := s.conn.Exec(ctx, `CREATE TABLE IF NOT EXISTS schema_progress
		(version UInt32, step UInt32, topic String, partition Int32, epoch UInt8, next Int64)
		ENGINE = ReplacingMergeTree(next) ORDER BY (version, step, topic, partition, epoch)`)
	if err != nil {
		return err
	}
	runs, err := s.migrationRuns(ctx, st.windows)
	if err != nil {
		return err
	}
	total, done := int64(0), int64(0)
	for _, r := range runs {
		total += r.to - r.from
	}
	for _, r := range runs {
		var next int64
		err := s.conn.QueryRow(ctx, "SELECT max(next) FROM schema_progress WHERE version = ? AND step = ? AND topic = ? AND partition = ? AND epoch = ?",
			m.version, uint32(i), r.topic, r.partition, r.epoch).Scan(&next)
		if err != nil {
			return err
		}
		done += max(next-r.from, 0)
		for from := max(r.from, next); from < r.to; from += migrationWindow {
			to := min(from+migrationWindow, r.to)
			if err := s.executeWindow(ctx, &r, st, from, to); err != nil {
				return fmt.Errorf("offsets %d to %d of %s/%d: %w", from, to, r.topic, r.partition, err)
			}
			err := s.conn.Exec(ctx, "INSERT INTO schema_progress (version, step, topic, partition, epoch, next) VALUES (?, ?, ?, ?, ?, ?)",
				m.version, uint32(i), r.topic, r.partition, r.epoch, to)
			if err != nil {
				return err
			}
			if done += to - from; total > migrationWindow {
				s.log.Info("migrating the store", "migration", m.name, "step", i+1, "offsets", done, "of", total)
			}
		}
	}
	return nil
}

// executeWindow runs a statement, or what stands in its place, for one window of a run.
func (s *Store) executeWindow(ctx context.Context, r *migrationRun, st step, from, to int64) error {
	if st.do == "" {
		return s.conn.Exec(ctx, r.window(st.sql, from, to))
	}
	do := windowsInGo[st.do]
	if do == nil {
		return fmt.Errorf("windows want %q, which there is not", st.do)
	}
	return do(s, ctx, ingest.Partition{Topic: ingest.TopicCDRs, Epoch: r.epoch, Number: r.partition}, from, to)
}

func (s *Store) migrationRuns(ctx context.Context, query string) (runs []migrationRun, err error) {
	err = s.each(ctx, "list what is to be migrated", query, nil, func(rows driver.Rows) error {
		var r migrationRun
		err := rows.Scan(&r.topic, &r.partition, &r.epoch, &r.from, &r.to)
		runs = append(runs, r)
		return err
	})
	return runs, err
}

// window is the statement for one window of the run.
func (r *migrationRun) window(sql string, from, to int64) string {
	return strings.NewReplacer(
		"{topic}", "'"+r.topic+"'", // one of ingest.Topics: a word
		"{partition}", strconv.FormatInt(int64(r.partition), 10),
		"{epoch}", strconv.FormatInt(int64(r.epoch), 10),
		"{from}", strconv.FormatInt(from, 10),
		"{to}", strconv.FormatInt(to, 10),
	).Replace(sql)
}
