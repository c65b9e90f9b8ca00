package hub

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement"
)

// paths are all paths there are, with the routes of each.
func (s *Server) paths() map[string][]route {
	all := map[string][]route{"/versions": {{method: "GET"}}, "/emsp/versions": {{method: "GET"}}, "/cpo/versions": {{method: "GET"}}}
	for _, ed := range s.editions {
		all[ed.path()] = []route{{method: "GET"}}
		for _, r := range ed.routes {
			all[r.path] = append(all[r.path], r)
		}
	}
	return all
}

// concrete fills in a path for a partner that finds it there.
func concrete(path string, object ingest.Object) (filled, token, country, party string) {
	country, party, token = "GB", "DUN", dundeeToken
	mobility := object == ingest.ObjectToken || object == ingest.ObjectCommand // whose objects they are, and the other side reads them
	if strings.Contains(path, "/sender/") && object != ingest.ObjectCDR {
		mobility = !mobility
	}
	if mobility && !strings.HasPrefix(path, "/"+treeEMSP+"/") || strings.HasPrefix(path, "/"+treeCPO+"/") {
		country, party, token = "NL", "EXW", exwToken
	}
	fill := strings.NewReplacer(objectPath, "/"+country+"/"+party+"/X1", "/:country", "/X1", ":evse", "E1", ":connector", "1")
	if strings.HasSuffix(path, "/sessions") && !strings.Contains(path, "receiver") {
		path += "?date_from=2019-01-01T00:00:00Z"
	}
	return Prefix + fill.Replace(path), token, country, party
}

// fromHeaders are the forms in which a request of a party may say whom it is from.
func fromHeaders(country, party string) map[string]struct {
	country, party string
	foreign        bool
} {
	return map[string]struct {
		country, party string
		foreign        bool
	}{
		"none":                    {"", "", false},
		"its own":                 {country, party, false},
		"its own, in lower case":  {strings.ToLower(country), strings.ToLower(party), false},
		"its country alone":       {country, "", false},
		"its party alone":         {"", party, false},
		"another party's":         {country, "ZQX", true},
		"another country's":       {"US", party, true},
		"another's":               {"US", "BOU", true},
		"another country alone":   {"US", "", true},
		"another party id alone":  {"", "ZQX", true},
		"what is no country code": {"NLD", party, true},
	}
}

// Every answer on every path of a functional module, whatever its status, says
// whom it is from and to, the other way round; those of configuration modules
// and of OCPI 2.1.1 never do. A foreign sender is told so like one in the body,
// and what it sent is kept.
func TestRoutingOfEveryRoute(t *testing.T) {
	b := &backend{}
	h, s := serveWith(t, b, nil)
	for path, routes := range s.paths() {
		_, _, country, party := concrete(path, routes[0].object)
		for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"} {
			for form, from := range fromHeaders(country, party) {
				t.Run(method+" "+path+" from "+form, func(t *testing.T) {
					has := slices.ContainsFunc(routes, func(r route) bool { return r.method == method || r.method == "GET" && method == "HEAD" })
					checkRouting(t, h, b, method, path, routes[0].object, has, from.country, from.party, from.foreign)
				})
			}
		}
	}
}

func checkRouting(t *testing.T, h http.Handler, b *backend, method, path string, object ingest.Object, has bool, country, party string, foreign bool) {
	t.Helper()
	*b = backend{cdr: func(context.Context, ocpi.Key) ([]byte, ocpi.Version, error) { return nil, 0, settlement.ErrNotFound }}
	if object == ingest.ObjectInvoice {
		b.cdr = func(context.Context, ocpi.Key) ([]byte, ocpi.Version, error) {
			return []byte(invoicedCDR), ocpi.V230, nil
		}
	}
	url, token, owner, ownerID := concrete(path, object)
	body := ""
	if method == "POST" || method == "PUT" || method == "PATCH" {
		body = bodyOf(path, owner+"/"+ownerID)
	}
	resp, e := request(t, h, method, url, token, body,
		"OCPI-from-country-code", country, "OCPI-from-party-id", party, "OCPI-to-country-code", "zz", "ocpi-to-party-id", "RCH")
	want := map[string]string{"To-Country-Code": country, "To-Party-Id": party, "From-Country-Code": "zz", "From-Party-Id": "RCH"}
	routed := object != 0 && versionOf(path) != ocpi.V211
	if !routed {
		want = map[string]string{"To-Country-Code": "", "To-Party-Id": "", "From-Country-Code": "", "From-Party-Id": ""}
	}
	got := map[string]string{}
	for name := range want {
		got[name] = resp.Header.Get("Ocpi-" + name)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("HTTP %d: %s", resp.StatusCode, diff)
	}
	switch {
	case !has:
		if resp.StatusCode != http.StatusMethodNotAllowed || e.StatusCode != 2000 || resp.Header.Get("Allow") == "" {
			t.Errorf("HTTP %d with %d, Allow %q; want 405 with 2000", resp.StatusCode, e.StatusCode, resp.Header.Get("Allow"))
		}
	case foreign && routed:
		if strings.HasSuffix(path, "/authorize") || strings.HasSuffix(path, preferences) {
			body = "" // a question is not kept
		}
		checkForeign(t, b, resp, e, body)
	case strings.HasSuffix(path, "/credentials") && len(b.kept) == 0: // see TestTheHandshakeAsAMachine
	case resp.StatusCode == http.StatusOK && e.StatusCode != 1000 || len(b.kept) > 0:
		t.Errorf("HTTP %d with %d %q, kept %+v", resp.StatusCode, e.StatusCode, e.StatusMessage, b.kept)
	}
}

func checkForeign(t *testing.T, b *backend, resp *http.Response, e envelope, body string) {
	t.Helper()
	if resp.StatusCode != http.StatusOK || e.StatusCode != 2001 || !strings.Contains(e.StatusMessage, "OCPI-from-party-id: ") || !strings.Contains(e.StatusMessage, "is not a party of yours") {
		t.Errorf("HTTP %d with %d %q; want 200 with 2001 and the reason", resp.StatusCode, e.StatusCode, e.StatusMessage)
	}
	if len(b.pushes) > 0 {
		t.Errorf("it reached the intake: %+v", b.pushes)
	}
	switch {
	case body == "" && len(b.kept) > 0:
		t.Errorf("nothing was sent, kept %+v", b.kept)
	case body != "" && (len(b.kept) != 1 || b.kept[0].Body != body || b.kept[0].Reason != e.StatusMessage):
		t.Errorf("kept %+v, want the body with %q", b.kept, e.StatusMessage)
	}
}

// What belongs to others does not exist, whoever a sender says it is.
func TestAForeignSenderOfForeignObjects(t *testing.T) {
	for _, method := range []string{"GET", "PUT", "PATCH"} {
		b := &backend{}
		resp, e := request(t, serve(t, b, nil), method, "/ocpi/2.2.1/receiver/sessions/US/BOU/S1", dundeeToken, "{}", "OCPI-from-country-code", "US", "OCPI-from-party-id", "BOU")
		if resp.StatusCode != 404 || len(b.pushes)+len(b.kept) > 0 || resp.Header.Get("OCPI-to-party-id") != "BOU" {
			t.Errorf("%s: HTTP %d with %d", method, resp.StatusCode, e.StatusCode)
		}
	}
}

// Answers that come before a route, or without one, are routed too.
func TestRoutingOfErrors(t *testing.T) {
	headers := []string{"OCPI-from-country-code", "GB", "OCPI-from-party-id", "DUN", "OCPI-to-country-code", "ZZ", "OCPI-to-party-id", "RCH"}
	const cdrsPath = "/ocpi/2.2.1/receiver/cdrs"
	for _, tt := range []struct {
		name, method, path, token, body string
		change                          func(*Deps)
		http                            int
		routed                          bool
	}{
		{"unknown path", "GET", "/ocpi/2.2.1/receiver/nowhere", dundeeToken, "", nil, 404, true},
		{"unknown module of the sender", "POST", "/ocpi/2.2.1/sender/payments/P1", dundeeToken, "{}", nil, 404, true},
		{"a path that is too long", "GET", cdrsPath + "/GB/DUN/1/2/3", dundeeToken, "", nil, 404, true},
		{"no token", "POST", cdrsPath, "", "{}", nil, 401, true},
		{"method", "PUT", cdrsPath + "/GB/DUN/1", dundeeToken, "{}", nil, 405, true},
		{"too large", "POST", cdrsPath, dundeeToken, strings.Repeat("x", 1001), nil, 413, true},
		{"not ready", "POST", cdrsPath, dundeeToken, "{}", func(d *Deps) { d.Partners = notReady{} }, 503, true},
		{"panic", "POST", cdrsPath, dundeeToken, "{}", func(d *Deps) { d.Intake = &backend{panics: true} }, 200, true},
		{"versions", "POST", "/ocpi/versions", dundeeToken, "{}", nil, 405, false},
		{"version", "POST", "/ocpi/2.2.1", dundeeToken, "{}", nil, 405, false},
		{"unknown version", "GET", "/ocpi/2.0", dundeeToken, "", nil, 404, false},
		{"2.1.1", "PUT", "/ocpi/emsp/2.1.1/cdrs", dundeeToken, "{}", nil, 405, false},
		{"unknown module of 2.1.1", "GET", "/ocpi/emsp/2.1.1/nowhere", dundeeToken, "", nil, 404, false},
		{"several slashes", "GET", "//ocpi//2.3.0//receiver/nowhere", dundeeToken, "", nil, 404, true},
		{"credentials", "GET", "/ocpi/2.2.1/credentials", dundeeToken, "", nil, 200, false},
		{"hubclientinfo", "GET", "/ocpi/2.2.1/sender/hubclientinfo/", dundeeToken, "", nil, 200, false},
	} {
		resp, _ := request(t, serve(t, &backend{}, tt.change), tt.method, tt.path, tt.token, tt.body, headers...)
		got := fmt.Sprint(resp.Header.Get("OCPI-to-country-code"), resp.Header.Get("OCPI-to-party-id"), resp.Header.Get("OCPI-from-country-code"), resp.Header.Get("OCPI-from-party-id"))
		want := map[bool]string{true: "GBDUNZZRCH"}[tt.routed]
		if resp.StatusCode != tt.http || got != want {
			t.Errorf("%s: HTTP %d routed %q, want %d %q", tt.name, resp.StatusCode, got, tt.http, want)
		}
	}
}

// What is for us is ours to keep and to answer; what is for a party that has told us no
// address is kept too, and told that it came to nobody else; one that nobody is, is
// unknown. OCPI 2.1.1 has no such headers, and its clients no such codes.
func TestToWhom(t *testing.T) {
	for _, version := range []string{"/2.2.1/receiver", "/2.3.0/receiver", "/emsp/2.1.1"} {
		for _, tt := range []struct {
			name, country, party string
			code                 int
		}{
			{"nobody", "", "", 1000}, {"us", "ZZ", "RCH", 1000}, {"us, in lower case", "zz", "rch", 1000}, {"our party alone", "", "RCH", 1000},
			{"a partner", "NL", "EXW", 4003}, {"a partner of another role", "fr", "nap", 4003}, {"nobody we know", "US", "BOU", 4001}, {"half of nobody", "", "EXW", 4001},
		} {
			for _, call := range []string{"PUT /sessions/GB/DUN/S1", "PATCH /locations/GB/DUN/L1/E1", "GET /sessions/GB/DUN/S1", "POST /cdrs"} {
				method, path, _ := strings.Cut(call, " ")
				body := map[bool]string{true: "", false: "{}"}[method == "GET"]
				b := &backend{every: "{}", version: versionOf(version)}
				resp, e := request(t, serve(t, b, nil), method, Prefix+version+path, dundeeToken, body, "OCPI-to-country-code", tt.country, "OCPI-to-party-id", tt.party)
				code, kept := tt.code, 0
				if version == "/emsp/2.1.1" {
					code = 1000
				}
				if code == 4001 && body != "" {
					kept = 1
				}
				if e.StatusCode != code || resp.StatusCode > 201 || len(b.kept) != kept || body != "" && (len(b.pushes) > 0) != (code != 4001) {
					t.Errorf("%s %s to %s: HTTP %d with %d %q, kept %d, want %d", version, call, tt.name, resp.StatusCode, e.StatusCode, e.StatusMessage, len(b.kept), code)
				}
			}
		}
	}
}
