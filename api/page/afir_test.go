package page_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/gin-gonic/gin"
	"github.com/roamclear/roamclear/api/page"
	"github.com/roamclear/roamclear/api/page/pagetest"
	"github.com/roamclear/roamclear/api/report/reporttest"
	"github.com/roamclear/roamclear/api/rest"
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
)

// theirLocations are some of NL*OPL, and none of anybody else.
type theirLocations struct{}

func (theirLocations) LocationsOf(_ context.Context, cpo ocpi.Party, _ []string, fn func(*ingest.ObjectState) error) error {
	if cpo != ocpi.NewParty("NL", "OPL") {
		return nil
	}
	for i := range 12 {
		v := []ocpi.Version{ocpi.V221, ocpi.V230}[i%2]
		body := fmt.Sprintf(`{"country_code":"NL","party_id":"OPL","id":"L-%02d","publish":%v,"name":"Stationsplein","address":"Stationsplein 1","city":"Utrecht","country":"NLD","coordinates":{"latitude":"52.09","longitude":"5.11"},"time_zone":"Europe/Amsterdam",
"evses":[{"uid":"E1","evse_id":"NL*OPL*E1","status":"AVAILABLE","capabilities":[],"connectors":[{"id":"1","standard":"IEC_62196_T2","power_type":"AC_3_PHASE","max_voltage":230,"max_amperage":16}]},
{"uid":"E2","status":"UNKNOWN","connectors":[{"id":"1","standard":"IEC_62196_T2","power_type":"AC_3_PHASE","max_voltage":230,"max_amperage":16}]}]}`, i, i != 11)
		if err := fn(&ingest.ObjectState{Object: ingest.ObjectLocation, Version: v, Key: ocpi.NewKey("NL", "OPL", fmt.Sprintf("L-%02d", i)), Body: []byte(body)}); err != nil {
			return err
		}
	}
	return nil
}

func newPublicSite(t *testing.T, open bool) site {
	t.Helper()
	var log bytes.Buffer
	engine := gin.New()
	page.Mount(engine, page.Deps{Reader: reporttest.World(5), Tariffs: reporttest.Known(t), Public: &rest.PublicData{Store: theirLocations{}, AdHoc: func(ocpi.Key) bool { return false }},
		Keys: apiKeys{}, Open: open, Logger: slog.New(slog.NewTextHandler(&log, nil))})
	return site{Handler: engine, log: &log}
}

func TestPublicDataPages(t *testing.T) {
	s := newPublicSite(t, false)
	w := s.get(t, "/afir?cpo=NL*OPL&limit=2", "all")
	if w.Code != http.StatusOK {
		t.Fatalf("status %d: %s", w.Code, content(t, w))
	}
	golden(t, "afir.html", content(t, w))
	for _, tc := range []struct {
		target, key string
		status      int
		says        string
	}{
		{"/afir", "all", 200, "Whose Locations?"},
		{"/afir?cpo=NL*TNM", "all", 200, "No Location is known."},
		{"/afir?cpo=NL*OPL&missing=A7", "all", 200, "None: they say all"},
		{"/afir?cpo=NL*OPL&missing=b1&limit=1&cursor=L-03", "all", 200, "B1 (1 of 2 EVSEs)"},
		{"/afir?cpo=NL*OPL&missing=Q1", "all", 400, "no kind of data of the annex"},
		{"/afir", "volt", 200, "No Location is known."},
		{"/afir?cpo=NL*OPL", "volt", 403, "another party"},
	} {
		if w := s.get(t, tc.target, tc.key); w.Code != tc.status || !strings.Contains(w.Body.String(), tc.says) {
			t.Errorf("%s: status %d, want %d and %q:\n%s", tc.target, w.Code, tc.status, tc.says, content(t, w))
		}
	}
}

func TestPublicDataInTheBrowser(t *testing.T) {
	ctx := pagetest.Browser(t)
	server := httptest.NewServer(newPublicSite(t, true))
	t.Cleanup(server.Close)
	shots := pagetest.Shots(t)
	for _, l := range []pagetest.Look{
		{Name: "desktop", Width: 1280, Height: 900}, {Name: "dark", Width: 1280, Height: 900, Dark: true},
		{Name: "phone", Width: 390, Height: 1600, Phone: true}, {Name: "narrow", Width: 320, Height: 1600, Dark: true, Phone: true}, {Name: "paper", Width: 718, Height: 1000, Paper: true},
	} {
		pagetest.Do(t, ctx, l.Emulate())
		for name, target := range map[string]string{"afir": "/afir?cpo=NL*OPL", "afir-none": "/afir"} {
			pagetest.Do(t, ctx, chromedp.Navigate(server.URL+target), pagetest.Seen("h1"))
			pagetest.Fits(t, ctx, shots, l.Name+"-"+name)
		}
	}
}
