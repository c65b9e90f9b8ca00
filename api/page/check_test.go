package page_test

import (
	"bytes"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/gin-gonic/gin"

	"github.com/roamclear/roamclear/api/page"
	"github.com/roamclear/roamclear/api/page/pagetest"
	"github.com/roamclear/roamclear/api/report/reporttest"
)

func newCheckSite(t *testing.T, open bool) site {
	t.Helper()
	var log bytes.Buffer
	known := reporttest.Known(t)
	engine := gin.New()
	page.Mount(engine, page.Deps{Reader: reporttest.World(5), Tariffs: known, Preflight: reporttest.Preflight(t, known), Keys: apiKeys{}, Open: open, Logger: slog.New(slog.NewTextHandler(&log, nil))})
	return site{Handler: engine, log: &log}
}

const brokenLocation = `{"country_code":"FR","party_id":"PAR","publish":"yes","name":"<script>","coordinates":{},"time_zone":"Mars/Olympus"}`

// What would become of what is pasted: by agreement, by nobody's, with what is wrong.
func TestCheckGolden(t *testing.T) {
	s := newCheckSite(t, false)
	for name, form := range map[string]url.Values{
		"check.html":         {"json": {reporttest.ChargedBody}, "version": {"2.2.1"}},
		"check_refused.html": {"json": {brokenLocation}, "kind": {"location"}, "version": {"2.2.1"}},
		"check_tariff.html":  {"json": {`{"id":"T","currency":"GBP","elements":[{"price_components":[{"type":"ENERGY","price":0.2,"step_size":1}]}],"last_updated":"2019-01-01T00:00:00Z"}`}, "version": {"2.1.1"}, "party": {"GB*DUN"}},
	} {
		t.Run(name, func(t *testing.T) {
			w := s.do(t, http.MethodPost, "/check", "all", form)
			if w.Code != http.StatusOK {
				t.Fatalf("status %d: %s", w.Code, content(t, w))
			}
			golden(t, name, content(t, w))
		})
	}
	if w := s.get(t, "/check", "all"); w.Code != http.StatusOK || strings.Contains(content(t, w), "status_message") {
		t.Errorf("the form alone: %d %s", w.Code, content(t, w))
	}
}

// What cannot be looked at is said beside the form, which keeps what was filled in.
func TestCheckSaysWhatIsWrongWithTheForm(t *testing.T) {
	s := newCheckSite(t, false)
	for _, c := range []struct {
		key  string
		form url.Values
		code int
		want string
	}{
		{"all", url.Values{"json": {`{"id":"1","x":"kept"}`}}, 400, "Its members do not tell what it is"},
		{"all", url.Values{"json": {" "}}, 400, "Paste a CDR"},
		{"all", url.Values{"json": {"{}"}, "party": {"kept"}}, 400, "is not a party such as NL*TNM"},
		{"all", url.Values{"json": {`{"x":"kept"}`}, "kind": {"token"}}, 400, "is not one of cdr"},
		{"all", url.Values{"json": {`{"x":"kept"}`}, "version": {"3.0"}}, 400, "is not one of 2.1.1"},
		{"volt", url.Values{"json": {reporttest.ChargedBody}}, 403, "API key is of DE*VOL, and this cdr of GB*DUN"},
	} {
		w := s.do(t, http.MethodPost, "/check", c.key, c.form)
		main := content(t, w)
		if w.Code != c.code || !strings.Contains(main, c.want) || strings.Contains(c.form.Encode(), "kept") && !strings.Contains(main, "kept") {
			t.Errorf("%v: status %d, want %d and %q\n%s", c.form, w.Code, c.code, c.want, main)
		}
	}
	if w := s.do(t, http.MethodPost, "/check", "all", url.Values{"json": {strings.Repeat("x", 5<<20)}}); w.Code != 400 {
		t.Errorf("a form that is too large: status %d", w.Code)
	}
	if w := s.do(t, http.MethodPost, "/check", "emp", url.Values{"json": {"{}"}}); w.Code != 403 {
		t.Errorf("another scope: status %d", w.Code)
	}
}

// A person pastes a CDR and sees what is wrong with it, in every window.
func TestCheckInTheBrowser(t *testing.T) {
	ctx := pagetest.Browser(t)
	server := httptest.NewServer(newCheckSite(t, true))
	t.Cleanup(server.Close)
	shots := pagetest.Shots(t)
	for _, l := range []pagetest.Look{
		{Name: "desktop", Width: 1280, Height: 1000}, {Name: "dark", Width: 1280, Height: 1000, Dark: true}, {Name: "narrow", Width: 320, Height: 1600, Phone: true},
	} {
		pagetest.Do(t, ctx, l.Emulate())
		for name, body := range map[string]string{"check": reporttest.ChargedBody, "check-refused": brokenLocation} {
			pagetest.Do(t, ctx, chromedp.Navigate(server.URL+"/check"), pagetest.Seen("textarea"), chromedp.SetValue("textarea", body), chromedp.Submit("textarea"), pagetest.Seen("#answer"))
			pagetest.Fits(t, ctx, shots, l.Name+"-"+name)
			if said := pagetest.Ask(t, ctx, chromedp.Text(chromedp.CSS("#answer"))); !strings.Contains(said, "refused") {
				t.Errorf("%s: the page says %q", name, said)
			}
		}
	}
}
