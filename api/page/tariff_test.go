package page_test

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/roamclear/roamclear/api/page/pagetest"
	"github.com/roamclear/roamclear/api/report"
	"github.com/roamclear/roamclear/api/report/reporttest"
	"github.com/roamclear/roamclear/settlement"
)

const doubtful = "/tariffs/NL/OPL/AC%2FFAST%202"

func TestTariffGolden(t *testing.T) {
	s := newPriceSite(t, false)
	for name, target := range map[string]string{
		"tariffs.html": "/tariffs", "tariff.html": doubtful, "tariff_odd.html": "/tariffs/gb/dun/odd",
	} {
		t.Run(name, func(t *testing.T) {
			w := s.get(t, target, "all")
			if w.Code != http.StatusOK {
				t.Fatalf("status %d: %s", w.Code, content(t, w))
			}
			golden(t, name, content(t, w))
		})
	}
}

func TestTariffPages(t *testing.T) {
	s := newPriceSite(t, false)
	for _, tc := range []struct {
		name, target, key string
		status            int
		says              string
	}{
		{"of one owner", "/tariffs?party=fr*par", "all", 200, "Nothing serious is wrong with this tariff."},
		{"a page", "/tariffs?limit=1", "all", 200, `<a href="/tariffs?cursor=NL%2AOPL%2AAC%2FFAST&#43;2&amp;limit=1" rel="next">`},
		{"the next page", "/tariffs?cursor=NL%2AOPL%2AAC%2FFAST+2&limit=1", "all", 200, ">ODD</a>"},
		{"after one that was withdrawn", "/tariffs?cursor=NL*OPL*GONE", "all", 400, "leave it out to start at the first page"},
		{"a key sees its own", "/tariffs", "volt", 200, "No tariff is known here."},
		{"and no other's", doubtful, "volt", 404, "Not found"},
		{"unknown", "/tariffs/NL/OPL/NONE", "all", 404, "Not found"},
		{"not an owner", "/tariffs?party=Dundee", "all", 400, "is not a party such as GB*DUN"},
		{"all is well", "/tariffs/GB/DUN/DAY-NIGHT", "all", 200, "It can be priced, and nothing in it is doubtful."},
		{"leads to a price", "/tariffs/GB/DUN/DAY-NIGHT", "all", 200, `href="/price?tariff=GB%2ADUN%2ADAY-NIGHT">What would it cost?</a>`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := s.get(t, tc.target, tc.key)
			if w.Code != tc.status || !strings.Contains(w.Body.String(), tc.says) {
				t.Errorf("status %d, want %d and %q:\n%s", w.Code, tc.status, tc.says, content(t, w))
			}
		})
	}
	if w := s.get(t, "/tariffs/GB/DUN/ODD", "all"); strings.Contains(w.Body.String(), "/price?tariff") {
		t.Error("a tariff without price leads to a price")
	}
	if s.log.Len() > 0 {
		t.Errorf("logged: %s", s.log)
	}
}

// A CDR that was priced by a tariff its partner pushed leads to that tariff,
// for those who may see it.
func TestCDRLeadsToItsTariff(t *testing.T) {
	world := reporttest.World(60)
	i := slices.IndexFunc(world.All, func(d settlement.CDRDetail) bool { return d.CPO.ID == "DUN" && d.EMSP.ID == "VOL" && d.TariffIDs != "" })
	d := &world.All[i]
	const link = `<a href="/tariffs/GB/DUN/DAY%2FNIGHT">Day/Night</a>`
	for _, tc := range []struct {
		ids, source, key string
		want             bool
	}{
		{"Day/Night", "store", "all", true},
		{"Day/Night", "cdr", "all", false},
		{"Day/Night,Night", "store", "all", false},
		{"Day/Night", "store", "volt", false},
	} {
		d.TariffIDs, d.TariffSource = tc.ids, tc.source
		w := newSite(world, false).get(t, report.CDRPath(d.Key), tc.key)
		if got := strings.Contains(w.Body.String(), link); w.Code != http.StatusOK || got != tc.want {
			t.Errorf("%+v: status %d, leads to the tariff: %v", tc, w.Code, got)
		}
	}
}

// A person without a mouse goes from the list to the most doubtful tariff and
// on to a price; the pages fit every window.
func TestTariffsInTheBrowser(t *testing.T) {
	ctx := pagetest.Browser(t)
	server := httptest.NewServer(newPriceSite(t, true))
	t.Cleanup(server.Close)
	pagetest.Do(t, ctx, chromedp.Navigate(server.URL+"/price"), pagetest.Seen("h1"))
	pagetest.TabTo(t, ctx, "Tariffs")
	pagetest.Enter(t, ctx, "Tariffs")
	first := pagetest.Ask(t, ctx, chromedp.Text(chromedp.CSS("tbody th a")))
	pagetest.TabTo(t, ctx, first)
	pagetest.Enter(t, ctx, "Tariff AC/fast 2")
	pagetest.TabTo(t, ctx, "What would it cost?")
	pagetest.Enter(t, ctx, "What would it cost?")
	if chosen := pagetest.Ask(t, ctx, chromedp.Evaluate[string]("document.querySelector('[name=tariff]').value")); chosen != "NL*OPL*AC/FAST 2" {
		t.Errorf("the price is asked of %q", chosen)
	}
	shots := pagetest.Shots(t)
	for _, l := range []pagetest.Look{
		{Name: "desktop", Width: 1280, Height: 900}, {Name: "dark", Width: 1280, Height: 900, Dark: true},
		{Name: "phone", Width: 390, Height: 1600, Phone: true}, {Name: "narrow", Width: 320, Height: 1600, Dark: true, Phone: true}, {Name: "paper", Width: 718, Height: 1000, Paper: true},
	} {
		pagetest.Do(t, ctx, l.Emulate())
		for name, target := range map[string]string{
			"tariffs": "/tariffs", "tariffs-none": "/tariffs?party=XX*YYY", "tariff": doubtful, "tariff-odd": "/tariffs/GB/DUN/ODD", "tariff-well": "/tariffs/FR/PAR/TIERS",
		} {
			pagetest.Do(t, ctx, chromedp.Navigate(server.URL+target), pagetest.Seen("h1"))
			pagetest.Fits(t, ctx, shots, l.Name+"-"+name)
		}
	}
}
