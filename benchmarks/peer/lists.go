package peer

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/roamclear/roamclear/ocpi"
)

// list answers a page of a list, oldest first (2.2.1 transport, "Pagination").
func (p *Peer) list(w http.ResponseWriter, r *http.Request, module string) {
	if p.misbehave(w, r) {
		return
	}
	query, err := ocpi.ParseListQuery(r.URL.Query(), p.options.Page)
	if err == nil && module == "sessions" && query.From.IsZero() {
		err = fmt.Errorf("date_from: required")
	}
	if err != nil {
		reply(w, r, http.StatusOK, ocpi.StatusInvalid, err.Error(), nil)
		return
	}
	var all []json.RawMessage
	to := ocpi.NewParty(r.Header.Get(ocpi.HeaderToCountry), r.Header.Get(ocpi.HeaderToParty))
	some := p.options.ByParty && slices.Contains(p.parties(), to)
	for _, o := range p.lists[module] {
		if within(o.updated, query) && (!some || o.party == to) {
			all = append(all, o.body)
		}
	}
	all = p.shown(module, all, query.Offset == 0)
	if p.options.Fault == Unpaged {
		query.Offset, query.Limit = 0, len(all)
	}
	from := min(query.Offset, len(all))
	end := min(from+query.Limit, len(all))
	h := w.Header()
	h.Set(ocpi.HeaderTotalCount, strconv.Itoa(len(all)))
	h.Set(ocpi.HeaderLimit, strconv.Itoa(p.options.Page))
	host, next, more := "", end, end < len(all)
	switch p.options.Fault {
	case Total:
		h.Set(ocpi.HeaderTotalCount, strconv.Itoa(3*len(all)))
	case Repeat:
		next = from
	case Loop:
		if from > 0 {
			next, more = 0, true
		}
	case Elsewhere:
		host = elsewhere
	case Unlinked:
		more = false
	}
	if more {
		h.Set(ocpi.HeaderLink, "<"+p.on(host, p.base("sender", module))+"?"+ocpi.NextPage(r.URL.Query(), next, query.Limit).Encode()+`>; rel="next"`)
	}
	var page bytes.Buffer // not marshalled: of some faults it is no JSON
	page.WriteByte('[')
	for i, body := range all[from:end] {
		if i > 0 {
			page.WriteByte(',')
		}
		page.Write(p.spoiled(module, body, i == 0))
	}
	page.WriteByte(']')
	answer(w, r, http.StatusOK, ocpi.StatusSuccess, "", page.Bytes())
}

func within(t time.Time, q ocpi.ListQuery) bool {
	return !t.Before(q.From) && (q.To.IsZero() || t.Before(q.To))
}
