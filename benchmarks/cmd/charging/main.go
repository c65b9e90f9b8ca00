// Command charging measures what running charges cost: see package benchmarks/charging.
//
//	go run ./benchmarks/cmd/charging > benchmarks/results/….md
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/roamclear/roamclear/benchmarks/charging"
	"github.com/spf13/cobra"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	o := charging.Options{Out: os.Stdout}
	command := &cobra.Command{
		Use: "charging", Short: "Measure what running charges cost", Args: cobra.NoArgs, SilenceUsage: true,
		RunE: func(c *cobra.Command, _ []string) error {
			dir, err := os.MkdirTemp("", "roamclear-charging-")
			if err != nil {
				return fmt.Errorf("make directory: %w", err)
			}
			o.Dir = dir
			if err := charging.Run(c.Context(), o); err != nil {
				return fmt.Errorf("%w (data and log are in %s)", err, dir)
			}
			return os.RemoveAll(dir)
		},
	}
	f := command.Flags()
	f.StringVar(&o.Binary, "binary", "bin/roamclear", "the service, as make build makes it")
	f.IntSliceVar(&o.Stored, "charges", []int{1_000, 10_000, 100_000}, "charges under way, ascending, one measurement each")
	f.IntVar(&o.Updates, "updates", 1_000, "Sessions that the CPO pushes each second,")
	f.IntVar(&o.Starts, "starts", 200, "charges that are started,")
	f.IntVar(&o.Gets, "gets", 50, "and looked at")
	f.IntVar(&o.Connections, "connections", 32, "connections open at once, of each kind of request")
	f.IntVar(&o.Rounds, "rounds", 3, "rounds of looks alone")
	f.DurationVar(&o.During, "during", 10*time.Second, "each of them; twice that is what goes on at once")
	if err := command.ExecuteContext(ctx); err != nil {
		os.Exit(1)
	}
}
