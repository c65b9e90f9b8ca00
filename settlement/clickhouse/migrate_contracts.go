package clickhouse

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	ch "github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/ext"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
)

// contractsAtOnce is how many rows are written anew together: they stand side by side in
// the table, so that nearly nothing else is read for them.
const contractsAtOnce = 20_000

// tokenContracts is a row of a Token with the contract ids that it is to be found by.
type tokenContracts struct {
	key             ocpi.Key
	sub             string
	ver             uint64
	body            string   // the contract id that it names; "" where changes were kept
	changes         []byte   // column zones
	contracts, were []string // as they are to be, and as they are
}

// foldContracts writes the rows of Tokens anew whose contract ids are not those that
// contractsOf says. It reads narrow columns in the order of the table, of Tokens whose
// changes were not kept the body too, and takes as much memory as it writes at once. A
// row keeps its version, and the one that is written last counts; done again, it writes
// again what merges have not put together yet.
func (s *Store) foldContracts(ctx context.Context) error {
	for _, read := range []string{
		"'' AS said, zones FROM objects WHERE object = 'token' AND NOT " + noChanges,
		"JSONExtractString(body, if(version = 1, 'auth_id', 'contract_id')) AS said, zones FROM objects WHERE object = 'token' AND " + noChanges,
	} {
		var wrong []tokenContracts
		done := 0
		flush := func() error {
			if err := s.writeContracts(ctx, wrong); err != nil {
				return err
			}
			if done += len(wrong); len(wrong) == contractsAtOnce {
				s.log.Info("migrating the store: Tokens are found by their contracts", "tokens", done)
			}
			wrong = wrong[:0]
			return nil
		}
		err := s.each(ctx, "read the contracts of Tokens", "SELECT country, party, id, sub, ver, contracts, "+read+
			" ORDER BY object, country, party, id, sub SETTINGS max_threads = 1", nil,
			func(rows driver.Rows) error {
				var t tokenContracts
				if err := rows.Scan(&t.key.Party.Country, &t.key.Party.ID, &t.key.ID, &t.sub, &t.ver, &t.were, &t.body, &t.changes); err != nil {
					return err
				}
				if stands, err := t.fold(); err != nil || stands {
					return err
				}
				if wrong = append(wrong, t); len(wrong) < contractsAtOnce {
					return nil
				}
				return flush()
			})
		if err == nil {
			err = flush()
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// fold says by which contracts the Token is to be found, and whether it is.
func (t *tokenContracts) fold() (stands bool, err error) {
	state := ingest.ObjectState{Object: ingest.ObjectToken}
	if t.body != "" {
		state.Changes = []ingest.Change{{Contract: ocpi.Fold(t.body)}}
	} else if err := json.Unmarshal(t.changes, &state.Changes); err != nil && len(t.changes) > 0 {
		return false, fmt.Errorf("changes of token %s: %w", t.key, err)
	}
	state.Changes = named(state.Changes)
	t.contracts = contractsOf(&state)
	slices.Sort(t.were)
	t.were = slices.DeleteFunc(slices.Compact(t.were), func(c string) bool { return c == "" })
	want := slices.Sorted(slices.Values(t.contracts))
	return slices.Equal(want, t.were), nil
}

// writeContracts writes rows anew with the contracts they are to have.
func (s *Store) writeContracts(ctx context.Context, rows []tokenContracts) error {
	if len(rows) == 0 {
		return nil
	}
	table, err := ext.NewTable("folded", ext.Column("f_country", "String"), ext.Column("f_party", "String"), ext.Column("f_id", "String"),
		ext.Column("f_sub", "String"), ext.Column("f_ver", "UInt64"), ext.Column("f_contracts", "Array(String)"))
	for i := 0; i < len(rows) && err == nil; i++ {
		r := &rows[i]
		contracts := r.contracts
		if contracts == nil {
			contracts = []string{}
		}
		err = table.Append(r.key.Party.Country, r.key.Party.ID, r.key.ID, r.sub, r.ver, contracts)
	}
	if err != nil {
		return fmt.Errorf("make table of contracts: %w", err)
	}
	return fail("write the contracts of Tokens", s.conn.Exec(ch.Context(ctx, ch.WithExternalTable(table)), `INSERT INTO objects
		SELECT o.* REPLACE (f_contracts AS contracts)
		FROM (SELECT * FROM objects WHERE object = 'token' AND (country, party, id) IN (SELECT f_country, f_party, f_id FROM folded)) AS o
		INNER JOIN folded ON toString(o.country) = f_country AND toString(o.party) = f_party AND o.id = f_id AND o.sub = f_sub AND o.ver = f_ver
		SETTINGS insert_deduplicate = 0, max_partitions_per_insert_block = 0, max_threads = 1`))
}
