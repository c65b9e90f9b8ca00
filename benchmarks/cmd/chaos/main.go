// Command chaos kills the service at random moments while partners push, then
// holds its settlement report against what it had acknowledged. Exit code 1
// when anything is missing or counted twice.
//
//	chaos --rounds 200
//
// With --closes it kills the service while periods are closed instead, by one key or by two: each close has happened
// wholly or not at all, numbers have no gap, verify is green.
//
//	chaos --closes --rounds 100
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/roamclear/roamclear/benchmarks/chaos"
	"github.com/spf13/cobra"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var o chaos.Options
	var closes bool
	command := &cobra.Command{
		Use: "chaos", Short: "Kill the service while partners push, then compare", Args: cobra.NoArgs, SilenceUsage: true,
		RunE: func(c *cobra.Command, _ []string) error { return run(c.Context(), o, closes, c.OutOrStdout()) },
	}
	f := command.Flags()
	f.StringVar(&o.Binary, "binary", "bin/roamclear", "the service, as make build makes it")
	f.StringVar(&o.Dir, "dir", "", "directory for data and logs; a temporary one, removed when all is well, if empty")
	f.IntVar(&o.Rounds, "rounds", 200, "kills")
	f.Uint64Var(&o.Seed, "seed", 1, "of the world and of the moments")
	f.IntVar(&o.Rows, "rows", 0, "real charges per series; 0: all of the extract")
	f.IntVar(&o.Concurrency, "concurrency", 16, "requests under way at once")
	f.BoolVar(&closes, "closes", false, "kill while periods are closed")
	if err := command.ExecuteContext(ctx); err != nil {
		os.Exit(1)
	}
}

func run(ctx context.Context, o chaos.Options, closes bool, out io.Writer) error {
	temporary := o.Dir == ""
	if temporary {
		dir, err := os.MkdirTemp("", "roamclear-chaos-")
		if err != nil {
			return fmt.Errorf("make directory: %w", err)
		}
		o.Dir = dir
	}
	o.Log = out
	started := time.Now()
	text, violations, err := measured(ctx, o, closes, started)
	if _, err := io.WriteString(out, text); err != nil {
		return fmt.Errorf("print result: %w", err)
	}
	if err == nil && violations > 0 {
		err = fmt.Errorf("%d violations", violations)
	}
	if err != nil {
		return fmt.Errorf("%w (data and logs are in %s)", err, o.Dir)
	}
	if temporary {
		return os.RemoveAll(o.Dir)
	}
	return nil
}

// measured runs the rounds and says what came of them.
func measured(ctx context.Context, o chaos.Options, closes bool, started time.Time) (text string, violations int, err error) {
	if closes {
		r, err := chaos.Closes(ctx, o)
		if r == nil {
			return "", 0, err
		}
		return closesSummary(r, time.Since(started)), len(r.Violations), err
	}
	r, err := chaos.Run(ctx, o)
	if r == nil {
		return "", 0, err
	}
	return summary(r, time.Since(started)), len(r.Violations), err
}

func closesSummary(r *chaos.ClosesResult, took time.Duration) string {
	var w strings.Builder
	fmt.Fprintf(&w, "\n%d rounds in %s over %d CDRs: killed within %s of the request, back within %s\n", r.Rounds, took.Round(time.Second), r.CDRs,
		r.Window.Round(time.Millisecond), r.LongestBack.Round(time.Millisecond))
	fmt.Fprintf(&w, "happened      %d, of which %d had been answered\nnot           %d, of which %d waited for their approval\n", r.Happened, r.Answered, r.Not, r.Waiting)
	fmt.Fprintf(&w, "statements    %d, their numbers without a gap\nverified      %d times\nviolations    %d\n", r.Statements, r.Verified, len(r.Violations))
	for _, v := range r.Violations {
		fmt.Fprintln(&w, " ", v)
	}
	return w.String()
}

func summary(r *chaos.Result, took time.Duration) string {
	var w strings.Builder
	fmt.Fprintf(&w, "\n%d rounds in %s: service killed %d times (%d while it started), engine %d times; back within %s\n",
		r.Rounds, took.Round(time.Second), r.ServiceKills, r.StartKills, r.EngineKills, r.LongestBack.Round(time.Millisecond))
	fmt.Fprintf(&w, "acknowledged  %d requests, %d CDRs that count, %d Sessions read back; %d tries without an answer\n", r.Requests, r.CDRs, r.Sessions, r.Retries)
	fmt.Fprintf(&w, "missing       %d\ncounted twice %d\nwrong answers %d\n", r.Missing, r.Twice, r.Unexpected)
	for _, v := range r.Violations {
		fmt.Fprintln(&w, " ", v)
	}
	return w.String()
}
