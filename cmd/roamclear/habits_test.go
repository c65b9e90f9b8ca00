package main

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/roamclear/roamclear/ingest/control"
)

// habit is something that partners do daily: how one of their messages departs from a
// clean one, and the code that their page lists it by.
type habit struct {
	name     string
	kind     string   // of the object, as the module is called
	versions []string // where it can happen; nil = all
	code     string
	do       func(m *message)
}

// replaced sends a text in the body in place of another one.
func replaced(from, to string) func(*message) {
	return func(m *message) { m.replace(from, to) }
}

var newer = []string{"2.2.1", "2.3.0"}

var partnerHabits = []habit{
	// How the request is sent.
	{"the token raw", "locations", newer, "raw_token", func(m *message) { m.header["Authorization"] = "Token " + m.token }},
	{"the token in Base64 where it is sent raw", "locations", []string{"2.1.1"}, "base64_token", func(m *message) { m.header["Authorization"] = "Token " + b64(m.token) }},
	{"the token with a line feed in its Base64", "sessions", nil, "token_spelling", func(m *message) { m.header["Authorization"] = "Token " + b64(m.token+"\n") }},
	{"the token in Base64 twice", "tokens", nil, "token_spelling", func(m *message) { m.header["Authorization"] = "Token " + b64(b64(m.token)) }},
	{"token in small letters", "tariffs", nil, "token_spelling", func(m *message) {
		m.header["Authorization"] = strings.Replace(m.header["Authorization"], "Token", "token", 1)
	}},
	{"no X-Request-ID", "cdrs", newer, "missing_request_id", func(m *message) { m.header["X-Request-ID"] = "" }},
	{"no X-Correlation-ID", "tokens", newer, "missing_correlation_id", func(m *message) { m.header["X-Correlation-ID"] = "" }},
	{"no routing headers", "cdrs", newer, "missing_routing", func(m *message) {
		m.header["OCPI-from-country-code"], m.header["OCPI-from-party-id"] = "", ""
	}},
	{"half of the routing headers", "sessions", newer, "partial_routing", func(m *message) { m.header["OCPI-to-country-code"] = "ZZ" }},
	{"a slash more at the end", "locations", nil, "trailing_slash", func(m *message) { m.path += "/" }},
	{"a slash more at the end of the module's URL", "cdrs", nil, "trailing_slash", func(m *message) { m.path += "/" }},
	{"a slash more within", "sessions", nil, "double_slash", func(m *message) { m.path = strings.Replace(m.path, "/sessions/", "/sessions//", 1) }},
	{"the owner in small letters in the URL", "tokens", nil, "url_case", func(m *message) { m.path = strings.Replace(m.path, "/NL/", "/nl/", 1) }},
	{"the id in small letters in the URL", "locations", nil, "id_case", func(m *message) { m.path = strings.Replace(m.path, "/X1", "/x1", 1) }},
	{"the id in small letters in the body", "tokens", nil, "id_case", replaced(`"uid":"X1"`, `"uid":"x1"`)},
	{"the owner in small letters in the body", "tariffs", newer, "id_case", replaced(`"country_code":"NL"`, `"country_code":"nl"`)},
	{"a CDR below the module", "cdrs", nil, "post_to_object", func(m *message) { m.path += "/X1" }},
	{"a CDR to its own URL", "cdrs", nil, "post_to_object", func(m *message) { m.path += "/NL/" + m.party + "/X1" }},
	{"no Content-Type", "sessions", newer, "missing_content_type", func(m *message) { m.header["Content-Type"] = "" }},
	{"another Content-Type", "cdrs", nil, "other_content_type", func(m *message) { m.header["Content-Type"] = "text/plain; charset=utf-8" }},
	{"a byte order mark before the body", "sessions", nil, "byte_order_mark", func(m *message) { m.kept, m.body = m.body, "\ufeff"+m.body }},
	{"a byte order mark before a CDR", "cdrs", nil, "byte_order_mark", func(m *message) { m.kept, m.body = m.body, "\ufeff"+m.body }},

	// What stands in the body.
	{"a number in quotes", "sessions", nil, "quoted_number", replaced(`"kwh":1.5`, `"kwh":"1.5"`)},
	{"a price in quotes", "tariffs", nil, "quoted_number", replaced(`0.35`, `"0.35"`)},
	{"an explicit null", "locations", nil, "explicit_null", replaced(`"name":"Kade"`, `"name":null`)},
	{"an explicit null deep inside", "cdrs", nil, "explicit_null", replaced(`"dimensions":[`, `"tariff_id":null,"dimensions":[`)},
	{"a time that is not known", "cdrs", nil, "datetime_unknown", replaced(`"start_date_time":"2025-03-04T11:00:00Z"`, `"start_date_time":"1970-01-01T00:00:00Z"`)},
	{"a time that is not known, as the specification spells it", "cdrs", nil, "datetime_unknown", replaced(`"start_date_time":"2025-03-04T11:00:00Z"`, `"start_date_time":"1970-1-1T00:00:00Z"`)},
	{"a time without Z", "tokens", nil, "datetime_without_zone", replaced(`00:00:00Z`, `00:00:00`)},
	{"a time with milliseconds", "tariffs", nil, "datetime_fraction", replaced(`00:00:00Z`, `00:00:00.123Z`)},
	{"a time with milliseconds and without Z", "sessions", nil, "datetime_without_zone", replaced(`11:00:00Z`, `11:00:00.123`)},
	{"a time with an offset", "locations", nil, "datetime_offset", replaced(`00:00:00Z`, `01:00:00+01:00`)},
	{"a long text", "locations", nil, "too_long", replaced(`"city":"Utrecht"`, `"city":"`+strings.Repeat("Utrecht ", 20)+`"`)},
	{"a long id", "tokens", nil, "too_long", func(m *message) {
		id := strings.Repeat("x", 60)
		m.body, m.path, m.own = strings.Replace(m.body, `"X1"`, `"`+id+`"`, 1), strings.Replace(m.path, "/X1", "/"+id, 1), strings.Replace(m.own, "/X1", "/"+id, 1)
	}},
	{"a value that OCPI does not know", "locations", nil, "unknown_enum", replaced(`"AVAILABLE"`, `"SLEEPING"`)},
	{"a value in small letters", "tokens", nil, "enum_case", replaced(`"ALWAYS"`, `"always"`)},
	{"a member missing", "locations", nil, "missing_field", replaced(`"city":"Utrecht",`, ``)},
	{"a member missing in a CDR", "cdrs", nil, "missing_field", replaced(`"auth_method":"WHITELIST",`, ``)},
	{"a member missing in a Token", "tokens", nil, "missing_field", replaced(`"issuer":"Us",`, ``)},
	{"a cdr_token without party", "cdrs", newer, "missing_field", replaced(`"country_code":"NL","party_id":"EMP","uid"`, `"uid"`)},
	{"one object where a list is wanted", "tariffs", nil, "wrong_type", func(m *message) {
		m.replace(`"elements":[`, `"elements":`)
		m.replace(`]}],"last_updated"`, `]},"last_updated"`)
	}},
	{"an empty list", "cdrs", nil, "empty_list", replaced(`[{"type":"ENERGY","volume":10}]`, `[]`)},

	// What comes before what, and again.
	{"a CDR before its Location", "cdrs", nil, "cdr_before_location", func(m *message) {
		m.before = slices.DeleteFunc(m.before, func(kind string) bool { return kind == "locations" })
	}},
	{"a CDR before its Session", "cdrs", newer, "cdr_before_session", func(m *message) {
		m.before = slices.DeleteFunc(m.before, func(kind string) bool { return kind == "sessions" })
	}},
	{"the same CDR again", "cdrs", nil, "repeated_cdr", func(m *message) { m.first = m.body }},
	{"the same CDR every night for a week", "cdrs", nil, "repeated_cdr", func(m *message) { m.first, m.times = m.body, 6 }},
	{"the same id with corrected content", "cdrs", nil, "changed_cdr", func(m *message) {
		m.first = m.body
		m.replace(`"total_time":1`, `"total_time":1.5`)
		m.kept = m.first // the first counts, the other is evidence
	}},
	{"a credit CDR with all totals and the energy negated", "cdrs", newer, "credit_negates_quantities", func(m *message) {
		m.replace(`"X1","start`, `"X1-C","start`)
		m.replace(`"currency"`, `"credit":true,"credit_reference_id":"X1","currency"`)
		m.replace(`3.5`, `-3.5`)
		m.replace(`"total_energy":10`, `"total_energy":-10`)
		m.replace(`"total_time":1`, `"total_time":-1`)
		m.first, m.own = clean[m.version]["cdrs"], m.own+"-C"
		m.first = strings.ReplaceAll(m.first, "QQQ", m.party)
	}},
}

// Every habit of partners' daily life, in every version where it can be met, with a
// partner of its own that does this one thing: it is accepted, served back byte by
// byte, and listed by its code on the partner's page; a policy refuses it from then
// on; and a partner that does all the same without it has nothing to its name.
func TestPartnersAsTheyAre(t *testing.T) {
	s := startTest(t, t.TempDir())
	s.partner("EMSP", "NL", "EMP")
	n := 0
	for i := range partnerHabits {
		h := &partnerHabits[i]
		for _, version := range []string{"2.1.1", "2.2.1", "2.3.0"} {
			if h.versions != nil && !slices.Contains(h.versions, version) {
				continue
			}
			n++
			met := newMessage(s, t, n, version, h.kind)
			t.Run(h.name+" in "+version, func(t *testing.T) { met.habit(t, h) })
		}
	}
	for _, version := range []string{"2.1.1", "2.2.1", "2.3.0"} {
		for kind := range clean[version] {
			n++
			m := newMessage(s, t, n, version, kind)
			t.Run("nothing odd in "+kind+" in "+version, func(t *testing.T) { m.nothing(t) })
		}
	}
}

// habit does what a partner does.
func (m *message) habit(t *testing.T, h *habit) {
	h.do(m)
	m.prepare(t)
	for range max(m.times, 1) {
		if a := m.send(); a.status/100 != 2 || a.ocpi.Code != 1000 {
			t.Fatalf("accepted with HTTP %d, %d: %s", a.status, a.ocpi.Code, a.body)
		}
	}
	if got := m.read(t); got != m.kept && got != m.body {
		t.Errorf("served back as\n%s, sent as\n%s", got, m.body)
	}
	if codes := m.codes(t); !slices.Contains(codes, h.code) {
		t.Errorf("listed: %v, want %s", codes, h.code)
	}
	if page := m.service.request(http.MethodGet, "/partners/"+m.id, "", ""); page.status != http.StatusOK || !strings.Contains(page.body, ">"+h.code+"<") {
		t.Errorf("the partner's page, HTTP %d, does not list %s", page.status, h.code)
	}
	m.policy(t, h.code, control.PolicyRefuse)
	if a := m.send(); a.status != http.StatusOK || a.ocpi.Code != 2001 || !strings.Contains(a.ocpi.Message, h.code) {
		t.Errorf("by policy: HTTP %d, %d %q, want 200, 2001 and the code", a.status, a.ocpi.Code, a.ocpi.Message)
	}
	m.policy(t, h.code, control.PolicyAccept)
	if a := m.send(); a.status/100 != 2 || a.ocpi.Code != 1000 {
		t.Errorf("accepted again: HTTP %d, %d %q", a.status, a.ocpi.Code, a.ocpi.Message)
	}
}

// nothing sends a clean object, by way of a partner that has other manners too that
// say nothing: headers in another case, a charset, OCPI-to that names us.
func (m *message) nothing(t *testing.T) {
	m.prepare(t)
	m.header["Content-Type"] = "application/json; charset=UTF-8"
	m.header["OCPI-to-country-code"], m.header["OCPI-to-party-id"] = "zz", "rch"
	if m.kind == "invoicereconciliation" {
		m.header["OCPI-to-country-code"], m.header["OCPI-to-party-id"] = "nl", "emp"
	}
	if a := m.send(); a.status/100 != 2 || a.ocpi.Code != 1000 || a.ocpi.Message != "Success" {
		t.Fatalf("HTTP %d: %s", a.status, a.body)
	}
	if got := m.read(t); got != m.body {
		t.Errorf("served back as\n%s, sent as\n%s", got, m.body)
	}
	if codes := m.codes(t); len(codes) > 0 {
		t.Errorf("listed: %v, want nothing", codes)
	}
}
