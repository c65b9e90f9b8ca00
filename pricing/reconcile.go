package pricing

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing/tariff"
)

// Reconciliation says why a partner's claim differs from what we computed, as
// it is stored and served: see tariff.Reconciliation.
type Reconciliation struct {
	Verdict        string    `json:"verdict"` // found, several, stated, none_found, cut_short, not_comparable
	Readings       []Reading `json:"readings"`
	More           int       `json:"more_readings,omitempty"`       // that give the claim too and are not listed
	DifferenceExcl string    `json:"difference_excl_vat,omitempty"` // the claim less ours
	DifferenceIncl string    `json:"difference_incl_vat,omitempty"`
	Dimensions     []string  `json:"dimensions"`          // sub-totals that differ: fixed, energy, time, parking, reservation
	CutShort       bool      `json:"cut_short,omitempty"` // not every reading was tried: the CDR is too large
}

// Reading is one other reading of the tariff that gives the claim to the cent.
type Reading struct {
	Code    string `json:"code"`
	Detail  string `json:"detail"`
	ExclVAT string `json:"excl_vat,omitempty"`
	InclVAT string `json:"incl_vat,omitempty"`
}

// Cause is the reconciliation in one word: the code of the one reading that
// gives the claim, else the verdict.
func (r *Reconciliation) Cause() string {
	if (r.Verdict == string(tariff.VerdictFound) || r.Verdict == string(tariff.VerdictStated)) && len(r.Readings) == 1 {
		return r.Readings[0].Code
	}
	return r.Verdict
}

// Sentence is the reconciliation as a person reads it.
func (r *Reconciliation) Sentence() string {
	text := "The totals cannot be compared."
	switch r.Verdict {
	case string(tariff.VerdictStated):
		text = "No known reading of the tariff gives the partner's total: " + r.Readings[0].Detail + ". It explains the claim where every CDR of the pair carries it."
	case string(tariff.VerdictFound):
		if r.Readings[0].Code == tariff.OwnSum {
			text = "The partner's total contradicts the CDR itself: " + r.Readings[0].Detail + "."
			break
		}
		text = "One other reading gives the partner's total to the cent: " + r.Readings[0].Detail + "."
	case string(tariff.VerdictSeveral):
		text = fmt.Sprintf("%d other readings give the partner's total to the cent.", len(r.Readings)+r.More)
	case string(tariff.VerdictNoneFound):
		text = "No known reading of the tariff gives the partner's total."
	case string(tariff.VerdictCutShort):
		text = "None of the readings that were tried gives the partner's total."
	}
	if r.CutShort {
		text += " The CDR is too large for every reading to be tried."
	}
	return text
}

// reconcile looks for what makes the claim differ.
func (p *Pricer) reconcile(row *Row, c *charge) error {
	c.in.Others = p.otherVersions(row, c)
	found := p.engine.Reconcile(&c.in, c.in.CDR.TotalCost)
	r := Reconciliation{
		Verdict: string(found.Verdict), Readings: []Reading{}, Dimensions: found.Dimensions, CutShort: found.CutShort,
		DifferenceExcl: found.Difference.Excl.String(), DifferenceIncl: found.Difference.Incl.String(),
	}
	if r.Dimensions == nil {
		r.Dimensions = []string{}
	}
	shown := found.Readings[:min(len(found.Readings), maxReadings)]
	r.More = len(found.Readings) - len(shown)
	for _, f := range shown {
		r.Readings = append(r.Readings, Reading{f.Code, f.Detail, f.Total.Excl.String(), f.Total.Incl.String()})
	}
	b, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("encode reconciliation of %s: %w", row.Record.Key, err)
	}
	row.Outcome.Cause, row.Outcome.Reconciliation = r.Cause(), b
	return nil
}

// maxOtherVersions bounds the versions of tariffs that one reconciliation
// prices with.
const maxOtherVersions = 32

// otherVersions returns the versions of the charge's tariffs that their owner
// had sent us by then, as of the price, the newest first: those the price was not computed with.
// One that cannot be priced with explains no total.
func (p *Pricer) otherVersions(row *Row, c *charge) (others []*tariff.Prepared) {
	var asked []string
	ask := func(id string) {
		id = ocpi.Fold(id)
		if id == "" || slices.Contains(asked, id) || len(others) >= maxOtherVersions {
			return
		}
		asked = append(asked, id)
		key := ocpi.Key{Party: row.Creditor, ID: id}
		for _, v := range p.inputs.TariffsBelow(key, row.Debtor, c.at.Reference, maxOtherVersions-len(others)) {
			if slices.Contains(c.versions, v) {
				continue
			}
			if other := p.prepareStored(v.Version, v.Body); other.err == nil {
				others = append(others, other.prepared)
			}
		}
	}
	for i := range c.in.CDR.Tariffs {
		ask(c.in.CDR.Tariffs[i].ID)
	}
	for _, t := range c.stored {
		ask(t.ID())
	}
	return others
}

// audit holds the CDR against itself and its tariffs.
func (p *Pricer) audit(row *Row, c *charge) {
	row.Outcome.Findings = slices.Concat(c.in.CDR.Findings, c.noted, p.engine.AuditPriced(&c.in, &c.result))
}
