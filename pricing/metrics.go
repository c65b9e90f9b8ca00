package pricing

import "github.com/prometheus/client_golang/prometheus"

// Metrics says what the worker took in and how it ended.
type Metrics struct {
	outcomes   *prometheus.CounterVec
	claims     *prometheus.CounterVec
	batchRows  prometheus.Histogram
	healErrors prometheus.Counter
	healed     prometheus.Counter
}

// NewMetrics registers the worker's metrics.
func NewMetrics(reg prometheus.Registerer) *Metrics {
	m := &Metrics{
		outcomes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "roamclear_pricing_records_total", Help: "CDR records processed, by status and reject reason; replays count again."}, []string{"status", "reason"}),
		claims: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "roamclear_pricing_claims_total", Help: "Claims of priced CDR records held against what we computed: agrees, differs, absent; cause says why one differs, as far as it is known; replays count again."}, []string{"claim", "cause"}),
		batchRows: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "roamclear_pricing_batch_rows", Help: "Rows per stored batch.", Buckets: prometheus.ExponentialBuckets(1, 4, 8)}),
		healErrors: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "roamclear_pricing_heal_errors_total", Help: "Looks at the rejects that failed and come again."}),
		healed: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "roamclear_pricing_healed_total", Help: "Rejects that were priced after their cause went away."}),
	}
	reg.MustRegister(m.outcomes, m.claims, m.batchRows, m.healErrors, m.healed)
	return m
}

func (m *Metrics) done(rows []Row) {
	m.batchRows.Observe(float64(len(rows)))
	var counts [Credited + 1]int
	for i := range rows {
		o := &rows[i].Outcome
		if o.Status == Rejected {
			m.outcomes.WithLabelValues(o.Status.String(), o.Reason).Inc()
			continue
		}
		counts[o.Status]++
		if o.Status == Priced {
			m.claims.WithLabelValues(o.Claim.String(), o.Cause).Inc()
		}
	}
	for s := Priced; s <= Credited; s++ {
		m.outcomes.WithLabelValues(s.String(), "").Add(float64(counts[s]))
	}
}
