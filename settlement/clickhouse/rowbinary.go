package clickhouse

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"

	"github.com/roamclear/roamclear/ocpi"
)

// rowReader reads a row in ClickHouse's RowBinary format. What it returns
// shares the row's memory. The first error stays until end.
type rowReader struct {
	rest string
	err  error
}

var errRow = errors.New("a row of the store is not as it was asked for")

// take returns the next n bytes, zeros after an error.
func (r *rowReader) take(n int) string {
	if r.err != nil || n < 0 || n > len(r.rest) {
		r.err = errRow
		return zeros[:min(max(n, 0), len(zeros))]
	}
	taken := r.rest[:n]
	r.rest = r.rest[n:]
	return taken
}

const zeros = "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"

func (r *rowReader) end() error {
	if r.err == nil && r.rest != "" {
		return errRow
	}
	return r.err
}

func (r *rowReader) u8() uint8   { return r.take(1)[0] }
func (r *rowReader) u16() uint16 { return binary.LittleEndian.Uint16([]byte(r.take(2))) }
func (r *rowReader) u32() uint32 { return binary.LittleEndian.Uint32([]byte(r.take(4))) }
func (r *rowReader) u64() uint64 { return binary.LittleEndian.Uint64([]byte(r.take(8))) }
func (r *rowReader) i32() int32  { return int32(r.u32()) }
func (r *rowReader) i64() int64  { return int64(r.u64()) }

// length reads a LEB128 number of bytes or elements.
func (r *rowReader) length() int {
	n := uint64(0)
	for shift := 0; shift < 35; shift += 7 {
		b := r.u8()
		n |= uint64(b&0x7f) << shift
		if b < 0x80 {
			if n > uint64(len(r.rest)) {
				r.err = errRow
				return 0
			}
			return int(n)
		}
	}
	r.err = errRow
	return 0
}

// same wants arrays that go together to have one length.
func (r *rowReader) same(a, b int) {
	if a != b {
		r.err = errRow
	}
}

func (r *rowReader) text() string {
	n := r.length()
	if r.err != nil {
		return ""
	}
	return r.take(n)
}

// optional reads a Nullable(Decimal(38, 12)).
func (r *rowReader) optional() ocpi.Number {
	if r.u8() != 0 {
		return ocpi.Number{}
	}
	return r.number()
}

// number reads a Decimal(38, 12): the inverse of decimal128.
func (r *rowReader) number() ocpi.Number {
	lo, hi := r.u64(), r.u64()
	negative := hi>>63 == 1
	if negative {
		var borrow uint64
		lo, borrow = bits.Sub64(0, lo, 0)
		hi, _ = bits.Sub64(0, hi, borrow)
	}
	scale := uint8(moneyScale)
	for scale > 0 {
		high, carry := hi/10, hi%10
		low, digit := bits.Div64(carry, lo, 10)
		if digit != 0 {
			break
		}
		hi, lo, scale = high, low, scale-1
	}
	if hi != 0 || lo > maxCoefficient {
		r.err = fmt.Errorf("%w: an amount has more than 18 digits", errRow)
		return ocpi.Number{}
	}
	if negative {
		return ocpi.NewNumber(-int64(lo), scale)
	}
	return ocpi.NewNumber(int64(lo), scale)
}

// maxCoefficient is the largest coefficient of an ocpi.Number: 18 digits.
const maxCoefficient = 1e18 - 1
