package page_test

import (
	"context"
	"encoding/json"
	"fmt"
	"html"
	"log/slog"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	cdppage "github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/roamclear/roamclear/api"
	"github.com/roamclear/roamclear/api/app/apptest"
	"github.com/roamclear/roamclear/api/page"
	"github.com/roamclear/roamclear/api/page/pagetest"
	"github.com/roamclear/roamclear/ocpi"
)

// charging answers what the calls of sessions answer, for one charge that goes on with
// each look, and has the others answered by a world.
type charging struct {
	page.App
	mu      sync.Mutex // guards what follows
	asked   []string
	looks   int
	stopped bool
	ended   time.Time // zero = it goes on
}

func (a *charging) Call(ctx context.Context, emsp ocpi.Party, method, path string, body []byte) (int, []byte) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.asked = append(a.asked, emsp.String()+" "+method+" "+path+" "+string(body))
	switch {
	case method == "POST" && path == "/api/v1/sessions":
		return 202, a.session()
	case strings.HasSuffix(path, "/stop"):
		a.stopped = true
		return 202, a.session()
	case strings.HasPrefix(path, "/api/v1/sessions?"):
		return 200, []byte(`{"data":[` + string(a.session()) + `],"next":"/api/v1/sessions?cursor=01J"}`)
	case path == "/api/v1/sessions/01K":
		a.looks++
		return 200, a.session()
	case strings.HasPrefix(path, "/api/v1/sessions/"):
		return 404, []byte(`{"error":{"code":"not_found","message":"there is no such object","request_id":"r"}}`)
	}
	return a.App.Call(ctx, emsp, method, path, body)
}

func (a *charging) session() []byte {
	state, ended := map[bool]string{true: "stopping", false: "active"}[a.stopped], "null"
	if !a.ended.IsZero() {
		state, ended = "completed", `"`+a.ended.UTC().Format(time.RFC3339)+`"`
	}
	return fmt.Appendf(nil, `{"id":"01K","url":"/api/v1/sessions/01K","state":%q,"requested_at":"2026-01-05T10:00:00Z","location":{"country_code":"SE","party_id":"ABC","location_id":"L1"},"evse_uid":"E1",
"started_at":"2026-01-05T10:00:40Z","ended_at":%s,"energy_kwh":"%d.5","as_of":"2026-01-05T10:05:00Z","command":{"response":"ACCEPTED","result":"ACCEPTED","message":null},
"price":{"status":"running","currency":"SEK","excl_vat":"%[3]d3.35","incl_vat":"%[3]d1.69"},"cdr":null}`, state, ended, a.looks)
}

func newChargeSite(t *testing.T, open bool) (site, *charging) {
	t.Helper()
	w := apptest.New(t)
	w.Example()
	a := &charging{App: w.Calls}
	engine := api.NewEngine(slog.New(slog.DiscardHandler))
	page.Mount(engine, page.Deps{App: a, Partners: w.Partners, Keys: apiKeys{}, Open: open, Logger: slog.New(slog.DiscardHandler)})
	return site{Handler: engine}, a
}

// A charge is started at a station's plug, as the eMSP of the key, followed and stopped.
func TestChargePages(t *testing.T) {
	s, a := newChargeSite(t, false)
	station := s.get(t, "/stations/SE/ABC/L1", "emp")
	if body := station.Body.String(); !strings.Contains(body, `value="connector=1&amp;evse=E1"`) || strings.Contains(body, "evse=E2") {
		t.Errorf("E1 takes starts and E2 does not: %s", body)
	}
	form := url.Values{"plug": {"connector=1&evse=E1"}, "token": {"APP-77"}, "emsp": {"DE*TNM"}}
	begun := s.do(t, "POST", "/stations/SE/ABC/L1", "emp", form)
	if begun.Code != 303 || begun.Header().Get("Location") != "/charges/01K" {
		t.Fatalf("start: %d %s %s", begun.Code, begun.Header(), begun.Body)
	}
	var sent struct {
		Location struct {
			LocationID string `json:"location_id"`
		}
		EVSE      string `json:"evse_uid"`
		Connector string `json:"connector_id"`
		Token     struct{ UID string }
	}
	last, body, _ := strings.Cut(a.asked[len(a.asked)-1], " {")
	if err := json.Unmarshal([]byte("{"+body), &sent); err != nil || last != "SE*EMP POST /api/v1/sessions" || sent.Location.LocationID != "L1" || sent.EVSE != "E1" || sent.Connector != "1" || sent.Token.UID != "APP-77" {
		t.Errorf("asked %s {%s, %v", last, body, err)
	}
	for _, tt := range []struct {
		path, key string
		status    int
		has       string
	}{
		{"/charges", "emp", 200, "charging"}, {"/charges", "emp", 200, "Earlier charges"}, {"/charges/01K", "emp", 200, "1.5 kWh for 11.69 SEK"},
		{"/charges/01K", "emp", 200, `<noscript><meta http-equiv="refresh" content="3"></noscript>`}, {"/charges/NONE", "emp", 404, "no such object"}, {"/charges", "all", 403, "no scope app"}, {"/charges", "", 303, ""},
	} {
		if w := s.get(t, tt.path, tt.key); w.Code != tt.status || !strings.Contains(w.Body.String(), tt.has) {
			t.Errorf("%s as %q: %d, want %d and %q: %.2000s", tt.path, tt.key, w.Code, tt.status, tt.has, w.Body)
		}
	}
	policy := func(path string) string { return s.get(t, path, "emp").Header().Get("Content-Security-Policy") }
	if all, charge := policy("/charges"), policy("/charges/01K"); charge != all+"; script-src 'self'; connect-src 'self'" {
		t.Errorf("the page of a charge alone has a script: %q, %q", charge, all)
	}
	if w := s.do(t, "POST", "/stations/SE/ABC/L1", "emp", url.Values{"plug": {"connector=1"}}); w.Code != 400 {
		t.Errorf("without a token: %d", w.Code)
	}
	if w := s.do(t, "POST", "/charges/01K/stop", "emp", url.Values{}, "Sec-Fetch-Site", "cross-site"); w.Code != 403 || a.stopped {
		t.Errorf("from another site: %d", w.Code)
	}
	if w := s.do(t, "POST", "/charges/01K/stop", "emp", url.Values{}); w.Code != 303 || !a.stopped {
		t.Errorf("stop: %d %s", w.Code, w.Body)
	}
	if w := s.get(t, "/charges/01K", "emp"); strings.Contains(w.Body.String(), "Stop charging") {
		t.Error("what is being stopped can be stopped again")
	}
}

// Who needs no key starts and stops charges as the eMSP that the page was opened for, also
// where it is not the first of several.
func TestChargesAsAChosenEMSP(t *testing.T) {
	s, a := newChargeSite(t, true)
	station := s.get(t, "/stations/SE/ABC/L1?emsp=SE*EMP", "")
	begun := s.do(t, "POST", formAction(t, station.Body.String(), "Start charging"), "", url.Values{"plug": {"connector=1&evse=E1"}, "token": {"APP-77"}})
	if begun.Code != 303 || begun.Header().Get("Location") != "/charges/01K?emsp=SE%2AEMP" {
		t.Fatalf("start: %d %s %s", begun.Code, begun.Header(), begun.Body)
	}
	charge := s.get(t, begun.Header().Get("Location"), "")
	if stopped := s.do(t, "POST", formAction(t, charge.Body.String(), "Stop charging"), "", url.Values{}); stopped.Code != 303 {
		t.Errorf("stop: %d %s", stopped.Code, stopped.Body)
	}
	for _, asked := range a.asked {
		if !strings.HasPrefix(asked, "SE*EMP ") {
			t.Errorf("asked as another eMSP: %s", asked)
		}
	}
	before := len(a.asked)
	form := url.Values{"plug": {"connector=1&evse=E1"}, "token": {"APP-77"}}
	if w := s.do(t, "POST", "/stations/SE/ABC/L1?emsp=SE*NON", "", form); w.Code != 400 || len(a.asked) != before {
		t.Errorf("as who is no eMSP here: %d, asked %v", w.Code, a.asked[before:])
	}
}

// formAction is where the form with a button is sent.
func formAction(t *testing.T, page, button string) string {
	t.Helper()
	before, _, found := strings.Cut(page, "<button>"+button)
	_, form, posts := strings.Cut(before[max(0, strings.LastIndex(before, "<form ")):], `action="`)
	action, _, ends := strings.Cut(form, `"`)
	if !found || !posts || !ends {
		t.Fatalf("no form with %q: %s", button, page)
	}
	return html.UnescapeString(action)
}

// A person without a mouse starts a charge, sees it being priced, and stops it.
func TestChargesInTheBrowser(t *testing.T) {
	ctx := pagetest.Browser(t)
	site, _ := newChargeSite(t, true)
	server := httptest.NewServer(site)
	t.Cleanup(server.Close)
	pagetest.Do(t, ctx, chromedp.Navigate(server.URL+"/stations/SE/ABC/L1"), pagetest.Seen("h1"))
	pagetest.TabTo(t, ctx, "token")
	pagetest.Do(t, ctx, chromedp.KeyEvent("APP-77"))
	pagetest.TabTo(t, ctx, "Start charging")
	pagetest.Enter(t, ctx, "Charge")
	shots := pagetest.Shots(t)
	for _, l := range []pagetest.Look{{Name: "desktop", Width: 1280, Height: 900}, {Name: "phone", Width: 390, Height: 1000, Phone: true}, {Name: "narrow", Width: 320, Height: 1000, Dark: true, Phone: true}} {
		pagetest.Do(t, ctx, l.Emulate())
		for name, target := range map[string]string{"charge": "/charges/01K", "charges": "/charges", "start": "/stations/SE/ABC/L1"} {
			pagetest.Do(t, ctx, chromedp.Navigate(server.URL+target), pagetest.Seen("h1"))
			pagetest.Fits(t, ctx, shots, l.Name+"-"+name)
		}
	}
	pagetest.Do(t, ctx, chromedp.Navigate(server.URL+"/charges/01K"), pagetest.Seen("h1"))
	pagetest.TabTo(t, ctx, "Stop charging")
	figures := pagetest.Ask(t, ctx, chromedp.Text(chromedp.CSS("[role=status]")))
	for range 2 {
		before := figures
		if figures = pagetest.Ask(t, ctx, chromedp.Evaluate[string](newFigures, chromedp.EvalAwaitPromise)); figures == before {
			t.Errorf("brought up to date it says the same: %q", figures)
		}
		if at := pagetest.Ask(t, ctx, chromedp.Evaluate[string](pagetest.Focused)); at != "Stop charging" {
			t.Fatalf("the keyboard is on %q after the page was brought up to date", at)
		}
	}
	pagetest.Enter(t, ctx, "Charge")
	if tag := pagetest.Ask(t, ctx, chromedp.Text(chromedp.CSS("h1 .tag"))); tag != "stopping" {
		t.Errorf("after the stop it is %q", tag)
	}
}

// newFigures are those that a charge's page says next.
const newFigures = `new Promise(done => {
	const figures = document.querySelector("[role=status]");
	new MutationObserver(() => done(figures.innerText)).observe(figures, {childList: true});
})`

// A charge that ends by itself takes the button away: the keyboard stays at the charge.
func TestAChargeEndsWhileTheKeyboardIsOnItsButton(t *testing.T) {
	ctx := pagetest.Browser(t)
	site, app := newChargeSite(t, true)
	server := httptest.NewServer(site)
	t.Cleanup(server.Close)
	pagetest.Do(t, ctx, chromedp.Navigate(server.URL+"/charges/01K"), pagetest.Seen("h1"))
	pagetest.TabTo(t, ctx, "Stop charging")
	app.mu.Lock()
	app.stopped = true
	app.mu.Unlock()
	pagetest.Ask(t, ctx, chromedp.Evaluate[string](newFigures, chromedp.EvalAwaitPromise))
	if tag := pagetest.Ask(t, ctx, chromedp.Text(chromedp.CSS("h1 .tag"))); tag != "stopping" {
		t.Errorf("it is %q", tag)
	}
	if at := pagetest.Ask(t, ctx, chromedp.Evaluate[string]("document.activeElement.id")); at != "main" {
		t.Errorf("the keyboard is on %q", at)
	}
}

// The bill of a charge comes after its end: its page says so by itself, unless it is long in
// coming.
func TestTheBillOfAChargeIsWatchedFor(t *testing.T) {
	s, app := newChargeSite(t, false)
	for _, tt := range []struct {
		since time.Duration
		want  bool
	}{{time.Minute, true}, {time.Hour, false}} {
		app.ended = time.Now().Add(-tt.since)
		body := s.get(t, "/charges/01K", "emp").Body.String()
		if got := strings.Contains(body, "<script"); got != tt.want || !strings.Contains(body, "ended") || strings.Contains(body, "Stop charging") {
			t.Errorf("%s after its end it is brought up to date: %t, want %t: %s", tt.since, got, tt.want, body)
		}
	}
}

// Where no scripts run, the page of a charge is loaded anew.
func TestAChargeIsFollowedWithoutScripts(t *testing.T) {
	ctx := pagetest.Browser(t)
	site, _ := newChargeSite(t, true)
	server := httptest.NewServer(site)
	t.Cleanup(server.Close)
	noScripts := chromedp.Func(func(ctx context.Context, tab *chromedp.Target) error {
		_, err := cdp.Call(ctx, tab, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
		return err
	})
	pagetest.Do(t, ctx, noScripts, chromedp.Navigate(server.URL+"/charges/01K"), pagetest.Seen("h1"))
	nothing := chromedp.Func(func(context.Context, *chromedp.Target) error { return nil })
	pagetest.Ask(t, ctx, chromedp.WaitEvent(cdppage.LoadEventFired, nil, nothing))
}
