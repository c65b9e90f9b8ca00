package ingest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// Work is what is done with the records of a partition.
type Work interface {
	// Checkpoint returns the offset up to which the store holds everything.
	Checkpoint(ctx context.Context, p Partition) (next int64, err error)
	// Do makes records of the turn durable and says which, at least one. What
	// it leaves comes again in the next turn, with what has arrived meanwhile.
	// An error ends the Drain; nothing of the turn is committed then.
	Do(ctx context.Context, t *Turn) error
}

// GapNoter is a Work that notes, in the store, what a bounded topic let go of
// before it was stored.
type GapNoter interface {
	NoteGap(ctx context.Context, p Partition, from, next int64) error
}

// Drain keeps partitions of the log in the store: it goes on where an earlier
// one stopped, whatever that left, gathers records, has them made durable, and
// commits how far it got with a Ledger. One Drain serves all partitions of a
// group.
type Drain struct {
	Work    Work
	Group   string // as metrics and messages name it
	Logger  *slog.Logger
	Metrics *DrainMetrics
}

// stopGrace is how long a turn under way may go on after a stop was asked for.
const stopGrace = 15 * time.Second

// Run keeps one partition until ctx ends (then it returns nil), the lease is
// lost or the log is not what it must be. After ctx has ended the turn under
// way is finished and committed, within stopGrace.
func (d *Drain) Run(ctx context.Context, l Lease) error {
	k := &keeping{Drain: d, lease: l, partition: l.Partition()}
	if err := k.resume(ctx); err != nil {
		return fmt.Errorf("resume %s: %w", k.partition, err)
	}
	for ctx.Err() == nil {
		if err := k.gather(ctx); err != nil {
			if ctx.Err() != nil {
				return nil
			}
			if err = k.bridge(ctx, err); err != nil {
				return fmt.Errorf("read %s at %d: %w", k.partition, k.front, err)
			}
			continue
		}
		if err := k.turn(ctx); err != nil {
			return err
		}
	}
	return nil
}

// keeping is a Drain's work on one partition.
type keeping struct {
	*Drain
	lease     Lease
	partition Partition

	ledger    Ledger
	committed int64 // what the group's commit says
	stored    int64 // the store's checkpoint at the start
	lost      bool  // the group had no commit at the start
	next      int64 // every record before it is durable
	front     int64 // every record before it has been read once
	left      int64 // the first record before front that is neither pending nor durable, -1 when there is none

	pending []Record        // ascending
	ahead   map[int64]Entry // durable ones from next on
}

// resume goes on at the lower of the group's commit and the store's
// checkpoint. The ledger stands at the commit; records before it are stored
// again but not counted again.
func (k *keeping) resume(ctx context.Context) (err error) {
	var metadata string
	if k.committed, metadata = k.lease.Committed(); k.committed < 0 {
		k.committed, k.lost = 0, true
	}
	if k.ledger, err = ParseLedger(metadata, k.committed); err != nil {
		return err
	}
	if k.stored, err = k.Work.Checkpoint(ctx, k.partition); err != nil {
		return err
	}
	k.next = min(k.committed, k.stored)
	k.front, k.left, k.ahead = k.next, -1, map[int64]Entry{}
	return nil
}

// bridge decides about records that are gone. Where the group has no commit
// (any more) and the log no longer begins at 0, a new ledger counts from the
// store's checkpoint on: verify tells what stands before as unproven. A bounded
// topic is gone on with where it begins, and the gap is noted. It returns the
// error for any other gap: nothing is skipped.
func (k *keeping) bridge(ctx context.Context, err error) error {
	gap, ok := errors.AsType[*GapError](err)
	if !ok {
		return err
	}
	if !k.lost || k.next > 0 || k.stored < gap.Start || k.stored > gap.End {
		return k.skip(ctx, gap, err)
	}
	k.Logger.Warn("the group has no commit and the log begins later: going on at the store's checkpoint; what stands before it can no longer be proved",
		"group", k.Group, "partition", k.partition, "checkpoint", k.stored, "log_start", gap.Start)
	k.ledger = Ledger{From: k.stored, Next: k.stored}
	k.committed, k.next, k.front, k.lost = k.stored, k.stored, k.stored, false
	return nil
}

// skip goes on behind a gap in a bounded topic.
func (k *keeping) skip(ctx context.Context, gap *GapError, err error) error {
	spec, _ := k.partition.Topic.Spec()
	noter, ok := k.Work.(GapNoter)
	if !ok || !spec.Bounded() || gap.Want != k.next || gap.Start <= gap.Want {
		return err
	}
	from := max(k.next, k.stored)
	if from < gap.Start {
		if err := noter.NoteGap(ctx, k.partition, from, gap.Start); err != nil {
			return fmt.Errorf("note what is missing of %s: %w", k.partition, err)
		}
		k.Metrics.gaps.WithLabelValues(k.Group).Add(float64(gap.Start - from))
		k.Logger.Error("the log let go of records before they were stored: they are noted as missing and left out",
			"group", k.Group, "partition", k.partition, "from", from, "to", gap.Start-1)
	}
	k.next, k.front = gap.Start, gap.Start
	return nil
}

// turn has the pending records worked on, accounts for what became durable,
// and commits.
func (k *keeping) turn(ctx context.Context) error {
	work, done := finishing(ctx)
	defer done()
	t := &Turn{Partition: k.partition, Records: k.pending, keeping: k, stop: ctx, entries: make([]Entry, len(k.pending)), durable: make([]bool, len(k.pending))}
	if err := k.Work.Do(work, t); err != nil {
		if ctx.Err() != nil {
			return nil // asked to stop meanwhile: it is all done again
		}
		return err
	}
	if t.done == 0 {
		return fmt.Errorf("work on %s: nothing came of %d records", k.partition, len(k.pending))
	}
	k.account(t)
	k.carry(t)
	k.Metrics.records.WithLabelValues(k.Group).Add(float64(t.done))
	if k.ledger.Next == k.committed {
		return nil // a replay below the ledger moves nothing: the commit only goes forward
	}
	metadata, err := k.ledger.Metadata()
	if err != nil {
		return err
	}
	if err := k.lease.Commit(work, k.ledger.Next, metadata); err != nil {
		if ctx.Err() != nil && errors.Is(err, context.Canceled) {
			return nil
		}
		return fmt.Errorf("commit %s at %d: %w", k.partition, k.ledger.Next, err)
	}
	k.committed = k.ledger.Next
	return nil
}

// account moves next over what is durable, in the order of offsets: that is
// the order in which the ledger counts.
func (k *keeping) account(t *Turn) {
	for i := range t.Records {
		if !t.durable[i] {
			continue
		}
		if e := t.entries[i]; e.Offset == k.next {
			k.count(e)
			k.catchUp()
		} else {
			k.ahead[e.Offset] = e
		}
	}
	k.catchUp()
}

func (k *keeping) catchUp() {
	for len(k.ahead) > 0 {
		e, ok := k.ahead[k.next]
		if !ok {
			return
		}
		delete(k.ahead, k.next)
		k.count(e)
	}
}

func (k *keeping) count(e Entry) {
	if e.Offset >= k.ledger.Next {
		k.ledger.Add(e)
	}
	k.next = e.Offset + 1
}

// finishing returns a context for one turn: what was read is stored and
// committed even when ctx ends meanwhile, within the time an orderly stop
// allows.
func finishing(ctx context.Context) (context.Context, func()) {
	work, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		timer := time.AfterFunc(stopGrace, cancel)
		context.AfterFunc(work, func() { timer.Stop() })
	})
	return work, func() { stop(); cancel() }
}
