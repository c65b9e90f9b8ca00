package clickhouse

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/roamclear/roamclear/ocpi"
)

// beforeNoCorrections fills a store of version 28 as a binary of then left it, once two
// re-pricings of months that were closed were applied: results as they were closed (%[1]s),
// what was found beside them (from %[2]s, which counts all of it), and the lists of a
// debtor that was found since, which were his already. Corrections stand there twice, as
// 0026 wrote them again, and those of before 0011 do not say what follows from the record.
const beforeNoCorrections = `
INSERT INTO records SELECT * FROM %[1]s.records SETTINGS max_partitions_per_insert_block = 0;
INSERT INTO checkpoints SELECT * FROM %[1]s.checkpoints;
INSERT INTO credits SELECT * FROM %[1]s.credits;
INSERT INTO results (%[3]s, elsewhere) SELECT %[3]s, elsewhere FROM %[1]s.results SETTINGS max_partitions_per_insert_block = 0;
INSERT INTO cdrs SELECT * FROM %[1]s.cdrs;
INSERT INTO cdrs SELECT * FROM %[2]s.cdrs WHERE id = 'C4';
INSERT INTO cdrs SELECT * REPLACE ((SELECT max(ver) FROM %[2]s.cdrs WHERE id = 'C1') AS ver) FROM %[1]s.cdrs WHERE id = 'C1';
INSERT INTO sender_lists SELECT * FROM %[1]s.sender_lists SETTINGS max_partitions_per_insert_block = 0;
INSERT INTO sender_lists SELECT * FROM %[2]s.sender_lists WHERE offset = 4 SETTINGS max_partitions_per_insert_block = 0;
INSERT INTO relation_progress (partition, epoch, next) VALUES (0, 1, 5);
INSERT INTO corrections (%[4]s, lands) SELECT * REPLACE ('' AS evse_id, 0 AS charge_hash) FROM (SELECT %[4]s, 201904 FROM %[2]s.repricings);
INSERT INTO corrections (%[4]s, lands) SELECT %[4]s, 201904 FROM %[2]s.repricings WHERE id = 'C1';
INSERT INTO corrections (%[5]s, lands) SELECT %[5]s, 201904 FROM %[2]s.repricings WHERE id != 'C1';
`

// The latest correction of each CDR comes to be its result, as if it had been applied to a
// month that was open, whatever statement an earlier attempt got to; what a month has no
// longer is told.
func TestMigrationOfCorrections(t *testing.T) {
	const corrections = 29
	migrations, err := readMigrations(migrationFiles)
	if err != nil {
		t.Fatal(err)
	}
	before, after := newStore(t), newStore(t)
	b := batchOf(t, 0, 0, twoMonths)
	write(t, before, b)
	write(t, after, b)
	first := repriced(t, after, b, "2/2.4") // c1, c3 of January, c4 of February
	first[0].Row.End = ocpi.TimeOf(time.Date(2019, 3, 2, 0, 0, 0, 0, time.UTC))
	first[2].Row.Debtor = ocpi.NewParty("NL", "EXW")
	apply := func(run string) {
		if err := after.ApplyRepriced(t.Context(), run, cdrsOf(0)); err != nil {
			t.Fatal(err)
		}
	}
	note(t, after, "first", first, 5)
	apply("first")
	second := repriced(t, after, b, "3/-")[1:2] // c3, corrected once more: c1 comes behind it now
	if id := second[0].Key.ID; id != "C3" {
		t.Fatalf("the second run changes %s", id)
	}
	note(t, after, "second", second, 5)
	apply("second")
	rows := "SELECT sum(sipHash64(" + resultColumns.without("connector_watts").row() + ")) FROM results FINAL WHERE NOT elsewhere"
	want, wantRows := everything(t, after), count(t, after, rows)
	then := repricedColumns.without("connector_watts") // which came later
	late := then.without("id_sent", "received", "start", "end", "last_updated", "credit_of", "session_id", "location_id", "energy_kwh", "session_sent", "credit_of_sent")
	steps := statements(migrations[corrections-1].sql)
	for done := 0; done <= len(steps); done += 2 { // a store takes seconds: after each second statement
		var log bytes.Buffer
		s := openStore(t, engine, fmt.Sprintf("%s_%d", EngineDatabase, databases.Add(1)))
		s.log = slog.New(slog.NewTextHandler(&log, nil))
		if err := s.migrate(t.Context(), migrations[:corrections-1]); err != nil {
			t.Fatal(err)
		}
		for _, st := range statements(fmt.Sprintf(beforeNoCorrections, quoteName(before.db), quoteName(after.db), resultColumns.without("connector_watts").list(), then.list(), late.list())) {
			if err := s.conn.Exec(t.Context(), st.sql); err != nil {
				t.Fatalf("%s: %v", st.sql, err)
			}
		}
		for i, st := range steps[:done] {
			if err := s.execute(t.Context(), migrations[corrections-1], i, st); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.Migrate(t.Context()); err != nil {
			t.Fatalf("interrupted after statement %d: %v", done, err)
		}
		if diff := cmp.Diff(want, everything(t, s)); diff != "" {
			t.Errorf("interrupted after statement %d, -want +got:\n%s", done, diff)
		}
		if count(t, s, rows) != wantRows {
			t.Errorf("interrupted after statement %d: a result is not the correction's", done)
		}
		if n := count(t, s, "SELECT count() FROM relation_progress"); n != 0 {
			t.Errorf("interrupted after statement %d: relations are not found again, though a debtor is another one", done)
		}
		for _, line := range []string{
			"month=2019-01 stood_in=2019-04 currency=EUR cdrs=1 computed_excl_vat=3.999999999999",
			"month=2019-01 stood_in=2019-04 currency=GBP cdrs=1 computed_excl_vat=-8",
			"month=2019-02 stood_in=2019-04 currency=GBP cdrs=1 computed_excl_vat=0.5",
		} {
			if !strings.Contains(log.String(), line) {
				t.Errorf("interrupted after statement %d: the log does not say %q:\n%s", done, line, log.String())
			}
		}
		if err := s.conn.Exec(t.Context(), "DROP DATABASE "+quoteName(s.db)+" SYNC"); err != nil {
			t.Fatal(err)
		}
	}
}
