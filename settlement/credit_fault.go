package settlement

import "github.com/shopspring/decimal"

// CreditFault is something that is wrong with a credit CDR. Code is stable: one
// of those below, or the kind of the relation that says it.
type CreditFault struct {
	Code     string
	Path     string          // the member of the credit that is at fault
	Relation *ListedRelation // nil where the credit and what it credits tell it alone
}

// Faults that a credit and the CDR it credits tell alone.
const (
	CreditOfUnknown = "credit_of_unknown" // there is no CDR of that id
	CreditOfCredit  = "credit_of_credit"  // it is itself a credit
	CreditCurrency  = "credit_currency"   // it is in another currency
	// CreditNotNegated: not exactly the total of the other negated, as OCPI wants
	// it (2.2.1 mod_cdrs, "Credit CDRs"). So a credit of a part is told, though
	// it counts.
	CreditNotNegated = "credit_not_negated"
)

// CreditFaults says what is wrong with a credit: beside the other credits of the
// CDR it credits, as its relations say, and held against that CDR alone. For the
// two may come in either order, and relations are found later than a CDR is
// read; what both would say is said once. original is nil where the CDR is not
// known.
func CreditFaults(credit, original *CDRSummary, related []ListedRelation) []CreditFault {
	var faults []CreditFault
	for i := range related {
		if r := &related[i]; r.Key == credit.Key && r.tellsMore() {
			faults = append(faults, CreditFault{Code: string(r.Kind), Path: "credit_reference_id", Relation: r})
		}
	}
	return append(faults, faultsAlone(credit, original)...)
}

// tellsMore reports whether a relation of a credit says what the two CDRs alone
// do not: too much credited in all, or another eMSP's.
func (r *ListedRelation) tellsMore() bool {
	switch {
	case r.OtherCDR == nil:
		return false
	case r.Kind == CreditMismatch:
		return r.CDR.Currency == r.OtherCDR.Currency
	}
	return r.Kind == CreditExcess
}

func faultsAlone(credit, original *CDRSummary) []CreditFault {
	if original == nil {
		return []CreditFault{{Code: CreditOfUnknown, Path: "credit_reference_id"}}
	}
	var faults []CreditFault
	if original.Credit {
		faults = append(faults, CreditFault{Code: CreditOfCredit, Path: "credit_reference_id"})
	}
	switch {
	case credit.Currency != original.Currency: // amounts of two currencies do not compare
		faults = append(faults, CreditFault{Code: CreditCurrency, Path: "currency"})
	case !negates(credit.ClaimedExcl, original.ClaimedExcl) || !negates(credit.ClaimedIncl, original.ClaimedIncl):
		faults = append(faults, CreditFault{Code: CreditNotNegated, Path: "total_cost"})
	}
	return faults
}

// negates reports whether a is exactly -b; where one is not stated, neither
// may the other be.
func negates(a, b *decimal.Decimal) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.Equal(b.Neg())
}

// Adds reports whether the credit of a relation adds to the claim of the CDR it
// credits instead of taking it off.
func (r *ListedRelation) Adds() bool {
	return r.OtherCDR != nil && CreditsOf(r.OtherCDR.creditClaim()).Adds(r.CDR.creditClaim())
}

// creditClaim is what the rules of credits read of a CDR.
func (s *CDRSummary) creditClaim() *CreditClaim {
	return &CreditClaim{Credit: s.Credit, EMSP: s.EMSP, Currency: s.Currency, Excl: s.ClaimedExcl, Incl: s.ClaimedIncl}
}
