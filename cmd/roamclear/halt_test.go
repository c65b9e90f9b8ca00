package main

import (
	"net/http"
	"strings"
	"testing"

	"github.com/roamclear/roamclear/ingest"
)

// An event of a newer version, as a rolling upgrade may leave one: this process
// lives, is not ready, says which event it is, and decides nothing. Started
// again it does the same.
func TestAnUnknownControlEventHaltsAndTheProcessLives(t *testing.T) {
	data := t.TempDir()
	s := startTest(t, data)
	s.partner("CPO", "GB", "DUN")
	s.financeKey()
	tokens, key := s.tokens, s.key
	event := []byte(`{"type":"moon.landed","v":1,"command":"x","at":1,"data":{}}`)
	if _, err := s.inside.backends.log.Append(t.Context(), ingest.TopicControl, &ingest.Envelope{Received: 1}, event); err != nil {
		t.Fatal(err)
	}
	halted(s)
	s.stop()

	s = startHalted(t, data)
	s.tokens, s.key = tokens, key
	halted(s)
}

func halted(s *testService) {
	s.t.Helper()
	s.eventually("not ready", func() bool {
		a := s.request(http.MethodGet, "/readyz", "", "")
		return a.status == http.StatusServiceUnavailable && strings.Contains(a.body, "moon.landed")
	})
	if a := s.request(http.MethodGet, "/healthz", "", ""); a.status != http.StatusOK {
		s.t.Errorf("health: HTTP %d", a.status)
	}
	if a := s.as("GB*DUN", http.MethodPut, "/receiver/tariffs/GB/DUN/T1", testTariff); a.status != http.StatusServiceUnavailable {
		s.t.Errorf("push: HTTP %d %s", a.status, a.body)
	}
	if a := s.request(http.MethodGet, "/api/v1/reports/settlement?from=2019-01&to=2019-01", "Bearer "+s.key, ""); a.status != http.StatusServiceUnavailable {
		s.t.Errorf("report: HTTP %d %s", a.status, a.body)
	}
	_, err := run(s.t, newPartnerCmd(), "remove", "gb-dun-cpo", "--data", s.data)
	if err == nil || !strings.Contains(err.Error(), "moon.landed") {
		s.t.Errorf("a decision: %v", err)
	}
}
