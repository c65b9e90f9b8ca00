package main

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/roamclear/roamclear/api/admin"
	"github.com/roamclear/roamclear/ingest/control"
)

// message is one push of a partner of its own.
type message struct {
	service           *testService
	version, kind     string
	id, party, token  string // of the partner
	method, path, own string // own: where the object is read back
	header            map[string]string
	before            []string // kinds of objects that come first
	first             string   // body that comes first to the same path; "" = none
	times             int
	body              string
	kept              string // what is read back, where it is not the body
}

func b64(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

// newMessage is the clean push of an object of a kind, by the nth partner.
func newMessage(s *testService, t *testing.T, n int, version, kind string) *message {
	t.Helper()
	m := &message{service: s, version: version, kind: kind, party: fmt.Sprintf("Q%02X", n), method: http.MethodPut}
	role := map[bool]string{true: "EMSP", false: "CPO"}[kind == "tokens"]
	s.t = t
	s.partner(role, "NL", m.party)
	m.token, m.id = s.tokens["NL*"+m.party], strings.ToLower("nl-"+m.party+"-"+role)
	m.header = m.headers()
	m.path = m.base(kind)
	m.own = m.path + "/NL/" + m.party + "/X1"
	switch kind {
	case "cdrs":
		m.method, m.before = http.MethodPost, []string{"locations", "sessions"}
	case "invoicereconciliation":
		m.method = http.MethodPost
	default:
		m.path = m.own
	}
	m.body = m.clean(kind)
	return m
}

func (m *message) clean(kind string) string {
	return strings.ReplaceAll(clean[m.version][kind], "QQQ", m.party)
}

// headers are those of a request as its version has them.
func (m *message) headers() map[string]string {
	if m.version == "2.1.1" {
		return map[string]string{"Authorization": "Token " + m.token, "Content-Type": "application/json"}
	}
	return map[string]string{
		"Authorization": "Token " + b64(m.token), "Content-Type": "application/json", "X-Request-ID": "r-1", "X-Correlation-ID": "c-1",
		"OCPI-from-country-code": "NL", "OCPI-from-party-id": m.party,
	}
}

// base is the URL of a module that is pushed to.
func (m *message) base(kind string) string {
	if m.version == "2.1.1" {
		return "/ocpi/" + map[bool]string{true: "cpo", false: "emsp"}[kind == "tokens"] + "/2.1.1/" + kind
	}
	return "/ocpi/" + m.version + "/receiver/" + kind
}

func (m *message) replace(from, to string) {
	m.body = strings.ReplaceAll(m.body, strings.ReplaceAll(from, "QQQ", m.party), to)
}

// prepare sends what comes before.
func (m *message) prepare(t *testing.T) {
	t.Helper()
	for _, kind := range m.before {
		if a := m.ask(m.headers(), http.MethodPut, m.base(kind)+"/NL/"+m.party+"/X1", m.clean(kind)); a.ocpi.Code != 1000 {
			t.Fatalf("PUT of %s: HTTP %d: %s", kind, a.status, a.body)
		}
	}
	if m.first == "" {
		return
	}
	if a := m.ask(m.headers(), m.method, m.path, m.first); a.ocpi.Code != 1000 {
		t.Fatalf("the first: HTTP %d: %s", a.status, a.body)
	}
}

func (m *message) send() answer { return m.ask(m.header, m.method, m.path, m.body) }

func (m *message) ask(header map[string]string, method, path, body string) answer {
	var list []string
	for name, value := range header {
		list = append(list, name, value)
	}
	return m.service.request(method, path, "", body, list...)
}

// read returns the object as it is served back.
func (m *message) read(t *testing.T) string {
	t.Helper()
	a := m.ask(m.headers(), http.MethodGet, m.own, "")
	if a.status != http.StatusOK {
		t.Errorf("GET %s: HTTP %d: %s", m.own, a.status, a.body)
	}
	return string(a.ocpi.Data)
}

// codes are those of the findings that the partner has to its name.
func (m *message) codes(t *testing.T) (codes []string) {
	t.Helper()
	var list admin.FindingList
	m.admin(t, http.MethodGet, "/findings", nil, &list)
	for _, f := range list.Findings {
		codes = append(codes, f.Code)
	}
	return codes
}

func (m *message) policy(t *testing.T, code, policy string) {
	t.Helper()
	var changed admin.Partner
	m.admin(t, http.MethodPut, "/policies/"+code, admin.PolicyRequest{Policy: policy}, &changed)
	if refuses := len(changed.Refuses) > 0; refuses != (policy == control.PolicyRefuse) {
		t.Errorf("policies %v after %s", changed.Refuses, policy)
	}
}

func (m *message) admin(t *testing.T, method, path string, body, into any) {
	t.Helper()
	flags := serviceFlags{data: m.service.data}
	c, err := flags.client()
	if err == nil {
		err = c.do(t.Context(), method, "/partners/"+url.PathEscape(m.id)+path, body, into)
	}
	if err != nil {
		t.Fatal(err)
	}
}
