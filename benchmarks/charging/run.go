package charging

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/roamclear/roamclear/benchmarks/drive"
	"github.com/roamclear/roamclear/benchmarks/process"
)

// Options say what is measured.
type Options struct {
	Binary      string
	Dir         string        // for data and log
	Stored      []int         // charges under way, ascending, one measurement each
	Updates     int           // Sessions pushed each second,
	Starts      int           // and charges begun
	Gets        int           // and looked at
	Connections int           // of each kind of request
	Rounds      int           // of looks alone,
	During      time.Duration // each of which takes so long; twice that is what goes on at once
	Out         io.Writer
}

// Run measures. What it finds is written to o.Out as Markdown.
func Run(ctx context.Context, o Options) (err error) {
	s := &stand{Options: o}
	if err := s.start(ctx); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.failed, s.stop()) }()
	s.say("%d cores, %s.\n", runtime.NumCPU(), runtime.Version())
	for _, stored := range o.Stored {
		if err := s.measure(ctx, stored); err != nil {
			return err
		}
	}
	return nil
}

func (s *stand) say(format string, args ...any) {
	_, err := fmt.Fprintf(s.Out, format+"\n", args...)
	s.failed = errors.Join(s.failed, err)
}

// ofKey is how many connections requests with one key come over.
func (s *stand) ofKey() int { return min(s.Connections, keyConnections) }

// atOnce is how many charges are started before all of them are waited for.
const atOnce = 1_000

// settles is how long is waited for at most until there is nothing left to do.
const settles = 2 * time.Minute

// measure measures with so many charges under way.
func (s *stand) measure(ctx context.Context, stored int) error {
	began, before := time.Now(), s.charges()
	for n := before; n < stored; n = s.charges() {
		if err := drive.Count(ctx, s.ofKey(), min(atOnce, stored-n), s.begin).Err(); err != nil {
			return fmt.Errorf("start charges: %w", err)
		}
		s.cpo.Wait()
		if err := s.active(ctx, n, s.charges()); err != nil {
			return err
		}
	}
	if err := s.cpo.Failed(); err != nil {
		return fmt.Errorf("at the CPO: %w", err)
	}
	n := s.charges()
	s.say("\n## %d charges under way\n", n)
	s.say("- %d were started in %s, until each was active: %d/s", n-before, time.Since(began).Round(100*time.Millisecond),
		int64(n-before)*int64(time.Second)/max(int64(time.Since(began)), 1))
	if err := s.beside(ctx, n); err != nil {
		return err
	}
	if err := s.active(ctx, n, s.charges()); err != nil {
		return err
	}
	if err := drive.Quiet(ctx, s.service.Pid(), settles); err != nil {
		return err
	}
	return s.alone(ctx, n)
}

// active waits until some charges are found with their Sessions: those of a process are
// told apart one after the other, long after the CPO has pushed them. It asks seldom, so
// that it does not hold up what it waits for.
func (s *stand) active(ctx context.Context, from, to int) error {
	const few, pause = 2, 250 * time.Millisecond
	within, cancel := context.WithTimeout(ctx, 5*settles)
	defer cancel()
	err := drive.Count(ctx, few, to-from, func(ctx context.Context, n int) string {
		for {
			why := s.look(ctx, from+n)
			if why == "" || within.Err() != nil {
				return why
			}
			time.Sleep(pause)
		}
	}).Err()
	if err != nil {
		return fmt.Errorf("wait until charges are active: %w", err)
	}
	return nil
}

// beside has Sessions pushed, charges begun and looked at, all at once, of the first n.
func (s *stand) beside(ctx context.Context, n int) error {
	pid, during := s.service.Pid(), 2*s.During
	if err := process.ForgetPeak(pid); err != nil {
		return err
	}
	before, err := drive.Used(pid)
	if err != nil {
		return err
	}
	var updates, starts, gets *drive.Measured
	var group sync.WaitGroup
	group.Go(func() {
		updates = drive.Open(ctx, s.Connections, s.Updates, during, func(ctx context.Context, _ int) string { return s.update(ctx, 1+rand.IntN(n)) })
	})
	group.Go(func() { starts = drive.Open(ctx, s.ofKey(), s.Starts, during, s.begin) })
	group.Go(func() {
		gets = drive.Open(ctx, s.ofKey(), s.Gets, during, func(ctx context.Context, _ int) string { return s.look(ctx, rand.IntN(n)) })
	})
	group.Wait()
	s.cpo.Wait()
	after, err := drive.Used(pid)
	if err != nil {
		return err
	}
	s.say("\nAt once, for %s:\n", during)
	s.say("| what | asked for | reached | p50 | p99 |\n| --- | --- | --- | --- | --- |")
	s.say("| Session updates | %d/s | %s |", s.Updates, updates)
	s.say("| starts | %d/s | %s |", s.Starts, starts)
	s.say("| looks at a charge | %d/s | %s |", s.Gets, gets)
	used := after.Each(before, 1)
	s.say("\n- processor time meanwhile: service %s, engine %s", used.Service, used.Engine)
	if err := errors.Join(updates.Err(), starts.Err(), gets.Err(), s.cpo.Failed()); err != nil {
		s.say("- **not all went well**: %v", err)
	}
	return s.memory("then")
}

// alone measures a look at a charge while nothing else goes on.
func (s *stand) alone(ctx context.Context, n int) error {
	pid := s.service.Pid()
	idle, err := s.idle(ctx)
	if err != nil {
		return err
	}
	var service, engine, floors []time.Duration
	for range s.Rounds {
		floor, err := drive.Cost(ctx, pid, s.ofKey(), s.During/2, s.empty)
		if err != nil {
			return fmt.Errorf("ask for nothing: %w", err)
		}
		each, err := drive.Cost(ctx, pid, s.ofKey(), s.During, func(ctx context.Context, _ int) string { return s.look(ctx, rand.IntN(n)) })
		if err != nil {
			return fmt.Errorf("look at charges: %w", err)
		}
		floors, service, engine = append(floors, floor.Service), append(service, each.Service), append(engine, each.Engine)
	}
	s.say("- CPU of a GET of a charge, least and median of %d: service %s, %s; engine %s, %s; an empty handler %s; idle %s each second", s.Rounds,
		micros(slices.Min(service)), micros(median(service)), micros(slices.Min(engine)), micros(median(engine)), micros(slices.Min(floors)), idle.Service)
	return s.memory("at rest")
}

// idle is the processor time of a second in which nothing is asked.
func (s *stand) idle(ctx context.Context) (used drive.CPU, err error) {
	before, err := drive.Used(s.service.Pid())
	if err != nil {
		return used, err
	}
	seconds := max(1, int(s.During/time.Second))
	select {
	case <-ctx.Done():
		return used, ctx.Err()
	case <-time.After(time.Duration(seconds) * time.Second):
	}
	after, err := drive.Used(s.service.Pid())
	return after.Each(before, seconds), err
}

func micros(d time.Duration) time.Duration { return d.Round(time.Microsecond) }

func median(list []time.Duration) time.Duration {
	return slices.Sorted(slices.Values(list))[len(list)/2]
}

func (s *stand) memory(when string) error {
	resident, peak, err := process.Memory(s.service.Pid())
	if err != nil {
		return err
	}
	engine, err := process.EngineMemory(s.service.Pid())
	s.say("- memory %s: %d MB resident, %d MB at most; engine %d MB", when, resident>>20, peak>>20, engine>>20)
	return err
}

func (s *stand) dataDir() string { return filepath.Join(s.Dir, "data") }
