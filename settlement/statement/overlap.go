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
	"github.com/shopspring/decimal"
)

// connectors is what is known of the charges at connectors where several were at once,
// whoever pays them: of all CPOs that a drawing is of, so that each month is read once.
type connectors struct {
	months  map[ocpi.Month]bool // within which all of them are known
	charges map[ocpi.Key]settlement.ConnectorCharge
	gone    map[ocpi.Key]bool     // which of charges are nobody's, see stand
	others  map[ocpi.Key]ocpi.Key // see settlement.Overlaps
	full    map[crowd]int         // how many there are, of each connector and CPO in a month
	crowded map[crowd]bool        // those of which some were not looked at
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
	return &connectors{map[ocpi.Month]bool{}, map[ocpi.Key]settlement.ConnectorCharge{}, map[ocpi.Key]bool{}, nil, map[crowd]int{}, map[crowd]bool{}}
}

// occupied calls fn for the months in which a member of a group occupies its connector, of
// those that rules still act on: what is issued is no question any more.
func (g *group) occupied(fn func(ocpi.Month)) {
	for i := range g.members {
		m := &g.members[i]
		if o := atConnector(&m.BookedCDR); !m.Credit && !m.elsewhere && g.fresh(m) && o.Occupies() {
			for month := o.Start.Month(); month <= (o.End - 1).Month(); month = month.Add(1) {
				fn(month)
			}
		}
	}
}

// atConnector is a counted CDR at its connector.
func atConnector(c *settlement.BookedCDR) settlement.ConnectorCharge {
	return settlement.ConnectorCharge{Key: c.Key, EMSP: c.EMSP, Currency: c.Currency, Claimed: c.Claimed.Excl,
		Connector: c.Measures.ConnectorHash, ConnectorID: ocpi.Fold(c.Measures.ConnectorID), Start: c.Start, End: c.End}
}

// overlaps finds out who else was at the connectors of the groups that wait.
func (w *drawing) overlaps(ctx context.Context) error {
	months := map[ocpi.Month]bool{}
	for _, g := range w.waiting {
		g.occupied(func(m ocpi.Month) {
			if !w.connectors.months[m] {
				months[m] = true
			}
		})
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

// spansOf are the spans of months.
func spansOf(months map[ocpi.Month]bool) []settlement.Span {
	var spans []settlement.Span
	for m := range months {
		spans = append(spans, settlement.Span{Since: ocpi.TimeOf(m.Start()), Until: ocpi.TimeOf(m.Add(1).Start())})
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
	c.others = settlement.Overlaps(left)
	return nil
}

// gone notes which of some charges a person rejected, or credits take back in full: those of
// its eMSP and currency that no person rejected, by what they say.
func (w *drawing) gone(ctx context.Context, keys map[ocpi.Key]bool) error {
	charges, taken := w.connectors.charges, map[ocpi.Key]map[ocpi.Key]decimal.Decimal{}
	about := maps.Clone(keys)
	err := inChunks(keys, func(keys []ocpi.Key) error {
		return w.Books.BookedCredits(ctx, keys, w.q.Below, func(c *settlement.BookedCDR) error {
			if of := charges[c.Original()]; c.Claimed.Excl.IsSet() && c.EMSP == of.EMSP && c.Currency == of.Currency {
				if taken[of.Key] == nil {
					taken[of.Key] = map[ocpi.Key]decimal.Decimal{}
				}
				taken[of.Key][c.Key], about[c.Key] = c.Claimed.Excl.Decimal().Abs(), true
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
		left, credited := charges[key].Claimed, false
		sum := decimal.Decimal{}
		for credit, amount := range taken[key] {
			if !rejected[credit] {
				sum, credited = sum.Add(amount), true
			}
		}
		if rejected[key] || credited && left.IsSet() && sum.GreaterThanOrEqual(left.Decimal().Abs()) {
			w.connectors.gone[key] = true
		}
	}
	return nil
}

// overlapping adds which CDRs of a group were at a connector while another charge was.
func (w *drawing) overlapping(g *group, list []judged, related map[int][]clearing.Related) {
	if len(w.connectors.others) == 0 {
		return
	}
	for i := range list {
		j := &list[i]
		other, ok := w.connectors.others[j.Key]
		if !ok || j.Credit || j.Elsewhere || j.Before || !g.fresh(&g.members[i]) {
			continue
		}
		at := atConnector(j.Booked)
		some := w.connectors.crowded[crowd{g.cpo, at.End.Month(), at.Connector}]
		related[i] = append(related[i], clearing.Related{Kind: settlement.ConnectorOverlap, Other: other, Some: some})
	}
}
