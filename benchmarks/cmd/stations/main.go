// Command stations measures what finding stations costs: see package
// benchmarks/stations.
//
//	go run ./benchmarks/cmd/stations > benchmarks/results/….md
package main

import (
	"context"
	"os"
	"time"

	"github.com/roamclear/roamclear/benchmarks/process"
	"github.com/roamclear/roamclear/benchmarks/stations"
	"github.com/spf13/pflag"
)

func main() {
	o := stations.Options{Out: os.Stdout}
	process.Measure("stations", "Measure what finding stations costs", &o.Binary, func(f *pflag.FlagSet) {
		f.StringVar(&o.Charges, "charges", "", "gzipped CSV of real charges, whose stations are searched around; the extract where not given")
		f.IntSliceVar(&o.EVSEs, "evses", []int{10_000, 1_000_000}, "EVSEs in the store, one measurement each")
		f.IntVar(&o.Each, "each", 3, "EVSEs of a Location")
		f.IntVar(&o.Tokens, "tokens", 0, "Tokens in the store beside them")
		f.IntVar(&o.Tariffs, "tariffs", 0, "Tariffs in the store beside them")
		f.IntVar(&o.Rounds, "rounds", 3, "rounds of measurements, each beside the others")
		f.IntVar(&o.Connections, "connections", 4, "connections open at once")
		f.DurationVar(&o.During, "during", 8*time.Second, "each measurement")
	}, func(ctx context.Context, dir string) error {
		o.Dir = dir
		return stations.Run(ctx, o)
	})
}
