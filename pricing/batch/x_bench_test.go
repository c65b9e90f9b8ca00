package batch_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/roamclear/roamclear/pricing/batch"
)

// benchLine is a line with one of the CDRs that the outside engines were
// measured on, without its white space.
func benchLine(tb testing.TB, name string) []byte {
	raw, err := os.ReadFile("../../ocpi/testdata/" + name + ".json")
	if err != nil {
		tb.Fatal(err)
	}
	var line bytes.Buffer
	line.WriteString(`{"id":"c1","version":"2.2.1","time_zone":"Europe/Amsterdam","cdr":`)
	if err := json.Compact(&line, raw); err != nil {
		tb.Fatal(err)
	}
	line.WriteByte('}')
	return line.Bytes()
}

// cpuTime is what the process has used, which a busy machine does not change
// as it does the time that passes.
func cpuTime(b *testing.B) time.Duration {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkLine is one line from text to text on one core.
func BenchmarkLine(b *testing.B) {
	for _, name := range []string{"simple1_221", "complex10_221"} {
		line := benchLine(b, name)
		b.Run(fmt.Sprintf("%s/%dB", name, len(line)), func(b *testing.B) {
			p := batch.NewPricer(batch.Defaults{Scale: 4})
			var answer []byte
			b.SetBytes(int64(len(line)))
			b.ReportAllocs()
			start := cpuTime(b)
			for b.Loop() {
				var verdict batch.Verdict
				if answer, verdict = p.Line(answer[:0], line, 1); verdict != batch.Agrees {
					b.Fatalf("%s", answer)
				}
			}
			b.ReportMetric(float64(b.N)/(cpuTime(b)-start).Seconds(), "CDRs/cpu-s")
		})
	}
}

// BenchmarkRun is a whole stream with one worker: reading, pricing, writing.
func BenchmarkRun(b *testing.B) {
	line := append(benchLine(b, "complex10_221"), '\n')
	const lines = 2_000
	text := bytes.Repeat(line, lines)
	b.SetBytes(int64(len(text)))
	start := cpuTime(b)
	for b.Loop() {
		counts, err := batch.Run(context.Background(), bytes.NewReader(text), io.Discard, batch.Defaults{Scale: 4}, 1)
		if err != nil || counts[batch.Agrees] != lines {
			b.Fatal(err, counts)
		}
	}
	b.ReportMetric(float64(lines)*float64(b.N)/b.Elapsed().Seconds(), "CDRs/s")
	b.ReportMetric(float64(lines)*float64(b.N)/(cpuTime(b)-start).Seconds(), "CDRs/cpu-s")
}
