package kafka

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	segmentio "github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"

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

// newSession asks the broker for a producer id that nobody has used. It waits
// out a coordinator that is just loading, as after a broker's start.
func (l *Log) newSession(ctx context.Context) (session, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	for wait := 20 * time.Millisecond; ; wait = min(2*wait, time.Second) {
		s, err := l.initProducer(ctx)
		if err == nil || !coordinatorLoading(err) || !ingest.Pause(ctx, wait) {
			return s, err
		}
	}
}

func (l *Log) initProducer(ctx context.Context) (session, error) {
	res, err := l.produce.InitProducerID(ctx, &segmentio.InitProducerIDRequest{ProducerID: -1, ProducerEpoch: -1})
	if err == nil {
		err = res.Error
	}
	if err != nil {
		return session{}, fmt.Errorf("begin producer session: %w", err)
	}
	return session{id: int64(res.Producer.ProducerID), epoch: int16(res.Producer.ProducerEpoch), open: true}, nil
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
			segmentio.RecordListTooLarge, segmentio.NotEnoughReplicas, segmentio.TopicAuthorizationFailed,
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
