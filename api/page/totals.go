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
			zero := settlement.Sum{Incl: new(decimal.Decimal)}
			t = &settlement.SettlementRow{Currency: rows[i].Currency, Claimed: zero, Credits: zero, Net: zero, Computed: zero, UnpricedClaimed: zero, Corrections: zero}
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
	t.DiffersCount += r.DiffersCount
	for _, s := range []struct {
		to   *settlement.Sum
		from settlement.Sum
	}{
		{&t.Claimed, r.Claimed}, {&t.Credits, r.Credits}, {&t.Net, r.Net},
		{&t.Computed, r.Computed}, {&t.UnpricedClaimed, r.UnpricedClaimed}, {&t.Corrections, r.Corrections},
	} {
		addSum(s.to, s.from)
	}
	for _, tax := range r.Tax {
		addTax(t, tax)
	}
}

// addSum adds s to t; an amount including VAT that is not known in one is not
// known in the total either.
func addSum(t *settlement.Sum, s settlement.Sum) {
	t.Excl = t.Excl.Add(s.Excl)
	t.MissingIncl += s.MissingIncl
	if t.Incl == nil || s.Incl == nil {
		t.Incl = nil
		return
	}
	incl := t.Incl.Add(*s.Incl)
	t.Incl = &incl
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
