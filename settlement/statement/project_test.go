package statement_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement/clearing"
	"github.com/roamclear/roamclear/settlement/statement"
)

// decisionLog is a control log of decisions.
type decisionLog []clearing.DecisionRecord

func (l decisionLog) Since(_ context.Context, from int64, fn func(*clearing.DecisionRecord) error) (int64, error) {
	for i := range l {
		if l[i].Offset >= from {
			if err := fn(&l[i]); err != nil {
				return 0, err
			}
		}
	}
	return 100, nil
}

// decisionShelf keeps decisions, and has records of CDRs below an offset.
type decisionShelf struct {
	statement.DecisionStore
	next    int64
	records int64
	rows    map[string]string
}

func (s *decisionShelf) DecisionsNext(context.Context) (int64, error) { return s.next, nil }

func (s *decisionShelf) WriteDecisions(_ context.Context, list []statement.Decided, next int64) error {
	for _, d := range list {
		act := "undone"
		if d.Decision != nil {
			act = string(d.Decision.Act) + " " + strings.Join(d.Decision.Covers, " ")
		}
		s.rows[d.Key.String()] = fmt.Sprintf("%s at %d by %s: %s", act, d.Offset, d.By, d.Reason)
	}
	s.next = next
	return nil
}

func (s *decisionShelf) KeysAt(_ context.Context, p ingest.Partition, offsets []int64, fn func(int64, ocpi.Key) error) error {
	for _, o := range offsets {
		if o < s.records {
			if err := fn(o, ocpi.NewKey("NL", "TNM", fmt.Sprintf("C%d-%d", p.Number, o))); err != nil {
				return err
			}
		}
	}
	return nil
}

// The store learns each decision once, in the order of the log, begins where it was, and
// does not pass one about a record that it does not have.
func TestProject(t *testing.T) {
	decided := func(offset int64, act clearing.Act, covers string, cdrs ...ingest.Position) clearing.DecisionRecord {
		return clearing.DecisionRecord{Offset: offset, NewDecision: clearing.NewDecision{
			Act: act, By: "local", Reason: "R", Groups: []clearing.DecidedGroup{{Covers: []string{covers}, CDRs: cdrs}},
		}}
	}
	at := func(partition int32, offset int64) ingest.Position {
		return ingest.Position{Partition: partition, Offset: offset}
	}
	log := decisionLog{decided(3, clearing.Accept, "age", at(0, 1), at(1, 1)), decided(5, clearing.Undo, "", at(1, 1)), decided(9, clearing.RejectIt, "energy", at(0, 7))}
	store := &decisionShelf{records: 2, rows: map[string]string{}}
	err := statement.Project(t.Context(), log, store)
	if err == nil || !strings.Contains(err.Error(), "control record 9: it decides about 1 CDRs, and the store has the records of 0") || store.next != 6 {
		t.Errorf("%v, next %d", err, store.next)
	}
	store.records = 8
	for range 2 {
		if err := statement.Project(t.Context(), log, store); err != nil || store.next != 100 {
			t.Errorf("%v, next %d", err, store.next)
		}
	}
	want := map[string]string{"NL*TNM*C0-1": "accept age at 3 by local: R", "NL*TNM*C1-1": "undone at 5 by local: R", "NL*TNM*C0-7": "reject energy at 9 by local: R"}
	if diff := gocmp.Diff(want, store.rows); diff != "" {
		t.Error(diff)
	}
}
