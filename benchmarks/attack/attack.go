// Package attack does to a running service what one partner can do: work,
// bytes, connections that cost more than they should. Beside each attack
// another partner keeps pushing, and what becomes of it is measured: how long
// until its CDRs are visible, what it was refused, and what memory the attack
// cost while it went on and afterwards.
package attack

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/roamclear/roamclear/benchmarks/process"
)

// Options say what is attacked and what must hold.
type Options struct {
	Binary string        // of roamclear
	Dir    string        // data directory and log go below
	Full   bool          // the whole size instead of a few seconds of it
	Within time.Duration // others' CDRs must be visible within it
	Log    io.Writer     // what was measured
}

// Attack is one thing that a partner can do.
type Attack struct {
	Name  string
	About string
	serve []string // further arguments of roamclear serve
	do    func(ctx context.Context, t *target) error
	// last, where there is one, is done immediately before the service is
	// asked to stop.
	last func(ctx context.Context, t *target) error
	// alone: nobody else can push meanwhile, by design.
	alone bool
}

// Attacks lists all attacks.
func Attacks() []Attack {
	return []Attack{
		{Name: "work", About: "conformant CDRs of 0.6 MB whose audit is slow", do: heavyWork, last: moreWork},
		{Name: "explanations", About: "CDRs whose explanations are as large as can be", do: explanations},
		{Name: "readers", About: "connections that ask for lists and do not read", do: idleReaders},
		{Name: "uploads", About: "uploads that stall", do: stalledUploads},
		{Name: "oversized", About: "bodies of 8 MB, which are not accepted", do: oversized},
		{Name: "growth", About: "a Session and a Location grown by PATCHes", do: growth},
		{Name: "full", About: "a partner that fills the log to its cap and is removed", do: fillLog, alone: true, serve: []string{"--kafka.cap_bytes", "67108864"}},
		{Name: "connections", About: "2,100 connections of one partner that push at once", do: connections},
	}
}

// Result is what an attack came to.
type Result struct {
	Visible     time.Duration // the longest until another partner's CDR was visible
	Pushed      int           // CDRs of the other partner
	Refused     int           // its pushes that were not answered with 201
	Before      memory
	Peak, After memory
	Violations  []string
}

func (r *Result) violate(format string, args ...any) {
	r.Violations = append(r.Violations, fmt.Sprintf(format, args...))
}

// limits of what an attack may cost, and of waits.
const (
	maxGrowth    = 400 << 20 // bytes of resident memory
	readyWithin  = time.Minute
	endWithin    = 20 * time.Minute // the attack's own CDRs, priced
	memoryWithin = time.Minute      // until memory is back
	stopWithin   = 40 * time.Second
)

// Run starts a service, attacks it and stops it in order. An error means that
// the attack could not be carried out; what did not hold is in the result.
func Run(ctx context.Context, a *Attack, o Options) (_ *Result, err error) {
	t, err := startTarget(ctx, a, o)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, t.service.Kill()) }()
	r := &Result{}
	if r.Before, err = t.memory(); err != nil {
		return nil, err
	}
	if err := process.ForgetPeak(t.service.Pid()); err != nil {
		return nil, err
	}
	var others *bystander
	if !a.alone {
		others = t.watch(ctx)
	}
	if err := a.do(ctx, t); err != nil {
		return r, fmt.Errorf("attack: %w", err)
	}
	if others == nil {
		others = t.watch(ctx)
	}
	others.end(r, o.Within)
	if err := t.judgeMemory(ctx, r); err != nil {
		return r, err
	}
	if a.last != nil {
		if err := a.last(ctx, t); err != nil {
			return r, fmt.Errorf("attack before the stop: %w", err)
		}
	}
	if err := t.service.Stop(stopWithin); err != nil {
		t.violate("%v", err)
	}
	r.Violations = append(r.Violations, t.violations...)
	_, err = fmt.Fprintf(o.Log, "%-12s  %s\n", a.Name, r)
	return r, err
}

// String is one line of figures.
func (r *Result) String() string {
	return fmt.Sprintf("others: %d CDRs, visible within %s, %d refused; resident MB: service %d, peak %d, after %d; engine %d, after %d",
		r.Pushed, r.Visible.Round(time.Millisecond), r.Refused, r.Before.service>>20, r.Peak.service>>20, r.After.service>>20, r.Before.engine>>20, r.After.engine>>20)
}

func (o *Options) paths() (data, log string, err error) {
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return "", "", fmt.Errorf("make directory: %w", err)
	}
	return filepath.Join(o.Dir, "data"), filepath.Join(o.Dir, "roamclear.log"), nil
}
