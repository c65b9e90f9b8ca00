package api

import (
	"strconv"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/roamclear/roamclear/ocpi"
)

// Metrics measures the HTTP interfaces.
type Metrics struct {
	duration *prometheus.HistogramVec
	lost     *prometheus.CounterVec
	refused  *prometheus.CounterVec
}

// NewMetrics registers the metrics of the HTTP interfaces.
func NewMetrics(reg prometheus.Registerer) *Metrics {
	m := &Metrics{duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name:    "roamclear_http_request_duration_seconds",
		Help:    "Time from the request's header to its answer, by route, HTTP status and OCPI status code (0 outside OCPI).",
		Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5},
	}, []string{"route", "http_status", "ocpi_status"})}
	versions := []string{"object", "from", "to"}
	m.lost = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "roamclear_ocpi_lost_total",
		Help: "Members that were lost or changed their meaning because an object was asked for in another OCPI version than it was sent in."}, versions)
	m.refused = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "roamclear_ocpi_not_converted_total",
		Help: "Objects that were not handed out because the OCPI version they were asked for in would have given them another price, or has no words for them."}, versions)
	reg.MustRegister(m.duration, m.lost, m.refused)
	return m
}

// Lost counts what an object lost on its way to another version.
func (m *Metrics) Lost(object string, from, to ocpi.Version, n int) {
	m.lost.WithLabelValues(object, from.String(), to.String()).Add(float64(n))
}

// NotConverted counts an object that cannot be handed out in a version.
func (m *Metrics) NotConverted(object string, from, to ocpi.Version) {
	m.refused.WithLabelValues(object, from.String(), to.String()).Inc()
}

// Route measures one route. The usual answers are resolved once, because a
// look-up by label costs more than the observation.
type Route struct {
	m          *Metrics
	name       string
	ok, stored prometheus.Observer
}

// Route returns the measure of a route with a name of its own, such as
// "POST receiver/cdrs": a label, so it must not hold ids.
func (m *Metrics) Route(name string) *Route {
	r := &Route{m: m, name: name}
	r.ok = r.observer(200, ocpi.StatusSuccess)
	r.stored = r.observer(201, ocpi.StatusSuccess)
	return r
}

func (r *Route) observer(http int, status ocpi.Status) prometheus.Observer {
	return r.m.duration.WithLabelValues(r.name, strconv.Itoa(http), strconv.Itoa(int(status)))
}

// Done records one answer.
func (r *Route) Done(began time.Time, http int, status ocpi.Status) {
	o := r.stored
	switch {
	case http == 200 && status == ocpi.StatusSuccess:
		o = r.ok
	case http != 201 || status != ocpi.StatusSuccess:
		o = r.observer(http, status)
	}
	o.Observe(time.Since(began).Seconds())
}

// Middleware measures every route it is used on, by method and pattern.
func (m *Metrics) Middleware() gin.HandlerFunc {
	return func(c *gin.Context) {
		began := time.Now()
		c.Next()
		m.duration.WithLabelValues(c.Request.Method+" "+c.FullPath(), strconv.Itoa(c.Writer.Status()), "0").
			Observe(time.Since(began).Seconds())
	}
}
