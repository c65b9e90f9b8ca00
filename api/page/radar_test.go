package page_test

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/gin-gonic/gin"
	"github.com/roamclear/roamclear/api/page"
	"github.com/roamclear/roamclear/api/page/pagetest"
	"github.com/roamclear/roamclear/api/report/reporttest"
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing/lint"
	"github.com/roamclear/roamclear/settlement"
	"github.com/shopspring/decimal"
)

// someChanges are changes of each kind, of the CPO that is asked for.
type someChanges struct{}

func (someChanges) Read(_ context.Context, q settlement.RadarQuery) (*settlement.RadarPage, error) {
	if q.CPO != ocpi.NewParty("NL", "OPL") {
		return &settlement.RadarPage{}, nil
	}
	at := func(day, hour int) ocpi.Time { return ocpi.TimeOf(time.Date(2026, 1, day, hour, 0, 0, 0, time.UTC)) }
	step := func(id, variant string, since, received ocpi.Time) settlement.TariffStep {
		return settlement.TariffStep{Tariff: ingest.Identity{Object: ingest.ObjectTariff, Key: ocpi.NewKey("NL", "OPL", id), Variant: variant}, Since: since, LastUpdated: since, Received: received}
	}
	priced := []lint.Change{{Kind: lint.ChangePrice, Text: "energy +0.02 per kWh (0.30 to 0.32), Mon–Fri 08:00–20:00"}, {Kind: lint.ChangeText, Text: "tariff_alt_text[0].text <b>cheap</b> to dear"}}
	incl := decimal.RequireFromString("22264")
	return &settlement.RadarPage{
		Changes: []settlement.TariffChange{
			{TariffStep: step("11", "", at(1, 0), at(1, 0)), Act: settlement.ActChanged, Origin: settlement.OriginCPO, Currency: "EUR", Changes: priced,
				Places: settlement.TariffPlaces{EVSEs: 15212, Connectors: 15300}, Money: &settlement.ChangeMoney{CDRs: 46001, Priced: 1000, Sampled: true, Currency: "EUR", Excl: decimal.RequireFromString("400"), Incl: &incl}},
			{TariffStep: step("A-TARIFF-WITH-A-LONG-NAME-12345678", "DE*EMP", at(5, 8), at(9, 8)), Act: settlement.ActChanged, Origin: settlement.OriginCopy, Currency: "EUR", Changes: priced[:1], More: 3,
				Places: settlement.TariffPlaces{EVSEs: 1, Connectors: 2}, Money: &settlement.ChangeMoney{CDRs: 3, Priced: 3, Currency: "EUR", Excl: decimal.RequireFromString("-1.25")}},
			{TariffStep: step("11", "", at(12, 0), at(12, 0)), Act: settlement.ActWithdrawn, Origin: settlement.OriginCPO},
			{TariffStep: step("12", "", at(12, 0), at(12, 0)), Act: settlement.ActPublished, Origin: settlement.OriginCPO, Currency: "EUR"},
		},
		Carried:    []settlement.TariffChange{{TariffStep: step("12", "", at(20, 10), 0), Act: settlement.ActCarried, Origin: settlement.OriginCDR, Currency: "EUR", Changes: priced[:1], Money: &settlement.ChangeMoney{Currency: "EUR"}}},
		CarriedCut: true, Next: "behind",
	}, nil
}

func newRadarSite(t *testing.T, open bool) site {
	t.Helper()
	var log bytes.Buffer
	engine := gin.New()
	page.Mount(engine, page.Deps{Reader: reporttest.World(5), Tariffs: reporttest.Known(t), Radar: someChanges{}, Keys: apiKeys{}, Open: open, Logger: slog.New(slog.NewTextHandler(&log, nil))})
	return site{Handler: engine, log: &log}
}

const inJanuary = "/tariffs/changes?cpo=NL*OPL&from=2026-01-01&to=2026-01-31"

func TestRadarGolden(t *testing.T) {
	s := newRadarSite(t, false)
	w := s.get(t, inJanuary, "all")
	if w.Code != http.StatusOK {
		t.Fatalf("status %d: %s", w.Code, content(t, w))
	}
	golden(t, "radar.html", content(t, w))
}

func TestRadarPages(t *testing.T) {
	s := newRadarSite(t, false)
	for _, tc := range []struct {
		name, target, key string
		status            int
		says              string
	}{
		{"nobody is named", "/tariffs/changes", "all", 200, "Whose tariffs?"},
		{"no change", "/tariffs/changes?cpo=NL*TNM&from=2026-01-01&to=2026-01-31", "all", 200, "No tariff changed."},
		{"the last days", "/tariffs/changes?cpo=NL*OPL", "all", 200, "46,001 CDRs"},
		{"a key sees its own", "/tariffs/changes", "volt", 200, "No tariff changed."},
		{"and no other's", inJanuary, "volt", 403, "another party"},
		{"not a day", "/tariffs/changes?cpo=NL*OPL&from=January&to=2026-01-31", "all", 400, "is not a day"},
		{"a page", inJanuary + "&limit=4", "all", 200, `cursor=behind`},
		{"a tariff leads to its changes", "/tariffs/GB/DUN/DAY-NIGHT", "all", 200, `How did it change?`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := s.get(t, tc.target, tc.key)
			if w.Code != tc.status || !strings.Contains(w.Body.String(), tc.says) {
				t.Errorf("status %d, want %d and %q:\n%s", w.Code, tc.status, tc.says, content(t, w))
			}
		})
	}
}

func TestRadarInTheBrowser(t *testing.T) {
	ctx := pagetest.Browser(t)
	server := httptest.NewServer(newRadarSite(t, true))
	t.Cleanup(server.Close)
	shots := pagetest.Shots(t)
	for _, l := range []pagetest.Look{
		{Name: "desktop", Width: 1280, Height: 900}, {Name: "dark", Width: 1280, Height: 900, Dark: true},
		{Name: "phone", Width: 390, Height: 1600, Phone: true}, {Name: "narrow", Width: 320, Height: 1600, Dark: true, Phone: true}, {Name: "paper", Width: 718, Height: 1000, Paper: true},
	} {
		pagetest.Do(t, ctx, l.Emulate())
		for name, target := range map[string]string{"radar": inJanuary, "radar-none": "/tariffs/changes"} {
			pagetest.Do(t, ctx, chromedp.Navigate(server.URL+target), pagetest.Seen("h1"))
			pagetest.Fits(t, ctx, shots, l.Name+"-"+name)
		}
	}
}
