package pricing

import (
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/roamclear/roamclear/ocpi"
)

// Metrics says what the worker took in and how it ended.
type Metrics struct {
	outcomes    *prometheus.CounterVec
	batchRows   prometheus.Histogram
	storeErrors prometheus.Counter
	healed      prometheus.Counter

	mu     sync.Mutex // guards oldest
	oldest map[int32]ocpi.Time
}

// NewMetrics registers the worker's metrics; now is the clock that ages are
// measured with.
func NewMetrics(reg prometheus.Registerer, now func() time.Time) *Metrics {
	m := &Metrics{
		outcomes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "roamclear_pricing_records_total", Help: "CDR records processed, by status and reject reason; replays count again."}, []string{"status", "reason"}),
		batchRows: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "roamclear_pricing_batch_rows", Help: "Rows per stored batch.", Buckets: prometheus.ExponentialBuckets(1, 4, 8)}),
		storeErrors: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "roamclear_pricing_store_errors_total", Help: "Attempts to store a batch that failed and were tried again."}),
		healed: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "roamclear_pricing_healed_total", Help: "Rejects that were priced after their cause went away."}),
		oldest: map[int32]ocpi.Time{},
	}
	oldest := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "roamclear_pricing_oldest_unpriced_seconds", Help: "Age of the oldest record read but not yet stored; 0 when there is none."},
		func() float64 { return m.oldestAge(now()).Seconds() })
	reg.MustRegister(m.outcomes, m.batchRows, m.storeErrors, m.healed, oldest)
	return m
}

func (m *Metrics) pending(partition int32, received ocpi.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.oldest[partition] = received
}

func (m *Metrics) done(b *Batch) {
	m.mu.Lock()
	delete(m.oldest, b.Partition)
	m.mu.Unlock()
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

func (m *Metrics) oldestAge(now time.Time) time.Duration {
	m.mu.Lock()
	defer m.mu.Unlock()
	var age time.Duration
	for _, t := range m.oldest {
		age = max(age, now.Sub(t.Go()))
	}
	return age
}
