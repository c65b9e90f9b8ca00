package kafka

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	segmentio "github.com/segmentio/kafka-go"

	"github.com/roamclear/roamclear/ingest"
)

// Where there are safeBrokers, a topic is created with as many replicas, of
// which safeInSync must have a record before it is acknowledged: one broker
// may be lost without losing an acknowledged record, or the ability to append.
const (
	safeBrokers = 3
	safeInSync  = 2
)

// maxMessageBytes is what a topic of bodies takes as one message: the largest
// body, its envelope and the reason why it was refused. Kafka's default is 1 MB.
const maxMessageBytes = 5 << 20

// messageSetting is the name of that setting of a topic.
const messageSetting = "max.message.bytes"

// replication returns how many replicas a topic is created with, -1 for the
// broker's default.
func (o Options) replication(brokers int) int {
	switch {
	case o.Replication > 0:
		return o.Replication
	case brokers >= safeBrokers:
		return safeBrokers
	}
	return -1
}

// topicSettings returns what a topic is created with. Everything that Kafka
// might otherwise delete by its own defaults (7 days) is said explicitly.
// Only bodies we could not use are bounded, and on the embedded broker our
// own guard does that, since its retention can leave a partition empty.
func (o Options) topicSettings(t ingest.TopicSpec, replicas int) map[string]string {
	s := map[string]string{
		"cleanup.policy":         "delete",
		"retention.ms":           "-1",
		"retention.bytes":        "-1",
		"compression.type":       "producer",
		"message.timestamp.type": "CreateTime",
	}
	if t.Stored() {
		s[messageSetting] = strconv.Itoa(maxMessageBytes)
	}
	if o.embedded {
		s["segment.bytes"] = strconv.Itoa(embeddedSegmentBytes)
		return s
	}
	if r := t.Retention; t.Bounded() {
		s["retention.ms"] = strconv.FormatInt(r.Age.Milliseconds(), 10)
		s["retention.bytes"] = strconv.FormatInt(r.Bytes, 10)
	}
	if replicas >= safeBrokers {
		s["min.insync.replicas"] = strconv.Itoa(safeInSync)
	}
	return s
}

// checked are the settings that decide whether a record is taken, and stays.
var checked = []string{"cleanup.policy", "retention.ms", "retention.bytes", "min.insync.replicas", messageSetting}

// checkSettings refuses topics whose settings lose what they must keep, and
// warns of those that may. Topics that take too small messages are mended.
func (l *Log) checkSettings(ctx context.Context, c *topology) error {
	settings, err := l.settings(ctx, c.partitions)
	if unauthorized(err) {
		l.opts.Logger.Warn(fmt.Sprintf("the settings of topics cannot be read: grant DESCRIBE_CONFIGS to have them checked; %s of each must be %d or more", messageSetting, maxMessageBytes), "error", err)
		return nil
	}
	if err != nil {
		return err
	}
	if err := l.raiseMessageSize(ctx, settings); err != nil {
		return err
	}
	if l.opts.embedded {
		return nil
	}
	var refused []error
	for _, t := range ingest.Topics() {
		wrong, doubtful := judge(t, settings[t.Topic], c.replicas[t.Topic], c.brokers)
		for _, w := range wrong {
			refused = append(refused, fmt.Errorf("topic %s has %s", l.opts.name(string(t.Topic)), l.mend(t.Topic, w)))
		}
		for _, d := range doubtful {
			l.opts.Logger.Warn("a topic's settings may lose records", "topic", l.opts.name(string(t.Topic)), "has", l.mend(t.Topic, d))
		}
	}
	return errors.Join(refused...)
}

// fault is a setting that is not as it must be: what it is and does, and what
// to set.
type fault struct{ what, set string }

// judge tells settings that lose records from those that may.
func judge(t ingest.TopicSpec, s map[string]string, replicas, brokers int) (wrong, doubtful []fault) {
	if policy := s["cleanup.policy"]; policy != "" && policy != "delete" {
		wrong = append(wrong, fault{fmt.Sprintf("cleanup.policy=%s, and compaction deletes all but the last copy of an object", policy), "cleanup.policy=delete"})
	}
	for _, name := range []string{"retention.ms", "retention.bytes"} {
		value := s[name]
		if value == "" || value == "-1" || t.Bounded() {
			continue
		}
		f := fault{fmt.Sprintf("%s=%s", name, value), name + "=-1"}
		if !t.Stored() {
			f.what += ", and is read from its start by every process"
			wrong = append(wrong, f)
			continue
		}
		f.what += ": what is deleted before it was stored is lost, and stops its worker"
		doubtful = append(doubtful, f)
	}
	inSync, err := strconv.Atoi(s["min.insync.replicas"])
	switch {
	case err != nil || replicas == 0: // not told, or just created as we want it
	case replicas > 0 && inSync > replicas:
		wrong = append(wrong, fault{fmt.Sprintf("min.insync.replicas=%d and %d replicas, so nothing can be appended", inSync, replicas), fmt.Sprintf("min.insync.replicas=%d", replicas)})
	case brokers >= safeBrokers && replicas < safeBrokers:
		doubtful = append(doubtful, fault{fmt.Sprintf("%d replicas on %d brokers: an acknowledged record may be lost with one of them; reassign its partitions to %d (kafka-reassign-partitions.sh), then", replicas, brokers, safeBrokers), fmt.Sprintf("min.insync.replicas=%d", safeInSync)})
	case replicas >= safeBrokers && inSync < safeInSync:
		doubtful = append(doubtful, fault{fmt.Sprintf("min.insync.replicas=%d: a record that one broker has is acknowledged, and may be lost with it", inSync), fmt.Sprintf("min.insync.replicas=%d", safeInSync)})
	}
	return wrong, doubtful
}

// mend says what a fault is and the command that mends it.
func (l *Log) mend(t ingest.Topic, f fault) string {
	return fmt.Sprintf("%s: kafka-configs.sh --bootstrap-server %s --alter --entity-type topics --entity-name %s --add-config %s",
		f.what, strings.Join(l.opts.Brokers, ","), l.opts.name(string(t)), f.set)
}

// settings reads the checked settings of some topics.
func (l *Log) settings(ctx context.Context, topics map[ingest.Topic]int) (map[ingest.Topic]map[string]string, error) {
	req := &segmentio.DescribeConfigsRequest{}
	for t := range topics {
		req.Resources = append(req.Resources, segmentio.DescribeConfigRequestResource{
			ResourceType: segmentio.ResourceTypeTopic, ResourceName: l.opts.name(string(t)), ConfigNames: checked,
		})
	}
	out := map[ingest.Topic]map[string]string{}
	err := retry(ctx, func() error {
		rctx, cancel := context.WithTimeout(ctx, requestTimeout)
		defer cancel()
		res, err := l.admin.DescribeConfigs(rctx, req)
		if err != nil {
			return fmt.Errorf("read the settings of topics: %w", err)
		}
		for _, r := range res.Resources {
			if err := r.Error; err != nil {
				if unauthorized(err) {
					return permanent{fmt.Errorf("read the settings of %s: %w", r.ResourceName, err)}
				}
				return fmt.Errorf("read the settings of %s: %w", r.ResourceName, err)
			}
			of := map[string]string{}
			for _, e := range r.ConfigEntries {
				of[e.ConfigName] = e.ConfigValue
			}
			if t, ok := l.opts.topic(r.ResourceName); ok {
				out[t] = of
			}
		}
		return nil
	})
	return out, err
}

func unauthorized(err error) bool {
	return errors.Is(err, segmentio.TopicAuthorizationFailed) || errors.Is(err, segmentio.ClusterAuthorizationFailed)
}
