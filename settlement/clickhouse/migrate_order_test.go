package clickhouse

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement"
)

// beforeOrder fills the tables of the schema before 0009, of version 8, as a
// binary of then did: with what the database named %s holds. Every copy had its
// rows in cdrs and results, those that do not count too, and the debtor of c5,
// found later, was in results alone.
const beforeOrder = `
INSERT INTO records SELECT * FROM %[1]s.records SETTINGS max_partitions_per_insert_block = 0;
INSERT INTO checkpoints SELECT * FROM %[1]s.checkpoints;
INSERT INTO copies SELECT country, party, id, partition, epoch, offset, hash, sender, received FROM %[1]s.records SETTINGS max_partitions_per_insert_block = 0;
INSERT INTO results (%[2]s) SELECT %[2]s FROM %[1]s.results FINAL WHERE NOT elsewhere SETTINGS max_partitions_per_insert_block = 0;
INSERT INTO results (%[2]s) SELECT * REPLACE (offset + 1000 AS offset, ver - bitShiftLeft(toUInt64(1000), 16) AS ver, 202001 AS month) FROM (SELECT %[2]s FROM %[1]s.results WHERE id LIKE 'C%%') SETTINGS max_partitions_per_insert_block = 0;
INSERT INTO cdrs (country, party, id, partition, epoch, offset, ver, id_sent, sender, version, hash, received, cpo_country, cpo_party,
	emsp_country, emsp_party, start, end, last_updated, month, currency, credit, credit_of, session_id, location_id, energy_kwh)
SELECT r.country, r.party, r.id, r.partition, r.epoch, r.offset, r.ver,
	multiIf(r.id_sent = '', r.id, r.id_sent = '\0', lower(r.id), r.id_sent), c.sender, c.version, c.hash, c.received, r.cpo_country, r.cpo_party,
	if(r.id = 'C5', '', r.emsp_country), if(r.id = 'C5', '', r.emsp_party), r.start, r.end, r.last_updated, r.month, r.currency, r.credit, r.credit_of, r.session_id, r.location_id, r.energy_kwh
FROM (SELECT * FROM %[1]s.results FINAL WHERE NOT elsewhere) AS r INNER JOIN %[1]s.records AS c ON r.partition = c.partition AND r.offset = c.offset
SETTINGS max_partitions_per_insert_block = 0;
INSERT INTO cdrs SELECT * REPLACE (offset + 1000 AS offset, ver - bitShiftLeft(toUInt64(1000), 16) AS ver, 202001 AS month) FROM cdrs WHERE id LIKE 'C%%' SETTINGS max_partitions_per_insert_block = 0;
`

// A store of before opens and says the same, whatever statement an earlier
// attempt got to.
func TestMigrationToOrderGoesOnAnywhere(t *testing.T) {
	migrations, err := readMigrations(migrationFiles)
	if err != nil {
		t.Fatal(err)
	}
	const order, before = 11, 8
	if !strings.HasSuffix(migrations[order-1].name, "order") {
		t.Fatalf("migration %d is %s", order, migrations[order-1].name)
	}
	from := newStore(t)
	write(t, from, batchOf(t, 0, 0, january+`
		GB*DUN NL*EXW c5 2019-03-01 GBP 1.00/1.20 priced 1.00/1.20 -`), batchOf(t, 1, 0, `
		FR*BEL FR*IZI P1 2019-01-09 EUR 2.00/2.40 priced 2.00/2.40 - #a
		FR*BEL FR*IZI P1 2019-02-09 EUR 3.00/3.60 priced 3.00/3.60 - #b
		FR*BEL FR*IZI pX 2019-02-09 EUR 3.00/3.60 priced 3.00/3.60 - #b`))
	fill := statements(fmt.Sprintf(beforeOrder, quoteName(from.db), beforeColumns()))
	want := everything(t, from)
	steps := statements(migrations[order-1].sql)
	for done := 0; done <= len(steps); done += 4 { // a store takes seconds: after each fourth statement
		s := openStore(t, engine, fmt.Sprintf("%s_%d", EngineDatabase, databases.Add(1)))
		if err := s.migrate(t.Context(), migrations[:before]); err != nil {
			t.Fatal(err)
		}
		for _, st := range fill {
			if err := s.conn.Exec(t.Context(), st.sql); err != nil {
				t.Fatalf("%s: %v", st.sql, err)
			}
		}
		if err := s.migrate(t.Context(), migrations[:order-1]); err != nil {
			t.Fatal(err)
		}
		for i, st := range steps[:done] {
			if err := s.execute(t.Context(), migrations[order-1], i, st); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.Migrate(t.Context()); err != nil {
			t.Fatalf("interrupted after statement %d: %v", done, err)
		}
		if diff := cmp.Diff(want, everything(t, s)); diff != "" {
			t.Errorf("interrupted after statement %d, -want +got:\n%s", done, diff)
		}
		left := count(t, s, "SELECT count() FROM system.tables WHERE database = currentDatabase() AND (name LIKE '%_placed' OR name IN ('copies', 'copies_all', 'duplicates_keys', 'credits_of_cdrs'))")
		if left != 0 {
			t.Errorf("interrupted after statement %d: %d tables are left over", done, left)
		}
		if err := s.conn.Exec(t.Context(), "DROP DATABASE "+quoteName(s.db)+" SYNC"); err != nil {
			t.Fatal(err)
		}
	}
}

// beforeColumns are the columns that results had before 0011.
func beforeColumns() string {
	return resultColumns.without("issuers", "id_sent", "received", "start", "end", "last_updated", "credit_of", "session_id", "location_id", "energy_kwh", "session_sent", "credit_of_sent", "doubt", "connector_watts").
		without(measureColumns.names()...).list()
}

// everything is what a store says of its CDRs, and what verify reads of it.
func everything(t *testing.T, s *Store) string {
	t.Helper()
	out := settle(t, s, settlement.SettlementQuery{}) + ranges(t, s, 0, 5000)
	page, err := s.CDRs(t.Context(), settlement.CDRQuery{})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range page.CDRs {
		d, err := s.CDR(t.Context(), c.Key)
		if err != nil {
			t.Fatal(err)
		}
		out += fmt.Sprintf("%s %s %s %s %s %s %s %s %s %s %s %v\n", c.Month, c.Key, c.ID, c.EMSP, c.Start, c.End, c.Received, c.SessionID, c.LocationID, c.CreditOf, d.Raw, d.Copies)
	}
	list, err := s.OCPICDRs(t.Context(), settlement.OCPIQuery{Debtors: []ocpi.Party{ocpi.NewParty("NL", "EXW")}, Creditors: []ocpi.Party{ocpi.NewParty("FR", "BEL")}})
	if err != nil {
		t.Fatal(err)
	}
	conflicts, err := s.Conflicts(t.Context(), settlement.ConflictQuery{Party: ocpi.NewParty("FR", "IZI")})
	if err != nil {
		t.Fatal(err)
	}
	var named []string
	if err := s.CreditsNamed(t.Context(), func(of ocpi.Key) error { named = append(named, of.String()); return nil }); err != nil {
		t.Fatal(err)
	}
	return out + fmt.Sprintf("%d %s\n%+v\n%s\n", list.Total, list.Bodies, conflicts.Conflicts, named)
}
