package ingest

import (
	"context"
	"errors"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/roamclear/roamclear/ocpi"
)

// Metrics counts what came in and how it ended.
type Metrics struct {
	accepted map[Object]prometheus.Counter
	refusedN *prometheus.CounterVec
}

// NewMetrics registers the counters of the intake.
func NewMetrics(reg prometheus.Registerer) *Metrics {
	accepted := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "roamclear_ingest_accepted_total", Help: "Bodies durable in the log, by object."}, []string{"object"})
	m := &Metrics{accepted: map[Object]prometheus.Counter{}, refusedN: prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "roamclear_ingest_refused_total", Help: "Bodies answered with an error, by object and reason."}, []string{"object", "reason"})}
	reg.MustRegister(accepted, m.refusedN)
	for o := ObjectCDR; o.Known(); o++ {
		m.accepted[o] = accepted.WithLabelValues(o.String())
	}
	return m
}

func (m *Metrics) count(o Object, err error) {
	switch {
	case err == nil:
		m.accepted[o].Inc()
	case errors.Is(err, ErrOverload):
		m.refusedN.WithLabelValues(o.String(), "overload").Inc()
	case errors.Is(err, ErrOutcomeUnknown), errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		m.refusedN.WithLabelValues(o.String(), "outcome_unknown").Inc()
	default: // nobody knows it, so it is ours
		m.refusedN.WithLabelValues(o.String(), "internal").Inc()
	}
}

func (m *Metrics) refused(o Object, reason error) {
	var syntax *ocpi.SyntaxError
	label := "invalid_field"
	switch {
	case errors.As(reason, &syntax):
		label = "not_json"
	case errors.Is(reason, ErrUnknownObject):
		label = "not_yours"
	case errors.Is(reason, ErrTooLarge):
		label = "too_large"
	}
	m.refusedN.WithLabelValues(o.String(), label).Inc()
}
