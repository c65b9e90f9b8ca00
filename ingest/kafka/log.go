package kafka

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	segmentio "github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/sasl"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
)

// Options of a Log. Only Brokers must be set; every other zero value is
// replaced by the default named with it.
type Options struct {
	Brokers       []string // host:port
	Prefix        string   // in front of the names of topics and groups
	Partitions    int      // of cdrs and of sessions, at creation: 2; if set, what is not registered must have as many, see UsePartitions
	Replication   int      // of every topic, at creation: 3 where there are three brokers or more, else the broker's default.replication.factor
	Epoch         uint8    // of the topics, as registered in the control log; part of every Position
	QueueBytes    int      // per partition, waiting or on the way, beyond which an append is refused: 8 MiB
	MaxBatchBytes int      // per produce request, but for one record that is larger: 1,000,000; see maxMessageBytes
	FetchBytes    int      // per fetch, but for one batch that is larger: 1 MiB
	Compression   Compression
	TLS           func() *tls.Config // asked for with each connection, so that files may be replaced; nil: plain
	Login         Login              // at each connection; none: nobody
	Logger        *slog.Logger       // nil: nothing is logged
	Registerer    prometheus.Registerer
	Full          func(ingest.Topic) bool // true: appends are refused; nil: never, see Embedded.Refuses

	embedded bool           // the broker is ours: see topicSettings
	patience time.Duration  // with a batch, 0: produceTimeout
	sasl     sasl.Mechanism // of Login
}

const (
	defaultPartitions = 2
	defaultQueueBytes = 8 << 20
	defaultBatchBytes = 1_000_000
	defaultFetchBytes = 1 << 20
	clientID          = "roamclear"

	requestTimeout = 10 * time.Second
)

func (o Options) withDefaults() (Options, error) {
	if len(o.Brokers) == 0 {
		return o, errors.New("no broker address: set kafka.brokers, or leave it out to use the embedded broker")
	}
	setDefault(&o.QueueBytes, defaultQueueBytes)
	setDefault(&o.MaxBatchBytes, defaultBatchBytes)
	setDefault(&o.FetchBytes, defaultFetchBytes)
	if o.QueueBytes < o.MaxBatchBytes {
		return o, fmt.Errorf("queue of %d bytes is smaller than one batch of %d bytes", o.QueueBytes, o.MaxBatchBytes)
	}
	var err error
	if o.sasl, err = o.Login.mechanism(); err != nil {
		return o, err
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Registerer == nil {
		o.Registerer = prometheus.NewRegistry()
	}
	if o.Full == nil {
		o.Full = func(ingest.Topic) bool { return false }
	}
	return o, nil
}

func setDefault(v *int, d int) {
	if *v == 0 {
		*v = d
	}
}

// Log is the log: both ends of every topic. Its methods are safe for
// concurrent use.
type Log struct {
	opts    Options
	addr    net.Addr
	writers map[ingest.Topic][]*writer
	counts  map[ingest.Topic]int
	notes   []string

	// Produce and fetch have a transport each: the buffers that kafka-go
	// pools for one would otherwise grow to the sizes of the other.
	produce *segmentio.Client
	fetch   *segmentio.Transport
	admin   *segmentio.Client

	running   sync.WaitGroup  // the writers
	open      context.Context // ends with Close
	closing   context.CancelFunc
	closeOnce sync.Once
}

var (
	_ ingest.Appender = (*Log)(nil)
	_ ingest.Reader   = (*Log)(nil)
)

// Open connects to the log, creates the topics that are missing, checks the
// number of partitions of the others, and returns once the leader of every
// partition answers and appends will be taken. Errors name the topic and how to go on. Close the Log.
func Open(ctx context.Context, o Options) (*Log, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, fmt.Errorf("open log: %w", err)
	}
	l := &Log{opts: o, addr: segmentio.TCP(o.Brokers...)}
	l.open, l.closing = context.WithCancel(context.Background())
	l.admin = l.client()
	if l.counts, err = l.ensureTopics(ctx); err != nil {
		l.closing()
		l.closeTransports()
		return nil, fmt.Errorf("open log: %w", err)
	}
	// Only now: a transport that has seen the brokers without the topics
	// would go on saying so until its metadata expires.
	l.produce, l.fetch = l.client(), l.transport()
	if err := l.awaitBrokers(ctx); err != nil {
		l.closing()
		l.closeTransports()
		return nil, fmt.Errorf("open log: %w", err)
	}
	l.startWriters()
	return l, nil
}

func (l *Log) transport() *segmentio.Transport {
	return &segmentio.Transport{
		ClientID:    clientID,
		DialTimeout: dialTimeout,
		IdleTimeout: 5 * time.Minute,
		MetadataTTL: time.Second,
		Dial:        l.opts.dial,
	}
}

func (l *Log) client() *segmentio.Client {
	return &segmentio.Client{Addr: l.addr, Transport: l.transport()}
}

func (l *Log) startWriters() {
	m := newWriterMetrics(l.opts.Registerer)
	l.writers = make(map[ingest.Topic][]*writer, len(l.counts))
	for topic := range l.counts {
		for _, p := range l.Partitions(topic) {
			w := newWriter(l, p, m)
			l.writers[topic] = append(l.writers[topic], w)
			l.running.Go(w.run)
		}
	}
}

// name is what a topic, or a group, is called on the brokers.
func (o *Options) name(of string) string { return o.Prefix + of }

// topic is which of ours a topic of the brokers is.
func (o *Options) topic(name string) (ingest.Topic, bool) {
	own, ok := strings.CutPrefix(name, o.Prefix)
	spec, known := ingest.Topic(own).Spec()
	return spec.Topic, ok && known
}

// Partitions lists the partitions of a topic, by number; none of one that is
// not known.
func (l *Log) Partitions(topic ingest.Topic) []ingest.Partition {
	all := make([]ingest.Partition, l.counts[topic])
	for i := range all {
		all[i] = l.partition(topic, int32(i))
	}
	return all
}

// Place returns the partition in which all records of a key stand.
func (l *Log) Place(topic ingest.Topic, key ocpi.Key) ingest.Partition {
	return l.partition(topic, ingest.Place(key, l.counts[topic]))
}

func (l *Log) partition(topic ingest.Topic, number int32) ingest.Partition {
	return ingest.Partition{Topic: topic, Epoch: l.opts.Epoch, Number: number}
}

// Close sends what has been queued and lets go of the brokers. Appends after
// it are refused with ingest.ErrOverload. Consume and Tail must have returned.
func (l *Log) Close() error {
	l.closeOnce.Do(func() {
		for _, ws := range l.writers {
			for _, w := range ws {
				w.close()
			}
		}
		l.closing()
		l.running.Wait()
		l.closeTransports()
	})
	return nil
}

func (l *Log) closeTransports() {
	for _, c := range []*segmentio.Client{l.produce, l.admin} {
		if c != nil {
			c.Transport.(*segmentio.Transport).CloseIdleConnections()
		}
	}
	if l.fetch != nil {
		l.fetch.CloseIdleConnections()
	}
}
