package kafka

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/roamclear/roamclear/ingest"
)

// drained is a Work that remembers what it was given.
type drained struct {
	offsets []int64
	gaps    [][2]int64
	until   int64
	stop    context.CancelFunc
}

func (d *drained) Checkpoint(context.Context, ingest.Partition) (int64, error) { return 0, nil }

func (d *drained) NoteGap(_ context.Context, _ ingest.Partition, from, next int64) error {
	d.gaps = append(d.gaps, [2]int64{from, next})
	return nil
}

func (d *drained) Do(_ context.Context, t *ingest.Turn) error {
	for i := range t.Records {
		d.offsets = append(d.offsets, t.Records[i].Offset)
		t.Done(i, ingest.EntryOf(&t.Records[i]))
	}
	if d.offsets[len(d.offsets)-1] >= d.until {
		d.stop()
	}
	return nil
}

// The topic of bodies we could not use is bounded. That it has let go of some
// before they were stored stops nobody: its worker goes on where it begins.
func TestARefusedTopicThatLostRecordsIsGoneOnWith(t *testing.T) {
	c, err := kfake.NewCluster(kfake.NumBrokers(1))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	trims := map[string]func(t *testing.T, l *Log, end int64){
		"in this process": func(t *testing.T, _ *Log, end int64) {
			if err := c.DeleteRecords(string(ingest.TopicRefused), 0, end); err != nil {
				t.Fatal(err)
			}
		},
		// A real broker looks for what is old every few seconds.
		"kafka": func(t *testing.T, l *Log, end int64) {
			alter(t, l.opts.Brokers, ingest.TopicRefused, "retention.ms", "1000")
			for start := int64(0); start < end; {
				if !ingest.Pause(t.Context(), 100*time.Millisecond) {
					t.Fatal("the broker deleted nothing")
				}
				start, _ = boundsT(t, l, ingest.TopicRefused, 0)
			}
			alter(t, l.opts.Brokers, ingest.TopicRefused, "retention.ms", "2592000000")
		},
	}
	clusters := map[string][]string{"in this process": c.ListenAddrs()}
	if addr := os.Getenv(kafkaEnv); addr != "" {
		clusters["kafka"] = strings.Split(addr, ",")
	}
	for name, addrs := range clusters {
		t.Run(name, func(t *testing.T) {
			l := openT(t, Options{Brokers: addrs, Epoch: 3})
			for i := range 5 {
				appendT(t, l, i)
			}
			_, end := boundsT(t, l, ingest.TopicRefused, 0)
			trims[name](t, l, end)
			last := appendT(t, l, 5)

			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			w := &drained{until: last.Offset, stop: cancel}
			d := &ingest.Drain{Work: w, Group: ingest.GroupRefused, Logger: slog.New(slog.DiscardHandler), Metrics: ingest.NewDrainMetrics(prometheus.NewRegistry())}
			group := fmt.Sprintf("drain-%d", time.Now().UnixNano())
			err := l.Consume(ctx, group, []ingest.Topic{ingest.TopicRefused}, func(ctx context.Context, lease *Lease) error { return d.Run(ctx, lease) })
			if err != nil {
				t.Fatal(err)
			}
			if fmt.Sprint(w.gaps) != fmt.Sprintf("[[0 %d]]", end) || fmt.Sprint(w.offsets) != fmt.Sprint([]int64{last.Offset}) {
				t.Errorf("missing %v, stored %v; want all before %d missing, and %d stored", w.gaps, w.offsets, end, last.Offset)
			}
			committed, err := l.Committed(t.Context(), group, ingest.TopicRefused)
			if next := committed[l.partition(ingest.TopicRefused, 0)].Next; err != nil || next != last.Offset+1 {
				t.Errorf("committed %d, %v; want %d", next, err, last.Offset+1)
			}
		})
	}
}
