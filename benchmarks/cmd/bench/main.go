// Command bench measures the running service against an idiomatic baseline and
// against floors, all in one interleaved run (A B A B …), so that what the
// machine does meanwhile hits all of them. It starts everything itself: the
// broker in a process of its own, one ClickHouse engine, the service's roles in
// two processes, the baseline in two, and pushes distinct CDRs of real charges
// over HTTP. It writes a report with everything it printed.
//
//	bench --rounds 5 --count 20000
package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/roamclear/roamclear/benchmarks/load"
	"github.com/roamclear/roamclear/benchmarks/world"
	"github.com/roamclear/roamclear/settlement/clickhouse"
	"github.com/spf13/cobra"
)

// options of a run.
type options struct {
	binary      string
	rounds      int
	count       int
	connections []int
	charges     string
	rows        int
	seed        uint64
	out         string
	name        string
}

func main() {
	if clickhouse.MaybeRunChild() {
		return // this process was the engine
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var o options
	command := &cobra.Command{
		Use: "bench", Short: "Measure the service against baseline and floors", Args: cobra.NoArgs, SilenceUsage: true,
		RunE: func(c *cobra.Command, _ []string) error { return run(c.Context(), &o, c.OutOrStdout()) },
	}
	f := command.Flags()
	f.StringVar(&o.binary, "binary", "bin/roamclear", "the service, as make build makes it")
	f.IntVar(&o.rounds, "rounds", 5, "of everything")
	f.IntVar(&o.count, "count", 20_000, "CDRs per measurement")
	f.IntSliceVar(&o.connections, "connections", []int{64, 256}, "connections open at once")
	f.StringVar(&o.charges, "charges", "", "gzipped CSV of real charges (default: ../shared/data/real-charges.csv.gz if it is there, else the embedded extract)")
	f.IntVar(&o.rows, "rows", 20_000, "charges to render")
	f.Uint64Var(&o.seed, "seed", 1, "seed of the world")
	f.StringVar(&o.out, "out", "benchmarks/results", "directory of the report")
	f.StringVar(&o.name, "name", "bench", "of the report, after the date")
	if err := command.ExecuteContext(ctx); err != nil {
		os.Exit(1)
	}
}

func run(ctx context.Context, o *options, out io.Writer) error {
	if o.charges == "" {
		const shared = "../shared/data/real-charges.csv.gz"
		if _, err := os.Stat(shared); err == nil {
			o.charges = shared
		}
	}
	var raw strings.Builder
	print := log.New(io.MultiWriter(out, &raw), "", 0)
	bodies, err := render(o)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "roamclear-bench-")
	if err != nil {
		return fmt.Errorf("make directory: %w", err)
	}
	s, err := startStack(ctx, o, dir)
	if err != nil {
		return fmt.Errorf("%w (logs are in %s)", err, dir)
	}
	print.Printf("%d CDRs per measurement, %d distinct charges, %d bytes on average", o.count, len(bodies), averageSize(bodies))
	m := newMeasurements(o)
	err = m.run(ctx, o, s, bodies, print)
	if stopErr := s.stop(ctx); err == nil {
		err = stopErr
	}
	if err != nil {
		return fmt.Errorf("%w (logs are in %s)", err, dir)
	}
	report := m.report(o, len(bodies), averageSize(bodies), raw.String())
	path := filepath.Join(o.out, time.Now().UTC().Format("2006-01-02")+"-"+o.name+".md")
	if err := os.MkdirAll(o.out, 0o755); err != nil {
		return fmt.Errorf("make directory of reports: %w", err)
	}
	if err := os.WriteFile(path, []byte(report), 0o644); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	print.Printf("\n%s\nreport: %s", m.summary(o), path)
	return os.RemoveAll(dir)
}

func render(o *options) ([]load.Body, error) {
	source, err := world.Open(o.charges)
	if err != nil {
		return nil, err
	}
	defer source.Close() //nolint:errcheck // only read
	return load.Bodies(source, o.seed, o.rows)
}

func averageSize(bodies []load.Body) int {
	sum := 0
	for n := range bodies {
		sum += len(bodies[n].Render("X", int64(n)))
	}
	return sum / max(len(bodies), 1)
}
