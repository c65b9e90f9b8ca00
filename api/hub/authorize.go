package hub

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/roamclear/roamclear/api"
	"github.com/roamclear/roamclear/api/partner"
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
)

// DefaultAuthorizeWithin is how long an eMSP may take to authorize a Token where
// nothing else is set: a driver stands at the Charge Point.
const DefaultAuthorizeWithin = 5 * time.Second

// errUnknownToken says that nobody here has a Token (OCPI 2.2.1 status_codes, 2004).
var errUnknownToken = fmt.Errorf("%w: nobody has a Token of this uid", ingest.ErrUnknownObject)

// What a Token may be used by (OCPI 2.2.1 mod_tokens, "WhitelistType") and what an
// eMSP says of it ("AllowedType").
const (
	whitelistAlways  = "ALWAYS"
	whitelistNever   = "NEVER"
	allowedToCharge  = "ALLOWED"
	blockedToCharge  = "BLOCKED"
	maxAuthorization = 64 << 10 // of an eMSP's answer, in bytes
)

// authorizeDoors are those of real-time authorization. Some CPOs put the owner into the
// URL, as in that of the Token itself.
func authorizeDoors() (doors []door) {
	for _, path := range []string{"/:country/authorize", objectPath + "/authorize"} {
		doors = append(doors, door{method: http.MethodPost, path: path, handle: (*exchange).authorize, names: true, asks: true})
	}
	return doors
}

// question is a real-time authorization that a CPO asks for.
type question struct {
	cpo   ocpi.Party
	uid   string     // as in the URL
	asked string     // the type, folded; "" where it is not said
	types []string   // that the Token is looked for in, what is asked for first
	emsp  ocpi.Party // whose Token it is; zero until it is known
	place []byte     // LocationReferences as they came, nil where there are none
	state ingest.ObjectState
	token *ocpi.Token // of state; nil where the Token was never pushed
}

// authorize answers a real-time authorization (OCPI 2.2.1 mod_tokens, "POST Method" of
// the Sender interface). Who is always allowed is looked up; for all others their eMSP
// is asked, and of those that may be charged offline answered where it cannot be.
func (x *exchange) authorize() (answer, error) {
	q, err := x.question()
	if err != nil {
		return answer{}, err
	}
	if err := x.identify(q); err != nil {
		return answer{}, err
	}
	if q.token != nil && q.token.Whitelist == whitelistAlways {
		return x.fromStore(q, "")
	}
	a, err := x.askIssuer(q)
	unreached, ok := errors.AsType[*routeError](err)
	if ok && q.token != nil && q.token.Whitelist != whitelistNever {
		return x.fromStore(q, unreached.Error()+", so this is what it said last")
	}
	return a, err
}

// question reads what is asked.
func (x *exchange) question() (*question, error) {
	q := &question{uid: api.Param(x.c, "country")}
	if id := api.Param(x.c, "id"); id != "" {
		q.uid, q.emsp = id, ocpi.NewParty(api.Param(x.c, "country"), api.Param(x.c, "party"))
	}
	var ok bool
	if q.cpo, ok = x.acting(operators...); !ok || q.uid == "" {
		return nil, errUnknownToken
	}
	if len(q.uid) > maxUID {
		return nil, wrongParameter("token_uid", fmt.Sprintf("longer than %d characters", maxUID))
	}
	to, other, err := x.addressee()
	switch {
	case err != nil:
		return nil, err
	case other && !q.emsp.IsZero() && q.emsp != to:
		return nil, wrongParameter(toHeaders, "is not the party in the URL")
	case other:
		q.emsp = to
	}
	if err := x.questionType(q); err != nil {
		return nil, err
	}
	q.place, err = locationReferences(x.body)
	return q, err
}

// maxUID bounds a Token's uid, in bytes.
const maxUID = 36

// questionType reads the type of the Token, RFID where it is not said. What OCPI 2.1.1
// calls OTHER is any type that it does not know.
func (x *exchange) questionType(q *question) error {
	query := x.r.URL.Query()
	given, ok := query["type"]
	if !ok && x.route.version == ocpi.V211 {
		given, ok = query["token_type"] // as its table of parameters has it
	}
	switch {
	case !ok:
		q.types = []string{defaultTokenType}
		return nil
	case len(given) > 1 || given[0] == "" || len(given[0]) > maxTokenType:
		return wrongParameter("type", "want one TokenType, such as RFID")
	}
	q.asked = ocpi.Fold(given[0])
	q.types = []string{q.asked}
	if x.route.version == ocpi.V211 && q.asked == "OTHER" {
		q.types = tokenTypes211[1:]
	}
	return nil
}

// locationReferences reads the body, which need not be there.
func locationReferences(body []byte) ([]byte, error) {
	text := strings.TrimSpace(string(body))
	if text == "" || text == "null" || text == "{}" {
		return nil, nil
	}
	o, err := ocpi.SplitObject([]byte(text))
	if err != nil {
		return nil, err
	}
	if id := o.Text("location_id"); id == "" || len(id) > maxLocation {
		return nil, wrongParameter("location_id", "want the id of a Location")
	}
	return []byte(text), nil
}

const maxLocation = 39 // bytes: as OCPI 2.1.1 has it

// identify finds whose Token it is: of whom the message is for, else of all whose
// Tokens the CPO may see. One that nobody pushed is whose its contract id says it is:
// Tokens of Plug & Charge are not exchanged (OCPI 2.3.0 mod_tokens, "TokenType").
func (x *exchange) identify(q *question) error {
	sees := x.s.Partners.Scope(x.partner, ingest.ObjectToken)
	owners := []ocpi.Party{q.emsp}
	if q.emsp.IsZero() {
		owners = x.issuers()
	}
	var ids []ingest.Identity
	for _, owner := range owners {
		if !sees.Holds(owner, ocpi.Party{}) {
			continue
		}
		for _, kind := range q.types {
			ids = append(ids, ingest.Identity{Object: ingest.ObjectToken, Key: ocpi.NewKey(owner.Country, owner.ID, q.uid), Variant: kind})
		}
	}
	if len(ids) == 0 {
		return errUnknownToken
	}
	ctx, cancel := x.limited()
	defer cancel()
	found, err := x.s.Objects.Find(ctx, ids)
	if err != nil {
		return err
	}
	if len(found) > 0 {
		return x.take(q, found)
	}
	if q.emsp.IsZero() {
		q.emsp = x.contractor(q)
	}
	p, ok := x.destination(q.emsp, providers)
	if !ok || !sees.Holds(q.emsp, ocpi.Party{}) || !reachable(p, "tokens", ocpi.RoleSender) {
		return errUnknownToken // of who cannot be asked, all that it has was pushed
	}
	return nil
}

// take takes the Token that was found, unless it may be that of several.
func (x *exchange) take(q *question, found []ingest.ObjectState) error {
	slices.SortFunc(found, func(a, b ingest.ObjectState) int {
		return slices.Index(q.types, a.Variant) - slices.Index(q.types, b.Variant)
	})
	for _, other := range found[1:] {
		if other.Key.Party != found[0].Key.Party {
			return wrongParameter(toHeaders, fmt.Sprintf(
				"missing: several parties have a Token of this uid, %s and %s among them", found[0].Key.Party, other.Key.Party))
		}
	}
	q.state, q.emsp = found[0], found[0].Key.Party
	var d ocpi.Decoder
	token, err := d.Token(q.state.Version, q.state.Body)
	if err != nil {
		return fmt.Errorf("read %s: %v", q.state.Identity(), err) //nolint:errorlint // ours, not the sender's: no 2001
	}
	q.token = token
	return nil
}

// issuers are the parties whose Tokens the partner may see.
func (x *exchange) issuers() (list []ocpi.Party) {
	for _, p := range x.s.Partners.All() {
		list = append(list, p.Mobility().Parties...)
	}
	return list
}

// contractor is the party whose contract a uid says it is, zero where it says nothing.
// The number of an RFID card may look like one.
func (x *exchange) contractor(q *question) ocpi.Party {
	if q.asked == defaultTokenType || q.asked == "" && isHex(q.uid) || x.s.Known.Issuer == nil {
		return ocpi.Party{}
	}
	issuer, _ := x.s.Known.Issuer(q.uid)
	return issuer
}

func isHex(s string) bool { return strings.Trim(s, "0123456789abcdefABCDEF") == "" }

// askIssuer asks the eMSP. The error is a *routeError where it cannot be asked, or does
// not answer as OCPI does.
func (x *exchange) askIssuer(q *question) (answer, error) {
	p, ok := x.destination(q.emsp, providers)
	if !ok {
		return answer{}, notConnected(q.emsp, nil)
	}
	if p.Peer == nil {
		return answer{}, notConnected(q.emsp, partner.ErrNotRegistered)
	}
	v := p.Peer.Version
	m := &message{
		to: p, from: q.cpo, party: q.emsp, module: "tokens", side: ocpi.RoleSender, method: http.MethodPost,
		path: []string{q.uid, "authorize"}, query: q.query(v), body: q.place, within: x.s.AuthorizeWithin, limit: maxAuthorization, prompt: true,
	}
	if q.token != nil {
		m.path[0] = q.token.UID // as its eMSP writes it
	}
	info := &authorization{x: x, q: q, version: v}
	m.body = info.references(m.body, x.route.version, v, "location")
	a, err := x.forward(m)
	switch {
	case err != nil && isNotFound(err):
		return answer{}, errUnknownToken // as the eMSP shall say it, if only by HTTP
	case err != nil:
		return answer{}, err
	case a.Status == ocpi.StatusUnknownToken || a.HTTP == http.StatusNotFound:
		return answer{}, errUnknownToken
	case a.Status >= ocpi.StatusHubError: // it is behind another hub, which cannot ask it
		return answer{}, &routeError{a.Status, fmt.Sprintf("%s is not connected: %s", q.emsp, a.Message), nil}
	case a.Status >= ocpi.StatusClientError:
		return answer{http: a.HTTP, status: a.Status, message: bounded(a.Message), data: said(a)}, nil
	}
	return info.answered(a.Data)
}

// isNotFound reports whether a partner answered 404, and nothing else that can be read.
func isNotFound(err error) bool {
	failed, ok := errors.AsType[*partner.Error](err)
	return ok && failed.HTTP == http.StatusNotFound
}

// query says the type of the Token in a version, unless it is the one that is meant
// where nothing is said.
func (q *question) query(v ocpi.Version) url.Values {
	kind := q.types[0]
	if q.token != nil {
		kind = q.state.Variant
	}
	switch {
	case kind == defaultTokenType && q.asked == "":
		return nil
	case v == ocpi.V211 && kind != defaultTokenType:
		kind = "OTHER"
	}
	return url.Values{"type": {kind}}
}

// fromStore answers by what the eMSP has pushed. note says why it was not asked.
func (x *exchange) fromStore(q *question, note string) (answer, error) {
	allowed := blockedToCharge
	if q.token.Valid {
		allowed = allowedToCharge
	}
	info := &authorization{x: x, q: q, version: x.route.version}
	a, err := info.ours(allowed)
	if note != "" {
		a.message = bounded("Success, but " + note)
	}
	return a, err
}
