package page_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/roamclear/roamclear/api"
	"github.com/roamclear/roamclear/api/app/apptest"
	"github.com/roamclear/roamclear/api/page"
	"github.com/roamclear/roamclear/api/page/pagetest"
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing"
)

// newStationSite shows the stations of a world: Centralen, and others a few km away.
func newStationSite(t *testing.T, open bool) (site, *apptest.World) {
	t.Helper()
	w := apptest.New(t)
	w.Example()
	for i := range 25 {
		body := strings.NewReplacer(`"L1"`, fmt.Sprintf(`"N%d"`, i), "Centralen", fmt.Sprintf("Parkering & <b>hus</b> %d", i), "57.70870", fmt.Sprintf("57.7%02d00", 10+i),
			`"status":"AVAILABLE"`, `"status":"OUTOFORDER"`).Replace(apptest.Centralen)
		w.Put(ingest.ObjectLocation, ocpi.V221, "SE*ABC", fmt.Sprintf("N%d", i), "", body)
	}
	var log bytes.Buffer
	engine := api.NewEngine(slog.New(slog.DiscardHandler))
	page.Mount(engine, page.Deps{App: w.Calls, Partners: w.Partners, Keys: apiKeys{}, Open: open, Logger: slog.New(slog.NewTextHandler(&log, nil))})
	return site{Handler: engine, log: &log}, w
}

func TestStationsPage(t *testing.T) {
	s, _ := newStationSite(t, false)
	for _, tt := range []struct {
		path, key string
		status    int
		has, not  []string
	}{
		{"/stations", "emp", 200, []string{"drivers of SE*EMP", "Centralen", "CCS, 150 kW", "112.50 SEK", "in use", "no price published", "open now"}, []string{"Settlement", "<b>hus", "REMOVED"}},
		{"/stations?near=Centralen&km=1", "emp", 200, []string{"Around Centralen", "0 m", "Parkering &amp; &lt;b&gt;hus"}, []string{"More stations"}},
		{"/stations?near=57.7087,+11.97456&km=100&standard=CHADEMO", "emp", 200, []string{"More stations", "CHAdeMO, 62.5 kW"}, []string{"CCS, 150"}},
		{"/stations?near=57.7087,11.97456&km=1&status=AVAILABLE&min_kw=100", "emp", 200, []string{"Centralen", "free"}, []string{"out of order", "CHAdeMO, "}},
		{"/stations?near=Atlantis", "emp", 200, []string{"No station is known by"}, []string{"Centralen"}},
		{"/stations?near=57.7,11.9&km=500", "emp", 200, []string{"from 1 to 100"}, []string{"Centralen"}},
		{"/stations?energy=lots", "emp", 200, []string{"not a decimal number"}, []string{"Centralen"}},
		{"/stations?near=0,0&km=1", "emp", 200, []string{"No station fits"}, nil},
		{"/stations/SE/ABC/L1", "emp", 200, []string{"Centralen", "SEK 4.50 per kWh", "Charging time", "Tariff T1", "Nils Ericsonsplatsen 1, Göteborg"}, nil},
		{"/stations/SE/ABC/NONE", "emp", 404, []string{"is not known"}, nil},
		{"/stations", "all", 403, []string{"no scope app"}, nil},
		{"/cdrs", "emp", 403, []string{"no scope finance:read"}, nil},
		{"/", "emp", 303, nil, nil},
		{"/stations", "", 303, nil, nil},
	} {
		w := s.get(t, tt.path, tt.key)
		if w.Code != tt.status {
			t.Errorf("%s as %q: status %d, want %d: %s", tt.path, tt.key, w.Code, tt.status, w.Body)
		}
		for _, has := range tt.has {
			if !strings.Contains(w.Body.String(), has) {
				t.Errorf("%s does not say %q: %.3000s", tt.path, has, w.Body)
			}
		}
		for _, not := range tt.not {
			if strings.Contains(w.Body.String(), not) {
				t.Errorf("%s says %q", tt.path, not)
			}
		}
	}
}

// cameLately is a store with one charge two hours ago, and nothing else.
type cameLately struct{ connector uint64 }

func (c cameLately) LastCharges(_ context.Context, _, _ ocpi.Time, fn func(uint64, ocpi.Time) error) error {
	return fn(c.connector, ocpi.TimeOf(apptest.Now.Add(-2*time.Hour)))
}

func (cameLately) EndedSessions(_ context.Context, _ ocpi.Time, fn func(*ingest.ObjectState) error) error {
	for i := range 3 {
		body := fmt.Sprintf(`{"country_code":"SE","party_id":"ABC","id":"S%d","location_id":"L1","evse_uid":"E1","connector_id":"1","kwh":0,"status":"INVALID","currency":"SEK","start_date_time":"2026-01-04T08:00:00Z","last_updated":"2026-01-04T09:00:00Z"}`, i)
		s := &ingest.ObjectState{Object: ingest.ObjectSession, Version: ocpi.V221, Key: ocpi.NewKey("SE", "ABC", fmt.Sprint("S", i)), Received: ocpi.TimeOf(apptest.Now), Body: []byte(body)}
		if err := fn(s); err != nil {
			return err
		}
	}
	return nil
}

func (cameLately) CommandsSince(context.Context, ocpi.Time, func(*ingest.ObjectState) error) error {
	return nil
}

// A station says how each EVSE worked lately, once that is known.
func TestAStationSaysHowItWorked(t *testing.T) {
	s, w := newStationSite(t, false)
	if a := s.get(t, "/stations/SE/ABC/L1", "emp"); strings.Contains(a.Body.String(), "charge known") {
		t.Errorf("it says how it worked before anybody knows: %s", a.Body)
	}
	if err := w.Worked.Refresh(t.Context(), cameLately{pricing.ConnectorHash(ocpi.NewParty("SE", "ABC"), "L1", "E1", "1")}, 0, ocpi.TimeOf(apptest.Now)); err != nil {
		t.Fatal(err)
	}
	if a := s.get(t, "/stations/SE/ABC/L1", "emp"); !strings.Contains(a.Body.String(), "E1 · last charge 2026-01-05 08:00 UTC, 3 failed starts in 7 days") {
		t.Errorf("it does not say how it worked: %s", a.Body)
	}
}

// Who needs no key chooses as which eMSP to look, and sees what that one sees.
func TestStationsAsAnEMSP(t *testing.T) {
	s, w := newStationSite(t, true)
	w.Put(ingest.ObjectTariff, ocpi.V221, "SE*ABC", "T1", "SE*EMP", strings.Replace(apptest.T1, "4.50", "2.00", 1))
	for path, want := range map[string]string{"/stations?emsp=SE*EMP": "50.00 SEK", "/stations?emsp=DE*TNM": "112.50 SEK", "/stations/SE/ABC/L1?emsp=SE*EMP": "SEK 2.00 per kWh", "/stations": "112.50 SEK"} {
		if a := s.get(t, path, ""); a.Code != 200 || !strings.Contains(a.Body.String(), want) || strings.Contains(path, "DE*TNM") && strings.Contains(a.Body.String(), "50.00 SEK<") && !strings.Contains(a.Body.String(), "112.50") {
			t.Errorf("%s: status %d, want %s: %s", path, a.Code, want, a.Body)
		}
	}
	if a := s.get(t, "/stations?emsp=DE*TNM", ""); strings.Contains(a.Body.String(), ">50.00 SEK") {
		t.Error("another eMSP's own price is shown")
	}
}

// A person without a mouse finds a station and reads what it costs there; the pages fit
// every window.
func TestStationsInTheBrowser(t *testing.T) {
	ctx := pagetest.Browser(t)
	site, world := newStationSite(t, true)
	if err := world.Worked.Refresh(t.Context(), cameLately{pricing.ConnectorHash(ocpi.NewParty("SE", "ABC"), "L1", "E1", "1")}, 0, ocpi.TimeOf(apptest.Now)); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(site)
	t.Cleanup(server.Close)
	pagetest.Do(t, ctx, chromedp.Navigate(server.URL+"/stations"), pagetest.Seen("h1"))
	pagetest.TabTo(t, ctx, "near")
	pagetest.Do(t, ctx, chromedp.KeyEvent("centralen"))
	pagetest.TabTo(t, ctx, "Find")
	pagetest.Enter(t, ctx, "Stations")
	if first := pagetest.Ask(t, ctx, chromedp.Text(chromedp.CSS(".stations h2 a"))); first != "Centralen" {
		t.Errorf("the nearest is %q", first)
	}
	pagetest.TabTo(t, ctx, "Centralen")
	pagetest.Enter(t, ctx, "Centralen")
	pagetest.TabTo(t, ctx, "Stations")
	shots := pagetest.Shots(t)
	for _, l := range []pagetest.Look{
		{Name: "desktop", Width: 1280, Height: 900}, {Name: "dark", Width: 1280, Height: 900, Dark: true},
		{Name: "phone", Width: 390, Height: 1600, Phone: true}, {Name: "narrow", Width: 320, Height: 1600, Dark: true, Phone: true}, {Name: "paper", Width: 718, Height: 1000, Paper: true},
	} {
		pagetest.Do(t, ctx, l.Emulate())
		for name, target := range map[string]string{"stations": "/stations?near=centralen", "stations-none": "/stations?near=atlantis", "station": "/stations/SE/ABC/L1"} {
			pagetest.Do(t, ctx, chromedp.Navigate(server.URL+target), pagetest.Seen("h1"))
			pagetest.Fits(t, ctx, shots, l.Name+"-"+name)
		}
	}
}
