package clickhouse

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	ch "github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/ext"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/roamclear/roamclear/settlement"
)

// fewRows is how many rows in a window are few: each is looked up where it stands in
// the list. Of more, the list is read from where the page begins: by then that meets
// a page of them soon.
const fewRows = 100_000

// find reads the first n rows of a page, and counts what is on the lists in the
// window, once for all pages that a cursor leads to: who follows Link is told one
// number.
func (s *Store) find(ctx context.Context, l *list, q *settlement.OCPIWindow, cursor *listCursor, n int) (rows []listed, counted listCursor, err error) {
	counted = listCursor{Counted: time.Now().UnixNano(), From: unixNano(q.From), To: unixNano(q.To)}
	known := cursor != nil && cursor.From == counted.From && cursor.To == counted.To
	counted.Part = known && cursor.Part || !known && q.Offset > 0
	most := 0 // rows in the window
	if known {
		counted.Few, counted.Total, counted.Counted = cursor.Few, cursor.Total, cursor.Counted
	} else if counted.Few, most, err = s.few(ctx, l); err != nil || counted.Few && most == 0 {
		return nil, counted, err
	}
	skip := max(q.Offset, 0)
	if counted.Few && (cursor != nil || skip == 0) {
		rows, err = s.sparseRows(ctx, l, cursor, n)
	} else {
		rows, err = s.listRows(ctx, l, cursor, skip, n)
	}
	switch {
	case err != nil || known:
	case counted.Few && cursor == nil && skip == 0 && len(rows) < n: // all of them
		counted.Total = len(rows)
	default:
		counted.Total, err = s.count(ctx, l, counted.Few)
	}
	return rows, counted, err
}

func unixNano(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixNano()
}

// few reports whether a window holds few rows of the lists, and how many at most:
// some may be those of states before, see candidates.
func (s *Store) few(ctx context.Context, l *list) (few bool, most int, err error) {
	if !l.indexed || len(l.bounds.conditions) == 0 {
		return false, 0, nil
	}
	w := l.on(l.parts)
	var n uint64
	err = s.conn.QueryRow(ctx, fmt.Sprintf("SELECT count() FROM (SELECT 1 FROM %s%s LIMIT %d)", l.table, w.String(), fewRows+1), w.args...).Scan(&n)
	return n <= fewRows, int(n), fail("look how many "+l.what+" there are", err)
}

// place names the columns that say where in the lists something stands.
func (l *list) place() string { return l.at + ", epoch, offset, partition" }

// candidates selects the places of the rows in the window without asking whether
// they are the last ones: a skipping index finds them, which would mislead FINAL. What
// is on a list has its place among them, and perhaps what has left the window since.
func (l *list) candidates() (query string, args []any) {
	w := l.on(l.parts)
	return "SELECT DISTINCT " + l.place() + " FROM " + l.table + w.String(), w.args
}

// standing selects what of the lists stands at some places and has its last row in
// the window. FINAL would put the rows of all granules around them in order for that.
// The first column of a place is looked for before the others, since most rows are
// told apart by it: to look for whole places among all takes three times as long.
func (l *list) standing(columns, places string, args []any) (string, []any) {
	w := l.of(l.parts)
	w.and("("+l.place()+") IN ("+places+")", args...)
	near := l.at + " IN (SELECT " + l.at + " FROM (" + places + "))"
	still := append([]string{"NOT gone"}, l.bounds.conditions...)
	return columns + l.table + " PREWHERE " + near + w.String() + " GROUP BY " + strings.Join(l.names[:], ", ") + ", " + l.place() +
		" HAVING argMax(" + strings.Join(still, " AND ") + ", ver)", slices.Concat(args, w.args, l.bounds.args)
}

// sparseRows is listRows of a window that holds few. Which places are looked at is
// read once: a merge takes candidates away, and would have the same query name
// others a moment later.
func (s *Store) sparseRows(ctx context.Context, l *list, cursor *listCursor, n int) (rows []listed, err error) {
	rest, most := l, 2*n
	if cursor != nil {
		rest = l.behind(cursor)
	}
	for {
		places, err := s.places(ctx, rest, most)
		if err != nil || len(places) == 0 {
			return rows, err
		}
		more, err := s.standingAt(ctx, l, places, n-len(rows))
		if err != nil {
			return nil, err
		}
		if rows = append(rows, more...); len(rows) == n || len(places) < most {
			return rows, nil
		}
		rest = l.behind(&places[most-1])
	}
}

// places reads where the first candidates stand, in the order of the list.
func (s *Store) places(ctx context.Context, l *list, most int) (places []listCursor, err error) {
	query, args := l.candidates()
	query = "SELECT toUnixTimestamp64Nano(" + l.at + "), epoch, offset, partition FROM (" + query + ")" + l.order() + fmt.Sprintf(" LIMIT %d", most)
	err = s.each(ctx, "look for "+l.what, query, args, func(r driver.Rows) error {
		var c listCursor
		err := r.Scan(&c.At, &c.Epoch, &c.Offset, &c.Partition)
		places = append(places, c)
		return err
	})
	return places, err
}

// standingAt reads the first n rows of what stands at some places.
func (s *Store) standingAt(ctx context.Context, l *list, places []listCursor, n int) ([]listed, error) {
	table, err := ext.NewTable("wanted", ext.Column(l.at, "DateTime64(9, 'UTC')"), ext.Column("epoch", "UInt8"),
		ext.Column("offset", "Int64"), ext.Column("partition", "Int32"))
	for i := 0; i < len(places) && err == nil; i++ {
		p := &places[i]
		err = table.Append(time.Unix(0, p.At).UTC(), p.Epoch, p.Offset, p.Partition)
	}
	if err != nil {
		return nil, fmt.Errorf("make table of places: %w", err)
	}
	query, args := l.standing(l.grouped(), "SELECT "+l.place()+" FROM wanted", nil)
	query += l.order()
	if l.overlap {
		query += " LIMIT 1 BY partition, epoch, offset"
	}
	return s.readRows(ch.Context(ctx, ch.WithExternalTable(table)), l, query+fmt.Sprintf(" LIMIT %d", n), args)
}

// count counts what is on the lists in the window.
func (s *Store) count(ctx context.Context, l *list, few bool) (int, error) {
	w := l.on(l.parts)
	from, args := l.table+" FINAL"+w.String(), w.args
	if few {
		places, of := l.candidates()
		from, args = l.standing("SELECT partition, epoch, offset FROM ", places, of)
		from = "(" + from + ")"
	}
	query := "SELECT count() FROM " + from
	if l.overlap {
		query = "SELECT count() FROM (SELECT DISTINCT partition, epoch, offset FROM " + from + ")"
	}
	var n uint64
	err := s.conn.QueryRow(ctx, query, args...).Scan(&n)
	return int(n), fail("count "+l.what, err)
}
