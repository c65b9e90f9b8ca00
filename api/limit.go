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
	return r.wait(due, now) <= 0 && r.due.CompareAndSwap(due, max(due, now.UnixNano())+int64(r.Every))
}

// Wait returns how long it is until it may be done, 0 for now.
func (r *Rate) Wait(now time.Time) time.Duration { return max(r.wait(r.due.Load(), now), 0) }

func (r *Rate) wait(due int64, now time.Time) time.Duration {
	return time.Duration(max(due-now.UnixNano(), 0)) - r.Every*time.Duration(r.Burst-1)
}
