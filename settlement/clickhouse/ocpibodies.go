package clickhouse

import (
	"context"
	"errors"
	"fmt"
	"time"

	ch "github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/ext"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement"
)

// listedBody is the body of a row of a list.
type listedBody struct {
	found   bool
	left    bool // the object has changed since its row was read, and is not on the list any more
	owner   ocpi.Party
	id      ingest.Identity
	version uint8
	raw     []byte
}

// bodyReader reads the bodies of rows, each in its row's place. What is more than
// chunkBytes, of more than one row, is a *chunkError.
type bodyReader func(context.Context, []listed) ([]listedBody, error)

// chunkBytes bounds what is read at once of a page of bodies, whose sizes are not
// known before. A query costs milliseconds whatever it asks for, so all of them are
// asked for at once, or as many as the page before says that will fit. What turns
// out to be too much is given up, and as many are asked for as fill a page by the
// mean of those that came.
const chunkBytes = 4 * settlement.PageBytes

// chunkError says that the bodies of a chunk are more than chunkBytes.
type chunkError struct{ came int } // until they were

// Error implements error.
func (e *chunkError) Error() string {
	return fmt.Sprintf("%d bodies are more than are read at once", e.came)
}

// addBodies adds the bodies of those of the first rows that fit a page, at least
// one unless all have left the list, and returns of how many rows. mean is the size
// of a body, 0 where nothing is known of it.
func (s *Store) addBodies(ctx context.Context, what string, page *settlement.OCPIPage, rows []listed, mean int, read bodyReader) (taken, size int, err error) {
	n, most := len(rows), len(rows)
	if mean > 0 {
		n = fitting(0, mean)
	}
	for len(rows) > 0 && size < settlement.PageBytes {
		chunk := rows[:min(n, most, len(rows))]
		bodies, err := read(ctx, chunk)
		if much, ok := errors.AsType[*chunkError](err); ok && len(chunk) > 1 {
			n, most = fitting(size, chunkBytes/much.came), len(chunk)/2 // or one of them is very large
			continue
		}
		if err != nil {
			return taken, size, err
		}
		for i := range bodies {
			b := &bodies[i]
			if !b.found {
				// A list that leaves one out tells the client that it is gone.
				return taken, size, fmt.Errorf("list %s: what record %s made is not in the store: run roamclear verify", what, chunk[i].position)
			}
			if b.left {
				taken++
				continue
			}
			if size+len(b.raw) > settlement.PageBytes && len(page.Bodies) > 0 {
				return taken, size, nil
			}
			size += len(b.raw)
			taken++
			page.Bodies, page.Versions, page.Owners = append(page.Bodies, b.raw), append(page.Versions, ocpi.Version(b.version)), append(page.Owners, b.owner)
			page.Identities = append(page.Identities, b.id)
		}
		rows = rows[len(chunk):]
		n = fitting(size, size/max(len(page.Bodies), 1))
	}
	return taken, size, nil
}

// fitting is how many bodies of a mean size fit into what is left of a page, and one
// in eight more: sizes differ.
func fitting(size, mean int) int {
	n := (settlement.PageBytes - size) / (mean + 1)
	return n + n/8 + 1
}

// cdrBodies reads of CDR records what OCPI lists show: every other column would
// cost a granule a record as well.
func (s *Store) cdrBodies(ctx context.Context, rows []listed) ([]listedBody, error) {
	positions, places := make([]ingest.Position, len(rows)), make(map[ingest.Position]int, len(rows))
	for i := range rows {
		positions[i], places[rows[i].position] = rows[i].position, i
	}
	wanted, err := withPositions(positions)
	if err != nil {
		return nil, err
	}
	return s.bodies(ch.Context(ctx, wanted), len(rows), `SELECT country, party, id, version, body, partition, epoch, offset FROM records
		WHERE topic = 'cdrs' AND (partition, epoch, offset) IN wanted`, nil,
		func(r driver.Rows, b *listedBody) (int, error) {
			var p ingest.Position
			b.id.Object = ingest.ObjectCDR
			err := r.Scan(&b.owner.Country, &b.owner.ID, &b.id.Key.ID, &b.version, &b.raw, &p.Partition, &p.Epoch, &p.Offset)
			b.id.Key.Party = b.owner
			return places[p], err
		})
}

// objectBodies reads objects as they stand: of a Tariff the very version that is
// listed, of all else the last state there is. It may be another one than the row
// was of: what that has taken off the lists, to another party say, is not shown.
func (s *Store) objectBodies(ctx context.Context, q *settlement.ObjectQuery, rows []listed) ([]listedBody, error) {
	wanted, err := withListed(rows)
	if err != nil {
		return nil, err
	}
	places := make(map[ingest.Identity]int, len(rows))
	for i := range rows {
		places[rows[i].id] = i
	}
	which, args := `object = 'tariff' AND (country, party, id, sub, tariff_position) IN wanted`, []any(nil)
	kind := q.Object
	if kind != ingest.ObjectTariff {
		which, args = `object = ? AND (country, party, id, sub, ver) IN (SELECT country, party, id, sub, max(ver) FROM objects
			WHERE object = ? AND (country, party, id, sub) IN (SELECT country, party, id, sub FROM wanted) GROUP BY country, party, id, sub)`,
			[]any{kind.String(), kind.String()}
	}
	return s.bodies(ch.Context(ctx, wanted), len(rows), `SELECT country, party, version, body, id, sub, ver, deleted, last_updated, with_country, with_party FROM objects WHERE `+which, args,
		func(r driver.Rows, b *listedBody) (int, error) {
			o := ingest.ObjectState{Object: kind}
			var ver uint64
			var deleted uint8
			var updated time.Time
			err := r.Scan(&b.owner.Country, &b.owner.ID, &b.version, &b.raw, &o.Key.ID, &o.Variant, &ver, &deleted, &updated, &o.With.Country, &o.With.ID)
			o.Key.Party, o.Deleted, o.LastUpdated = b.owner, deleted != 0, ocpi.TimeOf(updated)
			b.id = o.Identity()
			place := places[b.id]
			b.left = ver != rows[place].ver && !q.Holds(&o)
			return place, err
		})
}

// bodies reads n bodies at most: scan returns in which place each belongs. A row
// that was not merged yet comes twice.
func (s *Store) bodies(ctx context.Context, n int, query string, args []any, scan func(driver.Rows, *listedBody) (place int, err error)) ([]listedBody, error) {
	found := make([]listedBody, n)
	ctx, enough := context.WithCancel(ctx)
	defer enough()
	came, size := 0, 0
	err := s.each(ctx, "read bodies", query+" SETTINGS preferred_block_size_bytes = 262144", args, func(r driver.Rows) error {
		b := listedBody{found: true}
		place, err := scan(r, &b)
		if err != nil {
			return err
		}
		found[place] = b
		came++
		if size += len(b.raw); size > chunkBytes && n > 1 {
			enough() // what is left need not come
			return &chunkError{came}
		}
		return nil
	})
	return found, err
}

// withListed makes the rows of a list of objects available to a query as the
// table named wanted.
func withListed(rows []listed) (ch.QueryOption, error) {
	table, err := ext.NewTable("wanted", ext.Column("country", "String"), ext.Column("party", "String"),
		ext.Column("id", "String"), ext.Column("sub", "String"), ext.Column("tariff_position", "UInt64"))
	if err != nil {
		return nil, fmt.Errorf("make table of objects: %w", err)
	}
	for i := range rows {
		id := &rows[i].id
		if err := table.Append(id.Key.Party.Country, id.Key.Party.ID, id.Key.ID, id.Variant, rows[i].ver); err != nil {
			return nil, fmt.Errorf("make table of objects: %w", err)
		}
	}
	return ch.WithExternalTable(table), nil
}
