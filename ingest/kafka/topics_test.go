package kafka

import (
	"testing"

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
