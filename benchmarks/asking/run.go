package asking

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"time"

	"github.com/roamclear/roamclear/benchmarks/drive"
)

// Options say what is measured.
type Options struct {
	Binary      string
	Dir         string // for data and logs
	Connections int
	Rounds      int           // of measurements,
	During      time.Duration // each of which takes so long
	Out         io.Writer
}

// settles is how long is waited for at most until what was pushed is stored: that is part
// of what a push costs.
const settles = 30 * time.Second

// Run measures. What it finds is written to o.Out as Markdown.
func Run(ctx context.Context, o Options) (err error) {
	s := &stand{Options: o}
	defer func() { err = errors.Join(err, s.stop()) }()
	if err := s.start(ctx); err != nil {
		return err
	}
	kinds := s.kinds()
	for i := range kinds {
		if err := drive.Closed(ctx, o.Connections, o.During/4, kinds[i].do).Err(); err != nil { // warm
			return fmt.Errorf("%s: %w", kinds[i].name, err)
		}
	}
	service, engine := make([][]time.Duration, len(kinds)), make([][]time.Duration, len(kinds))
	for round := range o.Rounds {
		for i := range kinds {
			at := (i + round) % len(kinds)
			each, err := s.cost(ctx, &kinds[at])
			if err != nil {
				return fmt.Errorf("%s: %w", kinds[at].name, err)
			}
			service[at], engine[at] = append(service[at], each.Service), append(engine[at], each.Engine)
		}
	}
	say := func(format string, args ...any) {
		_, failed := fmt.Fprintf(o.Out, format+"\n", args...)
		err = errors.Join(err, failed)
	}
	say("%d cores, %s, %d rounds of %s each.\n", runtime.NumCPU(), runtime.Version(), o.Rounds, o.During)
	say("| request | CPU of the service, least, median | of the engine, median | beside |\n| --- | --- | --- | --- |")
	for i, k := range kinds {
		beside := ""
		if k.beside > 0 {
			of := kinds[i-k.beside]
			beside = fmt.Sprintf("%s more than %s", micros(slices.Min(service[i])-slices.Min(service[i-k.beside])), of.name)
		}
		say("| %s | %s, %s | %s | %s |", k.name, micros(slices.Min(service[i])), micros(median(service[i])), micros(median(engine[i])), beside)
	}
	return err
}

// cost is the processor time of each request of a kind, with what is done after its answer.
func (s *stand) cost(ctx context.Context, k *kind) (each drive.CPU, err error) {
	pid := k.service.Pid()
	before, err := drive.Used(pid)
	if err != nil {
		return each, err
	}
	m := drive.Closed(ctx, s.Connections, s.During, k.do)
	if err := m.Err(); err != nil {
		return each, err
	}
	if err := drive.Quiet(ctx, pid, settles); err != nil {
		return each, err
	}
	after, err := drive.Used(pid)
	return after.Each(before, m.Done), err
}

func micros(d time.Duration) time.Duration { return d.Round(time.Microsecond) }

func median(list []time.Duration) time.Duration {
	return slices.Sorted(slices.Values(list))[len(list)/2]
}
