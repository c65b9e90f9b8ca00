package clickhouse

import (
	"context"
	"errors"
	"log/slog"
	"syscall"
	"testing"
	"testing/synctest"

	ch "github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/column"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/roamclear/roamclear/settlement"
)

// One batch is one part in each table, however many blocks it is sent in: an
// insert is atomic only as one part.
func TestOnePartPerBatch(t *testing.T) {
	s := newStore(t)
	for _, table := range []string{"records", "cdrs", "sender_lists", "results", "checkpoints"} {
		if err := s.conn.Exec(t.Context(), "SYSTEM STOP MERGES "+quoteName(s.db)+"."+table); err != nil {
			t.Fatal(err)
		}
	}
	const rows = 3*blockRows + 1
	write(t, s, realisticBatch(t, 0, rows), realisticBatch(t, rows, rows))
	for _, table := range []string{"records", "cdrs", "sender_lists", "results", "checkpoints"} {
		if n := count(t, s, "SELECT count() FROM system.parts WHERE active AND database = ? AND table = ?", s.db, table); n != 2 {
			t.Errorf("%s: %d parts for 2 batches", table, n)
		}
		if table == "checkpoints" {
			continue
		}
		want := uint64(2 * rows)
		if table == "sender_lists" {
			want *= 2 // the eMSP's and the CPO's
		}
		if n := count(t, s, "SELECT count() FROM "+table); n != want {
			t.Errorf("%s: %d rows, want %d", table, n, want)
		}
	}
}

// broken is a connection whose batches cannot be flushed.
type broken struct {
	driver.Conn
	begun, aborted int
}

func (c *broken) PrepareBatch(context.Context, string, ...driver.PrepareBatchOption) (driver.Batch, error) {
	c.begun++
	return &brokenBatch{conn: c}, nil
}

type brokenBatch struct {
	driver.Batch
	conn *broken
}

func (*brokenBatch) Columns() []column.Interface { return []column.Interface{&column.String{}} }
func (*brokenBatch) Flush() error                { return syscall.ETIMEDOUT }
func (b *brokenBatch) Abort() error              { b.conn.aborted++; return nil }

// The pool has few places: a batch that breaks off must give its own back, or
// after some outages nothing is stored any more.
func TestABrokenBatchGivesItsConnectionBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conn := &broken{}
		s := &Store{conn: conn, log: slog.New(slog.DiscardHandler), metrics: newMetrics(nil), space: func() error { return nil }}
		var ids []string
		b := newBlock("records", texts("id", &ids))
		err := s.insert(t.Context(), b, "token", blockRows+1, func(int) error { ids = append(ids, "x"); return nil })
		if !errors.Is(err, settlement.ErrUnavailable) || conn.begun != insertResends+1 || conn.aborted != conn.begun {
			t.Errorf("insert: %v; %d batches begun, %d given back", err, conn.begun, conn.aborted)
		}
	})
}

// Where an insert breaks off between a table and what a view keeps beside it,
// the resend, which the table knows, reaches what is beside it all the same.
func TestAResendReachesTheTableBeside(t *testing.T) {
	s := newStore(t)
	ctx := ch.Context(t.Context(), ch.WithSettings(ch.Settings{"insert_deduplication_token": "once"}))
	send := func() error {
		return s.conn.Exec(ctx, `INSERT INTO results (country, party, id, partition, epoch, offset, ver, credit, credit_of)
			VALUES ('GB', 'DUN', 'K1', 0, 1, 0, 1, 1, 'C1')`)
	}
	if err := s.conn.Exec(t.Context(), "ALTER TABLE credits ADD CONSTRAINT broken CHECK id = ''"); err != nil {
		t.Fatal(err)
	}
	if err := send(); err == nil {
		t.Fatal("the insert did not break off")
	}
	if err := s.conn.Exec(t.Context(), "ALTER TABLE credits DROP CONSTRAINT broken"); err != nil {
		t.Fatal(err)
	}
	if err := send(); err != nil {
		t.Fatal(err)
	}
	if n := count(t, s, "SELECT count() FROM results"); n != 1 {
		t.Errorf("%d rows in results, want 1", n)
	}
	if n := count(t, s, "SELECT count() FROM credits"); n != 1 {
		t.Errorf("%d rows in credits, want 1", n)
	}
}
