package api

import (
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Bounds of what is answered to who comes with credentials that are nobody's.
const (
	strangerBurst = 20              // of one address at once
	strangerEvery = 3 * time.Second // and then one
	strangersHeld = 10_000          // addresses; those that are more share one
	strangerLines = time.Minute     // between two lines of the log about one address
)

// strangers are the addresses from which credentials came that are nobody's. What is right is
// never asked of: many share an address, behind a proxy all do, and nobody shuts out another by
// guessing from there. It is safe for concurrent use.
type strangers struct {
	logger *slog.Logger
	counts *prometheus.CounterVec

	mu    sync.Mutex // guards what follows
	known map[netip.Addr]*stranger
	rest  stranger
	swept time.Time
	lines Rate // of the log, about all of them
}

type stranger struct {
	Rate
	told time.Time
	came int // since then
}

func newStrangers(o *TLSOptions) *strangers {
	s := &strangers{logger: o.Logger, known: map[netip.Addr]*stranger{}, rest: stranger{Rate: strangerRate()}, lines: Rate{Every: time.Second, Burst: 20}, counts: prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "roamclear_credentials_refused_total",
		Help: "Requests with a token, a key or a sign-in that is nobody's, by interface (ocpi, api, page, admin) and HTTP status: 429 for those that came too often from one address."}, []string{"interface", "http_status"})}
	if o.Registerer != nil {
		o.Registerer.MustRegister(s.counts)
	}
	return s
}

func strangerRate() Rate { return Rate{Every: strangerEvery, Burst: strangerBurst} }

// Stranger notes that a request came with credentials that are nobody's to one of our
// interfaces, and returns an error where that was too often from its address, a *TooOftenError.
func Stranger(r *http.Request, at string) error {
	c := connectionOf(r)
	if c == nil {
		return nil // no listener of ours knows where it comes from
	}
	return c.tls.strangers.came(c.remote, at, c.tls.Now())
}

func (s *strangers) came(remote, at string, now time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	one := s.of(addressOf(remote), now)
	one.came++
	if now.Sub(one.told) >= strangerLines && s.lines.Take(now) {
		s.logger.Warn("credentials that are nobody's", "interface", at, "remote", remote, "requests", one.came)
		one.told, one.came = now, 0
	}
	if one.Take(now) {
		s.counts.WithLabelValues(at, "401").Inc()
		return nil
	}
	s.counts.WithLabelValues(at, "429").Inc()
	return &TooOftenError{Wait: one.Wait(now), Why: "credentials that are nobody's came too often from this address"}
}

// of returns what is known of an address. Where there are too many, those that came long ago are
// forgotten first.
func (s *strangers) of(a netip.Addr, now time.Time) *stranger {
	if one := s.known[a]; one != nil {
		return one
	}
	if len(s.known) >= strangersHeld && now.Sub(s.swept) >= strangerLines {
		s.swept = now
		for known, one := range s.known {
			if one.due.Load() <= now.UnixNano() && now.Sub(one.told) >= strangerLines {
				delete(s.known, known)
			}
		}
	}
	if len(s.known) >= strangersHeld {
		return &s.rest
	}
	one := &stranger{Rate: strangerRate()}
	s.known[a] = one
	return one
}

// addressOf is whom an address stands for: of IPv6 a network, of which whoever has one address
// has all.
func addressOf(remote string) netip.Addr {
	host, _, err := net.SplitHostPort(remote)
	if err != nil {
		host = remote
	}
	a, err := netip.ParseAddr(host)
	if err != nil {
		return netip.Addr{}
	}
	if a = a.Unmap().WithZone(""); a.Is6() {
		return netip.PrefixFrom(a, 64).Masked().Addr()
	}
	return a
}
