package hub

import (
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ingest/control"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/ocpi/convert"
	"github.com/roamclear/roamclear/settlement"
	"golang.org/x/sync/errgroup"
)

// listBy is the query parameter that says what date_from and date_to bound in a list
// of CDRs or Sessions, whatever is said for the partner, see control.PartnerListBy.
const listBy = "list_by"

// listCDRs serves the partner's own CDRs: to an eMSP those it owes, to a CPO
// those it is owed (OCPI 2.2.1 mod_cdrs, "GET Method" of the Sender interface).
func (x *exchange) listCDRs() (answer, error) {
	query, window, err := x.window()
	if err != nil {
		return answer{}, err
	}
	scope := x.s.Partners.Scope(x.partner, ingest.ObjectCDR)
	window.ByID = x.tellsIDsAlone()
	q := settlement.OCPIQuery{Debtors: scope.For, Creditors: scope.Own, Only: scope.Only, OCPIWindow: window}
	if q.ByReceived, err = x.byReceived(query); err != nil {
		return answer{}, err
	}
	if len(q.Debtors)+len(q.Creditors) == 0 { // nobody's list is empty, not everybody's
		return x.list(query, window, nil)
	}
	return x.list(query, window, func() (settlement.OCPIPage, error) { return x.s.Lists.OCPICDRs(x.r.Context(), q) })
}

// byReceived reports whether dates bound when things came, by the query or else by what
// is said for the partner, which the query then says: so does Link, and a list is
// followed as it was begun.
func (x *exchange) byReceived(query url.Values) (bool, error) {
	if !query.Has(listBy) && x.partner.ByReceived {
		query.Set(listBy, control.ListByReceived)
	}
	switch by := query.Get(listBy); by {
	case "", control.ListByUpdated:
		return false, nil
	case control.ListByReceived:
		return true, nil
	}
	return false, wrongParameter(listBy, "want "+control.ListByUpdated+" or "+control.ListByReceived)
}

// listObjects serves what others own, as far as the partner may see it (OCPI 2.2.1
// "GET Method" of the Sender interface of mod_locations, mod_tariffs, mod_sessions
// and mod_tokens). Whom nobody is paired with, or has granted anything, has an empty
// list: the module is there for its role.
func (x *exchange) listObjects() (answer, error) {
	q := settlement.ObjectQuery{Object: x.route.object, Lists: x.visible()}
	query, window, err := x.window()
	if err != nil {
		return answer{}, err
	}
	if q.Object == ingest.ObjectSession {
		if !query.Has("date_from") {
			return answer{}, wrongParameter("date_from", "missing: lists of Sessions need it")
		}
		if q.ByReceived, err = x.byReceived(query); err != nil {
			return answer{}, err
		}
	}
	if len(q.Lists) == 0 {
		return x.list(query, window, nil)
	}
	q.OCPIWindow = window
	q.ByID = x.tellsIDsAlone()
	return x.list(query, window, func() (settlement.OCPIPage, error) { return x.s.Lists.OCPIObjects(x.r.Context(), q) })
}

// window reads what is asked of a list.
func (x *exchange) window() (query url.Values, w settlement.OCPIWindow, err error) {
	query, err = url.ParseQuery(x.r.URL.RawQuery)
	if err != nil {
		return nil, w, wrongParameter("query", "not a valid query string")
	}
	p, err := ocpi.ParseListQuery(query, maxPage)
	return query, settlement.OCPIWindow{From: p.From, To: p.To, Offset: p.Offset, Limit: p.Limit, After: p.Cursor}, err
}

// list answers with the page that read reads; nil reads nothing.
func (x *exchange) list(query url.Values, w settlement.OCPIWindow, read func() (settlement.OCPIPage, error)) (answer, error) {
	if err := x.enterList(); err != nil {
		return answer{}, err
	}
	if err := x.mayTakeLong(); err != nil {
		return answer{}, err
	}
	var page settlement.OCPIPage
	if read != nil {
		var err error
		if page, err = x.readPage(w.After == "", query.Get(listBy) == control.ListByReceived, read); err != nil {
			return answer{}, err
		}
	}
	return x.paged(query, w, page)
}

// paged answers with a page that was read.
func (x *exchange) paged(query url.Values, w settlement.OCPIWindow, page settlement.OCPIPage) (answer, error) {
	if len(page.Bodies) > w.Limit {
		return answer{}, errors.New("the store returned more of a list than it was asked for")
	}
	if page.Next != "" {
		x.setHeader(ocpi.HeaderLink, x.nextPage(query, w.Offset+len(page.Bodies), w.Limit, page.Next))
	}
	x.setHeader(ocpi.HeaderTotalCount, strconv.Itoa(page.Total))
	x.setHeader(ocpi.HeaderLimit, strconv.Itoa(maxPage))
	return x.shown(page)
}

// readPage asks the store for a page when it is the partner's turn. The first one
// of a list waits until the store has all that was acknowledged, strict whatever the
// list is of.
func (x *exchange) readPage(first, strict bool, read func() (settlement.OCPIPage, error)) (settlement.OCPIPage, error) {
	if first {
		ctx, cancel := x.limited()
		defer cancel()
		if err := x.s.Lists.Await(ctx, x.route.object, strict); err != nil {
			return settlement.OCPIPage{}, err
		}
	}
	reads := x.s.places.reads
	if err := reads.Enter(x.r.Context(), x.partner.ID); err != nil {
		return settlement.OCPIPage{}, err
	}
	defer reads.Leave()
	return read()
}

// shown answers with the bodies as this edition has them, and says what they lost
// by it. One that it cannot show is left out and told: it must not take the rest of
// the list with it. The count in the headers, and the next page, are of all.
func (x *exchange) shown(p settlement.OCPIPage) (answer, error) {
	charges, err := x.charges(&p)
	if err != nil {
		return answer{}, err
	}
	return x.shownWith(p, charges)
}

// shownWith is shown with what CDRs and Sessions rest on.
func (x *exchange) shownWith(p settlement.OCPIPage, charges []*settlement.Charge) (answer, error) {
	a := answer{list: make([][]byte, 0, len(p.Bodies))}
	var lost []convert.Loss
	var first error
	var ofSeveral []string
	for _, c := range x.convertAll(p, charges) {
		if c.shared != "" {
			ofSeveral = append(ofSeveral, c.shared)
		}
		if c.err != nil {
			if first == nil {
				first = c.err
			}
			continue
		}
		a.list, lost = append(a.list, c.Body), append(lost, c.Lost...)
	}
	x.sharedIDs(ofSeveral)
	if len(lost) > 0 {
		x.setHeader(lostHeader, convert.Lost(lost))
	}
	if left := len(p.Bodies) - len(a.list); left > 0 {
		a.message = bounded(fmt.Sprintf("Success, but %d of these cannot be shown in OCPI %s and are left out; the first: %s", left, x.route.version, first))
		x.s.Logger.Warn("objects are left out of a list", "object", x.route.object.String(),
			"partner", x.partner.ID, "version", x.route.version.String(), "left_out", left, "error", first)
	}
	return a, nil
}

// charges reads what those of a page rest on that this edition has in another form.
func (x *exchange) charges(p *settlement.OCPIPage) ([]*settlement.Charge, error) {
	charges := make([]*settlement.Charge, len(p.Bodies))
	for i := range p.Identities {
		charges[i] = x.charge(p.Identities[i], p.Versions[i], p.Bodies[i])
	}
	return charges, x.complete(charges...)
}

// convertedBody is a body of a page in the route's version, or why there is none;
// shared names one whose id several have.
type convertedBody struct {
	convert.Result
	shared string
	err    error
}

// conversions is how many bodies of a page are converted at once. What they ask the
// store for goes into one query then (objects.Follower), where one after the other
// would make one each.
const conversions = 100

// convertAll converts the bodies of a page, charges with what they rest on.
func (x *exchange) convertAll(p settlement.OCPIPage, charges []*settlement.Charge) []convertedBody {
	list := make([]convertedBody, len(p.Bodies))
	var g errgroup.Group
	g.SetLimit(conversions)
	for i, raw := range p.Bodies {
		if why, shared := x.hidden(&p, i); why != nil {
			list[i].err, list[i].shared = why, shared
			continue
		}
		if p.Versions[i] == x.route.version {
			list[i].Body = raw
			continue
		}
		g.Go(func() error {
			defer func() { // nobody else would: it must not take the process with it
				if reason := recover(); reason != nil {
					list[i].err = fmt.Errorf("convert a %s of %s from OCPI %s to %s: panic: %v", x.route.object, p.Owners[i], p.Versions[i], x.route.version, reason)
				}
			}()
			list[i].Result, list[i].err = x.convert(x.route.object.Kind(), p.Versions[i], raw, p.Owners[i], charges[i])
			return nil
		})
	}
	_ = g.Wait() // each has its own error
	return list
}

// nextPage returns the Link to the next page.
func (x *exchange) nextPage(query url.Values, offset, limit int, cursor string) string {
	path := strings.TrimPrefix(x.r.URL.EscapedPath(), Prefix)
	next := ocpi.NextPage(query, offset, limit)
	next.Set("cursor", cursor)
	if query.Has(listBy) {
		next.Set(listBy, query.Get(listBy))
	}
	return "<" + x.url(path) + "?" + next.Encode() + `>; rel="next"`
}
