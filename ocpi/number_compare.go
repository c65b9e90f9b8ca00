package ocpi

import (
	"math/bits"

	"github.com/shopspring/decimal"
)

// CompareProducts compares the product of a with the product of b, exactly: -1, 0 or 1.
// So that a price for each kWh is held against a limit without a division. An absent
// number counts as zero, the product of none is 1.
func CompareProducts(a, b []Number) int {
	x, y := product{lo: 1}, product{lo: 1}
	fits := x.multiply(a) && y.multiply(b)
	switch {
	case !fits:
	case x.scale < y.scale:
		fits = x.rescale(y.scale)
	default:
		fits = y.rescale(x.scale)
	}
	if !fits {
		return decimalProduct(a).Cmp(decimalProduct(b))
	}
	return x.cmp(&y)
}

// product is a product of numbers in 128 bits: sign × (hi, lo) × 10^-scale.
type product struct {
	hi, lo   uint64
	scale    int
	negative bool
}

// multiply multiplies p by each of the factors; false says that it does not fit.
func (p *product) multiply(factors []Number) bool {
	for _, f := range factors {
		u := uint64(f.coef)
		if f.coef < 0 {
			u = -u
			p.negative = !p.negative
		}
		if !p.by(u) {
			return false
		}
		p.scale += int(f.scale)
	}
	return true
}

// rescale gives p a larger scale; false says that it does not fit.
func (p *product) rescale(scale int) bool {
	for p.scale < scale {
		step := min(scale-p.scale, MaxNumberDecimals)
		if !p.by(uint64(pow10[step])) {
			return false
		}
		p.scale += step
	}
	return true
}

func (p *product) by(u uint64) bool {
	carry, lo := bits.Mul64(p.lo, u)
	if p.hi == 0 {
		p.hi, p.lo = carry, lo
		return true
	}
	over, hi := bits.Mul64(p.hi, u)
	hi, more := bits.Add64(hi, carry, 0)
	p.hi, p.lo = hi, lo
	return over == 0 && more == 0
}

// cmp compares two products of one scale.
func (p *product) cmp(o *product) int {
	switch {
	case p.hi|p.lo|o.hi|o.lo == 0:
		return 0 // zero has no sign
	case p.negative != o.negative:
		if p.negative {
			return -1
		}
		return 1
	}
	less := -1
	if p.negative {
		less = 1
	}
	switch {
	case p.hi < o.hi || p.hi == o.hi && p.lo < o.lo:
		return less
	case p.hi == o.hi && p.lo == o.lo:
		return 0
	}
	return -less
}

func decimalProduct(factors []Number) decimal.Decimal {
	d := decimal.NewFromInt(1)
	for _, f := range factors {
		d = d.Mul(f.Decimal())
	}
	return d
}
