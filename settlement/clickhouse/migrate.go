package clickhouse

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
	"time"

	ch "github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/roamclear/roamclear/ingest"
)

//go:embed migrations/*.sql
var migrationFiles embed.FS

// lockPoll is how often a waiting process asks for the migration lock.
const lockPoll = 50 * time.Millisecond

type migration struct {
	version uint32
	name    string
	sql     string
}

// Migrate brings the database to this binary's schema. Processes that start
// together wait for each other. It refuses a store that a newer binary has
// migrated: this one would not understand its rows.
func (s *Store) Migrate(ctx context.Context) error {
	migrations, err := readMigrations(migrationFiles)
	if err != nil {
		return err
	}
	return s.migrate(ctx, migrations)
}

func (s *Store) migrate(ctx context.Context, migrations []migration) error {
	err := s.conn.Exec(ctx, `CREATE TABLE IF NOT EXISTS schema_migrations
		(version UInt32, name String, applied DateTime DEFAULT now())
		ENGINE = ReplacingMergeTree ORDER BY version`)
	if err != nil {
		return fail("make the table of migrations", err)
	}
	lock, err := s.lockMigrations(ctx)
	if err != nil {
		return err
	}
	defer lock.Abort() //nolint:errcheck // it carries no rows
	var have uint32
	if err := s.conn.QueryRow(ctx, "SELECT max(version) FROM schema_migrations").Scan(&have); err != nil {
		return fail("read the schema's version", err)
	}
	newest := migrations[len(migrations)-1].version
	if have > newest {
		return fmt.Errorf("the store has schema version %d, this roamclear knows %d: run the newer roamclear", have, newest)
	}
	for _, m := range migrations {
		if m.version <= have {
			continue
		}
		for i, st := range statements(m.sql) {
			if err := s.execute(ctx, m, i, st); err != nil {
				return fail("migrate the store: "+m.name, err)
			}
		}
		if err := s.conn.Exec(ctx, "INSERT INTO schema_migrations (version, name) VALUES (?, ?)", m.version, m.name); err != nil {
			return fail("record migration "+m.name, err)
		}
		s.log.Info("store migrated", "migration", m.name)
	}
	return nil
}

// execute runs the i-th statement of a migration where its condition holds.
func (s *Store) execute(ctx context.Context, m migration, i int, st step) error {
	if st.when != "" {
		var n uint64
		if err := s.conn.QueryRow(ctx, st.when).Scan(&n); err != nil || n == 0 {
			return err
		}
	}
	if st.windows != "" {
		return s.executeWindows(ctx, m, i, st)
	}
	if st.do != "" {
		do := inGo[st.do]
		if do == nil {
			return fmt.Errorf("statement %d wants %q, which there is not", i+1, st.do)
		}
		return do(s, ctx)
	}
	return s.conn.Exec(ctx, st.sql)
}

// lockMigrations holds an insert open whose query id only one client of a
// server can use at a time. The server frees it when the client goes away,
// however that happens, so no lock is ever left behind. Migrations are
// idempotent as well: a cluster has one such lock per server.
func (s *Store) lockMigrations(ctx context.Context) (driver.Batch, error) {
	held := ch.Context(ctx, ch.WithQueryID("roamclear-migrate-"+s.db))
	for {
		batch, err := s.conn.PrepareBatch(held, "INSERT INTO schema_migrations (version, name)")
		if err == nil {
			return batch, nil
		}
		if ex, ok := errors.AsType[*ch.Exception](err); !ok || ex.Code != codeSameQueryID {
			return nil, fail("take the migration lock", err)
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("wait for another process to migrate the store: %w", ctx.Err())
		case <-time.After(lockPoll):
		}
	}
}

// readMigrations returns the files NNNN_name.sql in order of their numbers.
func readMigrations(files fs.FS) ([]migration, error) {
	names, err := fs.Glob(files, "migrations/*.sql") // sorted by name
	if err != nil {
		return nil, err
	}
	var out []migration
	for _, name := range names {
		text, err := fs.ReadFile(files, name)
		if err != nil {
			return nil, err
		}
		base := strings.TrimSuffix(strings.TrimPrefix(name, "migrations/"), ".sql")
		number, _, _ := strings.Cut(base, "_")
		version, err := strconv.ParseUint(number, 10, 32)
		if err != nil || version != uint64(len(out)+1) {
			return nil, fmt.Errorf("migration %s: want number %04d", name, len(out)+1)
		}
		out = append(out, migration{version: uint32(version), name: base, sql: string(text)})
	}
	return out, nil
}

// step is one statement of a migration; when, if any, is a query that
// says whether it is to be run: it gives a count. windows, if any, is a query of
// runs of offsets, see migrationRun: the statement is run window by window. do, if any,
// names what is done in its place, of windows in the place of each.
type step struct{ when, windows, do, sql string }

const (
	whenPrefix    = "-- when: "
	windowsPrefix = "-- windows: "
	doPrefix      = "-- do: "
)

// inGo is what SQL has no words for. It is idempotent, as all steps are.
var inGo = map[string]func(*Store, context.Context) error{
	"fold contracts":        (*Store).foldContracts,
	"tell of corrections":   (*Store).tellOfCorrections,
	"tell of generations":   (*Store).tellOfGenerations,
	"relate corrected CDRs": (*Store).relateCorrected,
}

// windowsInGo is inGo of windows of a partition of CDRs.
var windowsInGo = map[string]func(s *Store, ctx context.Context, p ingest.Partition, from, to int64) error{"measure CDRs": (*Store).measureCDRs}

// statements splits a migration at semicolons that end a line; comments are
// lines that begin with "--", but for conditions of the statement that follows.
func statements(sql string) []step {
	var out []step
	var next step
	var kept strings.Builder
	for line := range strings.Lines(sql) {
		if condition, ok := strings.CutPrefix(line, whenPrefix); ok {
			next.when = strings.TrimSpace(condition)
		}
		if windows, ok := strings.CutPrefix(line, windowsPrefix); ok {
			next.windows = strings.TrimSpace(windows)
		}
		if do, ok := strings.CutPrefix(line, doPrefix); ok {
			next.do = strings.TrimSpace(do)
		}
		if strings.HasPrefix(strings.TrimSpace(line), "--") {
			continue
		}
		kept.WriteString(line)
		if strings.HasSuffix(line, ";\n") {
			next.sql = strings.TrimSuffix(strings.TrimSpace(kept.String()), ";")
			out, next = append(out, next), step{}
			kept.Reset()
		}
	}
	if rest := strings.TrimSpace(kept.String()); rest != "" {
		next.sql = rest
		out = append(out, next)
	}
	return out
}
