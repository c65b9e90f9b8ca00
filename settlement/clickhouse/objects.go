package clickhouse

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	ch "github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
)

const objectColumns = `object, country, party, id, sub, partition, epoch, offset,
	version, sender, received, last_updated, deleted, zones, body, created_epoch, created_offset, created_received, with_country, with_party, left, contract, named`

func scanObject(rows driver.Rows) (ingest.ObjectState, error) {
	var o ingest.ObjectState
	var object string
	var version, deleted uint8
	var received, lastUpdated, created, namedAt time.Time
	var changes []byte // column zones: it held those alone
	var left string
	err := rows.Scan(&object, &o.Key.Party.Country, &o.Key.Party.ID, &o.Key.ID, &o.Variant,
		&o.Position.Partition, &o.Position.Epoch, &o.Position.Offset,
		&version, &o.Sender, &received, &lastUpdated, &deleted, &changes, &o.Body,
		&o.Created.Epoch, &o.Created.Offset, &created, &o.With.Country, &o.With.ID, &left, &o.Contract, &namedAt)
	if err != nil {
		return o, err
	}
	o.Object, o.Version, o.Deleted = ingest.ObjectOf(object), ocpi.Version(version), deleted != 0
	o.Received, o.LastUpdated, o.Created.Received, o.Named = ocpi.TimeOf(received), ocpi.TimeOf(lastUpdated), ocpi.TimeOf(created), ocpi.TimeOf(namedAt)
	if left != "" {
		if err := json.Unmarshal([]byte(left), &o.Left); err != nil {
			return o, fmt.Errorf("parties that %s has left: %w", o.Identity(), err)
		}
	}
	if len(o.Contract) > ocpi.MaxIdentity {
		o.Contract = ""
	}
	err = json.Unmarshal(changes, &o.Changes)
	o.Changes = named(o.Changes)
	return o, err
}

// named leaves out changes of contract ids that are longer than those that count: they
// stand in stores from before that was so.
func named(changes []ingest.Change) []ingest.Change {
	return slices.DeleteFunc(changes, func(c ingest.Change) bool { return len(c.Contract) > ocpi.MaxIdentity })
}

// LoadObjects calls fn for every object of a kind, deleted ones included and of
// Tariffs for every version; in any order, and where rows were not merged yet for
// each of them. It takes one thread of the engine, beside whatever else is going
// on. What fn is given is its to keep.
func (s *Store) LoadObjects(ctx context.Context, kind ingest.Object, fn func(ingest.ObjectState) error) error {
	return s.each(ctx, "load "+kind.String()+"s", "SELECT "+objectColumns+" FROM objects WHERE object = ? SETTINGS max_threads = 1", []any{kind.String()},
		func(rows driver.Rows) error {
			o, err := scanObject(rows)
			if err != nil {
				return err
			}
			return fn(o)
		})
}

// Identities calls fn for every object of a kind; for one of which there are
// several rows perhaps for each.
func (s *Store) Identities(ctx context.Context, kind ingest.Object, fn func(ingest.Identity) error) error {
	return s.each(ctx, "read which "+kind.String()+"s there are", "SELECT country, party, id, sub FROM objects WHERE object = ?", []any{kind.String()},
		func(rows driver.Rows) error {
			id := ingest.Identity{Object: kind}
			if err := rows.Scan(&id.Key.Party.Country, &id.Key.Party.ID, &id.Key.ID, &id.Variant); err != nil {
				return err
			}
			return fn(id)
		})
}

// LookupObjects returns the stored states of those objects that have one, of a
// Tariff its last version or its deletion.
func (s *Store) LookupObjects(ctx context.Context, ids []ingest.Identity) (map[ingest.Identity]ingest.ObjectState, error) {
	found := make(map[ingest.Identity]ingest.ObjectState, len(ids))
	wanted := map[ingest.Object][]ocpi.Key{}
	asked := make(map[ingest.Identity]bool, len(ids))
	for _, id := range ids {
		wanted[id.Object] = append(wanted[id.Object], id.Key)
		asked[id] = true
	}
	for kind, keys := range wanted {
		if err := s.lookup(ctx, kind, keys, found); err != nil {
			return nil, err
		}
	}
	maps.DeleteFunc(found, func(id ingest.Identity, _ ingest.ObjectState) bool { return !asked[id] })
	return found, nil
}

// lookup adds the stored states of all objects of a kind that have one of the
// keys, of any variant, to found. The blocks that have an id say so by an index;
// of an object there are as many rows as parts that are not merged yet.
func (s *Store) lookup(ctx context.Context, kind ingest.Object, keys []ocpi.Key, found map[ingest.Identity]ingest.ObjectState) error {
	wanted, err := withKeys(keys)
	if err != nil {
		return err
	}
	query, args := "SELECT "+objectColumns+" FROM objects WHERE object = ? AND (country, party, id) IN wanted", []any{kind.String()}
	if kind == ingest.ObjectTariff {
		// Each version of it has a row: which is the last one is found in the narrow columns,
		// so that no other body is read.
		query = "SELECT " + objectColumns + ` FROM objects WHERE object = ? AND (country, party, id, sub, ver) IN (
			SELECT country, party, id, sub, max(ver) FROM objects WHERE object = ? AND (country, party, id) IN wanted GROUP BY country, party, id, sub)`
		args = append(args, kind.String())
	}
	return s.each(ch.Context(ctx, wanted), "look up "+kind.String()+"s", query+" ORDER BY ver", args,
		func(rows driver.Rows) error {
			o, err := scanObject(rows)
			found[o.Identity()] = o // the last one is
			return err
		})
}

// unnamedCursor names the last Session of a page.
type unnamedCursor struct {
	Country string `json:"c"`
	Party   string `json:"p"`
	ID      string `json:"i"`
}

// UnnamedSessions returns a page of the Sessions in a partition of the log of which
// nobody is known to pay for the contract, with no more than identity and contract.
// next is the cursor of the next page, "" at the end.
func (s *Store) UnnamedSessions(ctx context.Context, p ingest.Partition, after string, limit int) (unnamed []ingest.ObjectState, next string, err error) {
	cursor, err := decodeCursor[unnamedCursor](after)
	if err != nil {
		return nil, "", err
	}
	limit = pageSize(limit)
	err = s.each(ctx, "read Sessions of nobody in "+p.String(), `SELECT country, party, id, contract FROM objects FINAL
		WHERE object = 'session' AND (country, party, id) > (?, ?, ?) AND partition = ? AND with_party = '' AND contract != '' AND length(contract) <= ? AND NOT deleted
		ORDER BY country, party, id LIMIT ?`, []any{cursor.Country, cursor.Party, cursor.ID, p.Number, ocpi.MaxIdentity, limit},
		func(rows driver.Rows) error {
			o := ingest.ObjectState{Object: ingest.ObjectSession}
			err := rows.Scan(&o.Key.Party.Country, &o.Key.Party.ID, &o.Key.ID, &o.Contract)
			unnamed = append(unnamed, o)
			return err
		})
	if err != nil || len(unnamed) < limit {
		return unnamed, "", err
	}
	last := unnamed[len(unnamed)-1].Key
	next, err = encodeCursor(unnamedCursor{last.Party.Country, last.Party.ID, last.ID})
	return unnamed, next, err
}
