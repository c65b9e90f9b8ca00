package statement

import (
	"cmp"
	"slices"

	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement/clearing"
	"github.com/shopspring/decimal"
)

// Version is the version of the canonical form.
const Version = 1

// Statement is what an eMSP owes a CPO for one period, in one currency. Positive: the
// eMSP owes it. Lines are in their order, one per CDR.
type Statement struct {
	CPO, EMSP ocpi.Party
	Period    ocpi.Month
	Zone      string // of the agreement, in which periods begin and end
	Currency  string
	Terms     Terms
	Lines     []Line
}

// Terms are what was agreed of a statement's period.
type Terms struct {
	Owed clearing.Owed
	clearing.Tax
}

// Sort puts the lines in their order.
func (s *Statement) Sort() { slices.SortFunc(s.Lines, compareLines) }

// Totals are the sums of a statement.
type Totals struct {
	Lines    int
	KWh      decimal.Decimal // of the lines whose volume is known
	Net      decimal.Decimal // exact
	Rounding decimal.Decimal // Σ base - Net
	Tax      *decimal.Decimal
	Payable  *decimal.Decimal // Σ base + Tax; nil as Tax, where a CDR states no tax
	Debtor   ocpi.Party       // who pays; zero where Payable is nil
	ByTax    []TaxTotal       // by category and rate
	Sums     []Sum            // by period, kind and country
}

// TaxTotal is the base and the tax of one category and rate, in the minor unit.
type TaxTotal struct {
	clearing.Tax
	Base   decimal.Decimal
	Amount *decimal.Decimal // nil where a CDR states no tax

	exact, stated decimal.Decimal
	missing       bool
}

// Sum is the lines of one period, kind and country.
type Sum struct {
	Belongs ocpi.Month
	Kind    Kind
	Country string
	Lines   int
	KWh     decimal.Decimal
	Net     decimal.Decimal
}

// Totals sums the statement. Bases and taxes are rounded half away from zero at the
// currency's minor unit, once for each category and rate; lines are exact.
func (s *Statement) Totals() Totals {
	t := Totals{Lines: len(s.Lines)}
	sums, taxes := map[sumKey]*Sum{}, map[taxKey]*TaxTotal{}
	for i := range s.Lines {
		l := &s.Lines[i]
		t.Net = t.Net.Add(l.Net)
		sum := sums[sumKey{l.Belongs, l.Kind, l.Country}]
		if sum == nil {
			sum = &Sum{Belongs: l.Belongs, Kind: l.Kind, Country: l.Country}
			sums[sumKey{l.Belongs, l.Kind, l.Country}] = sum
		}
		sum.Lines++
		sum.Net = sum.Net.Add(l.Net)
		if l.KWh != nil {
			t.KWh, sum.KWh = t.KWh.Add(*l.KWh), sum.KWh.Add(*l.KWh)
		}
		tax := taxes[keyOf(l.Tax)]
		if tax == nil {
			tax = &TaxTotal{Tax: l.Tax}
			taxes[keyOf(l.Tax)] = tax
		}
		tax.add(l)
	}
	t.sort(sums, taxes)
	t.round(int32(ocpi.MinorUnit(s.Currency)))
	t.debtor(s)
	return t
}

type sumKey struct {
	belongs ocpi.Month
	kind    Kind
	country string
}

type taxKey struct {
	category clearing.TaxCategory
	rate     string
}

func keyOf(t clearing.Tax) taxKey { return taxKey{t.Category, rateOf(t)} }

// rateOf is the rate of a tax in its shortest form, "" for none.
func rateOf(t clearing.Tax) string {
	if !t.Rate.IsSet() {
		return ""
	}
	return t.Rate.Decimal().String()
}

func (t *TaxTotal) add(l *Line) {
	t.exact = t.exact.Add(l.Net)
	switch {
	case l.Category != clearing.TaxStated:
	case l.LineTax == nil:
		t.missing = true
	default:
		t.stated = t.stated.Add(*l.LineTax)
	}
}

func (t *Totals) sort(sums map[sumKey]*Sum, taxes map[taxKey]*TaxTotal) {
	for _, sum := range sums {
		t.Sums = append(t.Sums, *sum)
	}
	slices.SortFunc(t.Sums, func(a, b Sum) int {
		return cmp.Or(a.Belongs.Compare(b.Belongs), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Country, b.Country))
	})
	for _, tax := range taxes {
		t.ByTax = append(t.ByTax, *tax)
	}
	slices.SortFunc(t.ByTax, func(a, b TaxTotal) int {
		return cmp.Or(cmp.Compare(a.Category, b.Category), a.Rate.Cmp(b.Rate), cmp.Compare(rateOf(a.Tax), rateOf(b.Tax)))
	})
}

func (t *Totals) round(minor int32) {
	base, tax, known := decimal.Decimal{}, decimal.Decimal{}, true
	for i := range t.ByTax {
		b := &t.ByTax[i]
		b.Base = b.exact.Round(minor)
		base = base.Add(b.Base)
		amount := decimal.Decimal{}
		switch {
		case b.missing:
			known = false
			continue
		case b.Category == clearing.TaxStated:
			amount = b.stated.Round(minor)
		case b.Rate.IsSet():
			amount = b.Base.Mul(b.Rate.Decimal()).Shift(-2).Round(minor)
		}
		b.Amount = &amount
		tax = tax.Add(amount)
	}
	t.Rounding = base.Sub(t.Net)
	if known {
		payable := base.Add(tax)
		t.Tax, t.Payable = &tax, &payable
	}
}

func (t *Totals) debtor(s *Statement) {
	switch {
	case t.Payable == nil:
	case t.Payable.IsNegative():
		t.Debtor = s.CPO
	default:
		t.Debtor = s.EMSP
	}
}

// text is a decimal in its shortest form, "" for nil.
func text(d *decimal.Decimal) string {
	if d == nil {
		return ""
	}
	return d.String()
}
