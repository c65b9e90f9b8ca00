package world

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/shopspring/decimal"
)

// receiver is a small clearing house: it holds what it was sent and refuses
// what comes before what it refers to.
type receiver struct {
	url string

	mu       sync.Mutex
	seen     map[string]bool // path of every object put
	cdrs     map[string]int  // copies of every CDR
	requests int
}

func (s *receiver) answer(w http.ResponseWriter, status, code int, data any) {
	w.WriteHeader(status)
	body, err := json.Marshal(map[string]any{"status_code": code, "data": data, "timestamp": "2026-01-01T00:00:00Z"})
	if err != nil {
		panic(err)
	}
	w.Write(body)
}

func (s *receiver) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	token, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(r.Header.Get("Authorization"), "Token "))
	if err != nil || !strings.HasPrefix(string(token), "secret-") {
		s.answer(w, http.StatusUnauthorized, 2000, nil)
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests++
	switch {
	case s.requests%7 == 0: // shed before any work
		w.Header().Set("Retry-After", "0")
		s.answer(w, http.StatusServiceUnavailable, 3000, nil)
		return
	case s.requests%101 == 0: // the answer is lost after the work
		s.work(httptest.NewRecorder(), r, body)
		panic(http.ErrAbortHandler)
	}
	s.work(w, r, body)
}

func (s *receiver) work(w http.ResponseWriter, r *http.Request, body []byte) {
	path := strings.TrimPrefix(r.URL.Path, "/ocpi/2.2.1/receiver/")
	switch {
	case r.URL.Path == "/ocpi/versions":
		s.answer(w, 200, 1000, []map[string]string{{"version": "2.1.1", "url": s.url + "/no"}, {"version": "2.2.1", "url": s.url + "/ocpi/2.2.1"}})
	case r.URL.Path == "/ocpi/2.2.1":
		var endpoints []map[string]string
		for _, m := range []Module{Locations, Tariffs, Tokens, Sessions, CDRs} {
			endpoints = append(endpoints,
				map[string]string{"identifier": string(m), "role": "RECEIVER", "url": s.url + "/ocpi/2.2.1/receiver/" + string(m)},
				map[string]string{"identifier": string(m), "role": "SENDER", "url": s.url + "/no"})
		}
		s.answer(w, 200, 1000, map[string]any{"version": "2.2.1", "endpoints": endpoints})
	case path == "cdrs":
		s.cdr(w, body)
	case r.Method == http.MethodPatch && !s.seen[path]:
		s.answer(w, http.StatusNotFound, 2001, nil)
	default:
		s.seen[path] = true
		s.answer(w, 200, 1000, nil)
	}
}

func (s *receiver) cdr(w http.ResponseWriter, body []byte) {
	var d ocpi.Decoder
	c, err := d.CDR(ocpi.V221, body)
	if err != nil {
		s.answer(w, 200, 2001, nil)
		return
	}
	if location := fmt.Sprintf("locations/%s/%s/%s", c.CountryCode, c.PartyID, c.Location.ID); !s.seen[location] {
		s.answer(w, 200, 2003, nil)
		return
	}
	s.cdrs[c.Key(ocpi.Party{}).String()]++
	w.Header().Set("Location", s.url+"/cdr")
	s.answer(w, 201, 1000, nil)
}

func TestPush(t *testing.T) {
	s := &receiver{seen: map[string]bool{}, cdrs: map[string]int{}}
	server := httptest.NewServer(s)
	defer server.Close()
	server.Config.ErrorLog = nil
	s.url = server.URL
	world := Options{Seed: 3, Rows: 300}
	progress := 0
	report, err := Push(t.Context(), world, PushOptions{
		BaseURL: server.URL + "/", Concurrency: 8,
		Token:    func(_ context.Context, p Partner) (string, error) { return "secret-" + p.Party.String(), nil },
		Progress: func(Report) { progress++ },
	})
	if err != nil {
		t.Fatal(err)
	}
	if report.Unexpected != 0 {
		t.Errorf("%d unexpected answers: %v", report.Unexpected, report.Examples)
	}
	if report.Retries == 0 || progress != report.Requests {
		t.Errorf("%d retries, %d calls of Progress for %d requests", report.Retries, progress, report.Requests)
	}
	_, _, want := collect(t, world)
	compare := cmp.Comparer(func(a, b decimal.Decimal) bool { return a.Equal(b) })
	if diff := cmp.Diff(want, report.Accepted, compare); diff != "" {
		t.Errorf("accepted (-world +report):\n%s", diff)
	}
	distinct := 0
	for _, totals := range want.Lines {
		distinct += totals.CDRs + totals.Credits
	}
	if len(s.cdrs) != distinct {
		t.Errorf("the receiver has %d CDRs, the reference %d", len(s.cdrs), distinct)
	}
}

func TestPushGivesUp(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close() // nobody listens
	_, err := Push(t.Context(), Options{Seed: 1, Rows: 1}, PushOptions{
		BaseURL: server.URL, Patience: 1,
		Token: func(context.Context, Partner) (string, error) { return "secret", nil },
	})
	if err == nil || !strings.Contains(err.Error(), "gave up") {
		t.Errorf("push to nobody: %v", err)
	}
}
