// Command asking measures what it costs that others are asked or must be known: see
// package benchmarks/asking.
//
//	go run ./benchmarks/cmd/asking > benchmarks/results/….md
package main

import (
	"context"
	"os"
	"time"

	"github.com/roamclear/roamclear/benchmarks/asking"
	"github.com/roamclear/roamclear/benchmarks/process"
	"github.com/spf13/pflag"
)

func main() {
	o := asking.Options{Out: os.Stdout}
	process.Measure("asking", "Measure what it costs that others are asked or must be known", &o.Binary, func(f *pflag.FlagSet) {
		f.IntVar(&o.Connections, "connections", 8, "connections open at once")
		f.IntVar(&o.Rounds, "rounds", 5, "rounds of measurements, each beside the others")
		f.DurationVar(&o.During, "during", 5*time.Second, "each measurement")
	}, func(ctx context.Context, dir string) error {
		o.Dir = dir
		return asking.Run(ctx, o)
	})
}
