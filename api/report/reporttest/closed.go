package reporttest

import (
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement"
	"github.com/shopspring/decimal"
)

// Closed is a report.Closes: the months that are closed, and since when.
type Closed map[ocpi.Month]ocpi.Time

// January closes the first month of the World.
var January = Closed{201901: ocpi.TimeOf(at("2019-02-05T09:30:00Z"))}

// Closed implements settlement.Periods.
func (c Closed) Closed(m ocpi.Month) bool { return c[m].IsSet() }

// ClosedAt implements report.Closes.
func (c Closed) ClosedAt(m ocpi.Month) ocpi.Time { return c[m] }

// AddCorrections adds what a re-pricing found out about January once it was
// closed. It stands in February: in a row that has CDRs of its own, and in one
// that has nothing else.
func (s *Store) AddCorrections() {
	correct := func(emsp ocpi.Party, excl, incl string) {
		e, i := decimal.RequireFromString(excl), decimal.RequireFromString(incl)
		s.Corrected = append(s.Corrected, settlement.SettlementRow{
			CPO: ocpi.NewParty("GB", "DUN"), EMSP: emsp, Month: 201902, Currency: "GBP", Corrections: settlement.NewSum(&e, &i, 0),
		})
	}
	correct(ocpi.NewParty("NL", "EXW"), "-1.2500", "-1.5000")
	correct(ocpi.NewParty("SE", "NEW"), "1.2500", "1.5000")
}
