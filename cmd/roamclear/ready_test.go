package main

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/roamclear/roamclear/api"
	"github.com/roamclear/roamclear/ingest"
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

// failingLog takes no appends to some partitions.
type failingLog map[ingest.Partition]error

func (l failingLog) Failing(context.Context) map[ingest.Partition]error { return l }

func (l failingLog) Partitions(t ingest.Topic) []ingest.Partition {
	if spec, _ := t.Spec(); spec.Spread {
		return []ingest.Partition{{Topic: t, Number: 0}, {Topic: t, Number: 1}}
	}
	return []ingest.Partition{{Topic: t}}
}

// Where a part of a topic has no leader the process is ready, and says so: all others
// have the same trouble. Where nothing of a kind is taken, it is not.
func TestReadyByWhatTheLogTakes(t *testing.T) {
	away := errors.New("no leader")
	part := func(topic ingest.Topic, number int32) ingest.Partition {
		return ingest.Partition{Topic: topic, Number: number}
	}
	for name, tt := range map[string]struct {
		failing    failingLog
		log, tells string
		status     int
	}{
		"all is well":             {failingLog{}, "ok", "ok", 200},
		"one partition of CDRs":   {failingLog{part(ingest.TopicCDRs, 1): away}, "ok", "1 of 2 partitions of roamclear.cdrs take no records: no leader", 200},
		"all partitions of CDRs":  {failingLog{part(ingest.TopicCDRs, 0): away, part(ingest.TopicCDRs, 1): away}, "roamclear.cdrs takes no records: no leader", "ok", 503},
		"decisions":               {failingLog{part(ingest.TopicControl, 0): away}, "roamclear.control takes no records: no leader", "ok", 503},
		"some of two, all of one": {failingLog{part(ingest.TopicSessions, 0): away, part(ingest.TopicReference, 0): away}, "roamclear.reference takes no records: no leader", "1 of 2 partitions of roamclear.sessions take no records: no leader", 503},
	} {
		e := api.NewEngine(slog.New(slog.DiscardHandler))
		api.MountHealth(e, logChecks(tt.failing)...)
		w := httptest.NewRecorder()
		e.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "GET", "/readyz", nil))
		var body struct{ Checks map[string]string }
		if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil || w.Code != tt.status || body.Checks["log"] != tt.log || body.Checks["log partitions"] != tt.tells {
			t.Errorf("%s: HTTP %d %s, %v", name, w.Code, w.Body, err)
		}
	}
}

// A clock that is far from the store's is told; a store that does not say is another
// check's.
func TestClocksAreCompared(t *testing.T) {
	noon := time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		ours time.Time
		err  error
		want string
	}{
		{noon, nil, ""},
		{noon.Add(clockLimit), nil, ""},
		{noon.Add(-clockLimit), nil, ""},
		{noon.Add(2 * time.Hour), nil, "this machine's clock is 2h0m0s ahead of that of ClickHouse: set both by NTP"},
		{noon.Add(-11 * time.Minute), nil, "this machine's clock is 11m0s behind that of ClickHouse: set both by NTP"},
		{noon.Add(2 * time.Hour), errors.New("away"), ""},
	} {
		check := clockCheck(func(context.Context) (time.Time, error) { return noon, tt.err }, func() time.Time { return tt.ours })
		got := ""
		if err := check.Ready(t.Context()); err != nil {
			got = err.Error()
		}
		if got != tt.want {
			t.Errorf("%v, %v: %q, want %q", tt.ours, tt.err, got, tt.want)
		}
	}
}
