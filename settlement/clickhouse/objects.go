package clickhouse

import (
	"context"
	"encoding/json"
	"time"

	ch "github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
)

const objectColumns = `object, country, party, id, sub, partition, epoch, offset,
	version, sender, received, last_updated, deleted, zones, body`

func scanObject(rows driver.Rows) (ingest.ObjectState, error) {
	var o ingest.ObjectState
	var object, version, deleted uint8
	var received, lastUpdated time.Time
	var zones []byte
	err := rows.Scan(&object, &o.Key.Party.Country, &o.Key.Party.ID, &o.Key.ID, &o.Variant,
		&o.Position.Partition, &o.Position.Epoch, &o.Position.Offset,
		&version, &o.Sender, &received, &lastUpdated, &deleted, &zones, &o.Body)
	if err != nil {
		return o, err
	}
	o.Object, o.Version, o.Deleted = ingest.Object(object), ocpi.Version(version), deleted != 0
	o.Received, o.LastUpdated = ocpi.TimeOf(received), ocpi.TimeOf(lastUpdated)
	return o, json.Unmarshal(zones, &o.Zones)
}

// LoadObjects calls fn for the stored state of every object of a kind: the
// latest of each Location, Token and Session, deleted ones included, and every
// version of each Tariff; in the order of their positions, so versions come
// oldest first. What fn is given is its to keep.
func (s *Store) LoadObjects(ctx context.Context, kind ingest.Object, fn func(ingest.ObjectState) error) error {
	return s.each(ctx, "load "+kind.String()+"s", "SELECT "+objectColumns+` FROM objects FINAL
		WHERE object = ? ORDER BY epoch, offset, partition`, []any{uint8(kind)},
		func(rows driver.Rows) error {
			o, err := scanObject(rows)
			if err != nil {
				return err
			}
			return fn(o)
		})
}

// LookupSessions returns the stored states of those Sessions that have one.
func (s *Store) LookupSessions(ctx context.Context, keys []ocpi.Key) (map[ocpi.Key]ingest.ObjectState, error) {
	found := make(map[ocpi.Key]ingest.ObjectState, len(keys))
	if len(keys) == 0 {
		return found, nil
	}
	wanted, err := withKeys(keys)
	if err != nil {
		return nil, err
	}
	err = s.each(ch.Context(ctx, wanted), "look up sessions", "SELECT "+objectColumns+` FROM objects FINAL
		WHERE object = ? AND (country, party, id) IN wanted`, []any{uint8(ingest.ObjectSession)},
		func(rows driver.Rows) error {
			o, err := scanObject(rows)
			found[o.Key] = o
			return err
		})
	return found, err
}
