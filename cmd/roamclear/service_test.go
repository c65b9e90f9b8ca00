package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/roamclear/roamclear/api/admin"
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ingest/control"
	"github.com/roamclear/roamclear/settlement/clickhouse"
)

// TestMain lets the test binary be the embedded engine's child, and the
// roamclear command itself where a test runs it as a process of its own.
func TestMain(m *testing.M) {
	if clickhouse.MaybeRunChild() {
		return
	}
	if len(os.Args) > 1 && os.Getenv("ROAMCLEAR_TEST_COMMAND") != "" {
		os.Exit(execute(os.Args[1:]))
	}
	os.Exit(m.Run())
}

// testService is a whole service on the embedded log and store.
type testService struct {
	t      *testing.T
	inside *service
	data   string
	url    string
	client *http.Client      // nil = the default
	key    string            // finance API key
	tokens map[string]string // OCPI tokens by party
	stop   func()
}

func testConfig(data string) Config {
	c := defaultConfig()
	c.Data, c.Listen, c.Log.Level = data, "127.0.0.1:0", "error"
	c.PartnerURLs.AllowPrivate = true // partners of tests are on this machine
	return c
}

// startTest starts a service on a data directory.
func startTest(t *testing.T, data string) *testService {
	t.Helper()
	ts := startHalted(t, data)
	ts.eventually("service is ready", func() bool { return ts.request(http.MethodGet, "/readyz", "", "").status == http.StatusOK })
	return ts
}

// startHalted is startTest for a service that does not get ready.
func startHalted(t *testing.T, data string) *testService {
	t.Helper()
	return startConfig(t, testConfig(data))
}

// startConfig is startHalted with other settings.
func startConfig(t *testing.T, c Config) *testService {
	t.Helper()
	return startLogged(t, c, os.Stderr)
}

// startLogged is startConfig with its log in a file.
func startLogged(t *testing.T, c Config, stderr *os.File) *testService {
	t.Helper()
	s, err := startService(t.Context(), c, stderr)
	if err != nil {
		t.Fatal(err)
	}
	return runTest(t, s)
}

// runTest runs a service that was opened.
func runTest(t *testing.T, s *service) *testService {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	done := make(chan error, 1)
	go func() { done <- s.run(ctx, nil) }()
	ts := &testService{t: t, inside: s, data: s.config.Data, url: s.http.url, tokens: map[string]string{}}
	stopped := false
	ts.stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-done; err != nil {
			t.Errorf("service stopped with %v", err)
		}
	}
	t.Cleanup(ts.stop)
	return ts
}

// eventually waits for something that another goroutine or process does.
func (s *testService) eventually(what string, ok func() bool) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), 30*time.Second)
	defer cancel()
	for !ok() {
		if !ingest.Pause(ctx, 20*time.Millisecond) {
			s.t.Fatalf("waited in vain: %s", what)
		}
	}
}

// answer is an HTTP answer, with the OCPI envelope where there is one.
type answer struct {
	status int
	closes bool // the connection
	header http.Header
	body   string
	ocpi   struct {
		Data    json.RawMessage `json:"data"`
		Code    int             `json:"status_code"`
		Message string          `json:"status_message"`
	}
}

func (s *testService) request(method, path, authorization, body string, headers ...string) answer {
	s.t.Helper()
	if !strings.HasPrefix(path, "http") {
		path = s.url + path
	}
	req, err := http.NewRequestWithContext(s.t.Context(), method, path, bytes.NewReader([]byte(body)))
	if err != nil {
		s.t.Fatal(err)
	}
	if authorization != "" {
		req.Header.Set("Authorization", authorization)
	}
	req.Header.Set("Content-Type", "application/json")
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := cmp.Or(s.client, http.DefaultClient).Do(req)
	if err != nil {
		return answer{body: err.Error()}
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		return answer{body: err.Error()}
	}
	a := answer{status: res.StatusCode, closes: res.Close, header: res.Header, body: string(b)}
	_ = json.Unmarshal(b, &a.ocpi) // an answer outside OCPI leaves it empty
	return a
}

// as sends an OCPI request as a party.
func (s *testService) as(party, method, path, body string) answer {
	s.t.Helper()
	if !strings.HasPrefix(path, "http") {
		path = "/ocpi/2.2.1" + path
	}
	return s.request(method, path, "Token "+s.tokens[party], body)
}

// accepted fails the test unless the request was answered 2xx and 1000.
func (s *testService) accepted(party, method, path, body string) answer {
	s.t.Helper()
	a := s.as(party, method, path, body)
	if a.status/100 != 2 || a.ocpi.Code != 1000 {
		s.t.Fatalf("%s %s as %s: HTTP %d: %s", method, path, party, a.status, a.body)
	}
	return a
}

// finance reads a report into v.
func (s *testService) finance(path string, v any) {
	s.t.Helper()
	a := s.request(http.MethodGet, "/api/v1"+path, "Bearer "+s.key, "")
	if a.status != http.StatusOK {
		s.t.Fatalf("GET %s: HTTP %d: %s", path, a.status, a.body)
	}
	if err := json.Unmarshal([]byte(a.body), v); err != nil {
		s.t.Fatalf("GET %s: %v: %s", path, err, a.body)
	}
}

// partner adds a partner with one role.
func (s *testService) partner(role, country, id string) {
	s.t.Helper()
	flags := serviceFlags{data: s.data}
	client, err := flags.client()
	if err != nil {
		s.t.Fatal(err)
	}
	var got admin.PartnerToken
	request := admin.PartnerRequest{Name: country + id, Roles: []control.Role{control.NewRole(role, country, id)}}
	if err := client.do(s.t.Context(), http.MethodPost, "/partners", request, &got); err != nil {
		s.t.Fatal(err)
	}
	s.tokens[country+"*"+id] = got.Token
}

// financeKey makes an API key for reports.
func (s *testService) financeKey() {
	s.t.Helper()
	flags := serviceFlags{data: s.data}
	client, err := flags.client()
	if err != nil {
		s.t.Fatal(err)
	}
	var got admin.KeySecret
	if err := client.do(s.t.Context(), http.MethodPost, "/keys", admin.KeyRequest{Scopes: []string{control.ScopeFinanceRead}}, &got); err != nil {
		s.t.Fatal(err)
	}
	s.key = got.Secret
}

// stored waits until the store has everything pushed so far.
func (s *testService) stored(cdrs int) {
	s.t.Helper()
	s.eventually(fmt.Sprintf("%d CDRs are in the report", cdrs), func() bool {
		var report struct{ Rows []demoRow }
		s.finance("/reports/settlement?from=2016-01&to=2025-12", &report)
		n := 0
		for _, r := range report.Rows {
			n += r.CDRs + r.Credits
		}
		return n == cdrs
	})
	s.related()
}

// related waits until the relations of everything stored are found: what
// credits cancel in full has left the sums. Of a service in a process of its own
// nobody here can ask the store.
func (s *testService) related() {
	s.t.Helper()
	if s.inside == nil {
		return
	}
	s.eventually("relations between CDRs are found", func() bool {
		store := s.inside.backends.store
		stored, err := store.CDRCheckpoints(s.t.Context())
		if err != nil {
			return false
		}
		found, err := store.RelationProgress(s.t.Context())
		return err == nil && maps.Equal(stored, found)
	})
}
