package api

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ingest/control"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement"
)

func TestClassify(t *testing.T) {
	tests := []struct {
		err  error
		want Kind
		http int // outside OCPI
		ocpi [2]int
	}{
		{&ocpi.SyntaxError{}, KindSyntax, 400, [2]int{400, 2001}},
		{ErrBody, KindSyntax, 400, [2]int{400, 2001}},
		{&ocpi.Invalid{}, KindInvalid, 422, [2]int{200, 2001}},
		{&control.Refused{Kind: control.RefusedInvalid}, KindInvalid, 422, [2]int{200, 2001}},
		{ErrUnauthorized, KindUnauthorized, 401, [2]int{401, 2000}},
		{ingest.ErrUnknownObject, KindNotFound, 404, [2]int{404, 2000}},
		{settlement.ErrNotFound, KindNotFound, 404, [2]int{404, 2000}},
		{ErrNotFound, KindNotFound, 404, [2]int{404, 2000}},
		{&control.Refused{Kind: control.RefusedUnknown}, KindNotFound, 404, [2]int{404, 2000}},
		{ErrMethod, KindMethod, 405, [2]int{405, 2000}},
		{&control.Refused{Kind: control.RefusedConflict}, KindConflict, 409, [2]int{200, 2000}},
		{&control.Refused{Kind: control.RefusedRepeat}, KindConflict, 409, [2]int{200, 2000}},
		{ErrTooLarge, KindTooLarge, 413, [2]int{413, 2001}},
		{ErrEncoding, KindEncoding, 415, [2]int{415, 2001}},
		{ingest.ErrOverload, KindOverload, 503, [2]int{503, 3000}},
		{ErrBusy, KindOverload, 503, [2]int{503, 3000}},
		{control.ErrNotReady, KindOverload, 503, [2]int{503, 3000}},
		{ingest.ErrOutcomeUnknown, KindUnavailable, 503, [2]int{503, 3000}},
		{settlement.ErrCursor, KindCursor, 400, [2]int{200, 2001}},
		{settlement.ErrUnavailable, KindUnavailable, 503, [2]int{503, 3000}},
		{context.DeadlineExceeded, KindUnavailable, 503, [2]int{503, 3000}},
		{context.Canceled, KindUnavailable, 503, [2]int{503, 3000}},
		{ErrUnknownReceiver, KindUnknownReceiver, 404, [2]int{200, 4001}},
		{ErrNotConnected, KindNotConnected, 409, [2]int{200, 4003}},
		{&TooOftenError{}, KindTooOften, 429, [2]int{429, 2000}},
		{errors.New("anything else"), KindInternal, 500, [2]int{200, 3000}},
		{&control.Refused{}, KindInternal, 500, [2]int{200, 3000}},
	}
	for _, tt := range tests {
		kind := Classify(fmt.Errorf("do x: %w", tt.err))
		http, code := kind.OCPI()
		if kind != tt.want || kind.HTTP() != tt.http || [2]int{http, int(code)} != tt.ocpi {
			t.Errorf("%T %v: kind %d, HTTP %d, OCPI %d %d", tt.err, tt.err, kind, kind.HTTP(), http, code)
		}
		if kind.Retry() != (tt.http == 503) {
			t.Errorf("%v: retry %v", tt.err, kind.Retry())
		}
	}
	if len(answers) != int(KindTooOften)+1 {
		t.Errorf("%d rows for %d kinds", len(answers), KindTooOften+1)
	}
}

func get(t *testing.T, h http.Handler, path string) *httptest.ResponseRecorder {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "GET", path, nil))
	return w
}

func TestEngineParams(t *testing.T) {
	e := NewEngine(slog.New(slog.DiscardHandler))
	e.GET("/x/:a/:b", func(c *gin.Context) { c.String(200, "%s|%s", Param(c, "a"), Param(c, "b")) })
	tests := map[string]string{
		"/x/a/b":           "a|b",
		"/x/a%2Fb/c":       "a/b|c",
		"/x/a+b/c%2Bd":     "a+b|c+d",
		"/x/%2525/%3F%23*": "%25|?#*",
		"/x/%20/%C3%A9":    " |é",
	}
	for path, want := range tests {
		if w := get(t, e, path); w.Code != 200 || w.Body.String() != want {
			t.Errorf("%s: HTTP %d %q, want %q", path, w.Code, w.Body, want)
		}
	}
	if w := get(t, e, "/x/a/b/"); w.Code != 404 {
		t.Errorf("trailing slash: HTTP %d, want no redirect", w.Code)
	}
}

func TestEngineHidesWhatItCannotClassify(t *testing.T) {
	var logged bytes.Buffer
	logger := slog.New(slog.NewTextHandler(&logged, nil))
	e := NewEngine(logger, Fallback{Prefix: "/other/", Answer: func(c *gin.Context, err error) { c.String(418, "other: %v", err) }})
	e.GET("/panic", func(*gin.Context) { panic("secret detail") })
	e.GET("/other/panic", func(*gin.Context) { panic("told to its own fallback") })
	if w := get(t, e, "/panic"); w.Code != 500 || w.Body.String() != "" {
		t.Errorf("panic without a fallback: HTTP %d %s", w.Code, w.Body)
	}
	if n := strings.Count(logged.String(), "level=ERROR"); n != 1 || !strings.Contains(logged.String(), "secret detail") {
		t.Errorf("logged %d times: %s", n, &logged)
	}
	if w := get(t, e, "/other/nowhere"); w.Code != 418 || w.Body.String() != "other: no such resource" {
		t.Errorf("fallback: HTTP %d %s", w.Code, w.Body)
	}
	if w := get(t, e, "/other/panic"); w.Code != 418 {
		t.Errorf("panic below a fallback: HTTP %d", w.Code)
	}
	e.GET("/half", func(c *gin.Context) { c.String(200, "half"); panic("too late") })
	defer func() {
		if err, ok := recover().(error); !ok || !errors.Is(err, http.ErrAbortHandler) {
			t.Errorf("half an answer: recovered %v, want the connection broken", err)
		}
	}()
	get(t, e, "/half")
}

func TestHealth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		well := func(context.Context) error { return nil }
		var store error
		reg := prometheus.NewRegistry()
		metrics := NewMetrics(reg)
		e := NewEngine(slog.New(slog.DiscardHandler))
		e.Use(metrics.Middleware())
		MountHealth(e, Check{Name: "log", Ready: well}, Check{Name: "store", Ready: func(context.Context) error { return store }})

		MountMetrics(e, reg, Fallback{Answer: func(c *gin.Context, err error) { c.String(404, "%v", err) }})

		if w := get(t, e, "/healthz"); w.Code != 200 {
			t.Errorf("healthz: HTTP %d", w.Code)
		}
		if w := get(t, e, "/readyz"); w.Code != 200 || w.Body.String() != `{"ready":true,"checks":{"log":"ok","store":"ok"}}` {
			t.Errorf("readyz: HTTP %d %s", w.Code, w.Body)
		}
		store = errors.New("ClickHouse is away")
		if w := get(t, e, "/readyz"); w.Code != 503 || w.Body.String() != `{"ready":false,"checks":{"log":"ok","store":"ClickHouse is away"}}` {
			t.Errorf("readyz: HTTP %d %s", w.Code, w.Body)
		}
		want := `roamclear_http_request_duration_seconds_count{http_status="503",ocpi_status="0",route="GET /readyz"} 1`
		if w := get(t, e, "/metrics"); w.Code != 404 { // httptest asks from another machine
			t.Errorf("metrics, from elsewhere: HTTP %d", w.Code)
		}
		w := httptest.NewRecorder()
		r := httptest.NewRequestWithContext(t.Context(), "GET", "http://localhost/metrics", nil)
		r.RemoteAddr = "127.0.0.1:4000"
		if e.ServeHTTP(w, r); w.Code != 200 || !strings.Contains(w.Body.String(), want) {
			t.Errorf("metrics: HTTP %d %s", w.Code, w.Body)
		}

		began := time.Now()
		hangs := func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
		body := runChecks(t.Context(), []Check{{Name: "hangs", Ready: hangs}, {Name: "too", Ready: hangs}})
		if diff := cmp.Diff(map[string]string{"hangs": "context deadline exceeded", "too": "context deadline exceeded"}, body.Checks); diff != "" || time.Since(began) != readyTimeout {
			t.Errorf("after %v: %s", time.Since(began), diff)
		}
	})
}

func TestRouteMetrics(t *testing.T) {
	reg := prometheus.NewRegistry()
	r := NewMetrics(reg).Route("POST cdrs")
	for _, a := range [][2]int{{201, 1000}, {201, 1000}, {200, 1000}, {200, 2001}, {503, 3000}} {
		r.Done(time.Now(), a[0], ocpi.Status(a[1]))
	}
	got := map[string]uint64{}
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range families[0].GetMetric() {
		labels := map[string]string{}
		for _, l := range m.GetLabel() {
			labels[l.GetName()] = l.GetValue()
		}
		got[labels["http_status"]+" "+labels["ocpi_status"]] = m.GetHistogram().GetSampleCount()
	}
	want := map[string]uint64{"201 1000": 2, "200 1000": 1, "200 2001": 1, "503 3000": 1}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestLimiter(t *testing.T) {
	l := NewLimiter(2)
	for i, want := range []bool{true, true, false, false} {
		if got := l.Enter(); got != want {
			t.Errorf("request %d let in: %v", i+1, got)
		}
	}
	if n := l.InFlight(); n != 2 {
		t.Errorf("%d under way, want 2", n)
	}
	l.Leave()
	if !l.Enter() {
		t.Error("want one more let in after one left")
	}
}
