package clickhouse

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing"
	"github.com/roamclear/roamclear/settlement"
	"github.com/roamclear/roamclear/settlement/clearing"
	"github.com/roamclear/roamclear/settlement/statement"
)

// adoptable are copies of C1: the first, another in February and of another eMSP, one that
// says the first again, and a third content.
const adoptable = `
	GB*DUN NL*EXW c1 2019-01-15 GBP 10.00/12.00 priced 10.00/12.00 VAT:20=2.00
	GB*DUN NL*EXW c2 2019-01-16 GBP 5.00/6.00   priced 5.00/6.00   VAT:20=1.00
	GB*DUN DE*TNM c1 2019-02-03 GBP 7.00/8.40   priced 7.00/8.40   VAT:20=1.40 #second
	GB*DUN NL*EXW c1 2019-01-15 GBP 10.00/12.00 priced 10.00/12.00 VAT:20=2.00
	GB*DUN NL*EXW c1 2019-01-15 GBP 9.00/10.80  priced 9.00/10.80  VAT:20=1.80 #third`

// desk decides about copies of one CDR and carries it out.
type desk struct {
	*Store
	t       *testing.T
	b       *pricing.Batch
	control int64
}

// decide has the copy at an offset count, or takes that back with -1, and is carried out
// unless rows are held back: write is how far it gets.
func (d *desk) decide(offset int64, carryOut bool) {
	d.t.Helper()
	d.control++
	decided := statement.Decided{Key: keyOf("c1"), Offset: d.control, By: "anna", Reason: "as they say", Position: d.b.Partition.At(0)}
	if offset >= 0 {
		at := d.b.Partition.At(offset)
		decided.Adopted = &at
	}
	if err := d.WriteDecisions(d.t.Context(), []statement.Decided{decided}, d.control+1); err != nil {
		d.t.Fatal(err)
	}
	if carryOut {
		d.carryOut()
	}
}

func (d *desk) pending() []settlement.Adoption {
	d.t.Helper()
	list, err := d.Adoptions(d.t.Context(), d.b.Partition, 10)
	if err != nil {
		d.t.Fatal(err)
	}
	n, _, err := d.AdoptionsPending(d.t.Context(), d.control+1, 1)
	if err != nil || n != int64(len(list)) {
		d.t.Fatalf("%d are pending, and %d counted, %v", len(list), n, err)
	}
	return list
}

func (d *desk) carryOut() {
	d.t.Helper()
	list := d.pending()
	for _, a := range list {
		if a.Stands {
			continue
		}
		if err := d.WriteAdopted(d.t.Context(), d.b.Partition, []pricing.Row{d.row(a)}); err != nil {
			d.t.Fatal(err)
		}
	}
	if err := d.NoteAdopted(d.t.Context(), d.b.Partition, list); err != nil {
		d.t.Fatal(err)
	}
	if left := d.pending(); len(left) != 0 {
		d.t.Fatalf("%+v is pending still", left)
	}
}

// row is the copy as it is priced to be adopted.
func (d *desk) row(a settlement.Adoption) pricing.Row {
	row := d.b.Rows[a.Record.Offset]
	row.Generation = a.Generation + 1
	return row
}

// stands is how C1 stands, to every reader.
func (d *desk) stands() string {
	d.t.Helper()
	s := d.Store
	c, err := s.CDR(d.t.Context(), keyOf("c1"))
	if err != nil {
		d.t.Fatal(err)
	}
	_, _, at, err := s.CDRRaw(d.t.Context(), keyOf("c1"))
	if err != nil || at != c.Position {
		d.t.Errorf("its body is at %s, its result at %s, %v", at, c.Position, err)
	}
	var booked []string
	err = s.Booked(d.t.Context(), settlement.SettlementQuery{}, settlement.Ends{d.b.Partition: 5}, func(b *settlement.BookedCDR) error {
		if b.Key.ID == "C1" {
			booked = append(booked, fmt.Sprintf("%s %s %s, first %s", b.EMSP, b.Month, b.Claimed.Excl, b.First))
		}
		return nil
	})
	if err != nil || len(booked) != 1 {
		d.t.Errorf("booked as %q, %v", booked, err)
	}
	page, err := s.Conflicts(d.t.Context(), settlement.ConflictQuery{})
	if err != nil || len(page.Conflicts) != 1 || len(page.Conflicts[0].Others) != 3 || page.Conflicts[0].Counts.Position != c.Position {
		d.t.Errorf("conflicts: %+v, %v", page.Conflicts, err)
	}
	contents, err := s.Contents(d.t.Context(), keyOf("c1"))
	if err != nil || contents.Counts.Position != c.Position || len(contents.Others) != 2 {
		d.t.Errorf("contents: %+v, %v", contents, err)
	}
	for _, party := range []ocpi.Party{ocpi.NewParty("NL", "EXW"), ocpi.NewParty("DE", "TNM")} {
		own, err := s.Conflicts(d.t.Context(), settlement.ConflictQuery{Party: party})
		if err != nil || (len(own.Conflicts) == 1) != (party == c.EMSP) {
			d.t.Errorf("conflicts of %s: %d, %v; it is %s's", party, len(own.Conflicts), err, c.EMSP)
		}
	}
	listed := count(d.t, s, "SELECT count() FROM sender_lists FINAL WHERE NOT gone")
	if want := uint64(4); listed != want {
		d.t.Errorf("%d rows are on lists, want %d", listed, want)
	}
	rows := count(d.t, s, "SELECT count() FROM results FINAL WHERE NOT elsewhere")
	if rows != 2 {
		d.t.Errorf("%d results count, want 2", rows)
	}
	return fmt.Sprintf("%d: %s", c.Position.Offset, strings.Join(booked, "; "))
}

// Whichever copy of a CDR people choose, all readers have that one and no other; what is
// written again, comes again or is priced again meanwhile changes nothing of the choice; and
// each result has a version of its own.
func TestAnotherCopyCounts(t *testing.T) {
	s := newStore(t)
	b := batchOf(t, 0, 0, adoptable)
	write(t, s, b)
	d := &desk{Store: s, t: t, b: b, control: 3}
	const first, second, third = "0: NL*EXW 2019-01 10, first 1-0-0", "2: DE*TNM 2019-02 7, first 1-0-0", "4: NL*EXW 2019-01 9, first 1-0-0"
	versions := map[uint64]string{}
	is := func(want string) {
		t.Helper()
		got := d.stands()
		if got != want {
			t.Errorf("it stands as %s, want %s", got, want)
		}
		err := s.BookedOf(t.Context(), []ocpi.Key{keyOf("c1")}, settlement.Ends{b.Partition: 1}, func(c *settlement.BookedCDR) error { // though the copy came later
			if was, ok := versions[c.Version]; ok && was != got {
				t.Errorf("version %x is %s and was %s", c.Version, got, was)
			}
			versions[c.Version] = got
			return nil
		})
		if err != nil || versions == nil {
			t.Fatal(err)
		}
	}
	is(first)
	d.decide(2, false)
	is(first) // it is decided, and not carried out
	d.carryOut()
	is(second)
	if err := s.NoteAdopted(t.Context(), b.Partition, []settlement.Adoption{{Key: keyOf("c1"), Control: 1}}); err != nil { // of long ago
		t.Fatal(err)
	}
	again := *b
	again.Again = true
	for _, replay := range []*pricing.Batch{b, &again} { // nothing of it is new
		write(t, s, cut(replay, 1)...)
		is(second)
		write(t, s, replay)
		is(second)
	}
	late := batchOf(t, 0, 5, `
		GB*DUN NL*EXW c1 2019-01-15 GBP 10.00/12.00 priced 10.00/12.00 VAT:20=2.00`)
	write(t, s, late)
	if n := count(t, s, "SELECT count() FROM duplicates FINAL WHERE conflict = 1"); n < 1 {
		t.Error("nobody says that there is a conflict")
	}
	if err := s.conn.Exec(t.Context(), "ALTER TABLE duplicates DELETE WHERE offset = 5 SETTINGS mutations_sync = 2"); err != nil {
		t.Fatal(err)
	}
	is(second)

	// A re-pricing of it, one that moves it, and a healed reject are of the copy that counts.
	page := d.repriced(func(r *pricing.Row) { r.Outcome.Computed = amountsIn("6/7.2") })
	note(t, s, "amount", page, 5)
	page = d.repriced(func(r *pricing.Row) {})
	if len(page) != 1 {
		t.Fatalf("%d results of February, want that of C1", len(page))
	}
	d.apply("amount", 1)
	is(second)
	note(t, s, "debtor", d.repriced(func(r *pricing.Row) {
		r.Debtor, r.Outcome.Status, r.Outcome.Reason = ocpi.Party{}, pricing.Rejected, pricing.ReasonDebtorUnknown
	}), 5)
	d.apply("debtor", 1)
	rejects, _, err := s.Rejects(t.Context(), b.Partition, pricing.Healable, "", 10)
	if err != nil || len(rejects) != 1 || rejects[0].Record.Offset != 2 || string(rejects[0].Record.Body) != string(b.Rows[2].Record.Body) {
		t.Fatalf("rejects: %+v, %v", rejects, err)
	}
	healed := b.Rows[2]
	healed.Generation = rejects[0].Generation
	if err := s.WriteResults(t.Context(), b.Partition, []pricing.Row{healed}); err != nil {
		t.Fatal(err)
	}
	is(second)
	former := b.Rows[0]
	former.Generation = 20
	if err := s.WriteResults(t.Context(), b.Partition, []pricing.Row{former}); err != nil {
		t.Fatal(err)
	}
	is(second) // a copy that does not count

	for _, next := range []struct {
		offset int64
		want   string
	}{{4, third}, {2, second}, {-1, first}, {2, second}, {0, first}, {4, third}, {3, "3: NL*EXW 2019-01 10, first 1-0-0"}, {-1, first}} {
		d.decide(next.offset, true)
		is(next.want)
	}
	d.decide(2, false)
	d.decide(-1, false) // before anybody carried it out
	if list := d.pending(); len(list) != 1 || !list[0].Stands {
		t.Errorf("%+v is pending, want what stands already", list)
	}
	d.carryOut()
	is(first)
	write(t, s, cut(b, 1)...)
	is(first)
}

// repriced is a page of a run that changes the result of C1, as it stands in February.
func (d *desk) repriced(change func(*pricing.Row)) []settlement.Repriced {
	d.t.Helper()
	var page []settlement.Repriced
	for _, c := range counted(d.t, d.Store, settlement.Repricing{From: 201902, To: 201902}) {
		row := d.b.Rows[c.Record.Offset]
		row.Generation = c.Generation + 1
		change(&row)
		page = append(page, settlement.Repriced{Version: c.Version, Row: row, Change: settlement.Change{
			Key: c.Record.Key, Position: c.Record.Position, CPO: c.Creditor, Month: c.Month, Currency: c.Currency, Kind: settlement.AmountMoves, Causes: settlement.CauseRule,
			Old: settlement.SideOf(&c.Row), New: settlement.SideOf(&row),
		}})
	}
	return page
}

func (d *desk) apply(run string, want int64) {
	d.t.Helper()
	if err := d.ApplyRepriced(d.t.Context(), run, cdrsOf(0)); err != nil {
		d.t.Fatal(err)
	}
	if got, err := standing(d.t, d.Store, run); err != nil || got.Applied != want {
		d.t.Errorf("%s: %+v, %v, want %d applied", run, got, err, want)
	}
}

// What dies between what a CDR is found by and its result is begun anew, whichever way the
// copy is priced then.
func TestAnAdoptionThatDied(t *testing.T) {
	for _, tc := range []struct {
		name   string
		lacks  string // what was not written of results
		again  pricing.Status
		counts int64 // of C1 until it is begun anew
	}{
		{"before the results", "generation = 1 OR elsewhere", pricing.Priced, 0},
		{"before the results, and rejected then", "generation = 1 OR elsewhere", pricing.Rejected, 0},
		{"before the former result was marked", "elsewhere", pricing.Priced, -1},
		{"before the new one was written", "generation = 1 AND NOT elsewhere", pricing.Priced, -1},
	} {
		s := newStore(t)
		b := batchOf(t, 0, 0, adoptable)
		write(t, s, b)
		d := &desk{Store: s, t: t, b: b}
		d.decide(2, false)
		row := d.row(d.pending()[0])
		if err := s.WriteAdopted(t.Context(), b.Partition, []pricing.Row{row}); err != nil {
			t.Fatal(err)
		}
		// As where results were not written.
		if err := s.conn.Exec(t.Context(), "ALTER TABLE results DELETE WHERE "+tc.lacks+" SETTINGS mutations_sync = 2"); err != nil {
			t.Fatal(err)
		}
		if tc.counts >= 0 { // all that is found by its key has the former one
			c, err := s.CDR(t.Context(), keyOf("c1"))
			if err != nil || c.Position.Offset != tc.counts {
				t.Errorf("%s: %+v, %v, want copy %d", tc.name, c, err, tc.counts)
			}
			err = s.BookedOf(t.Context(), []ocpi.Key{keyOf("c1")}, settlement.Ends{b.Partition: 5}, func(c *settlement.BookedCDR) error {
				if c.Position.Offset != tc.counts {
					t.Errorf("%s: copy %s is booked", tc.name, c.Position)
				}
				tc.counts = -1
				return nil
			})
			if err != nil || tc.counts >= 0 {
				t.Errorf("%s: it is not booked, %v", tc.name, err)
			}
		}
		list := d.pending()
		if len(list) != 1 || list[0].Stands || list[0].Generation != 1 {
			t.Fatalf("%+v is pending, want it to be written again, above what was", list)
		}
		row = d.row(list[0])
		row.Outcome.Status = tc.again
		if err := s.WriteAdopted(t.Context(), b.Partition, []pricing.Row{row}); err != nil {
			t.Fatal(err)
		}
		if list := d.pending(); len(list) != 1 || !list[0].Stands {
			t.Errorf("%+v is pending, want what stands", list)
		}
		if got, want := d.stands(), "2: DE*TNM 2019-02 7, first 1-0-0"; got != want {
			t.Errorf("it stands as %s, want %s", got, want)
		}
	}
}

// What was issued of the first copy is not what the CDR comes to once another one counts; a
// line of that one is, and stands beside others.
func TestAnAdoptedCopyMovesWhatIsIssued(t *testing.T) {
	s := newStore(t)
	b := batchOf(t, 0, 0, adoptable)
	for i := range b.Rows {
		b.Rows[i].Measures.ChargeHash = 77 // one charge, under two ids
	}
	write(t, s, b)
	d := &desk{Store: s, t: t, b: b}
	ends := settlement.Ends{b.Partition: 5}
	issue := func(attempt uint64, period ocpi.Month, key ocpi.Key) {
		t.Helper()
		var lines []statement.IssuedLine
		err := s.BookedOf(t.Context(), []ocpi.Key{key}, ends, func(c *settlement.BookedCDR) error {
			lines = append(lines, statement.IssuedLine{IssuedCDR: statement.IssuedCDR{Attempt: attempt, Period: period, Key: c.Key, EMSP: c.EMSP, Currency: c.Currency, Month: c.Month, Version: c.Version,
				Net: c.Claimed.Excl.Decimal(), Claim: c.Claimed.Excl.Decimal()}, Line: statement.Line{CDR: c.Key.String(), Kind: statement.CDR, Belongs: c.Month, Net: c.Claimed.Excl.Decimal()}, Hashes: statement.HashesOf(c)})
			return nil
		})
		if err == nil {
			err = s.Begin(t.Context(), clearing.Attempt{ID: attempt, Period: period})
		}
		if err == nil {
			err = s.WriteLines(t.Context(), attempt, 0, lines)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	attempts := []clearing.Counted{{ID: 7, Period: 201901, Control: 1}, {ID: 8, Period: 201902, Control: 2}}
	read := func(want ...string) {
		t.Helper()
		var got []string
		err := s.BookedOpen(t.Context(), settlement.SettlementQuery{}, ends, attempts, func(c *settlement.BookedCDR) error {
			got = append(got, fmt.Sprint("open ", c.Key.ID, " ", c.EMSP))
			return nil
		})
		if err == nil {
			err = s.IssuedMoved(t.Context(), settlement.SettlementQuery{}, ends, attempts, func(c *statement.IssuedCDR) error {
				got = append(got, fmt.Sprint("moved ", c.Key.ID, " ", c.EMSP, " ", c.Net))
				return nil
			})
		}
		beside := []statement.Beside{{CPO: ocpi.NewParty("GB", "DUN"), EMSP: ocpi.NewParty("DE", "TNM"), Currency: "GBP", Hashes: statement.Hashes{Charge: 77}},
			{CPO: ocpi.NewParty("GB", "DUN"), EMSP: ocpi.NewParty("NL", "EXW"), Currency: "GBP", Hashes: statement.Hashes{Charge: 77}}}
		if err == nil {
			err = s.BookedBeside(t.Context(), beside, ends, attempts, func(c *settlement.BookedCDR) error {
				got = append(got, fmt.Sprint("beside ", c.Key.ID, " ", c.EMSP))
				return nil
			})
		}
		slices.Sort(got)
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%v (-want +got):\n%s", err, diff)
		}
	}
	issue(7, 201901, keyOf("c1"))
	read("beside C1 NL*EXW", "open C2 NL*EXW")
	d.decide(2, true)
	read("moved C1 NL*EXW 10", "open C1 DE*TNM", "open C2 NL*EXW")
	issue(8, 201902, keyOf("c1"))
	read("beside C1 DE*TNM", "moved C1 NL*EXW 10", "open C2 NL*EXW")
	d.decide(-1, true)
	read("moved C1 DE*TNM 7", "moved C1 NL*EXW 10", "open C1 NL*EXW", "open C2 NL*EXW")
}

// Who decides which copy counts is told what there is, which of them does, which is to, and
// how often the result was replaced.
func TestCopiesOfACDR(t *testing.T) {
	s := newStore(t)
	b := batchOf(t, 0, 0, adoptable)
	write(t, s, b)
	d := &desk{Store: s, t: t, b: b}
	is := func(id, want string) {
		t.Helper()
		c, err := s.Copies(t.Context(), keyOf(id), d.control+1)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		for _, one := range c.All {
			got += fmt.Sprint(one.Position.Offset, map[bool]string{true: " other", false: ""}[one.Conflict], ", ")
		}
		got += fmt.Sprint("first ", c.First.Offset, ", replaced ", c.Generation)
		if c.Pending != nil {
			got += fmt.Sprint(", to be ", *c.Pending)
		}
		if got != want || c.Counts().Position != c.All[0].Position {
			t.Errorf("%s: %s, want %s", id, got, want)
		}
	}
	is("c2", "1, first 1, replaced 0")
	is("c1", "0, 2 other, 3, 4 other, first 0, replaced 0")
	d.decide(2, false)
	is("c1", "0, 2 other, 3, 4 other, first 0, replaced 0, to be 1-0-2")
	is("c2", "1, first 1, replaced 0")
	d.carryOut()
	is("c1", "2, 0 other, 3 other, 4 other, first 0, replaced 1")
	d.decide(-1, false)
	is("c1", "2, 0 other, 3 other, 4 other, first 0, replaced 1, to be 1-0-0")
	d.carryOut()
	is("c1", "0, 2 other, 3, 4 other, first 0, replaced 2")
	if _, err := s.Copies(t.Context(), keyOf("none"), 9); !errors.Is(err, settlement.ErrNotFound) {
		t.Errorf("of a CDR that did not come: %v", err)
	}
}

// What people chose is told to who proves it.
func TestChosenCopies(t *testing.T) {
	s := newStore(t)
	b := batchOf(t, 0, 0, adoptable)
	write(t, s, b)
	d := &desk{Store: s, t: t, b: b}
	chosen := func(want string) {
		t.Helper()
		got := ""
		err := s.Chosen(t.Context(), func(c settlement.ChosenCopy) error {
			to := "first"
			if c.To != nil {
				to = c.To.String()
			}
			if c.Control != d.control {
				t.Errorf("decided by record %d, want %d", c.Control, d.control)
			}
			got += fmt.Sprint(c.Key, " ", c.Position, " of ", c.First, " ", c.Pending, c.Hash == b.Rows[c.Position.Offset].Record.Hash, ", to be ", to)
			return nil
		})
		if err != nil || got != want {
			t.Errorf("%q, %v, want %q", got, err, want)
		}
	}
	chosen("")
	d.decide(-1, false) // nothing to undo
	chosen("")
	d.decide(2, false)
	chosen("GB*DUN*C1 1-0-0 of 1-0-0 true true, to be 1-0-2")
	d.carryOut()
	chosen("GB*DUN*C1 1-0-2 of 1-0-0 false true, to be 1-0-2")
	d.decide(-1, false)
	chosen("GB*DUN*C1 1-0-2 of 1-0-0 true true, to be first")
	d.carryOut()
	chosen("GB*DUN*C1 1-0-0 of 1-0-0 false true, to be first")
	d.control++
	err := s.WriteDecisions(t.Context(), []statement.Decided{{Key: keyOf("c1"), Offset: d.control, Position: b.Partition.At(0), Decision: &clearing.Decision{Act: clearing.Accept}}}, d.control+1)
	if err != nil {
		t.Fatal(err)
	}
	d.control--
	chosen("GB*DUN*C1 1-0-0 of 1-0-0 false true, to be first") // the other says nothing of copies
	wrong := ingest.Position{Partition: 1}
	if err := s.WriteDecisions(t.Context(), []statement.Decided{{Key: keyOf("c1"), Offset: 99, Adopted: &wrong}}, 100); err == nil {
		t.Error("a copy of another partition is stored")
	}
}
