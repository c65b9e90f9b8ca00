// Command load pushes distinct CDRs of real charges to a running service over
// many connections and prints what was acknowledged, how fast, and what else
// was answered.
//
//	load --addr 127.0.0.1:8080 --tokens tokens.txt --connections 256 --count 100000
//
// The file of tokens has a line per CPO, such as "GB*DUN secret"; the parties
// are GB*DUN, GB*PKC, US*BOU, FR*BEL and FR*SAP.
package main

import (
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/roamclear/roamclear/benchmarks/load"
	"github.com/roamclear/roamclear/benchmarks/world"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/spf13/cobra"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var (
		o         load.Options
		tokenFile string
		charges   string
		rows      int
		seed      uint64
	)
	command := &cobra.Command{
		Use: "load", Short: "Push distinct CDRs of real charges", Args: cobra.NoArgs, SilenceUsage: true,
		RunE: func(c *cobra.Command, _ []string) error {
			var err error
			if o.Tokens, err = readTokens(tokenFile); err != nil {
				return err
			}
			source, err := world.Open(charges)
			if err != nil {
				return err
			}
			defer source.Close() //nolint:errcheck // only read
			if o.Bodies, err = load.Bodies(source, seed, rows); err != nil {
				return err
			}
			result, err := load.Run(c.Context(), o)
			if err != nil {
				return err
			}
			if _, err := io.WriteString(c.OutOrStdout(), summary(result)); err != nil {
				return fmt.Errorf("print result: %w", err)
			}
			if len(result.Status) > 0 {
				return fmt.Errorf("%d of %d CDRs were not acknowledged", o.Count-result.Acknowledged, o.Count)
			}
			return nil
		},
	}
	f := command.Flags()
	f.StringVar(&o.Addr, "addr", "127.0.0.1:8080", "host:port of the service")
	f.StringVar(&o.Path, "path", "/ocpi/2.2.1/receiver/cdrs", "the receiving endpoint")
	f.StringVar(&tokenFile, "tokens", "", "file with the CPOs' tokens; none sends no token")
	f.IntVar(&o.Connections, "connections", 64, "connections open at once")
	f.IntVar(&o.Count, "count", 50_000, "CDRs to push")
	f.StringVar(&o.Run, "run", fmt.Sprintf("L%08X", time.Now().Unix()&0xffffffff), "begins every CDR's id")
	f.StringVar(&charges, "charges", "", "gzipped CSV of charges; none is the embedded extract")
	f.IntVar(&rows, "rows", 20_000, "charges to render, each used again under new ids")
	f.Uint64Var(&seed, "seed", 1, "seed of the world")
	if err := command.ExecuteContext(ctx); err != nil {
		os.Exit(1)
	}
}

func readTokens(path string) (map[ocpi.Party]string, error) {
	if path == "" {
		return nil, nil
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read tokens: %w", err)
	}
	tokens := map[ocpi.Party]string{}
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(line)
		if len(fields) == 0 {
			continue
		}
		party, ok := ocpi.ParseParty(fields[0])
		if !ok || len(fields) != 2 {
			return nil, fmt.Errorf("read tokens: %q is not a line such as \"GB*DUN secret\"", strings.TrimSpace(line))
		}
		tokens[party] = base64.StdEncoding.EncodeToString([]byte(fields[1]))
	}
	return tokens, nil
}

func summary(r *load.Result) string {
	var w strings.Builder
	fmt.Fprintf(&w, "acknowledged  %d CDRs, %d MB in %s\n", r.Acknowledged, r.Bytes/1_000_000, r.Elapsed.Round(time.Millisecond))
	fmt.Fprintf(&w, "rate          %d CDR/s\n", r.Rate())
	fmt.Fprintf(&w, "latency       p50 %s  p90 %s  p99 %s  max %s\n",
		r.Latency.PerMille(500).Round(time.Microsecond), r.Latency.PerMille(900).Round(time.Microsecond),
		r.Latency.PerMille(990).Round(time.Microsecond), r.Latency.PerMille(1000).Round(time.Microsecond))
	for status, n := range r.Status {
		fmt.Fprintf(&w, "other         %s: %d\n", status, n)
	}
	return w.String()
}
