package clickhouse

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	ch "github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing"
	"github.com/roamclear/roamclear/settlement"
)

// Conflicts implements [settlement.Reader], in the order of identities.
func (s *Store) Conflicts(ctx context.Context, q settlement.ConflictQuery) (settlement.ConflictPage, error) {
	var page settlement.ConflictPage
	keys, more, err := s.conflictKeys(ctx, q)
	if err != nil || len(keys) == 0 {
		return page, err
	}
	if more {
		if page.Next, err = encodeCursor(cursorOf(0, keys[len(keys)-1])); err != nil {
			return page, err
		}
	}
	wanted, err := withKeys(keys)
	if err != nil {
		return page, err
	}
	copies, err := s.copiesOf(ch.Context(ctx, wanted), " PREWHERE (country, party, id) IN wanted", nil)
	if err != nil {
		return page, err
	}
	sent, err := s.idsSent(ctx, keys)
	if err != nil {
		return page, err
	}
	for _, key := range keys {
		if all := copies[key]; len(all) > 1 {
			c := settlement.Conflict{Key: key, ID: key.ID, Counts: all[0], Others: all[1:]}
			if id, priced := sent[key]; priced {
				c.ID = id
			}
			page.Conflicts = append(page.Conflicts, c)
		}
	}
	return page, nil
}

// idsSent returns the ids, as sent, of those of the CDRs that are priced.
func (s *Store) idsSent(ctx context.Context, keys []ocpi.Key) (map[ocpi.Key]string, error) {
	places, err := s.placesOfKeys(ctx, keys)
	if err != nil {
		return nil, err
	}
	at, err := withPlaces(places)
	if err != nil {
		return nil, err
	}
	sent := map[ocpi.Key]string{}
	err = s.each(ch.Context(ctx, at), "read ids as sent", "SELECT "+sentColumns.row()+" FROM results FINAL"+atPlaces+" WHERE NOT elsewhere", nil,
		func(rows driver.Rows) error {
			r := resultRow{Row: &pricing.Row{}}
			err := sentColumns.scan(rows, &r)
			sent[r.Record.Key] = r.ID
			return err
		})
	return sent, err
}

// having is what the copies of an identity must show. Rows that a replay has
// doubled have the same version: FINAL leaves one.
var having = [...]string{
	settlement.CopyConflict: "max(conflict) = 1",
	settlement.CopyRepeat:   "max(conflict) = 0",
	settlement.CopyAny:      "true",
}

// copyBytes is about what a copy takes when it is written.
const copyBytes = 256

// conflictKeys returns the identities of the page, and whether there is another
// page. A page holds one identity at least, and of more no more copies than fit.
// Rows as they stand say which identities there may be, and are read no further
// than the page goes; of those alone FINAL says what they are.
func (s *Store) conflictKeys(ctx context.Context, q settlement.ConflictQuery) (keys []ocpi.Key, more bool, err error) {
	cursor, err := decodeCursor[keyCursor](q.After)
	if err != nil {
		return nil, false, err
	}
	limit, copies := pageSize(q.Limit), uint64(0)
	behind := q.After != ""
	for n := limit + 1; ; n = min(2*n, manyPlaces) {
		candidates, err := s.duplicated(ctx, q, cursor, behind, n)
		if err != nil || len(candidates) == 0 {
			return keys, false, err
		}
		err = s.shown(ctx, q, candidates, func(k ocpi.Key, n uint64) {
			copies += min(n, maxCopies)
			if more = more || len(keys) == limit || len(keys) > 0 && copies > settlement.PageBytes/copyBytes; !more {
				keys = append(keys, k)
			}
		})
		if err != nil || more || len(candidates) < n {
			return keys, more, err
		}
		cursor, behind = cursorOf(0, candidates[len(candidates)-1]), true
	}
}

// duplicated returns the first identities, behind a cursor where there is one, that
// have a row such as q asks for.
func (s *Store) duplicated(ctx context.Context, q settlement.ConflictQuery, cursor keyCursor, behind bool, limit int) (keys []ocpi.Key, err error) {
	var w where
	if behind {
		w.and("(country, party, id) > (?, ?, ?)", cursor.Country, cursor.Party, string(cursor.ID))
	}
	if !q.CPO.IsZero() {
		w.and("country = ? AND party = ?", q.CPO.Country, q.CPO.ID) // the CPO is part of a CDR's identity
	}
	if q.ID != "" {
		w.and("id = ?", q.ID)
	}
	if !q.Party.IsZero() {
		w.and("(country, party) = (?, ?) OR (emsp_country, emsp_party) = (?, ?)", q.Party.Country, q.Party.ID, q.Party.Country, q.Party.ID)
	}
	switch {
	case q.Kind != settlement.CopyConflict:
	case q.Party.IsZero():
		w.and("conflict = 1")
	default: // the row that tells the conflict need not be of the party
		w.and("(country, party, id) IN (SELECT country, party, id FROM duplicates WHERE conflict = 1)")
	}
	err = s.each(ctx, "list conflicts", "SELECT country, party, id FROM duplicates"+w.String()+
		fmt.Sprintf(" GROUP BY country, party, id ORDER BY country, party, id LIMIT %d SETTINGS optimize_aggregation_in_order = 1", limit), w.args,
		func(rows driver.Rows) error {
			var k ocpi.Key
			err := rows.Scan(&k.Party.Country, &k.Party.ID, &k.ID)
			keys = append(keys, k)
			return err
		})
	return keys, err
}

// shown calls fn for those of the identities that q asks for, in their order, with
// how many copies each has.
func (s *Store) shown(ctx context.Context, q settlement.ConflictQuery, candidates []ocpi.Key, fn func(k ocpi.Key, copies uint64)) error {
	wanted, err := withKeys(candidates)
	if err != nil {
		return err
	}
	condition, args := having[q.Kind], []any(nil)
	if !q.Party.IsZero() { // the first copy has the debtor of the CDR
		condition += " AND ((country, party) = (?, ?) OR argMin((emsp_country, emsp_party), (epoch, offset)) = (?, ?))"
		args = append(args, q.Party.Country, q.Party.ID, q.Party.Country, q.Party.ID)
	}
	return s.each(ch.Context(ctx, wanted), "list conflicts", "SELECT country, party, id, count() FROM duplicates FINAL PREWHERE (country, party, id) IN wanted"+
		" GROUP BY country, party, id HAVING "+condition+" ORDER BY country, party, id", args,
		func(rows driver.Rows) error {
			var k ocpi.Key
			var n uint64
			err := rows.Scan(&k.Party.Country, &k.Party.ID, &k.ID, &n)
			fn(k, n)
			return err
		})
}

// maxCopies bounds how many copies of one CDR are listed; the first come first.
const maxCopies = 1000

// copiesOf returns the copies of the selected CDRs, the one that counts first, then in order.
func (s *Store) copiesOf(ctx context.Context, where string, args []any) (map[ocpi.Key][]settlement.Copy, error) {
	out := map[ocpi.Key][]settlement.Copy{}
	err := s.each(ctx, "read copies", `SELECT country, party, id, partition, epoch, offset, hash, sender, received
		FROM duplicates FINAL`+where+fmt.Sprintf(`
		ORDER BY country, party, id, epoch, offset LIMIT %d BY country, party, id`, maxCopies), args,
		func(rows driver.Rows) error {
			var key ocpi.Key
			var c settlement.Copy
			var hash string
			var received time.Time
			err := rows.Scan(&key.Party.Country, &key.Party.ID, &key.ID,
				&c.Position.Partition, &c.Position.Epoch, &c.Position.Offset, &hash, &c.Sender, &received)
			copy(c.Hash[:], hash)
			c.Received = instant(ocpi.TimeOf(received))
			out[key] = append(out[key], c)
			return err
		})
	if err != nil || len(out) == 0 {
		return out, err
	}
	adopted, err := s.standingOf(ctx, slices.Collect(maps.Keys(out)))
	if err != nil {
		return nil, err
	}
	for key, at := range adopted {
		all := out[key]
		if i := slices.IndexFunc(all, func(c settlement.Copy) bool { return c.Position == at }); i >= 0 {
			counts := all[i]
			out[key] = slices.Insert(slices.Delete(all, i, i+1), 0, counts)
		}
	}
	for _, all := range out {
		for i := range all {
			all[i].Conflict = all[i].Hash != all[0].Hash
		}
	}
	return out, nil
}
