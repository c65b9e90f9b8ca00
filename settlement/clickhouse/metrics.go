package clickhouse

import (
	"github.com/prometheus/client_golang/prometheus"
)

// metrics of the store. With a nil registerer they count for nobody.
type metrics struct {
	rows    *prometheus.CounterVec   // by table
	inserts *prometheus.HistogramVec // seconds, by table
	retries prometheus.Counter
	late    *prometheus.CounterVec // by eMSP
}

// cameLate counts CDRs that came late to the list of an eMSP, which is one that has
// read it.
func (m *metrics) cameLate(rows []*placedRow) {
	for _, r := range rows {
		m.late.WithLabelValues(r.at.EMSP.String()).Inc()
	}
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
		late: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "roamclear_store_late_cdrs_total",
			Help: "CDRs that came with a last_updated in a window that the eMSP whose list they are on had read to its end: it meets them by list_by=received, or where it asks for the window again.",
		}, []string{"emsp"}),
	}
	if r != nil {
		r.MustRegister(m.rows, m.inserts, m.retries, m.late)
	}
	return m
}
