package clickhouse

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/ClickHouse/ch-go/proto"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/google/go-cmp/cmp"
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing"
	"github.com/roamclear/roamclear/settlement"
)

var numbers = cmp.Comparer(func(a, b ocpi.Number) bool {
	return a.IsSet() == b.IsSet() && (!a.IsSet() || a.Cmp(b) == 0)
})

var wholeYear = settlement.Repricing{From: ocpi.MonthOf(2019, 1), To: ocpi.MonthOf(2019, 12)}

func counted(t *testing.T, s *Store, r settlement.Repricing) []settlement.StoredResult {
	t.Helper()
	var all []settlement.StoredResult
	err := s.CountedResults(t.Context(), &r, cdrsOf(0), 0, 1000, func(c *settlement.StoredResult) error {
		all = append(all, *c)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

const twoMonths = `
	GB*DUN NL*EXW c1 2019-01-15 GBP 10.00/12.00                      priced 10.00/12.00 VAT:20=2.00
	GB*DUN NL*EXW c2 2019-01-16 GBP 5.00/-                           rejected unknown_tariff -
	GB*DUN NL*EXW k1 2019-01-17 GBP -1.00/-1.20                      credit c1 -
	GB*DUN -      c3 2019-01-18 EUR 999999999999999999/0.000000000001 priced -0.999999999999/- VAT:20=-0.000000000001,levy:-=3
	GB*PKC DE*TNM c4 2019-02-01 GBP 0/0                              priced 1.5/1.8 -`

// What is read back is what was written, in the order of offsets.
func TestCountedResultsComeBackExact(t *testing.T) {
	s := newStore(t)
	b := batchOf(t, 0, 0, twoMonths)
	write(t, s, b)
	got := counted(t, s, wholeYear)
	if len(got) != len(b.Rows) {
		t.Fatalf("%d results, want %d", len(got), len(b.Rows))
	}
	for i := range got {
		w, g := &b.Rows[i], &got[i]
		want := settlement.StoredResult{
			Row: pricing.Row{
				Record:   ingest.Record{Position: w.Record.Position, Envelope: ingest.Envelope{Key: w.Record.Key}},
				Creditor: w.Creditor, Debtor: w.Debtor, Currency: w.Currency, Credit: w.Credit, Measures: w.Measures, Outcome: w.Outcome,
			},
			Month:   w.End.Month(),
			Version: rowVersion(w.Record.Position, resultRank(0, w.Outcome.Status)),
		}
		o := &want.Outcome // what re-pricing does not compare is not read
		o.Detail, o.TariffIDs, o.TariffSource, o.ZoneSource, o.Explanation, o.Findings = "", "", "", "", nil, nil
		if diff := cmp.Diff(want, *g, numbers); diff != "" {
			t.Errorf("result %d (-want +got):\n%s", i, diff)
		}
	}
	for _, c := range []struct {
		r    settlement.Repricing
		want int
	}{
		{settlement.Repricing{From: wholeYear.From, To: wholeYear.From}, 4},
		{settlement.Repricing{From: wholeYear.From, To: wholeYear.To, Party: ocpi.Party{Country: "DE", ID: "TNM"}}, 1},
		{settlement.Repricing{From: wholeYear.From, To: wholeYear.To, Party: ocpi.Party{Country: "GB", ID: "DUN"}}, 4},
	} {
		if got := counted(t, s, c.r); len(got) != c.want {
			t.Errorf("%s selects %d results, want %d", c.r.Terms(), len(got), c.want)
		}
	}
}

// repriced is a page that gives every priced CDR of b the amounts of to.
func repriced(t *testing.T, s *Store, b *pricing.Batch, to string) []settlement.Repriced {
	t.Helper()
	var page []settlement.Repriced
	for _, c := range counted(t, s, wholeYear) {
		if c.Outcome.Status != pricing.Priced {
			continue
		}
		row := b.Rows[c.Record.Offset]
		row.Generation = c.Generation + 1
		row.Outcome.Computed = amountsIn(to)
		page = append(page, settlement.Repriced{Version: c.Version, Row: row, Change: settlement.Change{
			Key: c.Record.Key, Position: c.Record.Position, CPO: c.Creditor, Month: c.Month, Currency: c.Currency,
			Kind: settlement.AmountMoves, Causes: settlement.CauseRule,
			Old: settlement.ChangeSide{EMSP: c.Debtor, Status: c.Outcome.Status, Claim: c.Outcome.Claim,
				Computed: c.Outcome.Computed, Profile: "old", TariffHash: "aa", TimeZone: "UTC", ZoneDB: "2025a", Engine: "0"},
			New: settlement.ChangeSide{EMSP: row.Debtor, Status: row.Outcome.Status, Claim: row.Outcome.Claim,
				Computed: row.Outcome.Computed, Profile: row.Outcome.Profile, TariffHash: row.Outcome.TariffHash,
				TimeZone: row.Outcome.TimeZone, ZoneDB: row.Outcome.ZoneDB, Engine: row.Outcome.EngineVersion},
		}})
	}
	return page
}

func note(t *testing.T, s *Store, run string, page []settlement.Repriced, next int64) {
	t.Helper()
	p := settlement.RepriceProgress{Terms: "terms of " + run, Next: next, End: 5, CDRs: next, AsOf: pricing.AsOf{Reference: 7, Control: 9}}
	if err := s.WriteRepriced(t.Context(), run, cdrsOf(p.Partition), page, p); err != nil {
		t.Fatal(err)
	}
}

// standing counts how the changes of a run stand.
func standing(t *testing.T, s *Store, run string) (a settlement.Applied, err error) {
	t.Helper()
	err = s.Changes(t.Context(), run, func(c *settlement.Change) error { a.Add(c); return nil })
	return a, err
}

func TestARunIsKeptAndAppliedOnce(t *testing.T) {
	s := newStore(t)
	b := batchOf(t, 0, 0, twoMonths)
	write(t, s, b)
	first, second := repriced(t, s, b, "2/2.4"), repriced(t, s, b, "3/3.6")
	note(t, s, "first", nil, 0)
	note(t, s, "first", first, 5)
	note(t, s, "first", first, 5) // a repeat of the page changes nothing
	note(t, s, "second", second, 5)

	progress, err := s.RepriceProgress(t.Context(), "first")
	want := []settlement.RepriceProgress{{Terms: "terms of first", Next: 5, End: 5, CDRs: 5, AsOf: pricing.AsOf{Reference: 7, Control: 9}}}
	if diff := cmp.Diff(want, progress); err != nil || diff != "" {
		t.Errorf("progress: %v (-want +got):\n%s", err, diff)
	}
	got := map[ocpi.Key]settlement.Change{}
	if err := s.Changes(t.Context(), "first", func(c *settlement.Change) error { got[c.Key] = *c; return nil }); err != nil {
		t.Fatal(err)
	}
	for _, c := range first {
		want, is := c.Change, got[c.Key]
		if is.Content == 0 || is.Stands != settlement.Pending {
			t.Errorf("change of %s: digest %d, stands as %d, want a digest and pending", c.Key, is.Content, is.Stands)
		}
		want.Content, want.Stands = is.Content, is.Stands
		if diff := cmp.Diff(want, is, numbers); diff != "" {
			t.Errorf("change of %s (-want +got):\n%s", c.Key, diff)
		}
	}
	if len(got) != len(first) {
		t.Errorf("%d changes, want %d", len(got), len(first))
	}

	stands := func(run string, want settlement.Applied) {
		t.Helper()
		if got, err := standing(t, s, run); err != nil || got != want {
			t.Errorf("%s: %+v, %v, want %+v", run, got, err, want)
		}
	}
	apply := func(run string) {
		t.Helper()
		if err := s.ApplyRepriced(t.Context(), run, cdrsOf(0)); err != nil {
			t.Fatal(err)
		}
	}
	stands("first", settlement.Applied{Pending: 3})
	apply("first")
	stands("first", settlement.Applied{Applied: 3})
	rows := count(t, s, "SELECT count() FROM results")
	apply("first")
	if again := count(t, s, "SELECT count() FROM results"); again != rows {
		t.Errorf("applied twice: %d rows, had %d", again, rows)
	}
	// Both were compared with the same results: the second came too late.
	stands("second", settlement.Applied{Overtaken: 3})
	apply("second")
	stands("first", settlement.Applied{Applied: 3})
	for _, c := range counted(t, s, wholeYear) {
		if c.Outcome.Status == pricing.Priced && (c.Outcome.Computed.Excl.String() != "2" || c.Generation != 1) {
			t.Errorf("%s computes %s in generation %d, want 2 in 1", c.Record.Key, c.Outcome.Computed.Excl, c.Generation)
		}
	}
	d, err := s.CDR(t.Context(), keyOf("c1"))
	if err != nil || string(d.Explanation) != `{"lines":[]}` || d.Generation != 1 || len(d.Taxes) != 1 {
		t.Errorf("applied result: %v, %+v", err, d)
	}

	if err := s.ForgetRepricing(t.Context(), "first"); err != nil {
		t.Fatal(err)
	}
	if progress, err := s.RepriceProgress(t.Context(), "first"); err != nil || len(progress) != 0 {
		t.Errorf("forgotten run: %v, %v", progress, err)
	}
	stands("first", settlement.Applied{})
	stands("second", settlement.Applied{Overtaken: 3})
}

// A CDR that was priced again as often as a version has room for is no part of a run, and
// said to be none, within the months and the party that are asked for.
func TestSpentResultsAreNotPricedAgain(t *testing.T) {
	s := newStore(t)
	b := batchOf(t, 0, 0, twoMonths)
	write(t, s, b)
	again := slices.Clone(b.Rows)
	again[1].Generation, again[3].Generation, again[4].Generation = pricing.MaxGeneration-1, pricing.MaxGeneration, pricing.MaxGeneration // c2, c3, c4
	if err := s.WriteResults(t.Context(), b.Partition, again); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		r     settlement.Repricing
		left  int
		spent int64
		first string
	}{
		{wholeYear, 3, 2, "[GB*DUN*C3]"},
		{settlement.Repricing{From: wholeYear.From, To: wholeYear.From}, 3, 1, "[GB*DUN*C3]"},
		{settlement.Repricing{From: wholeYear.From, To: wholeYear.To, Party: ocpi.NewParty("DE", "TNM")}, 0, 1, "[GB*PKC*C4]"},
		{settlement.Repricing{From: wholeYear.From, To: wholeYear.To, Party: ocpi.NewParty("NL", "EXW")}, 3, 0, "[]"},
	} {
		n, first, err := s.Spent(t.Context(), &c.r, 1)
		if got := counted(t, s, c.r); err != nil || n != c.spent || fmt.Sprint(first) != c.first || len(got) != c.left {
			t.Errorf("%s: %d left, %d spent, %v, %v; want %+v", c.r.Terms(), len(got), n, first, err, c)
		}
	}
	again[3].Generation++
	if err := s.WriteResults(t.Context(), b.Partition, again[3:4]); err == nil {
		t.Error("one more is stored")
	}
}

// An amount that is not known is no amount to the store either, NULL: a change
// to it or away from it is applied, and said to be, like any other.
func TestAmountsThatAreNotKnownAreApplied(t *testing.T) {
	s := newStore(t)
	b := batchOf(t, 0, 0, twoMonths)
	write(t, s, b)
	for _, c := range []struct {
		run, computed string
		status        pricing.Status
	}{
		{"VAT is not known", "25.00/-", pricing.Priced},
		{"VAT is known again", "25.00/30.00", pricing.Priced},
		{"rejected", "-/-", pricing.Rejected},
	} {
		page := repriced(t, s, b, c.computed)
		for i := range page {
			page[i].Row.Outcome.Status = c.status
		}
		note(t, s, c.run, page, 5)
		for _, want := range []settlement.Applied{{Pending: 3}, {Applied: 3}} {
			if got, err := standing(t, s, c.run); err != nil || got != want {
				t.Errorf("%s: %+v, %v, want %+v", c.run, got, err, want)
			}
			if err := s.ApplyRepriced(t.Context(), c.run, cdrsOf(0)); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// The tables have the columns that resultColumns and repricedColumns name, no
// more and no fewer, and a column has one type in all of them: what the Go
// tables do not name would be left empty by every writer, unless the store makes it.
func TestColumnsAreThoseOfTheTables(t *testing.T) {
	s := newStore(t)
	types := map[string]map[string]string{}
	names := map[string][]string{}
	err := s.each(t.Context(), "list columns", "SELECT table, name, type FROM system.columns WHERE database = ? AND table IN ('results', 'repricings') AND default_kind != 'MATERIALIZED'", []any{s.db},
		func(rows driver.Rows) error {
			var table, name, typ string
			err := rows.Scan(&table, &name, &typ)
			if types[table] == nil {
				types[table] = map[string]string{}
			}
			types[table][name] = typ
			names[table] = append(names[table], name)
			return err
		})
	if err != nil {
		t.Fatal(err)
	}
	for table, list := range map[string]string{"results": placedColumns.list(), "repricings": repricedColumns.list()} {
		want := strings.Split(list, ", ")
		slices.Sort(want)
		slices.Sort(names[table])
		if diff := cmp.Diff(want, names[table]); diff != "" {
			t.Errorf("columns of %s (-the Go table +the store):\n%s", table, diff)
		}
		for _, column := range resultColumns {
			name, typ := column.name, types["results"][column.name]
			if types[table][name] != typ {
				t.Errorf("%s.%s is a %q, in results it is a %q", table, name, types[table][name], typ)
			}
		}
	}
}

// What one column puts, it takes: every value of a row comes back.
func TestEveryResultColumnComesBack(t *testing.T) {
	s := newStore(t)
	b := batchOf(t, 0, 0, twoMonths)
	for i := range b.Rows {
		b.Rows[i].Outcome.Cause, b.Rows[i].Outcome.Reconciliation = "none_found", []byte(`{"verdict":"none_found"}`)
	}
	write(t, s, b)
	at := 0
	err := s.each(t.Context(), "read results", "SELECT "+resultColumns.row()+" FROM results FINAL ORDER BY offset", nil, func(rows driver.Rows) error {
		got := resultRow{Row: &pricing.Row{}}
		if err := resultColumns.scan(rows, &got); err != nil {
			return err
		}
		var want resultRow
		if err := want.of(&b.Rows[at]); err != nil {
			return err
		}
		for _, c := range resultColumns {
			into, put := c.open()
			put(&want)
			put(&got)
			if into.texts != nil && (*into.texts)[0] != (*into.texts)[1] || into.texts == nil && !sameEncoding(c, &want, &got) {
				t.Errorf("%s: %s does not come back as it was put", b.Rows[at].Record.Key, c.name)
			}
		}
		at++
		return nil
	})
	if err != nil || at != len(b.Rows) {
		t.Fatalf("%d of %d rows: %v", at, len(b.Rows), err)
	}
}

// sameEncoding reports whether a column encodes two rows alike.
func sameEncoding(c tableColumn[resultRow], a, b *resultRow) bool {
	var out [2]proto.Buffer
	for i, row := range []*resultRow{a, b} {
		into, put := c.open()
		put(row)
		if p, ok := into.data.(proto.Preparable); ok && p.Prepare() != nil {
			return false
		}
		into.data.EncodeColumn(&out[i])
	}
	return bytes.Equal(out[0].Buf, out[1].Buf)
}

// A row that is cut short or too long is an error, never an amount.
func TestRowReaderRefusesWhatItDidNotAskFor(t *testing.T) {
	s := newStore(t)
	write(t, s, batchOf(t, 0, 0, twoMonths))
	var raw string
	err := s.conn.QueryRow(t.Context(), "SELECT "+resultColumns.row()+" FROM results FINAL WHERE offset = 3").Scan(&raw)
	if err != nil {
		t.Fatal(err)
	}
	read := func(raw string) error { return resultColumns.read(raw, &resultRow{Row: &pricing.Row{}}) }
	if err := read(raw); err != nil {
		t.Fatal(err)
	}
	for n := range raw {
		if err := read(raw[:n]); err == nil {
			t.Errorf("%d of %d bytes are taken for a row", n, len(raw))
		}
	}
	if err := read(raw + "x"); err == nil {
		t.Error("a row with a byte behind it is taken for a row")
	}
	r := rowReader{rest: strings.Repeat("\xff", 15) + "\x7f"}
	if n := r.number(); r.end() == nil {
		t.Errorf("2^127-1 is taken for %s", n)
	}
}
