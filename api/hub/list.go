package hub

import (
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement"
)

// page is what a client asks of a list (OCPI 2.2.1 transport, "Paginated
// request"): last_updated in [from, to).
type page struct {
	from, to      time.Time // zero = not bounded
	offset, limit int
}

const maxOffset = 1 << 31

// parsePage reads the query. What it does not know is ignored, as OCPI asks
// for member names.
func parsePage(q url.Values) (p page, err error) {
	var wrong []ocpi.FieldError
	instant := func(name string) time.Time {
		if !q.Has(name) {
			return time.Time{}
		}
		t, _, err := ocpi.ParseTime(q.Get(name))
		if err != nil {
			wrong = append(wrong, ocpi.FieldError{Path: name, Reason: fmt.Sprintf("%q: want a DateTime such as 2019-01-31T23:00:00Z", q.Get(name))})
			return time.Time{}
		}
		return t.Go()
	}
	number := func(name string, least, absent int) int {
		if !q.Has(name) {
			return absent
		}
		n, err := strconv.Atoi(q.Get(name))
		if err != nil || n < least || n > maxOffset {
			wrong = append(wrong, ocpi.FieldError{Path: name, Reason: fmt.Sprintf("%q: want an integer of at least %d", q.Get(name), least)})
		}
		return n
	}
	p = page{from: instant("date_from"), to: instant("date_to"), offset: number("offset", 0, 0), limit: min(number("limit", 1, maxPage), maxPage)}
	if len(wrong) > 0 {
		return page{}, &ocpi.Invalid{Fields: wrong}
	}
	return p, nil
}

// listCDRs serves the partner's own CDRs: to an eMSP those it owes, to a CPO
// those it is owed (OCPI 2.2.1 mod_cdrs, "GET Method" of the Sender
// interface). Oldest first, so that pages stay where they are.
func (x *exchange) listCDRs() (answer, error) {
	query, err := url.ParseQuery(x.r.URL.RawQuery)
	if err != nil {
		return answer{}, wrongParameter("query", "not a valid query string")
	}
	p, err := parsePage(query)
	if err != nil {
		return answer{}, err
	}
	q := settlement.OCPIQuery{
		Debtors: x.partner.Mobility().Parties, Creditors: x.partner.Charging().Parties,
		From: p.from, To: p.to, Offset: p.offset, Limit: p.limit,
	}
	var result settlement.OCPIPage
	if len(q.Debtors)+len(q.Creditors) > 0 { // nobody's list is empty, not everybody's
		if result, err = x.s.CDRLists.OCPICDRs(x.r.Context(), q); err != nil {
			return answer{}, err
		}
	}
	if len(result.Bodies) > p.limit {
		return answer{}, errors.New("the store returned more CDRs than it was asked for")
	}
	data, err := x.array(result)
	if err != nil {
		return answer{}, err
	}
	if next := p.offset + len(result.Bodies); len(result.Bodies) > 0 && next < result.Total {
		x.setHeader("Link", x.nextPage(query, next, p.limit))
	}
	x.setHeader("X-Total-Count", strconv.Itoa(result.Total))
	x.setHeader("X-Limit", strconv.Itoa(maxPage))
	return answer{data: data}, nil
}

// array joins bodies into a JSON list, byte for byte.
func (x *exchange) array(p settlement.OCPIPage) ([]byte, error) {
	size := 2
	for _, body := range p.Bodies {
		size += len(body) + 1
	}
	b := append(make([]byte, 0, size), '[')
	for i, body := range p.Bodies {
		if p.Versions[i] != x.route.version {
			return nil, fmt.Errorf("CDR was sent in OCPI %s, cannot be shown in %s", p.Versions[i], x.route.version)
		}
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, body...)
	}
	return append(b, ']'), nil
}

// nextPage returns the Link to the next page, with the filters as they were
// given and the limit as it holds.
func (x *exchange) nextPage(query url.Values, offset, limit int) string {
	next := url.Values{"offset": {strconv.Itoa(offset)}, "limit": {strconv.Itoa(limit)}}
	for _, name := range []string{"date_from", "date_to"} {
		if query.Has(name) {
			next.Set(name, query.Get(name))
		}
	}
	path := strings.TrimPrefix(x.r.URL.EscapedPath(), Prefix)
	return "<" + x.url(path) + "?" + next.Encode() + `>; rel="next"`
}
