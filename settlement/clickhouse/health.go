package clickhouse

import (
	"context"
	"fmt"
	"time"

	ch "github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement"
)

var _ settlement.HealthStore = (*Store)(nil)

// healthOf restricts rows of results to what a query selects; its CPOs go along as the
// table wanted.
func healthOf(ctx context.Context, q *settlement.HealthQuery) (context.Context, where, error) {
	keys := make([]ocpi.Key, len(q.CPOs))
	for i, p := range q.CPOs {
		keys[i].Party = p
	}
	wanted, err := withKeys(keys)
	if err != nil {
		return nil, where{}, err
	}
	var w where
	w.months(q.From.Month(), (q.To - 1).Month())
	w.and("(country, party) IN (SELECT country, party FROM wanted)")
	w.and(momentSQL+" >= fromUnixTimestamp64Nano(?) AND "+momentSQL+" < fromUnixTimestamp64Nano(?)", int64(q.From), int64(q.To))
	w.and("credit = 0")
	return ch.Context(onDisk(ctx), wanted), w.counting(), nil
}

// lagSQL is how long after the end of its charge a CDR came, in nanoseconds.
const lagSQL = "greatest(0, toUnixTimestamp64Nano(received) - toUnixTimestamp64Nano(end))"

// CDRHealth implements [settlement.HealthStore]. A percentile is the smallest lag that so
// many lags do not exceed (nearest rank), of whole seconds; all lags of the days are sorted
// for it, four bytes each.
func (s *Store) CDRHealth(ctx context.Context, q settlement.HealthQuery) (*settlement.CDRHealth, error) {
	h := &settlement.CDRHealth{}
	if len(q.CPOs) == 0 {
		return h, nil
	}
	with, w, err := healthOf(ctx, &q)
	if err != nil {
		return nil, err
	}
	const timed = "toUnixTimestamp64Nano(end) != 0"
	err = s.each(with, "count CDRs by how they came", `SELECT toDate32(`+momentSQL+`) AS day, count(), countIf(`+timed+`), countIf(`+timed+` AND `+lagSQL+` > ?),
	countIf((country, party, id) IN (SELECT country, party, credit_of FROM results FINAL
		WHERE NOT elsewhere AND credit = 1 AND credit_of != '' AND month >= ? AND (country, party) IN (SELECT country, party FROM wanted)))
FROM results FINAL`+w.String()+" GROUP BY day ORDER BY day", append([]any{int64(q.Due), uint32(q.From.Month())}, w.args...),
		func(rows driver.Rows) error {
			var d settlement.CDRDay
			var timed, late, corrected uint64
			err := rows.Scan(&d.Day, &d.CDRs, &timed, &late, &corrected)
			h.Days = append(h.Days, d)
			h.CDRs, h.Timed, h.Late, h.Corrected = h.CDRs+d.CDRs, h.Timed+timed, h.Late+late, h.Corrected+corrected
			return err
		})
	if err != nil || h.Timed == 0 {
		return h, err
	}
	var half, most uint32
	w.and(timed)
	err = s.conn.QueryRow(with, `SELECT lags[intDiv(n + 1, 2)], lags[intDiv(19 * n + 19, 20)]
FROM (SELECT arraySort(groupArray(toUInt32(least(intDiv(`+lagSQL+", 1000000000), 4294967295)))) AS lags, length(lags) AS n FROM results FINAL"+w.String()+")", w.args...).Scan(&half, &most)
	h.P50, h.P95 = time.Duration(half)*time.Second, time.Duration(most)*time.Second
	return h, fail("read how long CDRs took", err)
}

// HealthDifferences implements [settlement.HealthStore].
func (s *Store) HealthDifferences(ctx context.Context, q settlement.HealthQuery) (list []settlement.HealthDifference, err error) {
	if len(q.CPOs) == 0 {
		return nil, nil
	}
	with, w, err := healthOf(ctx, &q)
	if err != nil {
		return nil, err
	}
	credited, args := creditedIn(q.From.Month(), (q.To - 1).Month())
	w.and("status = 'rejected' OR status = 'priced' AND claim = 'differs'")
	w.and("NOT "+credited, args...)
	err = s.each(with, "add differences up", `SELECT status = 'rejected' AS unpriced, multiIf(unpriced, reason, cause = '', '`+settlement.CauseUnknown+`', cause) AS kind, currency, count() AS n,
	sum(claimed_excl), sum(claimed_incl), countIf(claimed_incl IS NULL), countIf(claimed_excl IS NULL),
	sum(computed_excl), sum(computed_incl), countIf(computed_incl IS NULL), countIf(computed_excl IS NULL)
FROM results FINAL`+w.String()+fmt.Sprintf(" GROUP BY unpriced, kind, currency ORDER BY unpriced, n DESC, kind, currency LIMIT %d", settlement.MaxHealthDifferences), w.args,
		func(rows driver.Rows) error {
			var d settlement.HealthDifference
			claimed, computed := new(sums), new(sums)
			err := rows.Scan(&d.Rejected, &d.Kind, &d.Currency, &d.CDRs, &claimed.excl, &claimed.incl, &claimed.missing, &d.UnknownClaims,
				&computed.excl, &computed.incl, &computed.missing, &d.UnknownPrices)
			d.Claimed, d.Computed = claimed.sum(), computed.sum()
			list = append(list, d)
			return err
		})
	return list, err
}

// Exchanges implements [settlement.HealthStore]. A message that was sent twice is one.
func (s *Store) Exchanges(ctx context.Context, q settlement.ExchangeQuery) (list []settlement.Exchanges, err error) {
	const failed = "(http = 0 OR http >= 300 OR status >= 2000)"
	err = s.each(onDisk(ctx), "add messages up", `SELECT direction = 1 AS inward, object, method = 'GET' AS reads, count(), countIf(`+failed+`),
	max(toUnixTimestamp64Nano(at)), maxIf(toUnixTimestamp64Nano(at), NOT `+failed+`), argMax(path, (at, seq))
FROM (SELECT at, seq, direction, object, method, path, http, status FROM messages
	WHERE partner = ? AND not_kept = 0 AND at >= fromUnixTimestamp64Nano(?, 'UTC') AND at < fromUnixTimestamp64Nano(?, 'UTC') LIMIT 1 BY at, seq)
GROUP BY inward, object, reads ORDER BY inward DESC, object, reads`, []any{q.Partner, int64(q.From), int64(q.To)},
		func(rows driver.Rows) error {
			e := settlement.Exchanges{Direction: "out"}
			var inward bool
			var last, done int64
			err := rows.Scan(&inward, &e.Object, &e.Reads, &e.Requests, &e.Failed, &last, &done, &e.LastPath)
			if inward {
				e.Direction = "in"
			}
			e.Last, e.LastDone = ocpi.Time(last), ocpi.Time(done)
			list = append(list, e)
			return err
		})
	return list, err
}
