package clickhouse

import (
	"context"
	"fmt"
	"slices"

	ch "github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/ext"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/settlement"
)

// sameID selects of some lists, whatever the window, what is of some ids: country,
// party, id and sub of each.
type sameID struct {
	where
	from string
}

// sameObjects selects objects by their rows on the lists. The index of ids is good
// beside FINAL: all rows of a place on a list are of one object.
func (l *list) sameObjects() sameID {
	return sameID{l.on(l.parts), "SELECT DISTINCT country, party, id, sub FROM object_lists FINAL"}
}

// sameCDRs selects CDRs, whose lists do not say their ids.
func sameCDRs(q *settlement.OCPIQuery) sameID {
	same := sameID{from: "SELECT DISTINCT country, party, id, '' FROM cdrs FINAL"}
	var either where
	if n := len(q.Debtors); n > 0 {
		of, args := tuples(n, 2, func(i int) []any { return []any{q.Debtors[i].Country, q.Debtors[i].ID} })
		either.and("(emsp_country, emsp_party) IN "+of, args...)
	}
	if n := len(q.Creditors); n > 0 {
		of, args := tuples(n, 2, func(i int) []any { return []any{q.Creditors[i].Country, q.Creditors[i].ID} })
		either.and("(country, party) IN "+of, args...)
	}
	same.or(either)
	if only := q.Only; !only.IsZero() {
		same.and("(emsp_country, emsp_party) = (?, ?) OR (country, party) = (?, ?)", only.Country, only.ID, only.Country, only.ID)
	}
	return same
}

// addOthers says of each item of a page what else of its id is on the lists.
func (s *Store) addOthers(ctx context.Context, l *list, page *settlement.OCPIPage) error {
	if len(page.Identities) == 0 {
		return nil
	}
	ids := make([]string, 0, len(page.Identities))
	for _, id := range page.Identities {
		ids = append(ids, id.Key.ID)
	}
	slices.Sort(ids)
	table, err := ext.NewTable("same_ids", ext.Column("id", "String")) // they may be long
	for _, id := range slices.Compact(ids) {
		if err == nil {
			err = table.Append(id)
		}
	}
	if err != nil {
		return fmt.Errorf("make table of ids: %w", err)
	}
	w := l.sameID.where
	w.and("id IN same_ids")
	found := map[string][]ingest.Identity{}
	err = s.each(ch.Context(ctx, ch.WithExternalTable(table)), "look up what has the ids of "+l.what, l.sameID.from+w.String()+" SETTINGS use_skip_indexes_if_final = 1", w.args,
		func(r driver.Rows) error {
			id := ingest.Identity{Object: page.Identities[0].Object}
			err := r.Scan(&id.Key.Party.Country, &id.Key.Party.ID, &id.Key.ID, &id.Variant)
			found[id.Key.ID] = append(found[id.Key.ID], id)
			return err
		})
	if err != nil {
		return err
	}
	page.Others = make([][]ingest.Identity, len(page.Identities))
	for i, id := range page.Identities {
		page.Others[i] = slices.DeleteFunc(slices.Clone(found[id.Key.ID]), func(o ingest.Identity) bool { return o == id })
	}
	return nil
}
