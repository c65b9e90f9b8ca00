package objects

import (
	"context"
	"fmt"

	"github.com/roamclear/roamclear/ingest"
)

// RecordStore is where records other than CDRs and the state they fold to go.
type RecordStore interface {
	// WriteObjects stores records of one partition in the order of their
	// offsets, the states they lead to, and last the checkpoint behind them.
	WriteObjects(ctx context.Context, p ingest.Partition, recs []ingest.Record, states []ingest.ObjectState) error
	Checkpoint(ctx context.Context, p ingest.Partition) (next int64, err error)
	// NoteGap notes that the log let go of records before they were stored.
	NoteGap(ctx context.Context, p ingest.Partition, from, next int64) error
}

// Recorder stores the records of every topic but the CDRs', with the state
// they fold to, as the log's keeper in the store. It is the work of an
// [ingest.Drain].
type Recorder struct {
	Store   RecordStore
	Objects *Follower
}

// recordBytes bounds what is stored at once: objects are larger than the
// changes that lead to them.
const recordBytes = 32 << 20

// Checkpoint implements [ingest.Work].
func (r *Recorder) Checkpoint(ctx context.Context, p ingest.Partition) (int64, error) {
	return r.Store.Checkpoint(ctx, p)
}

// NoteGap implements [ingest.GapNoter].
func (r *Recorder) NoteGap(ctx context.Context, p ingest.Partition, from, next int64) error {
	return r.Store.NoteGap(ctx, p, from, next)
}

// Do implements [ingest.Work]: it stores all records of the turn.
func (r *Recorder) Do(ctx context.Context, t *ingest.Turn) error {
	p, recs := t.Partition, t.Records
	states := func(from, to int) []ingest.ObjectState { return nil }
	if r.Objects.Follows(p.Topic) {
		if err := r.Objects.WaitNext(ctx, p, recs[len(recs)-1].Offset+1); err != nil {
			return fmt.Errorf("wait for the fold of %s: %w", p, err)
		}
		states = func(from, to int) []ingest.ObjectState { return r.Objects.States(p, recs[from:to]) }
	}
	err := t.Store(ctx, ingest.Storing{
		Rows: len(recs), Size: atOnce(recs, states(0, len(recs))),
		Attempt: func(ctx context.Context, from, to int) error {
			return r.Store.WriteObjects(ctx, p, recs[from:to], states(from, to))
		},
	})
	if err != nil {
		return err
	}
	for i := range recs {
		t.Done(i, ingest.EntryOf(&recs[i]))
	}
	return nil
}

// changeBytes is what a change takes beside its texts: its members' names, and numbers.
const changeBytes = 120

// stored is how much of a state is stored: its body, and all that it has said. Contract
// ids stand in a column of their own too.
func stored(s *ingest.ObjectState) int {
	n := len(s.Body) + len(s.Contract)
	for i := range s.Changes {
		n += changeBytes + len(s.Changes[i].Zone) + len(s.Changes[i].Powers) + 2*len(s.Changes[i].Contract)
	}
	return n
}

// atOnce returns how many records go into one attempt.
func atOnce(recs []ingest.Record, states []ingest.ObjectState) int {
	bytes := 0
	for i := range recs {
		bytes += len(recs[i].Body)
	}
	for i := range states {
		bytes += stored(&states[i])
	}
	return max(len(recs)*recordBytes/max(bytes, recordBytes), 1)
}
