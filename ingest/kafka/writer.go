package kafka

import (
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/roamclear/roamclear/ingest"
)

// maxBatchRecords bounds a batch of very small records.
const maxBatchRecords = 10_000

// writer is the group commit of one partition. Records are encoded into the
// open batch as they arrive; one batch is on its way; the next one is what
// arrived meanwhile. The broker's acknowledgements are the only clock.
type writer struct {
	log       *Log
	partition ingest.Partition
	metrics   *writerMetrics

	mu     sync.Mutex
	wake   sync.Cond // on mu: there is something to send, or closed
	queue  []*batch  // full ones first, the open one last
	bytes  int       // in queue and on the way
	spare  []byte    // memory of the last batch sent
	away   bool      // no producer session can be had: appends are refused
	closed bool
	failed failure   // of the last delivery, zero after one that succeeded
	took   time.Time // when the last one succeeded

	session session // owned by run
	outage  ingest.Outage
}

func newWriter(l *Log, p ingest.Partition, m *writerMetrics) *writer {
	w := &writer{log: l, partition: p, metrics: m, outage: ingest.Outage{Logger: l.opts.Logger}}
	w.wake.L = &w.mu
	return w
}

// add encodes a record into the open batch and returns the batch and the
// record's place in it.
func (w *writer) add(e *ingest.Envelope, body []byte) (*batch, int32, error) {
	size := recordSize(e, body)
	if size > maxMessageBytes-batchHeader {
		return nil, 0, fmt.Errorf("%w: a record of %d bytes, at most %d fit", ingest.ErrTooLarge, size, maxMessageBytes-batchHeader)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case w.closed:
		return nil, 0, fmt.Errorf("%w: log is closed", ingest.ErrOverload)
	case w.away:
		return nil, 0, fmt.Errorf("%w: broker is away", ingest.ErrOverload)
	case w.bytes > 0 && w.bytes+size > w.log.opts.QueueBytes: // one record always fits
		w.metrics.refused.Inc()
		return nil, 0, fmt.Errorf("%w: queue is full", ingest.ErrOverload)
	}
	b := w.open(size)
	before := len(b.buf)
	place := b.add(e, body)
	w.bytes += len(b.buf) - before
	w.wake.Signal()
	return b, place, nil
}

// open returns the batch that the next record of size bytes goes into: a batch of
// its own where it would make the open one larger than batches are to be.
func (w *writer) open(size int) *batch {
	if n := len(w.queue); n > 0 {
		b := w.queue[n-1]
		if b.count < maxBatchRecords && len(b.buf)-batchPrefix+size <= w.log.opts.MaxBatchBytes {
			return b
		}
	}
	b := newBatch(w.spare)
	w.spare = nil
	w.queue = append(w.queue, b)
	return b
}

// run sends batch after batch until the writer is closed and nothing is left.
func (w *writer) run() {
	for b := w.next(); b != nil; b = w.next() {
		w.send(b)
	}
}

// next waits for a batch to send, nil when there will be none.
func (w *writer) next() *batch {
	w.mu.Lock()
	defer w.mu.Unlock()
	for len(w.queue) == 0 && !w.closed {
		w.wake.Wait()
	}
	if len(w.queue) == 0 {
		return nil
	}
	b := w.queue[0]
	w.queue = w.queue[1:]
	return b
}

func (w *writer) close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closed = true
	w.wake.Broadcast()
}

// send has a batch delivered and tells its callers. After an error the session is never
// used again: the broker may remember a sequence whose write failed.
func (w *writer) send(b *batch) {
	start := time.Now()
	d := w.deliver(b)
	err := d.outcome()
	w.metrics.observe(w.partition.Topic, b, time.Since(start), err)
	w.release(b, err == nil && d.tries == 1)
	w.note(err)
	if err == nil {
		w.outage.Over("appends are taken again", "partition", w.partition)
	} else {
		w.session = session{}
		w.outage.Failed(slog.LevelError, "produce failed", "partition", w.partition, "records", b.count, "error", err)
	}
	b.finish(d.base, err)
	if d.late {
		w.awaitBroker(err)
	}
}

// release takes a batch's bytes off the queue and keeps its memory for the
// next one, unless it failed: a connection may still be reading from it. What
// waits for the batch needs only its outcome.
func (w *writer) release(b *batch, sent bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.bytes -= len(b.buf) - batchRecordsAt
	if sent && cap(b.buf) <= 2*w.log.opts.MaxBatchBytes { // the memory of a large record is not kept
		w.spare = b.buf
	}
	b.buf = nil
}

// awaitBroker refuses all that waits and all that comes, until the partition's leader
// hands out a producer session again.
func (w *writer) awaitBroker(cause error) {
	w.mu.Lock()
	queue := w.queue
	w.queue, w.bytes, w.away = nil, 0, true
	w.mu.Unlock()
	for _, b := range queue {
		b.finish(0, fmt.Errorf("%w: broker is away: %w", ingest.ErrOverload, cause))
	}
	for wait := 50 * time.Millisecond; ingest.Pause(w.log.open, wait); wait = min(2*wait, time.Second) {
		s, err := w.log.newSession(w.log.open, w.partition)
		if err == nil {
			w.session = s
			break
		}
		w.outage.Failed(slog.LevelWarn, "broker is away", "partition", w.partition, "error", err)
	}
	w.mu.Lock()
	w.away = false
	w.mu.Unlock()
}
