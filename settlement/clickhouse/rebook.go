package clickhouse

import (
	"context"
	"fmt"
	"slices"
	"time"

	ch "github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
)

// rebook stores later results of CDRs, and where they are found. What was
// found by their former debtor or month is taken back: written again, after an
// interruption anywhere, it does what is left. To the list of another eMSP than
// before a CDR comes now, and perhaps late. adopts: rows are of other copies than those
// that stand, and are to stand in their place.
func (s *Store) rebook(ctx context.Context, p ingest.Partition, rows []placedRow, adopts bool) error {
	if len(rows) == 0 {
		return nil
	}
	keys := make([]ocpi.Key, len(rows))
	for i := range rows {
		keys[i] = rows[i].Record.Key
	}
	stand, err := s.footings(ctx, p, keys)
	if err != nil {
		return err
	}
	counts, now := rows[:0:0], ocpi.TimeOf(time.Now())
	var owed []*placedRow // whose debtor is another one now
	var come []placedRow  // these, and those again that were being written
	for i := range rows {
		r := &rows[i]
		at := stand[r.Record.Key]
		switch {
		case at == nil && adopts:
			return fmt.Errorf("adopt a copy of %s: no copy of it counts", r.Record.Key)
		case at == nil:
		case !adopts && at.beats(r.at.position()):
			continue // a further copy never counts by itself
		case adopts || at.adopted():
			r.ver = ranked(at.ver, uint16(r.ver&ranksMask))
		}
		if at != nil && at.ver <= r.ver {
			r.earlier = at.moved(r.at)
		}
		if at != nil && at.EMSP != r.at.EMSP {
			owed = append(owed, r)
		}
		if adopts || slices.ContainsFunc(r.earlier, func(p place) bool { return p.EMSP != r.at.EMSP }) {
			r.moved = now
			if adopts || at.EMSP != r.at.EMSP || at.ver == r.ver {
				come = append(come, *r)
			}
		}
		counts = append(counts, *r)
	}
	into := blocksPool.Get().(*blocks)
	defer blocksPool.Put(into)
	what := p.String() + "/repriced"
	if err := s.relist(ctx, into, what, p, owed); err != nil {
		return err
	}
	if err := s.writePlaces(ctx, into, what, counts); err != nil {
		return err
	}
	if err := s.writeLate(ctx, into, what, come); err != nil {
		return err
	}
	return s.insert(ctx, into.results.block, what, len(counts), func(i int) error { return into.results.append(&counts[i]) })
}

// relist writes the first copies of those CDRs that came more than once again,
// with the debtor that is theirs now.
func (s *Store) relist(ctx context.Context, into *blocks, what string, p ingest.Partition, rows []*placedRow) error {
	if len(rows) == 0 {
		return nil
	}
	byKey, keys := make(map[ocpi.Key]*placedRow, len(rows)), make([]ocpi.Key, len(rows))
	for i, r := range rows {
		byKey[r.Record.Key], keys[i] = r, r.Record.Key
	}
	wanted, err := withKeys(keys)
	if err != nil {
		return err
	}
	var again []duplicate
	err = s.each(ch.Context(ctx, wanted), fmt.Sprintf("look copies of %s up", p), `SELECT country, party, id, partition, epoch, offset, hash, sender, received, conflict
		FROM duplicates FINAL WHERE partition = ? AND (country, party, id) IN wanted`, []any{p.Number},
		func(rows driver.Rows) error {
			var d duplicate
			var hash string
			var received time.Time
			var conflict uint8
			err := rows.Scan(&d.Key.Party.Country, &d.Key.Party.ID, &d.Key.ID, &d.Partition, &d.Epoch, &d.Offset, &hash, &d.Sender, &received, &conflict)
			copy(d.Hash[:], hash)
			d.Received, d.conflict = ocpi.TimeOf(received), conflict != 0
			if r := byKey[d.Key]; r != nil && d.Position == firstOf(p.Number, r.ver) {
				d.emsp, d.rank = r.at.EMSP, uint16(r.ver)
				again = append(again, d)
			}
			return err
		})
	if err != nil {
		return err
	}
	return s.insert(ctx, into.duplicates.block, what, len(again), func(i int) error { into.duplicates.append(&again[i]); return nil })
}
