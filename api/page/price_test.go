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

func newPriceSite(t *testing.T, open bool) site {
	t.Helper()
	var log bytes.Buffer
	engine := gin.New()
	page.Mount(engine, page.Deps{Reader: reporttest.World(5), Tariffs: reporttest.Known(t), Keys: apiKeys{}, Open: open, Logger: slog.New(slog.NewTextHandler(&log, nil))})
	return site{Handler: engine, log: &log}
}

const (
	evening   = "/price?tariff=GB*DUN*DAY-NIGHT&start=2019-02-11T19:00&minutes=120&kwh=20&parking=45"
	overNight = "/price?tariff=FR*PAR*TIERS&start=2019-02-11T19:00&minutes=600&kwh=60&parking=120&vat=incl"
)

func TestPriceGolden(t *testing.T) {
	s := newPriceSite(t, false)
	for name, target := range map[string]string{"price.html": evening, "price_incl.html": overNight} {
		t.Run(name, func(t *testing.T) {
			w := s.get(t, target, "all")
			if w.Code != http.StatusOK {
				t.Fatalf("status %d: %s", w.Code, content(t, w))
			}
			golden(t, name, content(t, w))
		})
	}
}

func TestPriceForm(t *testing.T) {
	s := newPriceSite(t, false)
	paste := url.Values{"json": {reporttest.DayAndNight}, "tariff": {"GB*DUN*DAY-NIGHT"}, "start": {"2019-02-11T19:00"}, "minutes": {"120"}, "kwh": {"20"}, "zone": {"Europe/London"}}
	with := func(name, value string) url.Values {
		q := url.Values{}
		for n, v := range paste {
			q[n] = v
		}
		q.Set(name, value)
		return q
	}
	abroad := with("zone", "")
	abroad.Set("json", strings.Replace(reporttest.DayAndNight, `"GB"`, `"US"`, 1))
	for _, tc := range []struct {
		name, target, key string
		form              url.Values
		status            int
		says              string
	}{
		{"without a choice the first tariff", "/price", "all", nil, 200, `<option value="FR*PAR*TIERS" selected>`},
		{"a key sees its own tariffs", "/price", "volt", nil, 200, `<option value="">none is known</option>`},
		{"and no other's", evening, "volt", nil, 400, "No such tariff is known here"},
		{"comma for point", strings.Replace(evening, "kwh=20", "kwh=20,0", 1), "all", nil, 200, "costs 11.60 GBP before VAT, 13.92 including VAT"},
		{"local time of the country", evening, "all", nil, 200, "Local times are those of Europe/London, that of GB"},
		{"or of the visitor's choice", evening + "&zone=Europe/Paris", "all", nil, 200, "Local times are those of Europe/Paris, as you chose"},
		{"a tariff without price", strings.Replace(evening, "DAY-NIGHT", "ODD", 1), "all", nil, 422, "WEATHER"},
		{"nothing happens", "/price?tariff=GB*DUN*DAY-NIGHT&start=2019-02-11T19:00&minutes=0&kwh=0&parking=0", "all", nil, 200, "costs 0.50 GBP before VAT"},
		{"no energy", "/price?tariff=GB*DUN*DAY-NIGHT&start=2019-02-11T19:00&minutes=60&kwh=&parking=", "all", nil, 200, "0 kWh in 1 h from Monday 11 February 2019, 19:00, costs 0.50 GBP before VAT"},
		{"not a tariff", "/price?tariff=x", "all", nil, 400, "is not a tariff such as GB*DUN*id"},
		{"not a start", evening + "&start=today", "all", nil, 200, "costs"}, // the first counts
		{"bad start", "/price?tariff=GB*DUN*DAY-NIGHT&start=today", "all", nil, 400, "is not a date and a time"},
		{"bad minutes", "/price?tariff=GB*DUN*DAY-NIGHT&minutes=1.5", "all", nil, 400, "whole number of minutes"},
		{"too long", "/price?tariff=GB*DUN*DAY-NIGHT&minutes=44641", "all", nil, 400, "from 0 to 44640"},
		{"bad energy", "/price?tariff=GB*DUN*DAY-NIGHT&kwh=full", "all", nil, 400, `name="kwh" value="full" size="6" inputmode="decimal" autocomplete="off" aria-invalid="true"`},
		{"energy at once", "/price?tariff=GB*DUN*DAY-NIGHT&minutes=0&kwh=1", "all", nil, 400, "Energy takes time to flow"},
		{"bad zone", evening + "&zone=Dundee", "all", nil, 400, "is not an IANA time zone"},
		{"pasted", "/price", "volt", paste, 200, "costs 8.00 GBP before VAT"},
		{"pasted, local time of the country", "/price", "all", with("zone", ""), 200, "Local times are those of Europe/London, that of GB"},
		{"pasted, of a country with several zones", "/price", "all", abroad, 422, "the price depends on local time"},
		{"pasted, but not JSON", "/price", "all", with("json", "{"), 400, "The tariff: is not an OCPI Tariff object"},
		{"pasted with a mistake", "/price", "all", with("json", strings.Replace(reporttest.DayAndNight, "0.45", `"x"`, 1)), 400, "In the tariff, elements[2].price_components[0].price: "},
		{"pasted too much", "/price", "all", with("json", strings.Repeat("x", 300<<10)), 400, "at most 256 kB"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			method := http.MethodGet
			if tc.form != nil {
				method = http.MethodPost
			}
			w := s.do(t, method, tc.target, tc.key, tc.form)
			if w.Code != tc.status || !strings.Contains(strings.ToLower(w.Body.String()), strings.ToLower(tc.says)) {
				t.Errorf("status %d, want %d and %q:\n%s", w.Code, tc.status, tc.says, content(t, w))
			}
		})
	}
	if s.log.Len() > 0 {
		t.Errorf("logged: %s", s.log)
	}
}

// The form names tariffs as their owners do.
func TestPriceFormShowsIDsAsSent(t *testing.T) {
	shown := newPriceSite(t, false).get(t, "/price", "all").Body.String()
	if !strings.Contains(shown, `<option value="NL*OPL*AC/FAST 2">NL*OPL AC/fast 2</option>`) {
		t.Errorf("the id is not shown as sent:\n%s", shown)
	}
}

// A form without a pasted tariff leads to an address that can be kept.
func TestPriceHasAnAddress(t *testing.T) {
	s := newPriceSite(t, false)
	w := s.do(t, http.MethodPost, "/price", "all", url.Values{"tariff": {"GB*DUN*DAY-NIGHT"}, "json": {" \n"}, "kwh": {""}, "zone": {""}})
	if got := w.Header().Get("Location"); w.Code != http.StatusSeeOther || got != "/price?kwh=&tariff=GB%2ADUN%2ADAY-NIGHT" {
		t.Errorf("status %d, Location %q", w.Code, got)
	}
}

// A person without a mouse prices a charge; the page fits every window.
func TestPriceInTheBrowser(t *testing.T) {
	ctx := pagetest.Browser(t)
	server := httptest.NewServer(newPriceSite(t, true))
	t.Cleanup(server.Close)
	pagetest.Do(t, ctx, chromedp.Navigate(server.URL+evening), pagetest.Seen("svg"))
	pagetest.TabTo(t, ctx, "kwh")
	pagetest.Do(t, ctx, chromedp.KeyEvent("40"))
	pagetest.Enter(t, ctx, "What would it cost?")
	if address := pagetest.Ask(t, ctx, chromedp.Location()); !strings.Contains(address, "kwh=40") {
		t.Errorf("Enter leads to %s", address)
	}
	if said := pagetest.Ask(t, ctx, chromedp.Text(chromedp.CSS(".sentence"))); !strings.HasPrefix(said, "40 kWh in 2 h from Monday 11 February 2019, 19:00, then 45 min parked, costs 19.10 GBP") {
		t.Errorf("the page says %q", said)
	}
	shots := pagetest.Shots(t)
	for _, l := range []pagetest.Look{
		{Name: "desktop", Width: 1280, Height: 1000}, {Name: "dark", Width: 1280, Height: 1000, Dark: true},
		{Name: "phone", Width: 390, Height: 1600, Phone: true}, {Name: "narrow", Width: 320, Height: 1600, Dark: true, Phone: true}, {Name: "paper", Width: 718, Height: 1000, Paper: true},
	} {
		pagetest.Do(t, ctx, l.Emulate())
		for name, target := range map[string]string{
			"price": evening, "price-incl": overNight, "price-limited": strings.Replace(evening, "kwh=20", "kwh=60", 1), "price-wrong": "/price?tariff=GB*DUN*ODD&kwh=x",
			"price-days": strings.Replace(evening, "minutes=120&kwh=20", "minutes=4000&kwh=35", 1),
		} {
			pagetest.Do(t, ctx, chromedp.Navigate(server.URL+target), pagetest.Seen("h1"))
			pagetest.Fits(t, ctx, shots, l.Name+"-"+name)
		}
	}
}
