package page_test

import (
	"net/http"
	"strings"
	"testing"
)

// What waits is shown by ground and pair with the words of each, and leads to its CDRs; a
// key sees what it has part in.
func TestQueuePages(t *testing.T) {
	s := statementSite(t)
	golden(t, "queue.html", content(t, s.get(t, "/queue?period=2026-03&cpo=&emsp=", "all")))
	golden(t, "waiting.html", content(t, s.get(t, "/queue/cdrs?ground=energy&cpo=GB*DUN&emsp=DE*VOL&currency=EUR&period=2026-03", "volt")))
	for _, tc := range []struct {
		key, target string
		status      int
		says, not   string
	}{
		{"volt", "/queue?period=2026-03", 200, "GB*DUN → DE*VOL", "NL*EXW →"},
		{"volt", "/queue?period=2026-03", 200, "GB*DUN → DE*VOL", "→ NL*EXW"},
		{"all", "/queue?period=2026-04", 200, "Nothing waits", ""},
		{"all", "/queue/cdrs?period=2026-04&ground=energy", 200, "Nothing waits here", ""},
		{"all", "/queue?period=March", 400, "<code>period</code>", ""},
		{"all", "/queue/cdrs?ground=nonsense", 400, "<code>ground</code>", ""},
		{"emp", "/queue", 403, "finance:read", ""},
	} {
		w := s.get(t, tc.target, tc.key)
		if got := content(t, w); w.Code != tc.status || !strings.Contains(got, tc.says) || tc.not != "" && strings.Contains(got, tc.not) {
			t.Errorf("%s %s: status %d, want %d, %q and not %q:\n%s", tc.key, tc.target, w.Code, tc.status, tc.says, tc.not, got)
		}
	}
	for target, lines := range map[string]int{"/queue/cdrs.csv?ground=energy&period=2026-03": 4, "/queue/cdrs.jsonl?ground=energy&period=2026-03": 3} {
		if w := s.get(t, target, "all"); w.Code != http.StatusOK || strings.Count(w.Body.String(), "\n") != lines {
			t.Errorf("%s: status %d, want %d lines:\n%s", target, w.Code, lines, w.Body)
		}
	}
}
