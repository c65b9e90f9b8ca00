package kafka

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/roamclear/roamclear/ingest"
)

// fill appends n records of 100 kB to TopicRefused or, by key 1, to one
// partition of another topic.
func fill(t *testing.T, l *Log, topic ingest.Topic, n int) ingest.Position {
	t.Helper()
	var last ingest.Position
	for range n {
		pos, err := l.Append(t.Context(), topic, testEnvelope(1), make([]byte, 100_000))
		if err != nil {
			t.Fatal(err)
		}
		last = pos
	}
	return last
}

func commitT(t *testing.T, l *Log, group string, topic ingest.Topic, offsets map[int32]int64) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var todo sync.WaitGroup
	todo.Add(len(offsets))
	go func() { todo.Wait(); cancel() }()
	err := l.Consume(ctx, group, []ingest.Topic{topic}, func(ctx context.Context, c *Lease) error {
		if next, ok := offsets[c.Partition().Number]; ok {
			defer todo.Done()
			return c.Commit(context.WithoutCancel(ctx), next, "checkpoint of "+group)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func boundsT(t *testing.T, l *Log, topic ingest.Topic, p int32) (start, end int64) {
	t.Helper()
	start, end, err := l.Bounds(t.Context(), l.partition(topic, p))
	if err != nil {
		t.Fatal(err)
	}
	return start, end
}

func TestTrimDeletesWhatAllGroupsHaveCommitted(t *testing.T) {
	e := startEmbeddedT(t, EmbeddedOptions{Groups: map[ingest.Topic][]string{
		ingest.TopicCDRs: {"pricing", "relay"}, ingest.TopicControl: {"pricing"}}})
	l := openT(t, e.Options())
	last := fill(t, l, ingest.TopicCDRs, 120) // 12 MB: two full segments and a begun one
	fill(t, l, ingest.TopicControl, 100)
	p := last.Partition
	trim := func() (start int64) {
		t.Helper()
		if err := e.Trim(); err != nil {
			t.Fatal(err)
		}
		start, end := boundsT(t, l, ingest.TopicCDRs, p)
		if end != 120 {
			t.Fatalf("log ends at %d", end)
		}
		return start
	}
	commitT(t, l, "pricing", ingest.TopicCDRs, map[int32]int64{p: 120})
	if start := trim(); start != 0 {
		t.Errorf("log starts at %d though one group has not committed", start)
	}
	commitT(t, l, "relay", ingest.TopicCDRs, map[int32]int64{p: 50})
	if start := trim(); start != 50 {
		t.Errorf("log starts at %d, want 50", start)
	}
	commitT(t, l, "relay", ingest.TopicCDRs, map[int32]int64{p: 120})
	before := e.size.Load()
	if start := trim(); start != 119 {
		t.Errorf("log starts at %d, want 119: the newest record stays", start)
	}
	if err := e.measure(); err != nil {
		t.Fatal(err)
	}
	if after := e.size.Load(); after >= 16<<20 || after <= before {
		t.Errorf("directory has %d bytes", after)
	}
	commitT(t, l, "pricing", ingest.TopicControl, map[int32]int64{0: 100})
	trim()
	if start, _ := boundsT(t, l, ingest.TopicControl, 0); start != 0 {
		t.Errorf("control log starts at %d", start)
	}
}

func TestTrimKeepsTheNewestRefusedBodies(t *testing.T) {
	e := startEmbeddedT(t, EmbeddedOptions{RefusedBytes: 5 << 20, Groups: map[ingest.Topic][]string{}})
	l := openT(t, e.Options())
	fill(t, l, ingest.TopicRefused, 200)
	if err := e.Trim(); err != nil {
		t.Fatal(err)
	}
	start, end := boundsT(t, l, ingest.TopicRefused, 0)
	kept := (end - start) * 100_000
	if kept < 5<<20 || kept > 10<<20 {
		t.Errorf("%d bytes are kept (offsets %d to %d), want 5 to 10 MiB", kept, start, end)
	}
}

func TestTrimLeavesNoGapToAGroupThatReadsRefusedBodies(t *testing.T) {
	e := startEmbeddedT(t, EmbeddedOptions{RefusedBytes: 5 << 20, Groups: map[ingest.Topic][]string{ingest.TopicRefused: {"records"}}})
	l := openT(t, e.Options())
	fill(t, l, ingest.TopicRefused, 200)
	commitT(t, l, "records", ingest.TopicRefused, map[int32]int64{0: 60})
	if err := e.Trim(); err != nil {
		t.Fatal(err)
	}
	if start, _ := boundsT(t, l, ingest.TopicRefused, 0); start != 60 {
		t.Errorf("log starts at %d, want 60", start)
	}
}

func TestCapRefusesUntilTrimmed(t *testing.T) {
	e := startEmbeddedT(t, EmbeddedOptions{CapBytes: capMargin + 6<<20, Groups: map[ingest.Topic][]string{ingest.TopicCDRs: {"pricing"}}})
	l := openT(t, e.Options())
	last := fill(t, l, ingest.TopicCDRs, 90)
	if e.Full() {
		t.Fatal("full before it was measured")
	}
	if err := e.measure(); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Append(t.Context(), ingest.TopicCDRs, testEnvelope(1), nil); !e.Full() || !errors.Is(err, ingest.ErrOverload) {
		t.Errorf("append at the cap: %v", err)
	}
	if _, err := l.Append(t.Context(), ingest.TopicControl, testEnvelope(1), nil); err != nil {
		t.Errorf("decision at the cap: %v", err)
	}
	e.size.Store(e.opts.CapBytes + controlReserve + 1)
	if _, err := l.Append(t.Context(), ingest.TopicControl, testEnvelope(1), nil); !errors.Is(err, ingest.ErrOverload) {
		t.Errorf("decision beyond the reserve: %v", err)
	}
	commitT(t, l, "pricing", ingest.TopicCDRs, map[int32]int64{last.Partition: 90})
	if err := errors.Join(e.Trim(), e.measure()); err != nil {
		t.Fatal(err)
	}
	fill(t, l, ingest.TopicCDRs, 1)
}

// The loop does by itself what the tests above do by hand.
func TestGuardLoopMeasuresAndTrims(t *testing.T) {
	e := startEmbeddedT(t, EmbeddedOptions{CapBytes: capMargin + 6<<20, Groups: map[ingest.Topic][]string{ingest.TopicCDRs: {"pricing"}}})
	l := openT(t, e.Options())
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- e.Run(ctx) }()
	n := int64(0)
	var last ingest.Position
	for !e.Full() {
		pos, err := l.Append(t.Context(), ingest.TopicCDRs, testEnvelope(1), make([]byte, 100_000))
		if err == nil {
			last = pos
			n++
		} else if !errors.Is(err, ingest.ErrOverload) {
			t.Fatal(err)
		}
	}
	commitT(t, l, "pricing", ingest.TopicCDRs, map[int32]int64{last.Partition: n})
	for {
		_, err := l.Append(t.Context(), ingest.TopicCDRs, testEnvelope(1), nil)
		if err == nil {
			break
		}
		if !errors.Is(err, ingest.ErrOverload) {
			t.Fatal(err)
		}
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestLowDiskRefuses(t *testing.T) {
	e := startEmbeddedT(t, EmbeddedOptions{MinFreeBytes: 1 << 60})
	l := openT(t, e.Options())
	if _, err := l.Append(t.Context(), ingest.TopicCDRs, testEnvelope(1), nil); !e.FreeSpaceLow() || !errors.Is(err, ingest.ErrOverload) {
		t.Errorf("append on a full disk: %v", err)
	}
}

func TestDirectoryHasOneOwner(t *testing.T) {
	e := startEmbeddedT(t, EmbeddedOptions{})
	_, err := StartEmbedded(t.Context(), EmbeddedOptions{Dir: e.opts.Dir})
	if !errors.Is(err, ErrDirInUse) || !strings.Contains(err.Error(), "process id") {
		t.Errorf("second broker in the same directory: %v", err)
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	startEmbeddedT(t, EmbeddedOptions{Dir: e.opts.Dir})
}

// A log that lost its end must not open: it would give out used offsets.
func TestHighWaterMarkRefusesAShorterLog(t *testing.T) {
	f := func(name, want string, damage func(dir string) error) {
		t.Helper()
		o := EmbeddedOptions{Dir: t.TempDir(), Groups: map[ingest.Topic][]string{ingest.TopicCDRs: {"pricing"}}}
		e := startEmbeddedT(t, o)
		l := openT(t, e.Options())
		p := fill(t, l, ingest.TopicCDRs, 90).Partition
		commitT(t, l, "pricing", ingest.TopicCDRs, map[int32]int64{p: 90})
		if err := errors.Join(e.Trim(), l.Close(), e.Close()); err != nil {
			t.Fatal(err)
		}
		partition := filepath.Join(o.Dir, brokerDir, "partitions", partitionDir(ingest.TopicCDRs, p))
		if err := damage(partition); err != nil {
			t.Fatal(err)
		}
		e, err := StartEmbedded(t.Context(), o)
		if err == nil {
			_ = e.Close()
		}
		if got := err != nil && strings.Contains(err.Error(), want); got != (want != "") {
			t.Errorf("%s: error %v, want %q", name, err, want)
		}
	}
	f("untouched", "", func(string) error { return nil })
	f("partition emptied", "ends at offset 0 and has been at 90", os.RemoveAll)
	f("last segment gone", "has been at 90", func(dir string) error {
		segments, err := filepath.Glob(filepath.Join(dir, "*.dat"))
		if err != nil || len(segments) == 0 {
			return errors.New("no segments")
		}
		return os.Remove(segments[len(segments)-1])
	})
	f("topics gone", "is gone, it had 90 records", func(dir string) error {
		return os.RemoveAll(filepath.Dir(filepath.Dir(dir)))
	})
	f("marks damaged", "the file is damaged", func(dir string) error {
		return os.WriteFile(filepath.Join(filepath.Dir(filepath.Dir(filepath.Dir(dir))), "high-water.json"), []byte("{"), 0o600)
	})
}

func TestSweepRemovesWhatACrashLeaves(t *testing.T) {
	dir := t.TempDir()
	partition := filepath.Join(dir, "partitions", "roamclear.cdrs-0")
	if err := os.MkdirAll(partition, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"0.idx", "0.dat", "7.idx", "snapshot.json"} {
		if err := os.WriteFile(filepath.Join(partition, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	sequences := filepath.Join(dir, "seq_windows.json")
	if err := os.WriteFile(sequences, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second time there is nothing to do
		if err := sweep(dir); err != nil {
			t.Fatal(err)
		}
	}
	left, err := filepath.Glob(filepath.Join(partition, "*"))
	if err != nil || len(left) != 3 {
		t.Errorf("left over: %v, %v", left, err)
	}
	if _, err := os.Stat(sequences); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("sequences: %v", err)
	}
}
