package ingest

import (
	"context"
	"time"
)

const (
	sweepInterval = time.Second
	sweepAnyway   = 5 * time.Minute
)

// Sweep looks at what waits for something else to come, until ctx ends: when causes,
// which counts what may have come, has moved, when a look said that it has left
// more to do, and every sweepAnyway without being told, so that no wake-up is lost.
// Looking takes a tenth of the time at most, however much waits, however often causes
// move and whether it fails or not. What fails is told to failed, and looked at
// again.
func Sweep(ctx context.Context, causes func() uint64, look func(context.Context) (more bool, err error), failed func(error)) {
	ticker := time.NewTicker(sweepInterval)
	defer ticker.Stop()
	var seen uint64
	var looked time.Time
	var took time.Duration
	var again bool
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-ticker.C:
			current := causes()
			if now.Sub(looked) < 10*took || !again && current == seen && now.Sub(looked) < sweepAnyway {
				continue
			}
			looked = now
			more, err := look(ctx)
			if ctx.Err() != nil {
				return
			}
			if took = time.Since(looked); err != nil {
				failed(err)
			}
			again = more || err != nil
			seen = current
		}
	}
}
