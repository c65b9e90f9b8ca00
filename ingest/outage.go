package ingest

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// outageEvery is how often an outage that goes on is told.
const outageEvery = 30 * time.Second

// Outage tells of something that fails again and again: at once, every half minute with
// how often it did, and when it is over. The zero value but for Logger is ready; it is
// safe for concurrent use.
type Outage struct {
	Logger *slog.Logger

	mu    sync.Mutex // guards what follows
	since time.Time  // zero: nothing fails
	told  time.Time
	times int // since it was told
}

// Failed tells that it failed once more, as a warning where it may pass by itself.
func (o *Outage) Failed(level slog.Level, message string, args ...any) {
	o.mu.Lock()
	defer o.mu.Unlock()
	now := time.Now()
	if o.since.IsZero() {
		o.since = now
	}
	o.times++
	if !o.told.IsZero() && now.Sub(o.told) < outageEvery {
		return
	}
	if o.times > 1 || !o.told.IsZero() {
		args = append(args, "times", o.times, "since", o.since.UTC().Format(time.RFC3339))
	}
	o.told, o.times = now, 0
	o.Logger.Log(context.Background(), level, message, args...)
}

// Over tells that it goes well again, where it did not.
func (o *Outage) Over(message string, args ...any) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.since.IsZero() {
		return
	}
	args = append(args, "after", time.Since(o.since).Round(time.Millisecond))
	o.since, o.told, o.times = time.Time{}, time.Time{}, 0
	o.Logger.Info(message, args...)
}
