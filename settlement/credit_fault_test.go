package settlement

import (
	"strings"
	"testing"

	"github.com/roamclear/roamclear/ocpi"
)

// What is wrong with a credit is told of it and its original alone, and where
// the set of the credits says more, by its relation; never both for one thing.
func TestCreditFaults(t *testing.T) {
	const c1 = "EXW EUR 5.00/6.00"
	for _, tc := range []struct {
		name, credit, original string       // as creditClaim reads them; original "" where there is none
		relation               RelationKind // of the credit, "" where none is found
		want                   string       // codes
	}{
		{"in full", "EXW EUR -5/-6", c1, "", ""},
		{"in another notation", "EXW EUR -5.000/-6.0", c1, "", ""},
		{"a part", "EXW EUR -2/-2.4", c1, "", "credit_not_negated"},
		{"a part of its tax", "EXW EUR -5/-5.5", c1, "", "credit_not_negated"},
		{"the last of 12 decimals", "EXW EUR -5/-6.000000000001", c1, "", "credit_not_negated"},
		{"no amount with tax", "EXW EUR -5/-", c1, "", "credit_not_negated"},
		{"neither has one", "EXW EUR -5/-", "EXW EUR 5/-", "", ""},
		{"it adds", "EXW EUR 5/6", c1, "", "credit_not_negated"},
		{"in full, beside others", "EXW EUR -5/-6", c1, CreditExcess, "credit_excess"},
		{"a part, beside others", "EXW EUR -2/-2.4", c1, CreditExcess, "credit_excess credit_not_negated"},
		{"another eMSP's", "TNM EUR -5/-6", c1, CreditMismatch, "credit_mismatch"},
		{"another currency", "EXW GBP -5/-6", c1, CreditMismatch, "credit_currency"},
		{"another currency, not found yet", "EXW GBP -1/-1", c1, "", "credit_currency"},
		{"of nothing", "EXW EUR -5/-6", "", CreditOrphan, "credit_of_unknown"},
		{"of nothing, not found yet", "EXW EUR -5/-6", "", "", "credit_of_unknown"},
		{"of a credit", "EXW EUR -5/-6", "credit EXW EUR 5/6", CreditOrphan, "credit_of_credit"},
		{"a part of a credit", "EXW EUR -1/-1", "credit EXW EUR 5/6", CreditOrphan, "credit_of_credit credit_not_negated"},
		{"whose it is, is not known", "- EUR -5/-6", c1, CreditUndecided, ""},
	} {
		summary := func(id, text string) *CDRSummary {
			c := creditClaim(t, text)
			return &CDRSummary{Key: ocpi.NewKey("GB", "DUN", id), Credit: c.Credit, EMSP: c.EMSP, Currency: c.Currency, ClaimedExcl: c.Excl, ClaimedIncl: c.Incl}
		}
		credit := summary("c-1", tc.credit)
		var original *CDRSummary
		if tc.original != "" {
			original = summary("o-1", tc.original)
		}
		// A relation of another CDR is not this one's fault.
		other := ListedRelation{Relation: Relation{Key: ocpi.NewKey("GB", "DUN", "c-2"), Kind: CreditExcess}, CDR: credit, OtherCDR: credit}
		related := []ListedRelation{other}
		if tc.relation != "" {
			related = append(related, ListedRelation{Relation: Relation{Key: credit.Key, Kind: tc.relation}, CDR: credit, OtherCDR: original})
		}
		var codes []string
		for _, f := range CreditFaults(credit, original, related) {
			codes = append(codes, f.Code)
			if f.Path == "" || (f.Relation != nil) != (f.Code == string(tc.relation)) {
				t.Errorf("%s: %+v", tc.name, f)
			}
		}
		if got := strings.Join(codes, " "); got != tc.want {
			t.Errorf("%s: %q, want %q", tc.name, got, tc.want)
		}
	}
}
