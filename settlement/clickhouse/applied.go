package clickhouse

import (
	"context"
	"fmt"
	"slices"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement"
)

// NoteApplied implements [settlement.AppliedStore].
func (s *Store) NoteApplied(ctx context.Context, n settlement.NotedRun, run string) error {
	query := fmt.Sprintf(`INSERT INTO applied (run, control, country, party, id, partition, epoch, offset, old_ver, ver, old_content, content)
		SELECT ?, ?, n.country, n.party, n.id, n.partition, n.epoch, n.offset, n.old_ver, n.ver, c.content, n.content FROM (
			SELECT country, party, id, partition, epoch, offset, old_ver, ver, %[1]s AS content FROM repricings FINAL WHERE run = ? AND %[2]s
		) AS n INNER JOIN (SELECT offset, ver, %[1]s AS content FROM results FINAL WHERE NOT elsewhere AND %[2]s) AS c ON n.offset = c.offset
		WHERE c.ver = n.old_ver AND n.offset NOT IN (SELECT offset FROM applied WHERE run = ? AND %[2]s) SETTINGS insert_deduplicate = 0`, content, "partition = ? AND epoch = ? AND offset >= ? AND offset < ?")
	return s.windows(ctx, "repricings", run, func(p int32, e uint8, from, to int64) error {
		within := []any{p, e, from, to}
		return fail("note what a re-pricing replaces", s.conn.Exec(ctx, query, slices.Concat([]any{n.ID, n.Control, run}, within, within, []any{n.ID}, within)...))
	})
}

// AppliedCDRs implements [settlement.AppliedStore].
func (s *Store) AppliedCDRs(ctx context.Context, id uint64, fn func(*settlement.AppliedCDR) error) error {
	return s.each(onDisk(ctx), "read what a re-pricing replaced", "SELECT country, party, id, old_content, content FROM applied FINAL WHERE run = ? ORDER BY country, party, id", []any{id},
		func(rows driver.Rows) error {
			var c settlement.AppliedCDR
			if err := rows.Scan(&c.Key.Party.Country, &c.Key.Party.ID, &c.Key.ID, &c.Old, &c.New); err != nil {
				return err
			}
			return fn(&c)
		})
}

// standingSQL holds what a run replaces in a window of offsets against the results that count.
var standingSQL = fmt.Sprintf(`FROM (SELECT country, party, id, offset, old_ver, ver, content FROM applied FINAL WHERE run = ? AND %[2]s) AS a
	LEFT JOIN (SELECT offset, ver, %[1]s AS content FROM results FINAL WHERE NOT elsewhere AND %[2]s) AS c ON a.offset = c.offset`,
	content, "partition = ? AND epoch = ? AND offset >= ? AND offset < ?")

// differingSQL are the results of a window that have the version that a run gave them, and
// another content than it found, nor what a later run did: a version follows from how often
// a CDR was priced again, and of two runs one may have come to nothing where a reject was
// healed between.
var differingSQL = `WITH differing AS (SELECT a.country AS country, a.party AS party, a.id AS id, a.offset AS offset, c.ver AS ver, c.content AS content ` + standingSQL + ` WHERE c.ver = a.ver AND c.content != a.content)
SELECT count(), any(country), any(party), any(id) FROM differing WHERE (offset, ver, content) NOT IN (
	SELECT offset, ver, content FROM applied WHERE control > (SELECT max(control) FROM applied WHERE run = ?) AND partition = ? AND epoch = ? AND offset IN (SELECT offset FROM differing))`

// AppliedStanding implements [settlement.AppliedStore].
func (s *Store) AppliedStanding(ctx context.Context, id uint64) (all settlement.AppliedStanding, err error) {
	const counts = "SELECT countIf(c.ver = a.old_ver), countIf(c.ver NOT IN (a.old_ver, a.ver)), countIf(c.ver = a.ver AND c.content != a.content) "
	err = s.windows(ctx, "applied", id, func(p int32, e uint8, from, to int64) error {
		within := []any{p, e, from, to}
		args := slices.Concat([]any{id}, within, within)
		var left, since, differ, beside uint64
		if err := s.conn.QueryRow(ctx, counts+standingSQL, args...).Scan(&left, &since, &differ); err != nil {
			return fail("read how what a re-pricing replaced stands", err)
		}
		if beside = differ; differ > 0 {
			var example ocpi.Key
			row := s.conn.QueryRow(ctx, differingSQL, slices.Concat(args, []any{id, p, e})...)
			if err := row.Scan(&differ, &example.Party.Country, &example.Party.ID, &example.ID); err != nil {
				return fail("read what stands as a re-pricing's and is not", err)
			}
			if beside -= differ; differ > 0 {
				all.Example = example
			}
		}
		all.Left, all.Since, all.Differ = all.Left+int64(left), all.Since+int64(since+beside), all.Differ+int64(differ)
		return nil
	})
	return all, err
}

// Noted implements [settlement.AppliedStore].
func (s *Store) Noted(ctx context.Context) (noted []settlement.NotedRun, err error) {
	err = s.each(ctx, "list re-pricings that were applied", "SELECT run, any(control) FROM applied GROUP BY run ORDER BY run", nil, func(rows driver.Rows) error {
		var n settlement.NotedRun
		err := rows.Scan(&n.ID, &n.Control)
		noted = append(noted, n)
		return err
	})
	return noted, err
}

// ForgetApplied implements [settlement.AppliedStore].
func (s *Store) ForgetApplied(ctx context.Context, ids []uint64) error {
	if len(ids) == 0 {
		return nil
	}
	return fail("forget what re-pricings were to replace", s.conn.Exec(ctx, "DELETE FROM applied WHERE run IN (?)", ids))
}
