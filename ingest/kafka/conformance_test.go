package kafka

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/roamclear/roamclear/ingest"
)

// kafkaEnv names a real Apache Kafka (host:port, comma separated) that the
// suite runs against besides the embedded broker. deploy/ starts one.
const kafkaEnv = "ROAMCLEAR_TEST_KAFKA"

// brokers returns the options of every broker to hold to the same behaviour.
func brokers(t *testing.T) map[string]Options {
	t.Helper()
	all := map[string]Options{"embedded": startEmbeddedT(t, EmbeddedOptions{}).Options()}
	if addr := os.Getenv(kafkaEnv); addr != "" {
		all["kafka"] = Options{Brokers: strings.Split(addr, ",")}
	}
	return all
}

// TestBrokersBehaveAlike makes no assumption about what is in the log already:
// a real broker keeps it from run to run.
func TestBrokersBehaveAlike(t *testing.T) {
	for name, o := range brokers(t) {
		t.Run(name, func(t *testing.T) {
			o.Epoch = 3
			l := openT(t, o)
			run := fmt.Sprintf("run-%d", time.Now().UnixNano())
			t.Run("append, read and tail", func(t *testing.T) { conformAppend(t, l, run) })
			t.Run("many at once", func(t *testing.T) { conformConcurrent(t, l, run) })
			t.Run("group", func(t *testing.T) { conformGroup(t, l, o, run) })
			t.Run("out of range", func(t *testing.T) { conformGap(t, l) })
			t.Run("open again", func(t *testing.T) {
				o.Registerer = nil // its metrics are registered already
				again := openT(t, o)
				if diff := cmp.Diff(l.counts, again.counts); diff != "" {
					t.Errorf("partitions (-first +second):\n%s", diff)
				}
			})
		})
	}
}

func conformAppend(t *testing.T, l *Log, run string) {
	for _, spec := range ingest.Topics() {
		topic := spec.Topic
		e := testEnvelope(0)
		e.Key.ID = run
		p := l.Place(topic, e.Key).Number
		_, end := boundsT(t, l, topic, p)
		var want []ingest.Record
		for i := range 50 {
			body := fmt.Appendf(nil, "%s %d", run, i)
			pos, err := l.Append(t.Context(), topic, e, body)
			if err != nil {
				t.Fatal(err)
			}
			if expect := (ingest.Position{Epoch: 3, Partition: p, Offset: end + int64(i)}); pos != expect {
				t.Fatalf("%s: position %s, want %s", topic, pos, expect)
			}
			want = append(want, ingest.Record{Position: pos, Envelope: *e, Body: body})
		}
		if diff := cmp.Diff(want, tailUntil(t, l, topic, p, end, end+50)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", topic, diff)
		}
		got, err := l.Read(t.Context(), l.partition(topic, p), end+10, 5)
		if diff := cmp.Diff(want[10:15], got); diff != "" || err != nil {
			t.Errorf("%s: %v (-want +got):\n%s", topic, err, diff)
		}
		if _, after := boundsT(t, l, topic, p); after != end+50 {
			t.Errorf("%s ends at %d, want %d", topic, after, end+50)
		}
	}
}

func conformConcurrent(t *testing.T, l *Log, run string) {
	const callers, each = 64, 20
	before := make([]int64, len(l.Partitions(ingest.TopicCDRs)))
	for p := range before {
		_, before[p] = boundsT(t, l, ingest.TopicCDRs, int32(p))
	}
	var wg sync.WaitGroup
	var mu sync.Mutex // guards acknowledged
	acknowledged := map[ingest.Position]string{}
	for c := range callers {
		wg.Go(func() {
			e := testEnvelope(c)
			for i := range each {
				body := fmt.Sprintf("%s %d/%d", run, c, i)
				pos, err := l.Append(t.Context(), ingest.TopicCDRs, e, []byte(body))
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				acknowledged[pos] = body
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	found := map[ingest.Position]string{}
	for p, from := range before {
		_, end := boundsT(t, l, ingest.TopicCDRs, int32(p))
		if end == from {
			continue
		}
		for _, r := range tailUntil(t, l, ingest.TopicCDRs, int32(p), from, end) {
			found[r.Position] = string(r.Body)
		}
	}
	if diff := cmp.Diff(acknowledged, found); diff != "" {
		t.Errorf("(-acknowledged +found):\n%s", diff)
	}
}

// conformGroup has two members share the partitions, kills neither, and wants
// every partition worked on, commits kept with metadata, stale ones refused.
func conformGroup(t *testing.T, l *Log, o Options, run string) {
	o.Registerer = nil
	second := openT(t, o)
	n := len(l.Partitions(ingest.TopicCDRs))
	claims := make(chan *Lease, 100*n)
	work := func(ctx context.Context, c *Lease) error {
		claims <- c
		<-ctx.Done()
		return ctx.Err()
	}
	join := func(l *Log) (leave func() error) {
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- l.Consume(ctx, run, []ingest.Topic{ingest.TopicCDRs}, work) }()
		return func() error { cancel(); return <-done }
	}
	first := make(map[int32]*Lease)
	leaveFirst := join(l)
	for len(first) < n {
		c := <-claims
		first[c.Partition().Number] = c
	}
	for p, c := range first {
		if next, _ := c.Committed(); next != -1 {
			t.Errorf("partition %d of a new group: committed %d", p, next)
		}
		if err := c.Commit(t.Context(), int64(p), fmt.Sprintf("of %d", p)); err != nil {
			t.Fatal(err)
		}
	}
	leaveSecond := join(second)
	now := make(map[int32]*Lease)
	for len(now) < n {
		if c := <-claims; c.generation > first[c.Partition().Number].generation {
			now[c.Partition().Number] = c
		}
	}
	for p, c := range now {
		if next, metadata := c.Committed(); next != int64(p) || metadata != fmt.Sprintf("of %d", p) {
			t.Errorf("partition %d: committed %d %q", p, next, metadata)
		}
		if err := first[p].Commit(t.Context(), 1000, "stale"); !errors.Is(err, ErrOwnershipLost) {
			t.Errorf("partition %d: stale commit: %v", p, err)
		}
	}
	if err := errors.Join(leaveFirst(), leaveSecond()); err != nil {
		t.Error(err)
	}
	committed, err := l.Committed(t.Context(), run, ingest.TopicCDRs)
	if err != nil || len(committed) != n || committed[l.partition(ingest.TopicCDRs, 1)] != (Offset{Next: 1, Metadata: "of 1"}) {
		t.Errorf("commits %v, %v", committed, err)
	}
}

func conformGap(t *testing.T, l *Log) {
	start, end := boundsT(t, l, ingest.TopicControl, 0)
	want := ingest.GapError{Partition: l.partition(ingest.TopicControl, 0), Want: end + 5, Start: start, End: end}
	_, err := l.Read(t.Context(), l.partition(ingest.TopicControl, 0), end+5, 1)
	if gap, ok := errors.AsType[*ingest.GapError](err); !ok || *gap != want {
		t.Errorf("read past the end: %v, want %v", err, &want)
	}
}
