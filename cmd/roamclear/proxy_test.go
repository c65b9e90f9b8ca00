package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"
)

// TestBehindATLSProxy is the service behind a proxy that ends TLS and has a path of
// its own: whatever the service is asked by a partner, each URL it hands out is one of
// the proxy's and leads back, in every version and tree.
func TestBehindATLSProxy(t *testing.T) {
	var inner *url.URL
	proxy := httptest.NewTLSServer(http.StripPrefix("/roam", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		(&httputil.ReverseProxy{Rewrite: func(p *httputil.ProxyRequest) { p.SetURL(inner) }}).ServeHTTP(w, r)
	})))
	t.Cleanup(proxy.Close)
	c := testConfig(t.TempDir())
	c.PublicURL = proxy.URL + "/roam/"
	s := startConfig(t, c)
	inner, _ = url.Parse(s.url)
	s.url, s.client = proxy.URL+"/roam", proxy.Client()
	s.eventually("service is ready", func() bool { return s.request(http.MethodGet, "/readyz", "", "").status == http.StatusOK })
	s.partner("CPO", "GB", "DUN")
	s.partner("EMSP", "NL", "EXW")
	for _, id := range []string{"L1", "L2", "L3"} {
		s.accepted("GB*DUN", "PUT", "/receiver/locations/GB/DUN/"+id, strings.Replace(testLocation, `"id":"L1"`, `"id":"`+id+`"`, 1))
		s.accepted("NL*EXW", "PUT", "/receiver/tokens/NL/EXW/"+id,
			`{"country_code":"NL","party_id":"EXW","uid":"`+id+`","type":"RFID","contract_id":"NL-EXW-C1","issuer":"EXW","valid":true,"whitelist":"ALWAYS","last_updated":"2019-01-01T00:00:00Z"}`)
		s.accepted("GB*DUN", "PUT", "/receiver/tariffs/GB/DUN/"+id, strings.Replace(testTariff, `"id":"T1"`, `"id":"`+id+`"`, 1))
		s.accepted("GB*DUN", "PUT", "/receiver/sessions/GB/DUN/"+id, strings.Replace(testSession, `"id":"S1"`, `"id":"`+id+`"`, 1))
		a := s.accepted("GB*DUN", "POST", "/receiver/cdrs", testCDR(id, "EXW", "L1", "7.00", "8.40"))
		if at := a.header.Get("Location"); !strings.HasPrefix(at, s.url+"/ocpi/2.2.1/") || s.as("GB*DUN", "GET", at, "").ocpi.Code != 1000 {
			t.Errorf("CDR %s is at %q", id, at)
		}
	}
	lists := map[string]int{}
	for _, party := range []string{"GB*DUN", "NL*EXW"} {
		for _, versions := range []string{"/ocpi/versions", "//ocpi//versions/"} {
			for _, v := range read[[]struct{ URL string }](s, party, s.url+versions) {
				details := read[struct {
					Endpoints []struct{ Identifier, Role, URL string }
				}](s, party, v.URL)
				for _, e := range details.Endpoints {
					s.walk(party, e.Identifier, e.Role, e.URL, lists)
				}
			}
		}
	}
	// Three of each in three versions, twice; Tariffs in two, since 2.1.1 cannot say
	// their VAT; Sessions and CDRs in two to the CPO as well, whose own they are.
	for module, want := range map[string]int{"locations": 18, "tokens": 18, "tariffs": 12, "sessions": 30, "cdrs": 30} {
		if lists[module] != want {
			t.Errorf("%d %s were listed, want %d", lists[module], module, want)
		}
	}
	verified(t, s.data)
}

// walk asks a module as its version details offer it, and follows its lists.
func (s *testService) walk(party, module, role, at string, lists map[string]int) {
	s.t.Helper()
	if !strings.HasPrefix(at, s.url+"/ocpi/") {
		s.t.Errorf("%s finds %s %s at %s", party, module, role, at)
	}
	if module == "credentials" {
		if got := read[struct{ URL string }](s, party, at); !strings.HasPrefix(got.URL, s.url+"/ocpi/") {
			s.t.Errorf("%s is given credentials with %s", party, got.URL)
		}
		return
	}
	if strings.Contains(at, "/receiver/") || module == "hubclientinfo" || module == "invoicereconciliation" {
		return
	}
	for next := at + "?date_from=2018-01-01T00:00:00Z&limit=2"; next != ""; {
		a := s.as(party, "GET", next, "")
		var page []json.RawMessage
		if json.Unmarshal(a.ocpi.Data, &page) != nil || a.ocpi.Code != 1000 {
			return // 2.1.1 has no roles: this one it receives
		}
		lists[module] += len(page)
		link := a.header.Get("Link")
		if link != "" && !strings.HasPrefix(link, "<"+at+"?") {
			s.t.Errorf("%s follows %s to %s", party, at, link)
		}
		next, _, _ = strings.Cut(strings.TrimPrefix(link, "<"), ">")
	}
}

// read is what an answer with 1000 holds.
func read[T any](s *testService, party, at string) (v T) {
	s.t.Helper()
	if err := json.Unmarshal(s.accepted(party, "GET", at, "").ocpi.Data, &v); err != nil {
		s.t.Fatalf("GET %s: %v", at, err)
	}
	return v
}
