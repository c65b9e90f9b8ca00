package kafka

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/roamclear/roamclear/ingest"
)

// writerMetrics is what the writing end tells Prometheus.
type writerMetrics struct {
	records *prometheus.CounterVec // by topic
	failed  *prometheus.CounterVec // by topic
	batch   prometheus.Histogram
	ack     prometheus.Histogram
	refused prometheus.Counter
}

func newWriterMetrics(reg prometheus.Registerer) *writerMetrics {
	m := &writerMetrics{
		records: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "roamclear_log_appended_records_total", Help: "Records acknowledged by every in-sync replica."}, []string{"topic"}),
		failed: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "roamclear_log_append_failed_records_total", Help: "Records refused by the broker or with unknown outcome."}, []string{"topic"}),
		batch: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "roamclear_log_batch_records", Help: "Records per produce request.",
			Buckets: prometheus.ExponentialBuckets(1, 4, 7)}),
		ack: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "roamclear_log_ack_seconds", Help: "Time from sending a batch to its acknowledgement.",
			Buckets: prometheus.ExponentialBuckets(0.0005, 2, 14)}),
		refused: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "roamclear_log_queue_full_total", Help: "Appends refused because their partition's queue was full."}),
	}
	reg.MustRegister(m.records, m.failed, m.batch, m.ack, m.refused)
	return m
}

func (m *writerMetrics) observe(topic ingest.Topic, b *batch, took time.Duration, err error) {
	if err != nil {
		m.failed.WithLabelValues(string(topic)).Add(float64(b.count))
		return
	}
	m.records.WithLabelValues(string(topic)).Add(float64(b.count))
	m.batch.Observe(float64(b.count))
	m.ack.Observe(took.Seconds())
}
