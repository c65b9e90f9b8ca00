package api

import "sync/atomic"

// Limiter bounds how many requests are under way at once.
type Limiter struct {
	max int64
	n   atomic.Int64
}

// NewLimiter returns a Limiter for at most n requests at once.
func NewLimiter(n int) *Limiter { return &Limiter{max: int64(n)} }

// Enter reports whether one more request may start; every true must be
// followed by one Leave.
func (l *Limiter) Enter() bool {
	if l.n.Add(1) <= l.max {
		return true
	}
	l.n.Add(-1)
	return false
}

// Leave ends what Enter let in.
func (l *Limiter) Leave() { l.n.Add(-1) }

// InFlight returns how many requests are under way.
func (l *Limiter) InFlight() int64 { return l.n.Load() }
