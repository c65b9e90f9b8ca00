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
	copies, err := s.copiesOf(ch.Context(ctx, wanted), " WHERE (country, party, id) IN wanted", nil)
	if err != nil {
		return page, err
	}
	counted, err := s.summaries(ctx, keys)
	if err != nil {
		return page, err
	}
	for _, key := range keys {
		if all := copies[key]; len(all) > 1 {
			c := settlement.Conflict{Key: key, ID: key.ID, First: all[0], Others: all[1:]}
			if cdr := counted[key]; cdr != nil { // else it is not priced yet
				c.ID = cdr.ID
			}
			page.Conflicts = append(page.Conflicts, c)
		}
	}
	return page, nil
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
func (s *Store) conflictKeys(ctx context.Context, q settlement.ConflictQuery) (keys []ocpi.Key, more bool, err error) {
	cursor, err := decodeCursor[keyCursor](q.After)
	if err != nil {
		return nil, false, err
	}
	var w where
	if q.After != "" {
		w.and("(country, party, id) > (?, ?, ?)", cursor.Country, cursor.Party, string(cursor.ID))
	}
	if !q.CPO.IsZero() {
		w.and("country = ? AND party = ?", q.CPO.Country, q.CPO.ID) // the CPO is part of a CDR's identity
	}
	if q.ID != "" {
		w.and("id = ?", q.ID)
	}
	wanted, args := having[q.Kind], w.args
	if !q.Party.IsZero() { // the first copy has the debtor of the CDR
		wanted += " AND ((country, party) = (?, ?) OR argMin((emsp_country, emsp_party), (epoch, offset)) = (?, ?))"
		args = append(args, q.Party.Country, q.Party.ID, q.Party.Country, q.Party.ID)
	}
	limit, copies := pageSize(q.Limit), uint64(0)
	err = s.each(ctx, "list conflicts", "SELECT country, party, id, count() FROM duplicates FINAL"+w.String()+
		fmt.Sprintf(` GROUP BY country, party, id HAVING %s
		ORDER BY country, party, id LIMIT %d SETTINGS optimize_aggregation_in_order = 1`, wanted, limit+1), args,
		func(rows driver.Rows) error {
			var k ocpi.Key
			var n uint64
			if err := rows.Scan(&k.Party.Country, &k.Party.ID, &k.ID, &n); err != nil || more {
				return err
			}
			copies += min(n, maxCopies)
			if more = len(keys) == limit || len(keys) > 0 && copies > settlement.PageBytes/copyBytes; !more {
				keys = append(keys, k)
			}
			return nil
		})
	return keys, more, err
}

// maxCopies bounds how many copies of one CDR are listed; the first come first.
const maxCopies = 1000

// copiesOf returns the copies of the selected CDRs, the first ones first.
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
			if all := out[key]; len(all) > 0 {
				c.Conflict = c.Hash != all[0].Hash
			}
			out[key] = append(out[key], c)
			return err
		})
	return out, err
}
