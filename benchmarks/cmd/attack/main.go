// Command attack does to a service of its own what one partner can do, in full
// size, and measures what that costs the others. Exit code 1 when anything
// costs more than it may.
//
//	attack            all attacks
//	attack readers    one of them
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"github.com/roamclear/roamclear/benchmarks/attack"
	"github.com/spf13/cobra"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	o := attack.Options{Full: true}
	command := &cobra.Command{
		Use: "attack [NAME...]", Short: "Do what one partner can do, measure what it costs the others", SilenceUsage: true,
		RunE: func(c *cobra.Command, names []string) error { return run(c.Context(), o, names, c.OutOrStdout()) },
	}
	f := command.Flags()
	f.StringVar(&o.Binary, "binary", "bin/roamclear", "the service, as make build makes it")
	f.BoolVar(&o.Full, "full", true, "the whole size, not the few seconds of the tests")
	f.DurationVar(&o.Within, "within", 5*time.Second, "others' CDRs must be visible within it")
	if err := command.ExecuteContext(ctx); err != nil {
		os.Exit(1)
	}
}

func run(ctx context.Context, o attack.Options, names []string, out io.Writer) error {
	dir, err := os.MkdirTemp("", "roamclear-attack-")
	if err != nil {
		return fmt.Errorf("make directory: %w", err)
	}
	o.Log = out
	violations := 0
	for _, a := range attack.Attacks() {
		if len(names) > 0 && !slices.Contains(names, a.Name) {
			continue
		}
		o.Dir = filepath.Join(dir, a.Name)
		r, err := attack.Run(ctx, &a, o)
		if err != nil {
			return fmt.Errorf("%s: %w (data and log are in %s)", a.Name, err, o.Dir)
		}
		for _, v := range r.Violations {
			violations++
			if _, err := fmt.Fprintln(out, "   ", v); err != nil {
				return err
			}
		}
	}
	if violations > 0 {
		return fmt.Errorf("%d violations (data and logs are in %s)", violations, dir)
	}
	return os.RemoveAll(dir)
}
