package clickhouse

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement"
)

// ranges prints what the range readers give for partition 0.
func ranges(t *testing.T, s *Store, from, to int64) string {
	t.Helper()
	var b strings.Builder
	line := func(table string, p ingest.Position, what string) error {
		_, err := fmt.Fprintf(&b, "%s %d %s\n", table, p.Offset, what)
		return err
	}
	for _, err := range []error{
		s.RecordsRange(t.Context(), cdrsOf(0), from, to, func(r ingest.Record) error {
			return line("record", r.Position, string(r.Body))
		}),
		s.CopiesRange(t.Context(), cdrsOf(0), from, to, func(c settlement.StoredCopy) error {
			return line("copy", c.Position, fmt.Sprintf("%s %x, first of %d is %d %x, differ %t, conflict %t", c.Key, c.Hash[:2], c.Copies, c.First.Offset, c.FirstHash[:2], c.Differ, c.Conflict))
		}),
		s.WinnersRange(t.Context(), cdrsOf(0), from, to, func(c settlement.StoredCDR) error {
			return line("cdr", c.Position, fmt.Sprintf("%s %s %s %s", c.Key, c.EMSP, c.Month, c.LastUpdated))
		}),
		s.ListingsRange(t.Context(), cdrsOf(0), from, to, func(l settlement.StoredListing) error {
			return line("list", l.Position, fmt.Sprintf("%s %t %s", l.Party, l.Creditor, l.LastUpdated))
		}),
		s.ResultsRange(t.Context(), cdrsOf(0), from, to, func(r settlement.StoredResult) error {
			return line("result", r.Record.Position, fmt.Sprintf("%s %s>%s %s %s %v %s %s %s", r.Record.Key, r.Debtor, r.Creditor, r.Month, r.Currency, r.Credit, r.Outcome.Status, r.Outcome.Claim, r.Outcome.Claimed.Excl))
		}),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return b.String()
}

func TestRanges(t *testing.T) {
	s := newStore(t)
	write(t, s, batchOf(t, 0, 0, january), batchOf(t, 1, 0, january))
	got := ranges(t, s, 1, 4)
	body := func(id string) string { return fmt.Sprintf(`{"id":%q,"content":""}`, id) }
	for _, want := range []string{
		"record 1 " + body("c2") + "\nrecord 2 " + body("c3") + "\nrecord 3 " + body("k1") + "\ncopy 1 GB*DUN*C2 ",
		", first of 2 is 1 ", "differ true, conflict true\ncdr 1 GB*DUN*C2 NL*EXW 2019-01 ", "list 1 NL*EXW false ", "list 1 GB*DUN true ",
		"result 1 GB*DUN*C2 NL*EXW>GB*DUN 2019-01 GBP false rejected absent 5\nresult 2 GB*DUN*C3 NL*EXW>GB*DUN 2019-01 GBP false priced differs 7.5\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("missing %q in\n%s", want, got)
		}
	}
	if n := strings.Count(got, "\n"); n != 16 { // three of each, six listings, one copy
		t.Errorf("%d rows for 3 records, want 16:\n%s", n, got)
	}
	// Offsets 5 and 6 are a repeat and a conflict: records and copies only.
	if got := ranges(t, s, 5, 7); strings.Contains(got, "cdr") || strings.Contains(got, "result") || strings.Count(got, "\n") != 4 {
		t.Errorf("losing copies:\n%s", got)
	}
}

// Damage shows in the ranges, and writing the same batch again mends it: no
// deduplication takes a replay for a repeat.
func TestDamageShowsAndReplayMends(t *testing.T) {
	for name, damage := range map[string]string{
		"record gone":      "ALTER TABLE records DELETE WHERE offset = 3",
		"record doubled":   "INSERT INTO records SELECT * FROM records WHERE offset = 3",
		"record changed":   "ALTER TABLE records UPDATE body = 'x' WHERE offset = 3",
		"copy gone":        "ALTER TABLE duplicates DELETE WHERE offset = 6",
		"listing gone":     "ALTER TABLE sender_lists DELETE WHERE offset = 3",
		"winner gone":      "ALTER TABLE cdrs DELETE WHERE offset = 1",
		"result gone":      "ALTER TABLE results DELETE WHERE offset = 3",
		"amount changed":   "ALTER TABLE results UPDATE claimed_excl = 1 WHERE offset = 3",
		"position doubled": "INSERT INTO results SELECT * REPLACE(202001 AS month) FROM results WHERE offset = 3",
	} {
		t.Run(name, func(t *testing.T) {
			s := newStore(t)
			b := batchOf(t, 0, 0, january)
			write(t, s, b)
			whole := ranges(t, s, 0, 100)
			// Doubled rows must not be merged away before they are looked at.
			for _, statement := range []string{"SYSTEM STOP MERGES " + quoteName(s.db) + ".records", "SYSTEM STOP MERGES " + quoteName(s.db) + ".results"} {
				if strings.Contains(name, "doubled") {
					if err := s.conn.Exec(t.Context(), statement); err != nil {
						t.Fatal(err)
					}
				}
			}
			if err := s.conn.Exec(t.Context(), damage+" SETTINGS mutations_sync = 2"); err != nil {
				t.Fatal(err)
			}
			if got := ranges(t, s, 0, 100); got == whole {
				t.Fatal("the damage does not show")
			}
			if strings.Contains(name, "doubled") || strings.Contains(name, "changed") {
				return // rows of one version: which one stays is not ours to choose
			}
			write(t, s, b)
			for _, table := range []string{"records", "duplicates"} {
				if err := s.conn.Exec(t.Context(), "OPTIMIZE TABLE "+table+" FINAL"); err != nil {
					t.Fatal(err)
				}
			}
			if got := ranges(t, s, 0, 100); got != whole {
				t.Errorf("after the replay:\n%s\nwant\n%s", got, whole)
			}
		})
	}
}

// What was PUT and what there is are read in one order, each partition its own.
func TestWhatWasPutAndIsKept(t *testing.T) {
	s := newStore(t)
	reference, sessions := newOwned(s, ingest.TopicReference), newOwned(s, ingest.TopicSessions)
	for _, id := range []ingest.Identity{
		object(ingest.ObjectToken, "NLEXW", "k2", "RFID"), object(ingest.ObjectToken, "NLEXW", "k2", "OTHER"), object(ingest.ObjectToken, "DETNM", "k1", "RFID"),
		object(ingest.ObjectTariff, "GBDUN", "t1", ""), object(ingest.ObjectTariff, "GBDUN", "t1", "NL*EXW"), object(ingest.ObjectTariff, "GBDUN", "t1", ""),
		object(ingest.ObjectLocation, "GBDUN", "l1", ""), object(ingest.ObjectLocation, "GBDUN", "a b*c", ""),
	} {
		reference.change(t, id, 1, nil)
	}
	sessions.change(t, object(ingest.ObjectSession, "GBDUN", "s1", ""), 1, with("NLEXW"))
	// A part of a Location, and what changes a part of an object, PUT none.
	at := reference.partition.At(reference.next)
	recs := []ingest.Record{
		{Position: at, Envelope: ingest.Envelope{Object: ingest.ObjectLocation, Method: ingest.MethodPut, Key: ocpi.NewKey("GB", "DUN", "L9"), Path: "E1"}},
		{Position: reference.partition.At(at.Offset + 1), Envelope: ingest.Envelope{Object: ingest.ObjectToken, Method: ingest.MethodPatch, Key: ocpi.NewKey("NL", "EXW", "K9"), Variant: "RFID"}},
	}
	if err := s.WriteObjects(t.Context(), reference.partition, recs, nil); err != nil {
		t.Fatal(err)
	}
	payer := ingest.Record{Position: sessions.partition.At(sessions.next), Envelope: ingest.Envelope{Object: ingest.ObjectSession, Method: ingest.MethodPut, Key: ocpi.NewKey("GB", "DUN", "S1"), Path: "NL*EXW C"}}
	if err := s.WriteObjects(t.Context(), sessions.partition, []ingest.Record{payer}, nil); err != nil {
		t.Fatal(err)
	}
	const all = "location GB*DUN*A B*C, location GB*DUN*L1, tariff GB*DUN*T1, tariff GB*DUN*T1 NL*EXW, token DE*TNM*K1 RFID, token NL*EXW*K2 OTHER, token NL*EXW*K2 RFID"
	for _, tc := range []struct {
		partition ingest.Partition
		next      int64
		puts      string
		kept      string
	}{
		{reference.partition, 100, all, all},
		{reference.partition, 3, "token DE*TNM*K1 RFID, token NL*EXW*K2 OTHER, token NL*EXW*K2 RFID", all},
		{sessions.partition, 100, "session GB*DUN*S1", "session GB*DUN*S1"},
	} {
		var puts, kept []string
		add := func(list *[]string, id ingest.Identity) error {
			if text := id.String(); !slices.Contains(*list, text) {
				*list = append(*list, text)
			}
			return nil
		}
		err := s.ChangesBefore(t.Context(), tc.partition, tc.next, func(c settlement.StoredChange) error {
			if c.Method != ingest.MethodPut || c.Path != "" {
				return nil
			}
			return add(&puts, c.Identity)
		})
		if got := strings.Join(puts, ", "); err != nil || got != tc.puts {
			t.Errorf("PUT before %d: %v, %q, want %q", tc.next, err, got, tc.puts)
		}
		err = s.KeptObjects(t.Context(), tc.partition, func(k settlement.KeptObject) error { return add(&kept, k.Identity) })
		if got := strings.Join(kept, ", "); err != nil || got != tc.kept {
			t.Errorf("kept: %v, %q, want %q", err, got, tc.kept)
		}
	}
}
