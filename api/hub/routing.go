package hub

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/roamclear/roamclear/api"
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ingest/control"
	"github.com/roamclear/roamclear/ocpi"
)

// configuration are the modules whose messages are not routed (OCPI 2.2.1
// transport, "Message routing": those of type Configuration Module).
var configuration = []string{"", "versions", "credentials", "hubclientinfo"}

// routed reports whether answers below a path where no route answers carry
// routing headers: all but those of configuration modules, and of OCPI 2.1.1,
// which has none.
func routed(path string) bool {
	parts := strings.Split(strings.Trim(strings.TrimPrefix(path, Prefix), "/"), "/")
	if parts[0] == treeEMSP || parts[0] == treeCPO {
		return false
	}
	if parts[0] != "" && strings.Trim(parts[0], "0123456789.") == "" { // a version, known or not
		parts = parts[1:]
	}
	if len(parts) > 0 && (parts[0] == "receiver" || parts[0] == "sender") {
		parts = parts[1:]
	}
	return len(parts) > 0 && !slices.Contains(configuration, parts[0])
}

// speaksForItself reports whether the party that the request says it comes from
// is the partner's, or the hub that the partner is. A header that is missing, or one
// half of it, says nothing.
func (x *exchange) speaksForItself() bool {
	country, party := ocpi.Fold(header(x.r, ocpi.HeaderFromCountry)), ocpi.Fold(header(x.r, ocpi.HeaderFromParty))
	if country == "" && party == "" {
		return true
	}
	its := slices.ContainsFunc(x.partner.Roles, func(r control.Role) bool {
		return (country == "" || country == r.Country) && (party == "" || party == r.PartyID)
	})
	if its {
		return true
	}
	hub, ok := x.s.Partners.Hub(x.partner, x.s.Party)
	return ok && hub == ocpi.Party{Country: country, ID: party}
}

// checkRouting refuses a sender that claims to be a party it has no role for,
// and what is for another party than us (OCPI 2.2.1 transport, "Message
// routing"). What is another's is unknown all the same; about its own objects a
// sender under a foreign name is answered like one whose body names another
// party, and nothing is lost.
func (x *exchange) checkRouting() error {
	if !x.route.routed || x.route.object == 0 {
		return nil
	}
	reason := x.misrouted()
	if reason == nil {
		return nil
	}
	t, err := x.subject()
	if err != nil {
		return err
	}
	return x.refuse(t, reason)
}

// misrouted says what is wrong with the parties a request is from and to.
func (x *exchange) misrouted() error {
	if !x.speaksForItself() {
		from := x.from()
		return wrongParameter("OCPI-from-country-code, OCPI-from-party-id", fmt.Sprintf("%s is not a party of yours", from))
	}
	to, other, err := x.addressee()
	if err == nil && other && !x.route.names && !x.route.onward && x.route.fetch == "" {
		return fmt.Errorf("%w: %s", api.ErrNotConnected, to)
	}
	return err
}

// addressee returns the party that OCPI-to names; other is false where it names
// none, or us: what is ours to keep and to answer. One half of it that fits us
// is taken for us.
func (x *exchange) addressee() (to ocpi.Party, other bool, err error) {
	if !x.route.routed {
		return to, false, nil // OCPI 2.1.1 has no such headers
	}
	to = ocpi.NewParty(header(x.r, ocpi.HeaderToCountry), header(x.r, ocpi.HeaderToParty))
	ours := x.s.Party
	switch {
	case (to.Country == "" || to.Country == ours.Country) && (to.ID == "" || to.ID == ours.ID):
		return ours, false, nil
	case x.s.Partners.Has(to):
		return to, true, nil
	}
	return to, true, fmt.Errorf("%w: %s", api.ErrUnknownReceiver, to)
}

// subject is what the request is about: an object, or only its kind where the
// path does not say which.
func (x *exchange) subject() (ingest.Target, error) {
	if x.route.method == http.MethodPost || !strings.Contains(x.route.path, objectPath) {
		return ingest.Target{Object: x.route.object}, nil
	}
	return x.address()
}

// methods are those whose bodies are kept.
var methods = map[string]ingest.Method{
	http.MethodPost: ingest.MethodPost, http.MethodPut: ingest.MethodPut, http.MethodPatch: ingest.MethodPatch,
}

// pushes reports whether the request has a body to be kept.
func (x *exchange) pushes() bool { return methods[x.route.method] != 0 }

// refuse keeps the body of a push that is refused, with the reason, which it
// returns; of another request there is nothing to keep, and in credentials there
// is a token.
func (x *exchange) refuse(t ingest.Target, reason error) error {
	if !x.pushes() || x.route.object == 0 || x.route.asks {
		return reason
	}
	return x.keep(t, x.body, reason)
}

// keep keeps a refused body with its reason, which it returns.
func (x *exchange) keep(t ingest.Target, body []byte, reason error) error {
	ctx, cancel := x.limited()
	defer cancel()
	return x.s.Intake.Refuse(ctx, x.sender(), x.route.version, methods[x.route.method], t, body, reason)
}
