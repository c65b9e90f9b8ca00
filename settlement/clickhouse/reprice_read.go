package clickhouse

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"
	"slices"
	"strings"

	ch "github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/ext"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing"
	"github.com/roamclear/roamclear/pricing/tariff"
	"github.com/roamclear/roamclear/settlement"
)

// countedColumns are what CountedResults reads, in readCounted's order. They
// come as one RowBinary string a row: clickhouse-go makes each of the decimals
// a big integer, which costs more than pricing the CDR does.
var countedColumns = "country, party, id, offset, ver, generation, cpo_country, cpo_party, emsp_country, emsp_party, " +
	"month, currency, credit, status, claim, reason, " + strings.Join(amountNames[:], ", ") +
	", tax_name, tax_percentage, tax_amount, tariff_hash, time_zone, zone_db, profile, engine"

// countedSQL takes a CDR of a closed month as its latest correction has it.
const countedSQL = `SELECT formatRow('RowBinary', %[1]s) FROM (
	SELECT %[1]s FROM results FINAL WHERE %[2]s AND offset NOT IN (SELECT offset FROM corrections WHERE %[2]s)
	UNION ALL SELECT %[1]s FROM (SELECT %[1]s FROM corrections FINAL WHERE %[2]s ORDER BY ver DESC LIMIT 1 BY offset)
)%[3]s ORDER BY offset`

// CountedResults implements [settlement.RepriceStore].
func (s *Store) CountedResults(ctx context.Context, r *settlement.Repricing, p ingest.Partition, from, to int64, fn func(*settlement.Counted) error) error {
	const here = "partition = ? AND epoch = ? AND offset >= ? AND offset < ?"
	at := []any{p.Number, p.Epoch, from, to}
	var w where
	w.months(r.From, r.To)
	w.parties(r.Party, ocpi.Party{}, ocpi.Party{})
	ctx = ch.Context(ctx, ch.WithSettings(ch.Settings{"max_bytes_before_external_sort": sortMemory}))
	return s.each(ctx, fmt.Sprintf("read results of %s", p),
		fmt.Sprintf(countedSQL, countedColumns, here, w.String()), slices.Concat(at, at, at, w.args),
		func(rows driver.Rows) error {
			var raw string
			if err := rows.Scan(&raw); err != nil {
				return err
			}
			c, err := readCounted(raw)
			if err != nil {
				return err
			}
			c.Record.Epoch, c.Record.Partition = p.Epoch, p.Number
			return fn(c)
		})
}

// CDRRecords implements [settlement.RepriceStore]: records are kept in the
// order of offsets, so this reads one run of the table.
func (s *Store) CDRRecords(ctx context.Context, p ingest.Partition, offsets []int64, fn func(*ingest.Record) error) error {
	if len(offsets) == 0 {
		return nil
	}
	table, err := ext.NewTable("wanted", ext.Column("offset", "Int64"))
	if err != nil {
		return fmt.Errorf("make table of offsets: %w", err)
	}
	for _, o := range offsets {
		if err := table.Append(o); err != nil {
			return fmt.Errorf("make table of offsets: %w", err)
		}
	}
	return s.each(ch.Context(ctx, ch.WithExternalTable(table)), fmt.Sprintf("read records of %s", p),
		"SELECT "+recordColumns+` FROM records
		WHERE topic = 'cdrs' AND partition = ? AND epoch = ? AND offset >= ? AND offset <= ? AND offset IN wanted ORDER BY offset`,
		[]any{p.Number, p.Epoch, offsets[0], offsets[len(offsets)-1]},
		func(rows driver.Rows) error {
			r, err := scanRecord(rows)
			if err != nil {
				return err
			}
			return fn(&r)
		})
}

func readCounted(raw string) (*settlement.Counted, error) {
	r := rowReader{rest: raw}
	var c settlement.Counted
	c.Record.Key = ocpi.Key{Party: r.party(), ID: r.text()}
	c.Record.Offset, c.Version, c.Generation = int64(r.u64()), r.u64(), r.u16()
	c.Creditor, c.Debtor = r.party(), r.party()
	c.Month, c.Currency, c.Credit = ocpi.Month(r.u32()), r.text(), r.u8() != 0
	o := &c.Outcome
	o.Status, o.Claim, o.Reason = pricing.Status(r.u8()), tariff.Claim(r.u8()), r.text()
	for _, into := range []*tariff.Money{&o.Claimed, &o.Computed, &o.Fixed, &o.Energy, &o.Time, &o.Parking, &o.Reservation} { // as in amountsOf
		into.Excl, into.Incl = r.optional(), r.optional()
	}
	if n := r.length(); n > 0 {
		o.Taxes = make([]tariff.Tax, n)
	}
	for i := range o.Taxes {
		o.Taxes[i].Name = r.text()
	}
	r.same(len(o.Taxes))
	for i := range o.Taxes {
		o.Taxes[i].Percentage = r.optional()
	}
	r.same(len(o.Taxes))
	for i := range o.Taxes {
		o.Taxes[i].Amount = r.number()
	}
	o.TariffHash, o.TimeZone, o.ZoneDB, o.Profile, o.EngineVersion = r.text(), r.text(), r.text(), r.text(), r.text()
	return &c, r.end()
}

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

// same reads the length of an array that goes with one before.
func (r *rowReader) same(want int) {
	if r.length() != want {
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

func (r *rowReader) party() ocpi.Party { return ocpi.Party{Country: r.text(), ID: r.text()} }

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

func (r *rowReader) side() settlement.ChangeSide {
	var s settlement.ChangeSide
	s.EMSP, s.Status, s.Claim, s.Reason = r.party(), pricing.Status(r.u8()), tariff.Claim(r.u8()), r.text()
	s.Computed.Excl, s.Computed.Incl = r.optional(), r.optional()
	s.Profile, s.TariffHash, s.TimeZone, s.ZoneDB, s.Engine = r.text(), r.text(), r.text(), r.text(), r.text()
	return s
}
