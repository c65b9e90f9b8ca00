package settlement

import (
	"time"

	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing"
)

// SummaryOf is what lists show of a CDR and its price, booked in a month.
func SummaryOf(row *pricing.Row, month ocpi.Month) CDRSummary {
	o := &row.Outcome
	c := CDRSummary{
		Key: row.Record.Key, ID: row.ID, Position: row.Record.Position, Received: instant(row.Record.Received), Generation: row.Generation,
		CPO: row.Creditor, EMSP: row.Debtor, Start: instant(row.Start), End: instant(row.End), Month: month, Currency: row.Currency, Credit: row.Credit,
		CreditOf: row.CreditReferenceSent, SessionID: row.SessionSent, LocationID: row.LocationID, EnergyKWh: row.EnergyKWh.DecimalOrNil(),
		Status: o.Status, Reason: o.Reason, Detail: o.Detail, Claim: o.Claim, Cause: o.Cause,
		ClaimedExcl: o.Claimed.Excl.DecimalOrNil(), ClaimedIncl: o.Claimed.Incl.DecimalOrNil(),
		ComputedExcl: o.Computed.Excl.DecimalOrNil(), ComputedIncl: o.Computed.Incl.DecimalOrNil(),
		TariffIDs: o.TariffIDs, TariffHash: o.TariffHash, TariffSource: o.TariffSource, TimeZone: o.TimeZone, ZoneSource: o.ZoneSource,
		ZoneDB: o.ZoneDB, Profile: o.Profile, Engine: o.EngineVersion,
	}
	if c.TariffHash == "" { // rows of before 2026-12 say "cdr" of a tariff that was never found
		c.TariffSource = ""
	}
	return c
}

// DetailOf is what is shown of a CDR and its price, booked in a month, with its findings as
// JSON. Copies are not among it.
func DetailOf(row *pricing.Row, month ocpi.Month, findings []byte) CDRDetail {
	r, o := &row.Record, &row.Outcome
	d := CDRDetail{
		CDRSummary: SummaryOf(row, month), Version: r.Version, Sender: r.Sender, Hash: r.Hash, Raw: r.Body,
		AsOf: o.AsOf, Explanation: o.Explanation, Findings: findings, Reconciliation: o.Reconciliation,
	}
	for _, t := range o.Taxes {
		d.Taxes = append(d.Taxes, TaxSum{Name: t.Name, Percentage: t.Percentage.DecimalOrNil(), Amount: t.Amount.Decimal()})
	}
	return d
}

// instant is a time as lists have it, zero where it is not known.
func instant(t ocpi.Time) time.Time {
	if !t.IsSet() {
		return time.Time{}
	}
	return t.Go()
}
