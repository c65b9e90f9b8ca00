// Command scale grows a store to millions of CDRs and measures what each reading
// of it costs the engine. It starts an embedded engine of its own, stores some
// tens of thousands of CDRs of real charges as the worker does (parties, months
// and ids replaced; repeats, conflicts, and re-pricings into another month among
// them), multiplies them by INSERT … SELECT with ids of their own, and holds the
// months' sums against those of the one row of each identity.
//
//	scale --cdrs 9400000 --dir /tmp/scale
package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"

	"github.com/roamclear/roamclear/settlement/clickhouse"
	"github.com/spf13/cobra"
)

// options of a run.
type options struct {
	cdrs   int
	seed   int
	months int
	cpos   int
	emsps  int
	zipf   bool
	runs   int
	dir    string
	keep   bool
	out    string
	name   string
}

func main() {
	if clickhouse.MaybeRunChild() {
		return // this process was the engine
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var o options
	command := &cobra.Command{
		Use: "scale", Short: "Measure every reading of a store of millions of CDRs", Args: cobra.NoArgs, SilenceUsage: true,
		RunE: func(c *cobra.Command, _ []string) error { return run(c.Context(), &o, c.OutOrStdout()) },
	}
	f := command.Flags()
	f.IntVar(&o.cdrs, "cdrs", 1_000_000, "CDRs in the store, about")
	f.IntVar(&o.seed, "seed", 50_000, "CDRs stored as the worker does, which are multiplied")
	f.IntVar(&o.months, "months", 36, "months they are spread over")
	f.IntVar(&o.cpos, "cpos", 12, "CPOs")
	f.IntVar(&o.emsps, "emsps", 12, "eMSPs")
	f.BoolVar(&o.zipf, "zipf", false, "few parties have most of the CDRs")
	f.IntVar(&o.runs, "runs", 3, "of each reading")
	f.StringVar(&o.dir, "dir", "", "directory of the store; one that an earlier run kept is only read (default: a temporary one)")
	f.BoolVar(&o.keep, "keep", false, "leave the store in its directory, to be read again on a quieter machine or by other code")
	f.StringVar(&o.out, "out", "benchmarks/results", "directory of the report")
	f.StringVar(&o.name, "name", "scale", "of the report, after the date")
	if err := command.ExecuteContext(ctx); err != nil {
		os.Exit(1)
	}
}

func run(ctx context.Context, o *options, out io.Writer) (err error) {
	if o.dir == "" {
		if o.dir, err = os.MkdirTemp("", "roamclear-scale-"); err != nil {
			return err
		}
	}
	if !o.keep {
		defer os.RemoveAll(o.dir) //nolint:errcheck // a left-over directory does no harm
	}
	library, err := clickhouse.FetchEngine(ctx, os.Stderr)
	if err != nil {
		return err
	}
	engine, err := clickhouse.StartEngine(ctx, clickhouse.EngineOptions{Dir: o.dir, Library: library, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	defer func() {
		closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
		defer cancel()
		if closed := engine.Close(closing); err == nil {
			err = closed
		}
	}()
	var raw strings.Builder
	s, err := openScale(ctx, o, engine, log.New(io.MultiWriter(out, &raw), "", 0))
	if err != nil {
		return err
	}
	defer s.end()
	for _, step := range []func(context.Context) error{s.price, s.fill, s.settle, s.sizes, s.sums, s.read, s.close} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return report(o, raw.String())
}

func report(o *options, text string) error {
	path := filepath.Join(o.out, time.Now().UTC().Format("2006-01-02")+"-"+o.name+".md")
	command := fmt.Sprintf("go run ./benchmarks/cmd/scale --cdrs %d --seed %d --months %d --cpos %d --emsps %d --zipf=%t --runs %d", o.cdrs, o.seed, o.months, o.cpos, o.emsps, o.zipf, o.runs)
	content := fmt.Sprintf("# Every reading of a store of %d CDRs\n\n`%s`, %d cores, %s. CPU is the engine's, a reading on average; merges had ended.\n\n```\n%s```\n",
		o.cdrs, command, runtime.NumCPU(), runtime.Version(), text)
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	return nil
}
