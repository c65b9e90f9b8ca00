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
// that it credits, as settlement.CreditFaults has it; those of any other that
// another one bills its Session too; those of both what was noted beside it.
func Detail(ctx context.Context, k rest.Key, r settlement.Reader, n Noted, key ocpi.Key) (*settlement.CDRDetail, []settlement.ListedRelation, *Beside, error) {
	d, err := visible(ctx, k, r, key)
	if err != nil {
		return nil, nil, nil, err
	}
	related, err := Related(ctx, k, r, key)
	if err != nil {
		return nil, nil, nil, err
	}
	more := twinFindings(key, related)
	if d.Credit {
		if more, err = creditFindings(ctx, k, r, d, related); err != nil {
			return nil, nil, nil, err
		}
	}
	beside, err := readBeside(ctx, n, d)
	if err != nil {
		return nil, nil, nil, err
	}
	shown, err := withFindings(d, append(more, beside.findings...))
	return shown, related, beside, err
}

// withFindings returns the CDR with more findings than are stored with it.
func withFindings(d *settlement.CDRDetail, more []ocpi.Finding) (*settlement.CDRDetail, error) {
	if len(more) == 0 {
		return d, nil
	}
	findings := []ocpi.Finding{}
	if len(d.Findings) > 0 {
		if err := json.Unmarshal(d.Findings, &findings); err != nil {
			return nil, fmt.Errorf("read findings of cdr %s: %w", d.Key, err)
		}
	}
	shown := *d
	var err error
	if shown.Findings, err = json.Marshal(append(findings, more...)); err != nil {
		return nil, fmt.Errorf("write findings of cdr %s: %w", d.Key, err)
	}
	return &shown, nil
}

// twinFindings say which other CDR bills the Session.
func twinFindings(key ocpi.Key, related []settlement.ListedRelation) (findings []ocpi.Finding) {
	for i := range related {
		if r := &related[i]; r.Kind == settlement.SessionBilledTwice && r.Key == key && r.OtherCDR != nil {
			findings = append(findings, ocpi.Finding{Code: string(r.Kind), Severity: ocpi.Serious, Path: "session_id", Detail: RelationText(r)})
		}
	}
	return findings
}

// creditFindings hold a credit against the CDR it credits.
func creditFindings(ctx context.Context, k rest.Key, r settlement.Reader, d *settlement.CDRDetail, related []settlement.ListedRelation) (findings []ocpi.Finding, err error) {
	original, err := credited(ctx, k, r, &d.CDRSummary)
	if err != nil {
		return nil, err
	}
	for _, f := range settlement.CreditFaults(&d.CDRSummary, original, related) {
		findings = append(findings, ocpi.Finding{Code: f.Code, Severity: ocpi.Serious, Path: f.Path, Detail: faultText(&f, &d.CDRSummary, original)})
	}
	return findings, nil
}

// credited reads the CDR that a credit names, nil where there is none that the
// key may see.
func credited(ctx context.Context, k rest.Key, r settlement.Reader, credit *settlement.CDRSummary) (*settlement.CDRSummary, error) {
	key := ocpi.Key{Party: credit.Key.Party, ID: ocpi.Fold(credit.CreditOf)}
	original, err := visible(ctx, k, r, key)
	if errors.Is(err, settlement.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the credited cdr %s: %w", key, err)
	}
	return &original.CDRSummary, nil
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

// faultText says in one sentence what is wrong with a credit.
func faultText(f *settlement.CreditFault, credit, original *settlement.CDRSummary) string {
	switch f.Code {
	case settlement.CreditOfUnknown:
		return fmt.Sprintf("no CDR %s of %s is known: it has not come yet, or the id is wrong", credit.CreditOf, credit.Key.Party)
	case settlement.CreditOfCredit:
		return credit.CreditOf + " is a credit CDR itself"
	case settlement.CreditCurrency:
		return fmt.Sprintf("in %s, the credited CDR in %s", credit.Currency, original.Currency)
	case settlement.CreditNotNegated:
		return fmt.Sprintf("%s, want the total of the credited CDR negated, which is %s", bothAmounts(credit), bothAmounts(original))
	}
	return RelationText(f.Relation)
}

func bothAmounts(s *settlement.CDRSummary) string {
	amount := func(d *decimal.Decimal) string {
		if d == nil {
			return "nothing"
		}
		return rest.Money(*d)
	}
	return amount(s.ClaimedExcl) + " excl. VAT and " + amount(s.ClaimedIncl) + " incl. VAT"
}
