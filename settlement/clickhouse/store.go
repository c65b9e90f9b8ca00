package clickhouse

import (
	"cmp"
	"context"
	"crypto/tls"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"time"

	ch "github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/roamclear/roamclear/settlement"
)

// Bounds of the pool. A dial that takes longer than dialTimeout is an outage.
const (
	maxOpenConns = 16
	dialTimeout  = 5 * time.Second
)

// Options say where the store is.
type Options struct {
	Addr       []string // host:port of the native protocol
	Database   string
	User       string
	Password   string
	TLS        func() *tls.Config // asked for with each connection, so that files may be replaced; nil: plain TCP
	Logger     *slog.Logger
	Registerer prometheus.Registerer // nil: no metrics
	CheckSpace func() error          // an error when nothing may be written; nil: the server looks after its disk

	silence time.Duration // 0: readTimeout
}

// Store is the store in one ClickHouse database. Its methods may be called
// concurrently. An error wraps [settlement.ErrUnavailable] when the same call
// may succeed later, once ClickHouse is back or has room again.
type Store struct {
	conn    driver.Conn
	db      string
	log     *slog.Logger
	metrics *metrics
	space   func() error

	writers writers
	reads   reads
}

var _ settlement.Reader = (*Store)(nil)

// Open connects, and makes the database when it does not exist. Call Migrate
// before anything else.
func Open(ctx context.Context, o Options) (*Store, error) {
	s := &Store{db: o.Database, log: o.Logger, space: o.CheckSpace}
	if s.space == nil {
		s.space = func() error { return nil }
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if err := checkShared(ctx, o.Database, o.Addr, func(ctx context.Context, addr string) (string, string, error) {
		return standsBehind(ctx, o, addr)
	}); err != nil {
		return nil, fmt.Errorf("open clickhouse %v: %w", o.Addr, err)
	}
	conn, err := ch.Open(connOptions(o, "default"))
	if err != nil {
		return nil, fmt.Errorf("open clickhouse %v: %w", o.Addr, err)
	}
	// The pool below names the database in its handshake, so it must exist.
	err = conn.Exec(ctx, "CREATE DATABASE IF NOT EXISTS "+quoteName(o.Database))
	options := connOptions(o, o.Database)
	err = errors.Join(err, neverDeduplicate(ctx, conn, options.Settings), conn.Close())
	if err != nil {
		return nil, fail("open clickhouse "+fmt.Sprint(o.Addr), err)
	}
	if s.conn, err = ch.Open(options); err != nil {
		return nil, fmt.Errorf("open clickhouse %v: %w", o.Addr, err)
	}
	if err := s.conn.Ping(ctx); err != nil {
		_ = s.conn.Close()
		return nil, fail("open clickhouse "+fmt.Sprint(o.Addr), err)
	}
	s.metrics = newMetrics(o.Registerer) // only now: whoever failed may try again
	return s, nil
}

// connOptions pins every setting that what we read or write depends on, so
// that a server's own profile cannot change a figure.
func connOptions(o Options, database string) *ch.Options {
	return &ch.Options{
		Addr:         o.Addr,
		Auth:         ch.Auth{Database: database, Username: o.User, Password: o.Password},
		DialContext:  dialer(o.TLS, cmp.Or(o.silence, readTimeout)),
		DialTimeout:  dialTimeout,
		ReadTimeout:  readTimeout,
		MaxOpenConns: maxOpenConns,
		MaxIdleConns: maxOpenConns / 2,
		// Bodies are compressed once, by the engine's codecs. On the wire LZ4
		// cost the worker more than it saved the engine: see the figures at
		// BenchmarkWriteCDRs.
		Compression: &ch.Compression{Method: ch.CompressionNone},
		Settings: ch.Settings{
			// 1 is the default since 26.x: the server would cut our batches anew.
			"async_insert":                    0,
			"wait_for_async_insert":           1,
			"max_partitions_per_insert_block": 1,
			"optimize_on_insert":              0,
			// All copies of an identity are in one partition.
			"do_not_merge_across_partitions_select_final": 1,
			// Rows must not be filtered before FINAL has chosen among them.
			"optimize_move_to_prewhere_if_final": 0,
			"use_skip_indexes_if_final":          0,
			"final":                              0,
			"join_use_nulls":                     0,
			"aggregate_functions_null_for_empty": 0,
		},
	}
}

// neverDeduplicate turns off, under each name that the server has for it, that it
// drops inserts as repeats: it notes an insert as known before its part is there,
// so that one killed between the two takes our resend for a repeat, and the rows
// are nowhere.
func neverDeduplicate(ctx context.Context, conn driver.Conn, settings ch.Settings) error {
	rows, err := conn.Query(ctx, `SELECT name, type != 'Bool' FROM system.settings
		WHERE name IN ('insert_deduplicate', 'deduplicate_insert', 'deduplicate_insert_select')`)
	if err != nil {
		return err
	}
	defer rows.Close() //nolint:errcheck // rows.Err tells
	for rows.Next() {
		var name string
		var word bool
		if err := rows.Scan(&name, &word); err != nil {
			return err
		}
		if settings[name] = 0; word {
			settings[name] = "disable"
		}
	}
	return rows.Err()
}

// Close closes every connection. Call it before Engine.Close.
func (s *Store) Close() error { return s.conn.Close() }

// Ping asks whether the store answers.
func (s *Store) Ping(ctx context.Context) error { return fail("ping clickhouse", s.conn.Ping(ctx)) }

// Clock returns what time it is by the server's clock.
func (s *Store) Clock(ctx context.Context) (now time.Time, err error) {
	return now, fail("ask clickhouse for the time", s.conn.QueryRow(ctx, "SELECT now64(3, 'UTC')").Scan(&now))
}

// Installation returns the id of the installation the store belongs to, ""
// when none has been set.
func (s *Store) Installation(ctx context.Context) (string, error) {
	var id string
	err := s.conn.QueryRow(ctx, "SELECT id FROM installation ORDER BY id LIMIT 1").Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	return id, fail("read the store's installation id", err)
}

// SetInstallation writes the installation id into an empty store. The store
// and the log that carry different ids do not belong together.
func (s *Store) SetInstallation(ctx context.Context, id string) error {
	had, err := s.Installation(ctx)
	if err != nil {
		return err
	}
	if had != "" && had != id {
		return fmt.Errorf("the store belongs to installation %s, not %s", had, id)
	}
	if had == id {
		return nil
	}
	return fail("write the store's installation id", s.conn.Exec(ctx, "INSERT INTO installation (id) VALUES (?)", id))
}

// quoteName quotes an identifier.
func quoteName(name string) string {
	out := []byte{'`'}
	for i := range len(name) {
		if name[i] == '`' || name[i] == '\\' {
			out = append(out, '\\')
		}
		out = append(out, name[i])
	}
	return string(append(out, '`'))
}
