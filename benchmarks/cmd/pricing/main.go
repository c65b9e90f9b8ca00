// Command pricing measures the decoder and the pricing engine: it builds the
// packages' own benchmarks and runs them in turn, round after round, so that
// every figure of a result comes from the same stretch of time, and holds
// their minima against the goals.
//
//	go run ./benchmarks/cmd/pricing --rounds 9
package main

import (
	"bufio"
	"bytes"
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"
)

// suites are the benchmarks run, in the order of one round.
var suites = []struct{ pkg, bench string }{
	{"./ocpi", "^(BenchmarkDecodeCDR|BenchmarkDecodeEncodingJSON|BenchmarkDecodeJSONv2|BenchmarkCanonicalHash)$"},
	{"./pricing/tariff", "^(BenchmarkPrice|BenchmarkShopspring|BenchmarkPrepare|BenchmarkExplain|BenchmarkExplainJSON)$"},
	{"./pricing/batch", "^BenchmarkLine$"},
}

// goal compares one figure with a bound: a number of nanoseconds, or a part
// of another figure.
type goal struct {
	name    string
	figures []string // added up
	atMost  float64  // nanoseconds, or parts of base
	base    string
}

// Goals, in nanoseconds; the outside engine's figures are those of its own
// measurement on a like machine (ocpi-kit 0.4.0, one thread, best of six).
var goals = []goal{
	{"bare price, complex10: at most 0.9 µs (ocpi-kit 13.3)", []string{"Price/complex10"}, 900, ""},
	{"bare price, complex10: aim 0.5 µs", []string{"Price/complex10"}, 500, ""},
	{"bare price, complex10: at most 1/10 of shopspring", []string{"Price/complex10"}, 0.1, "Shopspring/complex10"},
	{"bare price, simple1: at most 0.2 µs (ocpi-kit 1.4)", []string{"Price/simple1"}, 200, ""},
	{"decode and price, complex10: at most 1/3 of ocpi-kit's 31.7 µs", []string{"DecodeCDR/complex10_221/pretty", "Price/complex10"}, 31700.0 / 3, ""},
	{"decode and price, simple1: at most 1/2.5 of ocpi-kit's 5.9 µs", []string{"DecodeCDR/simple1_221/pretty", "Price/simple1"}, 5900 / 2.5, ""},
	{"decode, complex10: at most 0.16 of encoding/json with shopspring", []string{"DecodeCDR/complex10_221/compact"}, 0.16, "DecodeEncodingJSON/complex10_221/compact"},
	{"decode, complex10: at most 0.4 of json/v2", []string{"DecodeCDR/complex10_221/compact"}, 0.4, "DecodeJSONv2/complex10_221/compact"},
	{"explanation, complex10: at most 4 bare prices", []string{"Explain/complex10"}, 4, "Price/complex10"},
	{"explanation, simple1: at most 4 bare prices", []string{"Explain/simple1"}, 4, "Price/simple1"},
	{"batch line of 4 KB, text to text: at least 60,000 a second a core", []string{"Line/complex10_221"}, 1e9 / 60_000, ""},
}

func main() {
	rounds := flag.Int("rounds", 9, "rounds, each running every benchmark once")
	length := flag.Duration("time", 200*time.Millisecond, "length of one benchmark in one round")
	out := flag.String("out", "benchmarks/results", "directory for the result; empty: none")
	flag.Parse()
	if err := run(context.Background(), *rounds, *length, *out); err != nil {
		fmt.Fprintln(os.Stderr, "pricing:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, rounds int, length time.Duration, out string) error {
	dir, err := os.MkdirTemp("", "roamclear-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // a temporary directory
	binaries := make([]string, len(suites))
	for i, s := range suites {
		binaries[i] = filepath.Join(dir, strconv.Itoa(i)+".test")
		if text, err := exec.CommandContext(ctx, "go", "test", "-c", "-o", binaries[i], s.pkg).CombinedOutput(); err != nil {
			return fmt.Errorf("build benchmarks of %s: %w: %s", s.pkg, err, text)
		}
	}
	figures, raw := map[string][]float64{}, &bytes.Buffer{}
	for round := range rounds {
		fmt.Fprintf(os.Stderr, "round %d of %d\n", round+1, rounds)
		for i, s := range suites {
			cmd := exec.CommandContext(ctx, binaries[i], "-test.run", "^$", "-test.bench", s.bench, "-test.benchtime", length.String(), "-test.cpu", "1")
			cmd.Dir = s.pkg
			text, err := cmd.CombinedOutput()
			if err != nil {
				return fmt.Errorf("run benchmarks of %s: %w: %s", s.pkg, err, text)
			}
			raw.Write(text)
			collect(figures, text)
		}
	}
	report := write(figures, rounds, length)
	fmt.Print(report)
	if out == "" {
		return nil
	}
	path := filepath.Join(out, time.Now().UTC().Format("2006-01-02")+"-pricing.md")
	return os.WriteFile(path, []byte(report+"\nRaw output:\n\n```\n"+raw.String()+"```\n"), 0o644)
}

var line = regexp.MustCompile(`^Benchmark(\S+)\s+\d+\s+([0-9.]+) ns/op`)

// collect adds the times of one run; sizes at the end of a name are cut off.
func collect(figures map[string][]float64, text []byte) {
	size := regexp.MustCompile(`/\d+B$`)
	for s := bufio.NewScanner(bytes.NewReader(text)); s.Scan(); {
		if m := line.FindStringSubmatch(s.Text()); m != nil {
			name := size.ReplaceAllString(m[1], "")
			ns, err := strconv.ParseFloat(m[2], 64)
			if err == nil {
				figures[name] = append(figures[name], ns)
			}
		}
	}
}

func write(figures map[string][]float64, rounds int, length time.Duration) string {
	var b strings.Builder
	load, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		load = []byte("unknown")
	}
	fmt.Fprintf(&b, "# Decoder and pricing engine\n\n%s, %s/%s, %d processors, load average %s; `go run ./benchmarks/cmd/pricing --rounds %d --time %s`: every\nbenchmark once a round, in turn; one thread; minimum and median of %d rounds.\n\n",
		runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), strings.TrimSpace(string(load)), rounds, length, rounds)
	b.WriteString("| benchmark | min µs | median µs |\n| --- | ---: | ---: |\n")
	names := make([]string, 0, len(figures))
	for name := range figures {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		v := slices.Sorted(slices.Values(figures[name]))
		fmt.Fprintf(&b, "| %s | %.3f | %.3f |\n", name, v[0]/1000, v[len(v)/2]/1000)
	}
	b.WriteString("\n| goal | measured | |\n| --- | ---: | --- |\n")
	for _, g := range goals {
		got, unit := 0.0, "µs"
		for _, f := range g.figures {
			if len(figures[f]) == 0 {
				got = -1 // renamed: the goal shows as missed
				break
			}
			got += slices.Min(figures[f])
		}
		limit := g.atMost
		if g.base != "" && len(figures[g.base]) > 0 {
			got, unit = got/slices.Min(figures[g.base]), "×"
		}
		verdict := "met"
		if got < 0 || got > limit {
			verdict = "missed"
		}
		shown := got
		if unit == "µs" {
			shown /= 1000
		}
		fmt.Fprintf(&b, "| %s | %.3f %s | %s |\n", g.name, shown, unit, verdict)
	}
	return b.String()
}
