package clickhouse

import (
	"context"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ingest/objects"
	"github.com/roamclear/roamclear/ocpi"
)

// LastCharges calls fn for connectors with when the last charge with energy ended there, of
// CDRs that ended since an instant and came since another, whether they count or not. It
// reads narrow columns of the months since.
func (s *Store) LastCharges(ctx context.Context, ended, received ocpi.Time, fn func(connector uint64, end ocpi.Time) error) error {
	var w where
	w.months(ended.Month(), 0)
	w.and("end >= fromUnixTimestamp64Nano(?) AND received >= fromUnixTimestamp64Nano(?)", int64(ended), int64(received))
	w.and("connector_hash != 0 AND energy_kwh > 0 AND credit = 0 AND in_future = 0")
	w = w.counting()
	return s.each(ctx, "read last charges", "SELECT connector_hash, max(toUnixTimestamp64Nano(end)) FROM results"+w.String()+" GROUP BY connector_hash", w.args,
		func(rows driver.Rows) error {
			var connector uint64
			var end int64
			if err := rows.Scan(&connector, &end); err != nil {
				return err
			}
			return fn(connector, ocpi.Time(end))
		})
}

// EndedSessions calls fn for the Sessions that are COMPLETED or INVALID and changed since an
// instant. Which these are the engine finds, so that no other body leaves it.
func (s *Store) EndedSessions(ctx context.Context, since ocpi.Time, fn func(*ingest.ObjectState) error) error {
	return s.objectsSince(ctx, "read Sessions that ended", `topic = ? AND object = 'session' AND deleted = 0 AND received >= fromUnixTimestamp64Nano(?)
		AND upper(JSONExtractString(body, 'status')) IN ('COMPLETED', 'INVALID')`, []any{ingest.TopicSessions.Short(), int64(since)}, fn)
}

// CommandsSince calls fn for the commands that were asked for since an instant: their ids
// are in the order of time, within each party.
func (s *Store) CommandsSince(ctx context.Context, since ocpi.Time, fn func(*ingest.ObjectState) error) error {
	return s.objectsSince(ctx, "read commands", "topic = ? AND object = 'command' AND deleted = 0 AND id >= ?",
		[]any{ingest.TopicCommands.Short(), objects.FirstID(since.Go())}, fn)
}

func (s *Store) objectsSince(ctx context.Context, what, where string, args []any, fn func(*ingest.ObjectState) error) error {
	return s.each(ctx, what, "SELECT "+objectColumns+" FROM objects FINAL WHERE "+where, args, func(rows driver.Rows) error {
		o, err := scanObject(rows)
		if err != nil {
			return err
		}
		return fn(&o)
	})
}
