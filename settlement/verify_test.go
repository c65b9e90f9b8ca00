package settlement

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
)

var refused = ingest.Partition{Topic: ingest.TopicRefused, Epoch: 1}

var tokens = ingest.Partition{Topic: ingest.TopicReference, Epoch: 1}

// heldLog is a log of reference data in memory, from start on, and what its
// group committed.
type heldLog struct {
	of      ingest.Partition
	records []ingest.Record
	start   int64
	ledger  ingest.Ledger
}

func (l *heldLog) Partitions(t ingest.Topic) []ingest.Partition {
	if t == l.of.Topic {
		return []ingest.Partition{l.of}
	}
	return nil
}

func (l *heldLog) Place(ingest.Topic, ocpi.Key) ingest.Partition { return tokens }

func (l *heldLog) Bounds(context.Context, ingest.Partition) (start, end int64, err error) {
	return l.start, int64(len(l.records)), nil
}

func (l *heldLog) Read(_ context.Context, _ ingest.Partition, from int64, _ int) ([]ingest.Record, error) {
	if from < l.start {
		return nil, errors.New("gone")
	}
	return append([]ingest.Record(nil), l.records[from:]...), nil
}

func (l *heldLog) Tail(context.Context, ingest.Partition, int64, func([]ingest.Record) error) error {
	return errors.New("nobody follows here")
}

func (l *heldLog) Ledger(context.Context, ingest.Partition) (ingest.Ledger, error) {
	return l.ledger, nil
}

// heldStore holds records and nothing else.
type heldStore struct {
	VerifyStore
	records []ingest.Record
	next    int64
	gaps    [][2]int64
}

func (s *heldStore) Gaps(context.Context, ingest.Partition) ([][2]int64, error) { return s.gaps, nil }

func (s *heldStore) Checkpoint(context.Context, ingest.Partition) (int64, error) {
	return s.next, nil
}

func (s *heldStore) SettlementAt(context.Context, SettlementQuery, Ends, []ocpi.Key) ([]SettlementRow, error) {
	return nil, nil
}

func (s *heldStore) RelationProgress(context.Context) (Ends, error) { return Ends{}, nil }

func (s *heldStore) StoredRelations(context.Context, func(Relation) error) error { return nil }

func (s *heldStore) CreditsNamed(context.Context, func(ocpi.Key) error) error { return nil }

func (s *heldStore) RecordsRange(_ context.Context, _ ingest.Partition, _, _ int64, fn func(ingest.Record) error) error {
	for _, r := range s.records {
		if err := fn(r); err != nil {
			return err
		}
	}
	return nil
}

func referenceRecords(n int) []ingest.Record {
	out := make([]ingest.Record, n)
	for i := range out {
		out[i] = ingest.Record{Position: tokens.At(int64(i)), Envelope: ingest.Envelope{Object: ingest.ObjectToken}, Body: []byte{'a' + byte(i)}}
	}
	return out
}

func ledgerOf(records []ingest.Record, from, next int64) ingest.Ledger {
	l := ingest.Ledger{From: from, Next: from}
	for i := from; i < next; i++ {
		l.Add(ingest.EntryOf(&records[i]))
	}
	return l
}

// Only what the log still has, or a ledger that is there counts, is proved.
func TestVerifyProvesOnlyWhatItCan(t *testing.T) {
	all := referenceRecords(8)
	damaged := append([]ingest.Record(nil), all...)
	damaged[2].Body = []byte("x")
	cases := []struct {
		name              string
		stored            []ingest.Record
		start             int64
		ledger            ingest.Ledger
		trimmed, unproven int64
		want              string // of the disagreements
	}{
		{"all in the log", all, 0, ledgerOf(all, 0, 8), 0, 0, ""},
		{"all in the log, no commit", all, 0, ingest.Ledger{}, 0, 0, ""},
		{"trimmed up to the commit", all, 6, ledgerOf(all, 0, 6), 6, 0, ""},
		{"trimmed, and the commit is gone", all, 6, ingest.Ledger{}, 0, 6, ""},
		{"trimmed, and the commit was made anew", all, 6, ledgerOf(all, 4, 8), 2, 4, ""},
		{"trimmed beyond the commit", all, 6, ledgerOf(all, 0, 5), 5, 1, ""},
		{"damaged where the log has it", damaged, 0, ingest.Ledger{}, 0, 0, "differs from the log's"},
		{"damaged where the commit counts it", damaged, 6, ledgerOf(all, 0, 8), 6, 0, "their digest is"},
		{"damaged where nothing proves it", damaged, 6, ingest.Ledger{}, 0, 6, ""},
		{"an older store", all[:5], 0, ledgerOf(all, 0, 8), 0, 0, "an older copy of the store was put back"},
	}
	for _, c := range cases {
		v := &Verifier{Log: &heldLog{of: tokens, records: all, start: c.start, ledger: c.ledger}, Store: &heldStore{records: c.stored, next: int64(len(c.stored))}}
		r, err := v.Verify(t.Context())
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		if r.Records != int64(len(c.stored)) || r.TrimmedProven != c.trimmed || r.Unproven != c.unproven {
			t.Errorf("%s: %d walked, %d proved by the ledger, %d unproven; want %d, %d, %d", c.name, r.Records, r.TrimmedProven, r.Unproven, len(c.stored), c.trimmed, c.unproven)
		}
		var said []string
		for _, d := range r.Disagreements {
			said = append(said, d.String())
		}
		if text := strings.Join(said, "\n"); (c.want == "") != (text == "") || !strings.Contains(text, c.want) {
			t.Errorf("%s: disagreements %q, want %q", c.name, text, c.want)
		}
		if proved := c.want == "" && c.unproven == 0; r.Proved() != proved {
			t.Errorf("%s: proved %t, want %t", c.name, r.Proved(), proved)
		}
	}
}

// What a bounded topic let go of before it was stored is noted, and what was
// kept for long enough is no longer there; anything else that lacks is told.
func TestVerifyKnowsWhatABoundedTopicMayLack(t *testing.T) {
	all := referenceRecords(8)
	for i := range all {
		all[i].Position = refused.At(int64(i))
	}
	without := func(from, to int) []ingest.Record {
		return append(append([]ingest.Record(nil), all[:from]...), all[to:]...)
	}
	noted := ingest.Ledger{}
	for i, r := range all {
		if i < 2 || i >= 5 {
			noted.Add(ingest.EntryOf(&r))
		}
	}
	cases := []struct {
		name                       string
		stored                     []ingest.Record
		start                      int64
		ledger                     ingest.Ledger
		gaps                       [][2]int64
		missing, expired, unproven int64
		want                       string
	}{
		{"all there", all, 0, ledgerOf(all, 0, 8), nil, 0, 0, 0, ""},
		{"a gap that was noted", without(2, 5), 5, noted, [][2]int64{{2, 5}}, 3, 0, 0, ""},
		{"a gap that was noted, in part", without(2, 5), 2, noted, [][2]int64{{2, 4}}, 2, 0, 0, "records 4 to 4 are not in the store"},
		{"kept for long enough", without(0, 3), 5, ledgerOf(all, 0, 8), nil, 0, 3, 0, ""},
		{"gone while the log has them", without(2, 5), 0, ledgerOf(all, 0, 8), nil, 0, 0, 0, "records 2 to 4 are not in the store"},
	}
	for _, c := range cases {
		v := &Verifier{Log: &heldLog{of: refused, records: all, start: c.start, ledger: c.ledger}, Store: &heldStore{records: c.stored, next: 8, gaps: c.gaps}}
		r, err := v.Verify(t.Context())
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		if r.Missing != c.missing || r.Expired != c.expired || r.Unproven != c.unproven {
			t.Errorf("%s: %d missing, %d expired, %d unproven; want %d, %d, %d", c.name, r.Missing, r.Expired, r.Unproven, c.missing, c.expired, c.unproven)
		}
		var said []string
		for _, d := range r.Disagreements {
			said = append(said, d.String())
		}
		if text := strings.Join(said, "\n"); (c.want == "") != (text == "") || !strings.Contains(text, c.want) {
			t.Errorf("%s: disagreements %q, want %q", c.name, text, c.want)
		}
	}
}
