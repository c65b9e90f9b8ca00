// Command charging measures what running charges cost: see package benchmarks/charging.
//
//	go run ./benchmarks/cmd/charging > benchmarks/results/….md
package main

import (
	"context"
	"os"
	"time"

	"github.com/roamclear/roamclear/benchmarks/charging"
	"github.com/roamclear/roamclear/benchmarks/process"
	"github.com/spf13/pflag"
)

func main() {
	o := charging.Options{Out: os.Stdout}
	process.Measure("charging", "Measure what running charges cost", &o.Binary, func(f *pflag.FlagSet) {
		f.IntSliceVar(&o.Stored, "charges", []int{1_000, 10_000, 100_000}, "charges under way, ascending, one measurement each")
		f.IntVar(&o.Updates, "updates", 1_000, "Sessions that the CPO pushes each second,")
		f.IntVar(&o.Starts, "starts", 200, "charges that are started,")
		f.IntVar(&o.Gets, "gets", 50, "and looked at")
		f.IntVar(&o.Connections, "connections", 32, "connections open at once, of each kind of request")
		f.IntVar(&o.Rounds, "rounds", 3, "rounds of looks alone")
		f.DurationVar(&o.During, "during", 10*time.Second, "each of them; twice that is what goes on at once")
	}, func(ctx context.Context, dir string) error {
		o.Dir = dir
		return charging.Run(ctx, o)
	})
}
