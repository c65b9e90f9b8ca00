// Command shares measures what one partner that opens very many connections
// costs the others.
//
//	go run ./benchmarks/cmd/shares > benchmarks/results/….md
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/roamclear/roamclear/benchmarks/shares"
	"github.com/spf13/cobra"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	o := shares.Options{Out: os.Stdout}
	command := &cobra.Command{
		Use: "shares", Short: "Measure what one partner's connections cost the others", Args: cobra.NoArgs, SilenceUsage: true,
		RunE: func(c *cobra.Command, _ []string) error {
			dir, err := os.MkdirTemp("", "roamclear-shares-")
			if err != nil {
				return fmt.Errorf("make directory: %w", err)
			}
			o.Dir = dir
			if err := shares.Run(c.Context(), o); err != nil {
				return fmt.Errorf("%w (data and log are in %s)", err, dir)
			}
			return os.RemoveAll(dir)
		},
	}
	f := command.Flags()
	f.StringVar(&o.Binary, "binary", "bin/roamclear", "the service, as make build makes it")
	f.IntVar(&o.Light, "partners", 49, "the others")
	f.IntVar(&o.Each, "each", 33, "connections of each of them")
	f.DurationVar(&o.Pause, "pause", 500*time.Millisecond, "of each of these after an answer")
	f.IntSliceVar(&o.Heavy, "heavy", []int{330, 2100}, "connections of the one partner, which does not pause")
	f.DurationVar(&o.During, "during", 12*time.Second, "each measurement")
	f.IntVar(&o.Rounds, "rounds", 3, "of all measurements, in turn")
	if err := command.ExecuteContext(ctx); err != nil {
		os.Exit(1)
	}
}
