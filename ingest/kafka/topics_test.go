package kafka

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

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

func TestOpenRefusesAnotherPartitionCount(t *testing.T) {
	f := func(topic ingest.Topic, has, want int, message string) {
		t.Helper()
		c, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(int32(has), string(topic)))
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		_, err = Open(t.Context(), Options{Brokers: c.ListenAddrs(), Partitions: want})
		if err == nil || err.Error() != message {
			t.Errorf("%s with %d partitions: %v, want %s", topic, has, err, message)
		}
	}
	f(ingest.TopicCDRs, 6, 4, "open log: topic roamclear.cdrs has 6 partitions and kafka.partitions says 4: set kafka.partitions to 6 (more partitions would tear copies of one CDR apart; they need a new topic epoch)")
	f(ingest.TopicControl, 2, 4, "open log: topic roamclear.control has 2 partitions and must have one: delete it and start again, if it is empty")
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
			_, err := Open(t.Context(), Options{Brokers: addrs, Prefix: run + "a.", Partitions: 4})
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
