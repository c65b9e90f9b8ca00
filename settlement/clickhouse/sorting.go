package clickhouse

import (
	"context"
	"slices"
	"time"

	ch "github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing"
)

// sorted is a batch of CDRs, told apart: the first copies, which stand for their
// identities, and all copies of those that came more than once.
type sorted struct {
	hashes     []uint64 // of the rows' identities, for identities
	first      []placedRow
	duplicates []duplicate
}

// group is the rows of a batch that are copies of one CDR, in the order of their
// positions, with where it stands in the store, nil where it does not.
type group struct {
	rows  []*pricing.Row
	at    *footing
	held  bool // the store's copy stands, and not one of them
	apart bool // the store's copy is none of them
}

// sort tells the first copies of a batch from further ones: the lowest position
// stands for the identity, in the batch or in the store.
func (s *Store) sort(ctx context.Context, p ingest.Partition, k *identities, rows []pricing.Row) (*sorted, error) {
	out := &sorted{hashes: make([]uint64, len(rows)), first: make([]placedRow, 0, len(rows))}
	suspect := out.suspects(k, rows)
	var keys []ocpi.Key
	groups := map[ocpi.Key]*group{}
	for i := range rows {
		row := &rows[i]
		if !suspect[i] {
			out.first = append(out.first, placed(row))
			continue
		}
		g := groups[row.Record.Key]
		if g == nil {
			g = &group{}
			groups[row.Record.Key], keys = g, append(keys, row.Record.Key)
		}
		g.rows = append(g.rows, row)
	}
	stand, err := s.footings(ctx, p, keys)
	if err != nil {
		return nil, err
	}
	var apart []ingest.Position
	for _, key := range keys {
		g := groups[key]
		if g.meet(stand[key]); g.apart {
			apart = append(apart, p.At(g.at.Offset))
			apart[len(apart)-1].Epoch = g.at.Epoch
		}
	}
	stored, err := s.copiesAt(ctx, apart)
	if err != nil {
		return nil, err
	}
	now := ocpi.TimeOf(time.Now())
	for _, key := range keys {
		out.tell(groups[key], key, stored, now)
	}
	return out, nil
}

// suspects says which rows may have come before, in the store or in the batch.
func (o *sorted) suspects(k *identities, rows []pricing.Row) []bool {
	seen, suspect := make(map[uint64]int, len(rows)), make([]bool, len(rows))
	for i := range rows {
		h := k.hash(rows[i].Record.Key)
		o.hashes[i], suspect[i] = h, k.has(h)
		if before, again := seen[h]; again {
			suspect[i], suspect[before] = true, true
		}
		seen[h] = i
	}
	return suspect
}

func (g *group) meet(at *footing) {
	if g.at = at; at == nil {
		return
	}
	g.held, g.apart = at.adopted() || at.beats(positionNumber(g.rows[0].Record.Position)), true
	for _, r := range g.rows {
		if at.position() == positionNumber(r.Record.Position) {
			g.apart = false
		}
	}
}

// tell adds a group's first copy where the store does not have it, and all its
// copies where there is more than one.
func (o *sorted) tell(g *group, key ocpi.Key, stored map[ingest.Position]ingest.Record, now ocpi.Time) {
	if !g.held {
		row := placed(g.rows[0])
		if g.at != nil && g.at.ver <= row.ver { // a replay of what was priced again since moves nothing
			row.earlier = g.at.moved(row.at)
		}
		if slices.ContainsFunc(row.earlier, func(p place) bool { return p.EMSP != row.at.EMSP }) {
			row.moved = now // an earlier copy is stored after a later one, and says another eMSP
		}
		o.first = append(o.first, row)
	}
	if len(g.rows) == 1 && !g.apart {
		return
	}
	reference := g.rows[0].Record.Hash
	chosen := g.at != nil && g.at.adopted() // among copies of several contents
	if g.apart {
		position := g.rows[0].Record.Position
		position.Epoch, position.Offset = g.at.Epoch, g.at.Offset
		if record, ok := stored[position]; ok { // else verify tells
			if g.held {
				reference = record.Hash
			}
			record.Key = key
			o.duplicates = append(o.duplicates, duplicate{Record: record, emsp: g.at.EMSP, rank: uint16(g.at.ver), conflict: chosen || record.Hash != reference})
		}
	}
	for _, r := range g.rows {
		copied := duplicate{Record: r.Record, emsp: r.Debtor, rank: resultRank(r.Generation, r.Outcome.Status), conflict: chosen || r.Record.Hash != reference}
		copied.Body = nil
		o.duplicates = append(o.duplicates, copied)
	}
}

// copiesAt reads of CDR records what table duplicates has of them.
func (s *Store) copiesAt(ctx context.Context, positions []ingest.Position) (map[ingest.Position]ingest.Record, error) {
	found := make(map[ingest.Position]ingest.Record, len(positions))
	if len(positions) == 0 {
		return found, nil
	}
	wanted, err := withPositions(positions)
	if err != nil {
		return nil, err
	}
	err = s.each(ch.Context(ctx, wanted), "read copies of CDRs", `SELECT partition, epoch, offset, sender, received, hash FROM records
		WHERE topic = 'cdrs' AND (partition, epoch, offset) IN wanted`, nil,
		func(rows driver.Rows) error {
			var r ingest.Record
			var received time.Time
			var hash string
			err := rows.Scan(&r.Partition, &r.Epoch, &r.Offset, &r.Sender, &received, &hash)
			r.Received = ocpi.TimeOf(received)
			copy(r.Hash[:], hash)
			found[r.Position] = r
			return err
		})
	return found, err
}
