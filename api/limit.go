package api

import (
	"sync/atomic"
	"time"
)

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

// Rate lets something be done once in a while, and Burst times at once where it
// was not done for long.
type Rate struct {
	Every time.Duration
	Burst int
	due   atomic.Int64 // when all that was done would have been due, in Unix nanoseconds
}

// Take reports whether it may be done now.
func (r *Rate) Take(now time.Time) bool {
	due := r.due.Load()
	next := max(due, now.UnixNano()) + int64(r.Every)
	return next-now.UnixNano() <= int64(r.Every)*int64(r.Burst) && r.due.CompareAndSwap(due, next)
}
