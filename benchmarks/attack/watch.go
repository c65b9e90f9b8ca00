package attack

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/roamclear/roamclear/benchmarks/process"
)

// bystander is another partner that goes on pushing: one CDR after the other,
// each as soon as the one before is visible.
type bystander struct {
	target  *target
	stop    context.CancelFunc
	done    chan struct{}
	longest time.Duration
	pushed  int
	refused int
	example string
}

// watch starts the bystander.
func (t *target) watch(ctx context.Context) *bystander {
	ctx, stop := context.WithCancel(ctx)
	b := &bystander{target: t, stop: stop, done: make(chan struct{})}
	go func() {
		defer close(b.done)
		for n := 0; n == 0 || ctx.Err() == nil; n++ {
			b.push(context.WithoutCancel(ctx), fmt.Sprintf("other-%d", n))
			pause(ctx, 100*time.Millisecond)
		}
	}()
	return b
}

// push pushes one CDR, again where it is refused, and waits until it is
// visible.
func (b *bystander) push(ctx context.Context, id string) {
	ctx, cancel := context.WithTimeout(ctx, endWithin)
	defer cancel()
	started := time.Now()
	for {
		status, answer, err := b.target.send(ctx, &other, http.MethodPost, cdrsPath, smallCDR(&other, id))
		if status == http.StatusCreated {
			break
		}
		b.refused++
		b.example = fmt.Sprintf("HTTP %d %.200s, %v", status, answer, err)
		if !pause(ctx, 200*time.Millisecond) {
			break
		}
	}
	b.pushed++
	if err := b.target.visible(ctx, &other, id, endWithin); err != nil {
		b.example = err.Error()
	}
	b.longest = max(b.longest, time.Since(started))
}

// end lets the bystander finish what it began, once more where the attack was
// quick, and judges.
func (b *bystander) end(r *Result, within time.Duration) {
	b.stop()
	<-b.done
	r.Visible, r.Pushed, r.Refused = b.longest, b.pushed, b.refused
	if b.refused > 0 {
		r.violate("%d pushes of another partner were refused: %s", b.refused, b.example)
	}
	if b.longest > within {
		r.violate("another partner's CDR was visible only after %s, want %s %s", b.longest.Round(time.Millisecond), within, b.example)
	}
}

// memory is resident memory, in bytes.
type memory struct{ service, engine int64 }

func (t *target) memory() (m memory, err error) {
	if m.service, _, err = process.Memory(t.service.Pid()); err != nil {
		return m, err
	}
	children, err := process.Children(t.service.Pid())
	if err != nil {
		return m, err
	}
	for _, pid := range children {
		resident, _, err := process.Memory(pid)
		if err != nil {
			return m, err
		}
		m.engine += resident
	}
	return m, nil
}

// judgeMemory wants the peak, and within a minute what is left, close to what
// it was before.
func (t *target) judgeMemory(ctx context.Context, r *Result) (err error) {
	if _, r.Peak.service, err = process.Memory(t.service.Pid()); err != nil {
		return err
	}
	within, cancel := context.WithTimeout(ctx, memoryWithin)
	defer cancel()
	for {
		if r.After, err = t.memory(); err != nil {
			return err
		}
		if r.After.service <= r.Before.service+maxGrowth || !pause(within, time.Second) {
			break
		}
	}
	if grown := r.Peak.service - r.Before.service; grown > maxGrowth {
		r.violate("resident memory grew by %d MB, want at most %d", grown>>20, maxGrowth>>20)
	}
	if grown := r.After.service - r.Before.service; grown > maxGrowth {
		r.violate("a minute later %d MB more are resident than before, want at most %d", grown>>20, maxGrowth>>20)
	}
	return nil
}
