package statement

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement"
	"github.com/roamclear/roamclear/settlement/clearing"
)

// IssuedMonth is what statements of a pair and currency say of CDRs that were booked in one
// month. Those that came to the statement they were due in stand together, of whatever
// attempt: Attempt and Due are not set.
type IssuedMonth struct {
	CPO, EMSP ocpi.Party
	Currency  string
	Attempt   uint64
	MonthLines
}

// MonthStore reads what statements say by the months of the settlement report.
type MonthStore interface {
	// IssuedMonths calls fn for what statements of attempts say of the CDRs that q selects, as
	// they stood when their line was issued.
	IssuedMonths(ctx context.Context, q settlement.SettlementQuery, attempts []clearing.Counted, fn func(*IssuedMonth) error) error
}

// Reporter tells the settlement report what became of its CDRs.
type Reporter struct {
	Months MonthStore
	Books  Books
	// Agreed returns what holds by the control records at offsets below one; Control is that
	// of the report.
	Agreed  func(below int64) Agreed
	Control int64
}

// Issued adds what is issued to the rows that q selects, and rows for what is issued of
// CDRs that stand elsewhere now. A line is of the month that its CDR was booked in when it
// was issued: so the lines of all months are those of the statements. It is late where
// its period was closed for the pair before the control records that its attempt knew of.
func (r *Reporter) Issued(ctx context.Context, q settlement.SettlementQuery, rows []settlement.SettlementRow) ([]settlement.SettlementRow, error) {
	counted := r.Agreed(r.Control).Counted()
	control := make(map[uint64]int64, len(counted))
	for i := range counted {
		control[counted[i].ID] = counted[i].Control
	}
	into := reportRows{rows: rows}
	err := r.Months.IssuedMonths(ctx, q, counted, func(m *IssuedMonth) error {
		row := into.row(rowOf{m.Month, place{m.CPO, m.EMSP, m.Currency}})
		row.Issued = row.Issued.Add(m.Lines)
		if m.Attempt != 0 && m.Due <= r.Agreed(control[m.Attempt]).ClosedThrough(m.CPO, m.EMSP) {
			row.Late = row.Late.Add(m.Lines)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read what is issued by months: %w", err)
	}
	return into.sorted(), nil
}

// AfterAll is a period behind all that there can be: all comes to its drafts.
const AfterAll ocpi.Month = 226301

// Open adds what is not issued to the rows that q selects: it draws all that is open of
// the pairs, of whatever month, since one CDR may bear on another.
func (r *Reporter) Open(ctx context.Context, q settlement.SettlementQuery, below settlement.Ends, rows []settlement.SettlementRow) ([]settlement.SettlementRow, error) {
	into := reportRows{rows: rows}
	unknown := map[place]bool{} // nobody can say what these owe
	open := map[rowOf]*settlement.Open{}
	drawer := Drawer{Books: r.Books, Agreed: r.Agreed(r.Control)}
	all := Query{CPO: q.CPO, EMSP: q.EMSP, Party: q.Party, Currency: q.Currency, Period: AfterAll, Below: below, Debtless: true}
	err := drawer.Draw(ctx, all, func(d *Draft) error {
		if q.NoEMSP && !d.EMSP.IsZero() {
			return nil
		}
		at := place{d.CPO, d.EMSP, d.Currency}
		unknown[at] = d.Err != nil
		for i := range d.Settled {
			s := &d.Settled[i]
			lines, held := s.open()
			if m := s.Booked.Month; lines.Count+held.Count > 0 && m >= q.From && (q.To.IsZero() || m <= q.To) {
				of := rowOf{m, at}
				if open[of] == nil {
					open[of] = &settlement.Open{}
				}
				*open[of] = open[of].Add(settlement.Open{Lines: lines, Held: held})
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("draw what is open: %w", err)
	}
	for of := range open {
		into.row(of)
	}
	for i := range into.rows {
		row := &into.rows[i]
		of := rowOf{row.Month, place{row.CPO, row.EMSP, row.Currency}}
		if row.Open = open[of]; row.Open == nil && !unknown[of.place] {
			row.Open = &settlement.Open{}
		}
	}
	return into.sorted(), nil
}

// open is what a close of all there is would issue of a charge, and what of it waits.
func (s *Settled) open() (lines, held settlement.Lines) {
	switch {
	case s.Line != nil:
		lines = settlement.Lines{Count: 1, Net: s.Line.Net}
	case s.State == clearing.Held:
		held = settlement.Lines{Count: 1, Net: s.Claim}
	}
	return lines, held
}

// rowOf names a row of the settlement report.
type rowOf struct {
	month ocpi.Month
	place
}

// reportRows are rows of the settlement report to which others come.
type reportRows struct {
	rows []settlement.SettlementRow
	at   map[rowOf]int
}

// row returns a row, a new one where there is none. It is valid until the next one.
func (r *reportRows) row(of rowOf) *settlement.SettlementRow {
	if r.at == nil {
		r.at = make(map[rowOf]int, len(r.rows))
		for i := range r.rows {
			r.at[rowOf{r.rows[i].Month, place{r.rows[i].CPO, r.rows[i].EMSP, r.rows[i].Currency}}] = i
		}
	}
	i, known := r.at[of]
	if !known {
		i = len(r.rows)
		r.at[of], r.rows = i, append(r.rows, settlement.SettlementRow{Month: of.month, CPO: of.cpo, EMSP: of.emsp, Currency: of.currency})
	}
	return &r.rows[i]
}

// sorted returns the rows in the order of month, CPO, eMSP and currency.
func (r *reportRows) sorted() []settlement.SettlementRow {
	slices.SortFunc(r.rows, func(a, b settlement.SettlementRow) int {
		return cmp.Or(a.Month.Compare(b.Month), place{a.CPO, a.EMSP, a.Currency}.compare(place{b.CPO, b.EMSP, b.Currency}))
	})
	return r.rows
}
