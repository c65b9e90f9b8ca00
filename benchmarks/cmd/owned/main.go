// Command owned measures what Tokens, Locations, Tariffs and Sessions cost a
// service that has very many of them: see package benchmarks/owned.
//
//	go run ./benchmarks/cmd/owned > benchmarks/results/….md
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/roamclear/roamclear/benchmarks/owned"
	"github.com/spf13/cobra"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	o := owned.Options{Out: os.Stdout}
	command := &cobra.Command{
		Use: "owned", Short: "Measure what very many objects of partners cost", Args: cobra.NoArgs, SilenceUsage: true,
		RunE: func(c *cobra.Command, _ []string) error {
			dir, err := os.MkdirTemp("", "roamclear-owned-")
			if err != nil {
				return fmt.Errorf("make directory: %w", err)
			}
			o.Dir = dir
			if err := owned.Run(c.Context(), o); err != nil {
				return fmt.Errorf("%w (data and log are in %s)", err, dir)
			}
			return os.RemoveAll(dir)
		},
	}
	f := command.Flags()
	f.StringVar(&o.Binary, "binary", "bin/roamclear", "the service, as make build makes it")
	f.IntVar(&o.Tokens, "tokens", 1_000_000, "Tokens in the store")
	f.IntVar(&o.Locations, "locations", 100_000, "Locations in the store")
	f.IntVar(&o.Tariffs, "tariffs", 10_000, "Tariffs in the store")
	f.IntVar(&o.Sessions, "sessions", 1_000_000, "Sessions in the store")
	f.IntVar(&o.Versions, "versions", 10_000_000, "versions of a thousand tariffs that change every quarter of an hour")
	f.IntVar(&o.Connections, "connections", 64, "connections open at once")
	f.DurationVar(&o.During, "during", 8*time.Second, "each measurement")
	if err := command.ExecuteContext(ctx); err != nil {
		os.Exit(1)
	}
}
