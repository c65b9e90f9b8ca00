package clickhouse

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing"
	"github.com/roamclear/roamclear/settlement"
)

// receiptsText is receipts as a person reads them, a line each: day, its line, conflict.
func receiptsText(list []settlement.BookedReceipt) (lines []string) {
	for i := range list {
		line := list[i].Day().Format(time.DateOnly) + " " + strings.ReplaceAll(strings.TrimSpace(string(list[i].AppendLine(nil))), "\t", " ")
		if list[i].Conflict {
			line += " conflict"
		}
		lines = append(lines, line)
	}
	return lines
}

func receiptsIn(t testing.TB, s *Store, q settlement.ReceiptQuery) (list []settlement.BookedReceipt) {
	t.Helper()
	err := s.Receipts(t.Context(), q, func(r *settlement.BookedReceipt) error {
		r.ID = strings.Clone(r.ID)
		list = append(list, *r)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// pagesOf reads receipts page by page, in the order of lists.
func pagesOf(t testing.TB, s *Store, q settlement.ReceiptQuery, limit int) (list []settlement.BookedReceipt) {
	t.Helper()
	for after := ""; ; {
		page, next, err := s.ReceiptPage(t.Context(), q, after, limit)
		if err != nil || len(page) > limit {
			t.Fatalf("a page of %d: %v", len(page), err)
		}
		if list = append(list, page...); next == "" {
			return list
		}
		after = next
	}
}

func days(from, to string) settlement.ReceiptQuery {
	q := settlement.ReceiptQuery{CPO: ocpi.NewParty("GB", "DUN")}
	for text, into := range map[string]*time.Time{from: &q.From, to: &q.To} {
		day, err := time.Parse(time.DateOnly, text)
		if err != nil {
			panic(err)
		}
		*into = day
	}
	return q
}

// Receipts are of each CDR once, as its first copy has it, rejects and credits too, in the
// order of days and ids; of an eMSP those for it.
func TestReceipts(t *testing.T) {
	s := newStore(t)
	b := batchOf(t, 1, 10, january+"GB*PKC NL*EXW p1 2019-01-15 GBP 1.00/1.20 priced 1.00/1.20 -\nGB*DUN - u1 2019-01-15 GBP -/- rejected debtor_unknown -")
	write(t, s, b)
	write(t, s, b)
	for _, c := range []struct {
		name, from, to string
		debtors        []ocpi.Party
		want           []string
	}{
		{"a month", "2019-01-01", "2019-01-31", nil, []string{
			"2019-01-02 D1 2019-01-02T12:00:00Z GBP 3 12.345", "2019-01-03 D2 2019-01-03T12:00:00Z GBP 4 12.345", "2019-01-03 D3 2019-01-03T12:00:00Z GBP 0.01 12.345",
			"2019-01-09 E1 2019-01-09T12:00:00Z EUR 2 12.345", "2019-01-15 C1 2019-01-15T12:00:00Z GBP 10 12.345", "2019-01-15 U1 2019-01-15T12:00:00Z GBP  12.345",
			"2019-01-20 C2 2019-01-20T12:00:00Z GBP 5 12.345", "2019-01-31 C3 2019-01-31T12:00:00Z GBP 7.5 12.345", "2019-01-31 C4 2019-01-31T12:00:00Z GBP 7 12.345",
			"2019-01-31 K1 2019-01-31T12:00:00Z GBP -7.5 12.345",
		}},
		{"days of two months", "2019-01-31", "2019-02-01", nil, []string{
			"2019-01-31 C3 2019-01-31T12:00:00Z GBP 7.5 12.345", "2019-01-31 C4 2019-01-31T12:00:00Z GBP 7 12.345", "2019-01-31 K1 2019-01-31T12:00:00Z GBP -7.5 12.345",
			"2019-02-01 F1 2019-02-01T12:00:00Z GBP 1 12.345",
		}},
		{"an eMSP's", "2019-01-03", "2019-01-09", []ocpi.Party{ocpi.NewParty("DE", "TNM")}, []string{"2019-01-03 D2 2019-01-03T12:00:00Z GBP 4 12.345", "2019-01-03 D3 2019-01-03T12:00:00Z GBP 0.01 12.345"}},
		{"two eMSPs'", "2019-01-03", "2019-01-09", []ocpi.Party{ocpi.NewParty("DE", "TNM"), ocpi.NewParty("NL", "EXW")}, []string{
			"2019-01-03 D2 2019-01-03T12:00:00Z GBP 4 12.345", "2019-01-03 D3 2019-01-03T12:00:00Z GBP 0.01 12.345", "2019-01-09 E1 2019-01-09T12:00:00Z EUR 2 12.345",
		}},
		{"nobody's", "2019-01-01", "2019-01-31", []ocpi.Party{{}}, []string{"2019-01-15 U1 2019-01-15T12:00:00Z GBP  12.345"}},
		{"none", "2019-03-01", "2019-03-31", nil, nil},
	} {
		q := days(c.from, c.to)
		q.Debtors = c.debtors
		if diff := cmp.Diff(c.want, receiptsText(receiptsIn(t, s, q))); diff != "" {
			t.Errorf("%s: -want +got\n%s", c.name, diff)
		}
	}
	found, err := s.ReceiptsOf(t.Context(), days("2019-01-01", "2019-01-01"), []string{"F1", "C1", "C2", "NONE", "P1"})
	if want := []string{"2019-01-15 C1 2019-01-15T12:00:00Z GBP 10 12.345", "2019-01-20 C2 2019-01-20T12:00:00Z GBP 5 12.345 conflict", "2019-02-01 F1 2019-02-01T12:00:00Z GBP 1 12.345"}; err != nil || !slices.Equal(receiptsText(found), want) {
		t.Errorf("by ids: %v\n%s", err, cmp.Diff(want, receiptsText(found)))
	}
	if _, _, err := s.ReceiptPage(t.Context(), days("2019-01-01", "2019-01-01"), "nothing", 1); err == nil {
		t.Error("any text is a cursor")
	}
}

// A CDR counts on the day of its end, else of its start, else of its last_updated, else on
// which it came, as it is booked.
func TestReceiptsAreBookedByDay(t *testing.T) {
	s := newStore(t)
	write(t, s, timeless(t))
	want := []string{"2019-03-01 A0 2019-03-01T23:59:59Z GBP 1 12.345", "2019-03-02 A1  GBP 1 12.345", "2019-03-03 A2  GBP 1 12.345", "2019-03-04 A3  GBP 1 12.345"}
	if diff := cmp.Diff(want, receiptsText(receiptsIn(t, s, days("2019-03-01", "2019-03-04")))); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

// Whatever came in whatever order, twice or priced again into another month, days, pages
// and single receipts are those of the first copies.
func TestReceiptsOfRandomCDRs(t *testing.T) {
	for seed := range uint64(8) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		s := newStore(t)
		var rows []pricing.Row
		for i := range 120 {
			line := fmt.Sprintf("GB*%s NL*E%02d c%d 2019-0%d-%02d GBP %d.%d0/- priced 1/1 - #%d", []string{"DUN", "PKC"}[rnd.IntN(2)], rnd.IntN(3), rnd.IntN(80),
				1+rnd.IntN(3), 1+rnd.IntN(28), rnd.IntN(20), rnd.IntN(10), rnd.IntN(2))
			rows = append(rows, batchOf(t, 0, int64(i), line).Rows...)
		}
		b := &pricing.Batch{Partition: cdrsOf(0), Rows: rows, Next: int64(len(rows))}
		parts := cut(b, 1+rnd.IntN(50))
		write(t, s, parts...)
		if rnd.IntN(2) == 0 {
			write(t, s, parts[rnd.IntN(len(parts))])
		}
		first := map[ocpi.Key]*pricing.Row{}
		conflict := map[ocpi.Key]bool{}
		for i := range rows {
			key := rows[i].Record.Key
			if first[key] == nil {
				first[key] = &rows[i]
			}
			conflict[key] = conflict[key] || rows[i].Record.Hash != first[key].Record.Hash
		}
		var again []pricing.Row
		for i := range rows {
			r := &rows[i]
			if first[r.Record.Key] == r && rnd.IntN(10) == 0 { // by another reading of its end it is booked a month later
				r.Generation, r.End = 1, r.End+ocpi.Time(31*24*ocpi.Hour)
				again = append(again, *r)
			}
		}
		if err := s.WriteResults(t.Context(), cdrsOf(0), again); err != nil {
			t.Fatal(err)
		}
		q := days("2019-01-10", "2019-03-20")
		if rnd.IntN(2) == 0 {
			q.Debtors = []ocpi.Party{ocpi.NewParty("NL", "E01")}
		}
		var want []settlement.BookedReceipt
		for key, r := range first {
			if at := r.BookedAt().Go(); key.Party == q.CPO && !at.Before(q.From) && at.Before(q.Next()) && (q.Debtors == nil || r.Debtor == q.Debtors[0]) {
				want = append(want, settlement.BookedReceipt{Receipt: settlement.Receipt{ID: key.ID, End: r.End, Currency: r.Currency, Total: r.Outcome.Claimed.Excl, Energy: r.EnergyKWh},
					Booked: r.BookedAt(), Conflict: conflict[key]})
			}
		}
		slices.SortFunc(want, func(a, b settlement.BookedReceipt) int {
			return strings.Compare(a.Day().Format(time.DateOnly)+a.ID, b.Day().Format(time.DateOnly)+b.ID)
		})
		pages := receiptsText(pagesOf(t, s, q, 1+rnd.IntN(40)))
		slices.Sort(pages)
		if diff := cmp.Diff(receiptsText(want), pages); diff != "" {
			t.Errorf("seed %d: pages -want +got\n%s", seed, diff)
		}
		for i := range want {
			want[i].Conflict = false
		}
		if diff := cmp.Diff(receiptsText(want), receiptsText(receiptsIn(t, s, q))); diff != "" {
			t.Errorf("seed %d: -want +got\n%s", seed, diff)
		}
	}
}
