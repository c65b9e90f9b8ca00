package api

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"
	"github.com/prometheus/client_golang/prometheus"
)

// What /readyz says stands in the metrics too: what decides, and what is told.
func TestReadinessAsMetrics(t *testing.T) {
	var log, store error
	checks := []Check{
		{Name: "log", Ready: func(context.Context) error { return log }},
		{Name: "store", Ready: func(context.Context) error { return store }, Tells: true},
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(NewReadiness(checks...))
	engine := gin.New()
	MountHealth(engine, checks...)
	away := errors.New("away")
	for _, tc := range []struct {
		what                string
		log, store          error
		status              int
		ready, logs, stores string
	}{
		{"all is well", nil, nil, http.StatusOK, "1", "1", "1"},
		{"what is told is not well", nil, away, http.StatusOK, "1", "1", "0"},
		{"what decides is not well", away, nil, http.StatusServiceUnavailable, "0", "0", "1"},
	} {
		log, store = tc.log, tc.store
		w := httptest.NewRecorder()
		engine.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/readyz", nil))
		if w.Code != tc.status {
			t.Errorf("%s: HTTP %d, want %d", tc.what, w.Code, tc.status)
		}
		scraped := httptest.NewRecorder()
		MetricsHandler(registry).ServeHTTP(scraped, httptest.NewRequest(http.MethodGet, "/metrics", nil))
		for _, want := range []string{
			"\nroamclear_ready " + tc.ready + "\n",
			"\nroamclear_ready_check{check=\"log\",decides=\"true\"} " + tc.logs + "\n",
			"\nroamclear_ready_check{check=\"store\",decides=\"false\"} " + tc.stores + "\n",
		} {
			if !strings.Contains(scraped.Body.String(), want) {
				t.Errorf("%s: want %s in\n%s", tc.what, want, scraped.Body)
			}
		}
	}
}
