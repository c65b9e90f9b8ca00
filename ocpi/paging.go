package ocpi

import (
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// ListQuery is what a client asks of a list (2.2.1 transport, "Paginated
// request"): objects with last_updated in [From, To), of which Limit from
// Offset on. A zero instant is no bound.
type ListQuery struct {
	From, To      time.Time
	Offset, Limit int
	Cursor        string // of a Link: where the page before ended
}

// maxOffset bounds the numbers of a query.
const maxOffset = 1 << 31

// ParseListQuery reads a query. The limit is at most maxLimit, also when none
// is asked for, and a number that is larger than any list counts as the largest
// one. What the query has beside is ignored, as OCPI asks for member names. The
// error is an *Invalid that names every parameter that is wrong.
func ParseListQuery(q url.Values, maxLimit int) (ListQuery, error) {
	p := queryParser{q: q}
	list := ListQuery{
		From: p.instant("date_from"), To: p.instant("date_to"),
		Offset: p.number("offset", 0, 0), Limit: min(p.number("limit", 1, maxLimit), maxLimit),
		Cursor: q.Get("cursor"),
	}
	if len(p.wrong) > 0 {
		return ListQuery{}, &Invalid{Fields: p.wrong}
	}
	return list, nil
}

type queryParser struct {
	q     url.Values
	wrong []FieldError
}

func (p *queryParser) instant(name string) time.Time {
	if !p.q.Has(name) {
		return time.Time{}
	}
	t, ok := queryTime(p.q.Get(name))
	if !ok {
		p.wrong = append(p.wrong, FieldError{Path: name, Reason: fmt.Sprintf("%q: want a DateTime such as 2019-01-31T23:00:00Z", p.q.Get(name))})
	}
	return t.Go()
}

// queryTime reads an instant of a query. There a plus that was not escaped has become
// a space, and a date alone can only mean its beginning.
func queryTime(s string) (t Time, ok bool) {
	if t, _, err := ParseTime(s); err == nil {
		return t, true
	}
	if d, ok := ParseDate(s); ok {
		t, _, _ = instantOf(d, 0, 0, TimePlain) // of a date it has no error
		return t, true
	}
	if i := strings.LastIndexByte(s, ' '); i > 0 {
		t, _, err := ParseTime(s[:i] + "+" + s[i+1:])
		return t, err == nil
	}
	return 0, false
}

func (p *queryParser) number(name string, least, absent int) int {
	if !p.q.Has(name) {
		return absent
	}
	n, err := strconv.Atoi(p.q.Get(name))
	if errors.Is(err, strconv.ErrRange) && n > 0 || n > maxOffset {
		return maxOffset
	}
	if err != nil || n < least {
		p.wrong = append(p.wrong, FieldError{Path: name, Reason: fmt.Sprintf("%q: want an integer of at least %d", p.q.Get(name), least)})
	}
	return n
}

// NextPage returns the query of the page that begins at offset: the filters of
// q as they were given, and the limit as it holds.
func NextPage(q url.Values, offset, limit int) url.Values {
	next := url.Values{"offset": {strconv.Itoa(offset)}, "limit": {strconv.Itoa(limit)}}
	for _, name := range []string{"date_from", "date_to"} {
		if q.Has(name) {
			next.Set(name, q.Get(name))
		}
	}
	return next
}
