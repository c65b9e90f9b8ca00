package hub

import (
	"net/http"
	"slices"
	"strings"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ingest/control"
	"github.com/roamclear/roamclear/ocpi"
)

// habit is a way to send a request that departs from OCPI and has one meaning all the
// same: counted as a finding, and refused where that is agreed.
type habit struct {
	finding ocpi.Finding
	shows   func(x *exchange) bool
}

// later reports whether the request is one of a version after 2.1.1.
func (x *exchange) later() bool { return x.route.version >= ocpi.V221 }

// habits are all there are. None of them costs memory where it is met.
var habits = []habit{
	{ocpi.Finding{Code: "raw_token", Path: "Authorization", Severity: ocpi.Warning, Detail: "the token as it is: from OCPI 2.2 on it is sent in Base64"},
		func(x *exchange) bool { return x.later() && x.spelled.Encoding == control.EncodingRaw }},
	{ocpi.Finding{Code: "base64_token", Path: "Authorization", Severity: ocpi.Warning, Detail: "the token in Base64: OCPI 2.1.1 sends it as it is"},
		func(x *exchange) bool {
			return x.route.version == ocpi.V211 && x.spelled.Encoding == control.EncodingBase64
		}},
	{ocpi.Finding{Code: "token_spelling", Path: "Authorization", Severity: ocpi.Warning, Detail: "want \"Token\", one space, and the token in the Base64 of RFC 4648, section 4, without a line end"},
		func(x *exchange) bool { return x.spelled.Odd }},
	{ocpi.Finding{Code: "missing_request_id", Path: ocpi.HeaderRequestID, Severity: ocpi.Warning, Detail: "OCPI requires it from 2.2 on: one is made up"},
		func(x *exchange) bool { return x.later() && header(x.r, ocpi.HeaderRequestID) == "" }},
	{ocpi.Finding{Code: "missing_correlation_id", Path: ocpi.HeaderCorrelationID, Severity: ocpi.Warning, Detail: "OCPI requires it from 2.2 on: one is made up"},
		func(x *exchange) bool { return x.later() && header(x.r, ocpi.HeaderCorrelationID) == "" }},
	{ocpi.Finding{Code: "missing_routing", Path: "OCPI-from-country-code, OCPI-from-party-id", Severity: ocpi.Warning, Detail: "who it comes from: OCPI requires it through a hub; the token says it here"},
		func(x *exchange) bool {
			return x.later() && x.route.routed && (header(x.r, ocpi.HeaderFromCountry) == "" || header(x.r, ocpi.HeaderFromParty) == "")
		}},
	{ocpi.Finding{Code: "partial_routing", Path: toHeaders, Severity: ocpi.Warning, Detail: "one of the two alone"},
		func(x *exchange) bool {
			return x.later() && x.route.routed && (header(x.r, ocpi.HeaderToCountry) == "") != (header(x.r, ocpi.HeaderToParty) == "")
		}},
	{ocpi.Finding{Code: "trailing_slash", Detail: "a slash more at the end of the path: read as the same"},
		func(x *exchange) bool { return strings.HasSuffix(x.r.URL.Path, "/") }},
	{ocpi.Finding{Code: "double_slash", Detail: "an empty part in the path: left out"},
		func(x *exchange) bool { return strings.Contains(x.r.URL.EscapedPath(), "//") }},
	{ocpi.Finding{Code: "url_case", Path: "country_code, party_id", Detail: "the owner in the URL not in upper case: read as if it were"},
		func(x *exchange) bool { return x.lower("country") || x.lower("party") }},
	{ocpi.Finding{Code: "post_to_object", Severity: ocpi.Warning, Detail: "a CDR posted below the URL of the module, to one of its own: taken as posted to the module"},
		func(x *exchange) bool {
			return x.route.method == http.MethodPost && x.route.object == ingest.ObjectCDR && x.route.path != x.route.base
		}},
	{ocpi.Finding{Code: "missing_content_type", Path: "Content-Type", Detail: "OCPI requires application/json from 2.2 on: read as JSON"},
		func(x *exchange) bool {
			return x.later() && x.pushes() && header(x.r, "Content-Type") == ""
		}},
	{ocpi.Finding{Code: "other_content_type", Path: "Content-Type", Detail: "want application/json: read as JSON all the same"},
		func(x *exchange) bool {
			media, _, _ := strings.Cut(header(x.r, "Content-Type"), ";")
			return x.pushes() && media != "" && !strings.EqualFold(strings.TrimSpace(media), "application/json")
		}},
	{ocpi.Finding{Code: "byte_order_mark", Path: "$", Detail: "U+FEFF before the body: left out"},
		func(x *exchange) bool { return x.marked }},
}

// lower reports whether a part of the path that names the owner has a small letter.
func (x *exchange) lower(name string) bool {
	return strings.Contains(x.route.path, objectPath) && strings.ContainsFunc(x.c.Param(name), func(r rune) bool { return 'a' <= r && r <= 'z' })
}

// checkHabits counts the habits that a request shows, and refuses one by the partner's
// policies. The body of what is refused is kept.
func (x *exchange) checkHabits() error {
	x.habits = x.habits[:0]
	for i := range habits {
		h := &habits[i]
		if h.shows(x) {
			x.habits = append(x.habits, h.finding)
		}
	}
	refused := x.refusing(x.habits)
	if refused == nil {
		return nil
	}
	t, err := x.subject()
	if err != nil {
		return err
	}
	return x.refuse(t, &ocpi.Invalid{Fields: refused})
}

// refusing counts findings, and returns those that the partner's policies refuse.
func (x *exchange) refusing(findings []ocpi.Finding) (refused []ocpi.FieldError) {
	x.found(findings...)
	for i := range findings {
		if slices.Contains(x.partner.Refuses, findings[i].Code) {
			refused = append(refused, ingest.RefusedBy(&findings[i]))
		}
	}
	return refused
}

// found counts findings in a request.
func (x *exchange) found(list ...ocpi.Finding) {
	if len(list) > 0 {
		x.s.Tally.Note(x.partner.ID, x.place(), ocpi.TimeOf(x.s.Now()), list...)
	}
}

// place is where a finding was made: the request's path, or the beginning of a
// longer one, for it is kept.
func (x *exchange) place() string {
	const kept = 300 // bytes
	at := x.r.URL.Path
	if len(x.r.RequestURI) > kept {
		return strings.Clone(at[:min(len(at), kept)])
	}
	return at
}
