package pricing

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/pricing/tariff"
)

// Swap is a stored CDR with one of the tariffs that it was priced with, and what is to be
// put in its place.
type Swap struct {
	Record  *ingest.Record
	At      AsOf   // that stands with its result
	Profile string // likewise
	Hash    string // of the tariff, as results have it
	Instead *tariff.Prepared
}

// Swapped is what a Swap comes to. OK is false where the CDR has no price with one of
// them, or is not priced with that tariff.
type Swapped struct {
	With, Instead tariff.Money
	OK            bool
}

// PriceSwapped prices stored CDRs as they were priced, and with another tariff in one's
// place: all else is alike. The error is the store's, or that ctx has ended.
func PriceSwapped(ctx context.Context, in Inputs, swaps []Swap) ([]Swapped, error) {
	p, list := NewPricer(in, anybody{}), make([]Swapped, len(swaps))
	err := Gather(ctx, in, len(swaps), func(i int) bool {
		list[i] = p.swapped(&swaps[i])
		return ctx.Err() == nil
	})
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		return nil, fmt.Errorf("price %d CDRs with another tariff: %w", len(swaps), err)
	}
	return list, nil
}

func (p *Pricer) swapped(s *Swap) (out Swapped) {
	row := Row{Record: *s.Record, Creditor: s.Record.Key.Party}
	defer p.rejectPanic(&row)
	p.charge.at = s.At
	c := p.price(s.Record, &row, s.Profile)
	if row.Outcome.Status != Priced {
		return out
	}
	at := slices.Index(strings.Split(row.Outcome.TariffHash, ","), s.Hash)
	switch {
	case at < 0:
		return out
	case at < len(c.embedded):
		c.embedded[at] = s.Instead
	default:
		c.stored[at-len(c.embedded)] = s.Instead
	}
	out.With = row.Outcome.Computed
	p.engine.Price(&c.in, &c.result)
	out.Instead, out.OK = c.result.Total, c.result.OK
	return out
}
