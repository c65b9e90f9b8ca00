package page_test

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/gin-gonic/gin"
	"github.com/roamclear/roamclear/api/page"
	"github.com/roamclear/roamclear/api/page/pagetest"
	"github.com/roamclear/roamclear/api/report"
	"github.com/roamclear/roamclear/api/report/reporttest"
	"github.com/roamclear/roamclear/settlement"
)

// chargedSite has a CDR as the engine priced it, among others.
func chargedSite(t *testing.T) (site, *reporttest.Store) {
	t.Helper()
	store, known := reporttest.World(60), reporttest.Known(t)
	store.Charged(t, known)
	engine := gin.New()
	engine.UseEscapedPath, engine.UnescapePathValues = true, false
	page.Mount(engine, page.Deps{Reader: store, Closes: reporttest.January, Clearing: reporttest.Agreed(t), Tariffs: known, Keys: apiKeys{}, Open: true, Logger: slog.New(slog.DiscardHandler)})
	return site{Handler: engine}, store
}

// A CDR shows by which element we charge which period, and where one reading explains
// the claim, by which one the partner does.
func TestHowAChargeWent(t *testing.T) {
	s, _ := chargedSite(t)
	w := s.get(t, report.CDRPath(reporttest.ChargedKey), "")
	if w.Code != http.StatusOK {
		t.Fatalf("status %d: %s", w.Code, content(t, w))
	}
	golden(t, "cdr_charged.html", content(t, w))
}

// Without tariff elements the periods are shown alone; a CDR that is not in order, or
// tells no periods, has no picture.
func TestHowAnOddChargeWent(t *testing.T) {
	const picture = `<figure class="chart course">`
	for name, tc := range map[string]struct {
		change func(*settlement.CDRDetail)
		says   string
		shown  bool
	}{
		"not priced":       {func(d *settlement.CDRDetail) { d.Explanation, d.Reconciliation, d.Findings = nil, nil, nil }, "Charging periods", true},
		"tariffs are gone": {func(d *settlement.CDRDetail) { d.AsOf.Reference = 0 }, "Energy</text>", true},
		"no body of ours":  {func(d *settlement.CDRDetail) { d.Raw = []byte(`{"id":1}`) }, "The CDR as the partner sent it", false},
		"out of order": {func(d *settlement.CDRDetail) {
			d.Raw = []byte(strings.Replace(string(d.Raw), `"2019-07-10T19:00:00Z","dim`, `"2019-07-10T18:00:00Z","dim`, 1))
		}, "Greenmarket", false},
	} {
		t.Run(name, func(t *testing.T) {
			s, store := chargedSite(t)
			tc.change(&store.All[len(store.All)-1])
			w := s.get(t, report.CDRPath(reporttest.ChargedKey), "")
			got := content(t, w)
			if w.Code != http.StatusOK || !strings.Contains(got, tc.says) || strings.Contains(got, picture) != tc.shown || strings.Contains(got, "by the partner") {
				t.Errorf("status %d, want %q and a picture: %t\n%s", w.Code, tc.says, tc.shown, got)
			}
		})
	}
}

// What stands beside a CDR is that of the list one came from.
func TestBesideACDR(t *testing.T) {
	store := reporttest.World(60)
	s := newSite(store, true)
	for _, choice := range []string{"claim=differs", "claim=differs&from=2019-01&sort=newest&to=2019-03", "day_from=2019-02-01&day_to=2019-02-28"} {
		list := content(t, s.get(t, "/cdrs?"+choice, ""))
		var cells []string
		for _, part := range strings.Split(list, `<th scope="row"><a href="`)[1:] {
			at, _, _ := strings.Cut(part, `"`)
			cells = append(cells, at)
		}
		if len(cells) < 3 {
			t.Fatalf("%s lists %d CDRs", choice, len(cells))
		}
		for i := range cells {
			path := strings.ReplaceAll(cells[i], "&amp;", "&")
			got := content(t, s.get(t, path, ""))
			before, after := i > 0 && sameMonth(choice, cells, store, i, i-1), i+1 < len(cells) && sameMonth(choice, cells, store, i, i+1)
			if strings.Contains(got, `rel="prev"`) != before || strings.Contains(got, `rel="next"`) != after {
				t.Errorf("%s: wants one before: %t, behind: %t", path, before, after)
			}
			if before && !strings.Contains(got, `<a href="`+cells[i-1]+`" rel="prev">`) || after && !strings.Contains(got, `<a href="`+cells[i+1]+`" rel="next">`) {
				t.Errorf("%s does not lead to its neighbours\n%s", path, got)
			}
		}
	}
	if got := content(t, s.get(t, report.CDRPath(store.All[0].Key), "")); strings.Contains(got, `rel="next"`) {
		t.Errorf("who came from no list is led on:\n%s", got)
	}
	if w := s.get(t, report.CDRPath(store.All[0].Key)+"?claim=none", ""); w.Code != http.StatusBadRequest {
		t.Errorf("a list that there is none of: status %d", w.Code)
	}
}

// sameMonth reports whether two CDRs of a list are neighbours: of one without months,
// only those of one month are.
func sameMonth(choice string, paths []string, store *reporttest.Store, i, j int) bool {
	month := func(path string) string {
		at, _, _ := strings.Cut(path, "?")
		for k := range store.All {
			if report.CDRPath(store.All[k].Key) == at {
				return store.All[k].Month.String()
			}
		}
		return ""
	}
	return strings.Contains(choice, "&from=") || month(paths[i]) == month(paths[j])
}

func TestACDRFitsTheWindow(t *testing.T) {
	ctx := pagetest.Browser(t)
	s, _ := chargedSite(t)
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	shots := pagetest.Shots(t)
	for _, l := range []pagetest.Look{
		{Name: "desktop", Width: 1280, Height: 1500}, {Name: "dark", Width: 1280, Height: 1500, Dark: true},
		{Name: "phone", Width: 390, Height: 2000, Phone: true}, {Name: "paper", Width: 718, Height: 1400, Paper: true},
	} {
		pagetest.Do(t, ctx, l.Emulate(), chromedp.Navigate(server.URL+report.CDRPath(reporttest.ChargedKey)+"?claim=differs"), pagetest.Seen("h1"))
		pagetest.Fits(t, ctx, shots, l.Name+"-cdr-charged")
	}
}
