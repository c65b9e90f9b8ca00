package hub

import (
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement"
)

// listCDRs serves the partner's own CDRs: to an eMSP those it owes, to a CPO
// those it is owed (OCPI 2.2.1 mod_cdrs, "GET Method" of the Sender
// interface). Oldest first, so that pages stay where they are.
func (x *exchange) listCDRs() (answer, error) {
	query, err := url.ParseQuery(x.r.URL.RawQuery)
	if err != nil {
		return answer{}, wrongParameter("query", "not a valid query string")
	}
	p, err := ocpi.ParseListQuery(query, maxPage)
	if err != nil {
		return answer{}, err
	}
	q := settlement.OCPIQuery{
		Debtors: x.partner.Mobility().Parties, Creditors: x.partner.Charging().Parties,
		From: p.From, To: p.To, Offset: p.Offset, Limit: p.Limit,
	}
	var result settlement.OCPIPage
	if len(q.Debtors)+len(q.Creditors) > 0 { // nobody's list is empty, not everybody's
		if result, err = x.s.CDRLists.OCPICDRs(x.r.Context(), q); err != nil {
			return answer{}, err
		}
	}
	if len(result.Bodies) > p.Limit {
		return answer{}, errors.New("the store returned more CDRs than it was asked for")
	}
	data, err := x.array(result)
	if err != nil {
		return answer{}, err
	}
	if next := p.Offset + len(result.Bodies); len(result.Bodies) > 0 && next < result.Total {
		x.setHeader(ocpi.HeaderLink, x.nextPage(query, next, p.Limit))
	}
	x.setHeader(ocpi.HeaderTotalCount, strconv.Itoa(result.Total))
	x.setHeader(ocpi.HeaderLimit, strconv.Itoa(maxPage))
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

// nextPage returns the Link to the next page.
func (x *exchange) nextPage(query url.Values, offset, limit int) string {
	path := strings.TrimPrefix(x.r.URL.EscapedPath(), Prefix)
	return "<" + x.url(path) + "?" + ocpi.NextPage(query, offset, limit).Encode() + `>; rel="next"`
}
