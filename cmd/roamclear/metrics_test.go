package main

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/roamclear/roamclear/api"
	"github.com/roamclear/roamclear/ingest/control/certtest"
)

// With an address of their own, metrics and profiles are there and nothing else.
func TestMetricsHaveAnAddressOfTheirOwn(t *testing.T) {
	s := &service{registry: prometheus.NewRegistry()}
	certs, err := openCertificates(&s.config, slog.New(slog.DiscardHandler), s.registry)
	if err != nil {
		t.Fatal(err)
	}
	s.certs = certs
	s.registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{Name: "roamclear_test_total"}, func() float64 { return 1 }))
	if none, err := newMetricsServer(s); none != nil || err != nil {
		t.Fatalf("without the setting: %v, %v", none, err)
	}
	s.config.Metrics.Listen = "127.0.0.1:0"
	h, err := newMetricsServer(s)
	if err != nil {
		t.Fatal(err)
	}
	failed := make(chan error, 1)
	h.start(failed)
	for path, want := range map[string]string{"/metrics": "roamclear_test_total 1", "/debug/pprof/": "goroutine", "/debug/pprof/heap?debug=1": "heap profile", "/debug/pprof/cmdline": "200", "/": "404", "/admin/v1/partners": "404"} {
		r, err := http.NewRequestWithContext(t.Context(), "GET", h.url+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Host = "scraped.example" // it asks nobody where they come from
		w, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(w.Body)
		if err = errors.Join(err, w.Body.Close()); err != nil || !strings.Contains(w.Status+string(body), want) {
			t.Errorf("%s: %s %v, want %q in %s", path, w.Status, err, want, body)
		}
	}
	if err := h.stop(t.Context()); err != nil {
		t.Error(err)
	}
	select {
	case err := <-failed:
		t.Error(err)
	default:
	}
}

// A certificate that was revoked opens metrics no more, also over the connection that
// it opened before.
func TestMetricsAreNotShownToWhatWasRevoked(t *testing.T) {
	ca, dir := certtest.NewCA(t, "Test CA"), t.TempDir()
	own, scraper := ca.Server("server"), ca.Issue("scraper", certtest.Options{})
	s := &service{registry: prometheus.NewRegistry(), logger: slog.New(slog.DiscardHandler)}
	s.config.Metrics.Listen = "127.0.0.1:0"
	s.config.TLS = TLSConfig{Cert: own.Cert, Key: own.Key, ClientCA: ca.Cert, CRL: filepath.Join(dir, "crl.pem"), ClientAuth: api.ClientAuthRequire}
	certtest.Replace(t, s.config.TLS.CRL, ca.CRL())
	var err error
	if s.certs, err = openCertificates(&s.config, s.logger, s.registry); err != nil {
		t.Fatal(err)
	}
	server, err := newMetricsServer(s)
	if err != nil {
		t.Fatal(err)
	}
	server.start(make(chan error, 1))
	t.Cleanup(func() {
		if err := server.stop(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	h := &house{testService: &testService{t: t}, ca: ca}
	client := h.with(scraper)
	for path, want := range map[string]int{"/metrics": http.StatusOK, "/debug/pprof/cmdline": http.StatusOK} {
		if got := statusOf(t, client, server.url+path); got != want {
			t.Errorf("%s: HTTP %d, want %d", path, got, want)
		}
	}
	ca.Revoke(scraper)
	certtest.Replace(t, s.config.TLS.CRL, ca.CRL())
	s.certs.tls.Look()
	if got := statusOf(t, client, server.url+"/metrics"); got != http.StatusUnauthorized {
		t.Errorf("revoked, over the connection that is open: HTTP %d, want 401", got)
	}
}

// statusOf is the status of an answer, which is read to its end.
func statusOf(t *testing.T, client *http.Client, url string) int {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	w, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	if _, err = io.Copy(io.Discard, w.Body); errors.Join(err, w.Body.Close()) != nil {
		t.Fatal(err)
	}
	return w.StatusCode
}
