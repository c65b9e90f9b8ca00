package clickhouse

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/roamclear/roamclear/settlement"
)

func TestMigrateIsIdempotentAndLocked(t *testing.T) {
	s := newStore(t)
	migrations, err := readMigrations(migrationFiles)
	if err != nil {
		t.Fatal(err)
	}
	next := uint32(len(migrations) + 1)
	migrations = append(migrations, migration{next, "once", "-- a column; of two\nALTER TABLE installation ADD COLUMN once String;\nSELECT 1;\n"})
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if err := s.migrate(t.Context(), migrations); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait() // a second ADD COLUMN would have failed
	if n := count(t, s, "SELECT count() FROM schema_migrations"); n != uint64(next) {
		t.Errorf("%d migrations recorded, want %d", n, next)
	}
	err = s.Migrate(t.Context())
	if err == nil || !strings.Contains(err.Error(), fmt.Sprintf("schema version %d", next)) {
		t.Errorf("older binary on a newer store: %v", err)
	}
}

// kinds fills a store of the schema before 0007 as a binary of then did: 2,000
// records in four partitions, one of them twice, and what came of them.
const kinds = `
INSERT INTO records (topic, partition, epoch, offset, object, sender, id, received, body)
SELECT if(number % 3 = 0, 'refused', if(number % 3 = 1, 'cdrs', 'reference')), number % 2 * (number % 3 = 1), 1, intDiv(number, 6),
	if(number % 3 = 1, 1, 3 + number % 3), 's', toString(number), now64(9), repeat('b', 100) FROM numbers(3000) ORDER BY 1, 2
SETTINGS max_partitions_per_insert_block = 0;
INSERT INTO records (topic, partition, epoch, offset, object, id, body) VALUES ('cdrs', 0, 1, 0, 1, 'again', 'b');
INSERT INTO objects (topic, object, id, ver, body) SELECT 'reference', 3 + number % 3, toString(number), number, 'b' FROM numbers(300);
INSERT INTO checkpoints (topic, epoch, partition, next) VALUES ('cdrs', 1, 0, 500), ('refused', 1, 0, 1000);
`

// A store of before opens, whatever statement an earlier attempt got to.
func TestMigrationToTextGoesOnAnywhere(t *testing.T) {
	migrations, err := readMigrations(migrationFiles)
	if err != nil {
		t.Fatal(err)
	}
	const text = 7
	steps := statements(migrations[text-1].sql)
	content := func(s *Store) string {
		var out string
		err := s.conn.QueryRow(t.Context(), `SELECT concat(
			(SELECT toString((count(), sum(sipHash64(topic, partition, epoch, offset, object, sender, id, body)))) FROM records FINAL),
			(SELECT toString((count(), sum(sipHash64(topic, object, id, ver, body)))) FROM objects FINAL),
			(SELECT toString(groupArray((topic, epoch, partition, next))) FROM (SELECT * FROM checkpoints FINAL ORDER BY ALL)))`).Scan(&out)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	var want string
	for done := range len(steps) + 1 {
		s := openStore(t, engine, fmt.Sprintf("%s_%d", EngineDatabase, databases.Add(1)))
		if err := s.migrate(t.Context(), migrations[:text-1]); err != nil {
			t.Fatal(err)
		}
		for _, st := range statements(kinds) {
			if err := s.conn.Exec(t.Context(), st.sql); err != nil {
				t.Fatal(err)
			}
		}
		for _, st := range steps[:done] {
			if err := s.execute(t.Context(), migrations[text-1], 0, st); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.Migrate(t.Context()); err != nil {
			t.Fatalf("interrupted after statement %d: %v", done, err)
		}
		got := content(s)
		if want == "" {
			want = got
		}
		if got != want || !strings.HasPrefix(got, "(2000,") {
			t.Errorf("interrupted after statement %d: %s, want %s", done, got, want)
		}
		if n := count(t, s, "SELECT count() FROM system.tables WHERE database = currentDatabase() AND name LIKE '%_text'"); n != 0 {
			t.Errorf("interrupted after statement %d: %d tables are left over", done, n)
		}
		for _, q := range []string{
			"SELECT count() FROM records WHERE topic = 'reference' AND object = 'token'", "SELECT count() FROM objects WHERE object = 'token'",
		} {
			if count(t, s, q) == 0 {
				t.Errorf("interrupted after statement %d: none: %s", done, q)
			}
		}
	}
}

func TestMigrationLockIsFreedWithItsHolder(t *testing.T) {
	s := newStore(t)
	held, err := s.lockMigrations(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	short, cancel := context.WithTimeout(t.Context(), 150*time.Millisecond)
	defer cancel()
	if err := s.Migrate(short); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("migrated while the lock was held: %v", err)
	}
	if err := held.Abort(); err != nil { // closes the connection, as a crash does
		t.Fatal(err)
	}
	if err := s.Migrate(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestReadMigrations(t *testing.T) {
	for name, files := range map[string]fstest.MapFS{
		"a number missing": {"migrations/0001_a.sql": {}, "migrations/0003_c.sql": {}},
		"no number":        {"migrations/first.sql": {}},
	} {
		if m, err := readMigrations(files); err == nil {
			t.Errorf("%s: read %v", name, m)
		}
	}
}

func TestInstallation(t *testing.T) {
	s := newStore(t)
	if id, err := s.Installation(t.Context()); id != "" || err != nil {
		t.Errorf("empty store: %q, %v", id, err)
	}
	for range 2 {
		if err := s.SetInstallation(t.Context(), "inst-1"); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.SetInstallation(t.Context(), "inst-2"); err == nil {
		t.Error("a store of one installation was given to another")
	}
	if id, err := s.Installation(t.Context()); id != "inst-1" || err != nil {
		t.Errorf("%q, %v", id, err)
	}
}

func TestUnavailable(t *testing.T) {
	o := engine.Options()
	o.Addr = []string{"127.0.0.1:1"}
	if _, err := Open(t.Context(), o); !errors.Is(err, settlement.ErrUnavailable) {
		t.Errorf("nobody listens: %v, want ErrUnavailable", err)
	}
	s := newStore(t)
	if err := s.conn.Exec(t.Context(), "DROP TABLE duplicates"); err != nil {
		t.Fatal(err)
	}
	err := s.WriteCDRs(t.Context(), batchOf(t, 0, 0, january)) // there is a repeat among them
	if err == nil || errors.Is(err, settlement.ErrUnavailable) {
		t.Errorf("a table is missing: %v, want an error that does not promise to go away", err)
	}
	if n := count(t, s, "SELECT count() FROM checkpoints"); n != 0 {
		t.Error("a checkpoint was written for a batch that was not stored")
	}
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Settlement(canceled, settlement.SettlementQuery{}); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: %v", err)
	}
}

func ExampleStore_Migrate() {
	for _, s := range statements("-- why\nCREATE TABLE a (x String DEFAULT ';');\n\n-- when: SELECT 1\nSELECT 2\n") {
		fmt.Printf("%q %q\n", s.when, s.sql)
	}
	// Output:
	// "" "CREATE TABLE a (x String DEFAULT ';')"
	// "SELECT 1" "SELECT 2"
}
