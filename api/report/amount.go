package report

import (
	"strings"

	"github.com/roamclear/roamclear/api/rest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement"
	"github.com/shopspring/decimal"
)

func quantityPtr(d *decimal.Decimal) *string {
	if d == nil {
		return nil
	}
	s := rest.Quantity(*d)
	return &s
}

// text is the inverse of a pointer that may be nil, for CSV cells.
func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// sumJSON is a sum over CDRs. InclVAT is null, never zero, when a CDR does not
// tell its amount including VAT; InclVATMissing says how many do not.
type sumJSON struct {
	ExclVAT        string  `json:"excl_vat"`
	InclVAT        *string `json:"incl_vat"`
	InclVATMissing uint64  `json:"incl_vat_missing,omitempty"`
}

func newSum(s settlement.Sum) sumJSON {
	return sumJSON{ExclVAT: rest.Money(s.Excl), InclVAT: rest.MoneyOrNil(s.Incl()), InclVATMissing: s.MissingIncl}
}

// amountJSON is the price of one CDR; what is not known is null.
type amountJSON struct {
	ExclVAT *string `json:"excl_vat"`
	InclVAT *string `json:"incl_vat"`
}

func newAmount(excl, incl *decimal.Decimal) *amountJSON {
	if excl == nil && incl == nil {
		return nil
	}
	return &amountJSON{ExclVAT: rest.MoneyOrNil(excl), InclVAT: rest.MoneyOrNil(incl)}
}

type taxJSON struct {
	Name       string  `json:"name"`
	Percentage *string `json:"percentage"`
	Amount     string  `json:"amount"`
}

func newTaxes(taxes []settlement.TaxSum) []taxJSON {
	list := make([]taxJSON, len(taxes))
	for i, t := range taxes {
		list[i] = taxJSON{Name: t.Name, Percentage: quantityPtr(t.Percentage), Amount: rest.Money(t.Amount)}
	}
	return list
}

// compactTaxes writes taxes into one CSV cell: "VAT 20%: 1.20; VAT: 0.10".
func compactTaxes(taxes []settlement.TaxSum) string {
	parts := make([]string, len(taxes))
	for i, t := range taxes {
		rate := ""
		if t.Percentage != nil {
			rate = " " + rest.Quantity(*t.Percentage) + "%"
		}
		parts[i] = t.Name + rate + ": " + rest.Money(t.Amount)
	}
	return strings.Join(parts, "; ")
}

// partyPtr is a party as people write it, nil where it is not known.
func partyPtr(p ocpi.Party) *string {
	if p.IsZero() {
		return nil
	}
	s := p.String()
	return &s
}
