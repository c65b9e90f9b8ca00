package statement

import (
	"cmp"

	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement"
	"github.com/roamclear/roamclear/settlement/clearing"
	"github.com/shopspring/decimal"
)

// Kind says what a line is.
type Kind string

// Kinds of lines.
const (
	CDR        Kind = "cdr"
	Credit     Kind = "credit"     // Of is the key of the CDR it credits; volume and net are negative
	Correction Kind = "correction" // of what an earlier statement said; Of is its period
)

// Line is what a statement says of one CDR.
type Line struct {
	CDR        string // its key, folded: "NL*TNM*C1"
	Kind       Kind
	Of         string     // see Kind, "" of a CDR
	Belongs    ocpi.Month // the period the charge belongs to
	Country    string     // where it was (ISO 3166 alpha-3), "" when not known
	Start, End ocpi.Time
	KWh        *decimal.Decimal // nil: not known
	Net        decimal.Decimal  // before tax, exact
	LineTax    *decimal.Decimal // that the CDR states, under TaxStated alone; nil: not known
	clearing.Tax
}

// Charge is a counted CDR with what a line says of it beside its amounts.
type Charge struct {
	*clearing.Case
	CreditOf ocpi.Key // of a credit: what it names, its ID "" where it names nothing
	// Mismatched: what a credit names is another eMSP's, or in another currency.
	Mismatched bool
	// OfCredit: what a credit names is a credit itself.
	OfCredit   bool
	Belongs    ocpi.Month // see clearing.Belongs
	Lands      ocpi.Month // see clearing.Lands
	Due        ocpi.Month // see clearing.Due
	Country    string     // where it was (ISO 3166 alpha-3), "" when not known
	Start, End ocpi.Time
	Tax        clearing.Tax // of the agreement of the period it belongs to
	// Booked is what it was read from, nil where no store was read. It must not be changed,
	// and is gone when the callee of a drawing returns.
	Booked *settlement.BookedCDR

	claimed decimal.Decimal // what its lines say that it claims
	// stale: it was issued, and the version of its result or the decision about it is in no
	// line yet.
	stale bool
}

// LineOf returns the line of a CDR in the next statement, taxed so: what it comes to less
// what was issued of it. ok is false where that is nothing, or where nothing is issued (yet).
func LineOf(c *Charge, o *clearing.Outcome, tax clearing.Tax) (l Line, ok bool) {
	issued := c.Issued
	if issued == nil && o.State != clearing.Accepted && o.State != clearing.Zeroed {
		return Line{}, false
	}
	l = Line{CDR: c.Key.String(), Kind: CDR, Belongs: c.Belongs, Country: c.Country, Start: c.Start, End: c.End,
		KWh: o.KWh, Net: o.Owed.Net, LineTax: o.Owed.Tax, Tax: tax}
	if c.Credit {
		l.Kind = Credit
		if c.CreditOf.ID != "" {
			l.Of = c.CreditOf.String()
		}
	}
	if issued != nil {
		l.Kind, l.Of = Correction, issued.Period.String()
		l.Net = l.Net.Sub(issued.Amount.Net)
		l.KWh, l.LineTax = less(l.KWh, issued.KWh), less(l.LineTax, issued.Amount.Tax)
	}
	if l.Category != clearing.TaxStated {
		l.LineTax = nil
	}
	moves := !l.Net.IsZero() || l.KWh != nil && !l.KWh.IsZero() || l.LineTax != nil && !l.LineTax.IsZero()
	return l, issued == nil || moves
}

// less returns a - b, nil where one of them is not known.
func less(a, b *decimal.Decimal) *decimal.Decimal {
	if a == nil || b == nil {
		return nil
	}
	d := a.Sub(*b)
	return &d
}

// compareLines is the order of lines in a statement.
func compareLines(a, b Line) int {
	return cmp.Or(a.Belongs.Compare(b.Belongs), cmp.Compare(a.CDR, b.CDR))
}
