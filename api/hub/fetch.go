package hub

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/roamclear/roamclear/api"
	"github.com/roamclear/roamclear/api/partner"
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ingest/control"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement"
)

// fetched answers a GET that is for another party with what that answers, as far as the
// partner may see it. ok is false where it is for us, or where our own copy is all that
// there is to answer with.
func (x *exchange) fetched() (a answer, ok bool, err error) {
	if x.route.fetch == "" {
		return answer{}, false, nil
	}
	to, other, err := x.addressee()
	if err != nil || !other {
		return answer{}, false, err
	}
	roles := sendersOf(x.route.object)
	if x.route.fetch == ocpi.RoleReceiver {
		roles = receiversOf(x.route.object)
	}
	p, found := x.destination(to, roles)
	if !found || p.ID == x.partner.ID || !reachable(p, x.module(), x.route.fetch) {
		if x.route.names {
			return answer{}, false, nil
		}
		return answer{}, true, notConnected(to, nil)
	}
	m := &message{to: p, party: to, module: x.module(), side: x.route.fetch, method: http.MethodGet}
	if x.route.object == ingest.ObjectInvoice {
		m.since = ocpi.V230
	}
	switch {
	case x.route.fetch == ocpi.RoleReceiver:
		a, err = x.fetchOwn(m)
	case strings.Contains(x.route.path, "/:"):
		a, err = x.fetchOne(m)
	default:
		a, err = x.fetchList(m)
	}
	return a, true, err
}

// fetchOwn reads an object of the partner's as its receiver has it.
func (x *exchange) fetchOwn(m *message) (answer, error) {
	t, err := x.address()
	if err != nil {
		return answer{}, err
	}
	sees := x.s.Partners.Scope(m.to, t.Object)
	if !sees.Holds(t.Key.Party, ocpi.Party{}) && !sees.Holds(t.Key.Party, m.party) {
		return answer{}, fmt.Errorf("%w: %s", api.ErrUnknownReceiver, m.party)
	}
	m.from, m.path, m.query = t.Key.Party, x.objectPath(), typeQuery(t, m.to.Peer.Version)
	return x.fetchObject(m, t)
}

// fetchOne reads a Location, or a part of one, from its owner.
func (x *exchange) fetchOne(m *message) (answer, error) {
	sees := x.s.Partners.Scope(x.partner, x.route.object)
	if !sees.Holds(m.party, ocpi.Party{}) {
		return answer{}, ingest.ErrUnknownObject
	}
	m.from, _ = x.acting(x.route.roles...)
	m.path = x.objectPath()
	id := api.Param(x.c, "id")
	return x.fetchObject(m, ingest.Target{
		Object: x.route.object, Key: ocpi.NewKey(m.party.Country, m.party.ID, id), ID: id, Path: ingest.PartPath(api.Param(x.c, "evse"), api.Param(x.c, "connector")),
	})
}

// fetchObject asks for one object, which is that of the target or none.
func (x *exchange) fetchObject(m *message, t ingest.Target) (answer, error) {
	reply, err := x.forward(m)
	if err != nil {
		return answer{}, err
	}
	if reply.Status >= ocpi.StatusClientError {
		return x.relayed(answer{}, reply), nil
	}
	if !sameObject(t, reply.Data) {
		return answer{}, &routeError{ocpi.StatusHubError, fmt.Sprintf("%s answered another object than was asked for", m.party), nil}
	}
	kind := t.Object.Kind()
	if evse, connector := t.Part(); evse != "" {
		kind = partKind(connector)
	}
	if m.to.Peer.Version == x.route.version || t.Object == ingest.ObjectInvoice {
		return answer{data: reply.Data}, nil
	}
	return x.show(kind, t.Identity(), m.to.Peer.Version, reply.Data)
}

// sameObject reports whether a body is that of a target, so far as it says.
func sameObject(t ingest.Target, body []byte) bool {
	o, err := ocpi.SplitObject(body)
	if err != nil {
		return false
	}
	name, want := "id", t.Key.ID
	evse, connector := t.Part()
	switch {
	case connector != "":
		want = ocpi.Fold(connector)
	case evse != "":
		name, want = "uid", ocpi.Fold(evse)
	case t.Object == ingest.ObjectToken:
		name = "uid"
	}
	if ocpi.Fold(o.Text(name)) != want {
		return false
	}
	owner := ocpi.NewParty(o.Text("country_code"), o.Text("party_id"))
	return evse != "" || owner == t.Key.Party || owner.IsZero()
}

// Bounds of a page of a partner's list. Who asks for more follows the link.
const (
	fetchMost  = 100                 // objects
	fetchBytes = forwardBytes/16 - 1 // what one partner may hold of another one's, and not more than that
)

// fetchList reads a page of a party's list. What of it the partner may not see is left
// out: its owner was told no more than from whom the request is.
func (x *exchange) fetchList(m *message) (answer, error) {
	query, w, err := x.window()
	if err != nil {
		return answer{}, err
	}
	if !x.mayAsk(m.party) {
		return answer{}, fmt.Errorf("%w: %s", api.ErrUnknownReceiver, m.party)
	}
	if x.route.object == ingest.ObjectSession && !query.Has("date_from") && !query.Has("cursor") {
		return answer{}, wrongParameter("date_from", "missing: lists of Sessions need it")
	}
	w.Limit = min(w.Limit, fetchMost)
	if m.query, m.page, err = x.pageQuery(m, query, w); err != nil {
		return answer{}, err
	}
	m.from, _ = x.acting(x.route.roles...)
	m.limit = fetchBytes
	reply, err := x.forward(m)
	if errors.Is(err, api.ErrTooLarge) {
		return answer{}, &routeError{ocpi.StatusHubError, fmt.Sprintf("%s answered with more than %d bytes: ask for fewer with limit", m.party, fetchBytes), err}
	}
	if err != nil {
		return answer{}, err
	}
	if reply.Status >= ocpi.StatusClientError {
		return x.relayed(answer{}, reply), nil
	}
	if err := x.enterList(); err != nil { // now: who is slow takes no place from those who are not
		return answer{}, err
	}
	var items []json.RawMessage
	if err := json.Unmarshal(reply.Data, &items); err != nil {
		return answer{}, &routeError{ocpi.StatusHubError, fmt.Sprintf("%s answered what is no list", m.party), err}
	}
	if len(items) > w.Limit {
		return answer{}, &routeError{ocpi.StatusHubError, fmt.Sprintf("%s answered more than the %d that it was asked for", m.party, w.Limit), nil}
	}
	page := x.readable(m, items)
	others := len(items) > len(page.Bodies)
	if err := x.pageHeaders(m, reply, !others && x.readsAll(m.to)); err != nil {
		return answer{}, err
	}
	return x.showFetched(page, others)
}

// mayAsk reports whether the partner may see anything of a party's, if there is any.
func (x *exchange) mayAsk(owner ocpi.Party) bool {
	sees := x.s.Partners.Scope(x.partner, x.route.object)
	return sees.Holds(owner, ocpi.Party{}) || slices.ContainsFunc(sees.For, func(p ocpi.Party) bool { return sees.Holds(owner, p) })
}

// readsAll reports whether all that another partner lists is the partner's to see,
// whomever it is for: else how much that is tells of others.
func (x *exchange) readsAll(of *control.Partner) bool {
	if x.route.object == ingest.ObjectTariff { // some are for one party
		return false
	}
	sees, senders := x.s.Partners.Scope(x.partner, x.route.object), sendersOf(x.route.object)
	return !slices.ContainsFunc(of.Roles, func(r control.Role) bool {
		return slices.Contains(senders, r.Role) && !sees.Holds(r.Party(), ocpi.Party{})
	})
}

// cursorOf binds a page of a partner's list to who asks for it, and where: nobody else
// can use it, and nobody can have us call another address of that partner's.
func (x *exchange) cursorOf(m *message) string {
	return strings.Join([]string{x.partner.ID, m.to.ID, m.party.String(), x.route.path, ""}, "\n")
}

// pageQuery is what a page of a partner's list is asked for with: the query as it came,
// or the page that its cursor names.
func (x *exchange) pageQuery(m *message, query url.Values, w settlement.OCPIWindow) (own url.Values, at string, err error) {
	if cursor := query.Get("cursor"); cursor != "" {
		text, err := x.s.Sealer.Open(control.SealedToken(cursor))
		at, ok := strings.CutPrefix(text, x.cursorOf(m))
		if err != nil || !ok {
			return nil, "", settlement.ErrCursor
		}
		return nil, at, nil
	}
	own = url.Values{}
	for _, name := range []string{"date_from", "date_to", "offset"} {
		if query.Has(name) {
			own.Set(name, query.Get(name))
		}
	}
	own.Set("limit", strconv.Itoa(w.Limit))
	return own, "", nil
}

// pageHeaders are those of a partner's page; its Link leads to us. How many objects there
// are is told where who asks may see them all.
func (x *exchange) pageHeaders(m *message, reply *partner.Answer, all bool) error {
	for _, name := range []string{ocpi.HeaderTotalCount, ocpi.HeaderLimit} {
		if name == ocpi.HeaderTotalCount && !all {
			continue
		}
		if n, err := strconv.Atoi(reply.Header.Get(name)); err == nil && n >= 0 {
			x.setHeader(name, strconv.Itoa(n))
		}
	}
	next, ok, err := partner.NextPage(m.to, m.module, m.side, reply)
	if err != nil {
		return &routeError{ocpi.StatusHubError, fmt.Sprintf("%s answered a link that leads nowhere", m.party), err}
	}
	if ok {
		query := url.Values{"cursor": {string(x.s.Sealer.Seal(x.cursorOf(m) + next))}}
		x.setHeader(ocpi.HeaderLink, "<"+x.url(strings.TrimPrefix(x.r.URL.EscapedPath(), Prefix))+"?"+query.Encode()+`>; rel="next"`)
	}
	return nil
}

// readable are those of a partner's objects that are its own, and that who asks may see.
func (x *exchange) readable(m *message, items []json.RawMessage) (page settlement.OCPIPage) {
	for _, item := range items {
		id, ok := x.mayRead(m, item)
		if !ok {
			continue
		}
		page.Bodies, page.Versions = append(page.Bodies, item), append(page.Versions, m.to.Peer.Version)
		page.Owners, page.Identities = append(page.Owners, id.Key.Party), append(page.Identities, id)
	}
	if others := len(items) - len(page.Bodies); others > 0 {
		x.s.Logger.Warn("objects are left out of a partner's list", "object", x.route.object.String(), "of", m.to.ID, "for", x.partner.ID, "left_out", others)
	}
	return page
}

// showFetched answers with a page; others says that there was more, which is not for who
// asks. How much is not said.
func (x *exchange) showFetched(page settlement.OCPIPage, others bool) (answer, error) {
	a, err := x.shownWith(page, make([]*settlement.Charge, len(page.Bodies)))
	if others && a.message == "" {
		a.message = "Success, but what is not yours to see is left out"
	}
	return a, err
}

// mayRead says which object of a partner's list a body is, and whether who asks may see
// it. Whose it is, where its version does not say, is whom the request is for.
func (x *exchange) mayRead(m *message, body []byte) (id ingest.Identity, ok bool) {
	o, err := ocpi.SplitObject(body)
	if err != nil {
		return id, false
	}
	owner := m.party
	if m.to.Peer.Version != ocpi.V211 {
		owner = ocpi.NewParty(o.Text("country_code"), o.Text("party_id"))
	}
	name, variant := "id", ""
	if x.route.object == ingest.ObjectToken {
		name, variant = "uid", ocpi.Fold(o.Text("type"))
	}
	id = ingest.Identity{Object: x.route.object, Key: ocpi.NewKey(owner.Country, owner.ID, o.Text(name)), Variant: variant}
	other, err := x.otherOf(m, body)
	if err != nil || id.Key.ID == "" || !m.to.Owns(owner) {
		return id, false
	}
	sees := x.s.Partners.Scope(x.partner, x.route.object)
	return id, sees.Holds(owner, other)
}

// otherOf is the party that an object of a partner's list is for beside its owner: who
// pays for a Session or CDR.
func (x *exchange) otherOf(m *message, body []byte) (ocpi.Party, error) {
	var d ocpi.Decoder
	var token ocpi.CDRToken
	var start ocpi.Time
	switch x.route.object {
	case ingest.ObjectSession:
		s, err := d.Session(m.to.Peer.Version, body)
		if err != nil {
			return ocpi.Party{}, err
		}
		token, start = s.Token, s.Start
	case ingest.ObjectCDR:
		c, err := d.CDR(m.to.Peer.Version, body)
		if err != nil {
			return ocpi.Party{}, err
		}
		token, start = c.Token, c.Start
	case ingest.ObjectInvoice:
		to, _ := x.acting(x.route.roles...) // it does not say; it was asked for in this one's name
		return to, nil
	default:
		return ocpi.Party{}, nil
	}
	payer := token.Party()
	if payer.IsZero() && x.s.Known.Token != nil {
		known, _ := x.s.Known.Token(token.ContractID, start)
		payer = known.Party()
	}
	if payer.IsZero() {
		return payer, errors.New("nobody is known to pay for it")
	}
	return payer, nil
}
