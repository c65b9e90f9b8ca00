package reporttest

import (
	"context"

	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement"
	"github.com/shopspring/decimal"
)

// Reporter is a report.Reporter. Of the rows, one after the other, all is issued, half of
// it is and a CDR waits, or nobody can say; and a line is of a CDR that stands elsewhere now.
type Reporter struct{}

// Reported implements report.Reporter.
func (Reporter) Reported(_ context.Context, _ settlement.SettlementQuery, open bool, rows []settlement.SettlementRow) ([]settlement.SettlementRow, error) {
	if len(rows) == 0 {
		return rows, nil
	}
	last := rows[len(rows)-1]
	for i := range rows {
		r := &rows[i]
		count, net := r.CDRCount+r.CreditCount, r.Net.Excl
		half := settlement.Lines{Count: count / 2, Net: net.Div(decimal.New(2, 0)).Truncate(2)}
		var left settlement.Open
		switch i % 3 {
		case 0:
			r.Issued, r.Late = settlement.Lines{Count: count, Net: net}, settlement.Lines{Count: 1, Net: decimal.New(125, -2)}
		case 1:
			r.Issued = half
			left = settlement.Open{Lines: half, Held: settlement.Lines{Count: 1, Net: decimal.New(9, 0)}}
		}
		if open && i%3 < 2 {
			r.Open = &left
		}
	}
	gone := settlement.SettlementRow{CPO: last.CPO, EMSP: ocpi.NewParty("ZZ", "ZZZ"), Month: last.Month, Currency: last.Currency, Issued: settlement.Lines{Count: 1, Net: decimal.New(-7, 0)}}
	if open {
		gone.Open = &settlement.Open{}
	}
	return append(rows, gone), nil
}
