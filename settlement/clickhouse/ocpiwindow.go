package clickhouse

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

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

// sparseRows is listRows of a window that holds few.
func (s *Store) sparseRows(ctx context.Context, l *list, cursor *listCursor, n int) (rows []listed, err error) {
	rest, most := l, 2*n
	if cursor != nil {
		rest = l.behind(cursor)
	}
	for {
		places, of := rest.candidates()
		places += fmt.Sprintf("%s LIMIT %d", l.order(), most)
		query, args := rest.standing(l.grouped(), places, of)
		query += l.order()
		if l.overlap {
			query += " LIMIT 1 BY partition, epoch, offset"
		}
		more, err := s.readRows(ctx, l, query+fmt.Sprintf(" LIMIT %d", n-len(rows)), args)
		if err != nil {
			return nil, err
		}
		if rows = append(rows, more...); len(rows) == n {
			return rows, nil
		}
		last, err := s.lastOf(ctx, l, places, of, most)
		if err != nil || last == nil {
			return rows, err
		}
		rest = l.behind(last)
	}
}

// lastOf returns the last of some places, nil where they are fewer than were asked
// for: then there are no others.
func (s *Store) lastOf(ctx context.Context, l *list, places string, args []any, most int) (*listCursor, error) {
	var n uint64
	var last listCursor
	err := s.conn.QueryRow(ctx, "SELECT n, toUnixTimestamp64Nano(last.1), last.2, last.3, last.4 FROM (SELECT count() AS n, max(("+l.place()+")) AS last FROM ("+places+"))", args...).
		Scan(&n, &last.At, &last.Epoch, &last.Offset, &last.Partition)
	if err != nil || int(n) < most {
		return nil, fail("look for more "+l.what, err)
	}
	return &last, nil
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
