package clickhouse

import (
	"bytes"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/roamclear/roamclear/pricing"
	"github.com/roamclear/roamclear/settlement"
)

// A result of more than 255 re-pricings keeps all that it says, wherever the migration was
// interrupted, and cannot be priced again; what is found by its version is found still.
func TestMigrationOfGenerations(t *testing.T) {
	const generations = 32
	migrations, err := readMigrations(migrationFiles)
	if err != nil {
		t.Fatal(err)
	}
	from := newStore(t)
	b := batchOf(t, 0, 0, twoMonths)
	write(t, from, b)
	again := slices.Clone(b.Rows[:1]) // c1
	again[0].Generation, again[0].Outcome.Computed, again[0].Outcome.Explanation = pricing.MaxGeneration, amountsIn("2/2.4"), []byte(`{"lines":[2]}`)
	if err := from.WriteResults(t.Context(), b.Partition, again); err != nil {
		t.Fatal(err)
	}
	steps := statements(migrations[generations-1].sql)
	for done := range len(steps) + 1 {
		s := openStore(t, engine, fmt.Sprintf("%s_%d", EngineDatabase, databases.Add(1)))
		var said bytes.Buffer
		s.log = slog.New(slog.NewTextHandler(&said, nil))
		if err := s.migrate(t.Context(), migrations[:generations-1]); err != nil {
			t.Fatal(err)
		}
		for table, columns := range map[string]string{"records": "*", "checkpoints": "*", "results": "* EXCEPT (connector_watts)", "cdrs": "*", "sender_lists": "*"} {
			if err := s.conn.Exec(t.Context(), fmt.Sprintf("INSERT INTO %s SELECT %[3]s FROM %[2]s.%[1]s SETTINGS max_partitions_per_insert_block = 0", table, quoteName(from.db), columns)); err != nil {
				t.Fatal(err)
			}
		}
		// As binaries of before 0028 wrote them: the 300th, beside the 255th.
		for _, sql := range []string{
			"INSERT INTO results SELECT * REPLACE (300 AS generation, ver + 90 AS ver, 3 AS computed_excl, 'x' AS detail) FROM (SELECT * FROM results FINAL WHERE generation = 255)",
			"INSERT INTO cdrs SELECT * REPLACE (ver + 90 AS ver) FROM cdrs FINAL WHERE id = 'C1'",
			"INSERT INTO sender_lists SELECT * REPLACE (ver + 90 AS ver) FROM sender_lists FINAL WHERE offset = 0",
			"INSERT INTO duplicates (country, party, id, offset, ver, emsp_country) VALUES ('GB', 'DUN', 'C1', 0, 601, 'NL')",
			"INSERT INTO repricings (run, id, generation, status) SELECT * FROM VALUES ('run String, id String, generation UInt16, status String', ('audit', 'C1', 301, 'priced'), ('other', 'C1', 255, 'priced')) SETTINGS max_partitions_per_insert_block = 0",
			"INSERT INTO repricing_progress (run, next) SELECT * FROM VALUES ('run String, next Int64', ('audit', 1), ('other', 1)) SETTINGS max_partitions_per_insert_block = 0",
		} {
			if err := s.conn.Exec(t.Context(), sql); err != nil {
				t.Fatal(err)
			}
		}
		for i, st := range steps[:done] {
			if err := s.execute(t.Context(), migrations[generations-1], i, st); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.Migrate(t.Context()); err != nil {
			t.Fatalf("interrupted after statement %d: %v", done, err)
		}
		d, err := s.CDR(t.Context(), keyOf("c1"))
		if err != nil || d.Generation != pricing.MaxGeneration || d.ComputedExcl.String() != "3" || d.Detail != "x" || string(d.Explanation) != `{"lines":[2]}` {
			t.Errorf("interrupted after statement %d: %v, %+v", done, err, d)
		}
		if n, first, err := s.Spent(t.Context(), &wholeYear, 9); err != nil || n != 1 || len(first) != 1 {
			t.Errorf("interrupted after statement %d: %d are spent, %v, %v", done, n, first, err)
		}
		for _, q := range []string{
			"SELECT count() FROM results WHERE bitAnd(ver, 65535) > 511", "SELECT count() FROM cdrs WHERE bitAnd(ver, 65535) > 511",
			"SELECT count() FROM sender_lists WHERE bitAnd(ver, 65535) > 511", "SELECT count() FROM duplicates WHERE ver > 511",
		} {
			if n := count(t, s, q); n != 0 {
				t.Errorf("interrupted after statement %d: %d rows: %s", done, n, q)
			}
		}
		if begun, err := s.Begun(t.Context()); err != nil || len(begun) != 1 || begun[0].Run != "other" {
			t.Errorf("interrupted after statement %d: begun are %v, %v", done, begun, err)
		}
		rows := func(s *Store) (list []string) {
			q := settlement.CDRQuery{From: wholeYear.From, To: wholeYear.To}
			page, err := s.CDRs(t.Context(), q)
			if err != nil {
				t.Fatal(err)
			}
			for i := range page.CDRs {
				list = append(list, page.CDRs[i].Key.String())
			}
			return list
		}
		if diff := cmp.Diff(rows(from), rows(s)); diff != "" {
			t.Errorf("interrupted after statement %d (-want +got):\n%s", done, diff)
		}
		if !strings.Contains(said.String(), "first=C1") {
			t.Errorf("interrupted after statement %d: the log says %s", done, said.String())
		}
	}
}
