package settlement

import (
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing"
)

// Periods says which months are closed: what reports say of them stays.
type Periods interface {
	Closed(m Month) bool
}

// ClosedMonth is a closed month with the open one that its corrections land in.
type ClosedMonth struct{ Month, Lands Month }

// closedMonths returns the closed months of a re-pricing. Corrections land in
// the first month after that is open.
func closedMonths(p Periods, r *Repricing) []ClosedMonth {
	var closed []ClosedMonth
	for m := r.From; m.Compare(r.To) <= 0; m = m.Add(1) {
		if !p.Closed(m) {
			continue
		}
		lands := m.Add(1)
		for p.Closed(lands) {
			lands = lands.Add(1)
		}
		closed = append(closed, ClosedMonth{m, lands})
	}
	return closed
}

// StoredCorrection is a change of a CDR whose month was closed, as the store
// holds it.
type StoredCorrection struct {
	Change
	Lands Month
}

// corrected holds the corrections of a CDR, in their order, against its stored
// result and against what its raw body gives, and books them. price prices the
// raw body again under a profile.
func (w *walker) corrected(stored *StoredResult, corrections []StoredCorrection, books *books, price func(profile string) *pricing.Row) {
	status, excl, incl := stored.Status, text(stored.ComputedExcl), text(stored.ComputedIncl)
	for i := range corrections {
		c := &corrections[i]
		at := c.Position.Offset
		if c.Key != stored.Key {
			w.disagree(at, "a correction of %s stands where the record is %s", c.Key, stored.Key)
			continue
		}
		if c.Old.Status != status || numberText(c.Old.Excl) != excl || numberText(c.Old.Incl) != incl {
			w.disagree(at, "a correction of CDR %s begins at %s %s, %s incl_vat; what counted before was %s %s, %s incl_vat",
				c.Key, c.Old.Status, numberText(c.Old.Excl), numberText(c.Old.Incl), status, excl, incl)
		}
		status, excl, incl = c.New.Status, numberText(c.New.Excl), numberText(c.New.Incl)
		if status != pricing.Rejected {
			o := &price(c.New.Profile).Outcome
			if o.Status != status || numberText(o.ComputedExcl) != excl || numberText(o.ComputedIncl) != incl {
				w.disagree(at, "a correction of CDR %s ends at %s %s, %s incl_vat; priced again from its raw body it is %s %s, %s incl_vat",
					c.Key, status, excl, incl, o.Status, numberText(o.ComputedExcl), numberText(o.ComputedIncl))
			}
		}
		books.correct(c)
	}
}

// numberText is text for amounts as the engine has them.
func numberText(n ocpi.Number) string {
	if !n.IsSet() {
		return "unknown"
	}
	return n.Decimal().String()
}

// correct books a correction in the month it lands in.
func (b *books) correct(c *StoredCorrection) {
	from := b.row(account{c.CPO, c.Old.EMSP, c.Lands, c.Currency})
	if c.Old.Status == pricing.Priced {
		from.Corrections.add(c.Old.Excl.Neg(), c.Old.Incl.Neg())
	}
	to := b.row(account{c.CPO, c.New.EMSP, c.Lands, c.Currency})
	c.New.addTo(&to.Corrections)
}
