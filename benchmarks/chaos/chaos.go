// Package chaos kills the running service at random moments while partners
// push to it, starts it again, and then compares what it reports with what it
// had acknowledged: nothing may be missing and nothing counted twice.
//
// What was not acknowledged may have arrived all the same; the partners push
// it again until they are told, so that in the end everything is certain.
package chaos

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/roamclear/roamclear/benchmarks/process"
)

// Options say what to kill and how often.
type Options struct {
	Binary string // of roamclear
	Dir    string // data directory and logs go below; it is kept after a violation
	Rounds int
	Seed   uint64
	// Rows of real charges per series; series follow each other until the
	// rounds are over. 0 is all of the embedded extract.
	Rows        int
	Concurrency int       // requests under way at once; 0 is 16
	Log         io.Writer // progress, a line per round
}

// Result is what came of a run.
type Result struct {
	Rounds       int
	ServiceKills int
	StartKills   int // of those, while it was starting
	EngineKills  int
	Requests     int // acknowledged, CDRs and all else
	CDRs         int // acknowledged CDRs that count
	Sessions     int // completed Sessions that were read back
	Retries      int // pushes without an answer, or asked to come back
	Unexpected   int // answers that no push calls for: each is a violation
	LongestBack  time.Duration
	Missing      int // acknowledged and not in the report
	Twice        int // in the report more often than acknowledged
	Violations   []string
}

// maxViolations bounds what is listed.
const maxViolations = 50

func (r *Result) violate(format string, args ...any) {
	if len(r.Violations) < maxViolations {
		r.Violations = append(r.Violations, fmt.Sprintf(format, args...))
	}
}

// limits of the waits.
const (
	backWithin   = time.Minute
	settleWithin = 3 * time.Minute
)

// run is one run.
type run struct {
	options Options
	result  Result
	random  *rand.Rand
	listen  string
	service *process.Roamclear
}

// Run runs the rounds. An error means that the run could not be carried out:
// the service did not come back. Violations are in the result.
func Run(ctx context.Context, o Options) (_ *Result, err error) {
	if o.Concurrency == 0 {
		o.Concurrency = 16
	}
	c := &run{options: o, random: rand.New(rand.NewPCG(o.Seed, 1))}
	if c.listen, err = process.FreeAddress(); err != nil {
		return nil, err
	}
	if err := c.start(ctx); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, c.service.Kill()) }()
	partners, err := newPartners(ctx, c.service, o)
	if err != nil {
		return nil, err
	}
	pushing := make(chan error, 1)
	rounds, over := context.WithCancel(ctx)
	defer over()
	go func() { pushing <- partners.push(ctx, rounds) }()
	for n := range o.Rounds {
		select {
		case err := <-pushing:
			return &c.result, fmt.Errorf("push in round %d: %w", n+1, err)
		default:
		}
		if err := c.round(ctx, n+1); err != nil {
			return &c.result, fmt.Errorf("round %d: %w", n+1, err)
		}
	}
	over()
	if err := <-pushing; err != nil {
		return &c.result, fmt.Errorf("push: %w", err)
	}
	c.result.Requests, c.result.Retries = partners.requests, partners.retries
	c.result.CDRs, c.result.Unexpected = partners.counted, partners.unexpected
	for _, example := range partners.examples {
		c.result.violate("wrong answer: %s", example)
	}
	if err := partners.compare(ctx, c.service.URL, &c.result); err != nil {
		return &c.result, err
	}
	if c.result.Sessions, err = partners.compareSessions(ctx, &c.result); err != nil {
		return &c.result, err
	}
	if out, err := c.service.Run(ctx, "verify"); err != nil {
		c.result.violate("verify: %v %s", err, out)
	}
	if err := c.service.Stop(backWithin); err != nil {
		c.result.violate("%v", err)
	}
	return &c.result, nil
}

func (c *run) start(ctx context.Context) error {
	if err := os.MkdirAll(c.options.Dir, 0o700); err != nil {
		return fmt.Errorf("make directory: %w", err)
	}
	var err error
	if c.service, err = c.serve(); err != nil {
		return err
	}
	within, cancel := context.WithTimeout(ctx, backWithin)
	defer cancel()
	if err := c.service.Ready(within); err != nil {
		return errors.Join(err, c.service.Kill())
	}
	return nil
}

func (c *run) serve() (*process.Roamclear, error) {
	return process.Serve(filepath.Join(c.options.Dir, "roamclear.log"), c.options.Binary, filepath.Join(c.options.Dir, "data"), c.listen)
}

// round lets the service work for a while, kills it or its engine, and waits
// until it is back.
func (c *run) round(ctx context.Context, n int) error {
	if err := pause(ctx, time.Duration(50+c.random.IntN(2000))*time.Millisecond); err != nil {
		return err
	}
	what := "service"
	killed := time.Now()
	if c.random.IntN(3) == 0 {
		what = "engine"
		if err := c.killEngine(); err != nil {
			return err
		}
	} else if err := c.killService(ctx, &what); err != nil {
		return err
	}
	within, cancel := context.WithTimeout(ctx, backWithin)
	defer cancel()
	if err := c.service.Ready(within); err != nil {
		return err
	}
	back := time.Since(killed)
	c.result.Rounds = n
	c.result.LongestBack = max(c.result.LongestBack, back)
	if _, err := fmt.Fprintf(c.options.Log, "round %3d of %d: killed the %s, back after %s\n", n, c.options.Rounds, what, back.Round(time.Millisecond)); err != nil {
		return fmt.Errorf("print progress: %w", err)
	}
	return nil
}

// killService kills the process and starts another; in one of six rounds it
// kills that as well, while it starts.
func (c *run) killService(ctx context.Context, what *string) error {
	for {
		if err := c.service.Kill(); err != nil {
			return err
		}
		c.result.ServiceKills++
		next, err := c.serve()
		if err != nil {
			return err
		}
		c.service = next
		if c.random.IntN(6) != 0 {
			return nil
		}
		if err := pause(ctx, time.Duration(c.random.IntN(600))*time.Millisecond); err != nil {
			return err
		}
		*what += ", and again while it started"
		c.result.StartKills++
	}
}

// killEngine kills the ClickHouse child of the service.
func (c *run) killEngine() error {
	children, err := process.Children(c.service.Pid())
	if err != nil {
		return err
	}
	if len(children) == 0 {
		return nil // down since the round before; whether it comes back is waited for
	}
	for _, pid := range children {
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
			return fmt.Errorf("kill the engine: %w", err)
		}
	}
	c.result.EngineKills++
	return nil
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
