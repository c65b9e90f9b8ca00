package clickhouse

import (
	"context"
	"encoding/json"
	"fmt"
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

// TokensWith calls fn for the Tokens that have or had one of some contracts, with which
// one. The index is asked by hasAny; for each row that would look at all of the ids,
// where a set is looked at once. Bodies are not read, and of a contract no more rows
// than are looked at: an eMSP may have any number of large Tokens with one.
func (s *Store) TokensWith(ctx context.Context, contracts []settlement.Contract, fn func(settlement.Contract, ingest.ObjectState) error) error {
	var ids, pairs []string
	for _, c := range contracts {
		ids, pairs = append(ids, c.ID), append(pairs, c.Party.String()+"*"+c.ID)
	}
	ids = slices.Compact(slices.Sorted(slices.Values(ids)))
	// The index is asked by what stands in the text alone; ids have 255 bytes at most.
	ctx = ch.Context(ctx, ch.WithSettings(ch.Settings{"max_query_size": 4 << 20}))
	return s.each(ctx, "read the Tokens of contracts", `SELECT country, party, id, sub, zones,
			arrayJoin(arrayFilter(c -> concat(country, '*', party, '*', c) IN (?), contracts)) AS contract
		FROM objects WHERE object = 'token' AND indexHint(hasAny(contracts, ?)) AND arrayExists(c -> c IN (?), contracts)
		LIMIT ? BY country, party, contract`, []any{pairs, ids, ids, settlement.MaxTokens + 1},
		func(rows driver.Rows) error {
			o := ingest.ObjectState{Object: ingest.ObjectToken}
			var changes []byte
			var contract string
			if err := rows.Scan(&o.Key.Party.Country, &o.Key.Party.ID, &o.Key.ID, &o.Variant, &changes, &contract); err != nil {
				return err
			}
			if err := json.Unmarshal(changes, &o.Changes); err != nil {
				return fmt.Errorf("changes of %s: %w", o.Identity(), err)
			}
			return fn(settlement.Contract{Party: o.Key.Party, ID: contract}, o)
		})
}

// TokenUIDs returns the uids of Tokens as they are written.
func (s *Store) TokenUIDs(ctx context.Context, ids []ingest.Identity) (map[ingest.Identity]string, error) {
	keys := make([]ocpi.Key, len(ids))
	for i, id := range ids {
		keys[i] = id.Key
	}
	wanted, err := withKeys(keys)
	if err != nil {
		return nil, err
	}
	uids := make(map[ingest.Identity]string, len(ids))
	err = s.each(ch.Context(ctx, wanted), "read the uids of Tokens", `SELECT country, party, id, sub, argMax(JSONExtractString(body, 'uid'), ver) FROM objects
		WHERE object = 'token' AND (country, party, id) IN wanted GROUP BY country, party, id, sub`, nil,
		func(rows driver.Rows) error {
			id, uid := ingest.Identity{Object: ingest.ObjectToken}, ""
			err := rows.Scan(&id.Key.Party.Country, &id.Key.Party.ID, &id.Key.ID, &id.Variant, &uid)
			if slices.Contains(ids, id) {
				uids[id] = uid
			}
			return err
		})
	return uids, err
}

// ObjectRecords calls fn for the records that changed an object, in the order of the
// log, up to an offset. Those of Locations are found by their ids; which they are of
// others, it reads of all of the topic before. A record that stands there twice is the
// same: none has to be chosen.
func (s *Store) ObjectRecords(ctx context.Context, id ingest.Identity, upTo int64, fn func(*ingest.Record) error) error {
	found := "id = ?"
	if id.Object == ingest.ObjectLocation {
		found = "if(object = 'location', id, '') = ?"
	}
	return s.each(ctx, "read the records of "+id.String(), "SELECT "+recordColumns+` FROM records
		PREWHERE topic = ? AND offset <= ? AND object = ? AND country = ? AND party = ? AND `+found+` ORDER BY epoch, offset LIMIT 1 BY epoch, offset`,
		[]any{id.Object.Topic().Short(), upTo, id.Object.String(), id.Key.Party.Country, id.Key.Party.ID, id.Key.ID},
		func(rows driver.Rows) error {
			r, err := scanRecord(rows)
			if err != nil || r.Identity() != id {
				return err
			}
			return fn(&r)
		})
}
