package page

import (
	"strings"

	"github.com/roamclear/roamclear/api/rest"
	"github.com/roamclear/roamclear/settlement"
	"github.com/shopspring/decimal"
)

// Typography of figures.
const (
	groupSpace = "\u202f" // narrow, does not break
	minusSign  = "\u2212" // as wide as a digit; a hyphen is easily missed
)

// figure is a number as it stands in a table cell.
type figure struct {
	Text     string // "" where the number is not known
	Negative bool
	Zero     bool
	Missing  uint64 // number of CDRs because of which it is not known
}

// newFigure writes d with at least places decimals, so that the decimal points
// of a column stand below each other. It never rounds.
func newFigure(d decimal.Decimal, places int) figure {
	whole, fraction, _ := strings.Cut(rest.Quantity(d.Abs()), ".")
	if n := places - len(fraction); n > 0 {
		fraction += strings.Repeat("0", n)
	}
	text := grouped(whole)
	if fraction != "" {
		text += "." + fraction
	}
	if d.IsNegative() {
		text = minusSign + text
	}
	return figure{Text: text, Negative: d.IsNegative(), Zero: d.IsZero()}
}

// orUnknown is newFigure for a number that may not be known.
func orUnknown(d *decimal.Decimal, places int) figure {
	if d == nil {
		return figure{}
	}
	return newFigure(*d, places)
}

// grouped sets a space between each three digits, from four digits on.
func grouped(digits string) string {
	if len(digits) <= 3 {
		return digits
	}
	return grouped(digits[:len(digits)-3]) + groupSpace + digits[len(digits)-3:]
}

// column finds how many decimals a column of money needs: two, or as many as
// its longest figure has.
type column struct{ places int }

func (c *column) fit(d *decimal.Decimal) {
	if d == nil {
		return
	}
	_, fraction, _ := strings.Cut(rest.Money(*d), ".")
	c.places = max(c.places, len(fraction))
}

// vatSide picks the amounts a page shows.
type vatSide bool

const (
	exclVAT vatSide = false
	inclVAT vatSide = true
)

// sum returns the sum to show, nil where it is not known.
func (v vatSide) sum(s settlement.Sum) *decimal.Decimal {
	if v == inclVAT {
		return s.Incl()
	}
	return &s.Excl
}

func (v vatSide) figure(s settlement.Sum, c column) figure {
	f := orUnknown(v.sum(s), c.places)
	if f.Text == "" {
		f.Missing = s.MissingIncl
	}
	return f
}

// amount returns the amount of one CDR to show.
func (v vatSide) amount(excl, incl *decimal.Decimal) *decimal.Decimal {
	if v == inclVAT {
		return incl
	}
	return excl
}

// minus returns a - b, nil where one is not known.
func minus(a, b *decimal.Decimal) *decimal.Decimal {
	if a == nil || b == nil {
		return nil
	}
	d := a.Sub(*b)
	return &d
}

// fitQuantity is fit for numbers that need no decimals at all.
func (c *column) fitQuantity(d *decimal.Decimal) {
	if d == nil {
		return
	}
	_, fraction, _ := strings.Cut(rest.Quantity(*d), ".")
	c.places = max(c.places, len(fraction))
}

// differenceOf is what the partner claims beyond what we computed, nil unless
// both are known.
func differenceOf(s *settlement.CDRSummary, side vatSide) *decimal.Decimal {
	return minus(side.amount(s.ClaimedExcl, s.ClaimedIncl), side.amount(s.ComputedExcl, s.ComputedIncl))
}
