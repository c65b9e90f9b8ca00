package clickhouse

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing"
)

// metrics of the store. With a nil registerer they count for nobody.
type metrics struct {
	rows    *prometheus.CounterVec   // by table
	inserts *prometheus.HistogramVec // seconds, by table
	retries prometheus.Counter
	late    *prometheus.CounterVec // by eMSP
}

// lateAfter is how long after its last_updated a CDR may come and still be met by
// who asks for the windows of last_updated once a day.
const lateAfter = ocpi.Time(24 * ocpi.Hour)

// listed counts, for each eMSP, the CDRs that came late to its list: a hub does
// not change last_updated, so who asks for windows of it does not meet them.
func (m *metrics) listed(rows []placedRow) {
	for i := range rows {
		r := &rows[i]
		known := !r.at.EMSP.IsZero() && r.Outcome.Reason != pricing.ReasonDebtorUnknown // else anybody could name any number of them
		if known && r.LastUpdated.IsSet() && r.Record.Received-r.LastUpdated > lateAfter {
			m.late.WithLabelValues(r.at.EMSP.String()).Inc()
		}
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
			Help: "CDRs that came more than a day after their last_updated, by the eMSP whose list they are on: asked for by date_from and date_to they may be missed, list_by=received finds them.",
		}, []string{"emsp"}),
	}
	if r != nil {
		r.MustRegister(m.rows, m.inserts, m.retries, m.late)
	}
	return m
}
