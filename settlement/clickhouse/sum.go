package clickhouse

import (
	"encoding/binary"
	"fmt"
	"math/big"

	"github.com/ClickHouse/ch-go/proto"
	"github.com/shopspring/decimal"
)

// Sums have more digits than what a partner sends: they are decimals of any size, kept as
// Decimal(38, 12).

// maxSum is the first magnitude, times 10^12, that has more than 38 digits.
var maxSum = new(big.Int).Exp(big.NewInt(10), big.NewInt(38), nil)

// fits refuses a sum that the store cannot hold as it is. nil fits.
func fits(d *decimal.Decimal) error {
	if d == nil {
		return nil
	}
	if _, ok := scaled(*d); !ok {
		return fmt.Errorf("%s has more than 38 digits, or more than %d decimals", d, moneyScale)
	}
	return nil
}

// scaled returns d × 10^12, where that is a whole number that the store can hold.
func scaled(d decimal.Decimal) (*big.Int, bool) {
	n, shift := d.Coefficient(), int64(d.Exponent())+moneyScale
	switch {
	case n.Sign() == 0:
		return n, true
	case shift > 38 || shift < -10_000:
		return nil, false
	case shift >= 0:
		n.Mul(n, new(big.Int).Exp(big.NewInt(10), big.NewInt(shift), nil))
	default:
		rest := new(big.Int)
		if n.QuoRem(n, new(big.Int).Exp(big.NewInt(10), big.NewInt(-shift), nil), rest); rest.Sign() != 0 {
			return nil, false
		}
	}
	return n, n.CmpAbs(maxSum) < 0
}

// decimal128Of returns a sum that fits as ClickHouse stores it.
func decimal128Of(d decimal.Decimal) proto.Decimal128 {
	n, _ := scaled(d)
	var b [16]byte
	new(big.Int).Abs(n).FillBytes(b[:])
	out := proto.Decimal128{Low: binary.BigEndian.Uint64(b[8:]), High: binary.BigEndian.Uint64(b[:8])}
	if n.Sign() < 0 {
		out.Low, out.High = -out.Low, ^out.High
		if out.Low == 0 {
			out.High++
		}
	}
	return out
}

// sum reads a Decimal(38, 12).
func (r *rowReader) sum() decimal.Decimal {
	lo, hi := r.u64(), r.u64()
	if sign := uint64(int64(lo) >> 63); hi == sign {
		return decimal.New(int64(lo), -moneyScale)
	}
	n := new(big.Int).SetInt64(int64(hi))
	n.Add(n.Lsh(n, 64), new(big.Int).SetUint64(lo))
	return decimal.NewFromBigInt(n, -moneyScale)
}

// sum is a Decimal(38, 12) of what fits.
func sum[R any](name string, at func(*R) *decimal.Decimal) tableColumn[R] {
	return tableColumn[R]{name,
		func() (blockColumn, func(*R)) {
			c := new(proto.ColDecimal128)
			return values(name, c), func(row *R) { c.Append(decimal128Of(*at(row))) }
		},
		func(r *rowReader, row *R) { *at(row) = r.sum() }}
}

// maybeSum is a Nullable(Decimal(38, 12)), nil where it is not known.
func maybeSum[R any](name string, at func(*R) **decimal.Decimal) tableColumn[R] {
	return tableColumn[R]{name,
		func() (blockColumn, func(*R)) {
			c := decimals()
			return values(name, c), func(row *R) {
				if d := *at(row); d != nil {
					c.Append(proto.NewNullable(decimal128Of(*d)))
					return
				}
				c.Append(proto.Nullable[proto.Decimal128]{})
			}
		},
		func(r *rowReader, row *R) {
			if r.u8() == 0 {
				d := r.sum()
				*at(row) = &d
			}
		}}
}
