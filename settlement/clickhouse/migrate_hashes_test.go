package clickhouse

import (
	"fmt"
	"testing"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/google/go-cmp/cmp"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement"
	"github.com/roamclear/roamclear/settlement/clearing"
	"github.com/roamclear/roamclear/settlement/statement"
)

// Lines of before 0030 get the hashes that this binary writes with them, however often it is
// begun; but for those whose result is gone.
func TestMigrationOfHashes(t *testing.T) {
	const hashes = 30
	migrations, err := readMigrations(migrationFiles)
	if err != nil {
		t.Fatal(err)
	}
	from := newStore(t)
	b := batchOf(t, 1, 0, `
		GB*DUN NL*EXW c1 2019-01-15 GBP 5.00/6.00 priced 5.00/6.00 VAT:20=1.00
		GB*DUN NL*EXW c2 2019-01-15 GBP 5.00/6.00 priced 5.00/6.00 VAT:20=1.00
		GB*DUN NL*EXW c3 2019-01-15 GBP 5.00/6.00 priced 5.00/6.00 VAT:20=1.00
		GB*DUN NL*EXW c4 2019-01-15 GBP 5.00/6.00 priced 5.00/6.00 VAT:20=1.00
		GB*DUN NL*EXW c5 2019-01-15 GBP 5.00/6.00 priced 5.00/6.00 VAT:20=1.00`)
	b.Rows[0].SessionID, b.Rows[0].Measures.ChargeHash = "S-ö1", 1<<63+7
	b.Rows[1].Credit, b.Rows[1].CreditReferenceID, b.Rows[1].SessionID = true, "C1", "S-ö1"
	b.Rows[2].Measures.ChargeHash = 9
	b.Rows[3].Credit = true
	write(t, from, b)
	other := batchOf(t, 0, 0, `
		GB*DUN NL*EXW c6 2019-02-15 GBP 5.00/6.00 priced 5.00/6.00 VAT:20=1.00`)
	other.Rows[0].SessionID = "S6"
	write(t, from, other)
	var lines []statement.IssuedLine
	err = from.Booked(t.Context(), settlement.SettlementQuery{}, settlement.Ends{b.Partition: 5, other.Partition: 1}, func(c *settlement.BookedCDR) error {
		l := statement.IssuedLine{IssuedCDR: statement.IssuedCDR{Attempt: 7, Period: 201901, Key: c.Key, EMSP: c.EMSP, Currency: c.Currency, Month: c.Month, Version: c.Version}, Hashes: statement.HashesOf(c)}
		if c.Key.ID == "C3" {
			l.Version, l.Hashes = l.Version+2, statement.Hashes{} // its result is gone
		}
		lines = append(lines, l)
		return nil
	})
	if err == nil {
		err = from.Begin(t.Context(), clearing.Attempt{ID: 7, Period: 201901})
	}
	if err == nil {
		err = from.WriteLines(t.Context(), 7, 0, lines)
	}
	if err != nil {
		t.Fatal(err)
	}
	read := func(s *Store) (rows []string) {
		t.Helper()
		err := s.each(t.Context(), "read hashes", "SELECT id, version, session, charge, credited, emsp_country, zeroed FROM issued FINAL ORDER BY id", nil, func(r driver.Rows) error {
			var id, country string
			var version, session, charge, credited uint64
			var zeroed uint8
			err := r.Scan(&id, &version, &session, &charge, &credited, &country, &zeroed)
			rows = append(rows, fmt.Sprintf("%s %x: session %x, charge %x, credited %x %s %d", id, version, session, charge, credited, country, zeroed))
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return rows
	}
	want := read(from)
	steps := statements(migrations[hashes-1].sql)
	for done := range 3 {
		s := openStore(t, engine, fmt.Sprintf("%s_%d", EngineDatabase, databases.Add(1)))
		if err := s.migrate(t.Context(), migrations[:hashes-1]); err != nil {
			t.Fatal(err)
		}
		for _, sql := range []string{
			"INSERT INTO results SELECT * EXCEPT (connector_watts) FROM %s.results SETTINGS max_partitions_per_insert_block = 0",
			"INSERT INTO issued SELECT * EXCEPT (session, charge, credited) FROM %s.issued SETTINGS max_partitions_per_insert_block = 0",
		} {
			if err := s.conn.Exec(t.Context(), fmt.Sprintf(sql, quoteName(from.db))); err != nil {
				t.Fatal(err)
			}
		}
		for i, st := range steps[:done] {
			if err := s.execute(t.Context(), migrations[hashes-1], i, st); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.Migrate(t.Context()); err != nil {
			t.Fatalf("interrupted after statement %d: %v", done, err)
		}
		if diff := cmp.Diff(want, read(s)); diff != "" {
			t.Errorf("interrupted after statement %d, -want +got:\n%s", done, diff)
		}
	}
	if key := ocpi.NewKey("GB", "DUN", "c1"); len(want) != 6 || lines[0].Key != key || lines[0].Hashes.Session == 0 || lines[1].Hashes.Credited == 0 {
		t.Errorf("it is about %v", want)
	}
}
