package attack

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"golang.org/x/sync/errgroup"
)

// heavyWork pushes CDRs that take long to audit and waits until they are
// priced.
func heavyWork(ctx context.Context, t *target) error {
	n := t.size(6, 60)
	if err := t.pushAll(ctx, n, "slow", slowCDR); err != nil {
		return err
	}
	return t.allVisible(ctx, n)
}

// moreWork pushes once more what takes long: the service is stopped on it.
func moreWork(ctx context.Context, t *target) error { return t.pushAll(ctx, 6, "late", slowCDR) }

// explanations pushes CDRs that take much to explain: 250 MB of them.
func explanations(ctx context.Context, t *target) error {
	n := t.size(24, 400)
	if err := t.pushAll(ctx, n, "wordy", wordyCDR); err != nil {
		return err
	}
	return t.allVisible(ctx, n)
}

// pushAll pushes n CDRs of the attacker, eight at once. One that is refused
// for load comes again.
func (t *target) pushAll(ctx context.Context, n int, prefix string, body func(id string) []byte) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(8)
	for i := range n {
		g.Go(func() error {
			for {
				status, answer, err := t.send(ctx, &attacker, http.MethodPost, cdrsPath, body(fmt.Sprintf("%s-%d", prefix, i)))
				switch {
				case err != nil:
					return err
				case status == http.StatusCreated:
					return nil
				case status != http.StatusServiceUnavailable:
					return fmt.Errorf("push %s-%d: HTTP %d %.300s", prefix, i, status, answer)
				case !pause(ctx, pauseAfter503):
					return ctx.Err()
				}
			}
		})
	}
	return g.Wait()
}

// allVisible waits until finance's report counts n CDRs of the attacker.
func (t *target) allVisible(ctx context.Context, n int) error {
	within, cancel := context.WithTimeout(ctx, endWithin)
	defer cancel()
	for {
		counted, err := t.counted(within, &attacker)
		if err != nil {
			return err
		}
		if counted >= n {
			return nil
		}
		if !pause(within, 200*time.Millisecond) {
			t.violate("of %d CDRs of %s only %d are visible after %s", n, attacker.Name, counted, endWithin)
			return nil
		}
	}
}
