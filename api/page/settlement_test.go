package page_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/roamclear/roamclear/api/report"
	"github.com/roamclear/roamclear/api/report/reporttest"
	"github.com/roamclear/roamclear/ocpi"
)

// A range in which nothing counts says so and keeps its form: CDRs have come in.
func TestEmptyRange(t *testing.T) {
	s := newSite(reporttest.World(60), false)
	for _, tc := range []struct{ key, target, says, not string }{
		{"all", "/?from=2031-01&to=2031-03", "No CDR counts in 2031-01 to 2031-03", "come in yet"},
		{"all", "/?from=2031-01", "No CDR counts in 2031-01.", "come in yet"},
		{"volt", "/?from=2031-01&to=2031-03&cpo=GB*DUN", "No CDR counts in 2031-01 to 2031-03", "come in yet"},
		{"all", "/?from=2019-01&to=2019-01&currency=CHF", "Nothing matches", "No CDR counts"},
	} {
		w := s.get(t, tc.target, tc.key)
		shown := content(t, w)
		if w.Code != http.StatusOK || !strings.Contains(shown, tc.says) || strings.Contains(shown, tc.not) {
			t.Errorf("%s: status %d, want %q: %s", tc.target, w.Code, tc.says, shown)
		}
		if !strings.Contains(shown, `<form class="filters" method="get" action="/">`) || !strings.Contains(shown, "<option>2019-02</option>") {
			t.Errorf("%s: no form with the months there are: %s", tc.target, shown)
		}
	}
	if shown := content(t, newSite(&reporttest.Store{}, false).get(t, "/?from=2031-01", "volt")); !strings.Contains(shown, "No CDR that concerns DE*VOL has come in yet") {
		t.Errorf("to a restricted key: %s", shown)
	}
}

// A few stragglers at either end do not decide what the page opens on.
func TestThePageOpensOnMonthsWorthSeeing(t *testing.T) {
	for _, tc := range []struct {
		name       string
		cdrs       int
		stragglers []string // months of one CDR each
		want       string
	}{
		{"even months", 60, nil, "2019-01 to 2019-03"},
		{"two stragglers after", 600, []string{"2019-07", "2020-06"}, "2019-03,"},
		{"one after", 600, []string{"2020-06"}, "2019-02 to 2019-03"},
		{"nothing but stragglers", 0, []string{"2019-07", "2020-06"}, "2019-07 to 2020-06"},
		{"three stragglers after", 600, []string{"2019-07", "2020-06", "2021-01"}, "2019-01,"},
	} {
		store := reporttest.World(max(tc.cdrs, len(tc.stragglers)))
		for i, month := range tc.stragglers {
			at, err := time.Parse("2006-01", month)
			if err != nil {
				t.Fatal(err)
			}
			store.All[i].Month = ocpi.TimeOf(at).Month()
		}
		if tc.cdrs == 0 {
			store.All = store.All[:len(tc.stragglers)]
		}
		if shown := content(t, newSite(store, true).get(t, "/", "")); !strings.Contains(shown, `<p class="sub">`+tc.want) {
			t.Errorf("%s: want %s: %s", tc.name, tc.want, shown[:min(len(shown), 400)])
		}
	}
}

// What became of a month stands beside it: what is issued where anything is, what is open
// where that is asked for.
func TestWhatBecameOfAMonth(t *testing.T) {
	const months = "/?from=2019-01&to=2019-02&cpo=GB*DUN"
	s := reportedSite(reporttest.World(60), true, report.Clearing{}, reporttest.Reporter{})
	golden(t, "settlement_open.html", content(t, s.get(t, months+"&open=true", "")))
	for target, wants := range map[string][]string{
		months: {`<th scope="col" class="n">Issued</th>`, `colspan="11"`, " late</span>"}, months + "&open=false": {`<option value="">not looked at</option><option value="true">`},
	} {
		shown := content(t, s.get(t, target, ""))
		for _, want := range wants {
			if !strings.Contains(shown, want) || strings.Contains(shown, `class="n">Open</th>`) {
				t.Errorf("%s: want %q and nothing open: %s", target, want, shown)
			}
		}
	}
	if w := s.get(t, months+"&open=perhaps", ""); w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), "is neither true nor false") {
		t.Errorf("open=perhaps: %d %s", w.Code, w.Body)
	}
	for file, want := range map[string]string{"/settlement.csv": ",issued_count,issued_net,late_count,late_net,open_count,open_net,held_count,held_claimed", "/settlement.jsonl": `"held":{"count":1,"claimed":"9.00"}`} {
		if w := s.get(t, file+strings.TrimPrefix(months, "/")+"&open=true", ""); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), want) {
			t.Errorf("%s: %d, want %s: %s", file, w.Code, want, w.Body)
		}
	}
	if w := s.get(t, "/causes?from=2019-01&to=2019-02&open=true", ""); w.Code != http.StatusBadRequest {
		t.Errorf("causes take open: %d", w.Code)
	}
}
