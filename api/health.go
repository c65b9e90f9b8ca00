package api

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Check is one thing that must be well for the process to be ready. Ready
// returns nil, or an error that says what is wrong in words an operator can
// use: it is shown as it is. What Tells is shown and decides nothing: it is not
// what this process is asked for.
type Check struct {
	Name  string
	Ready func(ctx context.Context) error
	Tells bool
}

// readyTimeout bounds all checks of one request together.
const readyTimeout = 2 * time.Second

type readyBody struct {
	Ready  bool              `json:"ready"`
	Checks map[string]string `json:"checks"` // name -> "ok" or what is wrong
}

// MountHealth serves /healthz (the process answers) and /readyz (it can do its
// work: 200, else 503).
func MountHealth(g gin.IRouter, checks ...Check) {
	g.GET("/healthz", func(c *gin.Context) { c.JSON(http.StatusOK, gin.H{"ok": true}) })
	g.GET("/readyz", func(c *gin.Context) {
		body := runChecks(c.Request.Context(), checks)
		status := http.StatusOK
		if !body.Ready {
			status = http.StatusServiceUnavailable
		}
		c.JSON(status, body)
	})
}

// maxScrapes bounds how many scrapes are under way at once: each asks the log.
const maxScrapes = 2

// MetricsHandler answers scrapes (Prometheus).
func MetricsHandler(metrics prometheus.Gatherer) http.Handler {
	return promhttp.HandlerFor(metrics, promhttp.HandlerOpts{MaxRequestsInFlight: maxScrapes})
}

// MountMetrics serves /metrics to programs on this machine. To anybody else it
// does not exist: names and amounts of work are nobody's business.
func MountMetrics(g gin.IRouter, metrics prometheus.Gatherer, otherwise Fallback) {
	h := MetricsHandler(metrics)
	g.GET("/metrics", func(c *gin.Context) {
		if !FromThisMachine(c.Request) {
			otherwise.Answer(c, ErrNotFound)
			return
		}
		h.ServeHTTP(c.Writer, c.Request)
	})
}

// runChecks runs all checks at once, so that a slow one does not hide another.
func runChecks(ctx context.Context, checks []Check) readyBody {
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	results := make([]error, len(checks))
	var wg sync.WaitGroup
	for i, check := range checks {
		wg.Go(func() { results[i] = check.Ready(ctx) })
	}
	wg.Wait()
	body := readyBody{Ready: true, Checks: make(map[string]string, len(checks))}
	for i, err := range results {
		body.Checks[checks[i].Name] = "ok"
		if err != nil {
			body.Ready = body.Ready && checks[i].Tells
			body.Checks[checks[i].Name] = err.Error()
		}
	}
	return body
}
