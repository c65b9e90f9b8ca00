package kafka

import (
	"bytes"
	"log/slog"
	"os"
	"strings"
	"testing"

	segmentio "github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/roamclear/roamclear/ingest"
)

func TestSettingsThatLoseRecords(t *testing.T) {
	const ours = "cleanup.policy=delete retention.ms=-1 retention.bytes=-1 min.insync.replicas=2"
	cases := []struct {
		name              string
		topic             ingest.Topic
		settings          string
		replicas, brokers int
		wrong, doubtful   string
	}{
		{"as we create them", ingest.TopicCDRs, ours, 3, 3, "", ""},
		{"one broker", ingest.TopicCDRs, "cleanup.policy=delete retention.ms=-1 retention.bytes=-1 min.insync.replicas=1", 1, 1, "", ""},
		{"compacted", ingest.TopicCDRs, "cleanup.policy=compact", 3, 3, "compaction deletes", ""},
		{"compacted as well", ingest.TopicSessions, "cleanup.policy=compact,delete", 3, 3, "compaction deletes", ""},
		{"a week", ingest.TopicCDRs, "retention.ms=604800000", 3, 3, "", "retention.ms=604800000"},
		{"a size", ingest.TopicReference, "retention.bytes=1000000", 3, 3, "", "retention.bytes=1000000"},
		{"control for a week", ingest.TopicControl, "retention.ms=604800000", 3, 3, "read from its start", ""},
		{"refused bodies for a month", ingest.TopicRefused, "retention.ms=2592000000 retention.bytes=1073741824", 3, 3, "", ""},
		{"one replica of three", ingest.TopicCDRs, "min.insync.replicas=1", 1, 3, "", "1 replicas on 3 brokers"},
		{"one in sync of three", ingest.TopicCDRs, "min.insync.replicas=1", 3, 3, "", "that one broker has is acknowledged"},
		{"more in sync than there are", ingest.TopicCDRs, "min.insync.replicas=2", 1, 1, "nothing can be appended", ""},
		{"nothing is told", ingest.TopicCDRs, "", 0, 0, "", ""},
	}
	for _, c := range cases {
		spec, _ := c.topic.Spec()
		settings := map[string]string{}
		for pair := range strings.FieldsSeq(c.settings) {
			name, value, _ := strings.Cut(pair, "=")
			settings[name] = value
		}
		wrong, doubtful := judge(spec, settings, c.replicas, c.brokers)
		for kind, got := range map[string]struct {
			faults []fault
			want   string
		}{"wrong": {wrong, c.wrong}, "doubtful": {doubtful, c.doubtful}} {
			switch {
			case got.want == "" && len(got.faults) > 0:
				t.Errorf("%s: %s: %+v, want nothing", c.name, kind, got.faults)
			case got.want != "" && (len(got.faults) != 1 || !strings.Contains(got.faults[0].what, got.want) || got.faults[0].set == ""):
				t.Errorf("%s: %s: %+v, want one that says %q and how to mend it", c.name, kind, got.faults, got.want)
			}
		}
	}
}

// alter sets one setting of a topic, and waits until every broker knows: each
// learns it from the metadata log at its own pace, and any may be asked.
func alter(t *testing.T, brokers []string, topic ingest.Topic, name, value string) {
	t.Helper()
	client := &segmentio.Client{Addr: segmentio.TCP(brokers...)}
	res, err := client.IncrementalAlterConfigs(t.Context(), &segmentio.IncrementalAlterConfigsRequest{
		Resources: []segmentio.IncrementalAlterConfigsRequestResource{{
			ResourceType: segmentio.ResourceTypeTopic, ResourceName: string(topic),
			Configs: []segmentio.IncrementalAlterConfigsRequestConfig{{Name: name, Value: value, ConfigOperation: segmentio.ConfigOperationSet}},
		}},
	})
	if err == nil {
		err = res.Resources[0].Error
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, broker := range brokers {
		for setting(t, broker, topic, name) != value {
			if t.Context().Err() != nil {
				t.Fatalf("%s does not learn %s=%s", broker, name, value)
			}
		}
	}
}

// setting is what one broker knows of a topic's setting.
func setting(t *testing.T, broker string, topic ingest.Topic, name string) string {
	t.Helper()
	client := &segmentio.Client{Addr: segmentio.TCP(broker)}
	res, err := client.DescribeConfigs(t.Context(), &segmentio.DescribeConfigsRequest{
		Resources: []segmentio.DescribeConfigRequestResource{{ResourceType: segmentio.ResourceTypeTopic, ResourceName: string(topic), ConfigNames: []string{name}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range res.Resources[0].ConfigEntries {
		if e.ConfigName == name {
			return e.ConfigValue
		}
	}
	return ""
}

// A topic that loses what it must keep refuses the start and says how to mend
// it; one that may is told of.
func TestSettingsAreCheckedAtTheStart(t *testing.T) {
	for name, addrs := range realBrokers(t) {
		t.Run(name, func(t *testing.T) {
			openT(t, Options{Brokers: addrs})
			alter(t, addrs, ingest.TopicControl, "retention.ms", "604800000")
			_, err := Open(t.Context(), Options{Brokers: addrs})
			const want = "--entity-name roamclear.control --add-config retention.ms=-1"
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("control kept for a week: %v, want %q", err, want)
			}
			alter(t, addrs, ingest.TopicControl, "retention.ms", "-1")
			alter(t, addrs, ingest.TopicCDRs, "retention.ms", "604800000")
			var said bytes.Buffer
			openT(t, Options{Brokers: addrs, Logger: slog.New(slog.NewTextHandler(&said, nil))})
			if !strings.Contains(said.String(), "--entity-name roamclear.cdrs --add-config retention.ms=-1") {
				t.Errorf("CDRs kept for a week: said %q", said.String())
			}
			alter(t, addrs, ingest.TopicCDRs, "retention.ms", "-1")
		})
	}
}

// Where there are three brokers, one can be lost: see also TestBrokersBehaveAlike.
func TestThreeBrokersKeepThreeReplicas(t *testing.T) {
	three, err := kfake.NewCluster(kfake.NumBrokers(3))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(three.Close)
	clusters := map[string][]string{"in this process": three.ListenAddrs()}
	if addrs := strings.Split(os.Getenv(kafkaEnv), ","); len(addrs) >= 3 {
		clusters["kafka"] = addrs
	}
	for name, addrs := range clusters {
		t.Run(name, func(t *testing.T) {
			openT(t, Options{Brokers: addrs})
			l := openT(t, Options{Brokers: addrs}) // what another process finds
			c, err := l.describe(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			settings, err := l.settings(t.Context(), l.counts)
			if err != nil {
				t.Fatal(err)
			}
			for _, spec := range ingest.Topics() {
				if n, in := c.replicas[spec.Topic], settings[spec.Topic]["min.insync.replicas"]; n != 3 || in != "2" {
					t.Errorf("%s has %d replicas, min.insync.replicas %s; want 3 and 2", spec.Topic, n, in)
				}
			}
		})
	}
}

// realBrokers returns a broker in this process, with Kafka's manners, and the
// real ones if there are any.
func realBrokers(t *testing.T) map[string][]string {
	t.Helper()
	c, err := kfake.NewCluster(kfake.NumBrokers(1))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	all := map[string][]string{"in this process": c.ListenAddrs()}
	if addr := os.Getenv(kafkaEnv); addr != "" {
		all["kafka"] = strings.Split(addr, ",")
	}
	return all
}
