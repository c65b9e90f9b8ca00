// Command owned measures what Tokens, Locations, Tariffs and Sessions cost a
// service that has very many of them: see package benchmarks/owned.
//
//	go run ./benchmarks/cmd/owned > benchmarks/results/….md
package main

import (
	"context"
	"os"
	"time"

	"github.com/roamclear/roamclear/benchmarks/owned"
	"github.com/roamclear/roamclear/benchmarks/process"
	"github.com/spf13/pflag"
)

func main() {
	o := owned.Options{Out: os.Stdout}
	process.Measure("owned", "Measure what very many objects of partners cost", &o.Binary, func(f *pflag.FlagSet) {
		f.IntVar(&o.Tokens, "tokens", 1_000_000, "Tokens in the store")
		f.IntVar(&o.Locations, "locations", 100_000, "Locations in the store")
		f.IntVar(&o.Tariffs, "tariffs", 10_000, "Tariffs in the store")
		f.IntVar(&o.Sessions, "sessions", 1_000_000, "Sessions in the store")
		f.IntVar(&o.Versions, "versions", 10_000_000, "versions of a thousand tariffs that change every quarter of an hour")
		f.IntVar(&o.Connections, "connections", 64, "connections open at once")
		f.DurationVar(&o.During, "during", 8*time.Second, "each measurement")
	}, func(ctx context.Context, dir string) error {
		o.Dir = dir
		return owned.Run(ctx, o)
	})
}
