package report

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/roamclear/roamclear/api/rest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement"
	"github.com/shopspring/decimal"
)

// Detail reads one CDR, if the key may see it, and its relations with others.
// The findings of a credit CDR include what is wrong between it and the CDR
// that it credits (OCPI 2.2.1 mod_cdrs, "Credit CDRs"): of the two alone when
// it is read, for they may come in either order, and beside the other credits
// of that CDR as its relations say.
func Detail(ctx context.Context, k rest.Key, r settlement.Reader, key ocpi.Key) (*settlement.CDRDetail, []settlement.ListedRelation, error) {
	d, err := visible(ctx, k, r, key)
	if err != nil {
		return nil, nil, err
	}
	related, err := Related(ctx, k, r, key)
	if err != nil || !d.Credit {
		return d, related, err
	}
	shown, err := withCreditFindings(ctx, k, r, d, related)
	return shown, related, err
}

// withCreditFindings returns the CDR with the findings of a credit.
func withCreditFindings(ctx context.Context, k rest.Key, r settlement.Reader, d *settlement.CDRDetail, related []settlement.ListedRelation) (*settlement.CDRDetail, error) {
	key := d.Key
	credited := ocpi.Key{Party: key.Party, ID: ocpi.Fold(d.CreditOf)}
	original, err := visible(ctx, k, r, credited)
	if err != nil && !errors.Is(err, settlement.ErrNotFound) {
		return nil, fmt.Errorf("read the credited cdr %s: %w", credited, err)
	}
	var findings []ocpi.Finding
	if len(d.Findings) > 0 {
		if err := json.Unmarshal(d.Findings, &findings); err != nil {
			return nil, fmt.Errorf("read findings of cdr %s: %w", key, err)
		}
	}
	var originalSummary *settlement.CDRSummary
	if original != nil {
		originalSummary = &original.CDRSummary
	}
	findings = append(findings, relationFindings(key, related)...)
	shown := *d
	if shown.Findings, err = json.Marshal(append(findings, creditFindings(&d.CDRSummary, originalSummary)...)); err != nil {
		return nil, fmt.Errorf("write findings of cdr %s: %w", key, err)
	}
	return &shown, nil
}

// relationFindings are what only the set of the credits of a CDR tells, or what
// the two alone do not: too much credited, or to another eMSP.
func relationFindings(credit ocpi.Key, related []settlement.ListedRelation) []ocpi.Finding {
	var findings []ocpi.Finding
	for i := range related {
		r := &related[i]
		if r.Key != credit || r.OtherCDR == nil {
			continue
		}
		mismatch := r.Kind == settlement.CreditMismatch && r.CDR.Currency == r.OtherCDR.Currency
		if r.Kind == settlement.CreditExcess || mismatch {
			findings = append(findings, ocpi.Finding{Code: string(r.Kind), Severity: ocpi.Serious, Path: "credit_reference_id", Detail: RelationText(r)})
		}
	}
	return findings
}

// visible reads a CDR that the key may see: what belongs to others is
// [settlement.ErrNotFound], like what does not exist.
func visible(ctx context.Context, k rest.Key, r settlement.Reader, key ocpi.Key) (*settlement.CDRDetail, error) {
	d, err := r.CDR(ctx, key)
	if err == nil && !k.Sees(d.CPO, d.EMSP) {
		return nil, settlement.ErrNotFound
	}
	return d, err
}

// creditFindings holds a credit CDR against the one it credits, nil when that
// is not known.
func creditFindings(credit, original *settlement.CDRSummary) []ocpi.Finding {
	findings := []ocpi.Finding{}
	find := func(code, path, detail string, args ...any) {
		findings = append(findings, ocpi.Finding{Code: code, Severity: ocpi.Serious, Path: path, Detail: fmt.Sprintf(detail, args...)})
	}
	switch {
	case original == nil:
		find("credit_of_unknown", "credit_reference_id", "no CDR %s of %s is known: it has not come yet, or the id is wrong", credit.CreditOf, credit.Key.Party)
		return findings
	case original.Credit:
		find("credit_of_credit", "credit_reference_id", "%s is a credit CDR itself", credit.CreditOf)
	}
	if credit.Currency != original.Currency {
		find("credit_currency", "currency", "in %s, the credited CDR in %s", credit.Currency, original.Currency)
		return findings // amounts of two currencies do not compare
	}
	if !negates(credit.ClaimedExcl, original.ClaimedExcl) || !negates(credit.ClaimedIncl, original.ClaimedIncl) {
		find("credit_not_negated", "total_cost", "%s, want the total of the credited CDR negated, which is %s",
			bothAmounts(credit), bothAmounts(original))
	}
	return findings
}

// negates reports whether a is exactly -b; where one is not stated, neither
// may the other be.
func negates(a, b *decimal.Decimal) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.Equal(b.Neg())
}

func bothAmounts(s *settlement.CDRSummary) string {
	amount := func(d *decimal.Decimal) string {
		if d == nil {
			return "nothing"
		}
		return Money(*d)
	}
	return amount(s.ClaimedExcl) + " excl. VAT and " + amount(s.ClaimedIncl) + " incl. VAT"
}
