package hub

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"path"
	"strconv"
	"strings"

	"github.com/roamclear/roamclear/api"
	"github.com/roamclear/roamclear/api/partner"
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ingest/control"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/ocpi/convert"
)

// receiversOf are the roles that objects of a kind are pushed to, sendersOf those whose
// holders have them.
func receiversOf(o ingest.Object) []string {
	switch o {
	case ingest.ObjectSession:
		return []string{control.RoleEMSP, control.RoleSCSP} // SCSPs by grant
	case ingest.ObjectCDR:
		return providers
	case ingest.ObjectToken:
		return operators
	case ingest.ObjectInvoice:
		return parties
	}
	return readers
}

func sendersOf(o ingest.Object) []string {
	switch o {
	case ingest.ObjectSession, ingest.ObjectCDR:
		return operators
	case ingest.ObjectToken:
		return providers
	case ingest.ObjectInvoice:
		return parties
	}
	return publishers
}

// module is the ModuleID of the route.
func (x *exchange) module() string { return path.Base(x.route.base) }

// pushedTo returns the other party that a push is for: whom OCPI-to names, in 2.1.1
// whom the connection is with. must says that nothing else will do than that it
// gets it: who is named as the recipient of a Tariff is shown it here too, and who
// speaks 2.1.1 cannot say.
func (x *exchange) pushedTo() (to ocpi.Party, must bool) {
	if !x.route.onward {
		return to, false
	}
	if x.route.version == ocpi.V211 {
		return x.partner.Counterparty, false
	}
	to, other, err := x.addressee()
	if err != nil || !other {
		return ocpi.Party{}, false
	}
	return to, !x.route.names
}

// onward hands on what was pushed, which is stored by now, to the party that it is for,
// and answers as that does. What it comes to there takes nothing back here.
func (x *exchange) onward(a answer) (answer, error) {
	to, must := x.pushedTo()
	if to.IsZero() {
		return a, nil
	}
	p, ok := x.destination(to, receiversOf(x.route.object))
	if !ok || p.ID == x.partner.ID || !reachable(p, x.module(), ocpi.RoleReceiver) {
		if must {
			return answer{}, x.storedAlone(a, notConnected(to, nil))
		}
		return a, nil
	}
	m, lost, err := x.pushMessage(p, to)
	if _, hidden := errors.AsType[*notShownError](err); hidden && !must {
		return a, nil // its sender, who named nobody, has done all that it could
	}
	if err != nil {
		return answer{}, x.storedAlone(a, err)
	}
	reply, err := x.forward(m)
	if err != nil {
		return answer{}, x.storedAlone(a, err)
	}
	if len(lost) > 0 {
		x.setHeader(lostHeader, convert.Lost(lost))
	}
	if a.conflict == "" { // what is said of a copy that does not count is not said of the CDR
		if err := x.delivered(to, reply); err != nil {
			return answer{}, err
		}
	}
	return x.relayed(a, reply), nil
}

// storedAlone says why what is stored here came to nobody else. It has its receipt all
// the same.
func (x *exchange) storedAlone(a answer, err error) error {
	if a.receipt != "" {
		x.setHeader(api.HeaderReceipt, a.receipt)
	}
	const stored = "; it is stored here"
	if failed, ok := errors.AsType[*routeError](err); ok {
		return &routeError{failed.status, failed.text + stored, failed.err}
	}
	if invalid, ok := errors.AsType[*ocpi.Invalid](err); ok {
		for i := range invalid.Fields {
			invalid.Fields[i].Reason += stored
		}
	}
	return err
}

// relayed is a receiver's answer to a push: its own, but for what leads to it, which
// leads to us. Whatever it says of success beside the code, ours says more.
func (x *exchange) relayed(a answer, reply *partner.Answer) answer {
	out := answer{http: reply.HTTP, status: reply.Status, message: bounded(reply.Message), receipt: a.receipt, data: said(reply)}
	if x.route.version == ocpi.V211 && out.status >= ocpi.StatusHubError {
		out.status = ocpi.StatusServerError // it has no codes of hubs
	}
	if reply.Status >= ocpi.StatusClientError {
		if seconds, err := strconv.Atoi(reply.Header.Get("Retry-After")); err == nil && seconds > 0 {
			x.setHeader("Retry-After", strconv.Itoa(seconds))
		}
		if out.http < http.StatusBadRequest {
			out.http = http.StatusOK
		}
		return out
	}
	out.location, out.conflict = a.location, a.conflict
	if a.message != "" {
		out.message = a.message
	}
	return out
}

// said is the data of a partner's answer, nil where it is none: within ours it would
// make that none.
func said(reply *partner.Answer) []byte {
	if !json.Valid(reply.Data) {
		return nil
	}
	return reply.Data
}

// toward is the exchange as a partner would have it: what that sees, in its version.
func (x *exchange) toward(p *control.Partner) *exchange {
	r := *x.route
	r.version = p.Peer.Version
	return &exchange{s: x.s, c: x.c, r: x.r, route: &r, partner: p}
}

// pushMessage is a push as its receiver gets it, in its version.
func (x *exchange) pushMessage(p *control.Partner, to ocpi.Party) (*message, []convert.Loss, error) {
	m := &message{to: p, party: to, module: x.module(), side: ocpi.RoleReceiver, method: x.route.method, body: x.body}
	if x.route.object == ingest.ObjectInvoice {
		m.since = ocpi.V230
	}
	t := x.pushed
	if err := x.mayBeShown(p, to, t); err != nil {
		return nil, nil, err
	}
	if m.from = x.from(); x.route.version == ocpi.V211 || !x.partner.Owns(m.from) {
		m.from = t.Key.Party // also of a hub, that speaks for it
	}
	if x.route.method != http.MethodPost {
		m.path = x.objectPath()
		m.query = typeQuery(t, p.Peer.Version)
	}
	v := p.Peer.Version
	if v == x.route.version || x.route.method == http.MethodDelete || x.route.object == ingest.ObjectInvoice {
		if x.route.method == http.MethodDelete {
			m.body = nil
		}
		return m, nil, nil
	}
	lost, err := x.translate(m, p, t)
	return m, lost, err
}

// objectPath is the path of the object in the request, below its module, as it came.
func (x *exchange) objectPath() (parts []string) {
	for _, name := range []string{"country", "party", "id", "evse", "connector"} {
		if part := api.Param(x.c, name); part != "" {
			parts = append(parts, part)
		}
	}
	return parts
}

// typeQuery says the type of a Token where that is not what is meant without.
func typeQuery(t ingest.Target, v ocpi.Version) url.Values {
	if t.Object != ingest.ObjectToken || t.Variant == defaultTokenType || v == ocpi.V211 {
		return nil
	}
	return url.Values{"type": {t.Variant}}
}

// notShownError says why whom a push is for may not see it. It is as the error in it is.
type notShownError struct{ error }

// Unwrap returns what is told of it.
func (e *notShownError) Unwrap() error { return e.error }

// mayBeShown refuses to hand on what the party that it is for may not see: what is
// another one's, though its owner sends it.
func (x *exchange) mayBeShown(p *control.Partner, to ocpi.Party, t ingest.Target) error {
	var other ocpi.Party
	switch t.Object {
	case ingest.ObjectSession, ingest.ObjectCDR:
		payer, err := x.payer(t)
		if err != nil {
			return err
		}
		return x.mayBeShownOf(p, to, t, payer)
	case ingest.ObjectTariff, ingest.ObjectInvoice:
		other = to
	}
	return x.mayBeShownOf(p, to, t, other)
}

// mayBeShownOf is mayBeShown of an object that is for another party beside its owner,
// zero where nobody is known.
func (x *exchange) mayBeShownOf(p *control.Partner, to ocpi.Party, t ingest.Target, other ocpi.Party) error {
	if t.Object == ingest.ObjectSession || t.Object == ingest.ObjectCDR {
		if other.IsZero() {
			other = to // as its sender says
		}
		if other != to && p.Mobility().Owns(to) {
			return &notShownError{wrongParameter("cdr_token", fmt.Sprintf("it is not %s who pays, so it is not sent there", to))}
		}
	}
	sees := x.s.Partners.Scope(p, t.Object)
	if !sees.Holds(t.Key.Party, other) {
		return &notShownError{fmt.Errorf("%w: %s", api.ErrUnknownReceiver, to)}
	}
	return nil
}

// payer is who pays for a CDR or Session that was pushed, by its token or else by what
// is known of its contract; zero where nobody is known. What it was before, and may be
// again where this push is an older one, does not matter: this is what would be sent.
func (x *exchange) payer(t ingest.Target) (ocpi.Party, error) {
	var d ocpi.Decoder
	var token ocpi.CDRToken
	var start ocpi.Time
	switch {
	case t.Object == ingest.ObjectCDR:
		cdr, err := d.CDR(x.route.version, x.body)
		if err != nil {
			return ocpi.Party{}, err
		}
		token, start = cdr.Token, cdr.Start
	case x.route.method == http.MethodPatch && !x.says("cdr_token", "auth_id"):
		ctx, cancel := x.limited()
		defer cancel()
		s, _, err := x.s.Objects.Get(ctx, t)
		return s.With, err
	case x.route.method == http.MethodPatch:
		o, err := ocpi.SplitObject(x.body)
		if err != nil {
			return ocpi.Party{}, err
		}
		token.ContractID = o.Text("auth_id")
		if said, err := ocpi.SplitText(o.Value("cdr_token")); err == nil {
			token.CountryCode, token.PartyID, token.ContractID = said.Text("country_code"), said.Text("party_id"), said.Text("contract_id")
		}
	default:
		session, err := d.Session(x.route.version, x.body)
		if err != nil {
			return ocpi.Party{}, err
		}
		token, start = session.Token, session.Start
	}
	payer := token.Party()
	if payer.IsZero() && x.s.Known.Token != nil {
		known, _ := x.s.Known.Token(token.ContractID, start)
		payer = known.Party()
	}
	return ocpi.NewParty(strings.Clone(payer.Country), strings.Clone(payer.ID)), nil
}

// says reports whether the body has one of some members.
func (x *exchange) says(names ...string) bool {
	for _, name := range names {
		if has, err := ocpi.HasMember(x.body, name); has || err != nil {
			return true
		}
	}
	return false
}

// translate puts the body of a message into the version of its receiver. Of a change in
// part that is the whole as it stands now, PUT in its place: what a part of another
// version comes to is known here alone.
func (x *exchange) translate(m *message, p *control.Partner, t ingest.Target) ([]convert.Loss, error) {
	kind, v := t.Object.Kind(), x.route.version
	evse, connector := t.Part()
	if evse != "" {
		kind = partKind(connector)
	}
	if x.route.method == http.MethodPatch {
		ctx, cancel := x.limited()
		defer cancel()
		s, ok, err := x.s.Objects.Get(ctx, ingest.Target{Object: t.Object, Key: t.Key, Variant: t.Variant})
		if err != nil {
			return nil, err
		}
		body := s.Body
		if ok {
			body, ok = ocpi.Sub(s.Body, evse, connector)
		}
		if !ok {
			return nil, ingest.ErrUnknownObject
		}
		if t.Object == ingest.ObjectSession { // the change may be an older one, and says nothing of the whole
			if err := x.mayBeShownOf(p, m.party, t, s.With); err != nil {
				return nil, err
			}
		}
		m.method, m.body, v = http.MethodPut, body, s.Version
	}
	there := x.toward(p)
	charge := there.charge(t.Identity(), v, m.body)
	if err := there.complete(charge); err != nil {
		return nil, err
	}
	if charge != nil && charge.Token.Party().IsZero() {
		charge.Token.CountryCode, charge.Token.PartyID = m.party.Country, m.party.ID // as its sender says
	}
	r, err := there.convert(kind, v, m.body, t.Key.Party, charge)
	if refused, ok := errors.AsType[*convert.Refused](err); ok {
		return nil, wrongParameter(refused.Path, fmt.Sprintf("%s: it cannot be said in OCPI %s, which %s speaks, so it is not sent there", refused.Reason, p.Peer.Version, m.party))
	}
	if err != nil {
		return nil, err
	}
	m.body = r.Body
	return r.Lost, nil
}

// delivered keeps what a recipient says of a CDR that it refuses, and that it took one
// which it had refused.
func (x *exchange) delivered(to ocpi.Party, reply *partner.Answer) error {
	if x.route.object != ingest.ObjectCDR || x.s.Notes == nil {
		return nil
	}
	d := &ingest.Delivery{Recipient: to.String(), Status: int(reply.Status), Message: reply.Message, At: ocpi.TimeOf(x.s.Now()).String()}
	ctx, cancel := x.limited()
	defer cancel()
	if d.Refused() {
		x.found(d.RefusedByRecipient())
	} else {
		_, known, err := x.s.Objects.Get(ctx, ingest.Target{Object: ingest.ObjectDelivery, Key: x.pushed.Key})
		if err != nil || !known {
			return err
		}
	}
	n, err := d.Annotation(x.pushed.Key, x.route.version, x.partner.ID)
	if err != nil {
		return err
	}
	return x.s.Notes.Annotate(ctx, n)
}
