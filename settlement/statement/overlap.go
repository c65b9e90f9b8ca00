package statement

import (
	"cmp"
	"context"
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
// whoever pays them: of all CPOs that a drawing is of, so that each month is read once.
type connectors struct {
	months  map[ocpi.Month]bool // of whose charges, by when they end, all that overlap one are known
	charges map[ocpi.Key]settlement.ConnectorCharge
	gone    map[ocpi.Key]bool            // which of charges are nobody's, see stand
	others  map[ingest.Position]ocpi.Key // see settlement.Overlaps
	full    map[crowd]int                // how many there are, of each connector and CPO in a month
	crowded map[crowd]bool               // those of which some were not looked at
}

// crowd is the charges of a connector, 0 for all connectors, of a CPO that end in a month.
type crowd struct {
	cpo       ocpi.Party
	month     ocpi.Month
	connector uint64
}

// maxAtConnector is how many charges of one connector and month are looked at: there are as
// many where one begins every nine minutes. maxAtConnectors bounds those of a CPO and month at
// all connectors at which several were at once.
const (
	maxAtConnector  = 5_000
	maxAtConnectors = 100_000
)

func newConnectors() *connectors {
	return &connectors{map[ocpi.Month]bool{}, map[ocpi.Key]settlement.ConnectorCharge{}, map[ocpi.Key]bool{}, map[ingest.Position]ocpi.Key{}, map[crowd]int{}, map[crowd]bool{}}
}

// occupies reports whether a member of a group is asked who else was at its connector: one that
// rules still act on. What is issued is no question any more.
func (g *group) occupies(m *drawn) bool {
	return m.Measures.ConnectorHash != 0 && !m.Credit && !m.elsewhere && m.End.IsSet() && g.fresh(m)
}

// overlaps finds out who else was at the connectors of the groups that wait.
func (w *drawing) overlaps(ctx context.Context) error {
	months, last := map[ocpi.Month]bool{}, ocpi.Month(0)
	for _, g := range w.waiting {
		for i := range g.members {
			m := &g.members[i]
			if m.Month != last && g.occupies(m) {
				if last = m.Month; !w.connectors.months[last] {
					months[last] = true
				}
			}
		}
	}
	if len(months) == 0 {
		return nil
	}
	fresh := map[ocpi.Key]bool{}
	err := w.Books.ConnectorCharges(ctx, w.q.CPO, spansOf(months), w.q.Below, func(c *settlement.ConnectorCharge) error {
		if w.connectors.add(c) {
			fresh[c.Key] = true
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("read charges at connectors: %w", err)
	}
	for m := range months {
		w.connectors.months[m] = true
	}
	return w.stand(ctx, fresh)
}

// add takes a charge that is new, and reports whether it did: not of a crowd that is full.
func (c *connectors) add(charge *settlement.ConnectorCharge) bool {
	if _, known := c.charges[charge.Key]; known {
		return false
	}
	all := crowd{charge.Key.Party, charge.End.Month(), 0}
	here := crowd{all.cpo, all.month, charge.Connector}
	if c.full[here] == maxAtConnector || c.full[all] == maxAtConnectors {
		c.crowded[here] = true
		return false
	}
	c.full[here], c.full[all] = c.full[here]+1, c.full[all]+1
	c.charges[charge.Key] = *charge
	return true
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

// stand leaves out of what is new the charges that overlap none, and those that a person
// rejected or that credits take back in full: they are nobody's charge.
func (w *drawing) stand(ctx context.Context, fresh map[ocpi.Key]bool) error {
	c := w.connectors
	met := settlement.Overlaps(slices.Collect(maps.Values(c.charges)))
	maps.DeleteFunc(c.charges, func(key ocpi.Key, _ settlement.ConnectorCharge) bool { return met[key].ID == "" && fresh[key] })
	maps.DeleteFunc(fresh, func(key ocpi.Key, _ bool) bool { return met[key].ID == "" })
	if err := w.gone(ctx, fresh); err != nil {
		return err
	}
	var left []settlement.ConnectorCharge
	for key, charge := range c.charges {
		if !c.gone[key] {
			left = append(left, charge)
		}
	}
	clear(c.others)
	for key, other := range settlement.Overlaps(left) {
		c.others[c.charges[key].Position] = other
	}
	return nil
}

// gone notes which of some charges a person rejected, or credits take back in full: those of
// its eMSP and currency that no person rejected, by what they say.
func (w *drawing) gone(ctx context.Context, keys map[ocpi.Key]bool) error {
	credits := map[ocpi.Key][]settlement.BookedCDR{}
	credited, about := map[ocpi.Key]bool{}, maps.Clone(keys)
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
		return fmt.Errorf("read credits of charges at one connector: %w", err)
	}
	rejected := map[ocpi.Key]bool{}
	err = inChunks(about, func(keys []ocpi.Key) error {
		return w.Books.DecidedOf(ctx, keys, w.Agreed.Below(), func(d *Decided) error {
			rejected[d.Key] = d.Decision != nil && d.Decision.Act == clearing.RejectIt
			return nil
		})
	})
	if err != nil {
		return fmt.Errorf("read decisions about charges at one connector: %w", err)
	}
	for key := range keys {
		if rejected[key] {
			w.connectors.gone[key] = true
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
				w.connectors.gone[c.Key] = true
			}
			return nil
		})
	})
	if err != nil {
		return fmt.Errorf("read charges at one connector that are credited: %w", err)
	}
	return nil
}

// overlapping adds which CDRs of a group were at a connector while another charge was.
func (w *drawing) overlapping(g *group, list []judged, related map[int][]clearing.Related) {
	if len(w.connectors.others) == 0 {
		return
	}
	for i := range list {
		j, m := &list[i], &g.members[i]
		other, ok := w.connectors.others[m.Position]
		if !ok || j.Before || !g.occupies(m) {
			continue
		}
		some := w.connectors.crowded[crowd{g.cpo, m.Month, m.Measures.ConnectorHash}]
		related[i] = append(related[i], clearing.Related{Kind: settlement.ConnectorOverlap, Other: other, Some: some})
	}
}
