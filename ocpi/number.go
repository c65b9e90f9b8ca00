package ocpi

import (
	"errors"
	"strconv"

	"github.com/shopspring/decimal"
)

// Bounds of a Number. Prices, volumes and costs of real partners fit with
// room to spare; what does not fit is a field error, never a rounding.
const (
	MaxNumberDigits   = 18
	MaxNumberDecimals = 12
)

// Number is an exact decimal as it was sent: coefficient × 10^-scale. The
// zero value is "absent", which is not the same as zero.
type Number struct {
	coef  int64
	scale uint8
	flags uint8
}

const (
	numberSet    = 1 << iota // the number is present
	numberQuoted             // it was sent as a JSON string
)

// Errors of ParseNumber.
var (
	ErrNumberSyntax = errors.New("not a JSON number")
	ErrNumberRange  = errors.New("more than 18 digits or 12 decimals")
)

// NewNumber returns coef × 10^-scale. It panics when scale is beyond
// MaxNumberDecimals: that is a programming error, not an input.
func NewNumber(coef int64, scale uint8) Number {
	if scale > MaxNumberDecimals {
		panic("ocpi: scale " + strconv.Itoa(int(scale)))
	}
	return Number{coef: coef, scale: scale, flags: numberSet}
}

// MustNumber parses s and panics when it is not a number: for constants and tests.
func MustNumber(s string) Number {
	n, err := ParseNumber(s)
	if err != nil {
		panic("ocpi: " + s + ": " + err.Error())
	}
	return n
}

// IsSet reports whether the number is present.
func (n Number) IsSet() bool { return n.flags&numberSet != 0 }

// Quoted reports whether the number was sent as a JSON string.
func (n Number) Quoted() bool { return n.flags&numberQuoted != 0 }

// WithQuoted returns n marked as sent in quotes.
func (n Number) WithQuoted() Number { n.flags |= numberQuoted; return n }

// Coef returns the unscaled value.
func (n Number) Coef() int64 { return n.coef }

// Scale returns how many decimals the unscaled value has.
func (n Number) Scale() uint8 { return n.scale }

// Sign returns -1, 0 or 1.
func (n Number) Sign() int {
	switch {
	case n.coef < 0:
		return -1
	case n.coef > 0:
		return 1
	}
	return 0
}

// Neg returns -n; absent stays absent.
func (n Number) Neg() Number { n.coef = -n.coef; return n }

// Decimal returns n as a shopspring decimal; absent gives zero.
func (n Number) Decimal() decimal.Decimal { return decimal.New(n.coef, -int32(n.scale)) }

// DecimalOrNil returns the number, nil where there is none.
func (n Number) DecimalOrNil() *decimal.Decimal {
	if !n.IsSet() {
		return nil
	}
	d := n.Decimal()
	return &d
}

// Cmp compares two numbers by value; absent counts as zero.
func (n Number) Cmp(o Number) int {
	if n.scale == o.scale {
		switch {
		case n.coef < o.coef:
			return -1
		case n.coef > o.coef:
			return 1
		}
		return 0
	}
	return CompareProducts([]Number{n}, []Number{o})
}

// String returns the plain decimal form with the scale as sent, such as
// "0.50"; absent is "".
func (n Number) String() string {
	if !n.IsSet() {
		return ""
	}
	return string(n.Append(nil))
}

// Append appends the plain decimal form to b.
func (n Number) Append(b []byte) []byte {
	u := uint64(n.coef)
	if n.coef < 0 {
		b = append(b, '-')
		u = -u
	}
	var digits [20]byte
	s := strconv.AppendUint(digits[:0], u, 10)
	scale := int(n.scale)
	if scale == 0 {
		return append(b, s...)
	}
	if len(s) <= scale {
		b = append(b, '0', '.')
		for i := len(s); i < scale; i++ {
			b = append(b, '0')
		}
		return append(b, s...)
	}
	b = append(b, s[:len(s)-scale]...)
	b = append(b, '.')
	return append(b, s[len(s)-scale:]...)
}

// Shortest returns the number without zeros at the end of its decimals.
func (n Number) Shortest() Number {
	for ; n.scale > 0 && n.coef%10 == 0; n.scale-- {
		n.coef /= 10
	}
	return n
}

// MarshalJSON writes the number as a JSON number, absent as null.
func (n Number) MarshalJSON() ([]byte, error) {
	if !n.IsSet() {
		return []byte("null"), nil
	}
	return n.Append(nil), nil
}
