package clickhouse

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement"
)

// What a list shows in a window, and its total, are what its objects' last states
// say, whatever was rewritten, moved to another party or deleted, whether or not the
// rows of before are merged away, and by whatever way the list is read: through the
// projection by time, or through all of it.
func TestWindowsAreExact(t *testing.T) {
	for seed := range uint64(2) {
		rng := rand.New(rand.NewPCG(seed, 2))
		s := newStore(t)
		o := newOwned(s, ingest.TopicSessions)
		for range 8 {
			for range 1 + rng.IntN(12) {
				someChange(t, o, rng)
			}
			if rng.IntN(4) == 0 {
				if err := s.conn.Exec(t.Context(), "OPTIMIZE TABLE object_lists FINAL"); err != nil {
					t.Fatal(err)
				}
			}
			q := someWindow(rng)
			want := o.listed(&q)
			for _, indexed := range []bool{true, false} {
				for _, limit := range []int{2, 500} {
					q.Limit = limit
					q.After, q.Offset = "", 0
					shown := walked(t, s, q, indexed, len(want))
					if slices.Sort(shown); !slices.Equal(shown, want) {
						t.Fatalf("seed %d, by candidates %t, %d a page: %v in [%s, %s) of %v, want %v", seed, indexed, limit, shown, q.From, q.To, q.Lists, want)
					}
				}
			}
		}
	}
}

// someChange makes, changes, moves or deletes one of few Sessions.
func someChange(t *testing.T, o *owned, rng *rand.Rand) {
	t.Helper()
	id := object(ingest.ObjectSession, []string{"GBDUN", "FRBEL"}[rng.IntN(2)], fmt.Sprint("s", rng.IntN(25)), "")
	emsp := with([]string{"NLEXW", "DETNM", "GBDUN"}[rng.IntN(3)])
	o.change(t, id, 1+rng.IntN(20), func(s *ingest.ObjectState) {
		emsp(s)
		s.Deleted = rng.IntN(8) == 0
		if rng.IntN(3) == 0 {
			s.Named = ocpi.TimeOf(day(1 + rng.IntN(20)))
		}
	})
}

// someWindow asks for some lists within some days.
func someWindow(rng *rand.Rand) settlement.ObjectQuery {
	lists := [][]settlement.ListPart{
		{part(settlement.ListOwn, "GBDUN")},
		{part(settlement.ListWith, "NLEXW")},
		{part(settlement.ListWith, "NLEXW", "GBDUN")},
		{without(part(settlement.ListWith, "NLEXW"), "GBDUN")},
		{part(settlement.ListOwn, "GBDUN"), part(settlement.ListWith, "GBDUN")},
		{part(settlement.ListWith, "NLEXW"), part(settlement.ListWith, "DETNM", "FRBEL")},
	}[rng.IntN(6)]
	q := settlement.ObjectQuery{Object: ingest.ObjectSession, Lists: lists, ByReceived: rng.IntN(3) == 0}
	at, from := day, 1+rng.IntN(20)
	if q.ByReceived && rng.IntN(2) == 0 { // when they came, else when they were named
		at = func(n int) time.Time { return received.Add(time.Duration(3*n) * time.Second) }
	}
	if rng.IntN(4) > 0 {
		q.From = at(from)
	}
	if rng.IntN(3) > 0 {
		q.To = at(from + rng.IntN(6))
	}
	return q
}

// listed are the bodies that a query selects, in order of their text.
func (o *owned) listed(q *settlement.ObjectQuery) []string {
	list := []string{}
	for _, s := range o.states {
		if q.Holds(s) {
			list = append(list, string(s.Body))
		}
	}
	slices.Sort(list)
	return list
}

// walked follows a list to its end. Every page must say the total.
func walked(t *testing.T, s *Store, q settlement.ObjectQuery, indexed bool, total int) []string {
	t.Helper()
	shown := []string{}
	for {
		l := objectList(&q)
		l.indexed = indexed
		page, err := s.page(t.Context(), l, q.OCPIWindow, func(ctx context.Context, rows []listed) ([]listedBody, error) { return s.objectBodies(ctx, &q, rows) })
		if err != nil {
			t.Fatal(err)
		}
		if page.Total != total {
			t.Errorf("total %d of %v in [%s, %s), by candidates %t; want %d", page.Total, q.Lists, q.From, q.To, indexed, total)
		}
		for _, b := range page.Bodies {
			shown = append(shown, string(b))
		}
		if page.Next == "" {
			return shown
		}
		q.After, q.Offset = page.Next, q.Offset+len(page.Bodies)
	}
}

// merging is a connection before whose queries, but for the first of rows, what was
// written is merged.
type merging struct {
	driver.Conn
	read bool
}

func (m *merging) Query(ctx context.Context, query string, args ...any) (driver.Rows, error) {
	if err := m.merge(ctx); err != nil {
		return nil, err
	}
	m.read = true
	return m.Conn.Query(ctx, query, args...)
}

func (m *merging) QueryRow(ctx context.Context, query string, args ...any) driver.Row {
	if err := m.merge(ctx); err != nil {
		panic(err)
	}
	return m.Conn.QueryRow(ctx, query, args...)
}

func (m *merging) merge(ctx context.Context) error {
	if !m.read {
		return nil
	}
	return m.Exec(context.WithoutCancel(ctx), "OPTIMIZE TABLE object_lists FINAL")
}

// What a merge takes away while a window is read takes nothing else with it.
func TestAWindowThatIsMergedMeanwhile(t *testing.T) {
	s := newStore(t)
	if err := s.conn.Exec(t.Context(), "SYSTEM STOP MERGES "+quoteName(s.db)+".object_lists"); err != nil {
		t.Fatal(err)
	}
	o := newOwned(s, ingest.TopicSessions)
	id := func(i int) ingest.Identity { return object(ingest.ObjectSession, "GBDUN", fmt.Sprint("s", i), "") }
	for i := range 10 {
		o.change(t, id(i), 2, nil)
	}
	for i := range 4 { // as many as are looked at for a page of one
		o.change(t, id(i), 9, nil)
	}
	if err := s.conn.Exec(t.Context(), "SYSTEM START MERGES "+quoteName(s.db)+".object_lists"); err != nil {
		t.Fatal(err)
	}
	s.conn = &merging{Conn: s.conn}
	q := settlement.ObjectQuery{Object: ingest.ObjectSession, Lists: []settlement.ListPart{part(settlement.ListOwn, "GBDUN")},
		OCPIWindow: settlement.OCPIWindow{From: day(1), To: day(5), Limit: 1}}
	want := o.listed(&q)
	if shown := walked(t, s, q, true, len(want)); !slices.Equal(shown, want) || len(want) != 6 {
		t.Errorf("shown are %v, want %v", shown, want)
	}
}

// What is few in a window is found by an index, not by reading the list.
func TestWindowsAreReadByTime(t *testing.T) {
	s := newStore(t)
	insert := `INSERT INTO object_lists (object, list, list_country, list_party, created, partition, epoch, offset, country, party, id, sub, last_updated, ver)
		SELECT 'token', l, if(l = 0, '', 'NL'), if(l = 0, '', 'EXW'), toDateTime64('2019-01-01 00:00:00', 9, 'UTC') + number, 0, 1, number, 'NL', 'EXW', toString(number), 'RFID',
			toDateTime64('2019-01-01 00:00:00', 9, 'UTC') + cityHash64(number) % 100000, number FROM numbers(100000) ARRAY JOIN [0, 1] AS l`
	if err := s.conn.Exec(t.Context(), insert); err != nil {
		t.Fatal(err)
	}
	q := settlement.ObjectQuery{Object: ingest.ObjectToken, Lists: []settlement.ListPart{part(settlement.ListAll, "")}, OCPIWindow: settlement.OCPIWindow{From: day(2)}}
	byTime(t, s, objectList(&q), q.OCPIWindow)
	cdrs := `INSERT INTO sender_lists SELECT 'NL', 'EXW', 0, toDateTime64('2019-01-01 00:00:00', 9, 'UTC') + number, 0, 1, number,
		toDateTime64('2019-01-01 00:00:00', 9, 'UTC') + cityHash64(number) % 100000, number, 0 FROM numbers(100000)`
	if err := s.conn.Exec(t.Context(), cdrs); err != nil {
		t.Fatal(err)
	}
	c := settlement.OCPIQuery{Debtors: []ocpi.Party{ocpi.NewParty("NL", "EXW")}, ByReceived: true, OCPIWindow: settlement.OCPIWindow{From: day(2)}}
	byTime(t, s, cdrList(&c), c.OCPIWindow)
}

func byTime(t *testing.T, s *Store, l *list, w settlement.OCPIWindow) {
	t.Helper()
	l.between(&w)
	query, args := l.candidates()
	var places uint64
	err := s.conn.QueryRow(t.Context(), "SELECT uniqExact("+l.place()+") FROM ("+query+") SETTINGS force_data_skipping_indices = '"+l.by+"'", args...).Scan(&places)
	if err != nil || places == 0 {
		t.Errorf("%d places, %v: %s", places, err, query)
	}
}
