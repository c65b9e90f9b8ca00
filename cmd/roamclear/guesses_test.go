package main

import (
	"net/http"
	"strings"
	"testing"
)

// Who guesses tokens and keys is answered less and less, at whatever interface, and keeps nobody
// out who comes from the same address with a good one.
func TestGuessesAreLimited(t *testing.T) {
	s := startTest(t, t.TempDir())
	s.financeKey()
	s.partner("CPO", "NL", "TNM")
	const guess = "guess-guess-guess"
	guesses := []struct{ method, path, authorization string }{
		{http.MethodGet, "/ocpi/versions", "Token " + guess},
		{http.MethodPost, "/ocpi/2.2.1/receiver/cdrs", "Token " + guess},
		{http.MethodGet, "/api/v1/rules", "Bearer " + guess},
		{http.MethodGet, "/api/v1/messages", "Token " + guess},
		{http.MethodGet, "/admin/v1/partners", "Bearer " + guess},
	}
	statuses := map[int]int{}
	for n := range 40 {
		g := guesses[n%len(guesses)]
		a := s.request(g.method, g.path, g.authorization, "{}")
		statuses[a.status]++
		if a.status == http.StatusTooManyRequests && (a.header.Get("Retry-After") == "" || !strings.Contains(a.body, "too often from this address")) {
			t.Errorf("%s %s: %v %s", g.method, g.path, a.header, a.body)
		}
	}
	if first, often := statuses[http.StatusUnauthorized], statuses[http.StatusTooManyRequests]; first < 20 || often == 0 || first+often != 40 {
		t.Errorf("%v", statuses)
	}
	if a := s.request(http.MethodGet, "/ocpi/versions", "", ""); a.status != http.StatusUnauthorized {
		t.Errorf("without a token: HTTP %d", a.status)
	}
	if a := s.request(http.MethodGet, "/ocpi/versions", "Token "+s.tokens["NL*TNM"], ""); a.status != http.StatusOK {
		t.Errorf("with a good token: HTTP %d %s", a.status, a.body)
	}
	if a := s.request(http.MethodGet, "/api/v1/rules", "Bearer "+s.key, ""); a.status != http.StatusOK {
		t.Errorf("with a good key: HTTP %d %s", a.status, a.body)
	}
	metrics := s.request(http.MethodGet, "/metrics", "", "").body
	for _, at := range []string{"ocpi", "api", "admin"} {
		if !strings.Contains(metrics, `roamclear_credentials_refused_total{http_status="429",interface="`+at+`"}`) {
			t.Errorf("guesses at %s are not counted", at)
		}
	}
	if strings.Contains(metrics, guess) {
		t.Error("the metrics have what was guessed")
	}
}
