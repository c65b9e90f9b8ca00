// Command exchanged measures what it costs that messages of partners are kept: see package
// benchmarks/exchanged.
//
//	go run ./benchmarks/cmd/exchanged > benchmarks/results/….md
package main

import (
	"context"
	"os"
	"time"

	"github.com/roamclear/roamclear/benchmarks/exchanged"
	"github.com/roamclear/roamclear/benchmarks/process"
	"github.com/spf13/pflag"
)

func main() {
	o := exchanged.Options{Out: os.Stdout}
	process.Measure("exchanged", "Measure what it costs that messages of partners are kept", &o.Binary, func(f *pflag.FlagSet) {
		f.IntVar(&o.Connections, "connections", 32, "connections open at once")
		f.IntVar(&o.Rounds, "rounds", 6, "rounds of measurements, each beside the other")
		f.DurationVar(&o.During, "during", 8*time.Second, "each measurement")
		f.IntVar(&o.Charges, "charges", 4000, "real charges that bodies are made of")
	}, func(ctx context.Context, dir string) error {
		o.Dir = dir
		return exchanged.Run(ctx, o)
	})
}
