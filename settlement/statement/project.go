package statement

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement/clearing"
)

// DecisionLog hands on the decisions of the control log: a clearing.Decisions.
type DecisionLog interface {
	Since(ctx context.Context, from int64, fn func(*clearing.DecisionRecord) error) (next int64, err error)
}

// Project has the store know all decisions of the control log that are folded here. It
// begins where the store is, so that it can be called by whoever needs them, side by side
// and again: the same rows come of it.
func Project(ctx context.Context, log DecisionLog, store DecisionStore) error {
	from, err := store.DecisionsNext(ctx)
	if err != nil {
		return fmt.Errorf("read which decisions are stored: %w", err)
	}
	stored := from
	next, err := log.Since(ctx, from, func(r *clearing.DecisionRecord) error {
		list, err := decidedBy(ctx, r, store)
		if err != nil {
			return fmt.Errorf("store the decision of control record %d: %w", r.Offset, err)
		}
		stored = r.Offset + 1
		return store.WriteDecisions(ctx, list, stored)
	})
	if err != nil || stored == from {
		return err // the store need not know that nothing was decided
	}
	return store.WriteDecisions(ctx, nil, max(stored, next))
}

// decidedBy is what one record decides, by CDR.
func decidedBy(ctx context.Context, r *clearing.DecisionRecord, store DecisionStore) ([]Decided, error) {
	var list []Decided
	var adopted *ingest.Position
	if r.Act == clearing.Adopt {
		adopted = &r.Copy
	}
	offsets, at := map[ingest.Partition][]int64{}, map[ingest.Position]int{}
	for i := range r.Groups {
		decision := r.Decision(&r.Groups[i])
		for _, p := range r.Groups[i].CDRs {
			at[p] = len(list)
			list = append(list, Decided{Decision: decision, Offset: r.Offset, By: r.By, Reason: r.Reason, At: r.Decided, Position: p, Adopted: adopted})
			of := ingest.Partition{Topic: ingest.TopicCDRs, Epoch: p.Epoch, Number: p.Partition}
			offsets[of] = append(offsets[of], p.Offset)
		}
	}
	found := 0
	for of := range maps.Keys(offsets) {
		slices.Sort(offsets[of])
		for some := range slices.Chunk(offsets[of], MaxKeysAt) {
			err := store.KeysAt(ctx, of, some, func(offset int64, key ocpi.Key) error {
				list[at[of.At(offset)]].Key = key
				found++
				return nil
			})
			if err != nil {
				return nil, err
			}
		}
	}
	if found != len(list) {
		return nil, fmt.Errorf("it decides about %d CDRs, and the store has the records of %d", len(list), found)
	}
	return list, nil
}
