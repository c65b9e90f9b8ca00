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
	if err := s.conn.Exec(t.Context(), "DROP TABLE copies"); err != nil {
		t.Fatal(err)
	}
	err := s.WriteCDRs(t.Context(), batchOf(t, 0, 0, january))
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
	for _, s := range statements("-- why\nCREATE TABLE a (x String DEFAULT ';');\n\nSELECT 1\n") {
		fmt.Printf("%q\n", s)
	}
	// Output:
	// "CREATE TABLE a (x String DEFAULT ';')"
	// "SELECT 1"
}
