package page_test

import (
	"context"
	"errors"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	cdppage "github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/roamclear/roamclear/api/report"
	"github.com/roamclear/roamclear/api/report/reporttest"
	"github.com/roamclear/roamclear/pricing"
	"github.com/roamclear/roamclear/pricing/tariff"
	"github.com/roamclear/roamclear/settlement"
)

// browser starts a headless Chromium for one test. Screenshots go to
// ROAMCLEAR_SCREENSHOTS where that is set, to be looked at.
func browser(t *testing.T) context.Context {
	t.Helper()
	path, err := findChromium()
	if err != nil {
		t.Fatal(err)
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path),
		chromedp.NoSandbox, chromedp.DisableGPU, chromedp.Flag("disable-dev-shm-usage", true), chromedp.WindowSize(1280, 900),
		chromedp.UserDataDir(t.TempDir()))
	ctx, stopBrowser := chromedp.NewExecAllocator(t.Context(), options...)
	ctx, stopTab := chromedp.NewContext(ctx)
	do(t, ctx) // starts it; a time limit here would end it later
	ctx, stopWaiting := context.WithTimeout(ctx, 5*time.Minute)
	t.Cleanup(func() {
		stopWaiting()
		stopTab()
		stopBrowser()
	})
	return ctx
}

func findChromium() (string, error) {
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable"} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", errors.New("no Chromium found, which the page's tests need: apt-get install chromium")
}

// do performs steps in order.
func do(t *testing.T, ctx context.Context, steps ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	if err := chromedp.Do(ctx, steps...); err != nil {
		t.Fatal(err)
	}
}

// ask performs one action and returns what it finds.
func ask[T any](t *testing.T, ctx context.Context, action chromedp.Action[T]) T {
	t.Helper()
	found, err := chromedp.Run(ctx, action)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func seen(css string) chromedp.Action[chromedp.Void] { return chromedp.WaitVisible(chromedp.CSS(css)) }

func serve(t *testing.T, open bool) string {
	t.Helper()
	world := creditedWorld(900)
	world.AddCorrections()
	server := httptest.NewServer(agreedSite(world, open, reporttest.Agreed(t)))
	t.Cleanup(server.Close)
	return server.URL
}

// focused is what the keyboard is on: its name, else its text.
const focused = `(() => { const e = document.activeElement; return (e.name || e.innerText || e.tagName).trim() })()`

// tabTo presses Tab until the focus is on what is asked for.
func tabTo(t *testing.T, ctx context.Context, want string) {
	t.Helper()
	var passed []string
	for range 60 {
		do(t, ctx, chromedp.KeyEvent(kb.Tab))
		at := ask(t, ctx, chromedp.Evaluate[string](focused))
		if at == want {
			return
		}
		passed = append(passed, at)
	}
	t.Fatalf("Tab never comes to %q; it comes to %q", want, passed)
}

// enter presses Enter, waits until a page has loaded, and checks its title.
func enter(t *testing.T, ctx context.Context, title string) {
	t.Helper()
	ask(t, ctx, chromedp.WaitEvent(cdppage.LoadEventFired, nil, chromedp.KeyEvent(kb.Enter)))
	if got := ask(t, ctx, chromedp.Title()); got != title+" – roamclear" {
		t.Fatalf("Enter leads to %q, not to %q", got, title)
	}
}

// A person without a mouse signs in, chooses, and goes from the settlement to
// a CDR and back to its list.
func TestKeyboardPath(t *testing.T) {
	ctx, site := browser(t), serve(t, false)
	do(t, ctx, chromedp.Navigate(site+"/"), seen("#key"), chromedp.KeyEvent("all"))
	enter(t, ctx, "Settlement")

	do(t, ctx, chromedp.KeyEvent(kb.Tab))
	if at := ask(t, ctx, chromedp.Evaluate[string](focused)); at != "Skip to content" {
		t.Errorf("the first stop is %q, not the skip link", at)
	}
	do(t, ctx, chromedp.KeyEvent(kb.Enter))
	if at := ask(t, ctx, chromedp.Evaluate[string]("document.activeElement.id")); at != "main" {
		t.Errorf("the skip link leads to %q", at)
	}

	tabTo(t, ctx, "cpo")
	do(t, ctx, chromedp.KeyEvent("GB*D"))
	tabTo(t, ctx, "Show")
	if outline := ask(t, ctx, chromedp.Evaluate[string]("getComputedStyle(document.activeElement).outlineWidth")); outline != "3px" {
		t.Errorf("the focus is outlined by %s", outline)
	}
	enter(t, ctx, "Settlement")
	if cpo := ask(t, ctx, chromedp.Evaluate[string]("new URL(location).searchParams.get('cpo')")); cpo != "GB*DUN" {
		t.Errorf("Show asks for CPO %q", cpo)
	}

	tabTo(t, ctx, "GB*DUN → DE*VOL")
	enter(t, ctx, "CDRs")
	if address := ask(t, ctx, chromedp.Location()); !strings.Contains(address, "emsp=DE%2AVOL") {
		t.Errorf("the row leads to %s", address)
	}
	first := ask(t, ctx, chromedp.Text(chromedp.CSS("tbody th a")))
	tabTo(t, ctx, first)
	enter(t, ctx, "CDR "+first)
	tabTo(t, ctx, "GB*DUN → DE*VOL, 2019-01, GBP")
	enter(t, ctx, "CDRs")
}

// look is one way to see the pages.
type look struct {
	name          string
	width, height int64
	dark, phone   bool
	paper         bool // as printed: nothing scrolls there
}

func (l look) emulate() chromedp.Action[chromedp.Void] {
	scheme := map[bool]string{true: "dark", false: "light"}[l.dark]
	size := chromedp.EmulateViewport(l.width, l.height)
	if l.phone {
		size = chromedp.EmulateViewport(l.width, l.height, chromedp.EmulateMobile, chromedp.EmulateTouch, chromedp.EmulatePortrait)
	}
	return chromedp.Steps(size, chromedp.Func(func(ctx context.Context, tab *chromedp.Target) error {
		_, err := cdp.Call(ctx, tab, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Media:    map[bool]string{true: "print", false: "screen"}[l.paper],
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
		})
		return err
	}))
}

// On every page and in every look, nothing but a table's or a text's own
// scrolling region is wider than the window.
func TestPagesFitTheWindow(t *testing.T) {
	ctx, site := browser(t), serve(t, true)
	shots := os.Getenv("ROAMCLEAR_SCREENSHOTS")
	if shots == "" {
		shots = t.TempDir()
	}
	world := creditedWorld(900)
	one := func(suits func(*settlement.CDRDetail) bool) string {
		return report.CDRPath(world.All[slices.IndexFunc(world.All, func(d settlement.CDRDetail) bool { return suits(&d) })].Key)
	}
	pages := []struct{ name, path string }{
		{"settlement", "/"}, {"settlement-incl", "/?vat=incl"}, {"settlement-closed", "/?cpo=GB*DUN&emsp=NL*EXW"}, {"nothing", "/?currency=CHF"},
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
	for _, l := range []look{
		{"desktop", 1280, 1300, false, false, false}, {"dark", 1280, 1300, true, false, false},
		{"phone", 390, 1400, false, true, false}, {"narrow", 320, 1400, true, true, false}, {"paper", 718, 1000, false, false, true},
	} {
		do(t, ctx, l.emulate())
		for _, p := range pages {
			do(t, ctx, chromedp.Navigate(site+p.path), seen("h1"))
			if overflow := ask(t, ctx, chromedp.Evaluate[string](tooWide)); overflow != "" {
				t.Errorf("%s on %s (%d px): %s", p.path, l.name, l.width, overflow)
			}
			if l.paper {
				if small := ask(t, ctx, chromedp.Evaluate[string](notAsPrinted)); small != "" {
					t.Errorf("%s on paper: %s", p.path, small)
				}
			}
			shot := ask(t, ctx, chromedp.CaptureScreenshot())
			if err := os.WriteFile(filepath.Join(shots, l.name+"-"+p.name+".png"), shot, 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// tooWide names an element that makes the page itself scroll sideways.
const tooWide = `(() => {
	const width = document.documentElement.clientWidth;
	if (document.documentElement.scrollWidth <= width) return "";
	for (const e of document.body.querySelectorAll("*"))
		if (e.getBoundingClientRect().right > width + 1 && !e.closest(".scroll, pre, nav"))
			return e.tagName + "." + e.className + " ends at " + e.getBoundingClientRect().right;
	return "the page is " + document.documentElement.scrollWidth + " wide";
})()`

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
