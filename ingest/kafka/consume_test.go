package kafka

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/roamclear/roamclear/ingest"
)

// consumeT consumes TopicRefused until stop is called, which returns what
// Consume said.
func consumeT(t *testing.T, l *Log, group string, work func(ctx context.Context, c *Lease) error) (stop func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- l.Consume(ctx, group, []ingest.Topic{ingest.TopicRefused}, work) }()
	return func() error {
		cancel()
		return <-done
	}
}

func TestConsumeGoesOnWhereItWasCommitted(t *testing.T) {
	l, _ := watchedLog(t, nil, Options{})
	for i := range 10 {
		appendT(t, l, i)
	}
	read := make(chan []int64)
	work := func(ctx context.Context, c *Lease) error {
		next, metadata := c.Committed()
		if next == -1 {
			next = 0
		} else if want := fmt.Sprintf("up to %d", next); metadata != want {
			return fmt.Errorf("metadata %q, want %q", metadata, want)
		}
		records, err := c.Read(ctx, next, 4, 1<<20, 0)
		if err != nil {
			return err
		}
		offsets := make([]int64, len(records))
		for i, r := range records {
			offsets[i] = r.Offset
		}
		next += int64(len(records))
		if err := c.Commit(ctx, next, fmt.Sprintf("up to %d", next)); err != nil {
			return err
		}
		read <- offsets
		<-ctx.Done()
		return ctx.Err()
	}
	for _, want := range [][]int64{{0, 1, 2, 3}, {4, 5, 6, 7}, {8, 9}} {
		stop := consumeT(t, l, "pricing", work)
		got := <-read
		if err := stop(); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("offsets (-want +got):\n%s", diff)
		}
	}
	committed, err := l.Committed(t.Context(), "pricing", ingest.TopicRefused)
	if diff := cmp.Diff(map[ingest.Partition]Offset{l.partition(ingest.TopicRefused, 0): {Next: 10, Metadata: "up to 10"}}, committed); diff != "" || err != nil {
		t.Errorf("%v, commits (-want +got):\n%s", err, diff)
	}
	none, err := l.Committed(t.Context(), "nobody", ingest.TopicRefused)
	if len(none) != 0 || err != nil {
		t.Errorf("commits of an unknown group: %v, %v", none, err)
	}
}

func TestLeaseReadIsBounded(t *testing.T) {
	l, _ := watchedLog(t, nil, Options{})
	for i := range 20 {
		appendT(t, l, i)
	}
	size := len(testBody(0))
	var got []int
	result := make(chan error)
	stop := consumeT(t, l, "pricing", func(ctx context.Context, c *Lease) error {
		next := int64(0)
		read := func(maxRecords, maxBytes int) error {
			records, err := c.Read(ctx, next, maxRecords, maxBytes, 0)
			for i, r := range records {
				if r.Offset != next+int64(i) {
					return fmt.Errorf("offset %d, want %d", r.Offset, next+int64(i))
				}
			}
			next += int64(len(records))
			got = append(got, len(records))
			return err
		}
		err := errors.Join(read(3, 1<<20), read(5, 2*size), read(5, 1), read(100, 1<<20))
		next = 2
		err = errors.Join(err, read(100, 1<<20))
		none, quietErr := c.Read(ctx, next, 100, 1<<20, time.Millisecond) // nothing comes any more
		got = append(got, len(none))
		result <- errors.Join(err, quietErr)
		return nil
	})
	if err := <-result; err != nil {
		t.Error(err)
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff([]int{3, 2, 1, 14, 18, 0}, got); diff != "" {
		t.Errorf("records per read (-want +got):\n%s", diff)
	}
}

// Released memory is used again, but not that of records still to come.
func TestReleaseReusesMemory(t *testing.T) {
	l, _ := watchedLog(t, nil, Options{})
	for i := range 10 {
		appendT(t, l, i)
	}
	claims := make(chan *Lease)
	stop := consumeT(t, l, "pricing", func(_ context.Context, c *Lease) error {
		claims <- c
		return nil
	})
	c := <-claims
	read := func(from int64, n int) []ingest.Record {
		t.Helper()
		records, err := c.Read(t.Context(), from, n, 1<<20, 0)
		if err != nil || len(records) != n {
			t.Fatalf("%d records, %v", len(records), err)
		}
		for i, r := range records {
			if want := testBody(int(from) + i); !bytes.Equal(r.Body, want) {
				t.Errorf("offset %d holds %s, want %s", r.Offset, r.Body, want)
			}
		}
		return records
	}
	read(0, 4)
	c.Release()
	if n := len(c.reader.memory.free); n != 0 {
		t.Errorf("%d slabs are free though records of the fetch are still to come", n)
	}
	read(4, 6)  // of the same fetch
	read(0, 10) // of another
	c.Release()
	if n := len(c.reader.memory.free); n != 2 {
		t.Errorf("%d slabs are free, want 2", n)
	}
	read(0, 10)
	if n := len(c.reader.memory.free); n != 1 {
		t.Errorf("%d slabs are free after a read, want 1", n)
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
}

// A second member takes the partition over: the first one's context ends, and
// what it commits afterwards is refused.
func TestCommitIsFencedByTheGeneration(t *testing.T) {
	l, c := watchedLog(t, nil, Options{})
	other := openT(t, Options{Brokers: c.ListenAddrs()})
	appendT(t, l, 0)

	claims := make(chan *Lease, 16)
	work := func(ctx context.Context, c *Lease) error {
		claims <- c
		<-ctx.Done()
		return ctx.Err()
	}
	stopFirst := consumeT(t, l, "pricing", work)
	old := <-claims
	if err := old.Commit(t.Context(), 0, "begun"); err != nil {
		t.Fatal(err)
	}
	stopSecond := consumeT(t, other, "pricing", work)
	now := <-claims // whoever of the two got it, in the next generation
	if err := old.Commit(t.Context(), 1, "stale"); !errors.Is(err, ErrOwnershipLost) {
		t.Errorf("commit of the last generation: %v", err)
	}
	if err := now.Commit(t.Context(), 1, "fresh"); err != nil {
		t.Error(err)
	}
	if err := now.Commit(t.Context(), 1, strings.Repeat("x", MaxMetadata+1)); err == nil || errors.Is(err, ErrOwnershipLost) {
		t.Errorf("commit with too much metadata: %v", err)
	}
	if next, metadata := now.Committed(); next != 1 || metadata != "fresh" {
		t.Errorf("committed %d %q", next, metadata)
	}
	if err := errors.Join(stopFirst(), stopSecond()); err != nil {
		t.Error(err)
	}
	got, err := l.Committed(t.Context(), "pricing", ingest.TopicRefused)
	if err != nil || got[l.partition(ingest.TopicRefused, 0)] != (Offset{Next: 1, Metadata: "fresh"}) {
		t.Errorf("commits %v, %v", got, err)
	}
}

func TestLostOwnershipJoinsAgain(t *testing.T) {
	l, _ := watchedLog(t, nil, Options{})
	times := 0
	again := make(chan struct{})
	stop := consumeT(t, l, "pricing", func(ctx context.Context, c *Lease) error {
		if times++; times == 1 {
			c.generation-- // as if another generation had begun
			return c.Commit(ctx, 1, "")
		}
		close(again)
		<-ctx.Done()
		return ctx.Err()
	})
	<-again
	if err := stop(); err != nil {
		t.Error(err)
	}
}

func TestErrorOfWorkEndsConsume(t *testing.T) {
	l, _ := watchedLog(t, nil, Options{})
	broken := errors.New("broken")
	err := l.Consume(t.Context(), "pricing", []ingest.Topic{ingest.TopicRefused}, func(context.Context, *Lease) error { return broken })
	if !errors.Is(err, broken) {
		t.Errorf("consume ended with %v", err)
	}
}

func TestGapsStopEveryReader(t *testing.T) {
	l, c := watchedLog(t, nil, Options{})
	for i := range 10 {
		appendT(t, l, i)
	}
	if err := c.DeleteRecords(string(ingest.TopicRefused), 0, 7); err != nil {
		t.Fatal(err)
	}
	f := func(from int64, want ingest.GapError) {
		t.Helper()
		want.Partition = l.partition(ingest.TopicRefused, 0)
		check := func(name string, err error) {
			t.Helper()
			if gap, ok := errors.AsType[*ingest.GapError](err); !ok || *gap != want {
				t.Errorf("%s from %d: %v, want %v", name, from, err, &want)
			}
		}
		none := func([]ingest.Record) error { t.Error("records handed out"); return nil }
		check("Tail", l.Tail(t.Context(), l.partition(ingest.TopicRefused, 0), from, none))
		_, err := l.Read(t.Context(), l.partition(ingest.TopicRefused, 0), from, 10)
		check("Read", err)
		group := fmt.Sprintf("from %d", from)
		check("Consume", l.Consume(t.Context(), group, []ingest.Topic{ingest.TopicRefused}, func(ctx context.Context, c *Lease) error {
			_, err := c.Read(ctx, from, 10, 1<<20, 0)
			return err
		}))
	}
	f(3, ingest.GapError{Want: 3, Start: 7, End: 10})   // deleted before it was read
	f(12, ingest.GapError{Want: 12, Start: 7, End: 10}) // another, shorter log
	if got := tailUntil(t, l, ingest.TopicRefused, 0, 7, 10); len(got) != 3 {
		t.Errorf("%d records after the gap", len(got))
	}
}
