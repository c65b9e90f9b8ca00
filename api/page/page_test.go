package page_test

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/google/go-cmp/cmp"
	"github.com/roamclear/roamclear/api/page"
	"github.com/roamclear/roamclear/api/report"
	"github.com/roamclear/roamclear/api/report/reporttest"
	"github.com/roamclear/roamclear/api/rest"
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ingest/control"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement"
	"github.com/roamclear/roamclear/settlement/clearing"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func TestMain(m *testing.M) {
	gin.SetMode(gin.TestMode)
	os.Exit(m.Run())
}

// apiKeys signs in with the test's API keys. A session ends when it says so.
type apiKeys struct{}

func (apiKeys) SignIn(_ *http.Request, apiKey string, until time.Time) (string, rest.Key, error) {
	key, err := allowed(apiKey)
	return fmt.Sprintf("%s.%d", strings.ToUpper(apiKey), until.Unix()), key, err
}

func (apiKeys) Session(_ *http.Request, session string, now time.Time) (rest.Key, error) {
	name, until, _ := strings.Cut(session, ".")
	if end, err := strconv.ParseInt(until, 10, 64); err != nil || now.Unix() >= end {
		return rest.Key{}, rest.ErrNoKey
	}
	return allowed(strings.ToLower(name))
}

func allowed(apiKey string) (rest.Key, error) {
	scopes := []string{rest.ScopeRead}
	switch apiKey {
	case "all":
		return rest.Key{Scopes: scopes}, nil
	case "approves":
		return rest.Key{ID: "key-8", Name: "Head of finance", Scopes: []string{rest.ScopeRead, rest.ScopeApprove}}, nil
	case "decides":
		return rest.Key{ID: "key-7", Name: "Finance", Scopes: []string{rest.ScopeRead, rest.ScopeDecide}}, nil
	case "volt":
		return rest.Key{Scopes: scopes, Party: ocpi.NewParty("DE", "VOL")}, nil
	case "emp":
		return rest.Key{Scopes: []string{control.ScopeApp}, Party: ocpi.NewParty("SE", "EMP")}, nil
	case "other-scope":
		return rest.Key{Scopes: []string{"admin:write"}}, nil
	}
	return rest.Key{}, fmt.Errorf("look up key: %w", rest.ErrNoKey)
}

// found is what partners do that OCPI does not have.
func found() *ingest.Tally {
	t := &ingest.Tally{}
	at := ocpi.TimeOf(time.Date(2019, 2, 3, 4, 5, 6, 0, time.UTC))
	t.Note("nl-tnm-cpo", "/ocpi/2.2.1/receiver/cdrs/", at, ocpi.Finding{Code: "trailing_slash", Detail: "a slash more"})
	t.Note("nl-tnm-cpo", "cdr NL*TNM*<1>", at, ocpi.Finding{Code: "too_long", Severity: ocpi.Warning, Path: "id", Detail: "more than 39 characters"})
	t.Note("another", "cdr NL*TNM*1", at, ocpi.Finding{Code: "missing_field"})
	return t
}

// late has one CDR for whoever asks.
type late struct{}

func (late) LateCDRs(context.Context, []ocpi.Party) (settlement.LateCDRs, error) {
	return settlement.LateCDRs{Count: 1, Last: ocpi.TimeOf(time.Date(2019, 2, 3, 4, 5, 6, 0, time.UTC))}, nil
}

// known are partners in each stage of registration.
type known struct{}

func (known) All() []*control.Partner {
	tnm, emp := control.NewRole("CPO", "NL", "TNM"), control.NewRole("EMSP", "DE", "EMP")
	token := []control.Token{{}}
	return []*control.Partner{
		{ID: "de-emp-emsp", Name: "<b>E-Mobility Provider</b>", Roles: []control.Role{emp}, Tokens: token, Invitation: &control.Invitation{Until: ocpi.Time(1_550_000_000_000_000_000)}},
		{ID: "gb-dun-cpo", Name: "Dundee City Council", Roles: []control.Role{control.NewRole("CPO", "GB", "DUN"), control.NewRole("CPO", "GB", "PKC")}, Tokens: token},
		{
			ID: "nl-tnm-cpo", Name: "The new motion", Roles: []control.Role{tnm}, Pending: []control.Role{control.NewRole("EMSP", "NL", "TNM")}, Tokens: token,
			Counterparty: emp.Party(), Refuses: []string{"missing_field", "too_long"}, ByReceived: true, Peer: &control.Peer{Version: ocpi.V211, URL: "https://tnm.example/ocpi/versions"},
		},
		{ID: "se-oth-other", Name: "Gone", Roles: []control.Role{control.NewRole("OTHER", "SE", "OTH")}},
	}
}

func (k known) Find(id string) (*control.Partner, bool) {
	all := k.All()
	i := slices.IndexFunc(all, func(p *control.Partner) bool { return p.ID == id })
	if i < 0 {
		return nil, false
	}
	return all[i], true
}

// Absent are what lists lacked.
func (known) Absent(id string) []control.Absence {
	if id != "nl-tnm-cpo" {
		return nil
	}
	at := ocpi.TimeOf(time.Date(2019, 2, 3, 5, 0, 0, 0, time.UTC))
	return []control.Absence{{Module: "locations", Count: 120, IDs: []string{"NL*TNM*L1", "NL*TNM*<L2>"}, Since: at, Last: at}}
}

// Noted is what was found before.
func (known) Noted(id string) []ingest.Found {
	at := ocpi.TimeOf(time.Date(2018, 12, 3, 5, 0, 0, 0, time.UTC))
	return []ingest.Found{{Finding: ocpi.Finding{Code: "raw_token", Severity: ocpi.Warning, Detail: "found before"}, Count: 3, First: at, Last: at}}
}

// site is the page over a store, with what it logs.
type site struct {
	http.Handler
	log    *bytes.Buffer
	closer *closer // of months
	agreed report.Clearing
}

func newSite(store settlement.Reader, open bool) site {
	return agreedSite(store, open, report.Clearing{})
}

// agreedSite is newSite where something is agreed.
func agreedSite(store settlement.Reader, open bool, agreed report.Clearing) site {
	return reportedSite(store, open, agreed, nil)
}

// reportedSite is agreedSite where somebody tells what became of CDRs.
func reportedSite(store settlement.Reader, open bool, agreed report.Clearing, reporter report.Reporter) site {
	var log bytes.Buffer
	engine := gin.New()
	engine.UseEscapedPath = true
	engine.UnescapePathValues = false
	page.Mount(engine, page.Deps{Reader: store, Reporter: reporter, Closes: reporttest.January, Clearing: agreed, Partners: known{}, Found: found(), Late: late{}, Keys: apiKeys{}, Open: open, Logger: slog.New(slog.NewTextHandler(&log, nil))})
	return site{Handler: engine, log: &log}
}

// do sends a request from this machine, signed in with key unless it is "".
func (s site) do(t testing.TB, method, target, key string, form url.Values, header ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, "http://localhost:8080"+target, strings.NewReader(form.Encode()))
	r.RemoteAddr = "127.0.0.1:40000"
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
		if header[i] == "Host" {
			r.Host = header[i+1]
		}
	}
	if key != "" {
		r.AddCookie(s.cookie(t, key))
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w
}

// cookie signs in and returns the cookie.
func (s site) cookie(t testing.TB, key string) *http.Cookie {
	t.Helper()
	w := s.do(t, http.MethodPost, "/sign-in", "", url.Values{"key": {key}})
	if w.Code != http.StatusSeeOther || len(w.Result().Cookies()) != 1 {
		t.Fatalf("sign in with %q: status %d", key, w.Code)
	}
	return w.Result().Cookies()[0]
}

func (s site) get(t testing.TB, target, key string, header ...string) *httptest.ResponseRecorder {
	t.Helper()
	return s.do(t, http.MethodGet, target, key, nil, header...)
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v; go test -update writes it", err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s differs (-want +got); go test -update rewrites it:\n%s", path, diff)
	}
}

// content is what stands in a page's main element.
func content(t *testing.T, w *httptest.ResponseRecorder) string {
	t.Helper()
	_, rest, ok := strings.Cut(w.Body.String(), "<main")
	main, _, end := strings.Cut(rest, "</main>")
	if !ok || !end {
		t.Fatalf("status %d, no main element:\n%s", w.Code, w.Body)
	}
	return "<main" + main + "</main>\n"
}

func TestGolden(t *testing.T) {
	s := newSite(reporttest.World(60), false)
	for _, tc := range []struct{ name, key, target string }{
		{"settlement.html", "all", "/?from=2019-01&to=2019-02&cpo=GB*DUN&emsp=&currency=&vat="},
		{"settlement_incl.html", "volt", "/?from=2019-02&to=2019-02&vat=incl"},
		{"settlement_nothing.html", "all", "/?from=2019-01&to=2019-01&currency=CHF"},
		{"rules.html", "volt", "/rules"},
		{"causes.html", "all", "/causes?from=2019-01&to=2019-03"},
		{"cdrs.html", "all", "/cdrs?from=2019-02&to=2019-02&limit=3"},
		{"rejects.html", "all", "/rejects?reason=unknown_tariff"},
		{"conflicts.html", "all", "/conflicts"},
		{"contents.html", "all", "/conflicts/FR/MOU/MOU-10011"},
		{"refused.html", "all", "/refused"},
		{"partners.html", "all", "/partners"},
		{"partner.html", "all", "/partners/nl-tnm-cpo"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := s.get(t, tc.target, tc.key)
			if w.Code != http.StatusOK {
				t.Fatalf("status %d: %s", w.Code, content(t, w))
			}
			golden(t, tc.name, content(t, w))
		})
	}
	if s.log.Len() > 0 {
		t.Errorf("logged: %s", s.log)
	}
}

// creditedWorld is a world with credits that do not fit.
func creditedWorld(n int) *reporttest.Store {
	store := reporttest.World(n)
	store.AddCredits()
	return store
}

// A month that was closed elsewhere says since when.
func TestClosedMonths(t *testing.T) {
	golden(t, "settlement_closed.html", content(t, newSite(reporttest.World(60), false).get(t, "/?cpo=GB*DUN&from=2019-01&to=2019-02", "all")))
}

func TestCredits(t *testing.T) {
	s := newSite(creditedWorld(60), false)
	golden(t, "credits.html", content(t, s.get(t, "/credits", "all")))
	list := s.get(t, "/credits?kind=credited", "all").Body.String()
	if !strings.Contains(list, `<a href="/cdrs/FR/MOU/MOU-10004-C2">mou-10004-C2</a>`) || !strings.Contains(list, "credited in full") {
		t.Errorf("what is credited in full:\n%s", list)
	}
	for target, says := range map[string]string{
		"/cdrs/FR/MOU/MOU-10004-C2": "The credits of mou-10004 together take off more than it claims",
		"/cdrs/FR/MOU/MOU-10004":    "mou-10004-C2: The credits of mou-10004 together",
		"/cdrs/FR/MOU/MOU-10019-C":  "It goes to GB*OCT; the credited CDR",
	} {
		if w := s.get(t, target, "all"); !strings.Contains(content(t, w), says) {
			t.Errorf("%s, want %q:\n%s", target, says, content(t, w))
		}
	}
	w := s.get(t, "/credits.csv?kind=credit_excess&vat=incl", "all")
	if w.Code != http.StatusOK || strings.Count(w.Body.String(), "\r\n") != 4 {
		t.Errorf("CSV: status %d, want a head and 3 rows:\n%s", w.Code, w.Body)
	}
}

func TestSignIn(t *testing.T) {
	s := newSite(reporttest.World(5), false)
	w := s.get(t, "/cdrs?from=2019-01&to=2019-02", "")
	const form = "/sign-in?next=%2Fcdrs%3Ffrom%3D2019-01%26to%3D2019-02"
	if w.Code != http.StatusSeeOther || w.Header().Get("Location") != form {
		t.Fatalf("not signed in: status %d, Location %q", w.Code, w.Header().Get("Location"))
	}
	if w = s.get(t, form, ""); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), `name="next" value="/cdrs?from=2019-01&amp;to=2019-02"`) {
		t.Errorf("form: status %d: %s", w.Code, content(t, w))
	}
	for _, key := range []string{"", "wrong", "other-scope"} {
		w := s.do(t, http.MethodPost, "/sign-in", "", url.Values{"key": {key}})
		if w.Code != http.StatusUnauthorized || len(w.Result().Cookies()) != 0 || !strings.Contains(w.Body.String(), `role="alert"`) {
			t.Errorf("key %q: status %d, cookies %v", key, w.Code, w.Result().Cookies())
		}
	}
	w = s.do(t, http.MethodPost, "/sign-in", "", url.Values{"key": {" all\n"}, "next": {"/cdrs?from=2019-01"}})
	if w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/cdrs?from=2019-01" {
		t.Errorf("signed in: status %d, Location %q", w.Code, w.Header().Get("Location"))
	}
	if c := s.cookie(t, "all"); !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Path != "/" || c.Secure {
		t.Errorf("cookie %+v", c)
	} else if strings.Contains(c.Value, "all") || c.MaxAge != 12*60*60 {
		t.Errorf("the cookie is the key, or for ever: %+v", c)
	}
	for _, value := range []string{"", "all", "ALL", "ALL.1", "YWxs"} { // among them the key, and a session that has ended
		if w := s.get(t, "/cdrs", "", "Cookie", "roamclear_session="+value); w.Code != http.StatusSeeOther {
			t.Errorf("cookie %q lets in: status %d", value, w.Code)
		}
	}
	w = s.do(t, http.MethodPost, "/sign-out", "all", url.Values{})
	if c := w.Result().Cookies(); len(c) != 1 || c[0].MaxAge >= 0 || c[0].Value != "" {
		t.Errorf("sign-out leaves %v", c)
	}
}

func TestSecureCookie(t *testing.T) {
	engine := gin.New()
	page.Mount(engine, page.Deps{Keys: apiKeys{}, SecureCookie: true, Logger: slog.New(slog.DiscardHandler)})
	if c := (site{Handler: engine}).cookie(t, "all"); !c.Secure {
		t.Errorf("cookie %+v", c)
	}
}

func TestSignInStaysHere(t *testing.T) {
	s := newSite(reporttest.World(1), false)
	for _, next := range []string{"https://evil.example/", "//evil.example/", `/\evil.example/`, "evil", "javascript:alert(1)", "", "/\t/evil.example"} {
		w := s.do(t, http.MethodPost, "/sign-in", "", url.Values{"key": {"all"}, "next": {next}})
		if got := w.Header().Get("Location"); got != "/" {
			t.Errorf("next %q leads to %q", next, got)
		}
	}
}

func TestFormsFromOtherSitesAreRefused(t *testing.T) {
	s := newSite(reporttest.World(1), false)
	for _, path := range []string{"/sign-in", "/sign-out"} {
		w := s.do(t, http.MethodPost, path, "", url.Values{"key": {"all"}}, "Sec-Fetch-Site", "cross-site", "Origin", "https://evil.example")
		if w.Code != http.StatusForbidden || len(w.Result().Cookies()) != 0 {
			t.Errorf("%s: status %d, cookies %v", path, w.Code, w.Result().Cookies())
		}
	}
}

// Open lets in who asks on this machine for this machine, and nobody else.
func TestOpen(t *testing.T) {
	store := reporttest.World(5)
	for _, tc := range []struct {
		name   string
		open   bool
		header []string
		want   int
	}{
		{"closed by default", false, nil, http.StatusSeeOther},
		{"localhost", true, nil, http.StatusOK},
		{"127.0.0.1", true, []string{"Host", "127.0.0.1:8080"}, http.StatusOK},
		{"::1", true, []string{"Host", "[::1]:8080"}, http.StatusOK},
		{"name pointed here by another site", true, []string{"Host", "evil.example:8080"}, http.StatusSeeOther},
		{"behind a proxy", true, []string{"X-Forwarded-For", "192.0.2.7"}, http.StatusSeeOther},
		{"behind a proxy that tells only how", true, []string{"X-Forwarded-Proto", "https"}, http.StatusSeeOther},
	} {
		if w := newSite(store, tc.open).get(t, "/", "", tc.header...); w.Code != tc.want {
			t.Errorf("%s: status %d, want %d", tc.name, w.Code, tc.want)
		}
	}
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "http://localhost/", nil)
	r.RemoteAddr = "192.0.2.7:4000"
	w := httptest.NewRecorder()
	newSite(store, true).ServeHTTP(w, r)
	if w.Code != http.StatusSeeOther {
		t.Errorf("from another machine: status %d", w.Code)
	}
}

func TestHeaders(t *testing.T) {
	s := newSite(reporttest.World(5), true)
	for _, target := range []string{"/", "/sign-in", "/cdrs", "/cdrs/GB/DUN/nope", "/settlement.csv"} {
		h := s.get(t, target, "").Header()
		if !strings.HasPrefix(h.Get("Content-Security-Policy"), "default-src 'none'; style-src 'self'") ||
			h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %v", target, h)
		}
	}
	w := s.get(t, "/", "")
	_, after, _ := strings.Cut(w.Body.String(), `<link rel="stylesheet" href="`)
	style, _, _ := strings.Cut(after, `"`)
	sheet := s.get(t, style, "")
	if sheet.Code != http.StatusOK || !strings.HasPrefix(sheet.Header().Get("Content-Type"), "text/css") || !strings.Contains(sheet.Header().Get("Cache-Control"), "immutable") {
		t.Errorf("%s: status %d, %v", style, sheet.Code, sheet.Header())
	}
	if strings.Contains(w.Body.String(), "<script") || strings.Contains(w.Body.String(), "style=") {
		t.Error("the page has what its own policy forbids")
	}
}

func TestErrors(t *testing.T) {
	away := &reporttest.Store{Err: fmt.Errorf("dial tcp 10.0.0.7:9000: %w", settlement.ErrUnavailable)}
	broken := &reporttest.Store{Err: errors.New("secret of the disk")}
	world := reporttest.World(20)
	for _, tc := range []struct {
		name, key, target string
		store             *reporttest.Store
		status            int
		shows             string
	}{
		{"bad month", "all", "/?from=2019-1", world, 400, "<code>from</code>"},
		{"bad vat", "all", "/?vat=gross", world, 400, "<code>vat</code>"},
		{"unknown parameter", "all", "/cdrs?party=GB*DUN", world, 400, "<code>party</code>"},
		{"bad cursor", "all", "/cdrs?cursor=x", world, 400, "<code>cursor</code>"},
		{"unknown cdr", "all", "/cdrs/GB/DUN/nope", world, 404, "Not found"},
		{"refused to a restricted key", "volt", "/refused", world, 404, "Not found"},
		{"partners to a restricted key", "volt", "/partners", world, 404, "Not found"},
		{"a partner to a restricted key", "volt", "/partners/nl-tnm-cpo", world, 404, "Not found"},
		{"no such partner", "all", "/partners/nobody", world, 404, "Not found"},
		{"store away", "all", "/", away, 503, "nothing is lost"},
		{"our fault", "all", "/", broken, 500, "request_id"},
		{"our fault in a download", "all", "/cdrs.csv", broken, 500, "request_id"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := newSite(tc.store, false).get(t, tc.target, tc.key)
			if w.Code != tc.status || !strings.Contains(content(t, w), tc.shows) {
				t.Errorf("status %d, want %d and %q: %s", w.Code, tc.status, tc.shows, content(t, w))
			}
			if strings.Contains(w.Body.String(), "secret") || strings.Contains(w.Body.String(), "10.0.0.7") {
				t.Errorf("the page tells the cause: %s", content(t, w))
			}
		})
	}
}

// A form keeps the filters it has no field for.
func TestFormsKeepTheirFilters(t *testing.T) {
	s := newSite(reporttest.World(60), true)
	for target, names := range map[string][]string{
		"/cdrs":    {"reason", "credit", "finding"},
		"/rejects": {"currency", "reason", "credit", "id"},
	} {
		q := url.Values{}
		values := map[string]string{"finding": "charge_in_the_future", "cause": "none_found", "reason": "unknown_tariff", "credit": "false", "currency": "GBP", "id": "X"}
		for _, name := range names {
			q.Set(name, values[name])
		}
		page := content(t, s.get(t, target+"?"+q.Encode(), ""))
		for _, name := range names {
			if want := `<input type="hidden" name="` + name + `" value="` + values[name] + `">`; !strings.Contains(page, want) {
				t.Errorf("%s: no %s", target, want)
			}
		}
	}
}

func TestOthersDoNotExist(t *testing.T) {
	store := reporttest.World(60)
	s := newSite(store, false)
	volt := ocpi.NewParty("DE", "VOL")
	for i := range store.All {
		d := &store.All[i].CDRSummary
		w := s.get(t, report.CDRPath(d.Key), "volt")
		if want := map[bool]int{true: 200, false: 404}[d.EMSP == volt]; w.Code != want {
			t.Errorf("%s to %s: status %d, want %d", d.Key, d.EMSP, w.Code, want)
		}
	}
	for _, target := range []string{"/", "/cdrs?limit=1000", "/rejects", "/credits", "/credits?kind=credited", "/credits.csv", "/cdrs.csv", "/settlement.csv", "/causes", "/causes.csv"} {
		if body := s.get(t, target, "volt").Body.String(); strings.Contains(body, "NL*EXW") && !strings.Contains(body, `placeholder="NL*EXW"`) || strings.Contains(body, "GB*OCT") {
			t.Errorf("%s shows others:\n%s", target, body)
		}
	}
}

func TestEmpty(t *testing.T) {
	s := newSite(&reporttest.Store{}, true)
	for target, says := range map[string]string{
		"/": "No CDR has come in yet", "/causes": "No CDR has come in yet", "/cdrs": "No CDR matches", "/rejects": "Nothing was rejected",
		"/credits": "Nothing to look into", "/conflicts": "No conflicts", "/refused": "Nothing was refused",
	} {
		if w := s.get(t, target, ""); w.Code != http.StatusOK || !strings.Contains(content(t, w), says) {
			t.Errorf("%s: status %d, want %q: %s", target, w.Code, says, content(t, w))
		}
	}
}

// Names stand beside ids wherever people look for a partner.
func TestListsNameTheParties(t *testing.T) {
	s := draftSite(t)
	for _, party := range []ocpi.Party{ocpi.NewParty("FR", "MOU"), ocpi.NewParty("US", "BOU")} {
		named := clearing.NewParty{Party: party, From: 201901, Values: map[string]string{"name": "Ville de " + party.String()}, By: clearing.ByLocal}
		if _, _, err := s.agreed.Parties.Set(t.Context(), "", named); err != nil {
			t.Fatal(err)
		}
	}
	beside := regexp.MustCompile(`<span class="beside">(Dundee City Council|Ville de )`)
	for _, target := range []string{"/causes", "/credits?kind=credited", "/conflicts", "/queue", "/cdrs", "/month?period=2026-03"} {
		if got := content(t, s.get(t, target, "all")); !beside.MatchString(got) {
			t.Errorf("%s names nobody:\n%s", target, got)
		}
	}
}
