package clickhouse

import (
	"github.com/prometheus/client_golang/prometheus"
)

// metrics of the store. With a nil registerer they count for nobody.
type metrics struct {
	rows    *prometheus.CounterVec   // by table
	inserts *prometheus.HistogramVec // seconds, by table
	retries prometheus.Counter
}

func newMetrics(r prometheus.Registerer) *metrics {
	m := &metrics{
		rows: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "roamclear_store_rows_total", Help: "Rows inserted into the store.",
		}, []string{"table"}),
		inserts: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "roamclear_store_insert_seconds", Help: "Time of one insert, retries included.",
			Buckets: prometheus.ExponentialBuckets(0.002, 2, 14),
		}, []string{"table"}),
		retries: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "roamclear_store_insert_retries_total", Help: "Inserts sent again because the connection was lost.",
		}),
	}
	if r != nil {
		r.MustRegister(m.rows, m.inserts, m.retries)
	}
	return m
}
