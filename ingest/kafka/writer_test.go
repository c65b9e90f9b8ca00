package kafka

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	segmentio "github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/roamclear/roamclear/ingest"
)

// produced is what the broker was asked to produce, batch by batch.
type produced struct {
	pid   int64
	epoch int16
	seq   int32
	count int32
}

// producerWatch records every batch produced to the one partition of
// TopicRefused and can hold the broker before it answers.
type producerWatch struct {
	mu      sync.Mutex // guards batches
	batches []produced
	hold    chan struct{} // nil: do not
	held    chan struct{}
}

func (w *producerWatch) control(req kmsg.Request) (kmsg.Response, error, bool) {
	for _, t := range req.(*kmsg.ProduceRequest).Topics {
		b := t.Partitions[0].Records
		w.mu.Lock()
		w.batches = append(w.batches, produced{
			pid:   int64(binary.BigEndian.Uint64(b[batchProducerAt-batchPrefix:])),
			epoch: int16(binary.BigEndian.Uint16(b[batchEpochAt-batchPrefix:])),
			seq:   int32(binary.BigEndian.Uint32(b[batchSequenceAt-batchPrefix:])),
			count: int32(binary.BigEndian.Uint32(b[batchCountAt-batchPrefix:])),
		})
		w.mu.Unlock()
		if w.hold != nil {
			w.held <- struct{}{}
			<-w.hold
		}
	}
	return nil, nil, false
}

func (w *producerWatch) seen() []produced {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.batches)
}

// watchedLog returns a log on a broker in memory, and the broker.
func watchedLog(t *testing.T, w *producerWatch, o Options) (*Log, *kfake.Cluster) {
	t.Helper()
	c, err := kfake.NewCluster(kfake.NumBrokers(1))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	if w != nil {
		c.ControlKey(int16(kmsg.Produce), func(req kmsg.Request) (kmsg.Response, error, bool) {
			c.KeepControl()
			return w.control(req)
		})
	}
	o.Brokers = c.ListenAddrs()
	return openT(t, o), c
}

// appendInOrder queues n records and returns the batch of each.
func appendInOrder(l *Log, topic ingest.Topic, n int) []*batch {
	batches := make([]*batch, n)
	for i := range n {
		b, _, err := l.writers[topic][0].add(testEnvelope(i), testBody(i))
		if err != nil {
			panic(err)
		}
		batches[i] = b
	}
	return batches
}

func TestOneBatchOnItsWayAndTheNextIsWhatCameMeanwhile(t *testing.T) {
	w := &producerWatch{hold: make(chan struct{}), held: make(chan struct{})}
	l, _ := watchedLog(t, w, Options{})
	first := appendInOrder(l, ingest.TopicRefused, 1)[0]
	<-w.held
	rest := appendInOrder(l, ingest.TopicRefused, 500)
	w.hold <- struct{}{}
	<-w.held
	<-first.done
	w.hold <- struct{}{}
	<-rest[499].done

	seen := w.seen()
	if len(seen) != 2 || seen[0].count != 1 || seen[1].count != 500 || seen[1].seq != 1 || seen[0].pid != seen[1].pid {
		t.Errorf("batches %+v, want one of 1 record, one of 500, in one session", seen)
	}
	if first.base != 0 || rest[0] != rest[499] || rest[0].base != 1 {
		t.Errorf("offsets %d and %d, want 0 and 1", first.base, rest[0].base)
	}
	for i, r := range tailUntil(t, l, ingest.TopicRefused, 0, 1, 501) {
		if !bytes.Equal(r.Body, testBody(i)) {
			t.Fatalf("offset %d holds %s, want %s", r.Offset, r.Body, testBody(i))
		}
	}
}

func TestBatchesAndQueueAreBounded(t *testing.T) {
	w := &producerWatch{hold: make(chan struct{}), held: make(chan struct{})}
	l, _ := watchedLog(t, w, Options{MaxBatchBytes: 2000, QueueBytes: 5000})
	body := bytes.Repeat([]byte("x"), 600)
	writer := l.writers[ingest.TopicRefused][0]
	var batches []*batch
	var err error
	for err == nil && len(batches) < 100 {
		var b *batch
		if b, _, err = writer.add(testEnvelope(len(batches)), body); err == nil {
			batches = append(batches, b)
		}
	}
	if !errors.Is(err, ingest.ErrOverload) || len(batches) < 4 || len(batches) > 8 {
		t.Errorf("%d records of 600 bytes fit a queue of 5000, then %v", len(batches), err)
	}
	if _, err := l.Append(t.Context(), ingest.TopicRefused, testEnvelope(0), make([]byte, maxMessageBytes)); !errors.Is(err, ingest.ErrTooLarge) {
		t.Errorf("record larger than a batch: %v", err)
	}
	distinct := map[*batch]bool{}
	for _, b := range batches {
		distinct[b] = true
	}
	for range distinct {
		<-w.held
		w.hold <- struct{}{}
	}
	for _, b := range batches {
		if <-b.done; b.err != nil {
			t.Error(b.err)
		}
	}
	for _, p := range w.seen() {
		if p.count > 3 {
			t.Errorf("batch of %d records is over 2000 bytes", p.count)
		}
	}
	if writer.bytes != 0 {
		t.Errorf("%d bytes are still counted", writer.bytes)
	}
}

func TestGivingUpDoesNotHarmTheBatch(t *testing.T) {
	w := &producerWatch{hold: make(chan struct{}), held: make(chan struct{})}
	l, _ := watchedLog(t, w, Options{})
	ctx, cancel := context.WithCancel(t.Context())
	body := []byte("as it was")
	failed := make(chan error)
	go func() {
		_, err := l.Append(ctx, ingest.TopicRefused, testEnvelope(1), body)
		failed <- err
	}()
	<-w.held
	cancel()
	if err := <-failed; !errors.Is(err, ingest.ErrOutcomeUnknown) || !errors.Is(err, context.Canceled) {
		t.Errorf("append that gave up: %v", err)
	}
	copy(body, "changed!!")
	w.hold <- struct{}{}
	if got := tailUntil(t, l, ingest.TopicRefused, 0, 0, 1); string(got[0].Body) != "as it was" {
		t.Errorf("log has %q", got[0].Body)
	}
	if _, err := l.Append(ctx, ingest.TopicRefused, testEnvelope(2), body); !errors.Is(err, ingest.ErrOverload) {
		t.Errorf("append that had given up before: %v", err)
	}
}

// A produce error that does not pass must end the session: the same sequence is never
// sent again. So it is with every error on the embedded broker, which remembers sequences
// whose write failed. What is acknowledged is in the log once; what was refused is not.
func TestProduceErrorBeginsANewSession(t *testing.T) {
	f := func(embedded bool, fault *kerr.Error, want error, inLog bool) {
		t.Helper()
		w := &producerWatch{}
		l, c := watchedLog(t, w, Options{embedded: embedded})
		appendT(t, l, 0)
		c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Err: fault})
		_, err := l.Append(t.Context(), ingest.TopicRefused, testEnvelope(1), testBody(1))
		if !errors.Is(err, want) || !errors.Is(err, segmentio.Error(fault.Code)) {
			t.Errorf("%s: append said %v, want %v", fault.Message, err, want)
		}
		appendT(t, l, 2)
		seen := w.seen()
		if n := len(seen); n != 3 || seen[2].pid == seen[1].pid || seen[2].seq != 0 || seen[1].seq != 1 {
			t.Errorf("%s: batches %+v, want the third in a session of its own", fault.Message, seen)
		}
		bodies := []int{0, 1, 2}
		if !inLog {
			bodies = []int{0, 2}
		}
		got := tailUntil(t, l, ingest.TopicRefused, 0, 0, int64(len(bodies)))
		for i, r := range got {
			if !bytes.Equal(r.Body, testBody(bodies[i])) {
				t.Errorf("%s: offset %d holds %s, want %s", fault.Message, i, r.Body, testBody(bodies[i]))
			}
		}
	}
	f(false, kerr.UnknownServerError, ingest.ErrOutcomeUnknown, false)
	f(false, kerr.InvalidTimestamp, ingest.ErrOverload, false)
	f(false, kerr.TopicAuthorizationFailed, ingest.ErrOverload, false)
	f(false, kerr.PolicyViolation, ingest.ErrOverload, false)
	f(true, kerr.RequestTimedOut, ingest.ErrOutcomeUnknown, true) // kfake does the work and then says so
	f(true, kerr.UnknownServerError, ingest.ErrOutcomeUnknown, false)
	f(true, kerr.NotEnoughReplicas, ingest.ErrOverload, false)
	f(true, kerr.NotLeaderForPartition, ingest.ErrOutcomeUnknown, false)
	f(true, kerr.UnknownTopicOrPartition, ingest.ErrOutcomeUnknown, false)
}

// What passes is waited out inside the append: the batch is sent again as the very same
// one, so that it is in the log once, whether it got there before or not.
func TestABatchIsSentAgainAsTheSame(t *testing.T) {
	for _, fault := range []*kerr.Error{
		kerr.NotLeaderForPartition, kerr.LeaderNotAvailable, kerr.UnknownTopicOrPartition, kerr.FencedLeaderEpoch, kerr.KafkaStorageError, kerr.NotEnoughReplicas,
		kerr.RequestTimedOut, kerr.NotEnoughReplicasAfterAppend, // kfake does the work and then says so
	} {
		w := &producerWatch{}
		l, c := watchedLog(t, w, Options{})
		appendT(t, l, 0)
		c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Err: fault, Count: 3})
		if pos := appendT(t, l, 1); pos.Offset != 1 {
			t.Errorf("%s: offset %d, want 1", fault.Message, pos.Offset)
		}
		appendT(t, l, 2)
		seen := w.seen()
		for i, want := range []int32{0, 1, 1, 1, 1, 2} {
			if len(seen) != 6 || seen[i].seq != want || seen[i].pid != seen[0].pid {
				t.Errorf("%s: batches %+v, want the second four times, in one session", fault.Message, seen)
				break
			}
		}
		for i, r := range tailUntil(t, l, ingest.TopicRefused, 0, 0, 3) {
			if !bytes.Equal(r.Body, testBody(i)) {
				t.Errorf("%s: offset %d holds %s", fault.Message, i, r.Body)
			}
		}
	}
}

// A connection that ends, and a leader that does not answer, are waited out likewise.
func TestALostAnswerIsAskedForAgain(t *testing.T) {
	for name, ends := range map[string]bool{"the connection ends": true, "no answer comes": false} {
		w := &producerWatch{}
		l, c := watchedLog(t, w, Options{})
		appendT(t, l, 0)
		c.ControlKey(int16(kmsg.Produce), func(kmsg.Request) (kmsg.Response, error, bool) {
			if ends {
				return nil, errors.New("gone"), true
			}
			return nil, nil, true
		})
		pos, err := l.Append(t.Context(), ingest.TopicRefused, testEnvelope(1), testBody(1))
		if err != nil || pos.Offset != 1 {
			t.Errorf("%s: offset %d, %v", name, pos.Offset, err)
		}
		appendT(t, l, 2)
		if _, end, err := l.Bounds(t.Context(), l.partition(ingest.TopicRefused, 0)); err != nil || end != 3 {
			t.Errorf("%s: the log ends at %d, %v; want every record once", name, end, err)
		}
	}
}

// Partitions whose leader lives know nothing of one that does not: no append to them is
// refused, and each gets its producer session from its own leader.
func TestPartitionsWhoseLeaderLivesGoOn(t *testing.T) {
	c, err := kfake.NewCluster(kfake.NumBrokers(3))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	l := openT(t, Options{Brokers: c.ListenAddrs(), Partitions: 6})
	dead := c.PartitionInfo(string(ingest.TopicCDRs), 0).Leader
	down := c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Nodes: []int32{dead}, Err: kerr.NotLeaderForPartition, Count: -1},
		kfake.Fault{Keys: []kmsg.Key{kmsg.InitProducerID}, Nodes: []int32{dead}, TopLevel: true, Err: kerr.CoordinatorNotAvailable, Count: -1})
	waiting := make(chan error, 64)
	waits := 0
	for i := range 64 {
		e := testEnvelope(i)
		p := l.Place(ingest.TopicCDRs, e.Key)
		if c.PartitionInfo(string(ingest.TopicCDRs), p.Number).Leader == dead {
			waits++
			go func() {
				_, err := l.Append(t.Context(), ingest.TopicCDRs, e, testBody(i))
				waiting <- err
			}()
			continue
		}
		if _, err := l.Append(t.Context(), ingest.TopicCDRs, e, testBody(i)); err != nil {
			t.Errorf("%s, whose leader lives: %v", p, err)
		}
	}
	if waits == 0 || waits == 64 || len(waiting) > 0 {
		t.Errorf("%d of 64 appends wait for a leader, %d of them are done without one", waits, len(waiting))
	}
	down.Remove()
	for range waits {
		if err := <-waiting; err != nil {
			t.Errorf("an append that waited for its leader: %v", err)
		}
	}
}

// In an outage that lasts, who comes is told soon, and so is who asks after partitions;
// when it is over, the next append is taken.
func TestALongOutageIsTold(t *testing.T) {
	c, err := kfake.NewCluster(kfake.NumBrokers(1))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	var log bytes.Buffer
	l := openT(t, Options{Brokers: c.ListenAddrs(), Logger: slog.New(slog.NewTextHandler(&log, nil))})
	appendT(t, l, 0)
	l.opts.patience = 100 * time.Millisecond
	few := c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Topic: string(ingest.TopicRefused), Err: kerr.NotEnoughReplicas, Count: -1})
	for i := range 3 {
		if _, err := l.Append(t.Context(), ingest.TopicRefused, testEnvelope(i), nil); !errors.Is(err, ingest.ErrOverload) {
			t.Errorf("append %d: %v", i, err)
		}
	}
	failing := l.Failing(t.Context())
	if len(failing) != 1 || failing[l.partition(ingest.TopicRefused, 0)] == nil {
		t.Errorf("failing: %v", failing)
	}
	l.opts.patience = 0
	few.Remove()
	for {
		_, err := l.Append(t.Context(), ingest.TopicRefused, testEnvelope(3), nil)
		if err == nil {
			break
		}
		if !errors.Is(err, ingest.ErrOverload) {
			t.Fatal(err)
		}
	}
	if failing := l.Failing(t.Context()); len(failing) > 0 {
		t.Errorf("failing when it is over: %v", failing)
	}
	if text := log.String(); strings.Count(text, "produce failed") != 1 || strings.Count(text, "appends are taken again") != 1 {
		t.Errorf("the log tells it once and once that it is over:\n%s", text)
	}
}

// A broker that has forgotten our session refused before it wrote: the same
// records go out again in a new one and the caller sees nothing of it.
func TestForgottenSessionIsRenewed(t *testing.T) {
	for _, fault := range []*kerr.Error{kerr.UnknownProducerID, kerr.OutOfOrderSequenceNumber, kerr.InvalidProducerEpoch} {
		w := &producerWatch{}
		l, c := watchedLog(t, w, Options{})
		appendT(t, l, 0)
		c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Err: fault})
		if pos := appendT(t, l, 1); pos.Offset != 1 {
			t.Errorf("%s: offset %d, want 1", fault.Message, pos.Offset)
		}
		if seen := w.seen(); len(seen) != 3 || seen[2].pid == seen[1].pid || seen[2].seq != 0 {
			t.Errorf("%s: batches %+v, want the third in a session of its own", fault.Message, seen)
		}
	}
}

func TestSequenceDoesNotOverflow(t *testing.T) {
	w := &producerWatch{}
	l, _ := watchedLog(t, w, Options{})
	appendT(t, l, 0)
	writer := l.writers[ingest.TopicRefused][0]
	writer.session.next = 1<<31 - 1
	appendT(t, l, 1)
	if seen := w.seen(); len(seen) != 2 || seen[1].seq != 0 || seen[1].pid == seen[0].pid {
		t.Errorf("batches %+v, want the second in a session of its own", seen)
	}
}

func appendT(t *testing.T, l *Log, i int) ingest.Position {
	t.Helper()
	pos, err := l.Append(t.Context(), ingest.TopicRefused, testEnvelope(i), testBody(i))
	if err != nil {
		t.Fatal(err)
	}
	return pos
}

func TestBrokerAwayRefusesAtOnceAndComesBack(t *testing.T) {
	dir := t.TempDir()
	c, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.DataDir(dir), kfake.SyncWrites())
	if err != nil {
		t.Fatal(err)
	}
	addr := c.ListenAddrs()[0]
	l := openT(t, Options{Brokers: []string{addr}})
	appendT(t, l, 0)
	l.opts.patience = 100 * time.Millisecond
	c.Close()
	for {
		_, err := l.Append(t.Context(), ingest.TopicRefused, testEnvelope(1), testBody(1))
		if !errors.Is(err, ingest.ErrOverload) && !errors.Is(err, ingest.ErrOutcomeUnknown) {
			t.Fatalf("append without a broker: %v", err)
		}
		if errors.Is(err, ingest.ErrOverload) {
			break
		}
	}
	l.opts.patience = 0
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	number, err := strconv.Atoi(port)
	if err != nil {
		t.Fatal(err)
	}
	c, err = kfake.NewCluster(kfake.NumBrokers(1), kfake.DataDir(dir), kfake.SyncWrites(), kfake.Ports(number))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	for {
		pos, err := l.Append(t.Context(), ingest.TopicRefused, testEnvelope(2), testBody(2))
		if err == nil {
			if pos.Offset != 1 {
				t.Errorf("offset %d after the broker came back, want 1", pos.Offset)
			}
			return
		}
		if !errors.Is(err, ingest.ErrOverload) && !errors.Is(err, ingest.ErrOutcomeUnknown) {
			t.Fatal(err)
		}
	}
}

func TestFullLogRefuses(t *testing.T) {
	full := false
	l, _ := watchedLog(t, nil, Options{Full: func(ingest.Topic) bool { return full }})
	appendT(t, l, 0)
	full = true
	if _, err := l.Append(t.Context(), ingest.TopicRefused, testEnvelope(1), nil); !errors.Is(err, ingest.ErrOverload) {
		t.Errorf("append to a full log: %v", err)
	}
	full = false
	appendT(t, l, 1)
}

func TestManyAppendAtOnce(t *testing.T) {
	l, _ := watchedLog(t, nil, Options{Partitions: 3})
	const callers, each = 256, 8
	got := make([][each]ingest.Position, callers)
	var wg sync.WaitGroup
	for c := range callers {
		wg.Go(func() {
			for i := range each {
				e := testEnvelope(c) // one key per caller: its records keep their order
				pos, err := l.Append(t.Context(), ingest.TopicCDRs, e, fmt.Appendf(nil, "%d/%d", c, i))
				if err != nil {
					t.Error(err)
					return
				}
				got[c][i] = pos
			}
		})
	}
	wg.Wait()
	bodies := map[ingest.Position]string{}
	for p := range int32(3) {
		_, end, err := l.Bounds(t.Context(), l.partition(ingest.TopicCDRs, p))
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range tailUntil(t, l, ingest.TopicCDRs, p, 0, end) {
			bodies[r.Position] = string(r.Body)
		}
	}
	if len(bodies) != callers*each {
		t.Errorf("%d records in the log, want %d", len(bodies), callers*each)
	}
	for c := range callers {
		for i, pos := range got[c] {
			if want := fmt.Sprintf("%d/%d", c, i); bodies[pos] != want {
				t.Errorf("position %s holds %q, want %q", pos, bodies[pos], want)
			}
			if i > 0 && pos.Offset <= got[c][i-1].Offset {
				t.Errorf("caller %d: offset %d after %d", c, pos.Offset, got[c][i-1].Offset)
			}
		}
	}
}

// A produce that timed out may still be on its way out of our memory.
func TestMemoryOfAFailedBatchIsNotUsedAgain(t *testing.T) {
	w := newWriter(&Log{opts: Options{MaxBatchBytes: defaultBatchBytes}}, ingest.Partition{Topic: ingest.TopicCDRs}, nil)
	for _, sent := range []bool{true, false} {
		b := newBatch(nil)
		memory := &b.buf[0]
		w.release(b, sent)
		if again := w.spare != nil && &w.spare[0] == memory; again != sent {
			t.Errorf("sent %t: used again %t", sent, again)
		}
		w.spare = nil
	}
}
