package kafka

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	segmentio "github.com/segmentio/kafka-go"

	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/roamclear/roamclear/ingest"
)

func TestOpenCreatesTopicsThatKeepTheirRecords(t *testing.T) {
	l, c := watchedLog(t, nil, Options{Partitions: 5})
	for topic, want := range map[ingest.Topic]int{
		ingest.TopicCDRs: 5, ingest.TopicSessions: 5, ingest.TopicReference: 1, ingest.TopicRefused: 1, ingest.TopicControl: 1, "other": 0,
	} {
		if got := len(l.Partitions(topic)); got != want {
			t.Errorf("%s has %d partitions, want %d", topic, got, want)
		}
	}
	for _, spec := range ingest.Topics() {
		topic := spec.Topic
		configs := c.TopicInfo(string(topic)).Configs
		forever := topic != ingest.TopicRefused
		if got := *configs["retention.ms"]; (got == "-1") != forever {
			t.Errorf("%s: retention.ms %s", topic, got)
		}
		if got := *configs["cleanup.policy"]; got != "delete" {
			t.Errorf("%s: cleanup.policy %s", topic, got)
		}
	}
}

// What is not registered yet has to have as many partitions as the setting says; what is
// has as many as then.
func TestPartitionsAreThoseThatWereRegistered(t *testing.T) {
	for _, tt := range []struct {
		name                 string
		has, set, registered int
		used                 int
		problem              string
	}{
		{"new, as set", 4, 4, 0, 4, ""},
		{"new, nothing set", 6, 0, 0, 6, ""},
		{"new, another number", 6, 4, 0, 0, "topic roamclear.cdrs has 6 partitions and kafka.partitions says 4: set kafka.partitions to 6"},
		{"known, as registered", 4, 4, 4, 4, ""},
		{"known, given more by hand", 4, 0, 2, 2, ""},
		{"known, given more by hand, and set so", 4, 4, 2, 0, "topic roamclear.cdrs is registered with 2 partitions and kafka.partitions says 4: set kafka.partitions to 2"},
		{"known, created anew with fewer", 2, 0, 4, 0, "topic roamclear.cdrs has 2 partitions, 4 are registered: it was created anew"},
	} {
		c := clusterT(t, kfake.NumBrokers(1), kfake.SeedTopics(int32(tt.has), string(ingest.TopicCDRs), string(ingest.TopicSessions), string(ingest.TopicCommands)))
		l := openT(t, Options{Brokers: c.ListenAddrs(), Partitions: tt.set})
		registered := map[ingest.Topic]int{}
		if tt.registered > 0 {
			for _, topic := range []ingest.Topic{ingest.TopicCDRs, ingest.TopicSessions, ingest.TopicCommands} {
				registered[topic] = tt.registered
			}
		}
		err := l.UsePartitions(registered)
		switch {
		case tt.problem != "":
			if err == nil || !strings.Contains(err.Error(), tt.problem) {
				t.Errorf("%s: %v, want %q", tt.name, err, tt.problem)
			}
		case err != nil || len(l.Partitions(ingest.TopicCDRs)) != tt.used || (len(l.Notes()) > 0) != (tt.used < tt.has):
			t.Errorf("%s: %d partitions, %v, notes %q", tt.name, len(l.Partitions(ingest.TopicCDRs)), err, l.Notes())
		}
	}
}

// Topics that were given more partitions by hand go on as before: keys have the places
// they had, appends and groups keep to those, and it is told.
func TestPartitionsGivenByHand(t *testing.T) {
	for name, addrs := range realBrokers(t) {
		t.Run(name, func(t *testing.T) {
			o := Options{Brokers: addrs, Prefix: fmt.Sprintf("t%d-", time.Now().UnixNano()), Partitions: 2}
			before := openT(t, o)
			client := &segmentio.Client{Addr: segmentio.TCP(addrs...)}
			req := &segmentio.CreatePartitionsRequest{Topics: []segmentio.TopicPartitionsConfig{
				{Name: o.name(string(ingest.TopicCDRs)), Count: 4}, {Name: o.name(string(ingest.TopicReference)), Count: 3},
			}}
			if res, err := client.CreatePartitions(t.Context(), req); err != nil || errors.Join(slices.Collect(maps.Values(res.Errors))...) != nil {
				t.Fatal(err, res)
			}
			o.Partitions = 0
			var after *Log
			for n := 0; n != 4; n = len(after.Partitions(ingest.TopicCDRs)) { // brokers learn it at their own pace
				after = openT(t, o)
			}
			if err := after.UsePartitions(map[ingest.Topic]int{ingest.TopicCDRs: 2, ingest.TopicSessions: 2, ingest.TopicCommands: 2}); err != nil {
				t.Fatal(err)
			}
			for i := range 40 {
				e := testEnvelope(i)
				want := before.Place(ingest.TopicCDRs, e.Key)
				pos, err := after.Append(t.Context(), ingest.TopicCDRs, e, testBody(i))
				if got := after.Place(ingest.TopicCDRs, e.Key); err != nil || got != want || pos.Partition != want.Number {
					t.Fatalf("%s: placed in %s and appended to %s, was in %s: %v", e.Key, got, pos, want, err)
				}
			}
			if n := len(after.Partitions(ingest.TopicReference)); n != 1 {
				t.Errorf("the reference topic is used with %d partitions", n)
			}
			if notes := strings.Join(after.Notes(), "\n"); !strings.Contains(notes, "roamclear.cdrs has 4 partitions, of which the 2 are used") || !strings.Contains(notes, "roamclear.reference has 3 partitions, of which the first") {
				t.Errorf("notes %q", notes)
			}
			var mu sync.Mutex // guards worked
			worked := map[int32]bool{}
			ctx, cancel := context.WithCancel(t.Context())
			err := after.Consume(ctx, ingest.GroupPricing, []ingest.Topic{ingest.TopicCDRs}, func(ctx context.Context, l *Lease) error {
				mu.Lock()
				worked[l.Partition().Number] = true
				if len(worked) == 2 {
					cancel()
				}
				mu.Unlock()
				<-ctx.Done()
				return ctx.Err()
			})
			if err != nil || len(worked) != 2 || !worked[0] || !worked[1] {
				t.Errorf("worked on %v, %v", worked, err)
			}
		})
	}
}

func TestOpenTakesWhatIsThereIfNothingIsSet(t *testing.T) {
	c, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(6, string(ingest.TopicCDRs)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	l := openT(t, Options{Brokers: c.ListenAddrs()})
	if len(l.Partitions(ingest.TopicCDRs)) != 6 || len(l.Partitions(ingest.TopicSessions)) != defaultPartitions {
		t.Errorf("cdrs %d, sessions %d", len(l.Partitions(ingest.TopicCDRs)), len(l.Partitions(ingest.TopicSessions)))
	}
}

func TestOpenWithoutBrokersSaysHow(t *testing.T) {
	_, err := Open(t.Context(), Options{})
	const want = "open log: no broker address: set kafka.brokers, or leave it out to use the embedded broker"
	if err == nil || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
}

// Two logs with names of their own on the same brokers know nothing of each other: not
// their topics, not their groups.
func TestLogsWithPrefixesShareBrokers(t *testing.T) {
	for name, addrs := range realBrokers(t) {
		t.Run(name, func(t *testing.T) {
			run := fmt.Sprintf("t%d-", time.Now().UnixNano())
			first := openT(t, Options{Brokers: addrs, Prefix: run + "a.", Partitions: 3})
			second := openT(t, Options{Brokers: addrs, Prefix: run + "b."})
			if pos := appendT(t, first, 0); pos.Offset != 0 {
				t.Errorf("first: offset %d", pos.Offset)
			}
			commitAs(t, first, ingest.GroupRefused, 1)
			if pos := appendT(t, second, 0); pos.Offset != 0 {
				t.Errorf("second: offset %d, in the log of the first", pos.Offset)
			}
			if n := len(second.Partitions(ingest.TopicCDRs)); n != 2 {
				t.Errorf("second: %d partitions, as the first has them", n)
			}
			for l, want := range map[*Log]int{first: 1, second: 0} {
				if got, err := l.Committed(t.Context(), ingest.GroupRefused, ingest.TopicRefused); err != nil || len(got) != want {
					t.Errorf("commits %v, %v; want %d", got, err, want)
				}
			}
			again := openT(t, Options{Brokers: addrs, Prefix: run + "a.", Partitions: 3})
			if _, end := boundsT(t, again, ingest.TopicRefused, 0); end != 1 {
				t.Errorf("opened again: it ends at %d", end)
			}
			err := openT(t, Options{Brokers: addrs, Prefix: run + "a.", Partitions: 4}).UsePartitions(nil)
			if err == nil || !strings.Contains(err.Error(), "topic "+run+"a.roamclear.cdrs has 3 partitions") {
				t.Errorf("another number of partitions: %v", err)
			}
		})
	}
}

// commitAs commits an offset of TopicRefused as a member of a group.
func commitAs(t *testing.T, l *Log, group string, next int64) {
	t.Helper()
	done := make(chan error, 1)
	stop := consumeT(t, l, group, func(ctx context.Context, c *Lease) error {
		select {
		case done <- c.Commit(ctx, next, ""):
		default:
		}
		<-ctx.Done()
		return ctx.Err()
	})
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if err := stop(); err != nil {
		t.Fatal(err)
	}
}
