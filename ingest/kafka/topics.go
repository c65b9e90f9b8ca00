package kafka

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	segmentio "github.com/segmentio/kafka-go"

	"github.com/roamclear/roamclear/ingest"
)

// wantPartitions returns how many partitions a topic must have, 0 for "as
// many as it has".
func (o Options) wantPartitions(t ingest.TopicSpec) int {
	if t.Spread {
		return o.Partitions
	}
	return 1
}

// ensureTopics creates the topics that are missing and returns how many
// partitions each has.
func (l *Log) ensureTopics(ctx context.Context) (map[ingest.Topic]int, error) {
	cluster, err := l.describe(ctx)
	if err != nil {
		return nil, err
	}
	existing := cluster.partitions
	var missing []segmentio.TopicConfig
	for _, t := range ingest.Topics() {
		if existing[t.Topic] == 0 {
			missing = append(missing, l.topicConfig(t, cluster.brokers))
		}
	}
	if len(missing) > 0 {
		made, err := l.created(ctx, missing)
		if err != nil {
			return nil, err
		}
		maps.Copy(existing, made)
	}
	for _, t := range ingest.Topics() {
		if have := existing[t.Topic]; !t.Spread && have > 1 { // its records are in the first, whatever others it was given
			existing[t.Topic] = 1
			l.note("topic %s has %d partitions, of which the first is used alone: it was given more by hand", l.opts.name(string(t.Topic)), have)
		}
	}
	return existing, l.checkSettings(ctx, cluster)
}

// created creates topics and returns how many partitions they have: those that another
// process was faster with, by its own settings, too.
func (l *Log) created(ctx context.Context, missing []segmentio.TopicConfig) (map[ingest.Topic]int, error) {
	if err := l.create(ctx, missing); err != nil {
		return nil, err
	}
	made := map[ingest.Topic]int{}
	err := retry(ctx, func() error {
		now, err := l.describe(ctx)
		if err != nil {
			return err
		}
		for _, t := range missing {
			topic, _ := l.opts.topic(t.Topic)
			if made[topic] = now.partitions[topic]; made[topic] == 0 {
				return fmt.Errorf("topic %s was created and is not there yet", t.Topic)
			}
		}
		return nil
	})
	return made, err
}

// UsePartitions has the number of partitions of each topic be the one that was registered
// when the log began, by which all its records are placed, whatever others a topic was
// given by hand since. Only before anything is read or appended but control records.
func (l *Log) UsePartitions(registered map[ingest.Topic]int) error {
	for _, t := range ingest.Topics() {
		if !t.Spread {
			continue
		}
		name, have, reg, want := l.opts.name(string(t.Topic)), l.counts[t.Topic], registered[t.Topic], l.opts.Partitions
		switch {
		case reg > have:
			return fmt.Errorf("topic %s has %d partitions, %d are registered: it was created anew; put the old one back", name, have, reg)
		case reg == 0:
			if err := l.opts.countFault(t, have); err != nil {
				return err
			}
			continue
		case want != 0 && want != reg:
			return fmt.Errorf("topic %s is registered with %d partitions and kafka.partitions says %d: set kafka.partitions to %d (more partitions would tear copies of one CDR apart; they need a new topic epoch)", name, reg, want, reg)
		case reg < have:
			l.note("topic %s has %d partitions, of which the %d are used that are registered: it was given more by hand, which would tear copies of one CDR apart", name, have, reg)
			l.counts[t.Topic] = reg
		}
	}
	return nil
}

// note tells of a topic that is not as it was made, and remembers it for Notes.
func (l *Log) note(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	l.opts.Logger.Warn(text)
	l.notes = append(l.notes, text)
}

// Notes say what of the topics is not as it was made, and is done without.
func (l *Log) Notes() []string { return l.notes }

// countFault is what is wrong with the number of partitions of a topic that is not
// registered yet.
func (o *Options) countFault(t ingest.TopicSpec, have int) error {
	if want := o.wantPartitions(t); t.Spread && want != 0 && want != have {
		return fmt.Errorf("topic %s has %d partitions and kafka.partitions says %d: set kafka.partitions to %d (more partitions would tear copies of one CDR apart; they need a new topic epoch)", o.name(string(t.Topic)), have, want, have)
	}
	return nil
}

func (l *Log) topicConfig(t ingest.TopicSpec, brokers int) segmentio.TopicConfig {
	replicas := l.opts.replication(brokers)
	c := segmentio.TopicConfig{Topic: l.opts.name(string(t.Topic)), NumPartitions: l.opts.wantPartitions(t), ReplicationFactor: replicas}
	if c.NumPartitions == 0 {
		c.NumPartitions = defaultPartitions
	}
	for name, value := range l.opts.topicSettings(t, replicas) {
		c.ConfigEntries = append(c.ConfigEntries, segmentio.ConfigEntry{ConfigName: name, ConfigValue: value})
	}
	return c
}

// topology is what the brokers say of themselves and our topics.
type topology struct {
	brokers    int
	partitions map[ingest.Topic]int // a topic that does not exist has none
	replicas   map[ingest.Topic]int // of its partition that has the fewest
}

// add notes a topic by how many replicas its partitions have.
func (c *topology) add(topic ingest.Topic, partitions int, replicas func(int) int) {
	c.partitions[topic] = partitions
	for i := range partitions {
		if n := replicas(i); i == 0 || n < c.replicas[topic] {
			c.replicas[topic] = n
		}
	}
}

// describe asks for the topology. It waits for a broker that is just starting.
func (l *Log) describe(ctx context.Context) (*topology, error) {
	var have *topology
	err := retry(ctx, func() error {
		rctx, cancel := context.WithTimeout(ctx, requestTimeout)
		defer cancel()
		m, err := l.admin.Metadata(rctx, &segmentio.MetadataRequest{})
		if err != nil {
			err = fmt.Errorf("ask %s for its topics: %w", l.addr, err)
			if turnedAway(err) {
				return permanent{err}
			}
			return err
		}
		have = &topology{brokers: len(m.Brokers), partitions: map[ingest.Topic]int{}, replicas: map[ingest.Topic]int{}}
		for _, t := range m.Topics {
			topic, ok := l.opts.topic(t.Name)
			if !ok {
				continue
			}
			have.add(topic, len(t.Partitions), func(i int) int { return len(t.Partitions[i].Replicas) })
		}
		return nil
	})
	return have, err
}

func (l *Log) create(ctx context.Context, missing []segmentio.TopicConfig) error {
	return retry(ctx, func() error {
		rctx, cancel := context.WithTimeout(ctx, requestTimeout)
		defer cancel()
		res, err := l.admin.CreateTopics(rctx, &segmentio.CreateTopicsRequest{Topics: missing})
		if err != nil {
			return fmt.Errorf("create topics: %w", err)
		}
		for name, err := range res.Errors {
			switch {
			case err == nil || errors.Is(err, segmentio.TopicAlreadyExists): // another process was faster
			case errors.Is(err, segmentio.InvalidReplicationFactor):
				return permanent{fmt.Errorf("create topic %s: %w: set kafka.replication to at most the number of brokers", name, err)}
			case errors.Is(err, segmentio.TopicAuthorizationFailed), errors.Is(err, segmentio.ClusterAuthorizationFailed):
				return permanent{fmt.Errorf("create topic %s: %w: grant CREATE, or create the topics beforehand", name, err)}
			default:
				return fmt.Errorf("create topic %s: %w", name, err)
			}
		}
		return nil
	})
}

// awaitBrokers returns when the leader of every partition answers and
// producer sessions can be had. Brokers listen, and name leaders, before they
// have loaded their partitions.
func (l *Log) awaitBrokers(ctx context.Context) error {
	for topic := range l.counts {
		for _, p := range l.Partitions(topic) {
			err := retry(ctx, func() error {
				_, _, err := l.bounds(ctx, p)
				return err
			})
			if err != nil {
				return err
			}
		}
	}
	return retry(ctx, func() error {
		_, err := l.newSession(ctx, l.Partitions(ingest.TopicControl)[0])
		return err
	})
}

// permanent marks an error that waiting does not cure.
type permanent struct{ error }

func (p permanent) Unwrap() error { return p.error }

// retry calls f until it succeeds, for half a minute at most.
func retry(ctx context.Context, f func() error) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	for wait := 10 * time.Millisecond; ; wait = min(2*wait, time.Second) {
		err := f()
		if p, ok := errors.AsType[permanent](err); err == nil || ok {
			if ok {
				return p.error
			}
			return nil
		}
		if !ingest.Pause(ctx, wait) {
			return err
		}
	}
}
