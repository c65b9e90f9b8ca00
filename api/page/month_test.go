package page_test

import (
	"context"
	"encoding/base64"
	"html"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/roamclear/roamclear/api/page"
	"github.com/roamclear/roamclear/api/page/pagetest"
	"github.com/roamclear/roamclear/api/report"
	"github.com/roamclear/roamclear/api/report/reporttest"
	"github.com/roamclear/roamclear/api/rest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement"
	"github.com/roamclear/roamclear/settlement/clearing"
	"github.com/roamclear/roamclear/settlement/statement"
	"github.com/shopspring/decimal"
)

// told is what is to be told beside drafts.
type told struct{}

func (told) Conflicts(_ context.Context, _ ocpi.Party, fn func(ocpi.Key)) error {
	fn(ocpi.NewKey("GB", "DUN", "C-0003"))
	return nil
}

func (told) Parties(context.Context, clearing.Scope, ocpi.Month) ([]rest.CheckedParty, error) {
	since := "2026-03-20T00:00:00Z"
	return []rest.CheckedParty{{Partner: "gb-dun-cpo", Parties: []string{"GB*DUN"}, SilentSince: &since, Refused: 3, Absent: []string{"its list of tokens lacks 4"}}}, nil
}

// monthly tells when CDRs came, and what February issued.
type monthly struct{}

func (monthly) CDRsByDay(_ context.Context, _ ocpi.Party, month ocpi.Month) ([]uint64, error) {
	days := make([]uint64, month.Add(1).Start().AddDate(0, 0, -1).Day())
	for i := range days {
		days[i] = uint64(40 + (i*i)%23 + int(month%7))
	}
	return days, nil
}

func (monthly) PairsBefore(_ context.Context, _ ocpi.Party, month ocpi.Month, fn func(*settlement.PairArrivals) error) error {
	dun := ocpi.NewParty("GB", "DUN")
	for _, p := range []settlement.PairArrivals{
		{CPO: dun, EMSP: ocpi.NewParty("DE", "VOL"), Before: 300, Count: 290, Last: month.Add(1).Start().Add(-time.Hour)},
		{CPO: dun, EMSP: ocpi.NewParty("NL", "EXW"), Before: 4000, Count: 1200, Last: month.Start().AddDate(0, 0, 9)},
		{CPO: dun, EMSP: ocpi.NewParty("FR", "IZI"), Before: 2, Last: month.Start().AddDate(0, 0, -9)},
	} {
		if err := fn(&p); err != nil {
			return err
		}
	}
	return nil
}

func (monthly) IssuedClaims(_ context.Context, q statement.IssueQuery, fn func(*statement.IssuedClaim) error) error {
	return fn(&statement.IssuedClaim{CPO: ocpi.NewParty("GB", "DUN"), EMSP: ocpi.NewParty("DE", "VOL"), Currency: "EUR", Lines: 5,
		Claim: decimal.RequireFromString("30"), Net: decimal.RequireFromString("24.15"), Zeroed: decimal.RequireFromString("4.10")})
}

// closer notes what it is asked for.
type closer struct {
	last     *statement.CloseRequest
	approved int64
	err      error
}

func (c *closer) Close(_ context.Context, r statement.CloseRequest) (*statement.CloseResult, error) {
	c.last = &r
	if r.Request {
		return &statement.CloseResult{Request: &clearing.Request{NewClosing: clearing.NewClosing{Attempt: clearing.Attempt{Period: r.Period}, By: r.By}, Offset: 77}}, c.err
	}
	return &statement.CloseResult{Closing: &clearing.Closing{NewClosing: clearing.NewClosing{Attempt: clearing.Attempt{Period: r.Period}, By: r.By}, Offset: 78}}, c.err
}

func (*closer) Underway() *rest.Underway { return nil }

func (c *closer) Approve(_ context.Context, a statement.Approval) (*statement.CloseResult, error) {
	c.approved = a.Record
	return &statement.CloseResult{Closing: &clearing.Closing{NewClosing: clearing.NewClosing{Attempt: clearing.Attempt{Period: 202603}, By: a.By}, Offset: 79}}, c.err
}

// asMonths has a site tell months, and close them.
func asMonths(d *page.Deps, agreed report.Clearing) *closer {
	c := &closer{}
	d.Around, d.Months = told{}, monthly{}
	d.Closing = rest.Closing{Closer: c, Closes: agreed.Closes, Logger: slog.New(slog.DiscardHandler)}
	return c
}

func TestMonthPage(t *testing.T) {
	s := statementSite(t)
	golden(t, "month.html", content(t, s.get(t, "/month?period=2026-03", "all")))
	golden(t, "month_closed.html", content(t, s.get(t, "/month?period=2026-02", "all")))
	for _, tc := range []struct {
		key, target string
		status      int
		says, not   string
	}{
		{"all", "/month", 200, "Month 2019-03", ""}, // the latest one with CDRs
		{"volt", "/month?period=2026-03", 200, "GB*DUN → DE*VOL", "Partners to look at"},
		{"all", "/month?period=2026-03&cpo=GB*DUN&emsp=DE*VOL", 200, "32.80", "1 845.00"},
		{"all", "/month?period=2031-01", 200, "has not ended", ""},
		{"all", "/month?period=March", 400, "<code>period</code>", ""},
		{"emp", "/month", 403, "finance:read", ""},
	} {
		w := s.get(t, tc.target, tc.key)
		if got := content(t, w); w.Code != tc.status || !strings.Contains(got, tc.says) || tc.not != "" && strings.Contains(got, tc.not) {
			t.Errorf("%s %s: status %d, want %d, %q and not %q:\n%s", tc.key, tc.target, w.Code, tc.status, tc.says, tc.not, got)
		}
	}
}

// A period is closed as its page showed it, by who may; or another key is asked to approve.
func TestClosePage(t *testing.T) {
	s := draftSite(t)
	const march, confirm = "/close?period=2026-03", "/close?confirm=yes&period=2026-03&undecided=carry"
	golden(t, "close.html", content(t, s.get(t, march, "decides")))
	golden(t, "close_confirm.html", section(t, content(t, s.get(t, confirm, "decides")), "doit"))
	for _, tc := range []struct{ key, target, says, not string }{
		{"decides", march, "Go on", "This cannot be taken back"},
		{"decides", march, "keeps the period from being closed", ""},
		{"decides", "/close?confirm=yes&period=2026-03", "Go on", "This cannot be taken back"}, // something waits
		{"all", confirm, "What would be issued", "<button>Close"},
		{"volt", confirm, "What would be issued", "<button>Close"},
		{"decides", "/close?period=2031-01", "has not ended yet", "Go on"},
	} {
		if got := content(t, s.get(t, tc.target, tc.key)); !strings.Contains(got, tc.says) || tc.not != "" && strings.Contains(got, tc.not) {
			t.Errorf("%s %s: want %q and not %q:\n%s", tc.key, tc.target, tc.says, tc.not, got)
		}
	}
	for _, tc := range []struct {
		title, key, target string
		change             func(url.Values)
		header             []string
		err                error
		status             int
		says               string
	}{
		{title: "closed", key: "decides", target: march, status: 303, says: "/close?period=2026-03 2026-03 is closed, by control record 78"},
		{title: "changed", key: "decides", target: march, change: func(f url.Values) { f.Set("digest", "0") }, status: 409, says: "was changed since the page showed it"},
		{title: "without what is held", key: "decides", target: march, change: func(f url.Values) { f.Set("undecided", "") }, err: &statement.UndecidedError{List: make([]statement.Undecided, 2)}, status: 409, says: "2 causes wait"},
		{title: "an agreement changed", key: "decides", target: march, err: &clearing.NotClosed{Why: clearing.AlreadyClosed, Attempt: clearing.Attempt{Period: 202603}, Through: 202603}, status: 409, says: "is closed for"},
		{title: "who reads", key: "all", target: march, status: 403, says: "finance:decide"},
		{title: "another site", key: "decides", target: march, header: []string{"Sec-Fetch-Site", "cross-site"}, status: 403, says: "another site"},
		{title: "approved", key: "approves", target: "/close/approve?period=2026-03", change: func(f url.Values) { f.Set("request", "77") }, status: 303, says: "/close?period=2026-03 2026-03 is closed, by control record 79"},
		{title: "approved without the scope", key: "decides", target: "/close/approve?period=2026-03", change: func(f url.Values) { f.Set("request", "77") }, status: 403, says: "finance:approve"},
	} {
		t.Run(tc.title, func(t *testing.T) {
			s.closer.last, s.closer.err, s.closer.approved = nil, tc.err, 0
			form := formOf(s.get(t, confirm, "decides").Body.String())
			if tc.change != nil {
				tc.change(form)
			}
			w := s.do(t, http.MethodPost, tc.target, tc.key, form, tc.header...)
			said := w.Header().Get("Location") + " " + toldBy(t, w)
			if w.Code != http.StatusSeeOther {
				said = html.UnescapeString(content(t, w))
			}
			if w.Code != tc.status || !strings.Contains(said, tc.says) {
				t.Fatalf("status %d, want %d and %q: %s", w.Code, tc.status, tc.says, said)
			}
			if r := s.closer.last; tc.title == "closed" && (r == nil || r.Period != 202603 || !r.Carry || r.By != "key-7" || r.Request) {
				t.Errorf("asked for %+v", r)
			}
			if asked := s.closer.last != nil || s.closer.approved != 0; asked && tc.status == http.StatusForbidden || asked && tc.title == "changed" {
				t.Error("it was closed")
			}
		})
	}
}

// toldBy is what the next page is to say.
func toldBy(t *testing.T, w *httptest.ResponseRecorder) string {
	t.Helper()
	for _, c := range w.Result().Cookies() {
		if c.Name == "roamclear_told" {
			text, err := base64.RawURLEncoding.DecodeString(c.Value)
			if err != nil || !c.HttpOnly {
				t.Errorf("%v: %v", c, err)
			}
			return string(text)
		}
	}
	return ""
}

func TestMonthsFitTheWindow(t *testing.T) {
	ctx := pagetest.Browser(t)
	server := httptest.NewServer(draftSite(t))
	t.Cleanup(server.Close)
	shots := pagetest.Shots(t)
	pagetest.Do(t, ctx, chromedp.Navigate(server.URL+"/sign-in?next=/month"), pagetest.Seen("#key"), chromedp.KeyEvent("decides"))
	pagetest.Enter(t, ctx, "Month 2019-03")
	for _, l := range []pagetest.Look{
		{Name: "desktop", Width: 1280, Height: 2300}, {Name: "dark", Width: 1280, Height: 2300, Dark: true},
		{Name: "phone", Width: 390, Height: 4200, Phone: true}, {Name: "narrow", Width: 320, Height: 1400, Phone: true}, {Name: "paper", Width: 718, Height: 2000, Paper: true},
	} {
		pagetest.Do(t, ctx, l.Emulate())
		for name, target := range map[string]string{"month": "/month?period=2026-03", "month-closed": "/month?period=2026-02", "close": "/close?period=2026-03", "close-confirm": "/close?confirm=yes&period=2026-03&undecided=carry"} {
			pagetest.Do(t, ctx, chromedp.Navigate(server.URL+target), pagetest.Seen("h1"))
			if l.Paper {
				if small := pagetest.Ask(t, ctx, chromedp.Evaluate[string](notAsPrinted)); small != "" {
					t.Errorf("%s on paper: %s", target, small)
				}
			}
			pagetest.Fits(t, ctx, shots, l.Name+"-"+name)
		}
	}
}

// What parties are called stands beside their ids, where somebody said it.
func TestNamesBesideIDs(t *testing.T) {
	s := agreedSite(reporttest.World(60), true, reporttest.Agreed(t))
	for _, target := range []string{"/?from=2019-01&to=2019-01&cpo=GB*DUN", "/cdrs?cpo=GB*DUN&emsp=DE*VOL", "/rejects"} {
		if got := content(t, s.get(t, target, "all")); !strings.Contains(got, `<span class="beside">Dundee City Council → `) {
			t.Errorf("%s names nobody:\n%s", target, got)
		}
	}
}
