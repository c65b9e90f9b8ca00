package pricing

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/roamclear/roamclear/ingest"
)

// Store is where results go.
type Store interface {
	// WriteCDRs stores a batch, its checkpoint last. A replay of any part of
	// it changes nothing; where its records have been priced again, by what is
	// known now, the batch says Again.
	WriteCDRs(ctx context.Context, b *Batch) error
	// Resume returns the offset up to which the store holds everything, to whoever
	// writes the partition from now on: another process may have written it since.
	Resume(ctx context.Context, p ingest.Partition) (next int64, err error)
	// Priced returns the offset from which on the store has no result: it may
	// have some beyond the checkpoint.
	Priced(ctx context.Context, p ingest.Partition) (next int64, err error)
}

// Gate lets a batch through once everything that it may rest on has been folded.
type Gate interface {
	// CatchUp returns the ends that the topics of reference data and control
	// had when it was called, once they have been folded up to there.
	CatchUp(ctx context.Context) (AsOf, error)
}

// Worker prices the CDR records of the partitions this process owns.
type Worker struct {
	Store    Store
	Gate     Gate
	Inputs   Inputs
	Policies Policies
	Logger   *slog.Logger
	Metrics  *Metrics
}

// Bounds of what is priced before it is stored and committed, so that neither
// a stop nor other senders wait long for it, and the store takes it in one go.
const (
	turnTime  = time.Second
	turnBytes = 32 << 20 // bodies, explanations and what else a row keeps
	rowBytes  = 512      // of a row beside its body and its explanation
)

// Begin returns the work on one partition, for an [ingest.Drain].
func (w *Worker) Begin() ingest.Work {
	inputs := Own(w.Inputs)
	return &work{Worker: w, inputs: inputs, pricer: NewPricer(inputs, w.Policies)}
}

// work is a Worker's on one partition.
type work struct {
	*Worker
	inputs Inputs
	pricer *Pricer
	rows   []Row
	places []int                    // of the rows, in the turn's records
	used   map[string]time.Duration // of the turn before, by sender
	priced int64                    // before it, results may stand that an earlier keeper stored
}

// Checkpoint implements [ingest.Work].
func (w *work) Checkpoint(ctx context.Context, p ingest.Partition) (next int64, err error) {
	if w.priced, err = w.Store.Priced(ctx, p); err != nil {
		return 0, err
	}
	return w.Store.Resume(ctx, p)
}

// Do implements [ingest.Work]: it prices for turnTime, or until turnBytes have
// come of it, and stores what it has priced.
func (w *work) Do(ctx context.Context, t *ingest.Turn) error {
	at, err := w.Gate.CatchUp(ctx)
	if err != nil {
		return fmt.Errorf("wait for tariffs, locations and partners: %w", err)
	}
	if err := w.price(ctx, t, at); err != nil {
		return fmt.Errorf("read old versions of tariffs: %w", err)
	}
	if err := w.store(ctx, t); err != nil {
		return err
	}
	for i := range w.rows {
		r := &w.rows[i]
		e := ingest.EntryOf(&r.Record)
		e.Currency, e.Excl, e.Incl = r.Currency, r.Outcome.Claimed.Excl, r.Outcome.Claimed.Incl
		t.Done(w.places[i], e)
	}
	w.Metrics.done(w.rows)
	clear(w.rows) // gives the bodies they refer to back
	return nil
}

// price prices records of the turn, each sender's in its turn, into rows that
// are in the order of offsets again.
func (w *work) price(ctx context.Context, t *ingest.Turn, at AsOf) error {
	if cap(w.rows) < len(t.Records) {
		w.rows = make([]Row, len(t.Records))
	}
	w.rows, w.places = w.rows[:len(t.Records)], w.places[:0]
	began, bytes := time.Now(), 0
	priced, order := make([]bool, len(t.Records)), make([]int, 0, len(t.Records))
	queue := newFairQueue(t.Records, w.used)
	err := Gather(ctx, w.inputs, len(t.Records), func(n int) (more bool) {
		if n < len(order) { // again: of what it needs some was not in memory
			w.pricer.Price(&t.Records[order[n]], &w.rows[order[n]], at)
			return true
		}
		i, ok := queue.next()
		if !ok {
			return false
		}
		order = append(order, i)
		w.pricer.Price(&t.Records[i], &w.rows[i], at)
		priced[i] = true
		bytes += w.rows[i].Bytes()
		queue.spent()
		took := time.Since(began)
		return bytes < turnBytes && took < turnTime && !(took >= turnTime/8 && t.Stopping())
	})
	if err != nil {
		return err
	}
	w.used = queue.usedNow()
	for i, ok := range priced {
		if ok {
			w.rows[len(w.places)] = w.rows[i]
			w.places = append(w.places, i)
		}
	}
	w.rows = w.rows[:len(w.places)]
	return nil
}

// Bytes is about what storing the row takes.
func (r *Row) Bytes() int {
	n := rowBytes + len(r.Record.Body) + len(r.Outcome.Explanation) + len(r.Outcome.Reconciliation)
	for i := range r.Outcome.Findings {
		n += len(r.Outcome.Findings[i].Detail) + len(r.Outcome.Findings[i].Path)
	}
	return n
}

func (w *work) store(ctx context.Context, t *ingest.Turn) error {
	return t.Store(ctx, ingest.Storing{
		Rows: len(w.rows),
		Attempt: func(ctx context.Context, from, to int) error {
			next := t.Next(func(i int) bool {
				_, ours := slices.BinarySearch(w.places[:to], i)
				return ours
			})
			return w.Store.WriteCDRs(ctx, &Batch{Partition: t.Partition, Rows: w.rows[from:to], Next: next, Again: w.rows[from].Record.Offset < w.priced})
		},
		Isolate: func(i int, cause error) func() {
			row := &w.rows[i]
			was := row.Outcome
			row.Outcome = Outcome{Status: Rejected, Reason: ReasonUnstorable, Detail: cause.Error(), Claimed: was.Claimed, AsOf: was.AsOf}
			return func() { row.Outcome = was }
		},
	})
}
