package world

import (
	"cmp"
	"slices"

	"github.com/roamclear/roamclear/ocpi"
	"github.com/shopspring/decimal"
)

// Line names one row of the settlement.
type Line struct {
	CPO, EMSP ocpi.Party
	Month     string // of the end, UTC
	Currency  string
}

// Sum is money; Incl is only of those that state it, MissingIncl of how many
// it is not known.
type Sum struct {
	Excl, Incl  decimal.Decimal
	MissingIncl int
}

// Totals is what the settlement must say on one line.
type Totals struct {
	CDRs, Credits           int
	Claimed, CreditedAmount Sum
}

// Reference adds up what was accepted. The zero value is ready. Not for
// concurrent use.
type Reference struct {
	Lines   map[Line]*Totals
	ByClass map[Class]int
}

// Accept counts a CDR that the clearing house acknowledged. Repeats,
// conflicts and refused ones count in ByClass only.
func (r *Reference) Accept(i *Item) {
	if r.Lines == nil {
		r.Lines, r.ByClass = map[Line]*Totals{}, map[Class]int{}
	}
	r.ByClass[i.Class]++
	if !i.Class.Counts() {
		return
	}
	c := &i.Claim
	line := Line{i.Sender, c.EMSP, c.Month(), c.Currency}
	t := r.Lines[line]
	if t == nil {
		t = &Totals{}
		r.Lines[line] = t
	}
	sum := &t.Claimed
	if c.Credit {
		t.Credits++
		sum = &t.CreditedAmount
	} else {
		t.CDRs++
	}
	sum.add(c)
}

func (s *Sum) add(c *Claim) {
	s.Excl = s.Excl.Add(c.Excl)
	if c.NoIncl {
		s.MissingIncl++
		return
	}
	s.Incl = s.Incl.Add(c.Incl)
}

// Sorted lists the lines by CPO, eMSP, month and currency.
func (r *Reference) Sorted() []Line {
	lines := make([]Line, 0, len(r.Lines))
	for l := range r.Lines {
		lines = append(lines, l)
	}
	slices.SortFunc(lines, func(a, b Line) int {
		return cmp.Or(
			cmp.Compare(a.CPO.String(), b.CPO.String()), cmp.Compare(a.EMSP.String(), b.EMSP.String()),
			cmp.Compare(a.Month, b.Month), cmp.Compare(a.Currency, b.Currency),
		)
	})
	return lines
}
