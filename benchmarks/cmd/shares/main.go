// Command shares measures what one partner that opens very many connections
// costs the others.
//
//	go run ./benchmarks/cmd/shares > benchmarks/results/….md
package main

import (
	"context"
	"os"
	"time"

	"github.com/roamclear/roamclear/benchmarks/process"
	"github.com/roamclear/roamclear/benchmarks/shares"
	"github.com/spf13/pflag"
)

func main() {
	o := shares.Options{Out: os.Stdout}
	process.Measure("shares", "Measure what one partner's connections cost the others", &o.Binary, func(f *pflag.FlagSet) {
		f.IntVar(&o.Light, "partners", 49, "the others")
		f.IntVar(&o.Each, "each", 33, "connections of each of them")
		f.DurationVar(&o.Pause, "pause", 500*time.Millisecond, "of each of these after an answer")
		f.IntSliceVar(&o.Heavy, "heavy", []int{330, 2100}, "connections of the one partner, which does not pause")
		f.DurationVar(&o.During, "during", 12*time.Second, "each measurement")
		f.IntVar(&o.Rounds, "rounds", 3, "of all measurements, in turn")
	}, func(ctx context.Context, dir string) error {
		o.Dir = dir
		return shares.Run(ctx, o)
	})
}
