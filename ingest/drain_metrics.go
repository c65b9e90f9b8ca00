package ingest

import "github.com/prometheus/client_golang/prometheus"

// DrainMetrics tells, by consumer group, how storing goes. All Drains of a
// process share one.
type DrainMetrics struct {
	records  *prometheus.CounterVec
	errors   *prometheus.CounterVec
	isolated *prometheus.CounterVec
	gaps     *prometheus.CounterVec
}

// NewDrainMetrics registers the metrics of every Drain of the process. Groups
// that have stored nothing yet show zeros.
func NewDrainMetrics(reg prometheus.Registerer) *DrainMetrics {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
	}
	m := &DrainMetrics{
		records:  counter("roamclear_drain_records_total", "Records made durable in the store, by consumer group; replays count again.", "group"),
		errors:   counter("roamclear_drain_store_errors_total", "Attempts to store that failed, by consumer group: passing ones are tried again, lasting ones need somebody.", "group", "kind"),
		isolated: counter("roamclear_drain_unstorable_total", "Records that could not be stored as they are and were stored as rejects.", "group"),
	}
	m.gaps = counter("roamclear_drain_gap_records_total", "Records of a bounded topic that the log let go of before they were stored.", "group")
	reg.MustRegister(m.records, m.errors, m.isolated, m.gaps)
	for _, t := range topics {
		if !t.Stored() {
			continue
		}
		m.records.WithLabelValues(t.Group)
		m.isolated.WithLabelValues(t.Group)
		m.gaps.WithLabelValues(t.Group)
		m.errors.WithLabelValues(t.Group, "passing")
		m.errors.WithLabelValues(t.Group, "lasting")
	}
	return m
}
