// Package drive sends a service requests, as fast as they are answered or so many a
// second, and tells what came of them: how many, how fast, what failed and what processor
// time it took.
package drive

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/roamclear/roamclear/benchmarks/load"
	"github.com/roamclear/roamclear/benchmarks/process"
)

// Measured is what came of many requests.
type Measured struct {
	Done    int
	Failed  map[string]int
	Elapsed time.Duration
	Latency load.Histogram
}

// Rate is how many were done each second.
func (m *Measured) Rate() int64 { return int64(m.Done) * int64(time.Second) / max(int64(m.Elapsed), 1) }

func (m *Measured) String() string {
	s := fmt.Sprintf("%d/s | %s | %s", m.Rate(), m.Latency.PerMille(500).Round(10*time.Microsecond), m.Latency.PerMille(990).Round(10*time.Microsecond))
	if len(m.Failed) > 0 {
		s += fmt.Sprintf(" (%v)", m.Failed)
	}
	return s
}

// Err is what failed, nil where nothing did.
func (m *Measured) Err() error {
	if len(m.Failed) == 0 {
		return nil
	}
	return fmt.Errorf("%d done, and failed: %v", m.Done, m.Failed)
}

// Do makes the n-th request. It returns "" for success, else what went wrong in a few
// words that many share.
type Do func(ctx context.Context, n int) (failure string)

// Closed sends requests over so many connections for a while, each as soon as the one
// before is answered.
func Closed(ctx context.Context, connections int, during time.Duration, do Do) *Measured {
	within, cancel := context.WithTimeout(ctx, during)
	defer cancel()
	var mu sync.Mutex // guards counter
	counter := 0
	return drive(ctx, connections, do, func() (int, bool) {
		mu.Lock()
		defer mu.Unlock()
		counter++
		return counter - 1, within.Err() == nil
	})
}

// Count is Closed for so many requests, however long they take.
func Count(ctx context.Context, connections, requests int, do Do) *Measured {
	numbers := make(chan int)
	go func() {
		defer close(numbers)
		for n := 0; n < requests && ctx.Err() == nil; n++ {
			numbers <- n
		}
	}()
	return drive(ctx, connections, do, func() (int, bool) { n, ok := <-numbers; return n, ok })
}

// Open sends rate requests a second for a while, whether or not those before are
// answered, as long as there is a connection.
func Open(ctx context.Context, connections, rate int, during time.Duration, do Do) *Measured {
	ticks := make(chan int, rate)
	go func() {
		defer close(ticks)
		began := time.Now()
		for n := 0; ; n++ {
			wait := time.Until(began.Add(time.Duration(n) * time.Second / time.Duration(rate)))
			if time.Since(began) > during || ctx.Err() != nil {
				return
			}
			time.Sleep(wait)
			ticks <- n
		}
	}()
	return drive(ctx, connections, do, func() (int, bool) { n, ok := <-ticks; return n, ok })
}

func drive(ctx context.Context, connections int, do Do, next func() (n int, ok bool)) *Measured {
	all := &Measured{Failed: map[string]int{}}
	var mu sync.Mutex // guards all
	began := time.Now()
	var group sync.WaitGroup
	for range connections {
		group.Go(func() {
			own := &Measured{Failed: map[string]int{}}
			for n, ok := next(); ok; n, ok = next() {
				sent := time.Now()
				if failure := do(ctx, n); failure != "" {
					own.Failed[failure]++
					continue
				}
				own.Done++
				own.Latency.Add(time.Since(sent))
			}
			mu.Lock()
			defer mu.Unlock()
			all.Done += own.Done
			all.Latency.Merge(&own.Latency)
			for s, n := range own.Failed {
				all.Failed[s] += n
			}
		})
	}
	group.Wait()
	all.Elapsed = time.Since(began)
	return all
}

// CPU is processor time of a service and of the engine that it started.
type CPU struct{ Service, Engine time.Duration }

// Used is what a service has used since it started.
func Used(pid int) (c CPU, err error) {
	if c.Service, err = process.CPU(pid); err != nil {
		return c, err
	}
	children, err := process.Children(pid)
	for _, child := range children {
		used, failed := process.CPU(child)
		c.Engine, err = c.Engine+used, errors.Join(err, failed)
	}
	return c, err
}

// Each is the processor time of each of n requests that were sent since.
func (c CPU) Each(before CPU, n int) CPU {
	of := time.Duration(max(n, 1))
	return CPU{(c.Service - before.Service) / of, (c.Engine - before.Engine) / of}
}

// Cost measures the processor time that each request costs which do makes, over so many
// connections for a while. That one failed is an error.
func Cost(ctx context.Context, pid, connections int, during time.Duration, do Do) (each CPU, err error) {
	before, err := Used(pid)
	if err != nil {
		return each, err
	}
	m := Closed(ctx, connections, during, do)
	after, err := Used(pid)
	if err = errors.Join(err, m.Err()); err == nil && m.Done == 0 {
		err = errors.New("nothing was answered in time")
	}
	return after.Each(before, m.Done), err
}

// Quiet waits until a service uses no more processor time than an idle one: what it reads
// after its start, and what it still had to do, is done. It waits no longer than most.
func Quiet(ctx context.Context, pid int, most time.Duration) error {
	const step = 500 * time.Millisecond
	began := time.Now()
	for quiet := 0; quiet < 3 && time.Since(began) < most; {
		before, err := process.CPU(pid)
		if err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(step):
		}
		after, err := process.CPU(pid)
		if err != nil {
			return err
		}
		if quiet++; after-before > step/5 {
			quiet = 0
		}
	}
	return nil
}
