package kafka

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/roamclear/roamclear/ingest"
)

func TestAppendedRecordsComeBack(t *testing.T) {
	for _, c := range []Compression{CompressionNone, CompressionLZ4} {
		o := startEmbeddedT(t, EmbeddedOptions{}).Options()
		o.Partitions, o.Epoch, o.Compression = 3, 7, c
		l := openT(t, o)
		want := make([][]ingest.Record, 3)
		for i := range 100 {
			e, body := testEnvelope(i), testBody(i)
			pos, err := l.Append(t.Context(), ingest.TopicCDRs, e, body)
			if err != nil {
				t.Fatal(err)
			}
			want[pos.Partition] = append(want[pos.Partition], ingest.Record{Position: pos, Envelope: *e, Body: body})
		}
		for p := range int32(3) {
			got := tailUntil(t, l, ingest.TopicCDRs, p, 0, int64(len(want[p])))
			if diff := cmp.Diff(want[p], got); diff != "" {
				t.Errorf("compression %d, partition %d (-want +got):\n%s", c, p, diff)
			}
			read, err := l.Read(t.Context(), l.partition(ingest.TopicCDRs, p), 3, 5)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want[p][3:8], read); diff != "" {
				t.Errorf("compression %d, partition %d, Read (-want +got):\n%s", c, p, diff)
			}
			start, end, err := l.Bounds(t.Context(), l.partition(ingest.TopicCDRs, p))
			if err != nil || start != 0 || end != int64(len(want[p])) {
				t.Errorf("bounds %d, %d, %v; want 0, %d", start, end, err, len(want[p]))
			}
			if rest, err := l.Read(t.Context(), l.partition(ingest.TopicCDRs, p), end, 5); len(rest) != 0 || err != nil {
				t.Errorf("read at the end: %d records, %v", len(rest), err)
			}
		}
	}
}

// tailUntil follows a partition until it has seen the record before end.
func tailUntil(tb testing.TB, l *Log, topic ingest.Topic, partition int32, from, end int64) []ingest.Record {
	tb.Helper()
	var got []ingest.Record
	enough := errors.New("enough")
	err := l.Tail(tb.Context(), l.partition(topic, partition), from, func(records []ingest.Record) error {
		got = append(got, records...)
		if from+int64(len(got)) >= end {
			return enough
		}
		return nil
	})
	if !errors.Is(err, enough) {
		tb.Fatalf("tail: %v", err)
	}
	return got
}

func TestTailEndsWithItsContext(t *testing.T) {
	l := openT(t, startEmbeddedT(t, EmbeddedOptions{}).Options())
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() {
		done <- l.Tail(ctx, l.partition(ingest.TopicControl, 0), 0, func([]ingest.Record) error { cancel(); return nil })
	}()
	if _, err := l.Append(t.Context(), ingest.TopicControl, &ingest.Envelope{}, []byte("event")); err != nil {
		t.Fatal(err)
	}
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("tail ended with %v", err)
	}
}
