package clickhouse

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement"
)

// OCPICDRs implements [settlement.ListStore].
func (s *Store) OCPICDRs(ctx context.Context, q settlement.OCPIQuery) (settlement.OCPIPage, error) {
	l := cdrList(&q)
	if !q.ByReceived && q.Only.IsZero() { // else it has read another list, or a part of it
		l.ended = func(began time.Time) {
			if err := s.noteRead(ctx, q.Debtors, &q.OCPIWindow, began); err != nil {
				s.log.Warn("what comes late to lists that were read just now is not counted", "error", err) // the list was read all the same
			}
		}
	}
	return s.page(ctx, l, q.OCPIWindow, s.cdrBodies)
}

func cdrList(q *settlement.OCPIQuery) *list {
	l := &list{table: "sender_lists", what: "CDRs", at: "last_updated", names: [3]string{"country", "party", "creditor"}, by: "last_updated",
		overlap: len(q.Debtors) > 0 && len(q.Creditors) > 0}
	if q.ByReceived {
		l.by, l.indexed = "received", true
	}
	for creditor, parties := range [][]ocpi.Party{q.Debtors, q.Creditors} {
		for _, p := range parties {
			part := listPart{of: []any{p.Country, p.ID, uint8(creditor)}}
			if !q.Only.IsZero() { // who is on the other side of it
				part.and("(partition, epoch, offset) IN (SELECT partition, epoch, offset FROM sender_lists FINAL WHERE NOT gone AND country = ? AND party = ? AND creditor = ?)",
					q.Only.Country, q.Only.ID, uint8(1-creditor))
			}
			l.parts = append(l.parts, part)
		}
	}
	l.sameID = sameCDRs(q)
	return l
}

// OCPIObjects implements [settlement.ListStore].
func (s *Store) OCPIObjects(ctx context.Context, q settlement.ObjectQuery) (settlement.OCPIPage, error) {
	return s.page(ctx, objectList(&q), q.OCPIWindow, func(ctx context.Context, rows []listed) ([]listedBody, error) {
		return s.objectBodies(ctx, &q, rows)
	})
}

func objectList(q *settlement.ObjectQuery) *list {
	l := &list{table: "object_lists", object: q.Object, what: q.Object.String() + "s", at: "created", names: [3]string{"list", "list_country", "list_party"}, by: "last_updated", indexed: true,
		columns: ", country, party, id, sub, ver", last: ", any(country), any(party), any(id), any(sub), max(ver)"}
	if q.ByReceived {
		l.by = "received"
	}
	l.and("object = ?", q.Object.String())
	var kinds [4]bool
	for _, o := range q.Lists {
		part := listPart{of: []any{uint8(o.Kind), o.Party.Country, o.Party.ID}}
		part.owners(&l.sets, "IN", o.Owners)
		part.owners(&l.sets, "NOT IN", o.Except)
		l.parts = append(l.parts, part)
		kinds[o.Kind] = true
	}
	l.overlap = kinds[settlement.ListAll] && kinds[settlement.ListOpen] || kinds[settlement.ListOwn] && kinds[settlement.ListWith]
	l.sameID = l.sameObjects()
	return l
}

// list is what a page is read of: some lists of a table, as one. A row of the
// table has the position of a record, and stands in the order of names, at, epoch
// and offset.
type list struct {
	where
	table   string
	object  ingest.Object // 0 for CDRs
	what    string        // is listed, for messages
	names   [3]string     // the columns that say which list a row is on
	parts   []listPart
	sets    sets   // that are too large to stand in a query's text
	overlap bool   // something may be in several of them
	at      string // the column that lists are in the order of
	by      string // the column that From and To bound
	bounds  where  // by them
	indexed bool   // rows are found by it without reading all
	columns string // of a row, beside at and its position
	last    string // these, of the last of the rows at a place
	sameID  sameID
	ended   func(began time.Time) // what to do when it was read to its end, nil = nothing
}

// listPart is one list, or what some condition leaves of it.
type listPart struct {
	where
	of []any // what names are
}

// owners restricts to what some owners have on the list, or to what others have;
// with none named, not at all.
func (p *listPart) owners(s *sets, in string, owners []ocpi.Party) {
	if len(owners) == 0 {
		return
	}
	set, args := s.parties(owners)
	p.and("(country, party) "+in+" "+set, args...)
}

// listed is one row of a list.
type listed struct {
	at       time.Time
	position ingest.Position
	id       ingest.Identity // of objects,
	ver      uint64          // and of which state
}

// listCursor names the last row of a page, and what a next page need not find
// out again.
type listCursor struct {
	At        int64 `json:"a"` // Unix time in nanoseconds, as all here
	Epoch     uint8 `json:"e"`
	Partition int32 `json:"p"`
	Offset    int64 `json:"o"`
	Shown     int   `json:"n"` // items before the next page
	Total     int   `json:"t"` // as counted
	Counted   int64 `json:"c"` // when the first page was read,
	From      int64 `json:"f"` // in this window,
	To        int64 `json:"u"`
	Few       bool  `json:"w,omitempty"` // which holds few, see few
	Part      bool  `json:"k,omitempty"` // the list was not followed from its beginning
	Mean      int   `json:"b"`           // size of a body on the page before, in bytes
}

// page reads a page: which rows, how many there are in all, and their bodies.
func (s *Store) page(ctx context.Context, l *list, q settlement.OCPIWindow, bodies bodyReader) (settlement.OCPIPage, error) {
	var page settlement.OCPIPage
	if len(l.parts) == 0 {
		return page, nil // nobody's list
	}
	cursor, err := cursorOfWindow(&q)
	if err != nil {
		return page, err
	}
	l.between(&q)
	l.of(l.parts) // makes the sets that all queries share
	if l.sets.err != nil {
		return page, l.sets.err
	}
	limit := pageSize(q.Limit)
	rows, counted, err := s.find(l.sets.with(ctx), l, &q, cursor, limit+1)
	if err != nil {
		return page, err
	}
	before, mean := max(q.Offset, 0), 0
	if cursor != nil {
		mean = cursor.Mean
	}
	taken, size, err := s.addBodies(ctx, l.what, &page, rows[:min(limit, len(rows))], mean, bodies)
	if err != nil {
		return page, err
	}
	if q.ByID {
		if err := s.addOthers(l.sets.with(ctx), l, &page); err != nil {
			return page, err
		}
	}
	page.Total = counted.Total
	if len(rows) > 0 { // what came since it was counted
		page.Total = max(counted.Total, before+len(rows))
	}
	if taken == len(rows) {
		if l.ended != nil && !counted.Part {
			l.ended(time.Unix(0, counted.Counted))
		}
		return page, nil
	}
	last := &rows[taken-1]
	counted.At, counted.Epoch, counted.Partition, counted.Offset = last.at.UnixNano(), last.position.Epoch, last.position.Partition, last.position.Offset
	counted.Shown, counted.Mean = before+len(page.Bodies), size/max(len(page.Bodies), 1)
	page.Next, err = encodeCursor(counted)
	return page, err
}

// cursorOfWindow returns the cursor of a page, nil where it is found by its
// offset: also where the offset is another one than the page's that the cursor is
// of, since who asks for that has written it.
func cursorOfWindow(q *settlement.OCPIWindow) (*listCursor, error) {
	cursor, err := decodeCursor[listCursor](q.After)
	if err != nil || q.After == "" || cursor.Shown != q.Offset {
		return nil, err
	}
	return &cursor, nil
}

// between bounds the lists to a window.
func (l *list) between(w *settlement.OCPIWindow) {
	if !w.From.IsZero() {
		l.bounds.and(l.by+" >= fromUnixTimestamp64Nano(?)", w.From.UnixNano())
	}
	if !w.To.IsZero() {
		l.bounds.and(l.by+" < fromUnixTimestamp64Nano(?)", w.To.UnixNano())
	}
}

// maxSeeks is how many lists are each read from where the page begins. Of more the
// rows behind that are read and put in order.
const maxSeeks = 32

// listRows reads the first n rows of the page, from where it begins.
func (s *Store) listRows(ctx context.Context, l *list, cursor *listCursor, skip, n int) ([]listed, error) {
	behind := l
	if cursor != nil {
		skip, behind = 0, l.behind(cursor)
	}
	query, args := behind.query(skip + n)
	return s.readRows(ctx, l, query+fmt.Sprintf(" LIMIT %d OFFSET %d", n, skip), args)
}

// behind is what the lists have behind a row.
func (l *list) behind(c *listCursor) *list {
	rest := *l
	rest.conditions, rest.args = slices.Clip(l.conditions), slices.Clip(l.args)
	rest.and(fmt.Sprintf("%[1]s >= fromUnixTimestamp64Nano(?) AND (%[1]s, epoch, offset, partition) > (fromUnixTimestamp64Nano(?), ?, ?, ?)", l.at),
		c.At, c.At, c.Epoch, c.Offset, c.Partition)
	return &rest
}

// readRows reads the rows that a query selects, see row.
func (s *Store) readRows(ctx context.Context, l *list, query string, args []any) ([]listed, error) {
	var rows []listed
	err := s.each(ctx, "list "+l.what, query, args, func(r driver.Rows) error {
		var row listed
		into := []any{&row.at, &row.position.Partition, &row.position.Epoch, &row.position.Offset}
		if l.columns != "" {
			into = append(into, &row.id.Key.Party.Country, &row.id.Key.Party.ID, &row.id.Key.ID, &row.id.Variant, &row.ver)
		}
		err := r.Scan(into...)
		row.id.Object = l.object
		rows = append(rows, row)
		return err
	})
	return rows, err
}

// query selects the rows of the lists in their order, of each list the first n
// where there are few: that reads no more of any.
func (l *list) query(n int) (string, []any) {
	columns, order, once := l.row(), l.order(), ""
	if l.overlap {
		once = " LIMIT 1 BY partition, epoch, offset"
	}
	if len(l.parts) == 1 || len(l.parts) > maxSeeks {
		w := l.on(l.parts)
		return columns + l.table + " FINAL" + w.String() + order + once, w.args
	}
	var parts []string
	var args []any
	for i := range l.parts {
		w := l.on(l.parts[i : i+1])
		parts = append(parts, columns+l.table+" FINAL"+w.String()+order+fmt.Sprintf(" LIMIT %d", n))
		args = append(args, w.args...)
	}
	return columns + "((" + strings.Join(parts, ") UNION ALL (") + "))" + order + once, args
}

// row selects what readRows reads.
func (l *list) row() string {
	return "SELECT " + l.at + ", partition, epoch, offset" + l.columns + " FROM "
}

// grouped is row of the last of the rows at each place.
func (l *list) grouped() string {
	return "SELECT " + l.at + ", partition, epoch, offset" + l.last + " FROM "
}

func (l *list) order() string { return " ORDER BY " + l.at + ", epoch, offset, partition" }

// on restricts to what is on some of the lists, in the window.
func (l *list) on(parts []listPart) where {
	w := l.of(parts)
	w.conditions, w.args = append(w.conditions, l.bounds.conditions...), append(w.args, l.bounds.args...)
	w.and("NOT gone")
	return w
}

// of restricts to the rows of some of the lists.
func (l *list) of(parts []listPart) where {
	w := where{conditions: slices.Clone(l.conditions), args: slices.Clone(l.args)}
	if len(parts) == 1 { // so that the engine sees which columns do not vary
		w.and(strings.Join(l.names[:], " = ? AND ")+" = ?", parts[0].of...)
		w.conditions, w.args = append(w.conditions, parts[0].conditions...), append(w.args, parts[0].args...)
		return w
	}
	var whole, rest []listPart
	for _, p := range parts {
		if len(p.conditions) == 0 {
			whole = append(whole, p)
		} else {
			rest = append(rest, p)
		}
	}
	names := "(" + strings.Join(l.names[:], ", ") + ")"
	var either where
	if len(whole) > 0 {
		of, args := l.sets.lists(l.names, whole)
		either.and(names+" IN "+of, args...)
	}
	for len(rest) > 0 { // those that something alike is left of stand together
		first := rest[0]
		alike := func(p listPart) bool {
			return slices.Equal(p.conditions, first.conditions) && slices.Equal(p.args, first.args)
		}
		of, args := l.sets.lists(l.names, slices.DeleteFunc(slices.Clone(rest), func(p listPart) bool { return !alike(p) }))
		either.and(names+" IN "+of+" AND "+strings.Join(first.conditions, " AND "), append(args, first.args...)...)
		rest = slices.DeleteFunc(rest, alike)
	}
	w.or(either)
	return w
}

// tuples is a set of n tuples of width values each.
func tuples(n, width int, values func(i int) []any) (set string, args []any) {
	one := "(" + strings.TrimSuffix(strings.Repeat("?, ", width), ", ") + "), "
	for i := range n {
		args = append(args, values(i)...)
	}
	return "(" + strings.TrimSuffix(strings.Repeat(one, n), ", ") + ")", args
}
