package clickhouse

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// engine is the one real engine of this test binary; every test takes a
// database of its own in it.
var engine *Engine

func TestMain(m *testing.M) {
	if MaybeRunChild() {
		return
	}
	if err := run(m); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(m *testing.M) (err error) {
	ctx := context.Background()
	library, err := FetchEngine(ctx, os.Stderr)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "roamclear-engine-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	engine, err = StartEngine(ctx, EngineOptions{Dir: dir, Library: library, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	if code := m.Run(); code != 0 {
		err = fmt.Errorf("tests failed (%d)", code)
	}
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	return errors.Join(err, engine.Close(ctx))
}

var databases atomic.Int64

// newStore opens a migrated store in a database of its own.
func newStore(tb testing.TB) *Store {
	tb.Helper()
	s := openStore(tb, engine, fmt.Sprintf("%s_%d", EngineDatabase, databases.Add(1)))
	if err := s.Migrate(tb.Context()); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := s.conn.Exec(ctx, "DROP DATABASE "+quoteName(s.db)+" SYNC"); err != nil {
			tb.Error(err)
		}
		if err := s.Close(); err != nil {
			tb.Error(err)
		}
	})
	return s
}

func openStore(tb testing.TB, e *Engine, database string) *Store {
	tb.Helper()
	o := e.Options()
	o.Database = database
	s, err := Open(tb.Context(), o)
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

func count(tb testing.TB, s *Store, query string, args ...any) uint64 {
	tb.Helper()
	var n uint64
	if err := s.conn.QueryRow(tb.Context(), query, args...).Scan(&n); err != nil {
		tb.Fatalf("%s: %v", strings.TrimSpace(query), err)
	}
	return n
}
