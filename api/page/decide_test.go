package page_test

import (
	"html"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/roamclear/roamclear/api/page/pagetest"
	"github.com/roamclear/roamclear/settlement/clearing"
)

var hidden = regexp.MustCompile(`<input type="hidden" name="([^"]+)" value="([^"]*)">`)

// formOf is the fields that a page's form carries.
func formOf(body string) url.Values {
	form := url.Values{}
	for _, field := range hidden.FindAllStringSubmatch(body, -1) {
		form.Set(field[1], html.UnescapeString(field[2]))
	}
	return form
}

const held, issuedOnce = "/cdrs/GB/DUN/C-0001", "/cdrs/GB/DUN/C-0000"

// A CDR's page says what becomes of it; who decides has a form, others have not.
func TestWhatBecomesOfACDR(t *testing.T) {
	s := statementSite(t)
	golden(t, "cdr_held.html", section(t, content(t, s.get(t, held, "decides")), "cleared"))
	golden(t, "cdr_issued.html", section(t, content(t, s.get(t, issuedOnce, "all")), "cleared"))
	for _, tc := range []struct{ key, target, says, not string }{
		{"decides", held, `<h2 id="decide">`, ""},
		{"decides", held, "Accept as claimed: 4.10 EUR", "Undo what was decided"},
		{"decides", issuedOnce, "Reject: nothing is owed", "Take aside"},
		{"all", held, "agreed by &lt;telephone&gt;", `<h2 id="decide">`},
		{"volt", held, "not told", "telephone"},
		{"all", issuedOnce, "DUN-17", ""},
	} {
		if got := content(t, s.get(t, tc.target, tc.key)); !strings.Contains(got, tc.says) || tc.not != "" && strings.Contains(got, tc.not) {
			t.Errorf("%s %s: want %q and not %q:\n%s", tc.key, tc.target, tc.says, tc.not, got)
		}
	}
}

// section is what stands under a heading of a page.
func section(t *testing.T, body, id string) string {
	t.Helper()
	_, rest, ok := strings.Cut(body, `aria-labelledby="`+id+`"`)
	if !ok {
		t.Fatalf("no section %q:\n%s", id, body)
	}
	inner, _, _ := strings.Cut(rest, "</section>")
	return inner
}

// A form decides about what its page showed, with a reason, and no other site's does.
func TestDeciding(t *testing.T) {
	const list = "/queue/cdrs?cpo=GB%2ADUN&currency=EUR&emsp=DE%2AVOL&ground=energy"
	s := statementSite(t)
	for _, tc := range []struct {
		title, key, target string
		change             func(form url.Values)
		header             []string
		status             int
		says               string // where it leads to, or what the page says
	}{
		{"accept one", "decides", held, func(f url.Values) { f.Set("act", "accept computed") }, nil, 303, held + "#decided"},
		{"reject one that is issued", "decides", issuedOnce, func(f url.Values) { f.Set("act", "reject") }, nil, 303, issuedOnce + "#decided"},
		{"accept a list", "decides", list, func(f url.Values) { f.Set("act", "accept") }, nil, 303, list},
		{"without a reason", "decides", held, func(f url.Values) { f.Set("act", "reject"); f.Set("reason", " ") }, nil, 400, "say why"},
		{"without an act", "decides", held, func(url.Values) {}, nil, 400, "choose what to decide"},
		{"another act", "decides", held, func(f url.Values) { f.Set("act", "adopt") }, nil, 400, "not among what the page offered"},
		{"it was changed", "decides", held, func(f url.Values) { f.Set("act", "hold"); f.Set("digest hold", strings.Repeat("0", 64)+"/1/EUR3.10") }, nil, 409, "it claims 1.00 EUR more"},
		{"decided meanwhile", "decides", held, func(f url.Values) { f.Set("act", "hold"); f.Set("seen", "40") }, nil, 409, "somebody decided about it since"},
		{"the list was changed", "decides", list, func(f url.Values) {
			f.Set("act", "reject")
			f.Set("digest reject", strings.Repeat("0", 64)+"/3/EUR12.30")
		}, nil, 409, "2 fewer, claiming 8.20 EUR less"},
		{"from another site", "decides", held, func(f url.Values) { f.Set("act", "reject") }, []string{"Sec-Fetch-Site", "cross-site"}, 403, "sent from another site"},
		{"who reads only", "all", held, func(f url.Values) { f.Set("act", "reject") }, nil, 403, "finance:decide"},
		{"without a key", "", held, func(f url.Values) { f.Set("act", "reject") }, nil, 403, "finance:decide"},
	} {
		t.Run(tc.title, func(t *testing.T) {
			decided = clearing.NewDecision{}
			form := formOf(s.get(t, tc.target, "decides").Body.String())
			form.Set("reason", "as agreed")
			tc.change(form)
			w := s.do(t, http.MethodPost, tc.target, tc.key, form, tc.header...)
			said := w.Header().Get("Location")
			if w.Code != http.StatusSeeOther {
				said = html.UnescapeString(content(t, w))
			}
			if w.Code != tc.status || !strings.Contains(said, tc.says) {
				t.Fatalf("status %d, want %d and %q: %s", w.Code, tc.status, tc.says, said)
			}
			if done := decided.Act != ""; done != (tc.status == http.StatusSeeOther) {
				t.Errorf("decided: %+v", decided)
			} else if done && (decided.By != "key-7" || decided.Reason != "as agreed" || len(decided.Groups) != 1) {
				t.Errorf("decided: %+v", decided)
			}
			if w.Code == http.StatusConflict && !strings.Contains(said, `value="as agreed"`) {
				t.Error("the reason that was given is not in the form any more")
			}
		})
	}
	form := formOf(s.get(t, list, "decides").Body.String())
	form.Set("act", "accept")
	form.Set("reason", "as agreed")
	told := s.do(t, http.MethodPost, list, "decides", form).Header().Get("Set-Cookie")
	cookie, _, _ := strings.Cut(told, ";")
	for _, tc := range []struct {
		target, cookie string
		says           bool
	}{
		{list, cookie, true},
		{list, "", false}, // told once
		{list, "roamclear_told=<b>", false},
	} {
		w := s.get(t, tc.target, "decides", "Cookie", tc.cookie)
		if got := content(t, w); strings.Contains(got, "It is decided about one CDR.") != tc.says {
			t.Errorf("cookie %q: told is not %v:\n%s", tc.cookie, tc.says, got)
		}
		if kept := w.Header().Get("Set-Cookie"); tc.says && !strings.Contains(kept, "Max-Age=0") {
			t.Errorf("the browser tells it again: %q", kept)
		}
	}
}

// A person without a mouse decides about a CDR and about a list, and is told what is wrong.
func TestDecidingByKeyboard(t *testing.T) {
	ctx := pagetest.Browser(t)
	server := httptest.NewServer(statementSite(t))
	t.Cleanup(server.Close)
	pagetest.Do(t, ctx, chromedp.Navigate(server.URL+"/sign-in?next="+url.QueryEscape(held)), pagetest.Seen("#key"), chromedp.KeyEvent("decides"))
	pagetest.Enter(t, ctx, "CDR C-0001")
	pagetest.TabTo(t, ctx, "act")
	pagetest.Do(t, ctx, chromedp.KeyEvent("Rej"))
	pagetest.TabTo(t, ctx, "reason")
	pagetest.Do(t, ctx, chromedp.KeyEvent("nobody charged there"))
	decided = clearing.NewDecision{}
	pagetest.Enter(t, ctx, "CDR C-0001")
	if decided.Act != clearing.RejectIt || decided.Reason != "nobody charged there" {
		t.Errorf("decided: %+v", decided)
	}
	shots := pagetest.Shots(t)
	for _, l := range []pagetest.Look{
		{Name: "desktop", Width: 1280, Height: 1400}, {Name: "phone", Width: 390, Height: 2600, Phone: true}, {Name: "narrow", Width: 320, Height: 2000, Phone: true, Dark: true},
	} {
		pagetest.Do(t, ctx, l.Emulate())
		for name, target := range map[string]string{"cdr-held": held, "cdr-issued": issuedOnce, "waiting-decide": "/queue/cdrs?ground=energy&cpo=GB*DUN&emsp=DE*VOL&currency=EUR", "contents-decide": contentsOf} {
			pagetest.Do(t, ctx, chromedp.Navigate(server.URL+target), pagetest.Seen("#decide"))
			pagetest.Fits(t, ctx, shots, l.Name+"-"+name)
		}
	}
}
