package main

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
)

// TestASessionLeftOpen shows what a Session comes to that its owner leaves open: stale,
// and completed once its CDR has come. Its body stays as it was sent.
func TestASessionLeftOpen(t *testing.T) {
	s := startTest(t, t.TempDir())
	s.partner("CPO", "NL", "QQQ")
	s.partner("EMSP", "NL", "EMP")
	s.financeKey()
	session := clean["2.2.1"]["sessions"]
	s.accepted("NL*QQQ", http.MethodPut, "/receiver/sessions/NL/QQQ/X1", session)
	derived := func() string {
		var got struct {
			Status  string          `json:"status"`
			Derived string          `json:"derived_status"`
			Raw     json.RawMessage `json:"raw"`
		}
		s.finance("/sessions/nl/qqq/x1", &got)
		if got.Status != "ACTIVE" || string(got.Raw) != session {
			t.Errorf("status %s of\n%s", got.Status, got.Raw)
		}
		return got.Derived
	}
	if got := derived(); got != "stale" {
		t.Errorf("left open since 2025: %q", got)
	}
	s.accepted("NL*QQQ", http.MethodPost, "/receiver/cdrs", strings.Replace(clean["2.2.1"]["cdrs"], `"session_id":"X1"`, `"session_id":"x1"`, 1))
	s.stored(1)
	if got := derived(); got != "completed_by_cdr" {
		t.Errorf("its CDR has come: %q", got)
	}
}
