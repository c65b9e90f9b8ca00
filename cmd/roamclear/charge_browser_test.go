package main

import (
	"bytes"
	"context"
	"io"
	"regexp"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/shopspring/decimal"

	"github.com/roamclear/roamclear/api/page/pagetest"
	"github.com/roamclear/roamclear/ingest/control"
	"github.com/roamclear/roamclear/ocpi"
)

// demoService is a service that others may reach, so that its page wants a key, with the
// demo world in it and the demo's stations beside it.
func demoService(t *testing.T) *testService {
	t.Helper()
	config := testConfig(t.TempDir())
	config.Listen = "0.0.0.0:0"
	s := startConfig(t, config)
	s.url = strings.Replace(s.url, "[::]", "127.0.0.1", 1)
	s.eventually("the service is ready", func() bool { return s.request("GET", "/readyz", "", "").status == 200 })
	ctx, stop := context.WithCancel(t.Context())
	var out bytes.Buffer
	var ended error
	loaded, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		ended = runDemo(ctx, s.inside, demoOptions{rows: "60", seed: 1}, false, io.MultiWriter(&out, lineWriter{"Running.", loaded}), io.Discard)
	}()
	t.Cleanup(func() {
		stop()
		if <-done; ended != nil {
			t.Errorf("the demo ended with %v", ended)
		}
	})
	select {
	case <-loaded:
	case <-done:
		t.Fatalf("the demo ended: %s", out.String())
	}
	if !strings.Contains(out.String(), "/stations/NL/DEM/DEM-L1") {
		t.Errorf("it does not say where to charge: %s", out.String())
	}
	return s
}

// lineWriter closes a channel at the first text with a word.
type lineWriter struct {
	word string
	seen chan struct{}
}

func (w lineWriter) Write(b []byte) (int, error) {
	if bytes.Contains(b, []byte(w.word)) {
		close(w.seen)
	}
	return len(b), nil
}

// shown is the text of what a selector means, as the page is now.
func shown(t *testing.T, ctx context.Context, css string) string {
	t.Helper()
	return pagetest.Ask(t, ctx, chromedp.Evaluate[string](`document.querySelector("`+css+`")?.innerText ?? ""`))
}

var cost = regexp.MustCompile(`([0-9.]+) kWh for ([0-9.]+) EUR`)

// charged is what the page of a charge says that it is, has taken and costs.
func charged(t *testing.T, ctx context.Context) (state string, kWh, price decimal.Decimal) {
	t.Helper()
	state = shown(t, ctx, "h1 .tag")
	if m := cost.FindStringSubmatch(shown(t, ctx, "[role=status]")); m != nil {
		kWh, price = decimal.RequireFromString(m[1]), decimal.RequireFromString(m[2])
	}
	return state, kWh, price
}

// A driver without a mouse signs in, finds a station of the demo, starts a charge there,
// watches it being priced, stops it, and sees what it is billed at: on a desktop and on a
// phone.
func TestADriverChargesInTheBrowser(t *testing.T) {
	s := demoService(t)
	key := strings.TrimPrefix(s.scopedKey(control.ScopeApp, ocpi.NewParty("DE", "TNM")), "Bearer ")
	shots := pagetest.Shots(t)
	for _, l := range []pagetest.Look{{Name: "desktop", Width: 1280, Height: 900}, {Name: "phone", Width: 390, Height: 844, Phone: true}} {
		ctx := pagetest.Browser(t)
		pagetest.Do(t, ctx, l.Emulate(), chromedp.Navigate(s.url+"/"), pagetest.Seen("#key"), chromedp.KeyEvent(key))
		pagetest.Enter(t, ctx, "Stations")
		pagetest.Fits(t, ctx, shots, l.Name+"-all-stations")
		pagetest.TabTo(t, ctx, "near")
		pagetest.Do(t, ctx, chromedp.KeyEvent("utrecht"))
		pagetest.TabTo(t, ctx, "Find")
		pagetest.Enter(t, ctx, "Stations")
		pagetest.Fits(t, ctx, shots, l.Name+"-near")
		pagetest.TabTo(t, ctx, "Station 1")
		pagetest.Enter(t, ctx, "Station 1")
		pagetest.Fits(t, ctx, shots, l.Name+"-station")
		pagetest.TabTo(t, ctx, "token")
		pagetest.Do(t, ctx, chromedp.KeyEvent("APP-77"))
		pagetest.TabTo(t, ctx, "Start charging")
		pagetest.Enter(t, ctx, "Charge")
		pagetest.Fits(t, ctx, shots, l.Name+"-asked")

		var first, kWh, price decimal.Decimal
		s.eventually("the charge is priced", func() bool {
			var state string
			state, kWh, first = charged(t, ctx)
			return state == "charging" && kWh.IsPositive() && first.IsPositive()
		})
		pagetest.TabTo(t, ctx, "Stop charging")
		price = first
		for range 3 {
			before := price
			s.eventually("it costs more", func() bool {
				_, kWh, price = charged(t, ctx)
				return price.GreaterThan(before)
			})
			if at := pagetest.Ask(t, ctx, chromedp.Evaluate[string](pagetest.Focused)); at != "Stop charging" {
				t.Fatalf("the keyboard is on %q after the page was brought up to date", at)
			}
		}
		if want := kWh.Mul(decimal.RequireFromString("0.36")).Round(4); !price.Equal(want) { // four decimals are shown
			t.Errorf("%s kWh cost %s, want %s", kWh, price, want)
		}
		pagetest.Fits(t, ctx, shots, l.Name+"-charging")
		pagetest.Enter(t, ctx, "Charge")
		if state := shown(t, ctx, "h1 .tag"); state == "charging" {
			t.Errorf("after the stop it is %q", state)
		}
		s.eventually("it is billed", func() bool {
			var state string
			state, kWh, price = charged(t, ctx)
			return state == "billed"
		})
		if facts := shown(t, ctx, ".facts"); !price.GreaterThanOrEqual(first) || !strings.Contains(facts, "as was quoted") {
			t.Errorf("billed at %s, after %s: %s", price, first, facts)
		}
		pagetest.Fits(t, ctx, shots, l.Name+"-billed")
		pagetest.Do(t, ctx, chromedp.Navigate(s.url+"/charges"), pagetest.Seen("h1"))
		pagetest.Fits(t, ctx, shots, l.Name+"-charges")
	}
	verified(t, s.data)
}
