package statement

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement"
	"github.com/roamclear/roamclear/settlement/clearing"
)

// LandsWithin is how many months after the one in which a CDR is booked by UTC it comes to
// a statement, unless that is closed by then: one by its zone, one by a cut-off day.
const LandsWithin = 2

// drawOne draws what bears on one CDR, from a few look-ups by key. Of very many that are like
// it some are looked at, so that it may be told of another one than among all.
func (d *Drawer) drawOne(ctx context.Context, key ocpi.Key, below settlement.Ends, fn func(*Draft) error) error {
	some := few{Books: d.Books, decided: map[ocpi.Key]Decided{}}
	if err := some.gather(ctx, d.Agreed, key, below); err != nil {
		return fmt.Errorf("read what bears on %s: %w", key, err)
	}
	if len(some.cdrs) == 0 {
		return settlement.ErrNotFound
	}
	one := Drawer{Books: &some, Agreed: d.Agreed}
	return one.Draw(ctx, Query{Period: some.period(d.Agreed), Below: below, Debtless: true, Before: true}, fn)
}

// few are books of some CDRs, with all that was issued of them and decided about them.
type few struct {
	Books
	cdrs    []settlement.BookedCDR // in order
	lines   []IssuedCDR            // likewise
	decided map[ocpi.Key]Decided
}

// gather reads a CDR and what bears on it: the one that it credits, what is like either,
// and the credits of all these.
func (b *few) gather(ctx context.Context, a Agreed, key ocpi.Key, below settlement.Ends) error {
	cdrs := map[ocpi.Key]settlement.BookedCDR{}
	keep := func(c *settlement.BookedCDR) error {
		cdrs[c.Key] = *c
		return nil
	}
	if err := b.BookedOf(ctx, []ocpi.Key{key}, below, keep); err != nil || len(cdrs) == 0 {
		return err
	}
	of := cdrs[key]
	if of.Credit && of.CreditOf != "" {
		if err := b.BookedOf(ctx, []ocpi.Key{of.Original()}, below, keep); err != nil {
			return err
		}
		of = cdrs[of.Original()]
	}
	if !of.Credit && of.Key.ID != "" {
		if err := b.BookedTwins(ctx, &of, below, keep); err != nil {
			return err
		}
	}
	keys := slices.Collect(maps.Keys(cdrs))
	if named := cdrs[key]; named.CreditOf != "" {
		keys = append(keys, named.Original()) // also where nothing is there: other credits may name it
	}
	if err := b.BookedCredits(ctx, keys, below, keep); err != nil {
		return err
	}
	keys = slices.Collect(maps.Keys(cdrs))
	b.cdrs = slices.SortedFunc(maps.Values(cdrs), func(x, y settlement.BookedCDR) int {
		return cmp.Or(placeOf(&x).compare(placeOf(&y)), cmp.Compare(x.Key.ID, y.Key.ID))
	})
	if counted := a.Counted(); len(counted) > 0 {
		err := b.IssuedOf(ctx, keys, counted, func(l *IssuedCDR) error {
			b.lines = append(b.lines, *l)
			return nil
		})
		if err != nil {
			return err
		}
	}
	return b.DecidedOf(ctx, keys, a.Below(), func(d *Decided) error {
		b.decided[d.Key] = *d
		return nil
	})
}

// period is one in which all of them come to a statement.
func (b *few) period(a Agreed) (last ocpi.Month) {
	for i := range b.cdrs {
		c := &b.cdrs[i]
		last = max(last, ocpi.BookedAt(c.End, c.Start, c.LastUpdated).Month().Add(LandsWithin), a.ClosedThrough(c.Key.Party, c.EMSP).Add(1))
	}
	for i := range b.lines {
		last = max(last, a.ClosedThrough(b.lines[i].Key.Party, b.lines[i].EMSP).Add(1))
	}
	return last
}

// BookedOpen implements Books.
func (b *few) BookedOpen(_ context.Context, _ settlement.SettlementQuery, _ settlement.Ends, _ []clearing.Counted, fn func(*settlement.BookedCDR) error) error {
	for i := range b.cdrs {
		if err := fn(&b.cdrs[i]); err != nil {
			return err
		}
	}
	return nil
}

// BookedBeside implements Books.
func (*few) BookedBeside(context.Context, []Beside, settlement.Ends, []clearing.Counted, func(*settlement.BookedCDR) error) error {
	return nil
}

// ConnectorCharges implements Books: of the whole months that are asked for, it reads when its
// CDRs were at their connectors.
func (b *few) ConnectorCharges(ctx context.Context, q ConnectorQuery, below settlement.Ends, fn func(*settlement.ConnectorCharge) error) error {
	var spans []settlement.Span
	for i := range b.cdrs {
		c := &b.cdrs[i]
		if at := (settlement.ConnectorCharge{Connector: c.Measures.ConnectorHash, Start: c.Start, End: c.End}); !c.Credit && at.Occupies() {
			spans = append(spans, settlement.Span{Since: c.Start, Until: c.End})
		}
	}
	q.CPO, q.Within = b.cdrs[0].Key.Party, fewSpans(spans)
	return b.Books.ConnectorCharges(ctx, q, below, fn)
}

// BookedDecided implements Books.
func (b *few) BookedDecided(_ context.Context, _ settlement.SettlementQuery, _ settlement.Ends, _ int64, _ []clearing.Counted, fn func(*settlement.BookedCDR, *Decided) error) error {
	for i := range b.cdrs {
		if d, ok := b.decided[b.cdrs[i].Key]; ok {
			if err := fn(&b.cdrs[i], &d); err != nil {
				return err
			}
		}
	}
	return nil
}

// IssuedMoved implements Books.
func (b *few) IssuedMoved(_ context.Context, _ settlement.SettlementQuery, _ settlement.Ends, _ []clearing.Counted, fn func(*IssuedCDR) error) error {
	for i := range b.lines {
		if err := fn(&b.lines[i]); err != nil {
			return err
		}
	}
	return nil
}
