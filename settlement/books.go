package settlement

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing"
	"github.com/roamclear/roamclear/pricing/tariff"
	"github.com/shopspring/decimal"
)

// books add up by hand what the settlement report says, from raw bodies
// (claims) and results (computed amounts).
type books struct {
	accounts  map[account]*SettlementRow
	taxes     map[*SettlementRow]map[string]decimal.Decimal // of the accounts, by rate
	cancelled func(ocpi.Key) bool                           // credited in full
}

// account is what one settlement row is about.
type account struct {
	cpo, emsp ocpi.Party
	month     ocpi.Month
	currency  string
}

// String names the account for messages.
func (a account) String() string {
	return fmt.Sprintf("%s claims from %s, %s, %s", a.cpo, a.emsp, a.month, a.currency)
}

func accountOf(r *pricing.Row) account {
	return account{r.Creditor, r.Debtor, r.Booked(), r.Currency}
}

func newBooks(cancelled func(ocpi.Key) bool) *books {
	return &books{accounts: map[account]*SettlementRow{}, taxes: map[*SettlementRow]map[string]decimal.Decimal{}, cancelled: cancelled}
}

// row returns the row of an account, a new one the first time.
func (b *books) row(a account) *SettlementRow {
	s := b.accounts[a]
	if s == nil {
		s = &SettlementRow{CPO: cloneParty(a.cpo), EMSP: cloneParty(a.emsp), Month: a.month, Currency: strings.Clone(a.currency)}
		b.accounts[account{s.CPO, s.EMSP, s.Month, s.Currency}] = s
	}
	return s
}

// join adds the books of other CDRs.
func (b *books) join(o *books) {
	for a, r := range o.accounts {
		s := b.row(a)
		s.CDRCount += r.CDRCount
		s.CreditCount += r.CreditCount
		s.UnpricedCount += r.UnpricedCount
		s.CreditedCount += r.CreditedCount
		s.DiffersCount += r.DiffersCount
		for _, sum := range []struct{ into, of *Sum }{
			{&s.Claimed, &r.Claimed}, {&s.Credits, &r.Credits}, {&s.Net, &r.Net}, {&s.Computed, &r.Computed},
			{&s.UnpricedClaimed, &r.UnpricedClaimed}, {&s.CreditedClaimed, &r.CreditedClaimed},
		} {
			*sum.into = sum.into.Add(*sum.of)
		}
		for rate, amount := range o.taxes[r] {
			b.tax(s, rate, amount)
		}
	}
}

// add books one CDR: claims from its raw body (fresh), the rest as stored.
func (b *books) add(fresh *pricing.Row, stored *StoredResult) {
	s := b.row(accountOf(fresh))
	claimed := SumOf(fresh.Outcome.Claimed)
	s.Net = s.Net.Add(claimed)
	if fresh.Credit {
		s.CreditCount++
		s.Credits = s.Credits.Add(claimed)
		return
	}
	s.CDRCount++
	s.Claimed = s.Claimed.Add(claimed)
	if stored.Outcome.Status != pricing.Priced {
		s.UnpricedCount++
		s.UnpricedClaimed = s.UnpricedClaimed.Add(claimed)
		return
	}
	if b.cancelled(fresh.Record.Key) {
		s.CreditedCount++
		s.CreditedClaimed = s.CreditedClaimed.Add(claimed)
		return
	}
	s.Computed = s.Computed.Add(SumOf(stored.Outcome.Computed))
	for _, t := range stored.Outcome.Taxes {
		b.tax(s, rateText(t.Name, numberText(t.Percentage)), t.Amount.Decimal())
	}
	if stored.Outcome.Claim == tariff.ClaimDiffers {
		s.DiffersCount++
	}
}

func (b *books) tax(s *SettlementRow, rate string, amount decimal.Decimal) {
	if b.taxes[s] == nil {
		b.taxes[s] = map[string]decimal.Decimal{}
	}
	b.taxes[s][rate] = b.taxes[s][rate].Add(amount)
}

// rateText names a tax by its rate.
func rateText(name, percentage string) string { return name + " " + percentage + "%" }

// taxesOf are the taxes of a row of the report, by rate.
func taxesOf(row *SettlementRow) map[string]decimal.Decimal {
	taxes := make(map[string]decimal.Decimal, len(row.Tax))
	for i := range row.Tax {
		rate := rateText(row.Tax[i].Name, text(row.Tax[i].Percentage))
		taxes[rate] = taxes[rate].Add(row.Tax[i].Amount)
	}
	return taxes
}

// diffTaxes names the rates at which the report's tax is not what CDRs give.
func diffTaxes(own, report map[string]decimal.Decimal) []string {
	var diffs []string
	for _, rate := range slices.Sorted(maps.Keys(report)) {
		if got, ok := own[rate]; !ok || !got.Equal(report[rate]) {
			diffs = append(diffs, fmt.Sprintf("tax %s is %s, CDRs give %s", rate, report[rate], got))
		}
	}
	for _, rate := range slices.Sorted(maps.Keys(own)) {
		if _, ok := report[rate]; !ok {
			diffs = append(diffs, fmt.Sprintf("tax %s is missing, CDRs give %s", rate, own[rate]))
		}
	}
	return diffs
}

// compare holds the books against the report, both ways.
func (b *books) compare(report *Report, rows []SettlementRow) {
	for i := range rows {
		row := &rows[i]
		a := account{row.CPO, row.EMSP, row.Month, row.Currency}
		own := b.accounts[a]
		if own == nil {
			report.disagree(ingest.Partition{Topic: ingest.TopicCDRs}, -1, "the settlement report has a row that no CDR accounts for: %s", a)
			continue
		}
		delete(b.accounts, a)
		for _, d := range append(diffRows(own, row), diffTaxes(b.taxes[own], taxesOf(row))...) {
			report.disagree(ingest.Partition{Topic: ingest.TopicCDRs}, -1, "settlement report, %s: %s", a, d)
		}
	}
	left := make([]string, 0, len(b.accounts))
	for a := range b.accounts {
		left = append(left, a.String())
	}
	slices.Sort(left)
	for _, a := range left {
		report.disagree(ingest.Partition{Topic: ingest.TopicCDRs}, -1, "the settlement report lacks a row: %s", a)
	}
}

func diffRows(own, row *SettlementRow) []string {
	var diffs []string
	count := func(name string, own, report uint64) {
		if own != report {
			diffs = append(diffs, fmt.Sprintf("%s is %d, CDRs give %d", name, report, own))
		}
	}
	count("cdr_count", own.CDRCount, row.CDRCount)
	count("credit_count", own.CreditCount, row.CreditCount)
	count("unpriced_count", own.UnpricedCount, row.UnpricedCount)
	count("credited_count", own.CreditedCount, row.CreditedCount)
	count("differs_count", own.DiffersCount, row.DiffersCount)
	sum := func(name string, own, report Sum) {
		if !own.Excl.Equal(report.Excl) {
			diffs = append(diffs, fmt.Sprintf("%s excl_vat is %s, CDRs give %s", name, report.Excl, own.Excl))
		}
		own.Excl = report.Excl // what is left to compare is the side including VAT
		if !own.Equal(report) {
			diffs = append(diffs, fmt.Sprintf("%s incl_vat is %s (%d missing), CDRs give %s (%d missing)", name, text(report.Incl()), report.MissingIncl, text(own.Incl()), own.MissingIncl))
		}
	}
	sum("claimed", own.Claimed, row.Claimed)
	sum("credits", own.Credits, row.Credits)
	sum("net", own.Net, row.Net)
	sum("computed", own.Computed, row.Computed)
	sum("unpriced_claimed", own.UnpricedClaimed, row.UnpricedClaimed)
	sum("credited_claimed", own.CreditedClaimed, row.CreditedClaimed)
	return diffs
}

// text is the canonical form of an amount, so that 1.50 equals 1.5.
func text(d *decimal.Decimal) string {
	if d == nil {
		return "unknown"
	}
	return d.String()
}

func cloneParty(p ocpi.Party) ocpi.Party {
	return ocpi.Party{Country: strings.Clone(p.Country), ID: strings.Clone(p.ID)}
}

func cloneKey(k ocpi.Key) ocpi.Key {
	return ocpi.Key{Party: cloneParty(k.Party), ID: strings.Clone(k.ID)}
}
