package rest

import (
	"strings"

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
