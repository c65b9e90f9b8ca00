package kafka

import (
	"bytes"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/roamclear/roamclear/ingest"
)

// Topics of an earlier version are made to take the largest body; so are new ones.
func TestTheLargestBodyIsTaken(t *testing.T) {
	for name, addrs := range realBrokers(t) {
		t.Run(name, func(t *testing.T) {
			openT(t, Options{Brokers: addrs})
			for _, topic := range []ingest.Topic{ingest.TopicCDRs, ingest.TopicReference} {
				alter(t, addrs, topic, messageSetting, "1048588")
			}
			alter(t, addrs, ingest.TopicSessions, messageSetting, "20000000")
			l := openT(t, Options{Brokers: addrs})
			settings, err := l.settings(t.Context(), l.counts)
			if err != nil {
				t.Fatal(err)
			}
			for topic, want := range map[ingest.Topic]string{ingest.TopicCDRs: "5242880", ingest.TopicReference: "5242880", ingest.TopicSessions: "20000000", ingest.TopicRefused: "5242880"} {
				if got := settings[topic][messageSetting]; got != want {
					t.Errorf("%s: %s=%s, want %s", topic, messageSetting, got, want)
				}
			}
			roundTripOfLargeBodies(t, l)
		})
	}
}

// roundTripOfLargeBodies appends small and large records by turns and reads them
// back, by fetches smaller than the large ones.
func roundTripOfLargeBodies(t *testing.T, l *Log) {
	t.Helper()
	large := bytes.Repeat([]byte("location "), ingest.MaxBody/9)
	e := testEnvelope(1)
	e.Reason = strings.Repeat("r", 2000)
	first := int64(-1)
	bodies := [][]byte{testBody(0), large, testBody(2), large, large, testBody(5)}
	for _, body := range bodies {
		p, err := l.Append(t.Context(), ingest.TopicRefused, e, body)
		if err != nil {
			t.Fatal(err)
		}
		if first < 0 {
			first = p.Offset
		}
	}
	for i, r := range tailUntil(t, l, ingest.TopicRefused, 0, first, first+int64(len(bodies))) {
		if !bytes.Equal(r.Body, bodies[i]) {
			t.Errorf("record %d has %d bytes, want %d", i, len(r.Body), len(bodies[i]))
		}
	}
	if spare := cap(l.writers[ingest.TopicRefused][0].spare); spare > 2*l.opts.MaxBatchBytes {
		t.Errorf("%d bytes of memory are kept for small batches", spare)
	}
}

// Where the broker does not let us, the start is refused and says what to do.
func TestATopicThatCannotBeMended(t *testing.T) {
	c, err := kfake.NewCluster(kfake.NumBrokers(1))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	addrs := c.ListenAddrs()
	openT(t, Options{Brokers: addrs})
	alter(t, addrs, ingest.TopicCDRs, messageSetting, "1048588")
	c.ControlKey(int16(kmsg.IncrementalAlterConfigs), func(req kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		asked := req.(*kmsg.IncrementalAlterConfigsRequest)
		res := asked.ResponseKind().(*kmsg.IncrementalAlterConfigsResponse)
		for _, r := range asked.Resources {
			refused := kmsg.NewIncrementalAlterConfigsResponseResource()
			refused.ResourceType, refused.ResourceName, refused.ErrorCode = r.ResourceType, r.ResourceName, kerr.TopicAuthorizationFailed.Code
			res.Resources = append(res.Resources, refused)
		}
		return res, nil, true
	})
	_, err = Open(t.Context(), Options{Brokers: addrs})
	const want = "--entity-name roamclear.cdrs --add-config max.message.bytes=5242880"
	if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "roamclear.sessions") {
		t.Errorf("%v, want %q", err, want)
	}
}

// What a fetch brought that was large is not held for the small ones that follow.
func TestLargeSlabsAreNotKept(t *testing.T) {
	s := &slabs{}
	s.give(make([]byte, maxSlabBytes+1))
	s.keep(make([]byte, 5<<20))
	s.release(false)
	if len(s.free) != 0 {
		t.Errorf("%d slabs are kept", len(s.free))
	}
	s.give(make([]byte, maxSlabBytes))
	if len(s.free) != 1 {
		t.Error("a usual slab is not kept")
	}
}
