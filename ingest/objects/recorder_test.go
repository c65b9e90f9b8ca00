package objects_test

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ingest/ingesttest"
	"github.com/roamclear/roamclear/ingest/objects"
	"github.com/roamclear/roamclear/ingest/objects/objectstest"
)

// lease is a group's on one partition of a log in memory.
type lease struct {
	log  *ingesttest.Log
	p    ingest.Partition
	next int64 // committed
}

func (l *lease) Partition() ingest.Partition { return l.p }
func (l *lease) Committed() (int64, string)  { return -1, "" }
func (l *lease) Release()                    {}

func (l *lease) Read(ctx context.Context, from int64, maxRecords, _ int, wait time.Duration) ([]ingest.Record, error) {
	records, err := l.log.Read(ctx, l.p, from, maxRecords)
	if err != nil || len(records) > 0 {
		return records, err
	}
	var patience <-chan time.Time
	if wait > 0 {
		patience = time.After(wait)
	}
	select {
	case <-patience:
		return nil, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (l *lease) Commit(_ context.Context, next int64, _ string) error {
	l.next = next
	return nil
}

// recorded is a store that notes what it is given, and ends the run when it
// has all.
type recorded struct {
	*objectstest.Store
	failures int // writes that fail first
	offsets  []int64
	states   map[string]string // id -> the position it was stored at last
	want     int
	stop     context.CancelFunc
}

func (s *recorded) WriteObjects(ctx context.Context, p ingest.Partition, recs []ingest.Record, states []ingest.ObjectState) error {
	if s.failures > 0 {
		s.failures--
		return errAway
	}
	for i := range recs {
		s.offsets = append(s.offsets, recs[i].Offset)
	}
	for i := range states {
		if s.states == nil {
			s.states = map[string]string{}
		}
		s.states[states[i].Key.ID] = states[i].Position.String()
	}
	if len(s.offsets) >= s.want {
		s.stop()
	}
	return s.Store.WriteObjects(ctx, p, recs, states)
}

func (s *recorded) NoteGap(context.Context, ingest.Partition, int64, int64) error {
	return errors.New("nothing is missing here")
}

// record keeps what a topic of a log holds that fill fills, in the bubble's time.
func record(t *testing.T, topic ingest.Topic, s *recorded, fill func(t *testing.T, log *ingesttest.Log)) (committed int64, err error) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		log := ingesttest.NewLog(1)
		fill(t, log)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		s.stop = cancel
		f := objects.New(objects.Options{Log: log, Store: objectstest.NewStore(), Folds: []objects.Fold{objects.Sessions{}}, Registerer: prometheus.NewRegistry()})
		following, end := context.WithCancel(context.WithoutCancel(ctx))
		done := make(chan error, 1)
		go func() { done <- f.Run(following) }()
		l := &lease{log: log, p: log.Partitions(topic)[0]}
		d := &ingest.Drain{Work: &objects.Recorder{Store: s, Objects: f}, Group: "records", Logger: slog.New(slog.DiscardHandler), Metrics: ingest.NewDrainMetrics(prometheus.NewRegistry())}
		err = d.Run(ctx, l)
		committed = l.next
		end()
		<-done
	})
	return committed, err
}

// Every record is stored, with the last state of each object it leads to; an
// outage of the store is waited out, and nothing is committed before.
func TestTheRecorderKeepsRecordsAndStates(t *testing.T) {
	s := &recorded{Store: objectstest.NewStore(), want: 4, failures: 2}
	committed, err := record(t, ingest.TopicSessions, s, func(t *testing.T, log *ingesttest.Log) {
		push(t, log, ingest.MethodPut, session("S1"), put("S1", "1", 5, 0))
		push(t, log, ingest.MethodPut, session("S2"), put("S2", "1", 5, 0))
		push(t, log, ingest.MethodPatch, session("S1"), patch("2", 10, 5))
		push(t, log, ingest.MethodPatch, session("S1"), patch("9", 1, 7)) // overtaken: kept, and changes nothing
	})
	if err != nil || committed != 4 {
		t.Errorf("committed %d, %v; want all 4", committed, err)
	}
	if diff := cmp.Diff([]int64{0, 1, 2, 3}, s.offsets); diff != "" {
		t.Errorf("records (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string]string{"S1": "1-0-2", "S2": "1-0-1"}, s.states); diff != "" {
		t.Errorf("states (-want +got):\n%s", diff)
	}
}

// A topic that folds to nothing is kept all the same.
func TestTheRecorderKeepsWhatFoldsToNothing(t *testing.T) {
	s := &recorded{Store: objectstest.NewStore(), want: 1}
	committed, err := record(t, ingest.TopicRefused, s, func(t *testing.T, log *ingesttest.Log) {
		e := &ingest.Envelope{Object: ingest.ObjectCDR, Reason: "no id"}
		if _, err := log.Append(t.Context(), ingest.TopicRefused, e, []byte("{}")); err != nil {
			t.Fatal(err)
		}
	})
	if err != nil || committed != 1 || len(s.states) != 0 {
		t.Errorf("committed %d, %v, %d states; want the record alone", committed, err, len(s.states))
	}
}

// What only a newer version can read is not passed over.
func TestTheRecorderStopsBeforeANewerRecord(t *testing.T) {
	s := &recorded{Store: objectstest.NewStore(), want: 9}
	committed, err := record(t, ingest.TopicSessions, s, func(t *testing.T, log *ingesttest.Log) {
		push(t, log, ingest.MethodPut, session("S1"), put("S1", "1", 5, 0))
		log.WriteNewer(log.Partitions(ingest.TopicSessions)[0])
	})
	if !errors.Is(err, ingest.ErrNewer) || committed > 1 || len(s.offsets) > 1 {
		t.Errorf("committed %d after %d records, %v; want to stop before the second", committed, len(s.offsets), err)
	}
}
