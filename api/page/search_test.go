package page_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/roamclear/roamclear/api/report/reporttest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement"
)

// What is sought leads to the one thing that it names, or to what it may mean; what a key
// may not see is not found.
func TestSearch(t *testing.T) {
	s := statementSite(t)
	other := find(t, reporttest.World(60), func(d *settlement.CDRDetail) bool { return d.EMSP != ocpi.NewParty("DE", "VOL") })
	for _, tc := range []struct{ name, key, text, leads, says string }{
		{"a CDR, in any letters", "all", " Par-10006 ", "/cdrs/FR/PAR/PAR-10006", ""},
		{"how an id begins", "all", "mou-1", "", "/cdrs/FR/MOU/MOU-10004"},
		{"a Session", "all", "s-par-10006", "/cdrs/FR/PAR/PAR-10006", ""},
		{"a receipt", "all", "1-2-1", "/cdrs/FR/PAR/PAR-10006", ""},
		{"the receipt of a repeat", "all", "1-3-100002", "/cdrs/FR/MOU/MOU-10011", ""},
		{"a Location of late", "all", "rue du port", "/cdrs?from=2019-01&location=rue+du+port&to=2019-03", ""},
		{"nothing", "all", "none such", "", "Nothing is known of “none such”"},
		{"markup", "all", "<b>", "", "Nothing is known of “&lt;b&gt;”"},
		{"another's CDR", "volt", other.ID, "", "Nothing is known"},
		{"another's receipt", "volt", other.Position.String(), "", "Nothing is known"},
		{"another's Session", "volt", other.SessionID, "", "Nothing is known"},
	} {
		w := s.get(t, "/search?q="+url.QueryEscape(tc.text), tc.key)
		if tc.leads != "" {
			if w.Code != http.StatusSeeOther || w.Header().Get("Location") != tc.leads {
				t.Errorf("%s: status %d, leads to %q, want %q\n%s", tc.name, w.Code, w.Header().Get("Location"), tc.leads, w.Body)
			}
			continue
		}
		if got := content(t, w); w.Code != http.StatusOK || !strings.Contains(got, tc.says) {
			t.Errorf("%s: status %d, want %q:\n%s", tc.name, w.Code, tc.says, got)
		}
	}
	for _, text := range []string{"", "  ", strings.Repeat("x", 300)} {
		if w := s.get(t, "/search?q="+url.QueryEscape(text), "all"); w.Code != http.StatusBadRequest {
			t.Errorf("%.9q: status %d", text, w.Code)
		}
	}
	if w := s.get(t, "/cdrs?location=rue+du+port&from=2019-01&to=2019-03", "all"); strings.Count(content(t, w), "FR*MOU →") == 0 || strings.Contains(content(t, w), "FR*PAR →") {
		t.Errorf("CDRs at a Location:\n%s", content(t, w))
	}
}
