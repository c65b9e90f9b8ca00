package clickhouse

import (
	"testing"
)

// One batch is one part in each table, however many blocks it is sent in: an
// insert is atomic only as one part.
func TestOnePartPerBatch(t *testing.T) {
	s := newStore(t)
	for _, table := range []string{"records", "copies", "cdrs", "results", "checkpoints"} {
		if err := s.conn.Exec(t.Context(), "SYSTEM STOP MERGES "+quoteName(s.db)+"."+table); err != nil {
			t.Fatal(err)
		}
	}
	const rows = 3*blockRows + 1
	write(t, s, realisticBatch(t, 0, rows), realisticBatch(t, rows, rows))
	for _, table := range []string{"records", "copies", "cdrs", "results", "checkpoints"} {
		if n := count(t, s, "SELECT count() FROM system.parts WHERE active AND database = ? AND table = ?", s.db, table); n != 2 {
			t.Errorf("%s: %d parts for 2 batches", table, n)
		}
		if table == "checkpoints" {
			continue
		}
		if n := count(t, s, "SELECT count() FROM "+table); n != 2*rows {
			t.Errorf("%s: %d rows, want %d", table, n, 2*rows)
		}
	}
}
