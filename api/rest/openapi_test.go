package rest_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"context"
	"github.com/gin-gonic/gin"
	"github.com/roamclear/roamclear/api"
	"github.com/roamclear/roamclear/api/admin"
	"github.com/roamclear/roamclear/api/app/apptest"
	"github.com/roamclear/roamclear/api/report"
	"github.com/roamclear/roamclear/api/report/reporttest"
	"github.com/roamclear/roamclear/api/rest"
	"github.com/roamclear/roamclear/ingest/control"
	"github.com/roamclear/roamclear/ingest/control/controltest"
	"github.com/roamclear/roamclear/ingest/ingesttest"
	"github.com/roamclear/roamclear/ingest/messages/messagestest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement/clearing"
	"github.com/roamclear/roamclear/settlement/statement"
	"github.com/shopspring/decimal"
	"go.yaml.in/yaml/v3"
)

// contract is openapi.yaml as plain maps.
type contract struct{ root map[string]any }

func loadContract(t *testing.T) contract {
	t.Helper()
	b, err := os.ReadFile("openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var doc contract
	if err := yaml.Unmarshal(b, &doc.root); err != nil {
		t.Fatal(err)
	}
	return doc
}

// at walks to a node and follows a $ref there, keeping nothing beside it.
func (c contract) at(t *testing.T, node any, path ...string) any {
	t.Helper()
	for _, name := range path {
		m, ok := c.deref(t, node).(map[string]any)
		if !ok || m[name] == nil {
			t.Fatalf("openapi.yaml: no %q in %v", name, path)
		}
		node = m[name]
	}
	return c.deref(t, node)
}

func (c contract) deref(t *testing.T, node any) any {
	t.Helper()
	m, ok := node.(map[string]any)
	if !ok {
		return node
	}
	ref, ok := m["$ref"].(string)
	if !ok {
		return node
	}
	return c.at(t, c.root, strings.Split(strings.TrimPrefix(ref, "#/"), "/")...)
}

// mismatch says where a value does not have the shape of a schema: a missing
// or an undocumented member, another type, a pattern not met.
func (c contract) mismatch(t *testing.T, schema, value any, path string) string {
	t.Helper()
	s, _ := c.deref(t, schema).(map[string]any)
	if alternatives, ok := s["oneOf"].([]any); ok {
		for _, a := range alternatives {
			if c.mismatch(t, a, value, path) == "" {
				return ""
			}
		}
		return fmt.Sprintf("%s: %v is none of the alternatives", path, value)
	}
	if kinds := types(s["type"]); len(kinds) > 0 && !slices.Contains(kinds, kind(value)) {
		return fmt.Sprintf("%s: is %s, want %v", path, kind(value), kinds)
	}
	if pattern, ok := s["pattern"].(string); ok && !regexp.MustCompile(pattern).MatchString(fmt.Sprint(value)) {
		return fmt.Sprintf("%s: %v does not match %s", path, value, pattern)
	}
	if enum, ok := s["enum"].([]any); ok && !slices.Contains(enum, value) {
		return fmt.Sprintf("%s: %v is not in %v", path, value, enum)
	}
	switch v := value.(type) {
	case []any:
		for i, item := range v {
			if m := c.mismatch(t, s["items"], item, fmt.Sprintf("%s[%d]", path, i)); m != "" {
				return m
			}
		}
	case map[string]any:
		return c.memberMismatch(t, s, v, path)
	}
	return ""
}

func (c contract) memberMismatch(t *testing.T, s map[string]any, value map[string]any, path string) string {
	t.Helper()
	properties, _ := s["properties"].(map[string]any)
	required, _ := s["required"].([]any)
	for _, name := range required {
		if _, ok := value[name.(string)]; !ok {
			return fmt.Sprintf("%s: %s is required", path, name)
		}
	}
	for name, member := range value {
		property, ok := properties[name]
		if !ok && s["additionalProperties"] == true || properties == nil {
			continue
		}
		if !ok {
			return fmt.Sprintf("%s: %s is not documented", path, name)
		}
		if m := c.mismatch(t, property, member, path+"."+name); m != "" {
			return m
		}
	}
	return ""
}

func types(t any) []string {
	switch t := t.(type) {
	case string:
		return []string{t}
	case []any:
		var list []string
		for _, s := range t {
			list = append(list, s.(string))
		}
		return list
	}
	return nil
}

func kind(v any) string {
	switch v.(type) {
	case nil:
		return "null"
	case bool:
		return "boolean"
	case float64:
		return "integer"
	case string:
		return "string"
	case []any:
		return "array"
	}
	return "object"
}

// site is both interfaces on one engine, as the service mounts them.
type site struct {
	*gin.Engine
	store *reporttest.Store
}

const adminToken = "0123456789abcdef"

func newSite(t *testing.T, cdrs int) site {
	t.Helper()
	m, err := control.Open(t.Context(), ingesttest.NewLog(1), control.Options{})
	if err != nil {
		t.Fatal(err)
	}
	closes := clearing.NewCloses(m)
	deps := admin.Deps{
		Partners: control.NewPartners(m), Keys: control.NewKeys(m), Closes: closes,
		Agreements: clearing.NewAgreements(m, closes), Parties: clearing.NewParties(m), Token: adminToken, Closer: closer{}, Reasons: closer{}, Drafts: reporttest.NothingOpen{},
	}
	world := reporttest.World(cdrs)
	known := reporttest.Known(t)
	preflight := reporttest.Preflight(t, known)
	exchanged := rest.Messages{Log: messagestest.New(), CDR: world.CDR}
	deps.Messages = exchanged
	deps.Receipts, deps.Preflight = rest.Receipts{ReceiptStore: world}, preflight.Check
	controltest.Run(t, m)
	logger := slog.New(slog.DiscardHandler)
	s := site{api.NewEngine(logger, rest.Fallback("", logger)), world}
	deps.Logger = logger
	admin.Mount(s, deps)
	report.Mount(s, report.Deps{
		Reader: s.store, Reporter: reporttest.Reporter{}, Closes: closes, Clearing: report.Clearing{Closes: closes, Agreements: deps.Agreements, Parties: deps.Parties}, Logger: logger, Tariffs: known, Sessions: reporttest.KnownSessions(),
		Auth: func(c *gin.Context) (rest.Key, error) {
			if c.GetHeader("Authorization") != "Bearer all" {
				return rest.Key{}, rest.ErrNoKey
			}
			return rest.Key{Scopes: []string{rest.ScopeRead, rest.ScopeDecide, rest.ScopeApprove, rest.ScopeOps}}, nil
		},
		Closing:  rest.Closing{Closer: closer{}, Closes: closes, Partners: deps.Partners, Logger: logger},
		Receipts: deps.Receipts, Tokens: rest.Tokens{Known: deps.Partners}, Preflight: preflight, Messages: exchanged,
	})
	mountApp(t, s)
	return s
}

// mountApp mounts the simple calls of a world of their own.
func mountApp(t *testing.T, s site) {
	w := apptest.New(t)
	w.Example()
	for _, r := range w.Routes() {
		s.Handle(r.Method, r.Path, r.HandlerFunc)
	}
}

// ownSession matches the sessions that were started here; others are a CPO's.
var ownSession = regexp.MustCompile(`^/api/v1/sessions(\?|$|/[^/]+$|/[^/]+/(stop|explanation)$)`)

// mediaRef is the schema of a request's body, "" where it is none of ours.
func (c contract) mediaRef(operation map[string]any) string {
	media, _ := operation["requestBody"].(map[string]any)["content"].(map[string]any)["application/json"].(map[string]any)
	schema, _ := media["schema"].(map[string]any)
	ref, _ := schema["$ref"].(string)
	return ref
}

// credentials are those that a path wants.
func credentials(path string) string {
	switch {
	case strings.HasPrefix(path, "/admin/"):
		return "Bearer " + adminToken
	case strings.HasPrefix(path, "/api/v1/locations"), ownSession.MatchString(path):
		return "Bearer emp"
	}
	return "Bearer all"
}

// do sends a request with the credentials of its interface, "" for none.
func (s site) do(t *testing.T, method, path, body string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(body))
	r.Header.Set("Authorization", credentials(path))
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w
}

var ginParam = regexp.MustCompile(`[:*](\w+)`)

func TestEveryRouteIsDocumented(t *testing.T) {
	doc := loadContract(t)
	mounted := map[string]bool{}
	for _, r := range newSite(t, 1).Routes() {
		path := ginParam.ReplaceAllString(r.Path, "{$1}")
		mounted[r.Method+" "+path] = true
		if responses := doc.at(t, doc.root, "paths", path, strings.ToLower(r.Method), "responses").(map[string]any); !answersWell(responses) {
			t.Errorf("%s %s: no answer below 300 is documented", r.Method, path)
		}
	}
	for path, item := range doc.root["paths"].(map[string]any) {
		for method := range item.(map[string]any) {
			if method = strings.ToUpper(method); !mounted[method+" "+path] {
				t.Errorf("%s %s is documented but not mounted", method, path)
			}
		}
	}
}

func answersWell(responses map[string]any) bool {
	for status := range responses {
		if strings.HasPrefix(status, "2") {
			return true
		}
	}
	return false
}

// Each documented query parameter is accepted and no other is: the answer to
// an unknown one lists those that are known.
func TestParametersAreDocumented(t *testing.T) {
	doc := loadContract(t)
	s := newSite(t, 3)
	for path, item := range doc.root["paths"].(map[string]any) {
		if path == "/api/v1/openapi.yaml" || path == "/api/v1/docs" || strings.Contains(path, "{") || item.(map[string]any)["get"] == nil {
			continue
		}
		documented := []string{}
		if list, ok := item.(map[string]any)["get"].(map[string]any)["parameters"].([]any); ok {
			for _, p := range list {
				documented = append(documented, doc.at(t, p, "name").(string))
			}
		}
		var failure struct{ Error rest.Error }
		if err := json.Unmarshal(s.do(t, "GET", path+"?_=1", "").Body.Bytes(), &failure); err != nil {
			t.Fatal(err)
		}
		_, list, _ := strings.Cut(failure.Error.Message, "known are: ")
		known := strings.FieldsFunc(list, func(r rune) bool { return r == ',' || r == ' ' })
		slices.Sort(known)
		slices.Sort(documented)
		if !slices.Equal(known, documented) {
			t.Errorf("%s knows %v, documented are %v", path, known, documented)
		}
	}
}

// call sends a request and holds the answer against the schema of its route.
func (s site) call(t *testing.T, doc contract, method, path, template, body string, want int) {
	t.Helper()
	w := s.do(t, method, path, body)
	if w.Code != want {
		t.Fatalf("%s %s: status %d, want %d: %s", method, path, w.Code, want, w.Body)
	}
	if want == http.StatusNoContent {
		return
	}
	var value any
	if err := json.Unmarshal(w.Body.Bytes(), &value); err != nil {
		t.Fatal(err)
	}
	schema := doc.at(t, doc.root, "paths", template, strings.ToLower(method), "responses", fmt.Sprint(want), "content", "application/json", "schema")
	if m := doc.mismatch(t, schema, value, path); m != "" {
		t.Error(m)
	}
	if w.Header().Get("X-Request-Id") == "" {
		t.Errorf("%s %s: no request id", method, path)
	}
}

func TestReportsHaveTheDocumentedShape(t *testing.T) {
	doc := loadContract(t)
	s := newSite(t, 200)
	check := func(path, template string, want int) {
		t.Helper()
		s.call(t, doc, "GET", path, template, "", want)
	}
	check("/api/v1/reports/settlement?from=2019-01&to=2019-03", "/api/v1/reports/settlement", http.StatusOK)
	check("/api/v1/reports/settlement?from=2019-01&to=2019-03&open=true", "/api/v1/reports/settlement", http.StatusOK)
	check("/api/v1/reports/settlement?from=2019-01", "/api/v1/reports/settlement", http.StatusBadRequest)
	check("/api/v1/reports/causes?from=2019-01&to=2019-03", "/api/v1/reports/causes", http.StatusOK)
	check("/api/v1/rules", "/api/v1/rules", http.StatusOK)
	check("/api/v1/rules?pack=strict", "/api/v1/rules", http.StatusBadRequest)
	check("/api/v1/reports/causes?from=2019-01", "/api/v1/reports/causes", http.StatusBadRequest)
	for _, list := range []string{"cdrs", "rejects", "conflicts", "refusals", "tariffs"} {
		check("/api/v1/"+list, "/api/v1/"+list, http.StatusOK)
		check("/api/v1/"+list+"?x=1", "/api/v1/"+list, http.StatusBadRequest)
	}
	for i := range s.store.All {
		check("/api/v1"+report.CDRPath(s.store.All[i].Key), "/api/v1/cdrs/{country}/{party}/{id}", http.StatusOK)
	}
	check("/api/v1/cdrs/GB/DUN/nope", "/api/v1/cdrs/{country}/{party}/{id}", http.StatusNotFound)
	for i := range s.store.Conflicted {
		check("/api/v1"+report.ContentsPath(s.store.Conflicted[i].Key), "/api/v1/conflicts/{country}/{party}/{id}", http.StatusOK)
	}
	s.do(t, "POST", "/admin/v1/partners", `{"name":"D","roles":[{"role":"CPO","country_code":"GB","party_id":"DUN"}]}`)
	s.do(t, "POST", "/admin/v1/agreements", `{"cpo":"GB/DUN","from":"2019-01","values":{"owed":"lower","rule.age.effect":"note"}}`)
	s.do(t, "POST", "/admin/v1/parties", `{"party":"GB/DUN","from":"2019-01","values":{"name":"Dundee"}}`)
	check("/api/v1/periods/closing", "/api/v1/periods/closing", http.StatusOK)
	check("/api/v1/periods/requests", "/api/v1/periods/requests", http.StatusOK)
	check("/api/v1/periods/requests?period=2019-02", "/api/v1/periods/requests", http.StatusOK)
	check("/api/v1/periods/requests?x=1", "/api/v1/periods/requests", http.StatusBadRequest)
	for _, c := range []struct {
		path, body string
		want       int
	}{
		{"closes", `{"period":"2019-02"}`, 201}, {"closes", `{"period":"2019-01"}`, 200}, {"closes", `{"period":"2019-04"}`, 409}, {"closes", `{"period":"2019"}`, 400},
		{"requests", `{"period":"2019-02","cpo":"GB*DUN"}`, 201}, {"requests", `{"period":"2019-02","cpo":"GB*NOT"}`, 400}, {"requests", `{"period":"2019-01"}`, 200},
		{"approvals", `{"request":17}`, 201}, {"approvals", `{"request":18}`, 404}, {"approvals", `{"request":19}`, 409}, {"approvals", `{"request":-1}`, 400},
	} {
		s.call(t, doc, "POST", "/api/v1/periods/"+c.path, "/api/v1/periods/"+c.path, c.body, c.want)
	}
	check("/api/v1/agreements?emsp=NL*EXW&history=false", "/api/v1/agreements", http.StatusOK)
	check("/api/v1/agreements/terms?cpo=GB*DUN&at=2019-01", "/api/v1/agreements/terms", http.StatusOK)
	check("/api/v1/agreements/terms?at=2019", "/api/v1/agreements/terms", http.StatusBadRequest)
	check("/api/v1/parties?party=GB*DUN", "/api/v1/parties", http.StatusOK)
	check("/api/v1/parties/gb/dun?at=2019-01", "/api/v1/parties/{country}/{party}", http.StatusOK)
	check("/api/v1/parties/GB/NOT?at=2019-01", "/api/v1/parties/{country}/{party}", http.StatusNotFound)
	check("/api/v1/conflicts/GB/DUN/nope", "/api/v1/conflicts/{country}/{party}/{id}", http.StatusNotFound)
	check("/api/v1/sessions/GB/DUN/S-1", "/api/v1/sessions/{country}/{party}/{id}", http.StatusOK)
	check("/api/v1/tariffs?limit=1", "/api/v1/tariffs", http.StatusOK)
	for _, id := range []string{"GB/DUN/ODD", "GB/DUN/DAY-NIGHT", "NL/OPL/AC%2Ffast%202", "FR/PAR/TIERS"} {
		check("/api/v1/tariffs/"+id, "/api/v1/tariffs/{country}/{party}/{id}", http.StatusOK)
	}
}

func TestReceiptsHaveTheDocumentedShape(t *testing.T) {
	doc, s := loadContract(t), newSite(t, 200)
	s.do(t, "POST", "/admin/v1/partners", `{"name":"D","roles":[{"role":"CPO","country_code":"GB","party_id":"DUN"},{"role":"EMSP","country_code":"NL","party_id":"EXW"}]}`)
	for _, base := range []string{"/api/v1/receipts", "/admin/v1/receipts"} {
		for query, want := range map[string]int{
			"cpo=GB*DUN&from=2019-01-01&to=2019-03-31": 200, "cpo=GB*DUN&emsp=NL*EXW&from=2019-01-01&to=2019-01-31": 200, "cpo=gb/dun&emsp=unknown&from=2019-01-01&to=2019-01-31": 200,
			"from=2019-01-01&to=2019-03-31": 400, "cpo=GB*DUN&to=2019-03-31": 400, "cpo=GB*DUN&from=2019-01-01&to=2019-04-03": 400, "cpo=GB*DUN&from=2019-01-02&to=2019-01-01": 400,
			"cpo=GB*DUN&from=0001-01-01&to=0001-01-02": 400, "cpo=GB&from=2019-01-01&to=2019-01-01": 400,
		} {
			s.call(t, doc, "GET", base+"?"+query, base, "", want)
			s.call(t, doc, "GET", base+"/cdrs?"+query, base+"/cdrs", "", want)
		}
		s.call(t, doc, "GET", base+"/cdrs?cpo=GB*DUN&from=2019-01-01&to=2019-03-31&limit=5001", base+"/cdrs", "", 400)
		s.call(t, doc, "GET", base+"/cdrs?cpo=GB*DUN&from=2019-01-01&to=2019-03-31&cursor=x", base+"/cdrs", "", 400)
		for body, want := range map[string]int{
			`{"cpo":"GB*DUN","ids":["dun-10001","no"]}`: 200, `{"cpo":"GB*DUN","ids":[]}`: 400, `{"cpo":"GB","ids":["a"]}`: 400, `{"cpo":"GB*DUN","id":"a"}`: 400,
		} {
			s.call(t, doc, "POST", base+"/cdrs", base+"/cdrs", body, want)
		}
	}
	s.call(t, doc, "GET", "/admin/v1/receipts?cpo=GB*NOT&from=2019-01-01&to=2019-01-01", "/admin/v1/receipts", "", 400)
}

func TestMessagesHaveTheDocumentedShape(t *testing.T) {
	doc, s := loadContract(t), newSite(t, 200)
	for _, base := range []string{"/api/v1/messages", "/admin/v1/messages"} {
		s.call(t, doc, "GET", base, base, "", 200)
		var list rest.MessageList
		if err := json.Unmarshal(s.do(t, "GET", base, "").Body.Bytes(), &list); err != nil || len(list.Messages) != 4 {
			t.Fatalf("%s: %d messages, %v", base, len(list.Messages), err)
		}
		for _, m := range list.Messages {
			s.call(t, doc, "GET", base+"/"+m.ID, base+"/{id}", "", 200)
		}
		s.call(t, doc, "GET", base+"?partner=gb-dun-cpo&direction=in&from=2026-11-30&to=2026-11-30T13:00:00Z&status=failed&token_uid=04a1&limit=1", base, "", 200)
		s.call(t, doc, "GET", base+"?status=1", base, "", 400)
		s.call(t, doc, "GET", base+"?until=2026-11-30", base, "", 400)
		s.call(t, doc, "GET", base+"/x", base+"/{id}", "", 404)
	}
}

func TestPreflightsHaveTheDocumentedShape(t *testing.T) {
	doc, s := loadContract(t), newSite(t, 1)
	const location = `{"country_code":"FR","party_id":"PAR","id":"L1","publish":true,"address":"a","city":"b","country":"FRA","coordinates":{"latitude":"1.00000","longitude":"2.00000"},"time_zone":"Romance Standard Time","last_updated":"2019-01-01T00:00:00Z"}`
	const session = `{"country_code":"GB","party_id":"DUN","id":"S1","start_date_time":"2019-02-11T19:00:00Z","kwh":3.5,"cdr_token":{"country_code":"NL","party_id":"EXW","uid":"u","type":"RFID","contract_id":"c"},"auth_method":"WHITELIST",` +
		`"location_id":"L","evse_uid":"E","connector_id":"1","currency":"GBP","status":"ACTIVE","last_updated":"2019-02-11T19:30:00Z","charging_periods":[{"start_date_time":"2019-02-11T19:00:00Z","dimensions":[{"type":"ENERGY","volume":3.5}],"tariff_id":"DAY-NIGHT"}]}`
	const tariff = `{"country_code":"GB","party_id":"DUN","id":"T","currency":"GBP","elements":[{"price_components":[{"type":"ENERGY","price":0.2,"step_size":1}]}],"last_updated":"2019-01-01T00:00:00Z"}`
	for _, base := range []string{"/api/v1/check", "/admin/v1/check"} {
		for _, c := range []struct {
			query, body string
			want        int
		}{
			{"", reporttest.ChargedBody, 200}, {"?kind=cdr&party=GB*DUN", reporttest.ChargedBody, 200}, {"", strings.ReplaceAll(reporttest.ChargedBody, "DAY-NIGHT", "NONE"), 200},
			{"", strings.Replace(reporttest.ChargedBody, `"GB","party_id":"DUN"`, `"FR","party_id":"PAR"`, 1), 200}, {"", `{"total_energy":1}`, 200}, {"", `{`, 200},
			{"", location, 200}, {"", session, 200}, {"", strings.Replace(session, "DAY-NIGHT", "NONE", 1), 200}, {"", tariff, 200}, {"?kind=session", tariff, 200},
			{"", `{"id":"1"}`, 400}, {"?kind=token", tariff, 400}, {"?party=DUN", tariff, 400}, {"?x=1", tariff, 400},
		} {
			s.call(t, doc, "POST", base+c.query, base, c.body, c.want)
		}
	}
}

func TestPricesHaveTheDocumentedShape(t *testing.T) {
	doc, s := loadContract(t), newSite(t, 1)
	for id, want := range map[string]int{"S-1": 200, "S-2": 200, "S-3": 200, "S-9": 404} {
		s.call(t, doc, "GET", "/api/v1/sessions/GB/DUN/"+id, "/api/v1/sessions/{country}/{party}/{id}", "", want)
	}
	const known = `"tariff_id":{"country_code":"gb","party_id":"dun","id":"day-night"},"start":"2019-02-11T19:00:00Z","duration_s":7200`
	for body, want := range map[string]int{
		`{` + known + `,"energy_kwh":"20","time_zone":"Europe/London","reservation_s":60}`: 200,
		`{` + known + `}`: 200, `{"tariff_id":{"country_code":"GB","party_id":"DUN","id":"ODD"},"start":"2019-02-11T19:00:00Z","duration_s":60}`: 422, `{}`: 400, `[`: 400, "": 400,
	} {
		s.call(t, doc, "POST", "/api/v1/price", "/api/v1/price", body, want)
	}
	request := doc.at(t, doc.root, "components", "schemas", "PriceRequest", "properties").(map[string]any)
	for name := range request {
		w := s.do(t, "POST", "/api/v1/price", `{"`+name+`":null}`)
		if strings.Contains(w.Body.String(), "no such member") {
			t.Errorf("%s is documented but not known", name)
		}
	}
}

func TestAdminHasTheDocumentedShape(t *testing.T) {
	doc := loadContract(t)
	s := newSite(t, 1)
	const dundee = `{"name":"Dundee","roles":[{"role":"cpo","country_code":"gb","party_id":"dun"}]}`
	for _, c := range []struct {
		method, path, template, body string
		want                         int
	}{
		{"POST", "/partners", "", dundee, 201},
		{"POST", "/partners", "", dundee, 409},
		{"POST", "/partners", "", `{"name":"Dundee","roles":[]}`, 422},
		{"POST", "/partners", "", `{"nam":"Dundee"}`, 400},
		{"GET", "/partners", "", "", 200},
		{"GET", "/partners/gb-dun-cpo", "/partners/{id}", "", 200},
		{"GET", "/partners/nobody", "/partners/{id}", "", 404},
		{"POST", "/partners/gb-dun-cpo/roles", "/partners/{id}/roles", `{"role":"cpo","country_code":"gb","party_id":"pkc"}`, 201},
		{"POST", "/partners/gb-dun-cpo/roles", "/partners/{id}/roles", `{"role":"cpo","country_code":"gb","party_id":"pkc"}`, 409},
		{"POST", "/partners/gb-dun-cpo/roles", "/partners/{id}/roles", `{"role":"cpo","country_code":"gbr","party_id":"pkc"}`, 422},
		{"POST", "/partners/nobody/roles", "/partners/{id}/roles", `{"role":"cpo","country_code":"gb","party_id":"new"}`, 404},
		{"DELETE", "/partners/gb-dun-cpo/roles/cpo/gb/pkc", "/partners/{id}/roles/{role}/{country}/{party}", "", 200},
		{"DELETE", "/partners/gb-dun-cpo/roles/cpo/gb/pkc", "/partners/{id}/roles/{role}/{country}/{party}", "", 404},
		{"DELETE", "/partners/gb-dun-cpo/roles/cpo/gb/dun", "/partners/{id}/roles/{role}/{country}/{party}", "", 409},
		{"POST", "/partners/gb-dun-cpo/rotate", "/partners/{id}/rotate", "", 200},
		{"POST", "/partners/nobody/rotate", "/partners/{id}/rotate", "{}", 404},
		{"GET", "/partners", "", "", 200},
		{"POST", "/invitations", "", `{"name":"TNM","roles":[{"role":"cpo","country_code":"nl","party_id":"tnm"}],"ocpi_version":"2.1.1","counterparty":"DE/EMP"}`, 201},
		{"POST", "/invitations", "", dundee, 409},
		{"POST", "/invitations", "", `{"name":"TNM","roles":[],"ocpi_version":"2.2.1"}`, 422},
		{"POST", "/invitations", "", `{"name":"TNM","roles":[],"ocpi_version":"2.0"}`, 400},
		{"GET", "/partners/nl-tnm-cpo", "/partners/{id}", "", 200},
		{"POST", "/partners/nobody/pull", "/partners/{id}/pull", "", 404},
		{"POST", "/partners/nl-tnm-cpo/pull", "/partners/{id}/pull", "", 502},
		{"GET", "/partners/nl-tnm-cpo/pull", "/partners/{id}/pull", "", 404},
		{"POST", "/connections", "", `{"url":"https://tnm.example/versions","token":"a-token-of-theirs"}`, 502},
		{"POST", "/connections", "", `{"url":"https://tnm.example/versions","token":"short"}`, 422},
		{"POST", "/connections", "", `{"url":"https://tnm.example/versions","token":"a-token-of-theirs","ocpi_version":"2.0"}`, 400},
		{"PUT", "/partners/gb-dun-cpo/policies/too_long", "/partners/{id}/policies/{kind}", `{"policy":"refuse"}`, 200},
		{"PUT", "/partners/gb-dun-cpo/policies/Too%20Long", "/partners/{id}/policies/{kind}", `{"policy":"refuse"}`, 400},
		{"PUT", "/partners/gb-dun-cpo/policies/too_long", "/partners/{id}/policies/{kind}", `{"policy":"ignore"}`, 422},
		{"PUT", "/partners/nobody/policies/too_long", "/partners/{id}/policies/{kind}", `{"policy":"refuse"}`, 404},
		{"PUT", "/partners/gb-dun-cpo/list_by", "/partners/{id}/list_by", `{"list_by":"received"}`, 200},
		{"PUT", "/partners/gb-dun-cpo/list_by", "/partners/{id}/list_by", `{"list_by":"created"}`, 422},
		{"PUT", "/partners/nobody/list_by", "/partners/{id}/list_by", `{"list_by":"received"}`, 404},
		{"PUT", "/partners/gb-dun-cpo/certificate_required", "/partners/{id}/certificate_required", `{"required":true}`, 409},
		{"POST", "/partners/gb-dun-cpo/certificates", "/partners/{id}/certificates", `{"subject":"CN=dundee,O=D"}`, 201},
		{"POST", "/partners/gb-dun-cpo/certificates", "/partners/{id}/certificates", `{"subject":"O=D,CN=dundee"}`, 409},
		{"POST", "/partners/gb-dun-cpo/certificates", "/partners/{id}/certificates", `{"fingerprint":"5f"}`, 400},
		{"POST", "/partners/gb-dun-cpo/certificates", "/partners/{id}/certificates", `{}`, 400},
		{"POST", "/partners/nobody/certificates", "/partners/{id}/certificates", `{"subject":"CN=x"}`, 404},
		{"GET", "/partners/gb-dun-cpo/certificates", "/partners/{id}/certificates", "", 200},
		{"GET", "/partners/nobody/certificates", "/partners/{id}/certificates", "", 404},
		{"PUT", "/partners/gb-dun-cpo/certificate_required", "/partners/{id}/certificate_required", `{"required":true}`, 200},
		{"DELETE", "/partners/gb-dun-cpo/certificates/CN=dundee,O=D", "/partners/{id}/certificates/{certificate}", "", 409},
		{"DELETE", "/partners/gb-dun-cpo/certificates/CN=x", "/partners/{id}/certificates/{certificate}", "", 404},
		{"DELETE", "/partners/gb-dun-cpo/certificates/x", "/partners/{id}/certificates/{certificate}", "", 400},
		{"POST", "/pairs", "", `{"cpo":"NL/TNM","emsp":"DE*EMP"}`, 201},
		{"POST", "/pairs", "", `{"cpo":"NL/TNM","emsp":"DE*EMP"}`, 409},
		{"POST", "/pairs", "", `{"cpo":"TNM","emsp":"DE*EMP"}`, 400},
		{"GET", "/pairs", "", "", 200},
		{"DELETE", "/pairs/NL%2FTNM/DE%2FEMP", "/pairs/{cpo}/{emsp}", "", 204},
		{"DELETE", "/pairs/NL*TNM/DE*EMP", "/pairs/{cpo}/{emsp}", "", 404},
		{"DELETE", "/pairs/TNM/DE*EMP", "/pairs/{cpo}/{emsp}", "", 400},
		{"POST", "/grants", "", `{"cpo":"NL/TNM","scsp":"NL*SMA"}`, 201},
		{"POST", "/grants", "", `{"cpo":"NL/TNM","scsp":"NL*SMA"}`, 409},
		{"POST", "/grants", "", `{"cpo":"TNM","scsp":"NL*SMA"}`, 400},
		{"GET", "/grants", "", "", 200},
		{"DELETE", "/grants/NL%2FTNM/NL%2FSMA", "/grants/{cpo}/{scsp}", "", 204},
		{"DELETE", "/grants/NL*TNM/NL*SMA", "/grants/{cpo}/{scsp}", "", 404},
		{"DELETE", "/grants/TNM/NL*SMA", "/grants/{cpo}/{scsp}", "", 400},
		{"GET", "/partners", "", "", 200},
		{"POST", "/keys", "", `{"scopes":["finance:read"],"party":"GB/DUN"}`, 201},
		{"POST", "/keys", "", `{"scopes":["finance:read"],"party":"DUN"}`, 400},
		{"POST", "/keys", "", `{"scopes":[]}`, 422},
		{"POST", "/keys", "", `{"scopes":["helpdesk"],"expires":"90d"}`, 201},
		{"POST", "/keys", "", `{"scopes":["app"],"party":"GB/DUN"}`, 400},
		{"POST", "/keys/nothing/rotate", "/keys/{id}/rotate", "", 404},
		{"POST", "/keys/nothing/certificates", "/keys/{id}/certificates", `{"fingerprint":"` + strings.Repeat("ab", 32) + `"}`, 404},
		{"POST", "/keys/nothing/certificates", "/keys/{id}/certificates", `{"fingerprint":"ab"}`, 400},
		{"DELETE", "/keys/nothing/certificates/" + strings.Repeat("ab", 32), "/keys/{id}/certificates/{certificate}", "", 404},
		{"DELETE", "/keys/nothing/certificates/ab", "/keys/{id}/certificates/{certificate}", "", 400},
		{"POST", "/keys/nothing/rotate", "/keys/{id}/rotate", `{"expires":"soon"}`, 400},
		{"GET", "/keys", "", "", 200},
		{"GET", "/keys?x=1", "/keys", "", 400},
		{"DELETE", "/keys/nothing", "/keys/{id}", "", 404},
		{"POST", "/periods", "", `{"month":"2019-01"}`, 201},
		{"POST", "/periods", "", `{"month":"2019"}`, 400},
		{"GET", "/periods", "", "", 200},
		{"POST", "/periods/begins", "", `{"cpo":"GB/DUN","month":"2019-03"}`, 201},
		{"POST", "/periods/begins", "", `{"cpo":"GB/DUN","month":"2019-03"}`, 409},
		{"POST", "/periods/begins", "", `{"emsp":"GB/DUN","month":"2019-03"}`, 400},
		{"POST", "/periods/closes", "", `{"period":"2019-02"}`, 201},
		{"POST", "/periods/closes", "", `{"period":"2019-01"}`, 200},
		{"POST", "/periods/closes", "", `{"period":"2019-03","undecided":"keep"}`, 400},
		{"POST", "/periods/closes", "", `{"period":"2019"}`, 400},
		{"POST", "/periods/closes", "", `{"period":"2019-04"}`, 409},
		{"POST", "/periods/requests", "", `{"period":"2019-02"}`, 201},
		{"POST", "/periods/requests", "", `{"period":"2019-01"}`, 200},
		{"POST", "/periods/requests", "", `{"period":"2019-04"}`, 409},
		{"GET", "/periods/closing", "", "", 200},
		{"POST", "/periods/approvals", "", `{"request":17}`, 201},
		{"POST", "/periods/approvals", "", `{"request":18}`, 404},
		{"POST", "/periods/approvals", "", `{"request":19}`, 409},
		{"POST", "/periods/approvals", "", `{}`, 400},
		{"POST", "/statements/reasons", "", `{"cpo":"GB*DUN","emsp":"NL*EXW","period":"2019-02","currency":"EUR","lines":[{"cdr":"GB*DUN*C1","ours":true,"theirs":"7.5"},{"cdr":"GB*DUN*C2","ours":true,"theirs":null}]}`, 200},
		{"POST", "/statements/reasons", "", `{"cpo":"GB*DUN","emsp":"NL*EXW","period":"2019-02","currency":"EUR","lines":[{"cdr":"NL*TNM*C1","ours":true,"theirs":"7.5"}]}`, 400},
		{"POST", "/statements/reasons", "", `{"cpo":"GB*DUN","emsp":"NL*EXW","period":"2019-02","currency":"EUR","lines":[{"cdr":"GB*DUN*C1","ours":true,"theirs":"1e9"}]}`, 400},
		{"POST", "/statements/reasons", "", `{"cpo":"GB*DUN","period":"2019-02","currency":"EUR","lines":[]}`, 400},
		{"GET", "/periods", "", "", 200},
		{"POST", "/agreements", "", `{"cpo":"GB/DUN","from":"2019-03","values":{"owed":"lower","zone":null,"tax.category":"standard","tax.rate":"20"}}`, 201},
		{"POST", "/agreements", "", `{"from":"2019-03","values":{"four_eyes":"true"}}`, 201},
		{"POST", "/agreements", "", `{"cpo":"GB/DUN","from":"2019-02","values":{"owed":"lower"}}`, 409},
		{"POST", "/agreements", "", `{"cpo":"GB/DUN","from":"2019-03","values":{"owed":"most"}}`, 400},
		{"POST", "/agreements", "", `{"cpo":"GB/DUN","from":"2019-03","values":{}}`, 422},
		{"POST", "/agreements", "", `{"cpo":"GB/NOT","from":"2019-03","values":{"owed":"lower"}}`, 400},
		{"GET", "/agreements", "", "", 200},
		{"GET", "/agreements?cpo=GB*DUN&history=true", "/agreements", "", 200},
		{"GET", "/agreements?cpo=DUN", "/agreements", "", 400},
		{"GET", "/agreements/terms?cpo=GB*DUN&at=2019-04", "/agreements/terms", "", 200},
		{"GET", "/agreements/terms?cpo=GB*DUN", "/agreements/terms", "", 400},
		{"POST", "/parties", "", `{"party":"GB/DUN","from":"2019-03","values":{"name":"Dundee City Council","vat_id":null}}`, 201},
		{"POST", "/parties", "", `{"party":"GB/DUN","from":"2019-03","values":{"iban":"GB00"}}`, 400},
		{"POST", "/parties", "", `{"party":"GB/DUN","from":"2019-03","values":{"addressee":"GB/DUN"}}`, 409},
		{"POST", "/parties", "", `{"party":"GB/DUN","from":"2019-03"}`, 422},
		{"GET", "/parties", "", "", 200},
		{"GET", "/parties?party=DUN", "/parties", "", 400},
		{"GET", "/parties/GB/DUN?at=2019-03", "/parties/{country}/{party}", "", 200},
		{"GET", "/parties/GB/DUN", "/parties/{country}/{party}", "", 400},
		{"GET", "/parties/GB/NOT?at=2019-03", "/parties/{country}/{party}", "", 400},
		{"DELETE", "/partners/gb-dun-cpo", "/partners/{id}", "", 204},
	} {
		if c.template == "" {
			c.template = c.path
		}
		s.call(t, doc, c.method, "/admin/v1"+c.path, "/admin/v1"+c.template, c.body, c.want)
	}
}

// Whatever a body can be refused for is documented with the route, and each code
// that is answered stands in the document.
func TestRefusedBodiesAreDocumented(t *testing.T) {
	doc := loadContract(t)
	s := newSite(t, 1)
	s.do(t, "POST", "/admin/v1/partners", `{"name":"D","roles":[{"role":"CPO","country_code":"GB","party_id":"DUN"}]}`)
	for path, item := range doc.root["paths"].(map[string]any) {
		operation, ok := item.(map[string]any)["post"].(map[string]any)
		if !ok || operation["requestBody"] == nil {
			continue
		}
		if doc.mediaRef(operation) == "" {
			continue // a body of OCPI, which is read as it is over OCPI
		}
		url := strings.ReplaceAll(path, "{id}", "gb-dun-cpo")
		for _, tt := range []struct {
			body, encoding string
			status         int
			code, field    string
		}{
			{"{", "", 400, "not_json", ""},
			{`{"no_such":1}`, "", 400, "invalid_parameter", "no_such"},
			{`{"name":"a","x-y":{"z":1}}`, "", 400, "invalid_parameter", ""},
			{`{"` + strings.Repeat("x", 300<<10) + `":1}`, "", 413, "too_large", ""},
			{"{}", "br", 415, "unsupported_encoding", ""},
		} {
			r := httptest.NewRequestWithContext(t.Context(), "POST", url, strings.NewReader(tt.body))
			r.Header.Set("Authorization", credentials(path))
			if tt.encoding != "" {
				r.Header.Set("Content-Encoding", tt.encoding)
			}
			w := httptest.NewRecorder()
			s.ServeHTTP(w, r)
			var failure struct{ Error rest.Error }
			if err := json.Unmarshal(w.Body.Bytes(), &failure); err != nil {
				t.Fatal(err)
			}
			e := failure.Error
			if w.Code != tt.status || e.Code != tt.code || tt.field != "" && (e.Field != tt.field || !strings.Contains(e.Message, tt.field)) {
				t.Errorf("POST %s %.30s: HTTP %d %+v, want %d %s of %q", path, tt.body, w.Code, e, tt.status, tt.code, tt.field)
			}
			if operation["responses"].(map[string]any)[fmt.Sprint(w.Code)] == nil {
				t.Errorf("POST %s: HTTP %d is not documented", path, w.Code)
			}
		}
	}
}

// A nested member is named with its path.
func TestUnknownMembersAreNamed(t *testing.T) {
	s := newSite(t, 1)
	for _, tt := range []struct{ path, body, field string }{
		{"/admin/v1/partners", `{"name":"D","roles":[{"role":"CPO","country":"GB","party_id":"DUN"}]}`, "roles.0.country"},
		{"/admin/v1/partners", `{"name":"D","rolls":[]}`, "rolls"},
		{"/admin/v1/partners", `{"Name":"D","roles":[]}`, "Name"},
		{"/admin/v1/partners/x/rotate", `{"immediately":true}`, "immediately"},
		{"/admin/v1/partners/x/roles", `{"role":"CPO","country_code":"GB","party":"DUN"}`, "party"},
		{"/admin/v1/keys", `{"scope":"finance:read"}`, "scope"},
		{"/admin/v1/periods", `{"month":"2019-01","force":true}`, "force"},
	} {
		w := s.do(t, "POST", tt.path, tt.body)
		var failure struct{ Error rest.Error }
		if err := json.Unmarshal(w.Body.Bytes(), &failure); err != nil {
			t.Fatal(err)
		}
		if e := failure.Error; w.Code != 400 || e.Code != "invalid_parameter" || e.Field != tt.field || !strings.Contains(e.Message, "no such member: "+tt.field) {
			t.Errorf("POST %s %s: HTTP %d %+v, want %s named", tt.path, tt.body, w.Code, e, tt.field)
		}
	}
}

// Every code that the sources answer with stands in the document, and no other.
func TestErrorCodesAreDocumented(t *testing.T) {
	doc := loadContract(t)
	listed := []string{}
	for _, c := range doc.at(t, doc.root, "components", "schemas", "Failure", "properties", "error", "properties", "code", "enum").([]any) {
		listed = append(listed, c.(string))
	}
	answered := []string{"not_acceptable", "missing_scope", "party_restricted", "unpriceable", "unauthorized", "invalid_parameter", api.KindPeer.Code(), api.KindTooOften.Code(), "too_many_locations", "unknown_location",
		"unknown_evse", "unknown_connector", "unknown_command", "not_startable", "cpo_not_connected", "foreign_token", "idempotency_mismatch", "already_over", "not_capable", "not_active", "not_supported"}
	for kind := api.KindInternal; kind <= api.KindUnavailable; kind++ {
		if kind != api.KindOverload { // told as unavailable
			answered = append(answered, kind.Code())
		}
	}
	slices.Sort(listed)
	slices.Sort(answered)
	if answered = slices.Compact(answered); !slices.Equal(listed, answered) {
		t.Errorf("documented are %v, answered %v", listed, answered)
	}
}

// What no route answers has the same shape, wherever it was asked for.
func TestEveryErrorHasOneShape(t *testing.T) {
	doc := loadContract(t)
	s := newSite(t, 1)
	for method, path := range map[string]string{"GET": "/api/v1/nowhere", "DELETE": "/api/v1/cdrs", "PUT": "/admin/v1/partners", "POST": "/admin/v1/nowhere"} {
		w := s.do(t, method, path, "")
		var value any
		if err := json.Unmarshal(w.Body.Bytes(), &value); err != nil {
			t.Fatalf("%s %s: HTTP %d %s: %v", method, path, w.Code, w.Body, err)
		}
		if m := doc.mismatch(t, map[string]any{"$ref": "#/components/schemas/Failure"}, value, path); m != "" {
			t.Error(m)
		}
	}
}

func TestContractIsServedToAll(t *testing.T) {
	s := newSite(t, 1)
	w := httptest.NewRecorder()
	s.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "GET", "/api/v1/openapi.yaml", nil))
	if w.Code != http.StatusOK || !strings.HasPrefix(w.Body.String(), "openapi: 3.1.0\n") {
		t.Errorf("status %d: %.40s", w.Code, w.Body)
	}
}

// The check of shapes must be able to fail.
func TestMismatchIsSeen(t *testing.T) {
	doc := loadContract(t)
	schema := map[string]any{"$ref": "#/components/schemas/Tax"}
	for _, tc := range []struct{ value, want string }{
		{`{"name":"VAT","percentage":"20","amount":"1.20"}`, ""},
		{`{"name":"VAT","percentage":null,"amount":"1.20"}`, ""},
		{`{"name":"VAT","percentage":"20"}`, "tax: amount is required"},
		{`{"name":"VAT","percentage":"20","amount":1.2}`, "tax.amount: is integer, want [string]"},
		{`{"name":"VAT","percentage":"20","amount":"1.2"}`, `tax.amount: 1.2 does not match ^-?[0-9]+\.[0-9]{2,}$`},
		{`{"name":"VAT","percentage":"20","amount":"1.20","x":1}`, "tax: x is not documented"},
	} {
		var value any
		if err := json.Unmarshal([]byte(tc.value), &value); err != nil {
			t.Fatal(err)
		}
		if got := doc.mismatch(t, schema, value, "tax"); got != tc.want {
			t.Errorf("%s: %q, want %q", tc.value, got, tc.want)
		}
	}
}

// closer closes February; January was, and April has not ended.
type closer struct{}

func (closer) Close(_ context.Context, r statement.CloseRequest) (*statement.CloseResult, error) {
	a := clearing.Attempt{Period: r.Period}
	switch r.Period {
	case 201901:
		return nil, &statement.UndecidedError{Period: r.Period, Count: 1, List: []statement.Undecided{{Ground: "unpriced", CPO: ocpi.NewParty("GB", "DUN"), Currency: "EUR", Count: 1}}}
	case 201904:
		return nil, &statement.EndedError{Period: r.Period, Zone: "UTC"}
	}
	c := clearing.Closing{NewClosing: clearing.NewClosing{Attempt: a, Lines: 3, Net: map[string]decimal.Decimal{"EUR": decimal.NewFromInt(7)}, Statements: []clearing.Creditor{{CPO: ocpi.NewParty("GB", "DUN"), Count: 1}}}, Firsts: []int64{1}, At: r.Now, Offset: 9}
	if r.Request {
		return &statement.CloseResult{Request: &clearing.Request{NewClosing: c.NewClosing, Offset: 17}}, nil
	}
	return &statement.CloseResult{Closing: &c}, nil
}

// Explain knows nothing.
func (closer) Explain(_ context.Context, _ statement.Query, list []statement.Unlike) (explained []statement.Explained, err error) {
	for _, u := range list {
		explained = append(explained, statement.Explained{Unlike: u, Reasons: []statement.Reason{{Code: statement.NotKnown, Text: "nothing that is known here says why"}}})
	}
	return explained, nil
}

// Underway is a close of March.
func (closer) Underway() *rest.Underway {
	return &rest.Underway{Period: 201903, CloseProgress: statement.CloseProgress{Stage: statement.StageDrawing, Statements: 2, Lines: 40}}
}

// Approve knows one request, and one that it has lost.
func (closer) Approve(_ context.Context, a statement.Approval) (*statement.CloseResult, error) {
	switch a.Record {
	case 17:
		c := clearing.Closing{NewClosing: clearing.NewClosing{Attempt: clearing.Attempt{Period: 201902}, Requested: &clearing.Requested{Record: 17, By: "key-1"}, By: a.By}, Offset: 20}
		return &statement.CloseResult{Closing: &c}, nil
	case 19:
		return nil, &statement.LostError{Request: &clearing.Request{Offset: 19}, Err: errors.New("a line")}
	}
	return nil, &clearing.NotClosed{Why: clearing.NoRequest, Record: a.Record}
}
