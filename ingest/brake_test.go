package ingest

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// The intake slows down smoothly as records wait longer or the log fills, goes
// on at full speed while the store is away and the log has room, and recovers.
func TestBrake(t *testing.T) {
	for _, c := range []struct {
		name       string
		age        time.Duration
		moves      bool
		used       int64 // of 1000
		least, end int   // pushes at once
	}{
		{"nothing waits", 0, true, 0, 256, 256},
		{"as long as always", 4 * time.Second, true, 200, 256, 256},
		{"half the way", 12*time.Second + 500*time.Millisecond, true, 0, 44, 50},
		{"long", time.Minute, true, 0, 8, 8},
		{"the store is away", time.Hour, false, 200, 256, 256},
		{"the store is away, the log half full", time.Hour, false, 500, 44, 50},
		{"the log nearly full", 0, true, 900, 8, 8},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var set []int
				var age, used atomic.Int64
				age.Store(int64(c.age))
				used.Store(c.used)
				b := &Brake{
					Max: 256, Set: func(n int) { set = append(set, n) },
					Age:  func() (time.Duration, bool) { return time.Duration(age.Load()), c.moves },
					Fill: func() (int64, int64) { return used.Load(), 1000 },
				}
				ctx, stop := context.WithCancel(t.Context())
				done := make(chan error, 1)
				go func() { done <- b.Run(ctx) }()
				time.Sleep(5 * time.Second)
				synctest.Wait()
				if n := set[len(set)-1]; n < c.least || n > c.end {
					t.Errorf("%d pushes at once, want %d to %d", n, c.least, c.end)
				}
				age.Store(0)
				used.Store(0)
				time.Sleep(5 * time.Second)
				synctest.Wait()
				if n := set[len(set)-1]; n != 256 {
					t.Errorf("%d pushes at once once nothing waits any more", n)
				}
				for i := 1; i < len(set); i++ {
					if set[i] < set[i-1]*6/10 {
						t.Errorf("from %d to %d in one step", set[i-1], set[i])
					}
				}
				stop()
				if err := <-done; err != nil {
					t.Error(err)
				}
			})
		})
	}
}
