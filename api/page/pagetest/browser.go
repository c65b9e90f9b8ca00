// Package pagetest drives the page in a headless Chromium, for tests.
package pagetest

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	cdppage "github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// Browser starts a headless Chromium for one test.
func Browser(t *testing.T) context.Context {
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
	Do(t, ctx) // starts it; a time limit here would end it later
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

// Do performs steps in order.
func Do(t *testing.T, ctx context.Context, steps ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	if err := chromedp.Do(ctx, steps...); err != nil {
		t.Fatal(err)
	}
}

// Ask performs one action and returns what it finds.
func Ask[T any](t *testing.T, ctx context.Context, action chromedp.Action[T]) T {
	t.Helper()
	found, err := chromedp.Run(ctx, action)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// Seen waits until what a selector means is visible.
func Seen(css string) chromedp.Action[chromedp.Void] { return chromedp.WaitVisible(chromedp.CSS(css)) }

// Focused is what the keyboard is on: its name, else its text.
const Focused = `(() => { const e = document.activeElement; return (e.name || e.innerText || e.tagName).trim() })()`

// TabTo presses Tab until the focus is on what is asked for.
func TabTo(t *testing.T, ctx context.Context, want string) {
	t.Helper()
	var passed []string
	for range 60 {
		Do(t, ctx, chromedp.KeyEvent(kb.Tab))
		at := Ask(t, ctx, chromedp.Evaluate[string](Focused))
		if at == want {
			return
		}
		passed = append(passed, at)
	}
	t.Fatalf("Tab never comes to %q; it comes to %q", want, passed)
}

// Enter presses Enter, waits until a page has loaded, and checks its title.
func Enter(t *testing.T, ctx context.Context, title string) {
	t.Helper()
	Ask(t, ctx, chromedp.WaitEvent(cdppage.LoadEventFired, nil, chromedp.KeyEvent(kb.Enter)))
	if got := Ask(t, ctx, chromedp.Title()); got != title+" – roamclear" {
		t.Fatalf("Enter leads to %q, not to %q", got, title)
	}
}

// Shots is the directory for pictures of pages: ROAMCLEAR_TEST_SCREENSHOTS where that is set, to
// be looked at.
func Shots(t *testing.T) string {
	t.Helper()
	if dir := os.Getenv("ROAMCLEAR_TEST_SCREENSHOTS"); dir != "" {
		return dir
	}
	return t.TempDir()
}

// Fits checks that the page which is shown is no wider than its window and breaks no rule of
// WCAG 2.2 A and AA that axe-core can see, and takes its picture.
func Fits(t *testing.T, ctx context.Context, shots, name string) {
	t.Helper()
	if overflow := Ask(t, ctx, chromedp.Evaluate[string](tooWide)); overflow != "" {
		t.Errorf("%s: %s", name, overflow)
	}
	if nameless := Ask(t, ctx, chromedp.Evaluate[string](namelessCells)); nameless != "" {
		t.Errorf("%s: %s", name, nameless)
	}
	if broken := Ask(t, ctx, chromedp.Evaluate[string](axe(t)+brokenRules, chromedp.EvalAwaitPromise)); broken != "" {
		t.Errorf("%s: %s", name, broken)
	}
	if err := os.WriteFile(filepath.Join(shots, name+".png"), Ask(t, ctx, chromedp.CaptureScreenshot()), 0o644); err != nil {
		t.Fatal(err)
	}
}

// axe is axe-core, as deploy/test-tools.sh fetched it.
func axe(t *testing.T) string {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	script, err := os.ReadFile(filepath.Join(cache, "roamclear", "axe-core-4.14.1", "axe.min.js"))
	if err != nil {
		t.Fatalf("axe-core is missing: deploy/test-tools.sh fetches it: %v", err)
	}
	return string(script)
}

// brokenRules says which rules what elements break, "" for none.
// Paper has no colours to choose and nothing to be touched.
const brokenRules = `;
matchMedia("print").matches ? "" : axe.run(document, {runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"], resultTypes: ["violations"]}).then(r =>
	r.violations.map(v => v.id + ": " + v.help + ": " + v.nodes.slice(0, 3).map(n => n.target.join(" ")).join(", ")).join("; "))`

// namelessCells says which cells of tables that are stacked, as on phones, stand without the
// name of their column, "" for none.
const namelessCells = `[...document.querySelectorAll("table.stack tbody td[data-label]")].filter(td => getComputedStyle(td.closest("table")).display === "block" && td.offsetParent !== null &&
	td.textContent.trim() !== "" && !getComputedStyle(td, "::before").content.includes(td.dataset.label)).slice(0, 3).map(td => "a cell has no name: " + td.dataset.label).join("; ")`

// Look is one way to see the pages.
type Look struct {
	Name          string
	Width, Height int64
	Dark, Phone   bool
	Paper         bool // as printed: nothing scrolls there
}

// Emulate has the pages seen so.
func (l Look) Emulate() chromedp.Action[chromedp.Void] {
	scheme := map[bool]string{true: "dark", false: "light"}[l.Dark]
	size := chromedp.EmulateViewport(l.Width, l.Height)
	if l.Phone {
		size = chromedp.EmulateViewport(l.Width, l.Height, chromedp.EmulateMobile, chromedp.EmulateTouch, chromedp.EmulatePortrait)
	}
	return chromedp.Steps(size, chromedp.Func(func(ctx context.Context, tab *chromedp.Target) error {
		_, err := cdp.Call(ctx, tab, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Media:    map[bool]string{true: "print", false: "screen"}[l.Paper],
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
		})
		return err
	}))
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
