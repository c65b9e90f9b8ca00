package clickhouse

import (
	"context"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ingest/objects"
	"github.com/roamclear/roamclear/ocpi"
)

// openFor is how long after it was asked for a command may be open: ids are in the order
// of time, so none before that is looked at.
const openFor = 8 * 24 * time.Hour

// OpenCommands returns a page of the commands that are open, in the order of their keys.
func (s *Store) OpenCommands(ctx context.Context, after ocpi.Key, limit int) (keys []ocpi.Key, err error) {
	err = s.each(ctx, "read which commands are open", `SELECT country, party, id FROM objects FINAL
		WHERE topic = ? AND object = 'command' AND id >= ? AND (country, party, id) > (?, ?, ?) AND endsWith(contract, ?)
		ORDER BY country, party, id LIMIT ?`,
		[]any{ingest.TopicCommands.Short(), objects.FirstID(time.Now().Add(-openFor)), after.Party.Country, after.Party.ID, after.ID, objects.OpenMark, limit},
		func(rows driver.Rows) error {
			var k ocpi.Key
			err := rows.Scan(&k.Party.Country, &k.Party.ID, &k.ID)
			keys = append(keys, k)
			return err
		})
	return keys, err
}

// SessionsSince returns a page of the Sessions of a CPO that have changed since an instant,
// in the order of their ids.
func (s *Store) SessionsSince(ctx context.Context, cpo ocpi.Party, since ocpi.Time, after string, limit int) (keys []ocpi.Key, err error) {
	err = s.each(ctx, "read Sessions of "+cpo.String(), `SELECT DISTINCT id FROM objects
		WHERE topic = ? AND object = 'session' AND country = ? AND party = ? AND id > ? AND received >= ?
		ORDER BY object, country, party, id LIMIT ?`,
		[]any{ingest.TopicSessions.Short(), cpo.Country, cpo.ID, after, since.Go(), limit},
		func(rows driver.Rows) error {
			k := ocpi.Key{Party: cpo}
			err := rows.Scan(&k.ID)
			keys = append(keys, k)
			return err
		})
	return keys, err
}

// Commands returns commands of a party whose mark begins so, the latest first: those
// with ids from one on, and before one; "" = of all times.
func (s *Store) Commands(ctx context.Context, party ocpi.Party, mark, from, before string, limit int) (keys []ocpi.Key, err error) {
	if before == "" {
		before = "Z" // behind every id
	}
	err = s.each(ctx, "list commands of "+party.String(), `SELECT id FROM objects FINAL
		WHERE topic = ? AND object = 'command' AND country = ? AND party = ? AND id >= ? AND id < ? AND startsWith(contract, ?)
		ORDER BY object DESC, country DESC, party DESC, id DESC LIMIT ?`,
		[]any{ingest.TopicCommands.Short(), party.Country, party.ID, from, before, mark, pageSize(limit)},
		func(rows driver.Rows) error {
			k := ocpi.Key{Party: party}
			err := rows.Scan(&k.ID)
			keys = append(keys, k)
			return err
		})
	return keys, err
}
