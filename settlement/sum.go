package settlement

import (
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing/tariff"
	"github.com/shopspring/decimal"
)

// Sum is a sum of amounts, exact. The zero value is the sum of nothing: 0,
// before and including VAT.
type Sum struct {
	Excl        decimal.Decimal
	MissingIncl uint64 // amounts whose side including VAT is missing

	incl decimal.Decimal // of the amounts that have one
}

// SumOf is the sum of one amount. A side excluding VAT that is not known
// counts as nothing.
func SumOf(m tariff.Money) Sum {
	s := Sum{Excl: m.Excl.Decimal()}
	if !m.Incl.IsSet() {
		s.MissingIncl = 1
		return s
	}
	s.incl = m.Incl.Decimal()
	return s
}

// NewSum is a sum that was added up elsewhere; nil is the sum of nothing.
func NewSum(excl, incl *decimal.Decimal, missingIncl uint64) Sum {
	s := Sum{MissingIncl: missingIncl}
	if excl != nil {
		s.Excl = *excl
	}
	if incl != nil {
		s.incl = *incl
	}
	return s
}

// Incl is the sum including VAT, nil when it is missing of any amount.
func (s Sum) Incl() *decimal.Decimal {
	if s.MissingIncl > 0 {
		return nil
	}
	return &s.incl
}

// Add returns s + o.
func (s Sum) Add(o Sum) Sum {
	return Sum{Excl: s.Excl.Add(o.Excl), incl: s.incl.Add(o.incl), MissingIncl: s.MissingIncl + o.MissingIncl}
}

// Sub returns s - o. What is missing in either is missing in the difference.
func (s Sum) Sub(o Sum) Sum {
	return Sum{Excl: s.Excl.Sub(o.Excl), incl: s.incl.Sub(o.incl), MissingIncl: s.MissingIncl + o.MissingIncl}
}

// Equal reports whether both say the same: 1.50 equals 1.5, and nothing is
// compared of a side that is missing.
func (s Sum) Equal(o Sum) bool {
	return s.Excl.Equal(o.Excl) && s.MissingIncl == o.MissingIncl && (s.MissingIncl > 0 || s.incl.Equal(o.incl))
}

// TaxSum is the computed tax at one rate. Percentage is nil where the tariff
// states none.
type TaxSum struct {
	Name       string
	Percentage *decimal.Decimal
	Amount     decimal.Decimal
}

// SettlementRow is what one CPO claims from one eMSP for one month and
// currency, and what we compute. The month is the one CDRs are booked in:
// [ocpi.Booked].
type SettlementRow struct {
	CPO, EMSP       ocpi.Party
	Month           ocpi.Month
	Currency        string
	CDRCount        uint64 // CDRs that are not credits, rejects included
	CreditCount     uint64
	Claimed         Sum // total_cost of CDRs that are not credits, rejects included
	Credits         Sum // total_cost of credit CDRs: negative
	Net             Sum // Claimed + Credits
	Computed        Sum // what we priced, credits and what they credit in full left out
	UnpricedCount   uint64
	UnpricedClaimed Sum
	CreditedCount   uint64 // priced CDRs that credits cancel in full: see Credits
	CreditedClaimed Sum
	Tax             []TaxSum // of Computed, by rate
	DiffersCount    uint64   // CDRs in Computed whose claim differs from what we computed
	// Issued is what lines of issued statements say of CDRs that were booked in the month
	// when their line was issued; Late those of them that came to a later statement than
	// their own, since the period of that was closed.
	Issued, Late Lines
	Open         *Open // nil: nobody has looked, or can say
}

// Lines are how many lines statements have, and what they come to before tax.
type Lines struct {
	Count uint64
	Net   decimal.Decimal
}

// Add returns l + o.
func (l Lines) Add(o Lines) Lines { return Lines{l.Count + o.Count, l.Net.Add(o.Net)} }

// Open is what statements have not said yet: the lines that closes of all there is would
// issue now, and what is held, of which there is none before it is decided on.
type Open struct {
	Lines Lines
	Held  Lines // what it claims before tax
}

// Add returns o + p.
func (o Open) Add(p Open) Open { return Open{o.Lines.Add(p.Lines), o.Held.Add(p.Held)} }

// Difference is what the partner claims beyond what we computed, over the CDRs
// in Computed: claimed - unpriced claimed - credited claimed - computed.
func (r *SettlementRow) Difference() Sum {
	apart := r.UnpricedClaimed.Add(r.CreditedClaimed)
	d := r.Claimed.Sub(apart).Sub(r.Computed)
	d.MissingIncl -= apart.MissingIncl // they are among the claimed
	return d
}
