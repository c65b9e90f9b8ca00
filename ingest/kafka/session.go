package kafka

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"time"

	segmentio "github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
	"github.com/segmentio/kafka-go/protocol/initproducerid"
	"github.com/segmentio/kafka-go/protocol/produce"

	"github.com/roamclear/roamclear/ingest"
)

// session is an idempotent producer's identity towards one partition, and
// the sequence of the next record. The zero value is no session.
type session struct {
	id    int64
	epoch int16
	next  int32
	open  bool
}

// fits reports whether n more records keep the sequence within 31 bits.
func (s session) fits(n int32) bool { return s.open && s.next <= math.MaxInt32-n }

// newSession asks the leader of a partition for a producer id that nobody has used: any
// broker has them, and a partition whose leader lives needs no other. It waits out a
// coordinator that is just loading, as after a broker's start.
func (l *Log) newSession(ctx context.Context, p ingest.Partition) (session, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	for wait := 20 * time.Millisecond; ; wait = min(2*wait, time.Second) {
		s, err := l.initProducer(ctx, p)
		if err == nil || !coordinatorLoading(err) || !ingest.Pause(ctx, wait) {
			return s, err
		}
	}
}

func (l *Log) initProducer(ctx context.Context, p ingest.Partition) (session, error) {
	// kafka-go would ask the coordinator of transactions: one broker for all partitions.
	m, err := l.produce.Transport.RoundTrip(ctx, l.addr, &toLeader{
		Message: &initproducerid.Request{ProducerID: -1, ProducerEpoch: -1}, topic: l.opts.name(string(p.Topic)), partition: p.Number,
	})
	if err != nil {
		return session{}, fmt.Errorf("begin producer session: %w", err)
	}
	res := m.(*initproducerid.Response)
	if res.ErrorCode != 0 {
		return session{}, fmt.Errorf("begin producer session: %w", segmentio.Error(res.ErrorCode))
	}
	return session{id: res.ProducerID, epoch: res.ProducerEpoch, open: true}, nil
}

// toLeader is a request that goes to a partition's leader, whoever answers it by rights.
type toLeader struct {
	protocol.Message
	topic     string
	partition int32
	version   int16 // agreed on with the broker
}

// Broker implements protocol.BrokerMessage.
func (r *toLeader) Broker(c protocol.Cluster) (protocol.Broker, error) {
	of := produce.Request{Topics: []produce.RequestTopic{{Topic: r.topic, Partitions: []produce.RequestPartition{{Partition: r.partition}}}}}
	return of.Broker(c)
}

// Required implements protocol.RawExchanger: kafka-go knows no message of this type.
func (r *toLeader) Required(versions map[protocol.ApiKey]int16) bool {
	r.version = versions[r.ApiKey()]
	return true
}

// RawExchange implements protocol.RawExchanger.
func (r *toLeader) RawExchange(rw io.ReadWriter) (protocol.Message, error) {
	return protocol.RoundTrip(rw, r.version, 1, clientID, r.Message) // one request at a time on a connection
}

func coordinatorLoading(err error) bool {
	return errors.Is(err, segmentio.GroupLoadInProgress) || errors.Is(err, segmentio.GroupCoordinatorNotAvailable) || errors.Is(err, segmentio.NotCoordinatorForGroup)
}

// refused reports whether a produce error says for sure that nothing was
// appended: the broker refused before it wrote, or no broker was reached. A
// leader that is deposed, or whose partition is moved, after it has written
// and while it waits for the others says NotLeaderForPartition or
// UnknownTopicOrPartition, and the new leader may have the records: unknown.
func refused(err error) bool {
	if code, ok := errors.AsType[segmentio.Error](err); ok {
		switch code {
		case segmentio.InvalidMessage, segmentio.LeaderNotAvailable, segmentio.MessageSizeTooLarge, segmentio.InvalidTopic,
			segmentio.RecordListTooLarge, segmentio.NotEnoughReplicas, segmentio.TopicAuthorizationFailed, segmentio.InvalidTimestamp,
			segmentio.ClusterAuthorizationFailed, segmentio.UnsupportedForMessageFormat, segmentio.PolicyViolation,
			segmentio.OutOfOrderSequenceNumber, segmentio.InvalidProducerEpoch, segmentio.UnknownProducerId, segmentio.InvalidRecord,
			segmentio.BrokerNotAvailable:
			return true
		}
		return false
	}
	if _, ok := errors.AsType[*ConnectError](err); ok {
		return true
	}
	return errors.Is(err, protocol.ErrNoTopic) || errors.Is(err, protocol.ErrNoPartition) || errors.Is(err, protocol.ErrNoLeader)
}

// forgotten reports whether the broker refused because it does not know our
// session (any more): the same records may be sent in a new one.
func forgotten(err error) bool {
	return errors.Is(err, segmentio.OutOfOrderSequenceNumber) || errors.Is(err, segmentio.InvalidProducerEpoch) || errors.Is(err, segmentio.UnknownProducerId)
}
