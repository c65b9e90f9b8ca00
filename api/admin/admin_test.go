package admin

import (
	"bytes"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/roamclear/roamclear/api"
	"github.com/roamclear/roamclear/api/rest"
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ingest/control"
	"github.com/roamclear/roamclear/ingest/control/controltest"
	"github.com/roamclear/roamclear/ingest/ingesttest"
	"github.com/roamclear/roamclear/settlement/clearing"
)

const adminToken = "admin-secret-0123"

type admin struct {
	t       *testing.T
	deps    Deps
	log     *ingesttest.Log
	handler http.Handler
	logged  *bytes.Buffer
	drafts  *openDrafts
}

// newDeps is the interface over a control log; it returns its machine.
func newDeps(t *testing.T, log *ingesttest.Log, logger *slog.Logger) (Deps, *control.Machine) {
	t.Helper()
	m, err := control.Open(t.Context(), log, control.Options{})
	if err != nil {
		t.Fatal(err)
	}
	closes := clearing.NewCloses(m)
	return Deps{
		Partners: control.NewPartners(m), Keys: control.NewKeys(m), Closes: closes,
		Agreements: clearing.NewAgreements(m, closes), Parties: clearing.NewParties(m), Token: adminToken, Logger: logger,
	}, m
}

func newAdmin(t *testing.T) *admin {
	t.Helper()
	a := &admin{t: t, log: ingesttest.NewLog(1), logged: &bytes.Buffer{}, drafts: &openDrafts{}}
	logger := slog.New(slog.NewTextHandler(a.logged, nil))
	var m *control.Machine
	a.deps, m = newDeps(t, a.log, logger)
	a.deps.Drafts = a.drafts
	controltest.Run(t, m)
	e := api.NewEngine(logger, rest.Fallback("", logger))
	Mount(e, a.deps)
	a.handler = e
	return a
}

// do sends a request as the administrator and reads the answer into out.
func (a *admin) do(method, path, body string, status int, out any, headers ...string) {
	a.t.Helper()
	r := httptest.NewRequestWithContext(a.t.Context(), method, "/admin/v1"+path, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+adminToken)
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	a.handler.ServeHTTP(w, r)
	if w.Code != status {
		a.t.Fatalf("%s %s: HTTP %d %s, want %d", method, path, w.Code, w.Body, status)
	}
	if out == nil {
		return
	}
	if err := json.Unmarshal(w.Body.Bytes(), out); err != nil {
		a.t.Fatalf("%s %s: %v in %s", method, path, err, w.Body)
	}
}

// A subject names no issuer: while several CAs are trusted each of them could have its
// own certificate of that subject.
func TestASubjectIsRegisteredUnderOneCAAlone(t *testing.T) {
	roots := 2
	a := newAdmin(t)
	a.deps.Roots = func() int { return roots }
	e := api.NewEngine(a.deps.Logger, rest.Fallback("", a.deps.Logger))
	Mount(e, a.deps)
	a.handler = e
	a.do("POST", "/partners", addDundee, 201, nil)
	const path = "/partners/gb-dun-cpo/certificates"
	var refused struct{ Error rest.Error }
	a.do("POST", path, `{"subject":"CN=dundee"}`, 400, &refused)
	if refused.Error.Field != "subject" || !strings.Contains(refused.Error.Message, "2 CAs") {
		t.Errorf("refused with %+v", refused)
	}
	a.do("POST", path, `{"fingerprint":"`+strings.Repeat("ab", 32)+`"}`, 201, nil)
	roots = 1
	a.do("POST", path, `{"subject":"CN=dundee"}`, 201, nil)
	roots = 2
	a.do("DELETE", path+"/CN=dundee", "", 200, nil)
}

const addDundee = `{"name":"Dundee","roles":[{"role":"cpo","country_code":"gb","party_id":"dun"}]}`

func TestAdminPartners(t *testing.T) {
	a := newAdmin(t)
	var added PartnerToken
	a.do("POST", "/partners", addDundee, 201, &added, "Idempotency-Key", "add-1")
	want := Partner{ID: "gb-dun-cpo", Name: "Dundee", Stage: control.StageAdded, Roles: []control.Role{control.NewRole("CPO", "GB", "DUN")}, Encoding: "auto", Version: 1}
	if diff := cmp.Diff(want, added.Partner); diff != "" {
		t.Error(diff)
	}
	works := func(token string) bool {
		_, ok := a.deps.Partners.Authenticate("Token " + token)
		return ok
	}
	if !works(added.Token) {
		t.Error("the new token does not work")
	}

	var failure struct{ Error rest.Error }
	a.do("POST", "/partners", addDundee, 409, &failure, "Idempotency-Key", "add-1")
	if failure.Error.Code != "conflict" || !strings.Contains(failure.Error.Message, `"add-1"`) {
		t.Errorf("repeat: %+v", failure)
	}
	a.do("POST", "/partners", addDundee, 409, &failure)
	if !strings.Contains(failure.Error.Message, "CPO GB*DUN already belongs to partner gb-dun-cpo") {
		t.Errorf("conflict: %+v", failure)
	}

	var rotated PartnerToken
	a.do("POST", "/partners/gb-dun-cpo/rotate", "", 200, &rotated, "If-Match", `"1"`)
	if rotated.Token == added.Token || rotated.Partner.Version != 2 || rotated.Partner.RotationUntil == "" || !works(added.Token) {
		t.Errorf("rotated: %+v", rotated)
	}
	a.do("POST", "/partners/gb-dun-cpo/rotate", `{"token":"chosen-token"}`, 409, nil, "If-Match", `"1"`)
	a.do("POST", "/partners/gb-dun-cpo/rotate", `{"token":"chosen-token"}`, 200, &rotated, "If-Match", `"2"`)
	if rotated.Token != "chosen-token" || !works("chosen-token") {
		t.Errorf("chosen token: %+v", rotated)
	}

	var list PartnerList
	var one Partner
	a.do("GET", "/partners", "", 200, &list)
	a.do("GET", "/partners/gb-dun-cpo", "", 200, &one)
	if len(list.Partners) != 1 || list.Partners[0].ID != "gb-dun-cpo" || one.ID != "gb-dun-cpo" {
		t.Errorf("list %+v, one %+v", list, one)
	}
	a.do("DELETE", "/partners/gb-dun-cpo", "", 204, nil)
	a.do("DELETE", "/partners/gb-dun-cpo", "", 404, &failure)
	if failure.Error.Message != "there is no partner gb-dun-cpo" {
		t.Errorf("removed twice: %+v", failure)
	}
	a.do("GET", "/partners/gb-dun-cpo", "", 404, nil)
	a.do("POST", "/partners/gb-dun-cpo/rotate", "", 404, nil)
	if works("chosen-token") {
		t.Error("a removed partner's token works")
	}
	for _, secret := range []string{added.Token, "chosen-token", adminToken} {
		if strings.Contains(a.logged.String(), secret) {
			t.Errorf("a secret was logged: %s", a.logged)
		}
	}
}

// A platform with several parties: roles come with its own token, or by its id.
func TestAdminRoles(t *testing.T) {
	a := newAdmin(t)
	var first, joined PartnerToken
	a.do("POST", "/partners", addDundee, 201, &first)
	a.do("POST", "/partners", `{"name":"ignored","token":"`+first.Token+`","roles":[{"role":"CPO","country_code":"GB","party_id":"PKC"}]}`, 200, &joined)
	if joined.Token != first.Token || joined.Partner.ID != "gb-dun-cpo" || joined.Partner.Name != "Dundee" || len(joined.Partner.Roles) != 2 || joined.Partner.Version != 2 {
		t.Errorf("joined: %+v", joined)
	}
	var changed Partner
	a.do("POST", "/partners/gb-dun-cpo/roles", `{"role":"emsp","country_code":"de","party_id":"emp"}`, 201, &changed, "If-Match", `"2"`, "Idempotency-Key", "role-1")
	want := []control.Role{control.NewRole("CPO", "GB", "DUN"), control.NewRole("CPO", "GB", "PKC"), control.NewRole("EMSP", "DE", "EMP")}
	if diff := cmp.Diff(want, changed.Roles); diff != "" {
		t.Error(diff)
	}
	a.do("POST", "/partners/gb-dun-cpo/roles", `{"role":"CPO","country_code":"GB","party_id":"ANG"}`, 409, nil, "If-Match", `"2"`)
	a.do("POST", "/partners/gb-dun-cpo/roles", `{"role":"CPO","country_code":"GB","party_id":"ANG"}`, 409, nil, "Idempotency-Key", "role-1")

	var failure struct{ Error rest.Error }
	a.do("POST", "/partners", `{"name":"Other","roles":[{"role":"CPO","country_code":"GB","party_id":"OTH"}]}`, 201, nil)
	for _, body := range []string{`{"name":"x","token":"` + first.Token + `","roles":[{"role":"CPO","country_code":"GB","party_id":"OTH"}]}`, `{"role":"CPO","country_code":"GB","party_id":"OTH"}`} {
		path := "/partners/gb-dun-cpo/roles"
		if strings.Contains(body, "token") {
			path = "/partners"
		}
		a.do("POST", path, body, 409, &failure)
		if failure.Error.Code != "conflict" || !strings.Contains(failure.Error.Message, "already belongs to partner gb-oth-cpo") {
			t.Errorf("another's role: %+v", failure)
		}
	}
	a.do("DELETE", "/partners/gb-dun-cpo/roles/EMSP/DE/EMP", "", 200, &changed)
	if len(changed.Roles) != 2 || changed.Version != 4 {
		t.Errorf("after the removal: %+v", changed)
	}
	a.do("DELETE", "/partners/gb-dun-cpo/roles/EMSP/DE/EMP", "", 404, nil)
	a.do("DELETE", "/partners/gb-dun-cpo/roles/CPO/GB/PKC", "", 409, nil, "If-Match", `"3"`)
}

func TestAdminKeys(t *testing.T) {
	a := newAdmin(t)
	a.do("POST", "/partners", addDundee, 201, nil)
	var added KeySecret
	a.do("POST", "/keys", `{"name":"finance","scopes":["finance:read"],"party":"GB/DUN"}`, 201, &added)
	k, ok := a.deps.Keys.Find("Bearer " + added.Secret)
	if !ok || k.ID != added.Key.ID || added.Key.Party != "GB*DUN" {
		t.Errorf("added %+v, found %+v", added, k)
	}
	var list KeyList
	a.do("GET", "/keys", "", 200, &list)
	if diff := cmp.Diff(KeyList{Keys: []Key{added.Key}}, list); diff != "" {
		t.Error(diff)
	}
	a.do("DELETE", "/keys/"+added.Key.ID, "", 204, nil)
	a.do("DELETE", "/keys/"+added.Key.ID, "", 404, nil)
	a.do("GET", "/keys", "", 200, &list)
	if len(list.Keys) != 0 || strings.Contains(a.logged.String(), added.Secret) {
		t.Errorf("keys %+v, log %s", list, a.logged)
	}
}

// A key that acts as a party is for one that a partner has in that role now.
func TestAdminKeysThatActAsAParty(t *testing.T) {
	a := newAdmin(t)
	a.do("POST", "/partners", addDundee, 201, nil)
	a.do("POST", "/partners", `{"name":"EMP","roles":[{"role":"EMSP","country_code":"SE","party_id":"EMP"}]}`, 201, nil)
	var added KeySecret
	a.do("POST", "/keys", `{"scopes":["app","helpdesk"],"party":"se/emp","expires":"90d"}`, 201, &added)
	k, ok := a.deps.Keys.Find("Bearer " + added.Secret)
	if !ok || k.Party.String() != "SE*EMP" || added.Key.Expires != k.Expires.String() {
		t.Errorf("added %+v, found %+v", added.Key, k)
	}
	if life := time.Duration(k.Expires - a.deps.Keys.Now()); life > 90*24*time.Hour || life < 89*24*time.Hour {
		t.Errorf("it lives %s, want 90 days", life)
	}
	a.do("POST", "/keys", `{"scopes":["cpo"],"party":"GB*DUN"}`, 201, nil)
	var failure struct{ Error rest.Error }
	for body, want := range map[string]string{
		`{"scopes":["app"],"party":"GB*DUN"}`:       "no partner is EMSP GB*DUN",
		`{"scopes":["cpo"],"party":"SE*EMP"}`:       "no partner is CPO SE*EMP",
		`{"scopes":["app","cpo"],"party":"SE*EMP"}`: "no partner is CPO SE*EMP",
	} {
		a.do("POST", "/keys", body, 400, &failure)
		if failure.Error.Field != "party" || !strings.Contains(failure.Error.Message, want) {
			t.Errorf("%s: %+v, want %s", body, failure.Error, want)
		}
	}
	a.do("DELETE", "/partners/gb-dun-cpo", "", 204, nil)
	a.do("POST", "/keys", `{"scopes":["cpo"],"party":"GB*DUN"}`, 400, nil)
}

func TestAdminRotatesAKey(t *testing.T) {
	a := newAdmin(t)
	var added, rotated, again KeySecret
	a.do("POST", "/keys", `{"scopes":["helpdesk"]}`, 201, &added)
	works := func(secret string) bool {
		_, ok := a.deps.Keys.Find("Bearer " + secret)
		return ok
	}
	a.do("POST", "/keys/"+added.Key.ID+"/rotate", "", 200, &rotated)
	if rotated.Key.ID != added.Key.ID || rotated.Secret == added.Secret || rotated.Key.RotationUntil == "" || !works(added.Secret) || !works(rotated.Secret) {
		t.Errorf("rotated: %+v; the old one works: %v", rotated, works(added.Secret))
	}
	a.do("POST", "/keys/"+added.Key.ID+"/rotate", `{"now":true,"expires":"2100-01-01T00:00:00Z"}`, 200, &again)
	if again.Key.RotationUntil != "" || again.Key.Expires != "2100-01-01T00:00:00Z" || works(added.Secret) || works(rotated.Secret) || !works(again.Secret) {
		t.Errorf("rotated at once: %+v", again)
	}
	if strings.Contains(a.logged.String(), again.Secret) {
		t.Error("the log tells a secret")
	}
}

// A key may be for a party whose partner was removed: its CDRs are still here.
func TestAdminKeyOfARemovedPartner(t *testing.T) {
	a := newAdmin(t)
	a.do("POST", "/partners", addDundee, 201, nil)
	a.do("DELETE", "/partners/gb-dun-cpo", "", 204, nil)
	a.do("POST", "/keys", `{"scopes":["finance:read"],"party":"GB*DUN"}`, 201, nil)
	a.do("POST", "/partners", `{"name":"Hub","roles":[{"role":"HUB","country_code":"DE","party_id":"HUB"}]}`, 201, nil)
	a.do("POST", "/keys", `{"scopes":["finance:read"],"party":"DE*HUB"}`, 201, nil)
	a.do("POST", "/partners/de-hub-hub/roles", `{"role":"CPO","country_code":"UK","party_id":"DUN"}`, 400, nil)
}

func TestAdminRefuses(t *testing.T) {
	a := newAdmin(t)
	tests := []struct {
		name, method, path, body string
		status                   int
		want                     string
	}{
		{"not JSON", "POST", "/partners", "{", 400, "not_json"},
		{"two values", "POST", "/partners", addDundee + "{}", 400, "not_json"},
		{"unknown member", "POST", "/partners", `{"nom":"Dundee"}`, 400, `"field":"nom","message":"no such member: nom;`},
		{"no role", "POST", "/partners", `{"name":"Dundee"}`, 422, "at least one role"},
		{"no name", "POST", "/partners", `{"roles":[{"role":"CPO","country_code":"GB","party_id":"DUN"}]}`, 422, "partner name"},
		{"unknown role", "POST", "/partners", `{"name":"D","roles":[{"role":"KING","country_code":"GB","party_id":"DUN"}]}`, 422, `want one of CPO, EMSP`},
		{"country", "POST", "/partners", `{"name":"D","roles":[{"role":"CPO","country_code":"GBR","party_id":"DUN"}]}`, 422, "country_code"},
		{"short token", "POST", "/partners", `{"name":"D","token":"short","roles":[{"role":"CPO","country_code":"GB","party_id":"DUN"}]}`, 422, "want 8 to 64"},
		{"encoding", "POST", "/partners", `{"name":"D","token_encoding":"rot13","roles":[{"role":"CPO","country_code":"GB","party_id":"DUN"}]}`, 422, "want auto, raw or base64"},
		{"too large", "POST", "/partners", `{"name":"` + strings.Repeat("x", api.DefaultMaxBody) + `"}`, 413, "too_large"},
		{"key without scope", "POST", "/keys", `{}`, 422, "finance:read"},
		{"key with unknown scope", "POST", "/keys", `{"scopes":["all"]}`, 422, "finance:read, finance:decide, finance:approve, app, cpo, helpdesk, ops:read"},
		{"app key of nobody", "POST", "/keys", `{"scopes":["app"]}`, 422, "bound to one party, of role EMSP"},
		{"CPO key of nobody", "POST", "/keys", `{"scopes":["cpo"]}`, 422, "bound to one party, of role CPO"},
		{"key that has ended", "POST", "/keys", `{"scopes":["helpdesk"],"expires":"2019-01-01T00:00:00Z"}`, 400, "past"},
		{"key that ends nowhere", "POST", "/keys", `{"scopes":["helpdesk"],"expires":"soon"}`, 400, `"field":"expires"`},
		{"key of no time", "POST", "/keys", `{"scopes":["helpdesk"],"expires":"0d"}`, 400, "such as 90d"},
		{"key for ever", "POST", "/keys", `{"scopes":["helpdesk"],"expires":"36501d"}`, 400, "at most 100 years"},
		{"key for ever and ever", "POST", "/keys", `{"scopes":["helpdesk"],"expires":"2200-01-01T00:00:00Z"}`, 400, "at most 100 years"},
		{"unknown key", "POST", "/keys/key-none/rotate", `{}`, 404, "there is no key"},
		{"key of no party", "POST", "/keys", `{"scopes":["finance:read"],"party":"Dundee"}`, 400, "such as GB/DUN"},
		{"key of an unknown party", "POST", "/keys", `{"scopes":["finance:read"],"party":"GB/DUM"}`, 400, "add the partner first"},
		{"key of a party in no country", "POST", "/keys", `{"scopes":["finance:read"],"party":"UK/DUN"}`, 400, "UK is no country"},
		{"partner in no country", "POST", "/partners", `{"name":"D","roles":[{"role":"CPO","country_code":"uk","party_id":"DUN"}]}`, 400, `"field":"roles[0].country_code"`},
		{"unknown profile", "POST", "/partners", `{"name":"D","profile":"STEP_TWICE","roles":[{"role":"CPO","country_code":"GB","party_id":"DUN"}]}`, 400, `"field":"profile"`},
		{"unknown path", "GET", "/nothing", "", 404, "not_found"},
		{"method", "PUT", "/partners", "{}", 405, "method_not_allowed"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a.t = t
			var raw json.RawMessage
			a.do(tt.method, tt.path, tt.body, tt.status, &raw)
			if !strings.Contains(string(raw), tt.want) {
				t.Errorf("got %s, want %s in it", raw, tt.want)
			}
		})
	}
	a.t = t
	a.do("DELETE", "/partners/x", "", 400, nil, "If-Match", "any")
	a.log.FailNext(ingest.ErrOverload)
	a.do("POST", "/partners", addDundee, 503, nil)
}

// A token that can be guessed opens nothing, an empty one least of all.
func TestAdminIsClosedWithoutAToken(t *testing.T) {
	a := newAdmin(t)
	for _, token := range []string{"", "short", "15-characters-x"} {
		e := api.NewEngine(slog.New(slog.DiscardHandler))
		deps := a.deps
		deps.Token = token
		Mount(e, deps)
		for _, header := range []string{"Bearer " + token, "Bearer", ""} {
			r := httptest.NewRequestWithContext(t.Context(), "GET", "/admin/v1/partners", nil)
			r.Header.Set("Authorization", header)
			w := httptest.NewRecorder()
			e.ServeHTTP(w, r)
			if w.Code != 401 {
				t.Errorf("token %q, header %q: HTTP %d", token, header, w.Code)
			}
		}
	}
}

func TestAdminNeedsItsToken(t *testing.T) {
	a := newAdmin(t)
	for _, header := range []string{"", "Bearer", "Bearer ", "Bearer wrong", "Token " + adminToken, adminToken, "Bearer  " + adminToken} {
		r := httptest.NewRequestWithContext(t.Context(), "GET", "/admin/v1/partners", nil)
		if header != "" {
			r.Header.Set("Authorization", header)
		}
		w := httptest.NewRecorder()
		a.handler.ServeHTTP(w, r)
		if w.Code != 401 || strings.Contains(w.Body.String(), "partners") {
			t.Errorf("header %q: HTTP %d %s", header, w.Code, w.Body)
		}
	}
}

func TestAdminBeforeTheLogIsFolded(t *testing.T) {
	log := ingesttest.NewLog(1)
	if _, err := log.Append(t.Context(), ingest.TopicControl, &ingest.Envelope{}, []byte("{}")); err != nil {
		t.Fatal(err)
	}
	deps, _ := newDeps(t, log, slog.New(slog.DiscardHandler))
	if w := ask(t, deps); w.Code != 503 || w.Header().Get("Retry-After") == "" {
		t.Errorf("HTTP %d", w.Code)
	}
}

func ask(t *testing.T, deps Deps) *httptest.ResponseRecorder {
	e := api.NewEngine(deps.Logger)
	Mount(e, deps)
	r := httptest.NewRequestWithContext(t.Context(), "GET", "/admin/v1/partners", nil)
	r.Header.Set("Authorization", "Bearer "+adminToken)
	w := httptest.NewRecorder()
	e.ServeHTTP(w, r)
	return w
}

// Until the upgrade nothing is decided, and the operator reads why.
func TestAdminAtAnEventOfANewerVersion(t *testing.T) {
	log := ingesttest.NewLog(1)
	event := []byte(`{"type":"moon.landed","v":1,"command":"x","at":1,"data":{}}`)
	if _, err := log.Append(t.Context(), ingest.TopicControl, &ingest.Envelope{}, event); err != nil {
		t.Fatal(err)
	}
	deps, m := newDeps(t, log, slog.New(slog.DiscardHandler))
	controltest.Run(t, m)
	if err := m.WaitReady(t.Context()); !errors.Is(err, control.ErrNotReady) {
		t.Fatalf("got %v", err)
	}
	if w := ask(t, deps); w.Code != 503 || !strings.Contains(w.Body.String(), `moon.landed`) {
		t.Errorf("HTTP %d %s", w.Code, w.Body)
	}
}
