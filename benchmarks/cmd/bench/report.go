package main

import (
	"cmp"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"time"
)

// Goals: how many times more the baseline must use. See performance figures in
// the README.
const (
	ingestGoal = 220 // hundredths, at 256 connections
	ingestAim  = 250
	workerGoal = 400
)

func minimum[T cmp.Ordered](values []T) T { return slices.Min(values) }

func median[T cmp.Ordered](values []T) T {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}

// ratio is a/b in hundredths.
func ratio(a, b time.Duration) int64 { return int64(a) * 100 / max(int64(b), 1) }

func times(hundredths int64) string {
	return fmt.Sprintf("%d.%02d×", hundredths/100, hundredths%100)
}

// summary says which goals are met, by medians.
func (m *measurements) summary(o *options) string {
	connections := slices.Max(o.connections)
	a, b := m.byName[product][connections], m.byName[base][connections]
	var s strings.Builder
	verdict := func(name string, baseline, ours []time.Duration, goals ...int64) {
		fmt.Fprintf(&s, "%s at %d connections: baseline uses %s ours by medians (%s by minima)", name, connections,
			times(ratio(median(baseline), median(ours))), times(ratio(minimum(baseline), minimum(ours))))
		for _, goal := range goals {
			word := "missed"
			if ratio(median(baseline), median(ours)) >= goal {
				word = "met"
			}
			fmt.Fprintf(&s, "; %s: %s", times(goal), word)
		}
		s.WriteString("\n")
	}
	verdict("ingest CPU", b.ingest, a.ingest, ingestGoal, ingestAim)
	verdict("worker CPU", b.worker, a.worker, workerGoal)
	verdict("engine CPU", b.engine, a.engine)
	return s.String()
}

// report is the whole result as Markdown.
func (m *measurements) report(o *options, charges, size int, raw string) string {
	var s strings.Builder
	fmt.Fprintf(&s, "# Benchmark of %s\n\n", time.Now().UTC().Format("2006-01-02 15:04 MST"))
	fmt.Fprintf(&s, "- machine: %s\n- commit: %s\n- command: `go run ./benchmarks/cmd/bench --rounds %d --count %d --rows %d --seed %d`\n",
		machine(), commit(), o.rounds, o.count, o.rows, o.seed)
	fmt.Fprintf(&s, "- load: %d distinct real charges, %d bytes on average, each pushed under a new id; %d CDRs per measurement; one warm-up round thrown away\n", charges, size, o.count)
	fmt.Fprintf(&s, "- load average of the machine before and after: %s; %s (this run alone makes about 3: more means that others were at work)\n", m.loadBefore, others())
	s.WriteString("- broker: the embedded one (each batch fsynced), in a process of its own; one ClickHouse engine for both sides; `minimum / median` of the rounds\n\n")
	s.WriteString("Processor time is user + system of each process, in µs per CDR. The baseline is `benchmarks/baseline`: see its package comment for what it leaves out.\n\n")
	s.WriteString("| connections | what | durable CDR/s (max / median) | p50 | p99 | ingest µs | worker µs | engine µs | broker µs |\n|---:|---|---:|---:|---:|---:|---:|---:|---:|\n")
	for _, c := range o.connections {
		for _, name := range []string{product, base, readFloor, httpDecode} {
			q := m.byName[name][c]
			fmt.Fprintf(&s, "| %d | %s | %d / %d | %s | %s | %s |", c, name, slices.Max(q.rate), median(q.rate), round(median(q.p50)), round(median(q.p99)), pair(q.ingest))
			if name == product || name == base {
				fmt.Fprintf(&s, " %s | %s | %s |\n", pair(q.worker), pair(q.engine), pair(q.broker))
			} else {
				s.WriteString(" | | |\n")
			}
		}
	}
	s.WriteString("\n(Floors answer without storing anything: their rate is not durable.)\n\n| floor in one process | µs per CDR |\n|---|---:|\n")
	for _, name := range []string{"decode", "price", "produce in large batches", "fetch"} {
		fmt.Fprintf(&s, "| %s | %s |\n", name, pair(m.floors[name]))
	}
	fmt.Fprintf(&s, "\n## Goals\n\n```\n%s```\n\n## Raw output\n\n```\n%s```\n", m.summary(o), raw)
	return s.String()
}

func pair(d []time.Duration) string {
	return strings.TrimSuffix(micros(minimum(d)), " µs") + " / " + strings.TrimSuffix(micros(median(d)), " µs")
}

func round(d time.Duration) time.Duration { return d.Round(10 * time.Microsecond) }

// machine describes where the run took place.
func machine() string {
	model := "unknown processor"
	if text, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for line := range strings.Lines(string(text)) {
			if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
				model = strings.TrimSpace(value)
				break
			}
		}
	}
	kernel := "unknown kernel"
	if text, err := os.ReadFile("/proc/sys/kernel/osrelease"); err == nil {
		kernel = strings.TrimSpace(string(text))
	}
	return fmt.Sprintf("%d × %s, Linux %s, %s", runtime.NumCPU(), model, kernel, runtime.Version())
}

// others is how busy the machine is, this run included: load averages over 1,
// 5 and 15 minutes.
func others() string {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	return strings.Join(strings.Fields(string(text))[:3], " ")
}

func commit() string {
	out, err := exec.Command("git", "describe", "--always", "--dirty").Output()
	if err != nil {
		return "unknown"
	}
	return strings.TrimSpace(string(out))
}
