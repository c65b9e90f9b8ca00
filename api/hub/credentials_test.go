package hub

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/roamclear/roamclear/api/partner"
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ingest/control"
	"github.com/roamclear/roamclear/ingest/control/controltest"
	"github.com/roamclear/roamclear/ingest/ingesttest"
	"github.com/roamclear/roamclear/ocpi"
)

// called is what a Callback was asked for.
type called struct {
	URL, Token string
	Want       ocpi.Version
}

// client fakes the interface of who registers.
type client struct {
	err    error
	calls  []called
	during func() // something happens meanwhile
}

func (c *client) Discover(_ context.Context, url, token string, _ control.TokenEncoding, want ocpi.Version) (*partner.Found, error) {
	c.calls = append(c.calls, called{url, token, want})
	if c.during != nil {
		c.during()
	}
	if c.err != nil {
		return nil, c.err
	}
	return &partner.Found{Version: want, VersionsURL: url, Encoding: control.EncodingBase64, Endpoints: []ocpi.Endpoint{
		{Identifier: "credentials", Role: "SENDER", URL: "https://tnm.example/ocpi/credentials"},
		{Identifier: "cdrs", Role: "SENDER", URL: "https://tnm.example/ocpi/cdrs"},
	}}, nil
}

// registrar is a hub with an invited CPO, NL*TNM, and its client.
type registrar struct {
	t        *testing.T
	partners *control.Partners
	sealer   *control.Sealer
	client   *client
	handler  http.Handler
	logged   strings.Builder
	tally    ingest.Tally
	tokenA   string
}

func newRegistrar(t *testing.T, invite control.NewInvitation) *registrar {
	t.Helper()
	r := &registrar{t: t, client: &client{}}
	m, err := control.Open(t.Context(), ingesttest.NewLog(1), control.Options{})
	if err != nil {
		t.Fatal(err)
	}
	r.partners = control.NewPartners(m)
	controltest.Run(t, m)
	if r.sealer, err = control.NewSealer(control.NewSealKey()); err != nil {
		t.Fatal(err)
	}
	add := func(role, country, id, token string) {
		n := control.NewPartner{Name: country + " " + id, Token: token, Roles: []control.Role{control.NewRole(role, country, id)}}
		if _, _, err := r.partners.Add(t.Context(), "", n); err != nil {
			t.Fatal(err)
		}
	}
	add("EMSP", "NL", "EXW", exwToken)
	add("CPO", "GB", "DUN", dundeeToken)
	if invite.Name == "" {
		invite.Name = "NL*TNM"
	}
	if len(invite.Roles) == 0 {
		invite.Roles = []control.Role{control.NewRole("CPO", "NL", "TNM")}
	}
	if _, r.tokenA, err = r.partners.Invite(t.Context(), "", invite); err != nil {
		t.Fatal(err)
	}
	r.handler = serve(t, &backend{}, func(d *Deps) {
		d.Partners, d.Callback, d.Sealer, d.Name = r.partners, r.client, r.sealer, "roamclear"
		d.Logger, d.Tally = slog.New(slog.NewTextHandler(&r.logged, nil)), &r.tally
	})
	return r
}

// path is where a version's credentials are for a CPO.
func credentialsPath(v ocpi.Version) string {
	if v == ocpi.V211 {
		return "/ocpi/emsp/2.1.1/credentials"
	}
	return "/ocpi/" + v.String() + "/credentials"
}

const tokenB = "the-token-of-our-client"

// credentialsOf is what a client sends.
func credentialsOf(v ocpi.Version, roles ...string) string {
	const start = `{"token":"` + tokenB + `","url":"https://tnm.example/ocpi/versions"`
	if v == ocpi.V211 {
		return start + `,"party_id":"TNM","country_code":"NL","business_details":{"name":"The new motion"}}`
	}
	if len(roles) == 0 {
		roles = []string{"CPO NL TNM"}
	}
	var list []string
	for _, r := range roles {
		part := strings.Fields(r)
		list = append(list, fmt.Sprintf(`{"role":%q,"country_code":%q,"party_id":%q,"business_details":{"name":"The new motion"}}`, part[0], part[1], part[2]))
	}
	return start + `,"roles":[` + strings.Join(list, ",") + `]}`
}

// call sends a request with a token.
func (r *registrar) call(method string, v ocpi.Version, token, body string) (int, envelope) {
	r.t.Helper()
	resp, e := request(r.t, r.handler, method, credentialsPath(v), token, body)
	return resp.StatusCode, e
}

// post registers the client and returns its token.
func (r *registrar) post(v ocpi.Version) string {
	r.t.Helper()
	status, e := r.call("POST", v, r.tokenA, credentialsOf(v))
	return r.token(status, e)
}

// token is that of a good answer.
func (r *registrar) token(status int, e envelope) string {
	r.t.Helper()
	var c struct{ Token string }
	if err := json.Unmarshal(e.Data, &c); err != nil || status != 200 || e.StatusCode != 1000 || c.Token == "" {
		r.t.Fatalf("HTTP %d with %d %q and %s", status, e.StatusCode, e.StatusMessage, e.Data)
	}
	return c.Token
}

func (r *registrar) partner() *control.Partner {
	r.t.Helper()
	p, ok := r.partners.Find("nl-tnm-cpo")
	if !ok {
		r.t.Fatal("the partner is gone")
	}
	return p
}

var versions = []ocpi.Version{ocpi.V211, ocpi.V221, ocpi.V230}

// The handshake as a machine: what each method gets in each stage, by each token,
// and the stage it leaves the partner in (R-CRED-01 to 06, E3, E14, E15).
func TestTheHandshakeAsAMachine(t *testing.T) {
	const (
		tokenA, tokenC, none, stale = "A", "C", "none", "stale"
		invited                     = control.StageInvited
		registered                  = control.StageRegistered
		unregistered                = control.StageUnregistered
	)
	tests := []struct {
		stage      control.Stage
		method     string
		token      string
		http, ocpi int
		next       control.Stage
	}{
		{invited, "GET", tokenA, 200, 1000, invited},
		{invited, "POST", tokenA, 200, 1000, registered},
		{invited, "PUT", tokenA, 405, 2000, invited},
		{invited, "DELETE", tokenA, 405, 2000, invited},
		{invited, "PATCH", tokenA, 405, 2000, invited},
		{invited, "POST", none, 401, 2000, invited},
		{invited, "POST", "wrong", 401, 2000, invited},
		{registered, "GET", tokenC, 200, 1000, registered},
		{registered, "POST", tokenC, 405, 2000, registered},
		{registered, "PUT", tokenC, 200, 1000, registered},
		{registered, "DELETE", tokenC, 200, 1000, unregistered},
		{registered, "PATCH", tokenC, 405, 2000, registered},
		{registered, "GET", tokenA, 401, 2000, registered},
		{registered, "POST", tokenA, 401, 2000, registered},
		{registered, "PUT", tokenA, 401, 2000, registered},
		{registered, "DELETE", tokenA, 401, 2000, registered},
		{unregistered, "GET", tokenC, 401, 2000, unregistered},
		{unregistered, "POST", tokenC, 401, 2000, unregistered},
		{unregistered, "PUT", tokenC, 401, 2000, unregistered},
		{unregistered, "DELETE", tokenC, 401, 2000, unregistered},
		{invited, "GET", stale, 401, 2000, invited},
		{invited, "POST", stale, 401, 2000, invited},
	}
	for _, v := range versions {
		for _, tt := range tests {
			t.Run(fmt.Sprintf("%s %s %s by %s", v, tt.stage, tt.method, tt.token), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					r := newRegistrar(t, control.NewInvitation{})
					tokens := map[string]string{tokenA: r.tokenA, none: "", "wrong": "wrong-token", stale: r.tokenA}
					if tt.stage != invited {
						tokens[tokenC] = r.post(v)
					}
					if tt.stage == unregistered {
						r.call("DELETE", v, tokens[tokenC], "")
					}
					if tt.token == stale {
						time.Sleep(control.InvitationLife + time.Second)
					}
					body := ""
					if tt.method == "POST" || tt.method == "PUT" {
						body = credentialsOf(v)
					}
					status, e := r.call(tt.method, v, tokens[tt.token], body)
					if status != tt.http || e.StatusCode != tt.ocpi {
						t.Errorf("HTTP %d with %d %q, want %d with %d", status, e.StatusCode, e.StatusMessage, tt.http, tt.ocpi)
					}
					if got := r.partner().Stage(); got != tt.next {
						t.Errorf("the partner is %s, want %s", got, tt.next)
					}
				})
			})
		}
	}
}

// The token of an invitation opens versions and credentials, and nothing else,
// whatever path it is.
func TestWhatAnInvitationOpens(t *testing.T) {
	r := newRegistrar(t, control.NewInvitation{Roles: []control.Role{control.NewRole("CPO", "NL", "TNM"), control.NewRole("EMSP", "NL", "TNM")}})
	_, s := serveWith(t, &backend{}, func(d *Deps) { d.Partners = r.partners })
	for path, routes := range s.paths() {
		for _, route := range routes {
			open := strings.HasSuffix(path, "/versions") || strings.HasSuffix(path, "/credentials") || len(s.editionAt(path)) > 0
			url, _, _, _ := concrete(path, route.object)
			body := ""
			if route.method != "GET" && route.method != "DELETE" {
				body = "{}"
			}
			resp, e := request(t, r.handler, route.method, url, r.tokenA, body)
			if got := resp.StatusCode != 401; got != open {
				t.Errorf("%s %s: HTTP %d with %d %q", route.method, path, resp.StatusCode, e.StatusCode, e.StatusMessage)
			}
		}
	}
	for _, path := range []string{"/ocpi/2.2.1/nowhere", "/ocpi/2.2.1/receiver/nowhere", "/ocpi/2.2.1/sender/hubclientinfo", "/ocpi/2.2.1/credentials/more"} {
		if resp, _ := request(t, r.handler, "GET", path, r.tokenA, ""); resp.StatusCode != 401 && !strings.Contains(path, "credentials") {
			t.Errorf("%s: HTTP %d", path, resp.StatusCode)
		}
	}
}

// In 2.1.1 each role has its own tree, and credentials of the other are not there;
// what was sent to them, a token in it, is nowhere kept.
func TestCredentialsOfTheOtherTree(t *testing.T) {
	for _, method := range []string{"GET", "POST", "PUT", "DELETE"} {
		b := &backend{}
		body := ""
		if method == "POST" || method == "PUT" {
			body = credentialsOf(ocpi.V211)
		}
		resp, e := request(t, serve(t, b, nil), method, "/ocpi/emsp/2.1.1/credentials", exwToken, body)
		if resp.StatusCode != 404 || e.StatusCode != 2000 || len(b.kept) > 0 {
			t.Errorf("%s: HTTP %d with %d, kept %+v", method, resp.StatusCode, e.StatusCode, b.kept)
		}
	}
}

// editionAt returns the version whose details are at a path.
func (s *Server) editionAt(path string) string {
	for i := range s.editions {
		if s.editions[i].path() == path {
			return s.editions[i].version.String()
		}
	}
	return ""
}

// What is answered, in each version; and what is kept.
func TestRegistrationInEachVersion(t *testing.T) {
	const hub = `"business_details":{"name":"roamclear"},"party_id":"RCH","country_code":"ZZ"}`
	for v, want := range map[ocpi.Version]string{
		ocpi.V211: `{"token":"%s","url":"http://roam.example/ocpi/versions",` + hub,
		ocpi.V221: `{"token":"%s","url":"http://roam.example/ocpi/versions","roles":[{"role":"HUB",` + hub + `]}`,
		ocpi.V230: `{"token":"%s","url":"http://roam.example/ocpi/versions","hub_party_id":"ZZRCH","roles":[{"role":"EMSP","business_details":{"name":"NL EXW"},"party_id":"EXW","country_code":"NL"}]}`,
	} {
		t.Run(v.String(), func(t *testing.T) {
			r := newRegistrar(t, control.NewInvitation{})
			for _, sent := range []string{r.tokenA, base64.StdEncoding.EncodeToString([]byte(r.tokenA + "\n"))} {
				if _, e := r.call("GET", v, sent, ""); string(e.Data) != fmt.Sprintf(want, r.tokenA) {
					t.Errorf("GET answers %s", e.Data)
				}
			}
			status, e := r.call("POST", v, r.tokenA, credentialsOf(v))
			tokenC := r.token(status, e)
			if string(e.Data) != fmt.Sprintf(want, tokenC) || e.StatusMessage != "Success" {
				t.Errorf("POST answers %q with %s", e.StatusMessage, e.Data)
			}
			if diff := cmp.Diff([]called{{"https://tnm.example/ocpi/versions", tokenB, v}}, r.client.calls); diff != "" {
				t.Error(diff)
			}
			p := r.partner()
			if p.Peer.Version != v || p.Peer.URL != "https://tnm.example/ocpi/versions" || len(p.Peer.Endpoints) != 2 || p.Peer.Encoding != control.EncodingBase64 || p.Name != "The new motion" || len(p.Pending) > 0 {
				t.Errorf("kept %+v of %+v", p.Peer, p)
			}
			if token, err := r.sealer.Open(p.Peer.Token); err != nil || token != tokenB {
				t.Errorf("sealed is %q, %v", token, err)
			}
			if _, e := r.call("GET", v, tokenC, ""); string(e.Data) != fmt.Sprintf(want, tokenC) {
				t.Errorf("GET answers %s", e.Data)
			}
			for _, secret := range []string{r.tokenA, tokenB, tokenC} {
				if strings.Contains(r.logged.String(), secret) {
					t.Errorf("a token is in the log: %s", r.logged.String())
				}
			}
		})
	}
}

// A PUT mints a token each time; the one before is good until the new one is used.
func TestUpdates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRegistrar(t, control.NewInvitation{})
		tokenC := r.post(ocpi.V211)
		status, e := r.call("PUT", ocpi.V221, tokenC, credentialsOf(ocpi.V221))
		lost := r.token(status, e)
		if p := r.partner(); p.Peer.Version != ocpi.V221 {
			t.Errorf("the partner is called in %s", p.Peer.Version)
		}
		status, e = r.call("PUT", ocpi.V230, tokenC, credentialsOf(ocpi.V230))
		tokenD := r.token(status, e)
		if tokenD == lost || tokenD == tokenC || len(r.client.calls) != 3 || r.client.calls[2].Want != ocpi.V230 {
			t.Errorf("tokens %q, %q and %q, called %+v", tokenC, lost, tokenD, r.client.calls)
		}
		for _, step := range []struct {
			token string
			want  int
		}{{tokenC, 200}, {lost, 401}, {tokenD, 200}, {tokenC, 401}, {tokenD, 200}} {
			if status, _ := r.call("GET", ocpi.V230, step.token, ""); status != step.want {
				t.Errorf("token %s: HTTP %d, want %d", map[string]string{tokenC: "before", lost: "lost", tokenD: "new"}[step.token], status, step.want)
			}
			synctest.Wait() // the new one is known to be used
		}
	})
}

// What fails leaves the partner and its token as they were.
func TestFailedHandshakes(t *testing.T) {
	unreachable := &partner.Error{Method: "GET", Path: "/ocpi/versions", HTTP: 401}
	tests := []struct {
		name       string
		version    ocpi.Version
		invite     control.NewInvitation
		client     error
		body       string
		http, ocpi int
		message    string
	}{
		{"unreachable", ocpi.V221, control.NewInvitation{}, unreachable, credentialsOf(ocpi.V221), 200, 3001, "GET /ocpi/versions: HTTP 401"},
		{"another version", ocpi.V230, control.NewInvitation{}, fmt.Errorf("%w: offers 2.2.1", partner.ErrNoVersion), credentialsOf(ocpi.V230), 200, 3002, "offers 2.2.1"},
		{"no endpoint", ocpi.V211, control.NewInvitation{}, fmt.Errorf("%w: none at all", partner.ErrNoEndpoint), credentialsOf(ocpi.V211), 200, 3003, "none at all"},
		{"invited for another version", ocpi.V221, control.NewInvitation{Version: ocpi.V211}, nil, credentialsOf(ocpi.V221), 200, 3002, "OCPI 2.1.1, this is 2.2.1"},
		{"not JSON", ocpi.V221, control.NewInvitation{}, nil, "{", 400, 2001, "not valid JSON"},
		{"no body", ocpi.V221, control.NewInvitation{}, nil, "", 400, 2001, "not valid JSON"},
		{"no URL", ocpi.V221, control.NewInvitation{}, nil, `{"token":"` + tokenB + `","url":"nowhere","roles":[]}`, 200, 2001, "url: want the absolute URL"},
		{"too large", ocpi.V221, control.NewInvitation{}, nil, strings.Repeat(" ", 1001), 413, 2001, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := newRegistrar(t, tt.invite)
			r.client.err = tt.client
			for _, stage := range []control.Stage{control.StageInvited, control.StageRegistered} {
				token, method := r.tokenA, "POST"
				if stage == control.StageRegistered {
					r.client.err = nil
					v := tt.invite.Version
					if v == 0 {
						v = tt.version
					}
					token, method = r.post(v), "PUT"
					r.client.err = tt.client
				}
				before := r.partner()
				if stage == control.StageRegistered && tt.invite.Version != 0 {
					continue // it may change to another version
				}
				status, e := r.call(method, tt.version, token, tt.body)
				if status != tt.http || e.StatusCode != tt.ocpi || !strings.Contains(e.StatusMessage, tt.message) {
					t.Errorf("%s: HTTP %d with %d %q, want %d with %d %q", method, status, e.StatusCode, e.StatusMessage, tt.http, tt.ocpi, tt.message)
				}
				if p := r.partner(); p != before {
					t.Errorf("%s changed the partner to %+v", method, p)
				}
				if status, _ := r.call("GET", tt.version, token, ""); status != 200 {
					t.Errorf("after %s the token gets HTTP %d", method, status)
				}
				if strings.Contains(e.StatusMessage+r.logged.String(), tokenB) {
					t.Errorf("a token shows: %q %s", e.StatusMessage, r.logged.String())
				}
			}
		})
	}
}

// Roles beyond the invitation wait, and nobody takes another's.
func TestRolesThatAClientOffers(t *testing.T) {
	r := newRegistrar(t, control.NewInvitation{})
	status, e := r.call("POST", ocpi.V221, r.tokenA, credentialsOf(ocpi.V221, "CPO NL TNM", "EMSP nl tnm", "EMSP NL EXW", "PTP NL TNM"))
	token := r.token(status, e)
	if want := "Success; 1 finding: roles[3].role unknown_enum"; !strings.HasPrefix(e.StatusMessage, want) {
		t.Errorf("message %q, want %q", e.StatusMessage, want)
	}
	p := r.partner()
	if diff := cmp.Diff([]control.Role{control.NewRole("EMSP", "NL", "TNM"), control.NewRole("EMSP", "NL", "EXW")}, p.Pending); diff != "" || len(p.Roles) != 1 {
		t.Errorf("roles %v, pending: %s", p.Roles, diff)
	}
	for _, path := range []string{"/tokens/NL/TNM/T1", "/tokens/NL/EXW/T1"} {
		if resp, _ := request(t, r.handler, "PUT", "/ocpi/2.2.1/receiver"+path, token, "{}"); resp.StatusCode != 404 {
			t.Errorf("PUT %s by a role that is pending: HTTP %d", path, resp.StatusCode)
		}
	}
	// The other party of a platform of 2.1.1, which names no role.
	r = newRegistrar(t, control.NewInvitation{})
	body := strings.Replace(credentialsOf(ocpi.V211), "TNM", "OTH", 1)
	status, e = r.call("POST", ocpi.V211, r.tokenA, body)
	r.token(status, e)
	if diff := cmp.Diff([]control.Role{control.NewRole("CPO", "NL", "OTH")}, r.partner().Pending); diff != "" {
		t.Errorf("pending: %s", diff)
	}
}

// In 2.1.1 we are the counterparty that was agreed on.
func TestACounterparty(t *testing.T) {
	r := newRegistrar(t, control.NewInvitation{Counterparty: ocpi.NewParty("NL", "EXW")})
	_, e := r.call("GET", ocpi.V211, r.tokenA, "")
	if want := `"business_details":{"name":"NL EXW"},"party_id":"EXW","country_code":"NL"}`; !strings.HasSuffix(string(e.Data), want) {
		t.Errorf("credentials %s, want %s", e.Data, want)
	}
}

// Who was added by hand has told us nothing of its side: it may register.
func TestAPartnerAddedByHandRegisters(t *testing.T) {
	r := newRegistrar(t, control.NewInvitation{})
	if status, _ := r.call("PUT", ocpi.V221, dundeeToken, credentialsOf(ocpi.V221)); status != 405 {
		t.Errorf("PUT before it registered: HTTP %d", status)
	}
	status, e := r.call("POST", ocpi.V221, dundeeToken, credentialsOf(ocpi.V221, "CPO GB DUN"))
	token := r.token(status, e)
	if p, ok := r.partners.Authenticate("Token " + token); !ok || p.ID != "gb-dun-cpo" || p.Stage() != control.StageRegistered {
		t.Errorf("the token finds %+v", p)
	}
}

// What is found in credentials is counted as in any other body, and refused where that
// is agreed; so is how they are sent. The registration stays as it was.
func TestFindingsInCredentials(t *testing.T) {
	for code, roles := range map[string][]string{
		"repeated_role":      {"CPO NL TNM", "CPO NL TNM"},
		"enum_case":          {"cpo NL TNM"},
		"missing_request_id": nil, // none of these requests has one
	} {
		r := newRegistrar(t, control.NewInvitation{})
		token := r.post(ocpi.V221)
		put := func() (int, envelope) { return r.call("PUT", ocpi.V221, token, credentialsOf(ocpi.V221, roles...)) }
		status, e := put()
		token = r.token(status, e)
		if found := r.tally.With("nl-tnm-cpo", nil); !slices.ContainsFunc(found, func(f ingest.Found) bool { return f.Code == code }) {
			t.Errorf("%s is not counted: %+v", code, found)
		}
		before, err := r.partners.SetPolicy(t.Context(), "", "nl-tnm-cpo", 0, code, control.PolicyRefuse)
		if err != nil {
			t.Fatal(err)
		}
		if status, e := put(); status != 200 || e.StatusCode != 2001 || !strings.Contains(e.StatusMessage, code) {
			t.Errorf("%s by policy: HTTP %d with %d %q", code, status, e.StatusCode, e.StatusMessage)
		}
		// The first use of a token confirms it, which may come at any time.
		if p := r.partner(); !reflect.DeepEqual(p.Peer, before.Peer) || !slices.Equal(p.Roles, before.Roles) {
			t.Errorf("%s was refused, and the registration changed", code)
		}
	}
}
