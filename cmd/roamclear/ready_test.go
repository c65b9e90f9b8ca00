package main

import (
	"log/slog"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/roamclear/roamclear/api"
)

// A role that is late by more than a quarter of an hour is not ready; where the
// process accepts pushes, it only says so.
func TestLateIsNotReady(t *testing.T) {
	const late = `{"ready":%,"checks":{"progress of g":"the oldest record that is not stored yet is 15m1s old: see the log lines of this group for what keeps it"}}`
	for _, tt := range []struct {
		age    time.Duration
		tells  bool
		status int
		body   string
	}{
		{0, false, 200, `{"ready":true,"checks":{"progress of g":"ok"}}`},
		{lateLimit, false, 200, `{"ready":true,"checks":{"progress of g":"ok"}}`},
		{lateLimit + time.Second, false, 503, late[:9] + "false" + late[10:]},
		{lateLimit + time.Second, true, 200, late[:9] + "true" + late[10:]},
	} {
		e := api.NewEngine(slog.New(slog.DiscardHandler))
		api.MountHealth(e, lateCheck("g", func() time.Duration { return tt.age }, tt.tells))
		w := httptest.NewRecorder()
		e.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "GET", "/readyz", nil))
		if w.Code != tt.status || w.Body.String() != tt.body {
			t.Errorf("%v, tells %v: HTTP %d %s\nwant %d %s", tt.age, tt.tells, w.Code, w.Body, tt.status, tt.body)
		}
	}
}
