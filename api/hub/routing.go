package hub

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ingest/control"
	"github.com/roamclear/roamclear/ocpi"
)

// configuration are the modules whose messages are not routed (OCPI 2.2.1
// transport, "Message routing": those of type Configuration Module).
var configuration = []string{"", "versions", "credentials", "hubclientinfo"}

// routed reports whether answers below a path carry routing headers: all but
// those of configuration modules, also where no route answers.
func routed(path string) bool {
	parts := strings.Split(strings.Trim(strings.TrimPrefix(path, Prefix), "/"), "/")
	if parts[0] != "" && strings.Trim(parts[0], "0123456789.") == "" { // a version, known or not
		parts = parts[1:]
	}
	if len(parts) > 0 && (parts[0] == "receiver" || parts[0] == "sender") {
		parts = parts[1:]
	}
	return len(parts) > 0 && !slices.Contains(configuration, parts[0])
}

// speaksForItself reports whether the party that the request says it comes from
// is the partner's. A header that is missing, or one half of it, says nothing.
func (x *exchange) speaksForItself() bool {
	country, party := ocpi.Fold(header(x.r, ocpi.HeaderFromCountry)), ocpi.Fold(header(x.r, ocpi.HeaderFromParty))
	if country == "" && party == "" {
		return true
	}
	return slices.ContainsFunc(x.partner.Roles, func(r control.Role) bool {
		return (country == "" || country == r.Country) && (party == "" || party == r.PartyID)
	})
}

// checkRouting refuses a sender that claims to be a party it has no role for
// (OCPI 2.2.1 transport, "Message routing"). What is another's is unknown all
// the same; about its own objects it is answered like one whose body names
// another party: nobody may send under a foreign name, and nothing is lost.
func (x *exchange) checkRouting() error {
	if x.route.object == 0 || x.speaksForItself() {
		return nil
	}
	t, err := x.subject()
	if err != nil {
		return err
	}
	country, party := header(x.r, ocpi.HeaderFromCountry), header(x.r, ocpi.HeaderFromParty)
	reason := wrongParameter("OCPI-from-country-code, OCPI-from-party-id", fmt.Sprintf("%s is not a party of yours", ocpi.NewParty(country, party)))
	if !x.pushes() {
		return reason
	}
	return x.keep(t, x.body, reason)
}

// subject is what the request is about: an object, or only its kind where the
// path names none.
func (x *exchange) subject() (ingest.Target, error) {
	if !strings.Contains(x.route.path, objectPath) {
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

// keep keeps a refused body with its reason, which it returns.
func (x *exchange) keep(t ingest.Target, body []byte, reason error) error {
	ctx, cancel := x.limited()
	defer cancel()
	return x.s.Intake.Refuse(ctx, x.sender(), x.route.version, methods[x.route.method], t, body, reason)
}
