package clickhouse

import "testing"

func TestSmoke(t *testing.T) {
	s := newStore(t)
	if err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Log(count(t, s, "SELECT count() FROM system.tables WHERE database = ?", s.db))
}
