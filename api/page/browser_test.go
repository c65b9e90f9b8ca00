package page_test

import (
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/roamclear/roamclear/api/page/pagetest"
	"github.com/roamclear/roamclear/api/report"
	"github.com/roamclear/roamclear/api/report/reporttest"
	"github.com/roamclear/roamclear/pricing"
	"github.com/roamclear/roamclear/pricing/tariff"
	"github.com/roamclear/roamclear/settlement"
)

func serve(t *testing.T, open bool) string {
	t.Helper()
	world := creditedWorld(900)
	server := httptest.NewServer(reportedSite(world, open, reporttest.Agreed(t), reporttest.Reporter{}))
	t.Cleanup(server.Close)
	return server.URL
}

// A person without a mouse signs in, chooses, and goes from the settlement to
// a CDR and back to its list.
func TestKeyboardPath(t *testing.T) {
	ctx, site := pagetest.Browser(t), serve(t, false)
	pagetest.Do(t, ctx, chromedp.Navigate(site+"/"), pagetest.Seen("#key"), chromedp.KeyEvent("all"))
	pagetest.Enter(t, ctx, "Settlement")

	pagetest.Do(t, ctx, chromedp.KeyEvent(kb.Tab))
	if at := pagetest.Ask(t, ctx, chromedp.Evaluate[string](pagetest.Focused)); at != "Skip to content" {
		t.Errorf("the first stop is %q, not the skip link", at)
	}
	pagetest.Do(t, ctx, chromedp.KeyEvent(kb.Enter))
	if at := pagetest.Ask(t, ctx, chromedp.Evaluate[string]("document.activeElement.id")); at != "main" {
		t.Errorf("the skip link leads to %q", at)
	}

	pagetest.TabTo(t, ctx, "cpo")
	pagetest.Do(t, ctx, chromedp.KeyEvent("GB*D"))
	pagetest.TabTo(t, ctx, "Show")
	if outline := pagetest.Ask(t, ctx, chromedp.Evaluate[string]("getComputedStyle(document.activeElement).outlineWidth")); outline != "3px" {
		t.Errorf("the focus is outlined by %s", outline)
	}
	pagetest.Enter(t, ctx, "Settlement")
	if cpo := pagetest.Ask(t, ctx, chromedp.Evaluate[string]("new URL(location).searchParams.get('cpo')")); cpo != "GB*DUN" {
		t.Errorf("Show asks for CPO %q", cpo)
	}

	pagetest.TabTo(t, ctx, "GB*DUN → DE*VOL")
	pagetest.Enter(t, ctx, "CDRs")
	if address := pagetest.Ask(t, ctx, chromedp.Location()); !strings.Contains(address, "emsp=DE%2AVOL") {
		t.Errorf("the row leads to %s", address)
	}
	first := pagetest.Ask(t, ctx, chromedp.Text(chromedp.CSS("tbody th a")))
	pagetest.TabTo(t, ctx, first)
	pagetest.Enter(t, ctx, "CDR "+first)
	pagetest.TabTo(t, ctx, "GB*DUN → DE*VOL, 2019-01, GBP")
	pagetest.Enter(t, ctx, "CDRs")
}

// On every page and in every look, nothing but a table's or a text's own
// scrolling region is wider than the window.
func TestPagesFitTheWindow(t *testing.T) {
	ctx, site := pagetest.Browser(t), serve(t, true)
	shots := pagetest.Shots(t)
	world := creditedWorld(900)
	one := func(suits func(*settlement.CDRDetail) bool) string {
		return report.CDRPath(world.All[slices.IndexFunc(world.All, func(d settlement.CDRDetail) bool { return suits(&d) })].Key)
	}
	pages := []struct{ name, path string }{
		{"settlement", "/"}, {"settlement-open", "/?open=true"}, {"settlement-incl", "/?vat=incl"}, {"settlement-closed", "/?cpo=GB*DUN&emsp=NL*EXW"}, {"nothing", "/?currency=CHF"},
		{"rules", "/rules"}, {"causes", "/causes"}, {"causes-incl", "/causes?vat=incl"},
		{"cdrs", "/cdrs?from=2019-01&to=2019-01&limit=40"}, {"differs", "/cdrs?claim=differs"},
		{"rejects", "/rejects"}, {"conflicts", "/conflicts"}, {"refused", "/refused"}, {"partners", "/partners"}, {"partner", "/partners/nl-tnm-cpo"},
		{"credits", "/credits"}, {"credits-in-full", "/credits?kind=credited&vat=incl"},
		{"cdr-credited-twice", one(func(d *settlement.CDRDetail) bool { return strings.HasSuffix(d.ID, "-C2") })},
		{"cdr-credited", strings.TrimSuffix(one(func(d *settlement.CDRDetail) bool { return strings.HasSuffix(d.ID, "-C2") }), "-C2")},
		{"agreement", "/agreement?cpo=GB*DUN&emsp=DE*VOL&at=2026-02"}, {"agreement-house", "/agreement?at=2026-02"}, {"agreement-nothing", "/agreement?cpo=NL*TNM&at=2025-12"},
		{"error", "/?from=2019-1"}, {"sign-in", "/sign-in"},
		{"cdr", one(func(d *settlement.CDRDetail) bool { return d.Claim == tariff.ClaimDiffers && d.CPO.ID == "DUN" })},
		{"cdr-copies", one(func(d *settlement.CDRDetail) bool { return len(d.Copies) > 0 && d.Status == pricing.Priced })},
		{"cdr-rejected", one(func(d *settlement.CDRDetail) bool { return d.Status == pricing.Rejected })},
		{"cdr-credit", one(func(d *settlement.CDRDetail) bool { return d.Credit })},
		{"cdr-no-vat", one(func(d *settlement.CDRDetail) bool { return d.ClaimedIncl == nil })},
	}
	for _, l := range []pagetest.Look{
		{Name: "desktop", Width: 1280, Height: 1300}, {Name: "dark", Width: 1280, Height: 1300, Dark: true},
		{Name: "phone", Width: 390, Height: 1400, Phone: true}, {Name: "narrow", Width: 320, Height: 1400, Dark: true, Phone: true}, {Name: "paper", Width: 718, Height: 1000, Paper: true},
	} {
		pagetest.Do(t, ctx, l.Emulate())
		for _, p := range pages {
			pagetest.Do(t, ctx, chromedp.Navigate(site+p.path), pagetest.Seen("h1"))
			if l.Paper {
				if small := pagetest.Ask(t, ctx, chromedp.Evaluate[string](notAsPrinted)); small != "" {
					t.Errorf("%s on paper: %s", p.path, small)
				}
			}
			pagetest.Fits(t, ctx, shots, l.Name+"-"+p.name)
		}
	}
}

// notAsPrinted names text that is smaller on paper than 8 pt, or a note that is
// larger than what it is a note to.
const notAsPrinted = `(() => {
	const points = e => parseFloat(getComputedStyle(e).fontSize) * 0.75;
	for (const e of document.querySelectorAll("main *")) {
		const own = [...e.childNodes].some(n => n.nodeType == 3 && n.data.trim());
		if (!own || e.closest("svg, .hidden") || !e.getClientRects().length) continue;
		if (points(e) < 7.99) return e.tagName + "." + e.className + " has " + points(e) + " pt: " + e.textContent.slice(0, 40);
		if (e.matches(".note, .sub, caption, .facts dd") && points(e) > 8.01) return "a note of " + points(e) + " pt: " + e.textContent.slice(0, 40);
	}
	return "";
})()`
