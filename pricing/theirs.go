package pricing

import (
	"context"
	"fmt"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing/tariff"
)

// Theirs explains a CDR's price by a reading that gives the partner's claim, as of what
// our own price rests on: by which element the partner charges which period. It is nil
// where the reading takes no other element than we do, being arithmetic on our price,
// and where it is not found again, since the tariffs of then are not kept. It costs as
// many prices as a reconciliation does, ten or so.
func Theirs(ctx context.Context, in Inputs, rec *ingest.Record, at AsOf, profile string, reading *Reading) (*tariff.Explanation, error) {
	p := NewPricer(in, anybody{})
	var x *tariff.Explanation
	err := Gather(ctx, in, 1, func(int) bool {
		x = p.theirs(rec, at, profile, reading)
		return true
	})
	if err != nil {
		return nil, fmt.Errorf("read what %s was priced with: %w", rec.Key, err)
	}
	return x, nil
}

func (p *Pricer) theirs(rec *ingest.Record, at AsOf, profile string, reading *Reading) *tariff.Explanation {
	row := Row{Record: *rec, Creditor: rec.Key.Party}
	defer p.rejectPanic(&row)
	p.charge.at = at
	c := p.price(rec, &row, profile)
	if row.Outcome.Status != Priced {
		return nil
	}
	c.in.Others = p.otherVersions(&row, c)
	x, ok := p.engine.ExplainReading(&c.in, c.in.CDR.TotalCost, reading.Code, reading.Detail)
	if !ok {
		return nil
	}
	return x
}

// anybody has everybody billed: who was is known from the result.
type anybody struct{}

func (anybody) Billable(ocpi.Party, int64) bool                      { return true }
func (anybody) Profile(_, _ ocpi.Party, _ ocpi.Time, _ int64) string { return "" }
