package settlement

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing"
)

// adopted has the copy of C-2 that came fourth count: all that the first is found by is the
// fourth's.
func (w *proven) adopted() {
	s, first, other := w.store, w.store.records[cdrs][1], w.store.records[cdrs][4]
	row := w.priced(&other)
	at := func(p ingest.Position) bool { return p == first.Position }
	s.cdrs = slices.DeleteFunc(s.cdrs, func(c StoredCDR) bool { return at(c.Position) })
	s.listings = slices.DeleteFunc(s.listings, func(l StoredListing) bool { return at(l.Position) })
	s.results = slices.DeleteFunc(s.results, func(r StoredResult) bool { return at(r.Record.Position) })
	w.store.copies, row.Generation = slices.Clone(s.copies), 1
	s.cdrs = slices.Insert(s.cdrs, 2, StoredCDR{Key: other.Key, Position: other.Position, EMSP: row.Debtor, Month: row.Booked(), LastUpdated: row.LastUpdated, Moved: true})
	s.listings = slices.Insert(s.listings, 4, StoredListing{Position: other.Position, Party: other.Key.Party, Creditor: true, LastUpdated: row.LastUpdated, Received: other.Received},
		StoredListing{Position: other.Position, Party: row.Debtor, LastUpdated: row.LastUpdated, Received: other.Received + 9})
	s.results = slices.Insert(s.results, 2, StoredResult{Row: *row, Month: row.Booked(), Version: 3})
	s.chosen = []ChosenCopy{{Key: other.Key, Position: other.Position, Hash: other.Hash, First: first.Position}}
}

// A CDR of which a person chose the copy is proved by that one, and by no other.
func TestTheCopyThatAPersonChoseIsProved(t *testing.T) {
	chosen := []string{
		"at offset 1: CDR GB*DUN*C-2 has no row in cdrs", "at offset 1: CDR GB*DUN*C-2 has no row in results",
		"cdrs holds a row of GB*DUN*C-2", "sender_lists holds a row", "results holds a row of GB*DUN*C-2",
	}
	for _, tc := range []struct {
		name   string
		change func(s *provenStore, w *proven)
		want   []string
		ahead  int64
	}{
		{"as decided", func(*provenStore, *proven) {}, nil, 0},
		{"nobody decided that", func(s *provenStore, _ *proven) { s.chosen = nil }, chosen, 0},
		{"it is taken back, and not carried out", func(s *provenStore, _ *proven) { s.chosen[0].Pending = true }, nil, 1},
		{"it is taken back, found by the first, and has the result of the other still", func(s *provenStore, w *proven) {
			first, other := w.store.records[cdrs][1], w.store.records[cdrs][4]
			s.chosen[0].Pending = true
			for i := range s.cdrs {
				if s.cdrs[i].Position == other.Position {
					s.cdrs[i].Position = first.Position
				}
			}
			for i := range s.listings {
				if s.listings[i].Position == other.Position {
					s.listings[i].Position = first.Position
				}
			}
			slices.SortStableFunc(s.cdrs, func(a, b StoredCDR) int { return cmp.Compare(a.Position.Offset, b.Position.Offset) })
			slices.SortStableFunc(s.listings, func(a, b StoredListing) int { return cmp.Compare(a.Position.Offset, b.Position.Offset) })
		}, nil, 1},
		{"it is taken back, and has no result", func(s *provenStore, _ *proven) {
			s.chosen[0].Pending = true
			s.results = slices.Delete(s.results, 2, 3)
		}, []string{"CDR GB*DUN*C-2, of which another copy is to count, has no row in results"}, 1},
		{"it is taken back, and said to be carried out", func(s *provenStore, w *proven) {
			s.chosen[0].Position, s.chosen[0].Hash = s.chosen[0].First, w.store.records[cdrs][1].Hash
		}, chosen, 0},
		{"the row of the first copy has another debtor", func(s *provenStore, _ *proven) { s.copies[1].EMSP.ID = "XXX" }, []string{"duplicates has CDR GB*DUN*C-2 for NL*XXX"}, 0},
		{"that of the copy may have its own", func(s *provenStore, _ *proven) { s.copies[3].EMSP.ID = "XXX" }, nil, 0},
		{"the price is of the first copy", func(s *provenStore, w *proven) {
			s.results[2].Outcome = w.priced(&w.store.records[cdrs][1]).Outcome
		}, []string{"claimed excl_vat is stored as 5"}, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := newProvenCDRs(t)
			w.adopted()
			tc.change(w.store, w)
			r, err := w.verify(t)
			if err != nil {
				t.Fatal(err)
			}
			lines := disagreements(r)
			for _, want := range tc.want {
				if !slices.ContainsFunc(lines, func(l string) bool { return strings.Contains(l, want) }) {
					t.Errorf("lacks %q: %s", want, strings.Join(lines, "\n"))
				}
			}
			if len(tc.want) == 0 && (!r.Proved() || r.CDRs != 6 || r.Repeats != 1 || r.Conflicts != 1 || r.ChosenAhead != tc.ahead || r.Chosen != 1-tc.ahead) {
				t.Errorf("%s; %d chosen, %d ahead\n%s", counts(r), r.Chosen, r.ChosenAhead, strings.Join(lines, "\n"))
			}
		})
	}
}

// What the store has people choose is held against the log, by every copy that a decision
// may name.
func TestChoicesAreThoseOfTheLog(t *testing.T) {
	at := func(offset int64) ingest.Position { return ingest.Position{Epoch: 1, Offset: offset} }
	to := func(offset int64) *ingest.Position { p := at(offset); return &p }
	// C-1: the first is record 1, others 2 and 3; C-2: 11 and 12.
	chosen := func(control int64, stands int64, copied *ingest.Position) ChosenCopy {
		return ChosenCopy{Key: ocpi.NewKey("GB", "DUN", "c-1"), First: at(1), Position: at(stands), Control: control, To: copied}
	}
	second := ChosenCopy{Key: ocpi.NewKey("GB", "DUN", "c-2"), First: at(11), Position: at(12), Control: 21, To: to(12)}
	for _, tc := range []struct {
		name   string
		log    func(c *Choices)
		stored []ChosenCopy
		below  int64 // the store knows of what is before
		want   []string
	}{
		{"nothing", func(*Choices) {}, nil, 9, nil},
		{"as decided", func(c *Choices) { c.Adopted(5, at(1), at(2)) }, []ChosenCopy{chosen(5, 2, to(2))}, 9, nil},
		{"not carried out yet", func(c *Choices) { c.Adopted(5, at(1), at(2)) }, []ChosenCopy{chosen(5, 1, to(2))}, 9, nil},
		{"another one, and back", func(c *Choices) {
			c.Adopted(5, at(1), at(2))
			c.Adopted(6, at(2), at(3))
			c.Undone(7, []ingest.Position{at(3), at(99)})
		}, []ChosenCopy{chosen(7, 1, nil)}, 9, nil},
		{"undone before, which says nothing", func(c *Choices) {
			c.Undone(4, []ingest.Position{at(1)})
			c.Adopted(5, at(1), at(2))
		}, []ChosenCopy{chosen(5, 2, to(2))}, 9, nil},
		{"two CDRs", func(c *Choices) {
			c.Adopted(20, at(1), at(2))
			c.Adopted(21, at(11), at(12))
		}, []ChosenCopy{chosen(20, 2, to(2)), second}, 30, nil},
		{"decided since", func(c *Choices) {
			c.Adopted(5, at(1), at(2))
			c.Adopted(9, at(2), at(3))
			c.Adopted(10, at(11), at(12))
		}, []ChosenCopy{chosen(5, 2, to(2))}, 9, nil},
		{"nobody decided that", func(*Choices) {}, []ChosenCopy{chosen(5, 2, to(2))}, 9,
			[]string{"at offset 2: the store has somebody choose which copy of CDR GB*DUN*C-1 counts by control record 5; no record says so"}},
		{"another copy", func(c *Choices) { c.Adopted(5, at(1), at(3)) }, []ChosenCopy{chosen(5, 2, to(2))}, 9,
			[]string{"counts by control record 5, which does not say so"}},
		{"the first, which nobody said", func(c *Choices) { c.Adopted(5, at(1), at(2)) }, []ChosenCopy{chosen(5, 1, nil)}, 9, []string{"counts by control record 5, which does not say so"}},
		{"by another record", func(c *Choices) { c.Adopted(5, at(1), at(2)) }, []ChosenCopy{chosen(6, 2, to(2))}, 9, []string{"counts by control record 6, which does not say so"}},
		{"an undo is lost", func(c *Choices) {
			c.Adopted(5, at(1), at(2))
			c.Undone(7, []ingest.Position{at(2)})
		}, []ChosenCopy{chosen(5, 2, to(2))}, 9, []string{"was decided by control record 7; the store has the decision of record 5"}},
		{"a decision is lost", func(c *Choices) { c.Adopted(5, at(1), at(2)) }, nil, 9,
			[]string{"at offset 2: by control record 5 this copy is to count for its CDR; the store knows of no such decision"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var log Choices
			tc.log(&log)
			var r Report
			proveChoices(&r, &log, tc.stored, tc.below)
			got := disagreements(&r)
			if len(got) != len(tc.want) || len(got) == 1 && !strings.Contains(got[0], tc.want[0]) {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}

// adoptionStore has some copies of CDRs that are to count.
type adoptionStore struct {
	pending []Adoption
	rows    map[ocpi.Key]pricing.Row // written
	noted   []int64
	steps   []string
	fails   string // step that fails once
}

func (s *adoptionStore) step(name string) error {
	s.steps = append(s.steps, name)
	if s.fails == name {
		s.fails = ""
		return errStore
	}
	return nil
}

func (s *adoptionStore) Adoptions(_ context.Context, p ingest.Partition, limit int) (list []Adoption, err error) {
	for _, a := range s.pending {
		if slices.Contains(s.noted, a.Control) || a.Record.Partition != p.Number || len(list) == limit {
			continue
		}
		if row, written := s.rows[a.Key]; written {
			a.Stands, a.Generation = true, row.Generation
		}
		list = append(list, a)
	}
	return list, s.step("list")
}

func (s *adoptionStore) WriteAdopted(_ context.Context, _ ingest.Partition, rows []pricing.Row) error {
	for _, r := range rows {
		s.rows[r.Record.Key] = r
	}
	return s.step("write")
}

func (s *adoptionStore) NoteAdopted(_ context.Context, _ ingest.Partition, list []Adoption) error {
	if err := s.step("note"); err != nil {
		return err
	}
	for _, a := range list {
		s.noted = append(s.noted, a.Control)
	}
	return nil
}

// A copy that is to count is priced by what is known, explained, above the result that
// counts; then what it has to do with others is found again; then it is noted. Whatever
// fails between is done again, and nothing twice.
func TestACopyIsPricedThatIsToCount(t *testing.T) {
	record := func(id, price string, offset int64) ingest.Record {
		return ingest.Record{Position: ingest.Position{Epoch: 1, Offset: offset}, Body: []byte(cdrText(id, "TNM", price, "5", "")), Envelope: cdrEnvelope(id)}
	}
	for _, fails := range []string{"", "list", "write", "relate", "note"} {
		var said strings.Builder
		s := &adoptionStore{fails: fails, rows: map[ocpi.Key]pricing.Row{}, pending: []Adoption{
			{Key: ocpi.NewKey("GB", "DUN", "c-1"), Control: 8, Record: record("c-1", "0.25", 7), Generation: 4},
			{Key: ocpi.NewKey("GB", "DUN", "c-2"), Control: 9, Record: record("c-2", "0.30", 8), Stands: true},
			{Key: ocpi.NewKey("GB", "DUN", "c-3"), Control: 10, Record: record("c-3", "0.30", 9), Generation: pricing.MaxGeneration},
			{Key: ocpi.NewKey("GB", "DUN", "c-4"), Control: 11, Record: ingest.Record{Position: ingest.Position{Epoch: 1, Partition: 1}}},
		}}
		a := &Adopter{
			Store: s, Gate: opening(now), Inputs: noInputs{}, Policies: knows{"TNM": 7}, Logger: slog.New(slog.NewTextHandler(&said, nil)),
			Known: func(context.Context) error { return s.step("know") },
			Related: func(_ context.Context, keys []ocpi.Key) error {
				return s.step(fmt.Sprint("relate ", len(keys)))
			},
		}
		if fails == "relate" {
			s.fails = "relate 3"
		}
		once := func() error {
			in := pricing.Own(a.Inputs)
			return a.once(t.Context(), parts[0], in, pricing.NewPricer(in, a.Policies))
		}
		if err := once(); (fails == "") != (err == nil) || err != nil && !errors.Is(err, errStore) {
			t.Errorf("%q fails: %v", fails, err)
		}
		if fails != "" {
			if err := once(); err != nil {
				t.Errorf("%q failed, and again: %v", fails, err)
			}
		}
		row := s.rows[ocpi.NewKey("GB", "DUN", "c-1")]
		if row.Outcome.Status != pricing.Priced || row.Generation != 5 || row.Outcome.AsOf != now || len(row.Outcome.Explanation) == 0 || row.Outcome.Computed.Excl.String() != "5.0000" {
			t.Errorf("%q failed: C-1 came to %+v, generation %d", fails, row.Outcome, row.Generation)
		}
		if diff := gocmp.Diff([]int64{8, 9, 10}, s.noted); diff != "" || len(s.rows) != 1 || !strings.Contains(said.String(), "as often as can be") {
			t.Errorf("%q failed: %d rows, noted (-want +got):\n%s", fails, len(s.rows), diff)
		}
		if want := []string{"know", "list", "write", "relate 3", "note", "list"}; fails == "" && !slices.Equal(s.steps, want) {
			t.Errorf("steps are %q, want %q", s.steps, want)
		}
	}
}
