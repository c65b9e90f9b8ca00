package clickhouse

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing"
	"github.com/roamclear/roamclear/pricing/tariff"
	"github.com/roamclear/roamclear/settlement"
	"github.com/shopspring/decimal"
)

func keyOf(id string) ocpi.Key { return ocpi.NewKey("GB", "DUN", id) }

func ids(page settlement.CDRPage) string {
	var out []string
	for _, c := range page.CDRs {
		out = append(out, c.ID)
	}
	return strings.Join(out, " ")
}

func TestCDRDetail(t *testing.T) {
	s := newStore(t)
	b := batchOf(t, 0, 0, january)
	write(t, s, b)
	first := b.Rows[1]
	got, err := s.CDR(t.Context(), keyOf("C2"))
	if err != nil {
		t.Fatal(err)
	}
	findings, _ := json.Marshal(first.Outcome.Findings)
	at := func(n int) settlement.Copy {
		r := b.Rows[n].Record
		return settlement.Copy{Position: r.Position, Received: r.Received.Go(), Sender: r.Sender, Hash: r.Hash}
	}
	conflict := at(6)
	conflict.Conflict = true
	want := &settlement.CDRDetail{
		CDRSummary: settlement.CDRSummary{
			Key: keyOf("C2"), ID: "c2", Position: first.Record.Position, Received: received.Add(time.Second),
			CPO: first.Creditor, EMSP: first.Debtor, Start: first.Start.Go(), End: first.End.Go(), Month: ocpi.MonthOf(2019, 1), Currency: "GBP",
			SessionID: "S-c2", LocationID: "LOC1", EnergyKWh: dec("12.345"),
			ClaimedExcl: dec("5"), ClaimedIncl: dec("6"), Status: pricing.Rejected, Reason: "unknown_tariff",
			Detail: "why c2 cannot be priced", TariffIDs: "TAR1", TimeZone: "Europe/London", ZoneSource: "cdr",
			TariffHash: strings.Repeat("ab", 32), TariffSource: "cdr", ZoneDB: "2026a", Profile: "default", Engine: "1",
		},
		Version: ocpi.V221, Sender: "partner-DUN", Hash: first.Record.Hash,
		Raw: first.Record.Body, Findings: findings, Copies: []settlement.Copy{conflict},
	}
	equal := cmp.Comparer(func(a, b decimal.Decimal) bool { return a.Equal(b) })
	if diff := cmp.Diff(want, got, equal); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if d, err := s.CDR(t.Context(), keyOf("D1")); err != nil || len(d.Taxes) != 4 || d.Taxes[2].Amount.String() != "0.1" || string(d.Explanation) != `{"lines":[]}` {
		t.Errorf("priced CDR: %+v, %v", d, err)
	}
	if d, err := s.CDR(t.Context(), keyOf("C1")); err != nil || len(d.Copies) != 1 || d.Copies[0].Conflict {
		t.Errorf("repeated CDR: %+v, %v", d, err)
	}
	if _, err := s.CDR(t.Context(), keyOf("NONE")); !errors.Is(err, settlement.ErrNotFound) {
		t.Errorf("unknown CDR: %v, want ErrNotFound", err)
	}
	if _, _, _, err := s.CDRRaw(t.Context(), keyOf("NONE")); !errors.Is(err, settlement.ErrNotFound) {
		t.Errorf("raw body of an unknown CDR: %v, want ErrNotFound", err)
	}
}

func dec(s string) *decimal.Decimal {
	d := decimal.RequireFromString(s)
	return &d
}

// Ids, reasons and bodies are bytes that partners choose.
func TestHostileText(t *testing.T) {
	s := newStore(t)
	texts := []string{"o'brien", `back\slash`, "tab\there", "line\nbreak", "nul\x00byte", "bad\xff\xfeutf8", `"quoted" ? @name {p:String}`, "中文 é", "-- ; DROP TABLE cdrs", strings.Repeat("L", 300)}
	b := &pricing.Batch{Partition: cdrsOf(0), Next: int64(len(texts))}
	for i, text := range texts {
		row := batchOf(t, 0, int64(i), "GB*DUN NL*EXW x 2019-01-15 GBP 10.00/12.00 rejected r -").Rows[0]
		row.ID, row.Record.Key.ID, row.Outcome.Reason, row.SessionID = text, ocpi.Fold(text), text, text
		row.Record.Body = []byte(text)
		b.Rows = append(b.Rows, row)
	}
	write(t, s, b)
	for i, text := range texts {
		key := ocpi.Key{Party: ocpi.NewParty("GB", "DUN"), ID: ocpi.Fold(text)}
		raw, version, p, err := s.CDRRaw(t.Context(), key)
		if err != nil || string(raw) != text || version != ocpi.V221 || p != b.Rows[i].Record.Position {
			t.Errorf("%q: body %q at %s, version %s, %v", text, raw, p, version, err)
		}
		page, err := s.CDRs(t.Context(), settlement.CDRQuery{Reason: text, ID: key.ID})
		if err != nil || len(page.CDRs) != 1 || page.CDRs[0].ID != text || page.CDRs[0].SessionID != text || page.CDRs[0].Reason != text {
			t.Errorf("%q: listed as %+v, %v", text, page.CDRs, err)
		}
		rejects, _, err := s.Rejects(t.Context(), cdrsOf(0), []string{text}, "", 10)
		if err != nil || len(rejects) != 1 || rejects[0].Record.Key != key {
			t.Errorf("%q: rejects %+v, %v", text, rejects, err)
		}
	}
	all, err := s.CDRs(t.Context(), settlement.CDRQuery{})
	if err != nil || len(all.CDRs) != len(texts) {
		t.Fatalf("%d CDRs, %v", len(all.CDRs), err)
	}
	after := ""
	for i := range all.CDRs {
		page, err := s.CDRs(t.Context(), settlement.CDRQuery{After: after, Limit: 1})
		if err != nil || ids(page) != all.CDRs[i].ID {
			t.Fatalf("page %d is %q, %v; want %q", i, ids(page), err, all.CDRs[i].ID)
		}
		after = page.Next
	}
	if after != "" {
		t.Errorf("cursor %q after the last page", after)
	}
}

func TestCDRsFilters(t *testing.T) {
	s := newStore(t)
	batch := batchOf(t, 0, 0, january)
	batch.Rows[0].Outcome.Findings = []ocpi.Finding{{Code: "charge_in_the_future", Severity: ocpi.Serious}}
	write(t, s, batch)
	yes, no, differs := true, false, tariff.ClaimDiffers
	for name, tc := range map[string]struct {
		q    settlement.CDRQuery
		want string
	}{
		"all, by month and identity": {settlement.CDRQuery{}, "c1 c2 c3 k1 c4 d1 d2 d3 e1 f1"},
		"one party":                  {settlement.CDRQuery{Party: ocpi.NewParty("DE", "TNM")}, "d1 d2 d3"},
		"another party":              {settlement.CDRQuery{Party: ocpi.NewParty("XX", "YYY")}, ""},
		"from a day":                 {settlement.CDRQuery{Days: settlement.Days{From: time.Date(2019, 1, 31, 0, 0, 0, 0, time.UTC)}}, "c3 k1 c4 f1"},
		"until a day":                {settlement.CDRQuery{Days: settlement.Days{To: time.Date(2019, 1, 6, 0, 0, 0, 0, time.UTC)}}, "d1 d2 d3"},
		"currency":                   {settlement.CDRQuery{Currency: "EUR"}, "e1"},
		"rejected":                   {settlement.CDRQuery{Status: pricing.Rejected}, "c2 e1"},
		"reason":                     {settlement.CDRQuery{Reason: "no_zone"}, "e1"},
		"differs":                    {settlement.CDRQuery{Claim: &differs}, "c3 d3"},
		"credits":                    {settlement.CDRQuery{Credit: &yes}, "k1"},
		"no credits in February":     {settlement.CDRQuery{Credit: &no, From: month(2019, time.February)}, "f1"},
		"a finding":                  {settlement.CDRQuery{Finding: "charge_in_the_future"}, batch.Rows[0].ID},
		"a part of its code":         {settlement.CDRQuery{Finding: "charge"}, ""},
		"one row traced":             {settlement.CDRQuery{CPO: ocpi.NewParty("GB", "DUN"), EMSP: ocpi.NewParty("NL", "EXW"), To: month(2019, time.January), Currency: "GBP"}, "c1 c2 c3 k1 c4"},
	} {
		t.Run(name, func(t *testing.T) {
			page, err := s.CDRs(t.Context(), tc.q)
			if err != nil || ids(page) != tc.want {
				t.Errorf("%q, %v; want %q", ids(page), err, tc.want)
			}
		})
	}
	reasons, err := s.RejectReasons(t.Context(), settlement.CDRQuery{})
	if err != nil || len(reasons) != 2 || reasons[0].Reason != "no_zone" || reasons[0].Claimed.MissingIncl != 1 || reasons[1].Claimed.Excl.String() != "5" {
		t.Errorf("reasons %+v, %v", reasons, err)
	}
	for _, bad := range []string{"x", "!!", "e30x", "eyJ4IjoxfQ"} {
		if _, err := s.CDRs(t.Context(), settlement.CDRQuery{After: bad}); !errors.Is(err, settlement.ErrCursor) {
			t.Errorf("cursor %q: %v, want ErrCursor", bad, err)
		}
	}
}

// A list is read backwards as it is forwards, from the place of any CDR of it, and its
// sums are those of its CDRs.
func TestListsBackwardsBesideAndInSum(t *testing.T) {
	s := newStore(t)
	write(t, s, batchOf(t, 0, 0, january))
	differs := tariff.ClaimDiffers
	for name, q := range map[string]settlement.CDRQuery{
		"all": {}, "of a party": {Party: ocpi.NewParty("DE", "TNM")}, "that differ": {Claim: &differs}, "of a month": {From: ocpi.MonthOf(2019, 1), To: ocpi.MonthOf(2019, 1)},
	} {
		all, err := s.CDRs(t.Context(), q)
		if err != nil || len(all.CDRs) == 0 {
			t.Fatalf("%s: %d CDRs, %v", name, len(all.CDRs), err)
		}
		sums, err := s.ListSums(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(sumsOf(all.CDRs), sums, cmp.Comparer(func(a, b decimal.Decimal) bool { return a.Equal(b) })); diff != "" {
			t.Errorf("%s: sums -want +got:\n%s", name, diff)
		}
		for i := range all.CDRs {
			beside := q
			beside.Beside = settlement.Place{Month: all.CDRs[i].Month, Position: all.CDRs[i].Position}
			behind, err := s.CDRs(t.Context(), beside)
			if want := ids(settlement.CDRPage{CDRs: all.CDRs[i+1:]}); err != nil || ids(behind) != want {
				t.Errorf("%s: behind %s comes %q, %v; want %q", name, all.CDRs[i].ID, ids(behind), err, want)
			}
			beside.Backwards = true
			before := slices.Clone(all.CDRs[:i])
			slices.Reverse(before)
			got := readBackwards(t, s, beside)
			if want := ids(settlement.CDRPage{CDRs: before}); got != want {
				t.Errorf("%s: before %s comes %q, want %q", name, all.CDRs[i].ID, got, want)
			}
		}
	}
}

// readBackwards reads a list in pages of two.
func readBackwards(t *testing.T, s *Store, q settlement.CDRQuery) string {
	t.Helper()
	var all settlement.CDRPage
	for q.Limit = 2; ; {
		page, err := s.CDRs(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		all.CDRs = append(all.CDRs, page.CDRs...)
		if page.Next == "" {
			return ids(all)
		}
		q.After, q.Beside = page.Next, settlement.Place{}
	}
}

// sumsOf adds CDRs up one by one.
func sumsOf(cdrs []settlement.CDRSummary) (sums []settlement.ListSum) {
	at := map[string]int{}
	for i := range cdrs {
		c := &cdrs[i]
		if _, ok := at[c.Currency]; !ok {
			at[c.Currency] = len(sums)
			sums = append(sums, settlement.ListSum{Currency: c.Currency})
		}
		r := &sums[at[c.Currency]]
		r.Count++
		if c.EnergyKWh != nil {
			r.KWh = r.KWh.Add(*c.EnergyKWh)
		}
		addOne(&r.Claimed, c.ClaimedExcl, c.ClaimedIncl)
		if c.Status == pricing.Priced {
			addOne(&r.Computed, c.ComputedExcl, c.ComputedIncl)
			minus := func(a, b *decimal.Decimal) *decimal.Decimal {
				if a == nil || b == nil {
					return nil
				}
				d := a.Sub(*b)
				return &d
			}
			addOne(&r.Difference, minus(c.ClaimedExcl, c.ComputedExcl), minus(c.ClaimedIncl, c.ComputedIncl))
		}
	}
	slices.SortFunc(sums, func(a, b settlement.ListSum) int { return strings.Compare(a.Currency, b.Currency) })
	return sums
}

func addOne(s *settlement.Sum, excl, incl *decimal.Decimal) {
	missing := uint64(0)
	if incl == nil {
		missing = 1
	}
	*s = s.Add(settlement.NewSum(excl, incl, missing))
}

func TestConflicts(t *testing.T) {
	s := newStore(t)
	write(t, s, batchOf(t, 0, 0, january), batchOf(t, 1, 0, `
		FR*BEL FR*IZI p1 2019-01-09 EUR 2.00/2.40 priced 2.00/2.40 - #a
		FR*BEL FR*IZI p1 2019-01-09 EUR 3.00/3.60 priced 3.00/3.60 - #b
		FR*BEL FR*IZI p1 2019-01-09 EUR 2.00/2.40 priced 2.00/2.40 - #a
		FR*BEL FR*IZI p2 2019-01-09 EUR 2.00/2.40 priced 2.00/2.40 - #a
		FR*BEL FR*IZI p3 2019-01-09 EUR 2.00/2.40 priced 2.00/2.40 - #a
		FR*BEL FR*IZI p3 2019-01-09 EUR 2.00/2.40 priced 2.00/2.40 - #a`))
	list := func(q settlement.ConflictQuery) (string, string) {
		t.Helper()
		page, err := s.Conflicts(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		var out []string
		for _, c := range page.Conflicts {
			text := fmt.Sprintf("%s*%s@%d", c.Key.Party, c.ID, c.Counts.Position.Offset)
			for _, o := range c.Others {
				text += fmt.Sprintf(" %v@%d", o.Conflict, o.Position.Offset)
			}
			out = append(out, text)
		}
		return strings.Join(out, ", "), page.Next
	}
	paris, dundee := "FR*BEL*p1@0 true@1 false@2", "GB*DUN*c2@1 true@6"
	if got, next := list(settlement.ConflictQuery{}); got != paris+", "+dundee || next != "" {
		t.Errorf("all: %s (next %q)", got, next)
	}
	got, next := list(settlement.ConflictQuery{Limit: 1})
	if got != paris || next == "" {
		t.Errorf("first page: %s (next %q)", got, next)
	}
	if got, next := list(settlement.ConflictQuery{Limit: 1, After: next}); got != dundee || next != "" {
		t.Errorf("second page: %s (next %q)", got, next)
	}
	if got, _ := list(settlement.ConflictQuery{Party: ocpi.NewParty("NL", "EXW")}); got != dundee {
		t.Errorf("eMSP's own: %s", got)
	}
	repeats := "FR*BEL*p3@4 false@5, GB*DUN*c1@0 false@5"
	for name, tc := range map[string]struct {
		q    settlement.ConflictQuery
		want string
	}{
		"repeats":             {settlement.ConflictQuery{Kind: settlement.CopyRepeat}, repeats},
		"repeats of one CPO":  {settlement.ConflictQuery{Kind: settlement.CopyRepeat, CPO: ocpi.NewParty("GB", "DUN")}, "GB*DUN*c1@0 false@5"},
		"all of one CPO":      {settlement.ConflictQuery{Kind: settlement.CopyAny, CPO: ocpi.NewParty("FR", "BEL")}, paris + ", FR*BEL*p3@4 false@5"},
		"one identity":        {settlement.ConflictQuery{ID: "C2"}, dundee},
		"one that is no such": {settlement.ConflictQuery{ID: "P3"}, ""},
		"one eMSP's repeats":  {settlement.ConflictQuery{Kind: settlement.CopyRepeat, Party: ocpi.NewParty("FR", "IZI")}, "FR*BEL*p3@4 false@5"},
	} {
		if got, _ := list(tc.q); got != tc.want {
			t.Errorf("%s: %q, want %q", name, got, tc.want)
		}
	}
}

// A page of bodies is bounded in bytes; the total is not.
func TestOCPICDRsFitAPage(t *testing.T) {
	s := newStore(t)
	b := batchOf(t, 0, 0, january)
	for i := range b.Rows {
		b.Rows[i].Record.Body = bytes.Repeat([]byte{byte('a' + i)}, 300<<10)
	}
	write(t, s, b)
	q := settlement.OCPIQuery{Debtors: []ocpi.Party{ocpi.NewParty("NL", "EXW")}}
	var sizes []int
	for total := 7; q.Offset < total; {
		page, err := s.OCPICDRs(t.Context(), q)
		if err != nil || page.Total != total || len(page.Bodies) == 0 {
			t.Fatalf("%d of %d bodies: %v", len(page.Bodies), page.Total, err)
		}
		sizes = append(sizes, len(page.Bodies))
		q.Offset += len(page.Bodies)
	}
	if diff := cmp.Diff([]int{3, 3, 1}, sizes); diff != "" {
		t.Error(diff)
	}
}

// A page reads little more than it shows: bodies that turn out to be large are
// read in smaller pieces, and none is left out or comes twice.
func TestBodiesOfAnySizeFitPages(t *testing.T) {
	s := newStore(t)
	const n = 40
	b := &pricing.Batch{Partition: partitionOf(ingest.TopicCDRs)}
	for i := range n {
		row := batchOf(t, 0, int64(i), january).Rows[0]
		row.Record.Key.ID = fmt.Sprintf("SIZE%02d", i)
		size := 1 << 10
		if i > 4 {
			size = 1<<20 - 100*i
		}
		row.Record.Body = bytes.Repeat([]byte{byte('0' + i)}, size)
		b.Rows = append(b.Rows, row)
	}
	b.Next = n
	write(t, s, b)
	q := settlement.OCPIQuery{Debtors: []ocpi.Party{ocpi.NewParty("NL", "EXW")}}
	var seen []byte
	for pages := 0; q.Offset < n; pages++ {
		page, err := s.OCPICDRs(t.Context(), q)
		if err != nil || page.Total != n || len(page.Bodies) == 0 || pages > n {
			t.Fatalf("page %d: %d of %d bodies: %v", pages, len(page.Bodies), page.Total, err)
		}
		for _, body := range page.Bodies {
			seen = append(seen, body[0])
		}
		q.Offset += len(page.Bodies)
	}
	for i, c := range seen {
		if c != byte('0'+i) {
			t.Fatalf("bodies %q, want them in order", seen)
		}
	}
}

func TestSummariesFitAPage(t *testing.T) {
	cdrs := make([]settlement.CDRSummary, 1000)
	if n := fittingSummaries(cdrs); n != 1000 {
		t.Errorf("%d of 1000 plain ones", n)
	}
	for i := range cdrs {
		cdrs[i].Detail = strings.Repeat("x", 100<<10)
	}
	if n := fittingSummaries(cdrs); n != 10 {
		t.Errorf("%d of those with 100 KiB each", n)
	}
	cdrs[0].Detail = strings.Repeat("x", 2<<20)
	if n := fittingSummaries(cdrs); n != 1 {
		t.Errorf("%d where the first does not fit", n)
	}
	if n := fittingSummaries(nil); n != 0 {
		t.Errorf("%d of none", n)
	}
}

func TestOCPICDRs(t *testing.T) {
	s := newStore(t)
	b := batchOf(t, 0, 0, january)
	write(t, s, b)
	exw, tnm, dun := []ocpi.Party{ocpi.NewParty("NL", "EXW")}, []ocpi.Party{ocpi.NewParty("DE", "TNM")}, []ocpi.Party{ocpi.NewParty("GB", "DUN")}
	updated := func(day int) time.Time { return time.Date(2019, 1, day, 13, 0, 0, 0, time.UTC) }
	for name, tc := range map[string]struct {
		q     settlement.OCPIQuery
		rows  []int
		total int
	}{
		"eMSP's own":               {settlement.OCPIQuery{Debtors: exw}, []int{11, 0, 1, 2, 3, 4, 10}, 7}, // the last one that came is the oldest
		"second page":              {settlement.OCPIQuery{Debtors: exw, OCPIWindow: settlement.OCPIWindow{Offset: 2, Limit: 2}}, []int{1, 2}, 7},
		"beyond the end":           {settlement.OCPIQuery{Debtors: exw, OCPIWindow: settlement.OCPIWindow{Offset: 9}}, nil, 7},
		"from is inclusive":        {settlement.OCPIQuery{Debtors: tnm, OCPIWindow: settlement.OCPIWindow{From: updated(3)}}, []int{8, 9}, 2},
		"to is exclusive":          {settlement.OCPIQuery{Debtors: tnm, OCPIWindow: settlement.OCPIWindow{To: updated(3)}}, []int{7}, 1},
		"CPO's own":                {settlement.OCPIQuery{Creditors: dun, OCPIWindow: settlement.OCPIWindow{To: updated(9)}}, []int{7, 8, 9}, 3},
		"debtor is not creditor":   {settlement.OCPIQuery{Debtors: dun}, nil, 0},
		"nobody":                   {settlement.OCPIQuery{}, nil, 0},
		"either role, each once":   {settlement.OCPIQuery{Debtors: tnm, Creditors: dun, OCPIWindow: settlement.OCPIWindow{To: updated(9)}}, []int{7, 8, 9}, 3},
		"the repeat is not listed": {settlement.OCPIQuery{Debtors: exw, OCPIWindow: settlement.OCPIWindow{From: updated(15), To: updated(16)}}, []int{0}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			want := settlement.OCPIPage{Total: tc.total}
			for _, n := range tc.rows {
				want.Bodies, want.Versions = append(want.Bodies, b.Rows[n].Record.Body), append(want.Versions, ocpi.V221)
				want.Owners = append(want.Owners, b.Rows[n].Record.Key.Party)
				want.Identities = append(want.Identities, b.Rows[n].Record.Identity())
			}
			got, err := s.OCPICDRs(t.Context(), tc.q)
			if n := max(tc.q.Offset, 0) + len(got.Bodies); (got.Next != "") != (n < tc.total) {
				t.Errorf("%d of %d are shown, the next page is %q", n, tc.total, got.Next)
			}
			got.Next = "" // followed in tests of their own
			if diff := cmp.Diff(want, got); diff != "" || err != nil {
				t.Errorf("%v, -want +got:\n%s", err, diff)
			}
		})
	}
}

// The eMSP that is found to owe a CDR lists it like any other: whether a reject
// was healed or a re-pricing applied.
func TestADebtorFoundLaterListsTheCDR(t *testing.T) {
	const unknown = `GB*DUN - c1 2019-01-15 GBP 10/12 rejected debtor_unknown -`
	found := ocpi.Party{Country: "NL", ID: "EXW"}
	for name, find := range map[string]func(t *testing.T, s *Store, b *pricing.Batch){
		"healed": func(t *testing.T, s *Store, b *pricing.Batch) {
			healed := b.Rows[0]
			healed.Debtor, healed.Outcome.Status, healed.Outcome.Reason = found, pricing.Priced, ""
			if err := s.WriteResults(t.Context(), cdrsOf(0), []pricing.Row{healed}); err != nil {
				t.Fatal(err)
			}
		},
		"priced again": func(t *testing.T, s *Store, b *pricing.Batch) {
			c := counted(t, s, wholeYear)[0]
			fresh := b.Rows[0]
			fresh.Debtor, fresh.Generation, fresh.Outcome.Status, fresh.Outcome.Reason = found, 1, pricing.Priced, ""
			note(t, s, "run", []settlement.Repriced{{Version: c.Version, Row: fresh, Change: settlement.Change{
				Key: c.Record.Key, Position: c.Record.Position, CPO: c.Creditor, Month: c.Month, Currency: c.Currency,
				Kind: settlement.NowPriced, Old: settlement.SideOf(&c.Row), New: settlement.SideOf(&fresh),
			}}}, 1)
			for range 2 { // again changes nothing
				if err := s.ApplyRepriced(t.Context(), "run", cdrsOf(0)); err != nil {
					t.Fatal(err)
				}
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStore(t)
			b := batchOf(t, 0, 0, unknown)
			write(t, s, b)
			listed := func() int {
				page, err := s.OCPICDRs(t.Context(), settlement.OCPIQuery{Debtors: []ocpi.Party{found}})
				if err != nil || len(page.Bodies) != page.Total {
					t.Fatalf("%d bodies of %d: %v", len(page.Bodies), page.Total, err)
				}
				return page.Total
			}
			if n := listed(); n != 0 {
				t.Fatalf("%d CDRs are listed before their debtor is known", n)
			}
			if _, err := s.OCPICDRs(t.Context(), settlement.OCPIQuery{Debtors: []ocpi.Party{found}, OCPIWindow: settlement.OCPIWindow{To: day(28)}}); err != nil {
				t.Fatal(err)
			}
			began := time.Now()
			find(t, s, b)
			write(t, s, b) // a replay of the batch takes nothing back
			if n := listed(); n != 1 {
				t.Errorf("the debtor lists %d CDRs, want 1", n)
			}
			if late, err := s.LateCDRs(t.Context(), []ocpi.Party{found}); err != nil || late.Count != 1 || late.Last.Go().Before(began) {
				t.Errorf("late are %+v, %v; want the one, since %s", late, err, began)
			}
			since := settlement.OCPIQuery{Debtors: []ocpi.Party{found}, ByReceived: true, OCPIWindow: settlement.OCPIWindow{From: began}}
			if page, err := s.OCPICDRs(t.Context(), since); err != nil || page.Total != 1 {
				t.Errorf("%d came since it was found, %v; want 1", page.Total, err)
			}
			d, err := s.CDR(t.Context(), keyOf("c1"))
			if err != nil || d.ID != "c1" || d.SessionID != "S-c1" || d.EnergyKWh == nil {
				t.Errorf("the CDR: %v, %+v", err, d)
			}
		})
	}
}

// A CDR of which an earlier copy is stored later, one that names another eMSP, comes to
// that one's list then, be that copy's receipt as old as it may.
func TestAnEarlierCopyOfAnotherEMSPIsListedSince(t *testing.T) {
	s := newStore(t)
	tnm := ocpi.NewParty("DE", "TNM")
	write(t, s, batchOf(t, 0, 5, "GB*DUN NL*EXW c1 2019-01-15 GBP 10/12 priced 10/12 -"))
	began := time.Now()
	write(t, s, batchOf(t, 0, 2, "GB*DUN DE*TNM c1 2019-01-15 GBP 10/12 priced 10/12 -"))
	for party, want := range map[ocpi.Party]int{tnm: 1, ocpi.NewParty("NL", "EXW"): 0} {
		since := settlement.OCPIQuery{Debtors: []ocpi.Party{party}, ByReceived: true, OCPIWindow: settlement.OCPIWindow{From: began}}
		if page, err := s.OCPICDRs(t.Context(), since); err != nil || page.Total != want {
			t.Errorf("%d came to %s since, %v; want %d", page.Total, party, err, want)
		}
	}
}

// The tables hold ids folded; one CDR is shown with those its partner sent.
func TestIDsAsSent(t *testing.T) {
	d := &settlement.CDRDetail{Version: ocpi.V221, Raw: []byte(`{"country_code":"GB","party_id":"DUN","id":"c1-C","session_id":"Sess-a7","credit":true,"credit_reference_id":"c1",
"start_date_time":"2019-01-05T10:00:00Z","end_date_time":"2019-01-05T11:00:00Z","last_updated":"2019-01-05T11:05:00Z","auth_method":"WHITELIST","currency":"GBP",
"cdr_token":{"country_code":"NL","party_id":"EXW","uid":"U1","type":"RFID","contract_id":"C"},
"cdr_location":{"id":"L1","address":"a","city":"c","country":"GBR","coordinates":{"latitude":"56.46","longitude":"-2.97"},"evse_uid":"E1","evse_id":"E","connector_id":"1","connector_standard":"IEC_62196_T2","connector_format":"SOCKET","connector_power_type":"AC_3_PHASE"},
"charging_periods":[{"start_date_time":"2019-01-05T10:00:00Z","dimensions":[{"type":"ENERGY","volume":20}]}],"total_cost":{"excl_vat":-5},"total_energy":20,"total_time":1}`)}
	d.SessionID, d.CreditOf = "SESS-A7", "C1"
	idsAsSent(d)
	if d.SessionID != "Sess-a7" || d.CreditOf != "c1" {
		t.Errorf("session %q, credit of %q", d.SessionID, d.CreditOf)
	}
	d.Raw = []byte("[")
	if idsAsSent(d); d.SessionID != "Sess-a7" {
		t.Errorf("a body that cannot be read changes the session to %q", d.SessionID)
	}
}
