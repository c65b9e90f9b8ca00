package messages

import "github.com/prometheus/client_golang/prometheus"

// Metrics of the messages. With a nil registerer they count for nobody.
type Metrics struct {
	kept, dropped prometheus.Counter
}

// NewMetrics registers them.
func NewMetrics(r prometheus.Registerer) *Metrics {
	m := &Metrics{
		kept:    prometheus.NewCounter(prometheus.CounterOpts{Name: "roamclear_messages_kept_total", Help: "Requests of and to partners that were kept with their answers."}),
		dropped: prometheus.NewCounter(prometheus.CounterOpts{Name: "roamclear_messages_not_kept_total", Help: "Requests of and to partners for which the queue had no room. They were answered all the same."}),
	}
	if r != nil {
		r.MustRegister(m.kept, m.dropped)
	}
	return m
}
