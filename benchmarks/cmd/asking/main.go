// Command asking measures what it costs that others are asked or must be known: see
// package benchmarks/asking.
//
//	go run ./benchmarks/cmd/asking > benchmarks/results/….md
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/roamclear/roamclear/benchmarks/asking"
	"github.com/spf13/cobra"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	o := asking.Options{Out: os.Stdout}
	command := &cobra.Command{
		Use: "asking", Short: "Measure what it costs that others are asked or must be known", Args: cobra.NoArgs, SilenceUsage: true,
		RunE: func(c *cobra.Command, _ []string) error {
			dir, err := os.MkdirTemp("", "roamclear-asking-")
			if err != nil {
				return fmt.Errorf("make directory: %w", err)
			}
			o.Dir = dir
			if err := asking.Run(c.Context(), o); err != nil {
				return fmt.Errorf("%w (data and log are in %s)", err, dir)
			}
			return os.RemoveAll(dir)
		},
	}
	f := command.Flags()
	f.StringVar(&o.Binary, "binary", "bin/roamclear", "the service, as make build makes it")
	f.IntVar(&o.Connections, "connections", 8, "connections open at once")
	f.IntVar(&o.Rounds, "rounds", 5, "rounds of measurements, each beside the others")
	f.DurationVar(&o.During, "during", 5*time.Second, "each measurement")
	if err := command.ExecuteContext(ctx); err != nil {
		os.Exit(1)
	}
}
