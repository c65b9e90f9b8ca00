package clickhouse

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"slices"

	ch "github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/ext"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing/reference"
)

var _ reference.Store = (*Store)(nil)

// noChanges is a row whose changes were not kept, in column zones.
const noChanges = "zones IN ('', 'null', '[]')"

// LoadChanges calls fn for every object of a kind with the changes it has seen,
// without its body; for those of which changes were not kept with the whole
// state. In any order, and where rows were not merged yet for each of them. The
// state is valid until fn returns.
func (s *Store) LoadChanges(ctx context.Context, kind ingest.Object, fn func(*ingest.ObjectState) error) error {
	// Most objects have seen one change: then the engine takes it apart, in half
	// the time.
	o := ingest.ObjectState{Object: kind}
	var one [1]ingest.Change
	err := s.each(ctx, "load what "+kind.String()+"s have said", `SELECT country, party, id,
			JSONExtractInt(zones, 1, 'next'), JSONExtractInt(zones, 1, 'received'), JSONExtractInt(zones, 1, 'updated'),
			JSONExtractString(zones, 1, 'zone'), JSONExtractString(zones, 1, 'contract'), if(JSONLength(zones) > 1, zones, '')
		FROM objects WHERE object = ? AND NOT `+noChanges, []any{kind.String()},
		func(rows driver.Rows) error {
			var received, updated int64
			var all string
			err := rows.Scan(&o.Key.Party.Country, &o.Key.Party.ID, &o.Key.ID, &one[0].Next, &received, &updated, &one[0].Zone, &one[0].Contract, &all)
			if err != nil {
				return err
			}
			one[0].Received, one[0].Updated, o.Changes = ocpi.Time(received), ocpi.Time(updated), one[:]
			if all != "" {
				o.Changes = nil
				if err := json.Unmarshal([]byte(all), &o.Changes); err != nil {
					return fmt.Errorf("changes of %s: %w", o.Key, err)
				}
			}
			return fn(&o)
		})
	if err != nil {
		return err
	}
	return s.each(ctx, "load old "+kind.String()+"s", "SELECT "+objectColumns+" FROM objects WHERE object = ? AND "+noChanges, []any{kind.String()},
		func(rows driver.Rows) error {
			o, err := scanObject(rows)
			if err != nil {
				return err
			}
			return fn(&o)
		})
}

// since is the instant from which on a version of a Tariff is in force, see
// reference.TariffVersion.Since, in nanoseconds.
const since = "toUnixTimestamp64Nano(if(last_updated = toDateTime64(0, 9, 'UTC'), received, last_updated))"

// NewestVersions returns the newest versions of every Tariff, deletions included,
// at most limit of each.
func (s *Store) NewestVersions(ctx context.Context, limit int) (list []reference.Newest, err error) {
	more := map[ocpi.Key]uint64{} // where those that are left out end, by Tariff
	err = s.each(ctx, "load which versions tariffs have", fmt.Sprintf(`SELECT country, party, id, any(partition), count(), groupArraySorted(%d)(-toInt64(tariff_position))
		FROM objects WHERE object = 'tariff' GROUP BY country, party, id`, limit), nil,
		func(rows driver.Rows) error {
			var n reference.Newest
			var partition int32
			var all uint64
			var positions []int64
			if err := rows.Scan(&n.Key.Party.Country, &n.Key.Party.ID, &n.Key.ID, &partition, &all, &positions); err != nil {
				return err
			}
			for _, p := range slices.Compact(positions) { // a row that was not merged yet comes twice
				n.Positions = append(n.Positions, positionOf(partition, uint64(-p)))
			}
			if all > uint64(len(positions)) {
				more[n.Key] = uint64(-positions[len(positions)-1])
			}
			list = append(list, n)
			return nil
		})
	if err != nil || len(more) == 0 {
		return list, err
	}
	older, err := s.olderVersions(ctx, more)
	for i := range list {
		n := &list[i]
		n.Older, n.Latest = older[n.Key].Older, older[n.Key].Latest
	}
	return list, err
}

// olderVersions counts the versions of each Tariff before a position, and
// returns the last instant of those.
func (s *Store) olderVersions(ctx context.Context, before map[ocpi.Key]uint64) (map[ocpi.Key]reference.Newest, error) {
	table, err := ext.NewTable("wanted",
		ext.Column("country", "String"), ext.Column("party", "String"), ext.Column("id", "String"), ext.Column("first", "UInt64"))
	if err != nil {
		return nil, fmt.Errorf("make table of tariffs: %w", err)
	}
	for k, first := range before {
		if err := table.Append(k.Party.Country, k.Party.ID, k.ID, first); err != nil {
			return nil, fmt.Errorf("make table of tariffs: %w", err)
		}
	}
	found := make(map[ocpi.Key]reference.Newest, len(before))
	err = s.each(ch.Context(ctx, ch.WithExternalTable(table)), "count versions of tariffs", `SELECT country, party, id, count(), max(`+since+`)
		FROM objects INNER JOIN wanted USING (country, party, id)
		WHERE object = 'tariff' AND deleted = 0 AND tariff_position < first GROUP BY country, party, id`, nil,
		func(rows driver.Rows) error {
			var n reference.Newest
			var count uint64
			var latest int64
			if err := rows.Scan(&n.Key.Party.Country, &n.Key.Party.ID, &n.Key.ID, &count, &latest); err != nil {
				return err
			}
			n.Older, n.Latest = int(count), ocpi.Time(latest)
			found[n.Key] = n
			return nil
		})
	return found, err
}

// Versions returns the versions of some Tariffs whose Since is not before an
// instant, deletions not included, in any order.
func (s *Store) Versions(ctx context.Context, keys []ocpi.Key, from ocpi.Time) (map[ocpi.Key][]reference.Version, error) {
	wanted, err := withKeys(keys)
	if err != nil {
		return nil, err
	}
	found := make(map[ocpi.Key][]reference.Version, len(keys))
	var w where
	w.and("object = 'tariff' AND (country, party, id) IN wanted AND deleted = 0")
	if from > math.MinInt64 { // else all
		w.and("instant >= ?", int64(from))
	}
	err = s.each(ch.Context(ctx, wanted), "read which versions tariffs have", "SELECT country, party, id, partition, epoch, offset, "+since+" AS instant FROM objects"+w.String(), w.args,
		func(rows driver.Rows) error {
			var k ocpi.Key
			var v reference.Version
			var instant int64
			if err := rows.Scan(&k.Party.Country, &k.Party.ID, &k.ID, &v.Position.Partition, &v.Position.Epoch, &v.Position.Offset, &instant); err != nil {
				return err
			}
			v.Since = ocpi.Time(instant)
			found[k] = append(found[k], v)
			return nil
		})
	return found, err
}

// VersionsAt calls fn for the versions of Tariffs at the given positions, in any
// order. What fn is given is its to keep.
func (s *Store) VersionsAt(ctx context.Context, wanted []reference.VersionAt, fn func(ingest.ObjectState) error) error {
	if len(wanted) == 0 {
		return nil
	}
	table, err := ext.NewTable("wanted",
		ext.Column("country", "String"), ext.Column("party", "String"), ext.Column("id", "String"), ext.Column("tariff_position", "UInt64"))
	if err != nil {
		return fmt.Errorf("make table of versions: %w", err)
	}
	for _, w := range wanted {
		if err := table.Append(w.Key.Party.Country, w.Key.Party.ID, w.Key.ID, positionNumber(w.Position)); err != nil {
			return fmt.Errorf("make table of versions: %w", err)
		}
	}
	return s.each(ch.Context(ctx, ch.WithExternalTable(table)), "read versions of tariffs", "SELECT "+objectColumns+` FROM objects
		WHERE object = 'tariff' AND (country, party, id, tariff_position) IN wanted`, nil,
		func(rows driver.Rows) error {
			o, err := scanObject(rows)
			if err != nil {
				return err
			}
			return fn(o)
		})
}
