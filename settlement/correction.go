package settlement

import (
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing"
	"github.com/roamclear/roamclear/pricing/tariff"
)

// Periods says which months are closed: what reports say of them stays.
type Periods interface {
	Closed(m ocpi.Month) bool
}

// Lands is the month that corrections of a closed month land in: the first one
// after it that is open.
func Lands(p Periods, closed ocpi.Month) ocpi.Month {
	m := closed.Add(1)
	for p.Closed(m) {
		m = m.Add(1)
	}
	return m
}

// ClosedMonth is a closed month with the open one that its corrections land in.
type ClosedMonth struct{ Month, Lands ocpi.Month }

// closedMonths returns the closed months of a re-pricing.
func closedMonths(p Periods, r *Repricing) []ClosedMonth {
	var closed []ClosedMonth
	for m := r.From; m.Compare(r.To) <= 0; m = m.Add(1) {
		if p.Closed(m) {
			closed = append(closed, ClosedMonth{m, Lands(p, m)})
		}
	}
	return closed
}

// StoredCorrection is a change of a CDR whose month was closed, as the store
// holds it.
type StoredCorrection struct {
	Change
	Lands ocpi.Month
}

// corrected holds the corrections of a CDR, in their order, against its stored
// result and against what its raw body gives, and books them. price prices the
// raw body again by what a result was computed from.
func (w *walker) corrected(stored *StoredResult, corrections []StoredCorrection, books *books, price func(as *ChangeSide) *pricing.Row) {
	status, computed := stored.Outcome.Status, moneyText(stored.Outcome.Computed)
	for i := range corrections {
		c := &corrections[i]
		at := c.Position.Offset
		if c.Key != stored.Record.Key {
			w.disagree(at, "a correction of %s stands where the record is %s", c.Key, stored.Record.Key)
			continue
		}
		if was := moneyText(c.Old.Computed); c.Old.Status != status || was != computed {
			w.disagree(at, "a correction of CDR %s begins at %s %s; what counted before was %s %s", c.Key, c.Old.Status, was, status, computed)
		}
		status, computed = c.New.Status, moneyText(c.New.Computed)
		if status != pricing.Rejected {
			o := &price(&c.New).Outcome
			if is := moneyText(o.Computed); o.Status != status || is != computed {
				w.disagree(at, "a correction of CDR %s ends at %s %s; priced again from its raw body it is %s %s", c.Key, status, computed, o.Status, is)
			}
		}
		books.correct(c)
	}
}

// moneyText is an amount on one line, canonical as text is.
func moneyText(m tariff.Money) string {
	return numberText(m.Excl) + ", " + numberText(m.Incl) + " incl_vat"
}

func numberText(n ocpi.Number) string {
	if !n.IsSet() {
		return text(nil)
	}
	d := n.Decimal()
	return text(&d)
}

// correct books a correction in the month it lands in.
func (b *books) correct(c *StoredCorrection) {
	from := b.row(account{c.CPO, c.Old.EMSP, c.Lands, c.Currency})
	from.Corrections = from.Corrections.Sub(c.Old.computed())
	to := b.row(account{c.CPO, c.New.EMSP, c.Lands, c.Currency})
	to.Corrections = to.Corrections.Add(c.New.computed())
}
