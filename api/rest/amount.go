package rest

import (
	"strings"

	"github.com/roamclear/roamclear/ocpi"
	"github.com/shopspring/decimal"
)

// Money writes an amount plainly and exactly, with two decimals or as many as
// it takes: "12.50", "0.1234". It never rounds.
func Money(d decimal.Decimal) string {
	s := Quantity(d)
	whole, fraction, _ := strings.Cut(s, ".")
	for len(fraction) < 2 {
		fraction += "0"
	}
	return whole + "." + fraction
}

// MoneyOrNil is Money, nil where an amount is not known.
func MoneyOrNil(d *decimal.Decimal) *string {
	if d == nil {
		return nil
	}
	s := Money(*d)
	return &s
}

// MoneyOf is MoneyOrNil for a number that may not be set.
func MoneyOf(n ocpi.Number) *string {
	if !n.IsSet() {
		return nil
	}
	s := Money(n.Decimal())
	return &s
}

// Quantity writes a number plainly and exactly, without trailing zeros.
func Quantity(d decimal.Decimal) string {
	s := d.String() // plain, never an exponent
	if strings.Contains(s, ".") {
		s = strings.TrimRight(strings.TrimRight(s, "0"), ".")
	}
	if s == "-0" {
		return "0"
	}
	return s
}
