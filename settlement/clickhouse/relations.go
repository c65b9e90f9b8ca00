package clickhouse

import (
	"context"
	"fmt"

	"github.com/ClickHouse/ch-go/proto"
	ch "github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement"
)

// relationRows are rows of table relations.
type relationRows struct {
	*block
	identity
	other                  identity
	kind                   *proto.ColLowCardinality[string]
	emspCountry, emspParty *proto.ColLowCardinality[string]
	month                  proto.ColUInt32
	active                 proto.ColUInt8
	ver                    proto.ColUInt64
}

func newRelationRows() *relationRows {
	r := &relationRows{identity: newIdentity(), other: newIdentity(), kind: lowCard(), emspCountry: lowCard(), emspParty: lowCard()}
	r.block = newBlock("relations",
		values("kind", r.kind), values("month", &r.month),
		values("country", r.country), values("party", r.party), texts("id", &r.id),
		values("other_country", r.other.country), values("other_party", r.other.party), texts("other_id", &r.other.id),
		values("emsp_country", r.emspCountry), values("emsp_party", r.emspParty),
		values("active", &r.active), values("ver", &r.ver))
	return r
}

func (r *relationRows) append(version uint64, rel *settlement.Relation) {
	r.kind.Append(string(rel.Kind))
	r.month.Append(uint32(rel.Month))
	r.identity.append(rel.Key)
	r.other.append(rel.Other)
	r.emspCountry.Append(rel.EMSP.Country)
	r.emspParty.Append(rel.EMSP.ID)
	r.active.Append(flag(rel.Active))
	r.ver.Append(version)
}

// WriteRelations implements [settlement.RelationStore].
func (s *Store) WriteRelations(ctx context.Context, version uint64, relations []settlement.Relation) error {
	rows := newRelationRows()
	return s.insert(ctx, rows.block, fmt.Sprint(version), len(relations),
		func(i int) error { rows.append(version, &relations[i]); return nil })
}

// relationCursor names the last relation of a page.
type relationCursor struct {
	Kind  string    `json:"k"`
	Key   keyCursor `json:"a"`
	Other keyCursor `json:"b"`
}

// Relations implements [settlement.Reader].
func (s *Store) Relations(ctx context.Context, q settlement.RelationQuery) (settlement.RelationPage, error) {
	var page settlement.RelationPage
	cursor, err := decodeCursor[relationCursor](q.After)
	if err != nil {
		return page, err
	}
	limit := pageSize(q.Limit)
	w := relationsWhere(q)
	if q.After != "" {
		a, b := cursor.Key, cursor.Other
		w.and("(kind, month, country, party, id, other_country, other_party, other_id) > (?, ?, ?, ?, ?, ?, ?, ?)",
			cursor.Kind, a.Month, a.Country, a.Party, string(a.ID), b.Country, b.Party, string(b.ID))
	}
	err = s.scanRelations(ctx, w.String()+fmt.Sprintf(
		" ORDER BY kind, month, country, party, id, other_country, other_party, other_id LIMIT %d", limit+1), w.args,
		func(r settlement.Relation) error {
			page.Relations = append(page.Relations, settlement.ListedRelation{Relation: r})
			return nil
		})
	if err != nil {
		return page, err
	}
	if len(page.Relations) > limit {
		page.Relations = page.Relations[:limit]
		last := page.Relations[limit-1]
		page.Next, err = encodeCursor(relationCursor{string(last.Kind), cursorOf(uint32(last.Month), last.Key), cursorOf(0, last.Other)})
		if err != nil {
			return page, err
		}
	}
	return page, s.describeRelations(ctx, page.Relations)
}

// toLookInto are the kinds that something is wrong with.
var toLookInto = []string{
	string(settlement.SessionBilledTwice), string(settlement.CreditExcess), string(settlement.CreditMismatch), string(settlement.CreditOrphan), string(settlement.CreditUndecided),
}

func relationsWhere(q settlement.RelationQuery) where {
	var w where
	w.and("active")
	switch {
	case q.Kind != "":
		w.and("kind = ?", string(q.Kind))
	case q.About.ID == "":
		w.and("kind IN (?)", toLookInto)
	}
	w.months(q.From, q.To)
	w.parties(q.Party, q.CPO, q.EMSP)
	if k := q.About; k.ID != "" {
		w.and("(country = ? AND party = ? AND id = ?) OR (other_country = ? AND other_party = ? AND other_id = ?)",
			k.Party.Country, k.Party.ID, k.ID, k.Party.Country, k.Party.ID, k.ID)
	}
	return w
}

// scanRelations calls fn for the relations that a clause selects.
func (s *Store) scanRelations(ctx context.Context, clause string, args []any, fn func(settlement.Relation) error) error {
	return s.each(ctx, "list relations", `SELECT kind, month, country, party, id, other_country, other_party, other_id, emsp_country, emsp_party, active
		FROM relations FINAL`+clause, args,
		func(rows driver.Rows) error {
			var r settlement.Relation
			var kind string
			var month uint32
			var active uint8
			if err := rows.Scan(&kind, &month, &r.Key.Party.Country, &r.Key.Party.ID, &r.Key.ID,
				&r.Other.Party.Country, &r.Other.Party.ID, &r.Other.ID, &r.EMSP.Country, &r.EMSP.ID, &active); err != nil {
				return err
			}
			r.Kind, r.Month, r.Active = settlement.RelationKind(kind), ocpi.Month(month), active != 0
			return fn(r)
		})
}

// creditedIn returns a condition on rows of results: a CDR that credits cancel in
// full. Relations are in the order of kind and month, so what is looked up follows
// from the months; and rows are compared by their places, since an id of each would
// have to be read.
func creditedIn(from, to ocpi.Month) (query string, args []any) {
	var w where
	w.and("kind = ? AND active", string(settlement.Credited))
	w.months(from, to)
	return standsFor("(SELECT country, party, id FROM relations FINAL" + w.String() + ")"), w.args
}

// standsFor is a condition on rows of results: they are of the CDRs whose
// identities a table or query has.
func standsFor(identities string) string {
	return "((partition, epoch, offset) IN (SELECT partition, epoch, offset FROM cdrs FINAL WHERE (country, party, id) IN " + identities + "))"
}

// RelationsHeld implements [settlement.RelationStore].
func (s *Store) RelationsHeld(ctx context.Context, keys []ocpi.Key, fn func(settlement.Relation) error) error {
	wanted, err := withKeys(keys)
	if err != nil {
		return err
	}
	return s.scanRelations(ch.Context(ctx, wanted), " WHERE active AND ((country, party, id) IN wanted OR (other_country, other_party, other_id) IN wanted)", nil, fn)
}

// StoredRelations calls fn for every relation that holds.
func (s *Store) StoredRelations(ctx context.Context, fn func(settlement.Relation) error) error {
	return s.scanRelations(ctx, " WHERE active", nil, fn)
}

// describeRelations adds both CDRs, as far as they are known.
func (s *Store) describeRelations(ctx context.Context, relations []settlement.ListedRelation) error {
	var keys []ocpi.Key
	for i := range relations {
		keys = append(keys, relations[i].Key, relations[i].Other)
	}
	known, err := s.summaries(ctx, keys)
	if err != nil {
		return err
	}
	for i := range relations {
		r := &relations[i]
		r.CDR, r.OtherCDR = known[r.Key], known[r.Other]
	}
	return nil
}

// summaries returns the CDRs of those keys that there are.
func (s *Store) summaries(ctx context.Context, keys []ocpi.Key) (map[ocpi.Key]*settlement.CDRSummary, error) {
	places, err := s.placesOfKeys(ctx, keys)
	if err != nil {
		return nil, err
	}
	cdrs, err := s.summariesAt(ctx, places, where{}, false)
	if err != nil {
		return nil, err
	}
	found := make(map[ocpi.Key]*settlement.CDRSummary, len(cdrs))
	for i := range cdrs {
		found[cdrs[i].Key] = &cdrs[i]
	}
	return found, nil
}
