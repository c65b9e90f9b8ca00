package hub

import (
	"errors"
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
	if err := x.enterList(); err != nil {
		return answer{}, err
	}
	if err := x.mayTakeLong(); err != nil {
		return answer{}, err
	}
	q := settlement.OCPIQuery{
		Debtors: x.partner.Mobility().Parties, Creditors: x.partner.Charging().Parties,
		From: p.From, To: p.To, Offset: p.Offset, Limit: p.Limit,
	}
	var result settlement.OCPIPage
	if len(q.Debtors)+len(q.Creditors) > 0 { // nobody's list is empty, not everybody's
		if result, err = x.readPage(q); err != nil {
			return answer{}, err
		}
	}
	if len(result.Bodies) > p.Limit {
		return answer{}, errors.New("the store returned more CDRs than it was asked for")
	}
	if next := p.Offset + len(result.Bodies); len(result.Bodies) > 0 && next < result.Total {
		x.setHeader(ocpi.HeaderLink, x.nextPage(query, next, p.Limit))
	}
	x.setHeader(ocpi.HeaderTotalCount, strconv.Itoa(result.Total))
	x.setHeader(ocpi.HeaderLimit, strconv.Itoa(maxPage))
	return answer{list: x.shown(result)}, nil
}

// readPage asks the store for a page when it is the partner's turn.
func (x *exchange) readPage(q settlement.OCPIQuery) (settlement.OCPIPage, error) {
	reads := x.s.places.reads
	if err := reads.Enter(x.r.Context(), x.partner.ID); err != nil {
		return settlement.OCPIPage{}, err
	}
	defer reads.Leave()
	return x.s.CDRLists.OCPICDRs(x.r.Context(), q)
}

// shown returns the bodies that this edition can show. One sent in another
// version is left out and told in the log: it must not take the rest of the
// list with it. The count in the headers, and the next page, are of all.
func (x *exchange) shown(p settlement.OCPIPage) [][]byte {
	bodies := make([][]byte, 0, len(p.Bodies))
	for i, v := range p.Versions {
		if v == x.route.version {
			bodies = append(bodies, p.Bodies[i])
		}
	}
	if left := len(p.Bodies) - len(bodies); left > 0 {
		x.s.Logger.Warn("CDRs sent in another version are left out of a list", "partner", x.partner.ID, "version", x.route.version.String(), "left_out", left)
	}
	return bodies
}

// nextPage returns the Link to the next page.
func (x *exchange) nextPage(query url.Values, offset, limit int) string {
	path := strings.TrimPrefix(x.r.URL.EscapedPath(), Prefix)
	return "<" + x.url(path) + "?" + ocpi.NextPage(query, offset, limit).Encode() + `>; rel="next"`
}
