package clickhouse

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement"
)

// What applying a run would replace is noted by what still counts, in the order of keys,
// and says later how it stands.
func TestAppliedRunsAreNoted(t *testing.T) {
	s := newStore(t)
	b := batchOf(t, 0, 0, twoMonths)
	write(t, s, b)
	page := repriced(t, s, b, "2/2.4") // c1, c3, c4
	page[1].Row.Debtor = ocpi.NewParty("NL", "EXW")
	note(t, s, "run", page, 5)
	stands := func(id uint64, want settlement.AppliedStanding) {
		t.Helper()
		if got, err := s.AppliedStanding(t.Context(), id); err != nil || got != want {
			t.Errorf("%d stands as %+v, %v, want %+v", id, got, err, want)
		}
	}
	noted := func(want ...settlement.NotedRun) {
		t.Helper()
		got, err := s.Noted(t.Context())
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("noted: %v (-want +got):\n%s", err, diff)
		}
	}
	digest := func(id uint64) string {
		t.Helper()
		n, digest, err := settlement.DigestApplied(t.Context(), s, id)
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprintf("%d %x", n, digest[:4])
	}
	noted()
	note7 := func() {
		t.Helper()
		if err := s.NoteApplied(t.Context(), settlement.NotedRun{ID: 7, Control: 9}, "run"); err != nil {
			t.Fatal(err)
		}
	}
	note7()
	note7() // again it is the same
	const all = "3 2370338f"
	if got := digest(7); got != all {
		t.Errorf("the digest is %s, want %s: what is hashed of results must never change", got, all)
	}
	var keys []string
	err := s.AppliedCDRs(t.Context(), 7, func(c *settlement.AppliedCDR) error {
		keys = append(keys, c.Key.String())
		if c.Old == c.New || c.Old == 0 {
			t.Errorf("%s: %x becomes %x", c.Key, c.Old, c.New)
		}
		return nil
	})
	if diff := cmp.Diff([]string{"GB*DUN*C1", "GB*DUN*C3", "GB*PKC*C4"}, keys); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	stands(7, settlement.AppliedStanding{Left: 3})
	if err := s.ApplyRepriced(t.Context(), "run", cdrsOf(0)); err != nil {
		t.Fatal(err)
	}
	stands(7, settlement.AppliedStanding{})
	note7() // as another process does that was about to apply the same
	if got := digest(7); got != all {
		t.Errorf("applied, the digest is %s, was %s", got, all)
	}
	if err := s.conn.Exec(t.Context(), "ALTER TABLE results UPDATE computed_excl = 9 WHERE id = 'C3' AND generation = 1 SETTINGS mutations_sync = 2"); err != nil {
		t.Fatal(err)
	}
	stands(7, settlement.AppliedStanding{Differ: 1, Example: keyOf("c3")})

	// A later run of two of them; what is noted of it once one of these is no more pending.
	later := repriced(t, s, b, "3/3.6")[:2]
	note(t, s, "later", later[:1], 5)
	if err := s.ApplyRepriced(t.Context(), "later", cdrsOf(0)); err != nil {
		t.Fatal(err)
	}
	note(t, s, "later", later[1:], 5)
	if err := s.NoteApplied(t.Context(), settlement.NotedRun{ID: 8, Control: 11}, "later"); err != nil {
		t.Fatal(err)
	}
	stands(7, settlement.AppliedStanding{Since: 1, Differ: 1, Example: keyOf("c3")})
	stands(8, settlement.AppliedStanding{Left: 1})
	noted(settlement.NotedRun{ID: 7, Control: 9}, settlement.NotedRun{ID: 8, Control: 11})
	if err := s.ForgetApplied(t.Context(), []uint64{7, 99}); err != nil {
		t.Fatal(err)
	}
	noted(settlement.NotedRun{ID: 8, Control: 11})
	stands(7, settlement.AppliedStanding{})
	note7()
	stands(7, settlement.AppliedStanding{})
	noted(settlement.NotedRun{ID: 8, Control: 11}) // nothing of it is pending any more
}

// Of two runs that were compared with the same results one comes to nothing, and the
// version that both were to give them has one content, that of the other: what a later run
// noted is no fault of the earlier one, and anything else is.
func TestAnAppliedRunOvertakenByOneOfTheSameVersion(t *testing.T) {
	s := newStore(t)
	b := batchOf(t, 0, 0, twoMonths)
	write(t, s, b)
	for i, run := range []string{"never came to be", "came to be"} {
		note(t, s, run, repriced(t, s, b, []string{"2/2.4", "3/3.6"}[i]), 5) // c1, c3, c4
		if err := s.NoteApplied(t.Context(), settlement.NotedRun{ID: uint64(7 + i), Control: int64(9 + 2*i)}, run); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.ApplyRepriced(t.Context(), "came to be", cdrsOf(0)); err != nil {
		t.Fatal(err)
	}
	stands := func(id uint64, want settlement.AppliedStanding) {
		t.Helper()
		if got, err := s.AppliedStanding(t.Context(), id); err != nil || got != want {
			t.Errorf("%d stands as %+v, %v, want %+v", id, got, err, want)
		}
	}
	stands(7, settlement.AppliedStanding{Since: 3})
	stands(8, settlement.AppliedStanding{})
	if err := s.conn.Exec(t.Context(), "ALTER TABLE results UPDATE computed_excl = 9 WHERE id = 'C3' AND generation = 1 SETTINGS mutations_sync = 2"); err != nil {
		t.Fatal(err)
	}
	stands(7, settlement.AppliedStanding{Since: 2, Differ: 1, Example: keyOf("c3")})
	stands(8, settlement.AppliedStanding{Differ: 1, Example: keyOf("c3")})

	begun, err := s.Begun(t.Context())
	if diff := cmp.Diff([]settlement.BegunRun{{Run: "came to be", Control: 9}, {Run: "never came to be", Control: 9}}, begun); err != nil || diff != "" {
		t.Errorf("begun: %v (-want +got):\n%s", err, diff)
	}
}
