// Command stations measures what finding stations costs: see package
// benchmarks/stations.
//
//	go run ./benchmarks/cmd/stations > benchmarks/results/….md
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/roamclear/roamclear/benchmarks/stations"
	"github.com/spf13/cobra"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	o := stations.Options{Out: os.Stdout}
	command := &cobra.Command{
		Use: "stations", Short: "Measure what finding stations costs", Args: cobra.NoArgs, SilenceUsage: true,
		RunE: func(c *cobra.Command, _ []string) error {
			dir, err := os.MkdirTemp("", "roamclear-stations-")
			if err != nil {
				return fmt.Errorf("make directory: %w", err)
			}
			o.Dir = dir
			if err := stations.Run(c.Context(), o); err != nil {
				return fmt.Errorf("%w (data and log are in %s)", err, dir)
			}
			return os.RemoveAll(dir)
		},
	}
	f := command.Flags()
	f.StringVar(&o.Binary, "binary", "bin/roamclear", "the service, as make build makes it")
	f.StringVar(&o.Charges, "charges", "", "gzipped CSV of real charges, whose stations are searched around; the extract where not given")
	f.IntSliceVar(&o.EVSEs, "evses", []int{10_000, 1_000_000}, "EVSEs in the store, one measurement each")
	f.IntVar(&o.Each, "each", 3, "EVSEs of a Location")
	f.IntVar(&o.Tokens, "tokens", 0, "Tokens in the store beside them")
	f.IntVar(&o.Tariffs, "tariffs", 0, "Tariffs in the store beside them")
	f.IntVar(&o.Rounds, "rounds", 3, "rounds of measurements, each beside the others")
	f.IntVar(&o.Connections, "connections", 4, "connections open at once")
	f.DurationVar(&o.During, "during", 8*time.Second, "each measurement")
	if err := command.ExecuteContext(ctx); err != nil {
		os.Exit(1)
	}
}
