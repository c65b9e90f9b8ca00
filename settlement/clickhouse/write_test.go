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

// The server drops no insert as a repeat, whatever it is called: it notes an
// insert as known before the rows are there, so one that was killed in between
// answered our resend with success, and the rows were nowhere.
func TestNoInsertIsTakenForARepeat(t *testing.T) {
	s := newStore(t)
	for _, statement := range []string{"SYSTEM STOP MERGES checkpoints", "ALTER TABLE checkpoints MODIFY SETTING non_replicated_deduplication_window = 100"} {
		if err := s.conn.Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	ctx := ch.Context(t.Context(), ch.WithSettings(ch.Settings{"insert_deduplication_token": "the same"}))
	for _, rows := range []string{"VALUES ('cdrs', 1, 0, 5)", "SELECT 'cdrs', 1, 0, 6"} {
		for range 2 {
			if err := s.conn.Exec(ctx, "INSERT INTO checkpoints (topic, epoch, partition, next) "+rows); err != nil {
				t.Fatal(err)
			}
		}
	}
	if n := count(t, s, "SELECT count() FROM checkpoints"); n != 4 {
		t.Errorf("%d rows of 4 inserts of one token", n)
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

// A batch that breaks off between a result and what it is looked up by is
// completed when it comes again, though results that stand are left alone.
func TestWhatResultsAreFoundByIsComplete(t *testing.T) {
	for _, table := range []string{"credits", "session_cdrs"} {
		s := newStore(t)
		b := batchOf(t, 0, 0, `
			GB*DUN NL*EXW c1 2019-01-15 GBP 10.00/12.00   priced 10.00/12.00 -
			GB*DUN NL*EXW k1 2019-02-01 GBP -10.00/-12.00 credit c1          -`)
		b.Rows[0].SessionID = "S1"
		if err := s.conn.Exec(t.Context(), "ALTER TABLE "+table+" ADD CONSTRAINT broken CHECK offset < 0"); err != nil {
			t.Fatal(err)
		}
		if err := s.WriteCDRs(t.Context(), b); err == nil {
			t.Fatal("the batch did not break off")
		}
		if err := s.conn.Exec(t.Context(), "ALTER TABLE "+table+" DROP CONSTRAINT broken"); err != nil {
			t.Fatal(err)
		}
		b.Again = true
		write(t, s, b)
		for table, want := range map[string]uint64{"results": 2, "credits": 1, "session_cdrs": 1} {
			if n := count(t, s, "SELECT count() FROM "+table+" FINAL"); n != want {
				t.Errorf("%d rows in %s, want %d", n, table, want)
			}
		}
	}
}

// A batch may lie on both sides of a bound of session_cdrs' partitions.
func TestABatchAcrossPartsOfSessions(t *testing.T) {
	s := newStore(t)
	b := realisticBatch(t, 1<<20-5, 10)
	write(t, s, b)
	for i := range b.Rows {
		b.Rows[i].Generation++
	}
	if err := s.WriteResults(t.Context(), b.Partition, b.Rows); err != nil {
		t.Fatal(err)
	}
	if n := count(t, s, "SELECT count() FROM session_cdrs FINAL"); n != 10 {
		t.Errorf("%d CDRs of Sessions, want 10", n)
	}
}
