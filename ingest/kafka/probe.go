package kafka

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	segmentio "github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol/createtopics"
	"github.com/segmentio/kafka-go/protocol/describegroups"
	"github.com/segmentio/kafka-go/protocol/metadata"

	"github.com/roamclear/roamclear/ingest"
)

// Probe tries all that a Log needs of brokers, and changes nothing: each address that is
// given, and each by which a broker names itself; the rights to topics and groups;
// replicas and settings of topics. What is well stands in the list too.
func Probe(ctx context.Context, o Options) []ingest.Trial {
	o, err := o.withDefaults()
	if err != nil {
		return []ingest.Trial{{Server: strings.Join(o.Brokers, ","), What: "settings", Reason: ingest.TrialSettings, Err: err}}
	}
	p := &probe{opts: o}
	p.connections(ctx, o.Brokers, "")
	if p.cluster != nil {
		p.connections(ctx, advertised(p.cluster, o.Brokers), "the brokers name it (advertised.listeners): ")
		p.topics(ctx)
		p.groups(ctx)
	}
	return p.trials
}

// probe is one call of Probe.
type probe struct {
	opts    Options
	cluster *metadata.Response // as the first broker that answered has it
	trials  []ingest.Trial
}

func (p *probe) note(server, what string, err error) {
	t := ingest.Trial{Server: server, What: what, Err: err}
	if f, ok := errors.AsType[*failed](err); ok {
		t.Reason = f.reason
	} else if err != nil {
		t.Reason = ingest.TrialOther
	}
	p.trials = append(p.trials, t)
}

// tell is note of what keeps nothing from working.
func (p *probe) tell(server, reason string, err error) {
	p.trials = append(p.trials, ingest.Trial{Server: server, What: "told", Reason: reason, Err: err, Told: true})
}

// connections tries addresses side by side: one that does not answer takes its time.
func (p *probe) connections(ctx context.Context, addresses []string, whose string) {
	results := make([]struct {
		how     string
		cluster *metadata.Response
		err     error
	}, len(addresses))
	var all sync.WaitGroup
	for i, address := range addresses {
		all.Go(func() {
			ctx, cancel := within(ctx)
			defer cancel()
			r := &results[i]
			c, err := p.opts.connect(ctx, address)
			if err != nil {
				r.err = err
				return
			}
			r.how = c.tried(&p.opts)
			r.cluster, r.err = c.describe(&p.opts)
			r.err = errors.Join(r.err, c.Close())
		})
	}
	all.Wait()
	for i, r := range results {
		if r.err != nil && whose != "" {
			r.err = fmt.Errorf("%s%w", whose, r.err)
		}
		p.note(addresses[i], r.how, r.err)
		if p.cluster == nil && r.err == nil {
			p.cluster = r.cluster
		}
	}
}

// right is one of Kafka's authorization, by its bit among those that a broker says are
// granted.
type right struct {
	bit  int32
	name string
}

var (
	read     = right{1 << 3, "READ"}
	write    = right{1 << 4, "WRITE"}
	describe = right{1 << 8, "DESCRIBE"}
	beAsked  = right{1 << 10, "DESCRIBE_CONFIGS"}
)

// notSaid is in the place of what is granted where the broker does not say.
const notSaid = -1 << 31

// whole is what the brokers together are called in trials.
const whole = "all brokers"

// topics looks at those that there are, and whether those that are missing may be made.
func (p *probe) topics(ctx context.Context) {
	brokers := len(p.cluster.Brokers)
	if n := p.opts.replication(brokers); n > brokers {
		p.note(whole, "", fail(ingest.TrialReplicas, "kafka.replication is %d, and there are %d brokers", n, brokers))
		return
	}
	if brokers < safeBrokers {
		p.tell(whole, ingest.TrialReplicas, fmt.Errorf("%d brokers: with fewer than %d an acknowledged record may be lost with one of them, or nothing be taken while it is away", brokers, safeBrokers))
	}
	var missing []ingest.TopicSpec
	known := &topology{brokers: brokers, partitions: map[ingest.Topic]int{}, replicas: map[ingest.Topic]int{}}
	for _, t := range p.cluster.Topics {
		topic, ok := p.opts.topic(t.Name)
		if !ok {
			continue
		}
		spec, _ := topic.Spec()
		switch err := segmentio.Error(t.ErrorCode); {
		case t.ErrorCode == 0:
			known.add(topic, len(t.Partitions), func(i int) int { return len(t.Partitions[i].ReplicaNodes) })
			p.note(whole, "topic "+t.Name, p.topic(&t, spec))
		case errors.Is(err, segmentio.UnknownTopicOrPartition):
			missing = append(missing, spec)
		default:
			p.note(whole, "", fail(ingest.TrialGranted, "topic %s: %w: grant DESCRIBE, READ and WRITE on it, and CREATE where it is to be made by us", t.Name, err))
		}
	}
	p.creation(ctx, missing)
	p.settings(ctx, known)
}

// topic is what is wrong with one that there is.
func (p *probe) topic(t *metadata.ResponseTopic, spec ingest.TopicSpec) error {
	if err := p.opts.countFault(spec, len(t.Partitions)); err != nil {
		return &failed{ingest.TrialSettings, err}
	}
	if lacks := lacking(t.TopicAuthorizedOperations, read, write, describe); lacks != "" {
		return fail(ingest.TrialGranted, "topic %s: grant %s on it", t.Name, lacks)
	}
	if lacks := lacking(t.TopicAuthorizedOperations, beAsked); lacks != "" {
		p.tell(whole, ingest.TrialGranted, fmt.Errorf("topic %s: its settings cannot be read: grant %s to have them checked", t.Name, lacks))
	}
	for _, one := range t.Partitions {
		if one.LeaderID < 0 {
			return fail(ingest.TrialReplicas, "topic %s: partition %d has no leader: none of the brokers that have it is there", t.Name, one.PartitionIndex)
		}
	}
	return nil
}

// lacking names the rights that are not granted.
func lacking(granted int32, want ...right) string {
	var lacks []string
	for _, r := range want {
		if granted != notSaid && granted&r.bit == 0 {
			lacks = append(lacks, r.name)
		}
	}
	return strings.Join(lacks, ", ")
}

// creation asks the controller whether it would make topics.
func (p *probe) creation(ctx context.Context, missing []ingest.TopicSpec) {
	if len(missing) == 0 {
		return
	}
	ctx, cancel := within(ctx)
	defer cancel()
	address := ""
	for _, b := range p.cluster.Brokers {
		if b.NodeID == p.cluster.ControllerID {
			address = addressOf(&b)
		}
	}
	if address == "" {
		p.note(whole, "", fail(ingest.TrialReplicas, "the brokers have no controller now, so no topic can be made"))
		return
	}
	c, err := p.opts.connect(ctx, address)
	if err != nil {
		p.note(whole, "", err)
		return
	}
	defer c.Close() //nolint:errcheck // nothing was written
	l := &Log{opts: p.opts}
	req := &createtopics.Request{ValidateOnly: true, TimeoutMs: int32(requestTimeout.Milliseconds())}
	for _, t := range missing {
		config := l.topicConfig(t, len(p.cluster.Brokers))
		topic := createtopics.RequestTopic{Name: config.Topic, NumPartitions: int32(config.NumPartitions), ReplicationFactor: int16(config.ReplicationFactor)}
		for _, e := range config.ConfigEntries {
			topic.Configs = append(topic.Configs, createtopics.RequestConfig{Name: e.ConfigName, Value: e.ConfigValue})
		}
		req.Topics = append(req.Topics, topic)
	}
	answer, err := c.RoundTrip(req)
	if err != nil {
		p.note(whole, "", fail(ingest.ReasonOf(err), "ask %s whether topics may be made: %w", address, err))
		return
	}
	for _, t := range answer.(*createtopics.Response).Topics {
		p.note(whole, "topic "+t.Name+" will be made", creationFault(t.Name, segmentio.Error(t.ErrorCode), t.ErrorMessage))
	}
}

// creationFault is why a topic would not be made, nil where it would.
func creationFault(name string, err segmentio.Error, message string) error {
	switch {
	case err == 0:
		return nil
	case errors.Is(err, segmentio.InvalidReplicationFactor):
		return fail(ingest.TrialReplicas, "topic %s: %w: %s", name, err, message)
	case unauthorized(err):
		return fail(ingest.TrialGranted, "topic %s is not there: %w: grant CREATE, or create it beforehand", name, err)
	}
	return fail(ingest.TrialSettings, "topic %s is not there, and would not be made: %w: %s", name, err, message)
}

// settings holds those of the topics that there are against what they must be.
func (p *probe) settings(ctx context.Context, known *topology) {
	if len(known.partitions) == 0 {
		return
	}
	ctx, cancel := within(ctx)
	defer cancel()
	l := newProbeLog(p.opts)
	defer l.closeTransports()
	settings, err := l.settings(ctx, known.partitions)
	if unauthorized(err) {
		return // told, topic by topic
	}
	if err != nil {
		p.note(whole, "", fail(ingest.ReasonOf(err), "%w", err))
		return
	}
	for _, t := range ingest.Topics() {
		if known.partitions[t.Topic] == 0 {
			continue
		}
		wrong, doubtful := judge(t, settings[t.Topic], known.replicas[t.Topic], known.brokers)
		for _, f := range wrong {
			p.note(whole, "", fail(ingest.TrialSettings, "topic %s has %s", l.opts.name(string(t.Topic)), l.mend(t.Topic, f)))
		}
		for _, f := range doubtful {
			p.tell(whole, ingest.TrialSettings, fmt.Errorf("topic %s has %s", l.opts.name(string(t.Topic)), l.mend(t.Topic, f)))
		}
	}
	if small := tooSmall(settings); len(small) > 0 {
		p.tell(whole, ingest.TrialSettings, fmt.Errorf("%d topics take messages smaller than bodies may be: a start raises their %s", len(small), messageSetting))
	}
}

// groups asks whether we may share work in consumer groups.
func (p *probe) groups(ctx context.Context) {
	l := newProbeLog(p.opts)
	defer l.closeTransports()
	for _, group := range []string{ingest.GroupPricing, ingest.GroupRecords, ingest.GroupRefused} {
		name := p.opts.name(group)
		p.note(whole, "group "+name, l.groupFault(ctx, name))
	}
}

func (l *Log) groupFault(ctx context.Context, name string) error {
	ctx, cancel := within(ctx)
	defer cancel()
	m, err := l.admin.Transport.RoundTrip(ctx, l.addr, &describegroups.Request{Groups: []string{name}, IncludeAuthorizedOperations: true})
	if err != nil {
		return fail(ingest.ReasonOf(err), "group %s: %w", name, err)
	}
	for _, g := range m.(*describegroups.Response).Groups {
		err := segmentio.Error(g.ErrorCode)
		if errors.Is(err, segmentio.GroupAuthorizationFailed) || lacking(g.AuthorizedOperations, read) != "" {
			return fail(ingest.TrialGranted, "group %s: %w: grant READ and DESCRIBE on it", name, segmentio.GroupAuthorizationFailed)
		}
		if err != 0 && !errors.Is(err, segmentio.GroupIdNotFound) && !coordinatorLoading(err) {
			return fail(ingest.TrialOther, "group %s: %w", name, err)
		}
	}
	return nil
}

// newProbeLog is a Log that only asks.
func newProbeLog(o Options) *Log {
	l := &Log{opts: o, addr: segmentio.TCP(o.Brokers...)}
	l.admin = l.client()
	return l
}
