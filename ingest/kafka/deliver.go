package kafka

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	segmentio "github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
	"github.com/segmentio/kafka-go/protocol/produce"
	"github.com/segmentio/kafka-go/protocol/rawproduce"

	"github.com/roamclear/roamclear/ingest"
)

const (
	// produceTimeout is how long a batch is sent again and again while its partition
	// has no leader that answers. A failed broker leaves the in-sync set within 12 s
	// with Kafka's defaults (measured). Who appends waits as long as it likes: the
	// service's requests 10 s.
	produceTimeout = 15 * time.Second
	// attemptTimeout is how long one sending may take, and a batch in all while the
	// one before it failed: whoever comes during a long outage is told at once.
	attemptTimeout = 2 * time.Second
	// ackTimeout is what a leader is told to wait for its replicas. What it has by
	// then is there, and told again when it is sent again.
	ackTimeout = 1500 * time.Millisecond
	// firstPause is how long is waited before a batch is sent again.
	firstPause = 20 * time.Millisecond
)

// delivery is the sending of one batch until its outcome is known. It is sent again as
// the very same batch of its session, so that the broker appends it once, however often
// it comes: after an answer that did not come, one from a broker that is not the leader
// (any more), or no connection.
type delivery struct {
	w      *writer
	batch  *batch
	packed []byte // sealed for the session at hand

	tries  int
	unsure bool // an attempt may have been appended
	late   bool // time ran out
	base   int64
	err    error // of the last attempt
}

// deliver sends a batch until it is appended, refused for good, or time has run out. On
// the embedded broker it is sent once: that one remembers sequences whose write failed.
func (w *writer) deliver(b *batch) *delivery {
	budget := cmp.Or(w.log.opts.patience, produceTimeout)
	if w.failing() {
		budget = min(budget, attemptTimeout)
	}
	ctx, cancel := context.WithTimeout(context.Background(), budget)
	defer cancel()
	defer context.AfterFunc(w.log.open, func() { time.AfterFunc(attemptTimeout, cancel) })() // an orderly stop does not wait longer
	d := &delivery{w: w, batch: b}
	for pause := firstPause; ; pause = min(2*pause, 500*time.Millisecond) {
		sent := d.attempt(ctx)
		if d.err == nil {
			return d
		}
		if forgotten(d.err) && !d.unsure && d.packed != nil {
			w.session, d.packed = session{}, nil // it was refused: a new session may have it
			continue
		}
		d.unsure = d.unsure || sent && !refused(d.err)
		if w.log.opts.embedded && sent || !passing(d.err) {
			return d
		}
		if !ingest.Pause(ctx, pause) {
			d.late = true
			return d
		}
	}
}

// attempt sends the batch once, in the session at hand or a new one. sent is false where
// nothing left this process: there was no session to send it in.
func (d *delivery) attempt(ctx context.Context) (sent bool) {
	ctx, cancel := context.WithTimeout(ctx, attemptTimeout)
	defer cancel()
	w := d.w
	if d.packed == nil {
		if !w.session.fits(d.batch.count) {
			if w.session, d.err = w.log.newSession(ctx, w.partition); d.err != nil {
				return false
			}
		}
		if d.packed, d.err = d.batch.seal(w.session, w.log.opts.Compression); d.err != nil {
			return false
		}
	}
	d.tries++
	if d.base, d.err = w.log.produceOnce(ctx, w.partition, d.packed); d.err == nil {
		w.session.next += d.batch.count
	}
	return true
}

// outcome is what callers are told.
func (d *delivery) outcome() error {
	switch {
	case d.err == nil:
		return nil
	case errors.Is(d.err, segmentio.MessageSizeTooLarge): // the topic takes less than it was asked to: again is no use
		return fmt.Errorf("%w: %w", ingest.ErrTooLarge, d.err)
	case d.unsure:
		return fmt.Errorf("%w: %w", ingest.ErrOutcomeUnknown, d.err)
	}
	return fmt.Errorf("%w: %w", ingest.ErrOverload, d.err)
}

// produceOnce sends a sealed batch to the partition's leader and returns the offset of
// its first record once every in-sync replica has it. Not by [segmentio.Client]: that
// tells the broker to wait half a second at most.
func (l *Log) produceOnce(ctx context.Context, p ingest.Partition, packed []byte) (int64, error) {
	m, err := l.produce.Transport.RoundTrip(ctx, l.addr, &rawproduce.Request{
		Acks: int16(segmentio.RequireAll), Timeout: int32(ackTimeout.Milliseconds()),
		Topics: []rawproduce.RequestTopic{{Topic: l.opts.name(string(p.Topic)), Partitions: []rawproduce.RequestPartition{{
			Partition: p.Number, RecordSet: protocol.RawRecordSet{Reader: bytes.NewReader(packed)},
		}}}},
	})
	if err != nil {
		return 0, fmt.Errorf("produce: %w", err)
	}
	topics := m.(*produce.Response).Topics
	if len(topics) != 1 || len(topics[0].Partitions) != 1 {
		return 0, errors.New("produce: no answer for the partition")
	}
	answer := topics[0].Partitions[0]
	if answer.ErrorCode != 0 {
		return 0, fmt.Errorf("produce: %w", segmentio.Error(answer.ErrorCode))
	}
	return answer.BaseOffset, nil
}

// passing reports whether a produce error may be gone when the same batch is sent again.
func passing(err error) bool {
	code, ok := errors.AsType[segmentio.Error](err)
	if !ok {
		return true // no connection, no answer, no leader
	}
	switch code {
	case segmentio.LeaderNotAvailable, segmentio.NotLeaderForPartition, segmentio.UnknownTopicOrPartition, segmentio.FencedLeaderEpoch,
		segmentio.UnknownLeaderEpoch, segmentio.RequestTimedOut, segmentio.BrokerNotAvailable, segmentio.ReplicaNotAvailable, segmentio.NetworkException,
		segmentio.NotEnoughReplicas, segmentio.NotEnoughReplicasAfterAppend, segmentio.KafkaStorageError, segmentio.InvalidMessage,
		segmentio.GroupLoadInProgress, segmentio.GroupCoordinatorNotAvailable, segmentio.NotCoordinatorForGroup, segmentio.ConcurrentTransactions,
		segmentio.ThrottlingQuotaExceeded:
		return true
	}
	return false
}

// failure is a delivery that failed.
type failure struct {
	at  time.Time
	err error
}

// failureCounts is how long a failure says something of the partition where no record
// came since: whoever is told so sends none.
const failureCounts = 15 * time.Second

// note remembers how the last delivery ended.
func (w *writer) note(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case err == nil:
		w.failed, w.took = failure{}, time.Now()
	case !errors.Is(err, ingest.ErrTooLarge): // which is the record's own fault
		w.failed = failure{time.Now(), err}
	}
}

func (w *writer) failing() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.failed.err != nil
}

// state is why appends to the partition fail now, nil where they do not; sure is false
// where none came lately.
func (w *writer) state() (err error, sure bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.failed.err != nil && (w.away || time.Since(w.failed.at) < failureCounts) {
		return w.failed.err, true
	}
	return nil, time.Since(w.took) < tookCounts
}

// tookCounts is how long an append that was taken says that the partition takes more.
const tookCounts = 5 * time.Second

// Failing returns the partitions to which appends fail, and why: as their writers have
// it, and where no record came lately as their leaders answer.
func (l *Log) Failing(ctx context.Context) map[ingest.Partition]error {
	failing := map[ingest.Partition]error{}
	var mu sync.Mutex // guards failing
	var all sync.WaitGroup
	for topic, ws := range l.writers {
		for _, w := range ws[:l.counts[topic]] {
			all.Go(func() {
				err, sure := w.state()
				if !sure {
					_, _, err = l.bounds(ctx, w.partition)
				}
				if err != nil {
					mu.Lock()
					defer mu.Unlock()
					failing[w.partition] = err
				}
			})
		}
	}
	all.Wait()
	return failing
}
