package clickhouse

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	ch "github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing"
)

// place is what the rows of a CDR in results and sender_lists are found by.
// Rows of another place are other rows to the store: FINAL does not choose
// between them, so who moves a CDR takes back the rows of where it was. The JSON
// is stored.
type place struct {
	Epoch       uint8      `json:"e"`
	Offset      int64      `json:"o"`
	Month       ocpi.Month `json:"m"`
	EMSP        ocpi.Party `json:"d"`
	LastUpdated ocpi.Time  `json:"u"`
}

// placeOf is where a CDR's row belongs, booked in a month.
func placeOf(r *pricing.Row, booked ocpi.Month) place {
	return place{Epoch: r.Record.Epoch, Offset: r.Record.Offset, Month: booked, EMSP: r.Debtor, LastUpdated: r.LastUpdated}
}

// position is where the record of the place stands, as positionNumber has it.
func (p *place) position() uint64 {
	return positionNumber(ingest.Position{Epoch: p.Epoch, Offset: p.Offset})
}

// footing is the row of an identity in cdrs: where it stands, and where it may
// have stood.
type footing struct {
	place
	ver     uint64
	months  []uint32
	earlier []place
}

// adopted reports whether another copy than the first one stands.
func (s *footing) adopted() bool { return s.ver>>rankBits != 1<<48-1-s.position() }

// beats reports whether the copy that stands stays where a record of another position comes,
// for the first time or again.
func (s *footing) beats(position uint64) bool {
	return s.position() != position && (s.adopted() || s.position() < position)
}

// stood returns where the CDR stands and where it stood, the places that results may have rows
// of it at.
func (s *footing) stood(partition int32) (places []resultPlace) {
	for _, at := range append([]place{s.place}, s.earlier...) {
		for _, m := range s.months {
			p := resultPlace{ingest.Position{Epoch: at.Epoch, Partition: partition, Offset: at.Offset}, ocpi.Month(m)}
			if !slices.Contains(places, p) {
				places = append(places, p)
			}
		}
	}
	return places
}

// moved returns where a CDR has stood that comes to stand at now.
func (s *footing) moved(now place) []place {
	if s == nil {
		return nil
	}
	var earlier []place
	for _, p := range append([]place{s.place}, s.earlier...) {
		if p != now && !slices.Contains(earlier, p) {
			earlier = append(earlier, p)
		}
	}
	return earlier
}

// footings reads the rows of cdrs of those keys that have one. Keys are those
// of one partition.
func (s *Store) footings(ctx context.Context, p ingest.Partition, keys []ocpi.Key) (map[ocpi.Key]*footing, error) {
	found := map[ocpi.Key]*footing{}
	if len(keys) == 0 {
		return found, nil
	}
	wanted, err := withKeys(keys)
	if err != nil {
		return nil, err
	}
	err = s.each(ch.Context(ctx, wanted), fmt.Sprintf("look CDRs of %s up", p), `SELECT country, party, id, epoch, offset, ver, months, emsp_country, emsp_party, last_updated, earlier
		FROM cdrs FINAL WHERE partition = ? AND (country, party, id) IN wanted`, []any{p.Number},
		func(rows driver.Rows) error {
			var key ocpi.Key
			var at footing
			var lastUpdated time.Time
			var earlier string
			if err := rows.Scan(&key.Party.Country, &key.Party.ID, &key.ID, &at.Epoch, &at.Offset, &at.ver, &at.months,
				&at.EMSP.Country, &at.EMSP.ID, &lastUpdated, &earlier); err != nil {
				return err
			}
			at.LastUpdated = ocpi.TimeOf(lastUpdated)
			if len(at.months) > 0 {
				at.Month = ocpi.Month(at.months[0])
			}
			found[key] = &at
			if earlier == "" {
				return nil
			}
			return json.Unmarshal([]byte(earlier), &at.earlier)
		})
	return found, err
}

// placedRow is a CDR's row with where it stands.
type placedRow struct {
	*pricing.Row
	ver     uint64
	at      place
	earlier []place    // where it may have stood
	moved   ocpi.Time  // when it came to its eMSP, where it was another's, or nobody's, before
	result  *resultRow // its row of results where it is not to be made of Row
}

// placed is a row of a first copy, where no other row of its identity is known.
func placed(r *pricing.Row) placedRow {
	return placedRow{Row: r, at: placeOf(r, r.Booked()), ver: rowVersion(r.Record.Position, resultRank(r.Generation, r.Outcome.Status))}
}

// left returns the places in results that the CDR has left.
func (r *placedRow) left() []place {
	var left []place
	for _, p := range r.earlier {
		if p.Month != r.at.Month || p.position() != r.at.position() {
			left = append(left, p)
		}
	}
	return left
}

// came is when the CDR came to its eMSP's list.
func (r *placedRow) came() ocpi.Time { return max(r.Record.Received, r.moved) }

// listings calls fn for the rows of the CDR in sender_lists, and for those that
// take its earlier ones back. A CDR whose eMSP is not known is on no eMSP's list.
func (r *placedRow) listings(fn func(*listing)) {
	if !r.at.EMSP.IsZero() {
		fn(&listing{of: r, party: r.at.EMSP, at: r.at})
	}
	fn(&listing{of: r, party: r.Creditor, creditor: true, at: r.at})
	for _, p := range r.earlier {
		same := p.LastUpdated == r.at.LastUpdated && p.position() == r.at.position()
		if !p.EMSP.IsZero() && (p.EMSP != r.at.EMSP || !same) {
			fn(&listing{of: r, party: p.EMSP, at: p, gone: true})
		}
		if !same {
			fn(&listing{of: r, party: r.Creditor, creditor: true, at: p, gone: true})
		}
	}
}

// resultPlace is where a row of results is: reading it reads its neighbours, and
// nothing else.
type resultPlace struct {
	ingest.Position
	month ocpi.Month
}

// byKey compares places as results is ordered, within a partition.
func (p resultPlace) byKey(q resultPlace) int {
	return cmp.Or(p.month.Compare(q.month), cmp.Compare(p.Epoch, q.Epoch), cmp.Compare(p.Offset, q.Offset))
}

// atPlaces restricts results to the table of places. What it compares, FINAL never
// chooses between: it may say which rows are read at all.
const atPlaces = " PREWHERE (partition, month, epoch, offset) IN places"

// stoodSQL is where a CDR stands and where it stood, in table cdrs. Until its result is
// written that it has as another copy, the one counts that it had; then a mark is there.
const stoodSQL = "arrayDistinct(arrayPushFront(if(earlier = '', [], arrayMap(p -> (toUInt8(JSONExtractUInt(p, 'e')), toInt64(JSONExtractInt(p, 'o'))), JSONExtractArrayRaw(earlier))), (epoch, offset)))"

// placesOfKeys returns the places that results may have rows of those CDRs at.
func (s *Store) placesOfKeys(ctx context.Context, keys []ocpi.Key) (places []resultPlace, err error) {
	wanted, err := withKeys(keys)
	if err != nil {
		return nil, err
	}
	err = s.each(ch.Context(ctx, wanted), "find CDRs", "SELECT partition, at.1, at.2, arrayJoin(months) FROM (SELECT partition, months, arrayJoin("+stoodSQL+") AS at FROM cdrs FINAL"+
		" WHERE (country, party, id) IN wanted)", nil,
		func(rows driver.Rows) error {
			var place resultPlace
			var month uint32
			err := rows.Scan(&place.Partition, &place.Epoch, &place.Offset, &month)
			place.month = ocpi.Month(month)
			places = append(places, place)
			return err
		})
	return places, err
}

// placesOf is a condition on rows of results: they are of the CDRs that a condition
// on their identities selects.
func placesOf(condition string) string {
	return "(partition, month, epoch, offset) IN " + placesIn(condition)
}

// placesIn is the query of those places.
func placesIn(condition string) string {
	return "(SELECT partition, arrayJoin(months), at.1, at.2 FROM (SELECT partition, months, arrayJoin(" + stoodSQL + ") AS at FROM cdrs FINAL WHERE " + condition + "))"
}
