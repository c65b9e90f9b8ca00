package clickhouse

import (
	"context"
	"slices"

	ch "github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement"
)

var _ settlement.ChargeStore = (*Store)(nil)

// TermsOf returns who pays some CDRs by their results, and what those rest on.
func (s *Store) TermsOf(ctx context.Context, keys []ocpi.Key) (map[ocpi.Key]settlement.Terms, error) {
	wanted, err := withKeys(keys)
	if err != nil {
		return nil, err
	}
	found := make(map[ocpi.Key]settlement.Terms, len(keys))
	err = s.each(ch.Context(ctx, wanted), "read who pays CDRs", `SELECT country, party, id, emsp_country, emsp_party, reference_offset FROM results FINAL
		WHERE NOT elsewhere AND `+placesOf("(country, party, id) IN wanted"), nil,
		func(rows driver.Rows) error {
			var key ocpi.Key
			var t settlement.Terms
			err := rows.Scan(&key.Party.Country, &key.Party.ID, &key.ID, &t.Debtor.Country, &t.Debtor.ID, &t.Reference)
			found[key] = t
			return err
		})
	return found, err
}

// TokensWith calls fn for the Tokens that have or had one of some contract ids, of each
// for its last state. The index is asked by hasAny; for each row that would look at all
// of the ids, where a set is looked at once.
func (s *Store) TokensWith(ctx context.Context, contracts []string, fn func(ingest.ObjectState) error) error {
	contracts = slices.Compact(slices.Sorted(slices.Values(contracts)))
	last := map[ingest.Identity]ingest.ObjectState{}
	err := s.each(ctx, "read the Tokens of contracts", "SELECT "+objectColumns+" FROM objects WHERE object = 'token' AND indexHint(hasAny(contracts, ?)) AND arrayExists(c -> c IN (?), contracts)", []any{contracts, contracts},
		func(rows driver.Rows) error {
			o, err := scanObject(rows)
			if err != nil {
				return err
			}
			if known, ok := last[o.Identity()]; !ok || known.Position.Before(o.Position) {
				last[o.Identity()] = o
			}
			return nil
		})
	if err != nil {
		return err
	}
	for _, o := range last {
		if err := fn(o); err != nil {
			return err
		}
	}
	return nil
}

// ObjectRecords calls fn for the records that changed an object, in the order of the
// log, up to an offset. It reads which those are of all of the topic before.
func (s *Store) ObjectRecords(ctx context.Context, id ingest.Identity, upTo int64, fn func(*ingest.Record) error) error {
	return s.each(ctx, "read the records of "+id.String(), "SELECT "+recordColumns+` FROM records FINAL
		WHERE topic = ? AND offset <= ? AND object = ? AND country = ? AND party = ? AND id = ? ORDER BY epoch, offset`,
		[]any{id.Object.Topic().Short(), upTo, id.Object.String(), id.Key.Party.Country, id.Key.Party.ID, id.Key.ID},
		func(rows driver.Rows) error {
			r, err := scanRecord(rows)
			if err != nil || r.Identity() != id {
				return err
			}
			return fn(&r)
		})
}
