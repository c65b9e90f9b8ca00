package clickhouse

import (
	"context"
	"fmt"
	"math"

	ch "github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/ext"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	jsonv2 "github.com/go-json-experiment/json"
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
	o := ingest.ObjectState{Object: kind}
	var changes []byte // column zones: it held those alone
	err := s.each(ctx, "load what "+kind.String()+"s have said", "SELECT country, party, id, zones FROM objects WHERE object = ? AND NOT "+noChanges, []any{kind.String()},
		func(rows driver.Rows) error {
			if err := rows.Scan(&o.Key.Party.Country, &o.Key.Party.ID, &o.Key.ID, &changes); err != nil {
				return err
			}
			// The engine would take them apart at four times the cost.
			o.Changes = o.Changes[:0]
			if err := jsonv2.Unmarshal(changes, &o.Changes); err != nil {
				return fmt.Errorf("changes of %s: %w", o.Key, err)
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

// NewestVersions returns the newest versions of every Tariff, deletions included:
// at most each of each, or only the last where together they would be more than
// all. A Tariff may have ten thousand: the queries read in the order of the
// table, each version once.
func (s *Store) NewestVersions(ctx context.Context, each, all int) (list []reference.Newest, err error) {
	together := 0
	err = s.each(ctx, "count versions of tariffs", `SELECT country, party, id, sub, any(partition), countIf(deleted = 0), max(tariff_position) FROM objects WHERE object = 'tariff'
		GROUP BY country, party, id, sub SETTINGS optimize_aggregation_in_order = 1`, nil,
		func(rows driver.Rows) error {
			n := reference.Newest{Tariff: ingest.Identity{Object: ingest.ObjectTariff}}
			var partition int32
			var versions, last uint64
			err := rows.Scan(&n.Tariff.Key.Party.Country, &n.Tariff.Key.Party.ID, &n.Tariff.Key.ID, &n.Tariff.Variant, &partition, &versions, &last)
			n.All, n.Positions = int(versions), []ingest.Position{positionOf(partition, last)}
			together += min(n.All, each)
			list = append(list, n)
			return err
		})
	if err != nil || together > all {
		return list, err
	}
	return list, s.addPositions(ctx, list, each)
}

// addPositions gives each Tariff the positions of its newest versions, the last
// of which it has.
func (s *Store) addPositions(ctx context.Context, list []reference.Newest, each int) error {
	at := make(map[ingest.Identity]*reference.Newest, len(list))
	for i := range list {
		at[list[i].Tariff] = &list[i]
	}
	return s.each(ctx, "load which versions tariffs have", fmt.Sprintf(`SELECT country, party, id, sub, tariff_position FROM objects WHERE object = 'tariff'
		ORDER BY country DESC, party DESC, id DESC, sub DESC, tariff_position DESC LIMIT %d BY country, party, id, sub`, each), nil,
		func(rows driver.Rows) error {
			id := ingest.Identity{Object: ingest.ObjectTariff}
			var number uint64
			if err := rows.Scan(&id.Key.Party.Country, &id.Key.Party.ID, &id.Key.ID, &id.Variant, &number); err != nil {
				return err
			}
			n := at[id]
			if n == nil {
				return nil // it came meanwhile
			}
			// The last one is there, and a row that was not merged yet comes twice.
			last := n.Positions[len(n.Positions)-1]
			if p := positionOf(last.Partition, number); p.Before(last) {
				n.Positions = append(n.Positions, p)
			}
			return nil
		})
}

// Versions returns the versions of some Tariffs whose Since is not before an
// instant, deletions not included, in any order; those for other recipients too.
func (s *Store) Versions(ctx context.Context, ids []ingest.Identity, from ocpi.Time) (map[ingest.Identity][]reference.Version, error) {
	keys := make([]ocpi.Key, len(ids))
	for i := range ids {
		keys[i] = ids[i].Key
	}
	wanted, err := withKeys(keys)
	if err != nil {
		return nil, err
	}
	found := make(map[ingest.Identity][]reference.Version, len(ids))
	var w where
	w.and("object = 'tariff' AND (country, party, id) IN wanted AND deleted = 0")
	if from > math.MinInt64 { // else all
		w.and("instant >= ?", int64(from))
	}
	err = s.each(ch.Context(ctx, wanted), "read which versions tariffs have", "SELECT country, party, id, sub, partition, epoch, offset, "+since+" AS instant FROM objects"+w.String(), w.args,
		func(rows driver.Rows) error {
			id := ingest.Identity{Object: ingest.ObjectTariff}
			var v reference.Version
			var instant int64
			if err := rows.Scan(&id.Key.Party.Country, &id.Key.Party.ID, &id.Key.ID, &id.Variant, &v.Position.Partition, &v.Position.Epoch, &v.Position.Offset, &instant); err != nil {
				return err
			}
			v.Since = ocpi.Time(instant)
			found[id] = append(found[id], v)
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
		if err := table.Append(w.Tariff.Key.Party.Country, w.Tariff.Key.Party.ID, w.Tariff.Key.ID, positionNumber(w.Position)); err != nil {
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
