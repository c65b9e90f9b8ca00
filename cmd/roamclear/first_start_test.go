package main

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"

	segmentio "github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ingest/control"
	"github.com/roamclear/roamclear/ingest/ingesttest"
	"github.com/roamclear/roamclear/settlement/clickhouse"
)

// Of two processes that start on an empty log at once both see it empty; who is slower
// goes on with what the other one decided, if that is the same.
func TestWhoIsSlowerTakesWhatWasDecided(t *testing.T) {
	log := ingesttest.NewLog(1)
	open := func() *decisions {
		d, err := openDecisions(t.Context(), log, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := d.fold(t.Context()); err != nil { // of nothing, in both
			t.Fatal(err)
		}
		return d
	}
	first, second := open(), open()
	for _, d := range []*decisions{first, second} {
		go d.machine.Run(t.Context())
	}
	two := control.TopicEpoch{Epoch: logEpoch, Partitions: 2}
	id, err := first.install(t.Context())
	if err != nil || id == "" {
		t.Fatalf("first: %q, %v", id, err)
	}
	if other, err := second.install(t.Context()); err != nil || other != id {
		t.Errorf("second: installation %q, %v; want %q", other, err, id)
	}
	for _, d := range []*decisions{first, second} {
		if err := d.register(t.Context(), ingest.TopicCDRs, two); err != nil {
			t.Error(err)
		}
	}
	if err := second.register(t.Context(), ingest.TopicCDRs, control.TopicEpoch{Epoch: logEpoch, Partitions: 4}); err == nil {
		t.Error("another number of partitions than the other process registered")
	}
}

// plainServers are a broker and a store that two services can share.
func plainServers(t *testing.T) (brokers []string, store clickhouse.Options) {
	t.Helper()
	library, err := clickhouse.FetchEngine(t.Context(), io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	engine, err := clickhouse.StartEngine(t.Context(), clickhouse.EngineOptions{Dir: t.TempDir(), Library: library, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := engine.Close(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	c, err := kfake.NewCluster(kfake.NumBrokers(1))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c.ListenAddrs(), engine.Options()
}

// onServers are the settings of a service on these.
func onServers(t *testing.T, brokers []string, store clickhouse.Options) Config {
	c := testConfig(t.TempDir())
	c.Kafka.Brokers = brokers
	c.Store.Addr, c.Store.User, c.Store.Password, c.Store.Database = store.Addr, store.User, secret{Text: store.Password}, store.Database
	return c
}

// Two services that are started at once on servers that hold nothing are both ready. A
// topic that is given more partitions by hand changes nothing but what readyz tells.
func TestTwoFirstStartsAtOnce(t *testing.T) {
	brokers, store := plainServers(t)
	opened := make([]*service, 2)
	var all sync.WaitGroup
	for i := range opened {
		config := onServers(t, brokers, store)
		all.Go(func() {
			s, err := startService(t.Context(), config, os.Stderr)
			if err != nil {
				t.Error(err)
				return
			}
			opened[i] = s
		})
	}
	all.Wait()
	if t.Failed() {
		return
	}
	var both []*testService
	for _, s := range opened {
		both = append(both, runTest(t, s))
	}
	for _, ts := range both {
		ts.eventually("service is ready", func() bool { return ts.request(http.MethodGet, "/readyz", "", "").status == http.StatusOK })
	}
	both[0].partner("CPO", "GB", "DUN")
	both[0].accepted("GB*DUN", http.MethodPut, "/receiver/tariffs/GB/DUN/T1", testTariff)
	for _, ts := range both {
		ts.stop()
	}
	client := &segmentio.Client{Addr: segmentio.TCP(brokers...)}
	if _, err := client.CreatePartitions(t.Context(), &segmentio.CreatePartitionsRequest{Topics: []segmentio.TopicPartitionsConfig{{Name: string(ingest.TopicCDRs), Count: 4}}}); err != nil {
		t.Fatal(err)
	}
	ts := startConfig(t, onServers(t, brokers, store))
	ts.eventually("service is ready", func() bool { return ts.request(http.MethodGet, "/readyz", "", "").status == http.StatusOK })
	if a := ts.request(http.MethodGet, "/readyz", "", ""); !strings.Contains(a.body, "roamclear.cdrs has 4 partitions, of which the 2 are used") {
		t.Errorf("readyz: %s", a.body)
	}
}

// A service that is told to stop while it still begins has not failed.
func TestStoppedWhileItBegins(t *testing.T) {
	data := t.TempDir()
	s, err := startService(t.Context(), testConfig(data), os.Stderr)
	if err != nil {
		t.Fatal(err)
	}
	told, stop := context.WithCancel(t.Context())
	stop()
	if err := s.run(told, nil); err != nil {
		t.Errorf("stopped with %v", err)
	}
	startTest(t, data)
}
