package page_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/roamclear/roamclear/api/report/reporttest"
)

// A person who settles sees by what, who said so and since when; a party sees its own.
func TestAgreementPage(t *testing.T) {
	s := agreedSite(reporttest.World(60), false, reporttest.Agreed(t))
	golden(t, "agreement.html", content(t, s.get(t, "/agreement?cpo=GB*DUN&emsp=DE*VOL&at=2026-02", "all")))
	golden(t, "agreement_party.html", content(t, s.get(t, "/agreement?cpo=GB*DUN&emsp=DE*VOL&at=2026-02", "volt")))
	for _, tc := range []struct {
		key, target string
		status      int
		says        string
	}{
		{"all", "/agreement", 200, "Agreement of the house"},
		{"all", "/agreement?cpo=NL*TNM&at=2025-12", 200, "Agreement NL*TNM as CPO"},
		{"all", "/agreement?at=2025-12", 200, `<td data-label="Value">observe</td>`},
		{"volt", "/agreement?emsp=DE*VOL&at=2026-01", 200, "Agreement DE*VOL as eMSP"},
		{"volt", "/agreement?cpo=GB*DUN&emsp=NL*EXW&at=2026-01", 404, "Not found"},
		{"volt", "/agreement?cpo=GB*DUN&at=2026-01", 404, "Not found"},
		{"all", "/agreement?at=January", 400, "is not a month"},
		{"all", "/agreement?cpo=Dundee", 400, "is not a party"},
		{"all", "/agreement?party=GB*DUN", 400, "no such parameter"},
	} {
		w := s.get(t, tc.target, tc.key)
		if w.Code != tc.status || !strings.Contains(w.Body.String(), tc.says) {
			t.Errorf("%s %s: status %d, want %d and %q:\n%s", tc.key, tc.target, w.Code, tc.status, tc.says, w.Body)
		}
	}
}

// A row of the settlement leads to what its pair settles by in its month.
func TestSettlementLeadsToAgreements(t *testing.T) {
	s := agreedSite(reporttest.World(60), false, reporttest.Agreed(t))
	w := s.get(t, "/?from=2019-01&to=2019-01&cpo=GB*DUN", "all")
	const link = `<a class="more" href="/agreement?at=2019-01&amp;cpo=GB%2ADUN&amp;emsp=NL%2AEXW" aria-label="terms of GB*DUN → NL*EXW">terms</a>`
	if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), link) {
		t.Errorf("status %d, without %s:\n%s", w.Code, link, w.Body)
	}
	if w := newSite(reporttest.World(60), false).get(t, "/agreement", "all"); w.Code != http.StatusNotFound {
		t.Errorf("a site without agreements answers %d", w.Code)
	}
}
