package clickhouse

import (
	"context"
	"fmt"

	ch "github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing"
	"github.com/roamclear/roamclear/settlement"
)

var _ settlement.AdoptionStore = (*Store)(nil)

// everAdopted is a condition on identities: a person had another copy of the CDR count, now
// or at some time. They are few.
const everAdopted = "(country, party, id) IN (SELECT country, party, id FROM decisions WHERE act = 'adopt')"

// chosenSQL is the last decision about which copy of a CDR counts of each that any was made
// about: to adopt one, or to take back what was decided.
const chosenSQL = `(SELECT country, party, id, partition, control, act, copy_epoch, copy_offset FROM decisions FINAL
	WHERE act IN ('adopt', '') AND control < ? AND ` + everAdopted + ` ORDER BY country, party, id, control DESC LIMIT 1 BY country, party, id)`

// carriedSQL is behind which control record such decisions are not carried out.
const carriedSQL = "(SELECT country, party, id, max(control) + 1 AS next FROM adopted GROUP BY country, party, id)"

// pendingSQL are those of them that are not carried out.
const pendingSQL = chosenSQL + " AS d LEFT JOIN " + carriedSQL + " AS a ON d.country = a.country AND d.party = a.party AND d.id = a.id WHERE d.control >= a.next"

// Adoptions implements [settlement.AdoptionStore].
func (s *Store) Adoptions(ctx context.Context, p ingest.Partition, limit int) ([]settlement.Adoption, error) {
	var list []settlement.Adoption
	var keys []ocpi.Key
	var chosen []ingest.Position // of each, with offset -1 the first copy
	err := s.each(ctx, fmt.Sprintf("read which copies of %s are to count", p), "SELECT d.country, d.party, d.id, d.control, d.copy_epoch, d.copy_offset FROM "+pendingSQL+
		" AND d.partition = ? ORDER BY d.control LIMIT ?", []any{int64(maxOffset), p.Number, limit},
		func(rows driver.Rows) error {
			var a settlement.Adoption
			to := ingest.Position{Partition: p.Number}
			err := rows.Scan(&a.Key.Party.Country, &a.Key.Party.ID, &a.Key.ID, &a.Control, &to.Epoch, &to.Offset)
			list, keys, chosen = append(list, a), append(keys, a.Key), append(chosen, to)
			return err
		})
	if err != nil || len(list) == 0 {
		return nil, err
	}
	stand, err := s.footings(ctx, p, keys)
	if err != nil {
		return nil, err
	}
	counts, err := s.highest(ctx, p, stand)
	if err != nil {
		return nil, err
	}
	for i := range list {
		a, to, at := &list[i], chosen[i], stand[list[i].Key]
		if at == nil {
			return nil, fmt.Errorf("a copy of %s is to count, and no copy of it does: run roamclear verify", a.Key)
		}
		if to.Offset < 0 {
			to = firstOf(p.Number, at.ver)
		}
		// It stands where its result is the only one: what died between had the former one count
		// still, alone or beside it.
		of := counts[list[i].Key]
		a.Record.Position, a.Stands = to, positionNumber(to) == at.position() && of.at == at.position() && of.ver >= at.ver && of.n == 1
		a.Generation = generationOf(max(of.ver, at.ver))
	}
	return s.withRecords(ctx, list)
}

// counting are the results of a CDR that count: one, unless what writes another one died.
type counting struct {
	ver uint64 // the highest
	at  uint64 // the position of that one
	n   int
}

// highest returns which results of CDRs count: a re-pricing that moves nothing leaves their
// rows in cdrs as they are.
func (s *Store) highest(ctx context.Context, p ingest.Partition, stand map[ocpi.Key]*footing) (map[ocpi.Key]counting, error) {
	var places []resultPlace
	for _, at := range stand {
		places = append(places, at.stood(p.Number)...)
	}
	of, err := withPlaces(places)
	if err != nil {
		return nil, err
	}
	found := map[ocpi.Key]counting{}
	err = s.each(ch.Context(ctx, of), fmt.Sprintf("read which results of %s count", p), "SELECT country, party, id, epoch, offset, ver FROM results FINAL"+atPlaces+" WHERE NOT elsewhere", nil,
		func(rows driver.Rows) error {
			var k ocpi.Key
			var at ingest.Position
			var ver uint64
			err := rows.Scan(&k.Party.Country, &k.Party.ID, &k.ID, &at.Epoch, &at.Offset, &ver)
			c := found[k]
			if c.n++; ver > c.ver {
				c.ver, c.at = ver, positionNumber(at)
			}
			found[k] = c
			return err
		})
	return found, err
}

// withRecords reads the records of the first of some adoptions, as many as fit a page.
func (s *Store) withRecords(ctx context.Context, list []settlement.Adoption) ([]settlement.Adoption, error) {
	var wanted []ingest.Position
	for i := range list {
		wanted = append(wanted, list[i].Record.Position)
	}
	fit, err := s.fitting(ctx, ingest.TopicCDRs, wanted, settlement.PageBytes)
	if err != nil {
		return nil, err
	}
	records, err := s.recordsAt(ctx, ingest.TopicCDRs, fit)
	if err != nil {
		return nil, err
	}
	for i := range fit {
		a := &list[i]
		r, ok := records[a.Record.Position]
		if !ok || r.Key != a.Key {
			return nil, fmt.Errorf("record %s is to count for %s, and is no copy of it in the store: run roamclear verify", a.Record.Position, a.Key)
		}
		a.Record = r
	}
	return list[:len(fit)], nil
}

// WriteAdopted implements [settlement.AdoptionStore].
func (s *Store) WriteAdopted(ctx context.Context, p ingest.Partition, rows []pricing.Row) error {
	stand := make([]placedRow, len(rows))
	for i := range rows {
		if at := rows[i].Record.Position; at.Partition != p.Number {
			return fmt.Errorf("adopt copies of %s: row %d is record %s", p, i, at)
		}
		if err := checkResult(&rows[i]); err != nil {
			return err
		}
		stand[i] = placed(&rows[i])
	}
	return s.rebook(ctx, p, stand, true)
}

// NoteAdopted implements [settlement.AdoptionStore].
func (s *Store) NoteAdopted(ctx context.Context, p ingest.Partition, list []settlement.Adoption) error {
	batch, err := s.conn.PrepareBatch(ctx, "INSERT INTO adopted (country, party, id, partition, control)")
	if err != nil {
		return fail("note which copies count", err)
	}
	defer batch.Abort() //nolint:errcheck // of what is not sent
	for i := range list {
		k := list[i].Key
		if err := batch.Append(k.Party.Country, k.Party.ID, k.ID, p.Number, list[i].Control); err != nil {
			return fail("note which copies count", err)
		}
	}
	return fail("note which copies count", batch.Send())
}

// AdoptionsPending returns of which CDRs another copy is to count by a control record below
// an offset, and does not yet: the first of them, and how many there are.
func (s *Store) AdoptionsPending(ctx context.Context, below int64, limit int) (n int64, first []ocpi.Key, err error) {
	err = s.each(ctx, "read which copies are to count", "SELECT d.country, d.party, d.id, toInt64(count() OVER ()) FROM "+pendingSQL+
		" ORDER BY d.country, d.party, d.id LIMIT ?", []any{below, limit}, func(rows driver.Rows) error {
		var k ocpi.Key
		err := rows.Scan(&k.Party.Country, &k.Party.ID, &k.ID, &n)
		first = append(first, k)
		return err
	})
	return n, first, err
}

// Copies returns the copies of a CDR and which of them counts, or is to by what was decided
// below a control record; of very many the first. The error wraps [settlement.ErrNotFound] where there is none.
func (s *Store) Copies(ctx context.Context, key ocpi.Key, below int64) (*settlement.Copies, error) {
	all, err := s.allCopies(ctx, key)
	if err != nil {
		return nil, err
	}
	p := ingest.Partition{Topic: ingest.TopicCDRs, Number: all[0].Position.Partition}
	stand, err := s.footings(ctx, p, []ocpi.Key{key})
	if err != nil {
		return nil, err
	}
	at := stand[key]
	if at == nil {
		return nil, fmt.Errorf("copies of %s came, and none of them counts: run roamclear verify", key)
	}
	counts, err := s.highest(ctx, p, stand)
	if err != nil {
		return nil, err
	}
	out := &settlement.Copies{All: all, First: firstOf(p.Number, at.ver), Generation: generationOf(max(counts[key].ver, at.ver))}
	err = s.each(ctx, "read which copy is to count", "SELECT d.copy_epoch, d.copy_offset FROM "+pendingSQL+" AND (d.country, d.party, d.id) = (?, ?, ?)",
		[]any{below, key.Party.Country, key.Party.ID, key.ID}, func(rows driver.Rows) error {
			to := ingest.Position{Partition: p.Number}
			err := rows.Scan(&to.Epoch, &to.Offset)
			if to.Offset < 0 {
				to = out.First
			}
			out.Pending = &to
			return err
		})
	return out, err
}

// standingOf returns the records of those of some CDRs, the table wanted, of which another
// copy than the first stands.
func (s *Store) standingOf(ctx context.Context, keys []ocpi.Key) (map[ocpi.Key]ingest.Position, error) {
	wanted, err := withKeys(keys)
	if err != nil {
		return nil, err
	}
	stand := map[ocpi.Key]ingest.Position{}
	err = s.each(ch.Context(ctx, wanted), "read which copies count", "SELECT country, party, id, partition, epoch, offset FROM cdrs FINAL PREWHERE (country, party, id) IN wanted WHERE "+adoptedSQL, nil,
		func(rows driver.Rows) error {
			var k ocpi.Key
			var at ingest.Position
			err := rows.Scan(&k.Party.Country, &k.Party.ID, &k.ID, &at.Partition, &at.Epoch, &at.Offset)
			stand[k] = at
			return err
		})
	return stand, err
}

// Chosen implements [settlement.VerifyStore].
func (s *Store) Chosen(ctx context.Context, fn func(settlement.ChosenCopy) error) error {
	type choice struct {
		settlement.ChosenCopy
		to ingest.Position // offset -1: the first copy
	}
	byPartition := map[int32][]choice{}
	err := s.each(ctx, "read which copies are to count", "SELECT c.country, c.party, c.id, c.control, c.partition, c.copy_epoch, c.copy_offset, c.control >= a.next FROM "+chosenSQL+
		" AS c LEFT JOIN "+carriedSQL+" AS a ON c.country = a.country AND c.party = a.party AND c.id = a.id ORDER BY c.country, c.party, c.id", []any{int64(maxOffset)},
		func(rows driver.Rows) error {
			var c choice
			var pending uint8
			err := rows.Scan(&c.Key.Party.Country, &c.Key.Party.ID, &c.Key.ID, &c.Control, &c.to.Partition, &c.to.Epoch, &c.to.Offset, &pending)
			if c.Pending = pending != 0; c.to.Offset >= 0 {
				to := c.to
				c.To = &to
			}
			byPartition[c.to.Partition] = append(byPartition[c.to.Partition], c)
			return err
		})
	if err != nil {
		return err
	}
	for number, list := range byPartition {
		var keys []ocpi.Key
		for i := range list {
			keys = append(keys, list[i].Key)
		}
		p := ingest.Partition{Topic: ingest.TopicCDRs, Number: number}
		stand, err := s.footings(ctx, p, keys)
		if err != nil {
			return err
		}
		counts, err := s.highest(ctx, p, stand)
		if err != nil {
			return err
		}
		var positions []ingest.Position
		for i := range list {
			c := &list[i]
			at := stand[c.Key]
			if at == nil {
				return fmt.Errorf("a copy of %s is to count, and no copy of it does", c.Key)
			}
			switch c.First = firstOf(number, at.ver); {
			case c.Pending && counts[c.Key].n > 0: // it may be found by the other one already
				c.Position = positionOf(number, counts[c.Key].at)
			case c.Pending:
				c.Position = positionOf(number, at.position())
			case c.to.Offset < 0:
				c.Position = c.First
			default:
				c.Position = c.to
			}
			positions = append(positions, c.Position)
		}
		records, err := s.copiesAt(ctx, positions)
		if err != nil {
			return err
		}
		for i := range list {
			list[i].Hash = records[list[i].Position].Hash
			if err := fn(list[i].ChosenCopy); err != nil {
				return err
			}
		}
	}
	return nil
}
