package pricing

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
)

// Store is where results go.
type Store interface {
	// WriteCDRs stores a batch, its checkpoint last. A replay of any part of
	// it changes nothing.
	WriteCDRs(ctx context.Context, b *Batch) error
	// Checkpoint returns the offset up to which the store holds everything.
	Checkpoint(ctx context.Context, p ingest.Partition) (next int64, err error)
}

// Gate lets a batch through once the followers of the reference topics have
// folded everything that was in the log when it was read.
type Gate interface {
	CatchUp(ctx context.Context) error
}

// Worker prices the CDR records of the partitions this process owns.
type Worker struct {
	Store    Store
	Gate     Gate
	Inputs   Inputs
	Policies Policies
	// Closed reports whether a month is closed: Heal leaves
	// its rejects alone. nil: no month is.
	Closed  func(ocpi.Month) bool
	Logger  *slog.Logger
	Metrics *Metrics
}

// Bounds of a batch. A batch closes at maxRows or maxBytes; when few records
// come, idleLinger after its first one, so that an idle service shows a CDR in
// well under a second; under load it may fill for busyLinger, so that one
// insert carries thousands of rows (an insert costs the engine 7-19 ms of CPU
// whatever its size).
const (
	maxRows    = 10_000
	maxBytes   = 48 << 20
	fullRows   = 5_000
	busyRows   = 300
	idleLinger = 150 * time.Millisecond
	busyLinger = 3 * time.Second
)

// Run works on one partition until ctx ends or the lease is lost.
func (w *Worker) Run(ctx context.Context, c ingest.Lease) error {
	next, ledger, err := w.resume(ctx, c)
	if err != nil {
		return err
	}
	pricer := NewPricer(w.Inputs, w.Policies)
	batch := &Batch{Partition: c.Partition()}
	busy := false
	for {
		records, err := gather(ctx, c, next, busy)
		if err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return fmt.Errorf("read %s at %d: %w", c.Partition(), next, err)
		}
		busy = len(records) >= busyRows
		work, done := finishing(ctx)
		err = w.process(work, pricer, batch, records, &ledger, c)
		done()
		if err != nil {
			return err
		}
		next = batch.Last + 1
		c.Release()
		if ctx.Err() != nil {
			return nil
		}
	}
}

// stopGrace is how long a batch under way may go on after a stop was asked for.
const stopGrace = 15 * time.Second

// finishing returns a context for one batch: what was read is priced, stored
// and committed even when ctx ends meanwhile, within the time an orderly stop
// allows.
func finishing(ctx context.Context) (context.Context, func()) {
	work, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		timer := time.AfterFunc(stopGrace, cancel)
		context.AfterFunc(work, func() { timer.Stop() })
	})
	return work, func() { stop(); cancel() }
}

// resume returns where to go on: at the lower of the group's commit and the
// store's checkpoint. The ledger stands at the commit; records before it are
// stored again but not counted again.
func (w *Worker) resume(ctx context.Context, c ingest.Lease) (int64, Ledger, error) {
	committed, metadata := c.Committed()
	committed = max(committed, 0)
	ledger, err := ParseLedger(metadata, committed)
	if err != nil {
		return 0, Ledger{}, fmt.Errorf("resume %s: %w", c.Partition(), err)
	}
	stored, err := w.Store.Checkpoint(ctx, c.Partition())
	if err != nil {
		return 0, Ledger{}, fmt.Errorf("resume %s: %w", c.Partition(), err)
	}
	return min(committed, stored), ledger, nil
}

// gather collects one batch: it waits for a first record, then lingers for
// more. The linger is the only clock in the worker and decides nothing but
// the batch's size.
func gather(ctx context.Context, c ingest.Lease, next int64, busy bool) ([]ingest.Record, error) {
	records, err := c.Read(ctx, next, maxRows, maxBytes, 0)
	if err != nil {
		return nil, err
	}
	began, size := time.Now(), bodyBytes(records)
	for len(records) < fullRows && size < maxBytes/2 {
		linger := idleLinger
		if busy || len(records) >= busyRows {
			linger = busyLinger
		}
		if linger -= time.Since(began); linger <= 0 {
			break
		}
		next = records[len(records)-1].Offset + 1
		more, err := c.Read(ctx, next, maxRows-len(records), maxBytes/2, linger)
		if err != nil {
			if ctx.Err() != nil {
				break // asked to stop: finish what we have
			}
			return nil, err
		}
		records = append(records, more...)
		size += bodyBytes(more)
	}
	return records, nil
}

func bodyBytes(records []ingest.Record) int {
	n := 0
	for i := range records {
		n += len(records[i].Body)
	}
	return n
}

// process prices, stores and commits one batch.
func (w *Worker) process(ctx context.Context, p *Pricer, b *Batch, records []ingest.Record, l *Ledger, c ingest.Lease) error {
	if err := w.Gate.CatchUp(ctx); err != nil {
		return fmt.Errorf("wait for tariffs and locations: %w", err)
	}
	b.First, b.Last = records[0].Offset, records[len(records)-1].Offset
	if cap(b.Rows) < len(records) {
		b.Rows = make([]Row, len(records))
	}
	b.Rows = b.Rows[:len(records)]
	for i := range records {
		p.Price(&records[i], &b.Rows[i])
	}
	if err := w.store(ctx, b); err != nil {
		return err
	}
	for i := range b.Rows {
		if r := &b.Rows[i]; r.Record.Offset >= l.Next {
			l.Add(&r.Record, r.Currency, r.Outcome.Claimed.Excl, r.Outcome.Claimed.Incl)
		}
	}
	// A replay below the ledger moves nothing: the commit only goes forward.
	if b.Last+1 >= l.Next {
		metadata, err := l.Metadata()
		if err != nil {
			return err
		}
		if err := c.Commit(ctx, l.Next, metadata); err != nil {
			return fmt.Errorf("commit %s at %d: %w", b.Partition, l.Next, err)
		}
	}
	w.Metrics.done(b)
	return nil
}

// store writes the batch, trying again while the store is away. Nothing is
// committed meanwhile; the log keeps what comes in.
func (w *Worker) store(ctx context.Context, b *Batch) error {
	delay := 50 * time.Millisecond
	for {
		err := w.Store.WriteCDRs(ctx, b)
		if err == nil {
			return nil
		}
		w.Metrics.storeErrors.Inc()
		w.Logger.Warn("store batch", "partition", b.Partition, "first", b.First, "last", b.Last, "error", err)
		timer := time.NewTimer(delay)
		select {
		case <-ctx.Done():
			timer.Stop()
			return fmt.Errorf("store %s %d-%d: %w", b.Partition, b.First, b.Last, errors.Join(err, ctx.Err()))
		case <-timer.C:
		}
		delay = min(2*delay, 2*time.Second)
	}
}
