package statement_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement"
	"github.com/roamclear/roamclear/settlement/clearing"
	"github.com/roamclear/roamclear/settlement/statement"
	"github.com/roamclear/roamclear/settlement/statement/statementtest"
	"pgregory.net/rapid"
)

// reported are the rows of the settlement report of a house, by what statements say of them:
// "2019-06 DE*EMP EUR: issued 2 of 15, late 1 of 7, open 1 of 3, held 1 of 9".
func reported(t tb, h *statementtest.House, q settlement.SettlementQuery) (list []string) {
	t.Helper()
	r := statement.Reporter{Months: h.Books, Books: h.Books, Agreed: h.Agreed, Control: h.Next}
	rows, err := r.Issued(context.Background(), q, nil)
	if err == nil {
		rows, err = r.Open(context.Background(), q, h.Ends(), rows)
	}
	if err != nil {
		t.Fatal(err)
	}
	for i := range rows {
		row := &rows[i]
		list = append(list, fmt.Sprintf("%s %s: %s", nameOf(row.Month, row.CPO, row.EMSP), row.Currency, columnsOf(row)))
	}
	return list
}

func nameOf(m ocpi.Month, cpo, emsp ocpi.Party) string {
	if cpo == tnm {
		return fmt.Sprint(m, " ", emsp)
	}
	return fmt.Sprint(m, " ", cpo, " ", emsp)
}

func columnsOf(r *settlement.SettlementRow) string {
	if r.Open == nil {
		return fmt.Sprintf("issued %d of %s, late %d of %s, nobody can say what is open", r.Issued.Count, r.Issued.Net, r.Late.Count, r.Late.Net)
	}
	return fmt.Sprintf("issued %d of %s, late %d of %s, open %d of %s, held %d of %s", r.Issued.Count, r.Issued.Net, r.Late.Count, r.Late.Net,
		r.Open.Lines.Count, r.Open.Lines.Net, r.Open.Held.Count, r.Open.Held.Net)
}

// What becomes of the CDRs of a month, step by step. Months are of UTC, periods of the zone.
func TestReport(t *testing.T) {
	h := house(
		booked("cdr", "C1", "ends", "2019-06-05T11:00:00Z", "claims", "7"), booked("cdr", "C2", "ends", "2019-06-07T11:00:00Z", "claims", "8"),
		booked("cdr", "N1", "ends", "2019-06-30T23:30:00Z", "claims", "5", "emsp", "AT*EMP"), // July in Vienna
		booked("cdr", "C3", "ends", "2019-06-09T11:00:00Z", "claims", "9"), booked("cdr", "C4", "ends", "2019-07-09T11:00:00Z", "claims", "4"),
	)
	h.Begun = 0
	h.Agree(clearing.Scope{EMSP: ocpi.NewParty("AT", "EMP")}, 201901, func(t *clearing.Terms) { t.Zone, t.CutOffDay = zoneOf("Europe/Vienna"), 5 })
	h.Decide(ocpi.NewKey("NL", "TNM", "C3"), &clearing.Decision{Act: clearing.HoldIt})
	add := func(words ...string) {
		c := booked(words...)
		c.Position.Offset, c.Version = int64(len(h.Books.CDRs)), uint64(len(h.Books.CDRs)+1)
		h.Books.CDRs = append(h.Books.CDRs, c)
	}
	closes := func(period ocpi.Month) func() {
		return func() {
			r := closeOf(h, period)
			r.Carry = true
			if _, err := h.Closer().Close(t.Context(), r); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, c := range []struct {
		what string
		do   func()
		want []string
	}{
		{"nothing is closed", func() {}, []string{
			"2019-06 AT*EMP EUR: issued 0 of 0, late 0 of 0, open 1 of 5, held 0 of 0",
			"2019-06 DE*EMP EUR: issued 0 of 0, late 0 of 0, open 2 of 15, held 1 of 9",
			"2019-07 DE*EMP EUR: issued 0 of 0, late 0 of 0, open 1 of 4, held 0 of 0",
		}},
		{"June is closed, and the charge of the night is of July in its zone", closes(201906), []string{
			"2019-06 AT*EMP EUR: issued 0 of 0, late 0 of 0, open 1 of 5, held 0 of 0",
			"2019-06 DE*EMP EUR: issued 2 of 15, late 0 of 0, open 0 of 0, held 1 of 9",
			"2019-07 DE*EMP EUR: issued 0 of 0, late 0 of 0, open 1 of 4, held 0 of 0",
		}},
		{"one comes late, one is credited, one is priced again, and one is accepted", func() {
			add("cdr", "C5", "ends", "2019-06-20T11:00:00Z", "claims", "1")
			add("cdr", "K1", "ends", "2019-07-02T11:00:00Z", "claims", "-7", "credits", "C1")
			c := cdrOf(h, "C2")
			c.Claimed.Excl, c.Version = ocpi.MustNumber("8.5"), 99
			h.Decide(ocpi.NewKey("NL", "TNM", "C3"), &clearing.Decision{Act: clearing.Accept})
		}, []string{
			"2019-06 AT*EMP EUR: issued 0 of 0, late 0 of 0, open 1 of 5, held 0 of 0",
			"2019-06 DE*EMP EUR: issued 2 of 15, late 0 of 0, open 3 of 10.5, held 0 of 0",
			"2019-07 DE*EMP EUR: issued 0 of 0, late 0 of 0, open 2 of -3, held 0 of 0",
		}},
		{"July is closed: what is of June came to the statement of July", closes(201907), []string{
			"2019-06 AT*EMP EUR: issued 1 of 5, late 0 of 0, open 0 of 0, held 0 of 0",
			"2019-06 DE*EMP EUR: issued 5 of 25.5, late 3 of 10.5, open 0 of 0, held 0 of 0",
			"2019-07 DE*EMP EUR: issued 2 of -3, late 0 of 0, open 0 of 0, held 0 of 0",
		}},
		{"one is another's, one ends in another month", func() {
			c := cdrOf(h, "C4")
			c.EMSP, c.Version = ocpi.NewParty("AT", "EMP"), 98
			c = cdrOf(h, "C5")
			c.End, c.Month, c.Version = instant("2019-05-20T11:00:00Z"), 201905, 97
			c.Claimed.Excl = ocpi.MustNumber("3")
		}, []string{
			"2019-05 DE*EMP EUR: issued 0 of 0, late 0 of 0, open 1 of 2, held 0 of 0",
			"2019-06 AT*EMP EUR: issued 1 of 5, late 0 of 0, open 0 of 0, held 0 of 0",
			"2019-06 DE*EMP EUR: issued 5 of 25.5, late 3 of 10.5, open 0 of 0, held 0 of 0",
			"2019-07 AT*EMP EUR: issued 0 of 0, late 0 of 0, open 1 of 4, held 0 of 0",
			"2019-07 DE*EMP EUR: issued 2 of -3, late 0 of 0, open 1 of -4, held 0 of 0",
		}},
		{"one comes after the cut-off day, which has it in August before anything is closed", func() {
			add("cdr", "N2", "ends", "2019-07-20T11:00:00Z", "updated", "2019-08-06T11:00:00Z", "claims", "6", "emsp", "AT*EMP")
			closes(201908)()
		}, []string{
			"2019-05 DE*EMP EUR: issued 1 of 2, late 1 of 2, open 0 of 0, held 0 of 0",
			"2019-06 AT*EMP EUR: issued 1 of 5, late 0 of 0, open 0 of 0, held 0 of 0",
			"2019-06 DE*EMP EUR: issued 5 of 25.5, late 3 of 10.5, open 0 of 0, held 0 of 0",
			"2019-07 AT*EMP EUR: issued 2 of 10, late 1 of 4, open 0 of 0, held 0 of 0",
			"2019-07 DE*EMP EUR: issued 3 of -7, late 1 of -4, open 0 of 0, held 0 of 0",
		}},
	} {
		c.do()
		if diff := gocmp.Diff(c.want, reported(t, h, settlement.SettlementQuery{})); diff != "" {
			t.Fatalf("%s: %s", c.what, diff)
		}
	}
	if diff := gocmp.Diff([]string{"2019-07 AT*EMP EUR: issued 2 of 10, late 1 of 4, open 0 of 0, held 0 of 0"},
		reported(t, h, settlement.SettlementQuery{EMSP: ocpi.NewParty("AT", "EMP"), From: 201907})); diff != "" {
		t.Errorf("of one eMSP from July on: %s", diff)
	}
}

// Periods that one close takes along are none that it comes late to.
func TestReportOfSeveralPeriodsInOneClose(t *testing.T) {
	h := house(booked("cdr", "C1", "ends", "2019-06-05T11:00:00Z", "claims", "7"), booked("cdr", "C2", "ends", "2019-08-07T11:00:00Z", "claims", "8"))
	if _, err := h.Closer().Close(t.Context(), closeOf(h, 201908)); err != nil {
		t.Fatal(err)
	}
	if diff := gocmp.Diff([]string{"2019-06 DE*EMP EUR: issued 1 of 7, late 0 of 0, open 0 of 0, held 0 of 0", "2019-08 DE*EMP EUR: issued 1 of 8, late 0 of 0, open 0 of 0, held 0 of 0"},
		reported(t, h, settlement.SettlementQuery{})); diff != "" {
		t.Error(diff)
	}
}

// Of a pair whose agreement names what is not known nobody says what is open.
func TestReportThatNobodyCanSay(t *testing.T) {
	h := house(booked("cdr", "C1", "ends", "2019-06-05T11:00:00Z", "claims", "7"), booked("cdr", "C2", "ends", "2019-06-07T11:00:00Z", "claims", "8", "emsp", "AT*EMP"))
	h.Agree(clearing.Scope{EMSP: ocpi.NewParty("AT", "EMP")}, 201901, func(t *clearing.Terms) { t.Pack = "yesterday's" })
	r := statement.Reporter{Months: h.Books, Books: h.Books, Agreed: h.Agreed, Control: h.Next}
	rows := []settlement.SettlementRow{{CPO: tnm, EMSP: ocpi.NewParty("AT", "EMP"), Month: 201906, Currency: "EUR"}, {CPO: tnm, EMSP: ocpi.NewParty("DE", "EMP"), Month: 201906, Currency: "EUR"}}
	rows, err := r.Open(t.Context(), settlement.SettlementQuery{}, h.Ends(), rows)
	if err != nil || len(rows) != 2 || rows[0].Open != nil || rows[1].Open == nil || rows[1].Open.Lines.Count != 1 {
		t.Errorf("%v: %+v", err, rows)
	}
}

// note adds what the lines of a close say to what the report is to say of them, as plainly as
// it can be found out: CDR by CDR, by its times and what was agreed.
func (w *world) note(t *rapid.T, c *clearing.Closing) {
	h := w.ours
	by := h.Agreed(c.Control)
	err := h.Books.Lines(context.Background(), statement.IssueQuery{}, []uint64{c.ID}, func(l *statement.IssuedLine) error {
		at := cdrOf(h, l.Key.ID)
		zone := by.Terms(l.Key.Party, l.EMSP, at.End.Month()).Zone
		local, updated := zone.Local(at.End), zone.Local(at.LastUpdated)
		due := ocpi.MonthOf(local.Year(), local.Month())
		if day := by.Terms(l.Key.Party, l.EMSP, due).CutOffDay; day > 0 && !updated.Before(time.Date(local.Year(), local.Month()+1, day+1, 0, 0, 0, 0, updated.Location())) {
			due = due.Add(1)
		}
		row := w.report(rowName(at.Month, l.Key.Party, l.EMSP, l.Currency))
		row.Issued = row.Issued.Add(settlement.Lines{Count: 1, Net: l.Net})
		if closed := by.ClosedThrough(l.Key.Party, l.EMSP); due <= closed && due < c.Period {
			row.Late = row.Late.Add(settlement.Lines{Count: 1, Net: l.Net})
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func rowName(m ocpi.Month, cpo, emsp ocpi.Party, currency string) string {
	return fmt.Sprintf("%s %s", nameOf(m, cpo, emsp), currency)
}

func (w *world) report(name string) *settlement.SettlementRow {
	if w.rows[name] == nil {
		w.rows[name] = &settlement.SettlementRow{}
	}
	return w.rows[name]
}

// reports holds the report against what was noted, and what is open of it against all that
// there is.
func (w *world) reports(t *rapid.T) {
	h := w.ours
	for _, row := range w.rows {
		row.Open = &settlement.Open{}
	}
	for _, d := range drawn(t, h, true, statement.Query{Period: 203001, Before: true}) {
		for i := range d.Settled {
			s := &d.Settled[i]
			if s.Line == nil && s.State != clearing.Held {
				continue
			}
			row := w.report(rowName(cdrOf(h, s.Key.ID).Month, d.CPO, d.EMSP, d.Currency))
			if row.Open == nil {
				row.Open = &settlement.Open{}
			}
			switch {
			case s.Line == nil:
				row.Open.Held = row.Open.Held.Add(settlement.Lines{Count: 1, Net: s.Claim})
			case s.Issued != nil:
				row.Open.Lines = row.Open.Lines.Add(settlement.Lines{Count: 1, Net: s.Owed.Net.Sub(s.Issued.Amount.Net)})
			default:
				row.Open.Lines = row.Open.Lines.Add(settlement.Lines{Count: 1, Net: s.Owed.Net})
			}
		}
	}
	var want []string
	for name, row := range w.rows {
		if row.Issued.Count+row.Open.Lines.Count+row.Open.Held.Count > 0 {
			want = append(want, name+": "+columnsOf(row))
		}
	}
	slices.Sort(want)
	got := reported(t, h, settlement.SettlementQuery{})
	slices.Sort(got)
	if diff := gocmp.Diff(want, got); diff != "" {
		t.Fatalf("the report (+) is not what lines and CDRs say (-): %s", diff)
	}
	sums := map[string]settlement.Lines{}
	for _, c := range h.Closings {
		err := h.Books.Issues(context.Background(), statement.IssueQuery{}, []uint64{c.ID}, func(i *statement.Issue) error {
			name := fmt.Sprint(i.CPO, i.EMSP, i.Currency)
			sums[name] = sums[name].Add(settlement.Lines{Count: uint64(i.Lines), Net: i.Net})
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	rows, err := (&statement.Reporter{Months: h.Books, Agreed: h.Agreed, Control: h.Next}).Issued(context.Background(), settlement.SettlementQuery{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := range rows {
		r := &rows[i]
		name := fmt.Sprint(r.CPO, r.EMSP, r.Currency)
		sums[name] = sums[name].Add(settlement.Lines{Count: -r.Issued.Count, Net: r.Issued.Net.Neg()})
	}
	for name, left := range sums {
		if left.Count != 0 || !left.Net.IsZero() {
			t.Fatalf("%s: statements have %d lines of %s more than reports", name, int64(left.Count), left.Net)
		}
	}
}
