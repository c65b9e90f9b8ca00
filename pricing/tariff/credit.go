package tariff

import "github.com/roamclear/roamclear/ocpi"

// ExpectedCredit returns what the total_cost of a credit CDR must be (P-13;
// mod_cdrs, "Credit CDRs"): every amount of the original's total_cost negated,
// each tax included. All other members of a credit CDR equal the original's and
// stay positive.
func ExpectedCredit(original ocpi.Price) ocpi.Price {
	credit := ocpi.Price{Excl: original.Excl.Neg(), Incl: original.Incl.Neg()}
	if original.Taxes != nil {
		credit.Taxes = make([]ocpi.TaxAmount, len(original.Taxes))
	}
	for i, t := range original.Taxes {
		t.Amount = t.Amount.Neg()
		credit.Taxes[i] = t
	}
	return credit
}

// negate turns the price of the original into that of its credit.
func (r *Result) negate() {
	r.Total.Excl, r.Total.Incl = r.Total.Excl.Neg(), r.Total.Incl.Neg()
	for i := range r.Taxes {
		r.Taxes[i].Amount = r.Taxes[i].Amount.Neg()
	}
}
