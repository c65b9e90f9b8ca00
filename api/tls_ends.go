package api

import (
	"cmp"
	"context"
	"crypto/x509"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ingest/control"
)

// warnDays are how long before a certificate ends it is told: once for each.
var warnDays = []int{30, 14, 3}

const (
	endsEvery  = time.Hour          // how often ends are looked at
	unseenFor  = 7 * 24 * time.Hour // after which a partner's certificate is taken for replaced
	maxOfOne   = 8                  // certificates of one partner for one use
	maxOfAll   = 100_000            // of all
	sideOurs   = "ours"
	sideTheirs = "partners"
)

// Ends knows when certificates end: ours, and those that partners have shown. It tells
// of each 30, 14 and 3 days before, and counts them. It is safe for concurrent use.
type Ends struct {
	logger *slog.Logger
	now    func() time.Time

	mu    sync.Mutex // guards what follows
	known map[ended]*ending

	ending, ours *prometheus.Desc
}

// ended is one certificate and what it is for.
type ended struct {
	side, use string
	who       string // a partner; "" = us
	which     string // its fingerprint, or a name
}

type ending struct {
	name string // for people
	end  time.Time
	seen time.Time // last
	told int       // of warnDays, how many; one more once it has ended
}

// NewEnds registers the metrics. now may be nil.
func NewEnds(logger *slog.Logger, reg prometheus.Registerer, now func() time.Time) *Ends {
	if now == nil {
		now = time.Now
	}
	e := &Ends{
		logger: logger, now: now, known: map[ended]*ending{},
		ending: prometheus.NewDesc("roamclear_certificates_ending", "Certificates that end within so many days (0: have ended), of us and of partners as they were seen in the last 7 days.", []string{"side", "within_days"}, nil),
		ours:   prometheus.NewDesc("roamclear_certificate_end_timestamp_seconds", "When the first of our certificates for a use ends, in Unix seconds (crl: when the next list of revoked certificates is due).", []string{"use"}, nil),
	}
	if reg != nil {
		reg.MustRegister(e)
	}
	return e
}

// Ours says which certificates of ours are for a use from now on.
func (e *Ends) Ours(use string, certs ...*x509.Certificate) {
	list := make(map[ended]*ending, len(certs))
	for _, c := range certs {
		list[ended{sideOurs, use, "", control.CertificateOf(c).Fingerprint.String()}] = &ending{name: c.Subject.String(), end: c.NotAfter}
	}
	e.replace(use, list)
}

// lists says by when the next lists of revoked certificates are due.
func (e *Ends) lists(t *trust) {
	list := map[ended]*ending{}
	for key, l := range t.revoked {
		if !l.next.IsZero() {
			list[ended{sideOurs, "crl", "", fmt.Sprintf("%x", key)}] = &ending{name: "tls.crl", end: l.next}
		}
	}
	e.replace("crl", list)
}

// replace sets what is ours for a use. What stays keeps what was told of it.
func (e *Ends) replace(use string, list map[ended]*ending) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for key := range e.known {
		if _, stays := list[key]; key.side == sideOurs && key.use == use && !stays {
			delete(e.known, key)
		}
	}
	for key, one := range list {
		if _, known := e.known[key]; !known {
			e.known[key] = one
		}
		e.warn(key, e.known[key])
	}
}

// Theirs notes a certificate that a partner, or who has a key, has shown: as a client,
// or as the server that we called.
func (e *Ends) Theirs(use, who string, cert *x509.Certificate) {
	key := ended{sideTheirs, use, who, control.CertificateOf(cert).Fingerprint.String()}
	e.mu.Lock()
	defer e.mu.Unlock()
	one := e.known[key]
	if one == nil {
		e.room(use, who)
		one = &ending{name: cert.Subject.String(), end: cert.NotAfter}
		e.known[key] = one
	}
	one.seen = e.now()
	e.warn(key, one)
}

// room makes room for one more certificate of somebody's, in place of the one that was
// not seen for longest.
func (e *Ends) room(use, who string) {
	var own []ended
	for key := range e.known {
		if key.side == sideTheirs && key.use == use && (key.who == who || len(e.known) >= maxOfAll) {
			own = append(own, key)
		}
	}
	if len(own) == 0 || len(own) < maxOfOne && len(e.known) < maxOfAll {
		return
	}
	delete(e.known, slices.MinFunc(own, func(a, b ended) int { return e.known[a].seen.Compare(e.known[b].seen) }))
}

// warn tells of a certificate that ends soon, once for each of warnDays.
func (e *Ends) warn(key ended, one *ending) {
	left := one.end.Sub(e.now())
	passed := 0
	for _, days := range warnDays {
		if left <= time.Duration(days)*24*time.Hour {
			passed++
		}
	}
	if left < 0 {
		passed++
	}
	if passed <= one.told {
		return
	}
	one.told = passed
	args := []any{"side", key.side, "use", key.use, "name", one.name, "ends", utc(one.end)}
	if key.who != "" {
		args = append(args, "of", key.who)
	}
	if key.use != "crl" {
		args = append(args, "fingerprint", key.which)
	}
	if left < 0 {
		e.logger.Error("a certificate has ended", args...)
		return
	}
	e.logger.Warn("a certificate ends soon", append(args, "days_left", int(left/(24*time.Hour)))...)
}

// Shown is a certificate that a partner, or who has a key, has shown to this process.
type Shown struct {
	Use         string // client, or server
	Fingerprint string
	Subject     string
	End, Seen   time.Time
}

// Of returns what somebody has shown in the last 7 days, what was seen last first.
func (e *Ends) Of(who string) []Shown {
	list := []Shown{}
	if e == nil {
		return list
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	for key, one := range e.known {
		if key.side == sideTheirs && key.who == who && e.now().Sub(one.seen) <= unseenFor {
			list = append(list, Shown{key.use, key.which, one.name, one.end, one.seen})
		}
	}
	slices.SortFunc(list, func(a, b Shown) int {
		return cmp.Or(b.Seen.Compare(a.Seen), strings.Compare(a.Use, b.Use), strings.Compare(a.Fingerprint, b.Fingerprint))
	})
	return list
}

// Run looks from time to time which certificates end, until ctx ends.
func (e *Ends) Run(ctx context.Context) error {
	for ingest.Pause(ctx, endsEvery) {
		e.Look()
	}
	return nil
}

// Look tells of certificates that end soon by now, and forgets those that partners do
// not show any more.
func (e *Ends) Look() {
	e.mu.Lock()
	defer e.mu.Unlock()
	now := e.now()
	keys := make([]ended, 0, len(e.known))
	for key, one := range e.known {
		if key.side == sideTheirs && now.Sub(one.seen) > unseenFor {
			delete(e.known, key)
			continue
		}
		keys = append(keys, key)
	}
	slices.SortFunc(keys, func(a, b ended) int {
		return cmp.Or(strings.Compare(a.side, b.side), strings.Compare(a.use, b.use), strings.Compare(a.who, b.who), strings.Compare(a.which, b.which))
	})
	for _, key := range keys {
		e.warn(key, e.known[key])
	}
}

// Describe implements prometheus.Collector.
func (e *Ends) Describe(ch chan<- *prometheus.Desc) {
	ch <- e.ending
	ch <- e.ours
}

// Collect implements prometheus.Collector.
func (e *Ends) Collect(ch chan<- prometheus.Metric) {
	e.mu.Lock()
	defer e.mu.Unlock()
	now := e.now()
	within := map[string]map[int]int{sideOurs: {}, sideTheirs: {}}
	first := map[string]time.Time{}
	for key, one := range e.known {
		if key.side == sideTheirs && now.Sub(one.seen) > unseenFor {
			continue
		}
		for _, days := range append([]int{0}, warnDays...) {
			if one.end.Sub(now) <= time.Duration(days)*24*time.Hour {
				within[key.side][days]++
			}
		}
		if at, ok := first[key.use]; key.side == sideOurs && (!ok || one.end.Before(at)) {
			first[key.use] = one.end
		}
	}
	for side, counts := range within {
		for _, days := range append([]int{0}, warnDays...) {
			ch <- prometheus.MustNewConstMetric(e.ending, prometheus.GaugeValue, float64(counts[days]), side, fmt.Sprint(days))
		}
	}
	for use, at := range first {
		ch <- prometheus.MustNewConstMetric(e.ours, prometheus.GaugeValue, float64(at.Unix()), use)
	}
}
