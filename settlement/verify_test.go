package settlement

import (
	"strings"
	"testing"

	"github.com/roamclear/roamclear/ingest"
)

// held is a log that had the records of a partition, and has those from start
// on; its group has committed a ledger; the store holds some of the records, up
// to next.
func held(t *testing.T, p ingest.Partition, all []ingest.Record, start int64, ledger ingest.Ledger, stored []ingest.Record, next int64) *proven {
	t.Helper()
	w := newProven()
	for i := range all {
		if _, err := w.log.Append(t.Context(), p.Topic, &all[i].Envelope, all[i].Body); err != nil {
			t.Fatal(err)
		}
	}
	w.log.Trim(p, start)
	w.log.ledgers[p] = ledger
	w.store.records[p], w.store.next[p] = stored, next
	return w
}

// recordsOf are n records of a partition.
func recordsOf(p ingest.Partition, n int) []ingest.Record {
	out := make([]ingest.Record, n)
	for i := range out {
		out[i] = ingest.Record{Position: p.At(int64(i)), Envelope: ingest.Envelope{Object: ingest.ObjectToken}, Body: []byte{'a' + byte(i)}}
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
	all := recordsOf(tokens, 8)
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
		r, err := held(t, tokens, all, c.start, c.ledger, c.stored, int64(len(c.stored))).verify(t)
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		if r.Records != int64(len(c.stored)) || r.TrimmedProven != c.trimmed || r.Unproven != c.unproven {
			t.Errorf("%s: %d walked, %d proved by the ledger, %d unproven; want %d, %d, %d", c.name, r.Records, r.TrimmedProven, r.Unproven, len(c.stored), c.trimmed, c.unproven)
		}
		if text := strings.Join(disagreements(r), "\n"); (c.want == "") != (text == "") || !strings.Contains(text, c.want) {
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
	all := recordsOf(refused, 8)
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
		w := held(t, refused, all, c.start, c.ledger, c.stored, 8)
		w.store.gaps[refused] = c.gaps
		r, err := w.verify(t)
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		if r.Missing != c.missing || r.Expired != c.expired || r.Unproven != c.unproven {
			t.Errorf("%s: %d missing, %d expired, %d unproven; want %d, %d, %d", c.name, r.Missing, r.Expired, r.Unproven, c.missing, c.expired, c.unproven)
		}
		if text := strings.Join(disagreements(r), "\n"); (c.want == "") != (text == "") || !strings.Contains(text, c.want) {
			t.Errorf("%s: disagreements %q, want %q", c.name, text, c.want)
		}
	}
}
