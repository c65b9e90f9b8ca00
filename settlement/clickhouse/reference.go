package clickhouse

import (
	"context"
	"fmt"
	"math"
	"runtime"

	ch "github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/ext"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	jsonv2 "github.com/go-json-experiment/json"
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing/reference"
	"github.com/roamclear/roamclear/settlement"
	"golang.org/x/sync/errgroup"
)

var _ reference.Store = (*Store)(nil)

// noChanges is a row whose changes were not kept, in column zones.
const noChanges = "zones IN ('', 'null', '[]')"

// LoadChanges calls fn for every object of a kind with the changes it has seen,
// without its body; for those of which changes were not kept with the whole
// state. In any order, from several goroutines at once, and where rows were not
// merged yet for each of them. The state is valid until fn returns.
func (s *Store) LoadChanges(ctx context.Context, kind ingest.Object, fn func(*ingest.ObjectState) error) error {
	loads, ctx := errgroup.WithContext(ctx)
	n := min(runtime.GOMAXPROCS(0), loadSlices)
	for i := range n {
		loads.Go(func() error { return s.loadChanges(ctx, kind, i, n, fn) })
	}
	loads.Go(func() error {
		return s.each(ctx, "load old "+kind.String()+"s", "SELECT "+objectColumns+" FROM objects WHERE object = ? AND "+noChanges, []any{kind.String()},
			func(rows driver.Rows) error {
				o, err := scanObject(rows)
				if err != nil {
					return err
				}
				return fn(&o)
			})
	})
	return loads.Wait()
}

// loadSlices bounds how many queries read a kind at once: all kinds are read side by
// side when a process starts, and one that waits for a place among maxOpenConns for
// longer than dialTimeout fails.
const loadSlices = 4

// loadChanges reads one of n slices: what a million Tokens have said takes us
// three times as long to read as the engine.
func (s *Store) loadChanges(ctx context.Context, kind ingest.Object, slice, n int, fn func(*ingest.ObjectState) error) error {
	o := ingest.ObjectState{Object: kind}
	var changes []byte // column zones: it held those alone
	return s.each(ctx, "load what "+kind.String()+"s have said",
		"SELECT country, party, id, zones FROM objects WHERE object = ? AND cityHash64(id) % ? = ? AND NOT "+noChanges, []any{kind.String(), n, slice},
		func(rows driver.Rows) error {
			if err := rows.Scan(&o.Key.Party.Country, &o.Key.Party.ID, &o.Key.ID, &changes); err != nil {
				return err
			}
			// The engine would take them apart at four times the cost.
			o.Changes = o.Changes[:0]
			if err := jsonv2.Unmarshal(changes, &o.Changes); err != nil {
				return fmt.Errorf("changes of %s: %w", o.Key, err)
			}
			o.Changes = named(o.Changes)
			return fn(&o)
		})
}

// since is the instant from which on a version of a Tariff is in force, see
// reference.TariffVersion.Since, in nanoseconds.
const since = "toUnixTimestamp64Nano(if(last_updated = toDateTime64(0, 9, 'UTC'), received, last_updated))"

// LastVersions returns where the last version of every Tariff stands, or its
// deletion: its row on its owner's list says so, of which there is one a Tariff,
// however many versions it has.
func (s *Store) LastVersions(ctx context.Context) (list []reference.VersionAt, err error) {
	err = s.each(ctx, "load the last versions of tariffs", `SELECT country, party, id, sub, any(partition), max(ver) FROM object_lists
		WHERE object = 'tariff' AND list IN (?, ?) GROUP BY country, party, id, sub`, []any{uint8(settlement.ListOpen), uint8(settlement.ListOwn)},
		func(rows driver.Rows) error {
			v := reference.VersionAt{Tariff: ingest.Identity{Object: ingest.ObjectTariff}}
			var partition int32
			var number uint64
			err := rows.Scan(&v.Tariff.Key.Party.Country, &v.Tariff.Key.Party.ID, &v.Tariff.Key.ID, &v.Tariff.Variant, &partition, &number)
			v.Position = positionOf(partition, number)
			list = append(list, v)
			return err
		})
	return list, err
}

// CountVersions returns how many versions some Tariffs have, those for other
// recipients too.
func (s *Store) CountVersions(ctx context.Context, ids []ingest.Identity) (map[ingest.Identity]reference.Count, error) {
	wanted, err := withKeys(keysOf(ids))
	if err != nil {
		return nil, err
	}
	found := make(map[ingest.Identity]reference.Count, len(ids))
	err = s.each(ch.Context(ctx, wanted), "count versions of tariffs", `SELECT country, party, id, sub, any(partition), uniqExactIf(tariff_position, deleted = 0), max(tariff_position) FROM objects
		WHERE object = 'tariff' AND (country, party, id) IN wanted GROUP BY country, party, id, sub SETTINGS optimize_aggregation_in_order = 1`, nil,
		func(rows driver.Rows) error {
			id := ingest.Identity{Object: ingest.ObjectTariff}
			var partition int32
			var n, last uint64
			err := rows.Scan(&id.Key.Party.Country, &id.Key.Party.ID, &id.Key.ID, &id.Variant, &partition, &n, &last)
			found[id] = reference.Count{N: int(n), UpTo: positionOf(partition, last)}
			return err
		})
	return found, err
}

func keysOf(ids []ingest.Identity) []ocpi.Key {
	keys := make([]ocpi.Key, len(ids))
	for i := range ids {
		keys[i] = ids[i].Key
	}
	return keys
}

// Versions returns the versions of some Tariffs whose Since is not before an
// instant, deletions not included, in any order; those for other recipients too.
func (s *Store) Versions(ctx context.Context, ids []ingest.Identity, from ocpi.Time) (map[ingest.Identity][]reference.Version, error) {
	wanted, err := withKeys(keysOf(ids))
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
