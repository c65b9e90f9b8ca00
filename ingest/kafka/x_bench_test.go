package kafka

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/roamclear/roamclear/ingest"
)

// benchBody is as long as a usual CDR: 10 periods, a tariff of 4 elements.
func benchBody() []byte {
	body := make([]byte, 3200)
	r := rand.New(rand.NewPCG(1, 1))
	for i := range body {
		body[i] = byte('0' + r.IntN(10))
	}
	return body
}

func BenchmarkEncode(b *testing.B) {
	e, body := testEnvelope(1), benchBody()
	batch := newBatch(make([]byte, 1<<20))
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if batch.add(e, body); batch.count == 300 {
			if _, err := batch.seal(session{open: true}, CompressionNone); err != nil {
				b.Fatal(err)
			}
			batch = newBatch(batch.buf)
		}
	}
}

// BenchmarkFetch reads and decodes a fetch of 300 records, into new memory
// as fetches do, and into memory used again.
func BenchmarkFetch(b *testing.B) {
	const records = 300
	envelopes, bodies := make([]*ingest.Envelope, records), make([][]byte, records)
	for i := range records {
		envelopes[i], bodies[i] = testEnvelope(i), benchBody()
	}
	set := encodeRecords(b, CompressionNone, envelopes, bodies)
	for _, fresh := range []bool{true, false} {
		b.Run(fmt.Sprintf("fresh=%v", fresh), func(b *testing.B) {
			p, r := testReader(), bytes.NewReader(set)
			slab := make([]byte, len(set))
			b.ReportAllocs()
			for b.Loop() {
				if fresh {
					slab = make([]byte, len(set))
				}
				r.Reset(set)
				if _, err := io.ReadFull(r, slab); err != nil {
					b.Fatal(err)
				}
				if got, err := p.decode(slab, 0, records); err != nil || len(got) != records {
					b.Fatalf("%d records, %v", len(got), err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/records, "ns/record")
		})
	}
}

// BenchmarkAppend is the time per record from queue to acknowledgement, and
// this process's CPU. The embedded broker syncs each batch to disk and its
// CPU is counted; Apache Kafka, where kafkaEnv names one, is not.
func BenchmarkAppend(b *testing.B) {
	for _, callers := range []int{64, 256} {
		b.Run(fmt.Sprintf("embedded/callers=%d", callers), func(b *testing.B) {
			benchAppend(b, openT(b, startEmbeddedT(b, EmbeddedOptions{}).Options()), callers)
		})
		if addr := os.Getenv(kafkaEnv); addr != "" {
			b.Run(fmt.Sprintf("kafka/callers=%d", callers), func(b *testing.B) {
				benchAppend(b, openT(b, Options{Brokers: strings.Split(addr, ",")}), callers)
			})
		}
	}
}

func benchAppend(b *testing.B, l *Log, callers int) {
	body := benchBody()
	var caller atomic.Int64
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	b.SetParallelism(callers / runtime.GOMAXPROCS(0))
	before := cpuTime(b)
	b.RunParallel(func(pb *testing.PB) {
		e := testEnvelope(int(caller.Add(1)))
		for pb.Next() {
			if _, err := l.Append(b.Context(), ingest.TopicCDRs, e, body); err != nil {
				b.Error(err)
				return
			}
		}
	})
	b.ReportMetric(float64((cpuTime(b)-before).Nanoseconds())/float64(b.N), "cpu-ns/op")
}

func cpuTime(b *testing.B) time.Duration {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
