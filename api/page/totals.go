package page

import (
	"cmp"
	"slices"

	"github.com/roamclear/roamclear/settlement"
	"github.com/shopspring/decimal"
)

// totalsByCurrency adds rows up, one total per currency. Currencies are never
// added to each other.
func totalsByCurrency(rows []settlement.SettlementRow) []settlement.SettlementRow {
	byCurrency := map[string]*settlement.SettlementRow{}
	for i := range rows {
		t := byCurrency[rows[i].Currency]
		if t == nil {
			t = &settlement.SettlementRow{Currency: rows[i].Currency, Open: &settlement.Open{}}
			byCurrency[rows[i].Currency] = t
		}
		addRow(t, &rows[i])
	}
	var totals []settlement.SettlementRow
	for _, t := range byCurrency {
		totals = append(totals, *t)
	}
	slices.SortFunc(totals, func(a, b settlement.SettlementRow) int { return cmp.Compare(a.Currency, b.Currency) })
	return totals
}

func addRow(t, r *settlement.SettlementRow) {
	t.CDRCount += r.CDRCount
	t.CreditCount += r.CreditCount
	t.UnpricedCount += r.UnpricedCount
	t.CreditedCount += r.CreditedCount
	t.CreditedClaimed = t.CreditedClaimed.Add(r.CreditedClaimed)
	t.DiffersCount += r.DiffersCount
	t.Claimed, t.Credits, t.Net = t.Claimed.Add(r.Claimed), t.Credits.Add(r.Credits), t.Net.Add(r.Net)
	t.Computed, t.UnpricedClaimed = t.Computed.Add(r.Computed), t.UnpricedClaimed.Add(r.UnpricedClaimed)
	t.Issued, t.Late = t.Issued.Add(r.Issued), t.Late.Add(r.Late)
	if t.Open != nil && r.Open != nil {
		open := t.Open.Add(*r.Open)
		t.Open = &open
	} else {
		t.Open = nil
	}
	for _, tax := range r.Tax {
		addTax(t, tax)
	}
}

func addTax(t *settlement.SettlementRow, tax settlement.TaxSum) {
	for i := range t.Tax {
		if t.Tax[i].Name == tax.Name && sameRate(t.Tax[i].Percentage, tax.Percentage) {
			t.Tax[i].Amount = t.Tax[i].Amount.Add(tax.Amount)
			return
		}
	}
	t.Tax = append(t.Tax, tax)
}

func sameRate(a, b *decimal.Decimal) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.Equal(*b)
}
