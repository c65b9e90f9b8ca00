package ingest

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/roamclear/roamclear/ocpi"
)

// laggingLog is one partition of CDRs of which a group has stored some.
type laggingLog struct {
	Reader
	records []Record

	mu    sync.Mutex // guards what follows
	next  int64
	reads int
	err   error
}

// set changes what the log says from now on.
func (l *laggingLog) set(change func(l *laggingLog)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	change(l)
}

func (l *laggingLog) Partitions(t Topic) []Partition {
	if t == TopicCDRs {
		return []Partition{cdrsZero}
	}
	return nil
}

func (l *laggingLog) Bounds(context.Context, Partition) (start, end int64, err error) {
	return 0, int64(len(l.records)), nil
}

func (l *laggingLog) Read(_ context.Context, _ Partition, from int64, n int) ([]Record, error) {
	l.set(func(l *laggingLog) { l.reads++ })
	return l.records[from:][:n], nil
}

func (l *laggingLog) NextOf(_ context.Context, _ string, t Topic) (map[Partition]int64, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if t != TopicCDRs {
		return nil, l.err
	}
	return map[Partition]int64{cdrsZero: l.next}, l.err
}

// A group that is late is told once, its age can be asked for, and the record
// it waits for is looked up once.
func TestLateGroupsAreTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var said bytes.Buffer
		reg := prometheus.NewPedanticRegistry()
		log := &laggingLog{records: fakeRecords(3), next: 1}
		for i := range log.records {
			log.records[i].Received = ocpi.TimeOf(time.Now())
		}
		lag := NewLag(log, slog.New(slog.NewTextHandler(&said, nil)), reg)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- lag.Run(ctx) }()
		defer func() { cancel(); <-done }()

		time.Sleep(50 * time.Second)
		synctest.Wait()
		if said.Len() != 0 || lag.Age(GroupPricing) != 50*time.Second || lag.Age(GroupRecords) != 0 {
			t.Errorf("after 50 s: age %s, of the records group %s, said %q", lag.Age(GroupPricing), lag.Age(GroupRecords), said.String())
		}
		time.Sleep(70 * time.Second)
		synctest.Wait()
		if n := strings.Count(said.String(), "level=WARN"); n != 1 || lag.Age(GroupPricing) != 120*time.Second {
			t.Errorf("after 120 s: age %s, %d warnings, want one:\n%s", lag.Age(GroupPricing), n, said.String())
		}
		if log.reads != 1 {
			t.Errorf("the oldest record was read %d times, want once", log.reads)
		}
		if n := gauge(t, reg, "roamclear_log_waiting_records"); n != 2 {
			t.Errorf("%v records wait, want 2", n)
		}
		if n := gauge(t, reg, "roamclear_log_oldest_waiting_seconds"); n != 120 {
			t.Errorf("the oldest waits for %v s, want 120", n)
		}
		log.set(func(l *laggingLog) { l.next = 3 })
		time.Sleep(lagInterval)
		synctest.Wait()
		if lag.Age(GroupPricing) != 0 || strings.Count(said.String(), "no longer") != 1 {
			t.Errorf("when all is stored: age %s, said:\n%s", lag.Age(GroupPricing), said.String())
		}
		log.set(func(l *laggingLog) { l.err = errors.New("no broker answers") })
		time.Sleep(lagInterval)
		synctest.Wait()
		if unknown, records := gauge(t, reg, "roamclear_log_waiting_unknown"), gauge(t, reg, "roamclear_log_waiting_records"); unknown != 1 || records != -1 {
			t.Errorf("metrics of a log that cannot be asked: unknown %v, records %v", unknown, records)
		}
		log.set(func(l *laggingLog) { l.err = nil })
		time.Sleep(lagInterval)
		synctest.Wait()
		if unknown, records := gauge(t, reg, "roamclear_log_waiting_unknown"), gauge(t, reg, "roamclear_log_waiting_records"); unknown != 0 || records != 0 {
			t.Errorf("metrics of a log that can be asked again: unknown %v, records %v", unknown, records)
		}
	})
}

func gauge(t *testing.T, g prometheus.Gatherer, name string) float64 {
	t.Helper()
	families, err := g.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == name {
			return f.GetMetric()[0].GetGauge().GetValue()
		}
	}
	return -1
}
