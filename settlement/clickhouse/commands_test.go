package clickhouse

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
)

// idAt is the nth id of a command of an instant.
func idAt(at time.Time, n int) string {
	var id ulid.ULID
	_ = id.SetTime(ulid.Timestamp(at))
	_ = id.SetEntropy([]byte{0, 0, 0, 0, 0, 0, 0, 0, 0, byte(n)})
	return id.String()
}

// Commands that are open are read as they stand, page by page, and a party's commands the
// latest first; those of long ago are not looked at, and none is on a list.
func TestCommands(t *testing.T) {
	s := newStore(t)
	o := newOwned(s, ingest.TopicCommands)
	now := time.Now()
	mark := func(m string) func(*ingest.ObjectState) { return func(s *ingest.ObjectState) { s.Contract = m } }
	ids := map[string]string{}
	ask := func(name, owner string, ago time.Duration, marks ...string) {
		ids[name] = idAt(now.Add(-ago), len(ids))
		for _, m := range marks {
			o.change(t, object(ingest.ObjectCommand, owner, ids[name], ""), 1, mark(m))
		}
	}
	const open, done = "app START_SESSION open", "app START_SESSION"
	ask("old", "SEEMP", 30*24*time.Hour, open)
	ask("first", "SEEMP", time.Hour, open)
	ask("closed", "SEEMP", 50*time.Minute, open, done)
	ask("stop", "SEEMP", 40*time.Minute, "app STOP_SESSION open")
	ask("others", "DETNM", 30*time.Minute, open)
	ask("last", "SEEMP", 20*time.Minute, open)
	o.change(t, object(ingest.ObjectCommand, "SEEMP", "IK-0123", ""), 1, nil)
	name := func(keys []ocpi.Key) string {
		var list []string
		for _, k := range keys {
			for name, id := range ids {
				if id == k.ID {
					list = append(list, name)
				}
			}
		}
		return strings.Join(list, " ")
	}
	for limit := 1; limit < 6; limit++ {
		var all []ocpi.Key
		for after := (ocpi.Key{}); ; {
			keys, err := s.OpenCommands(t.Context(), after, limit)
			if err != nil || len(keys) > limit {
				t.Fatal(len(keys), err)
			}
			if all = append(all, keys...); len(keys) < limit {
				break
			}
			after = keys[len(keys)-1]
		}
		if got := name(all); got != "others first stop last" {
			t.Errorf("open, %d a page: %s", limit, got)
		}
	}
	emp := ocpi.NewParty("SE", "EMP")
	for _, tt := range []struct {
		from, before string
		limit        int
		want         string
	}{
		{"", "", 10, "last closed first old"}, {"", "", 2, "last closed"}, {"", ids["closed"], 10, "first old"}, {ids["first"], "", 10, "last closed first"}, {ids["first"], ids["last"], 1, "closed"},
	} {
		keys, err := s.Commands(t.Context(), emp, done, tt.from, tt.before, tt.limit)
		if got := name(keys); err != nil || got != tt.want {
			t.Errorf("%+v: %s, %v", tt, got, err)
		}
	}
	var rows uint64
	if err := s.conn.QueryRow(t.Context(), "SELECT count() FROM object_lists").Scan(&rows); err != nil || rows != 0 {
		t.Errorf("%d rows on lists, %v", rows, err)
	}
}

func TestSessionsSince(t *testing.T) {
	s := newStore(t)
	o := newOwned(s, ingest.TopicSessions)
	for n := range 10 {
		id := object(ingest.ObjectSession, []string{"GBDUN", "FRBEL"}[n%2], fmt.Sprintf("s%d", n), "")
		o.change(t, id, 1, nil)
		o.change(t, id, 2, nil)
	}
	for limit := 1; limit < 6; limit++ {
		var got []string
		for after := ""; ; {
			keys, err := s.SessionsSince(t.Context(), ocpi.NewParty("GB", "DUN"), ocpi.TimeOf(received)+ocpi.Time(6*ocpi.Second), after, limit)
			if err != nil || len(keys) > limit {
				t.Fatal(len(keys), err)
			}
			for _, k := range keys {
				got, after = append(got, k.String()), k.ID
			}
			if len(keys) < limit {
				break
			}
		}
		if strings.Join(got, " ") != "GB*DUN*S4 GB*DUN*S6 GB*DUN*S8" {
			t.Errorf("%d a page: %v", limit, got)
		}
	}
}
