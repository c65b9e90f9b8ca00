package statement

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement"
	"github.com/roamclear/roamclear/settlement/clearing"
	"github.com/shopspring/decimal"
)

// connectors is what is known of the charges at connectors where several were at once,
// whoever pays them.
type connectors struct {
	others map[ingest.Position]overlap
	months map[ocpi.Month]bool // of these others has all charges that end in them
	apart  bool                // they are too many to be held: asked for as groups wait
}

// overlap is a charge at a connector that another one overlaps, see settlement.Overlaps; some
// is whether others that end in its month there were not looked at.
type overlap struct {
	other ocpi.Key
	some  bool
}

// maxAtConnector is how many charges of one connector and month are looked at: there are as
// many where one begins every nine minutes.
const maxAtConnector = 5_000

// Bounds of what is held in memory.
var (
	// connectorsAtOnce is at how many charges it is looked up which of them stand.
	connectorsAtOnce = 20_000
	// maxOverlaps is of how many charges of whole months it is held which other they overlap.
	maxOverlaps = 200_000
)

// errOverlaps says that there are more.
var errOverlaps = errors.New("too many charges overlap others")

func newConnectors() *connectors {
	return &connectors{map[ingest.Position]overlap{}, map[ocpi.Month]bool{}, false}
}

// occupies reports whether a member of a group is asked who else was at its connector: one that
// rules still act on. What is issued is no question any more.
func (g *group) occupies(m *drawn) bool {
	return m.Measures.ConnectorHash != 0 && !m.Credit && !m.elsewhere && m.End.IsSet() && g.fresh(m)
}

// overlaps finds out who else was at the connectors of the groups that wait. Where more groups
// come, all that overlap in a month are read at once, so that each month is read once; of the
// last ones, which most often are all, no more than what was at their connectors.
func (w *drawing) overlaps(ctx context.Context) error {
	c := w.connectors
	if c.apart {
		clear(c.others)
	}
	months, at, asked := map[ocpi.Month]bool{}, map[uint64]bool{}, map[ingest.Position]bool{}
	for _, g := range w.waiting {
		for i := range g.members {
			if m := &g.members[i]; !c.months[m.Month] && g.occupies(m) {
				months[m.Month], at[m.Measures.ConnectorHash], asked[m.Position] = true, true, true
			}
		}
	}
	if len(months) == 0 {
		return nil
	}
	q := ConnectorQuery{CPO: w.q.CPO, Within: spansOf(months)}
	if !w.last && !c.apart {
		err := w.meet(ctx, q, func(charge *settlement.ConnectorCharge, o overlap) error {
			if months[charge.End.Month()] {
				c.others[charge.Position] = o
			}
			if len(c.others) > maxOverlaps {
				return errOverlaps
			}
			return nil
		})
		if err == nil {
			maps.Copy(c.months, months)
		}
		if !errors.Is(err, errOverlaps) {
			return err
		}
		c.apart = true
		clear(c.others)
		clear(c.months)
		return w.overlaps(ctx)
	}
	q.Connectors = slices.Sorted(maps.Keys(at))
	return w.meet(ctx, q, func(charge *settlement.ConnectorCharge, o overlap) error {
		if asked[charge.Position] {
			c.others[charge.Position] = o
		}
		return nil
	})
}

// meet calls fn for each charge of a query that another one overlaps, of those that stand. It
// holds the charges of few connectors at a time, as they are read.
func (w *drawing) meet(ctx context.Context, q ConnectorQuery, fn func(*settlement.ConnectorCharge, overlap) error) error {
	type crowd struct {
		month     ocpi.Month
		connector uint64
	}
	var charges []settlement.ConnectorCharge
	crowds := map[crowd]int{}
	of := func(c *settlement.ConnectorCharge) crowd { return crowd{c.End.Month(), c.Connector} }
	met := func() error {
		others, err := w.stand(ctx, charges)
		for i := range charges {
			if other, ok := others[charges[i].Key]; ok && err == nil {
				err = fn(&charges[i], overlap{other, crowds[of(&charges[i])] > maxAtConnector})
			}
		}
		charges = charges[:0]
		clear(crowds)
		return err
	}
	err := w.Books.ConnectorCharges(ctx, q, w.q.Below, func(c *settlement.ConnectorCharge) error {
		if n := len(charges); n >= connectorsAtOnce && charges[n-1].Connector != c.Connector {
			if err := met(); err != nil {
				return err
			}
		}
		if crowds[of(c)]++; crowds[of(c)] <= maxAtConnector {
			charges = append(charges, *c)
		}
		return nil
	})
	if err == nil {
		err = met()
	}
	if err != nil {
		return fmt.Errorf("read charges at connectors: %w", err)
	}
	return nil
}

// maxSpans bounds the spans that are asked for at once: of more, what is between them is read, too.
const maxSpans = 50

// spansOf are the spans in which charges that end in some months may be under way.
func spansOf(months map[ocpi.Month]bool) []settlement.Span {
	var spans []settlement.Span
	for m := range months {
		spans = append(spans, settlement.Span{Since: ocpi.TimeOf(m.Start()) - settlement.LongestCharge, Until: ocpi.TimeOf(m.Add(1).Start())})
	}
	return fewSpans(spans)
}

// fewSpans are spans in order that do not meet and cover all of some, maxSpans at most.
func fewSpans(spans []settlement.Span) []settlement.Span {
	slices.SortFunc(spans, func(a, b settlement.Span) int { return cmp.Compare(a.Since, b.Since) })
	for gap := ocpi.Time(0); ; gap = 4*gap + settlement.LongestCharge {
		joined := spans[:0:0]
		for _, s := range spans {
			if n := len(joined); n > 0 && uint64(s.Since)-uint64(joined[n-1].Until) <= uint64(gap) || n > 0 && s.Since <= joined[n-1].Until {
				joined[n-1].Until = max(joined[n-1].Until, s.Until)
				continue
			}
			joined = append(joined, s)
		}
		if len(joined) <= maxSpans {
			return joined
		}
	}
}

// stand returns which of some charges overlap another one, without those that a person rejected
// or that credits take back in full: they are nobody's charge.
func (w *drawing) stand(ctx context.Context, charges []settlement.ConnectorCharge) (map[ocpi.Key]ocpi.Key, error) {
	met := settlement.Overlaps(charges)
	gone, err := w.gone(ctx, met)
	if err != nil || len(gone) == 0 {
		return met, err
	}
	return settlement.Overlaps(slices.DeleteFunc(slices.Clone(charges), func(c settlement.ConnectorCharge) bool { return gone[c.Key] })), nil
}

// gone returns which of the charges that overlap others a person rejected, or credits take back
// in full: those of its eMSP and currency that no person rejected, by what they say.
func (w *drawing) gone(ctx context.Context, met map[ocpi.Key]ocpi.Key) (map[ocpi.Key]bool, error) {
	credits := map[ocpi.Key][]settlement.BookedCDR{}
	keys, credited, gone := map[ocpi.Key]bool{}, map[ocpi.Key]bool{}, map[ocpi.Key]bool{}
	for key := range met {
		keys[key] = true
	}
	about := maps.Clone(keys)
	err := inChunks(keys, func(keys []ocpi.Key) error {
		return w.Books.BookedCredits(ctx, keys, w.q.Below, func(c *settlement.BookedCDR) error {
			if of := c.Original(); c.Claimed.Excl.IsSet() {
				credits[of] = append(credits[of], *c)
				credited[of], about[c.Key] = true, true
			}
			return nil
		})
	})
	if err != nil {
		return nil, fmt.Errorf("read credits of charges at one connector: %w", err)
	}
	rejected := map[ocpi.Key]bool{}
	err = inChunks(about, func(keys []ocpi.Key) error {
		return w.Books.DecidedOf(ctx, keys, w.Agreed.Below(), func(d *Decided) error {
			rejected[d.Key] = d.Decision != nil && d.Decision.Act == clearing.RejectIt
			return nil
		})
	})
	if err != nil {
		return nil, fmt.Errorf("read decisions about charges at one connector: %w", err)
	}
	for key := range keys {
		if rejected[key] {
			gone[key] = true
		}
	}
	err = inChunks(credited, func(keys []ocpi.Key) error {
		return w.Books.BookedOf(ctx, keys, w.q.Below, func(c *settlement.BookedCDR) error {
			sum, any := decimal.Decimal{}, false
			for i := range credits[c.Key] {
				if k := &credits[c.Key][i]; placeOf(k) == placeOf(c) && !rejected[k.Key] {
					sum, any = sum.Add(k.Claimed.Excl.Decimal().Abs()), true
				}
			}
			if any && c.Claimed.Excl.IsSet() && sum.GreaterThanOrEqual(c.Claimed.Excl.Decimal().Abs()) {
				gone[c.Key] = true
			}
			return nil
		})
	})
	if err != nil {
		return nil, fmt.Errorf("read charges at one connector that are credited: %w", err)
	}
	return gone, nil
}

// overlapping adds which CDRs of a group were at a connector while another charge was.
func (w *drawing) overlapping(g *group, list []judged, related map[int][]clearing.Related) {
	if len(w.connectors.others) == 0 {
		return
	}
	for i := range list {
		j, m := &list[i], &g.members[i]
		if o, ok := w.connectors.others[m.Position]; ok && !j.Before && g.occupies(m) {
			related[i] = append(related[i], clearing.Related{Kind: settlement.ConnectorOverlap, Other: o.other, Some: o.some})
		}
	}
}
