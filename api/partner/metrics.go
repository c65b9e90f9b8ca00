package partner

import (
	"context"
	"errors"

	"github.com/prometheus/client_golang/prometheus"
)

// Metrics counts what pulls read, by module: of whom is in the log.
type Metrics struct {
	lists, objects *prometheus.CounterVec
	pages          *prometheus.CounterVec
	running        prometheus.Gauge
}

// NewMetrics registers the counters of pulls.
func NewMetrics(reg prometheus.Registerer) *Metrics {
	m := &Metrics{
		lists: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "roamclear_pull_lists_total", Help: "Lists of partners read, by module and outcome: whole, endless, stopped (by us, or for the partner changed), failed."}, []string{"module", "outcome"}),
		objects: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "roamclear_pull_objects_total", Help: "Objects on them, by module and outcome: known, new, never_pushed, refused, another's (which a hub shows; nothing is kept of it)."}, []string{"module", "outcome"}),
		pages: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "roamclear_pull_pages_total", Help: "Pages of them, by module."}, []string{"module"}),
		running: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "roamclear_pull_running", Help: "Partners whose lists are being read."}),
	}
	reg.MustRegister(m.lists, m.objects, m.pages, m.running)
	for i := range modules {
		m.lists.WithLabelValues(modules[i].id, "whole")
		m.lists.WithLabelValues(modules[i].id, "failed")
	}
	return m
}

// pulling counts a pull that begins, until done is called.
func (m *Metrics) pulling() (done func()) {
	if m == nil {
		return func() {}
	}
	m.running.Inc()
	return m.running.Dec
}

func (m *Metrics) page(module string) {
	if m != nil {
		m.pages.WithLabelValues(module).Inc()
	}
}

func (m *Metrics) object(module string, o outcome) {
	if m != nil {
		m.objects.WithLabelValues(module, o.String()).Inc()
	}
}

// list counts a list that was read, to its end where err is nil.
func (m *Metrics) list(module string, err error) {
	if m == nil {
		return
	}
	outcome := "failed"
	switch {
	case err == nil:
		outcome = "whole"
	case errors.Is(err, errRepeats), errors.Is(err, errEndless):
		outcome = "endless"
	case errors.Is(err, context.Canceled), errors.Is(err, errChanged):
		outcome = "stopped"
	}
	m.lists.WithLabelValues(module, outcome).Inc()
}
