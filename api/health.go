package api

import (
	"context"
	"net/http"
	"strconv"
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

// wellCheck stands for a check that found nothing wrong.
const wellCheck = "ok"

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

// readiness are checks as metrics.
type readiness struct{ checks []Check }

var (
	readyDesc = prometheus.NewDesc("roamclear_ready",
		"1 while the process is ready, as /readyz says, else 0.", nil, nil)
	checkDesc = prometheus.NewDesc("roamclear_ready_check",
		"1 while this check of /readyz, which says what is wrong, is well, else 0; decides is false for what is told and does not make the process not ready.", []string{"check", "decides"}, nil)
)

// NewReadiness returns the metrics of checks, which are made anew for each scrape.
func NewReadiness(checks ...Check) prometheus.Collector { return readiness{checks} }

// Describe implements prometheus.Collector.
func (r readiness) Describe(ch chan<- *prometheus.Desc) {
	ch <- readyDesc
	ch <- checkDesc
}

// Collect implements prometheus.Collector.
func (r readiness) Collect(ch chan<- prometheus.Metric) {
	body := runChecks(context.Background(), r.checks)
	gauge := func(desc *prometheus.Desc, well bool, labels ...string) {
		value := 0.0
		if well {
			value = 1
		}
		ch <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, value, labels...)
	}
	gauge(readyDesc, body.Ready)
	for _, c := range r.checks {
		gauge(checkDesc, body.Checks[c.Name] == wellCheck, c.Name, strconv.FormatBool(!c.Tells))
	}
}

// maxScrapes bounds how many scrapes are under way at once: each asks the log.
const maxScrapes = 2

// MetricsHandler answers scrapes (Prometheus). What cannot be told, such as how far the
// work is behind a log that does not answer, is left out: all else is wanted then most.
func MetricsHandler(metrics prometheus.Gatherer) http.Handler {
	return promhttp.HandlerFor(metrics, promhttp.HandlerOpts{MaxRequestsInFlight: maxScrapes, ErrorHandling: promhttp.ContinueOnError})
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
		body.Checks[checks[i].Name] = wellCheck
		if err != nil {
			body.Ready = body.Ready && checks[i].Tells
			body.Checks[checks[i].Name] = err.Error()
		}
	}
	return body
}
