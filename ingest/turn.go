package ingest

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// ErrTooMuch says, beside ErrUnavailable, that the store has no memory for what
// it was asked to do at once: ask for less.
var ErrTooMuch = errors.New("too much at once for the store")

// Turn is what a Drain hands to its Work: records of one partition, ascending,
// with gaps where records in between are durable already or wait for a later
// turn.
type Turn struct {
	Partition Partition
	Records   []Record

	*keeping
	stop    context.Context
	entries []Entry // by record, of those that are durable
	durable []bool
	done    int
}

// Stopping reports whether a stop was asked for: finish soon.
func (t *Turn) Stopping() bool { return t.stop.Err() != nil }

// Done says that record i is durable, as the ledger is to count it.
func (t *Turn) Done(i int, e Entry) {
	if !t.durable[i] {
		t.done++
	}
	t.durable[i], t.entries[i] = true, e
}

// Next returns the offset before which every record is durable once those that
// also names are, by their place in Records: the store's checkpoint.
func (t *Turn) Next(also func(i int) bool) int64 {
	next, i := t.next, 0
	for {
		if _, ok := t.ahead[next]; ok {
			next++
			continue
		}
		for i < len(t.Records) && t.Records[i].Offset < next {
			i++
		}
		if i == len(t.Records) || t.Records[i].Offset != next || (!t.durable[i] && !also(i)) {
			return next
		}
		next++
	}
}

// Storing is how something of n rows gets into the store.
type Storing struct {
	Rows int
	// Size is how many are attempted at once, 0 for all.
	Size int
	// Attempt stores the rows from..to. A repeat changes nothing.
	Attempt func(ctx context.Context, from, to int) error
	// Isolate makes row i one that can be stored, after it could not be by
	// itself, and returns how to undo that. nil: there is no such thing.
	Isolate func(i int, cause error) (undo func())
}

// Bounds of trying again. A row that alone takes too much memory is given some
// tries: it may be others who have it.
const (
	retryAfter   = 50 * time.Millisecond // doubled each time
	retryAtMost  = 2 * time.Second
	patientTries = 6
)

// Store stores rows, trying again with back-off until it succeeds: nothing is
// committed meanwhile, and the log keeps what comes in. What the store has no
// memory for, or refuses for good, is halved, not repeated; a row that cannot
// be stored by itself is isolated, unless then it cannot be either: then it is
// not the row. It gives up when ctx ends, or after a failure when a stop was
// asked for.
func (t *Turn) Store(ctx context.Context, s Storing) error {
	whole := s.Size
	if whole <= 0 {
		whole = s.Rows
	}
	size, tries, wait := whole, 0, retryAfter
	for from := 0; from < s.Rows; {
		to := min(from+size, s.Rows)
		err := s.Attempt(ctx, from, to)
		if err == nil {
			from, size, tries, wait = to, min(2*size, whole), 0, retryAfter
			continue
		}
		t.failed(from, to, err)
		lasting := !errors.Is(err, ErrUnavailable)
		if cut := lasting || errors.Is(err, ErrTooMuch); cut && to-from > 1 {
			size = (to - from) / 2
			continue
		} else if tries++; cut && (lasting || tries > patientTries) && t.isolate(ctx, &s, from, err) {
			from++
			continue
		}
		size = whole
		if t.Stopping() || !Pause(ctx, wait) {
			return fmt.Errorf("store %s, rows %d to %d: %w", t.Partition, from, to, errors.Join(err, ctx.Err()))
		}
		wait = min(2*wait, retryAtMost)
	}
	return nil
}

// isolate stores one row in a form that can be stored, and reports whether
// that helped.
func (t *Turn) isolate(ctx context.Context, s *Storing, i int, cause error) bool {
	if s.Isolate == nil {
		return false
	}
	undo := s.Isolate(i, cause)
	if err := s.Attempt(ctx, i, i+1); err != nil {
		undo()
		t.failed(i, i+1, err)
		return false
	}
	t.Metrics.isolated.WithLabelValues(t.Group).Inc()
	t.Logger.Error("a record could not be stored as it is: stored as a reject", "group", t.Group, "partition", t.Partition, "row", i, "error", cause)
	return true
}

// failed tells a failure that passes from one that does not.
func (t *Turn) failed(from, to int, err error) {
	if errors.Is(err, ErrUnavailable) {
		t.Metrics.errors.WithLabelValues(t.Group, "passing").Inc()
		t.Logger.Warn("store records", "group", t.Group, "partition", t.Partition, "rows", to-from, "error", err)
		return
	}
	t.Metrics.errors.WithLabelValues(t.Group, "lasting").Inc()
	t.Logger.Error("the store refuses records: this does not pass by itself", "group", t.Group, "partition", t.Partition, "rows", to-from, "error", err)
}

// Pause waits and reports whether ctx still stands.
func Pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
