package pricing

import "github.com/prometheus/client_golang/prometheus"

// Metrics says what the worker took in and how it ended.
type Metrics struct {
	outcomes    *prometheus.CounterVec
	batchRows   prometheus.Histogram
	storeErrors prometheus.Counter
	healed      prometheus.Counter
}

// NewMetrics registers the worker's metrics.
func NewMetrics(reg prometheus.Registerer) *Metrics {
	m := &Metrics{
		outcomes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "roamclear_pricing_records_total", Help: "CDR records processed, by status and reject reason; replays count again."}, []string{"status", "reason"}),
		batchRows: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "roamclear_pricing_batch_rows", Help: "Rows per stored batch.", Buckets: prometheus.ExponentialBuckets(1, 4, 8)}),
		storeErrors: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "roamclear_pricing_store_errors_total", Help: "Attempts to store a batch that failed and were tried again."}),
		healed: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "roamclear_pricing_healed_total", Help: "Rejects that were priced after their cause went away."}),
	}
	reg.MustRegister(m.outcomes, m.batchRows, m.storeErrors, m.healed)
	return m
}

func (m *Metrics) done(b *Batch) {
	m.batchRows.Observe(float64(len(b.Rows)))
	var counts [Credited + 1]int
	for i := range b.Rows {
		o := &b.Rows[i].Outcome
		if o.Status == Rejected {
			m.outcomes.WithLabelValues(o.Status.String(), o.Reason).Inc()
			continue
		}
		counts[o.Status]++
	}
	for s := Priced; s <= Credited; s++ {
		m.outcomes.WithLabelValues(s.String(), "").Add(float64(counts[s]))
	}
}
