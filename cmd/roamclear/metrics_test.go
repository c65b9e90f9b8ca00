package main

import (
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
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
	for path, want := range map[string]string{"/metrics": "roamclear_test_total 1", "/debug/pprof/": "goroutine", "/": "404", "/admin/v1/partners": "404"} {
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
