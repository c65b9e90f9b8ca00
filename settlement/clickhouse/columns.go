package clickhouse

import (
	"fmt"
	"slices"
	"strings"

	"github.com/ClickHouse/ch-go/proto"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing/tariff"
)

// tableColumn is one column of a table whose rows are Rs: its name, how its values
// are put into an insert, and how they are taken back. The SQL lists, the
// writers and the reader of a table follow from its columns.
type tableColumn[R any] struct {
	name string
	open func() (into blockColumn, put func(*R)) // a column of an insert, empty, and what appends a row's value to it
	take func(*rowReader, *R)
}

type columns[R any] []tableColumn[R]

func (c columns[R]) names() []string {
	names := make([]string, len(c))
	for i := range c {
		names[i] = c[i].name
	}
	return names
}

// list names the columns in SQL.
func (c columns[R]) list() string { return strings.Join(c.names(), ", ") }

// row is the SQL of a whole row as one RowBinary string, which read takes:
// clickhouse-go makes each decimal a big integer, which costs more than pricing
// a CDR does.
func (c columns[R]) row() string { return "formatRow('RowBinary', " + c.list() + ")" }

// read takes a row that was selected by row. What it sets shares raw's memory.
func (c columns[R]) read(raw string, into *R) error {
	r := rowReader{rest: raw}
	for i := range c {
		c[i].take(&r, into)
	}
	return r.end()
}

// scan is read of a driver's row whose last column is the RowBinary string;
// before are the destinations of those before it.
func (c columns[R]) scan(rows driver.Rows, into *R, before ...any) error {
	var raw string
	if err := rows.Scan(append(before, &raw)...); err != nil {
		return err
	}
	return c.read(raw, into)
}

// only are the named columns. A name that is none of them is a mistake in this
// package.
func (c columns[R]) only(names ...string) columns[R] { return c.pick(names, true) }

// without are the other columns.
func (c columns[R]) without(names ...string) columns[R] { return c.pick(names, false) }

func (c columns[R]) pick(names []string, wanted bool) columns[R] {
	var picked columns[R]
	found := 0
	for i := range c {
		named := slices.Contains(names, c[i].name)
		if named {
			found++
		}
		if named == wanted {
			picked = append(picked, c[i])
		}
	}
	if found != len(names) {
		panic(fmt.Sprintf("of the columns %v only %d are in %s", names, found, c.list()))
	}
	return picked
}

// lifted are columns of rows that hold another row.
func lifted[Q, R any](c columns[R], of func(*Q) *R) columns[Q] {
	out := make(columns[Q], len(c))
	for i := range c {
		inner := c[i]
		out[i] = tableColumn[Q]{
			name: inner.name,
			open: func() (blockColumn, func(*Q)) {
				into, put := inner.open()
				return into, func(q *Q) { put(of(q)) }
			},
			take: func(r *rowReader, q *Q) { inner.take(r, of(q)) },
		}
	}
	return out
}

// tableRows are the rows of an insert into a table of such columns.
type tableRows[R any] struct {
	*block
	puts []func(*R)
}

func newTableRows[R any](table string, c columns[R]) *tableRows[R] {
	t := &tableRows[R]{}
	into := make([]blockColumn, len(c))
	for i := range c {
		var put func(*R)
		into[i], put = c[i].open()
		t.puts = append(t.puts, put)
	}
	t.block = newBlock(table, into...)
	return t
}

func (t *tableRows[R]) append(row *R) {
	for _, put := range t.puts {
		put(row)
	}
}

// Kinds of columns. at is where a row has the value.

// label is a LowCardinality(String).
func label[R any](name string, at func(*R) *string) tableColumn[R] {
	return tableColumn[R]{name,
		func() (blockColumn, func(*R)) {
			c := lowCard()
			return values(name, c), func(row *R) { c.Append(*at(row)) }
		},
		func(r *rowReader, row *R) { *at(row) = r.text() }}
}

// prose is a String.
func prose[R any](name string, at func(*R) *string) tableColumn[R] {
	return tableColumn[R]{name,
		func() (blockColumn, func(*R)) {
			c := new([]string)
			return texts(name, c), func(row *R) { *c = append(*c, *at(row)) }
		},
		func(r *rowReader, row *R) { *at(row) = r.text() }}
}

// asSent is a String: an id as it was sent, with what it is folded to, which stands
// in a column before it. Where it follows from that, it takes no room.
func asSent[R any](name string, at func(*R) (sent *string, folded string)) tableColumn[R] {
	return tableColumn[R]{name,
		func() (blockColumn, func(*R)) {
			c := new([]string)
			return texts(name, c), func(row *R) {
				sent, folded := at(row)
				*c = append(*c, packSent(*sent, folded))
			}
		},
		func(r *rowReader, row *R) {
			sent, folded := at(row)
			*sent = unpackSent(r.text(), folded)
		}}
}

// sentLower stands for an id that was sent in lower case. No id is taken for it:
// one that is NUL is sent as it is folded.
const sentLower = "\x00"

func packSent(sent, folded string) string {
	switch {
	case sent == folded:
		return ""
	case sent == lower(folded):
		return sentLower
	}
	return sent
}

func unpackSent(packed, folded string) string {
	switch packed {
	case "":
		return folded
	case sentLower:
		return lower(folded)
	}
	return packed
}

// lower maps ASCII letters to lower case, the inverse of [ocpi.Fold].
func lower(s string) string {
	b := []byte(s)
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
	return string(b)
}

// moment is a DateTime64(9).
func moment[R any](name string, at func(*R) *ocpi.Time) tableColumn[R] {
	return tableColumn[R]{name,
		func() (blockColumn, func(*R)) {
			c := nanoseconds()
			return values(name, &c), func(row *R) { c.AppendRaw(proto.DateTime64(*at(row))) }
		},
		func(r *rowReader, row *R) { *at(row) = ocpi.Time(r.i64()) }}
}

// document is a String of bytes, nil when it is empty.
func document[R any](name string, at func(*R) *[]byte) tableColumn[R] {
	return tableColumn[R]{name,
		func() (blockColumn, func(*R)) {
			c := new([]string)
			return texts(name, c), func(row *R) { *c = append(*c, text(*at(row))) }
		},
		func(r *rowReader, row *R) {
			if b := r.text(); b != "" {
				*at(row) = []byte(b)
			}
		}}
}

// whole is an integer; C is its column.
func whole[C, R, V any, P interface {
	*C
	proto.ColInput
	Append(V)
}](name string, at func(*R) *V, take func(*rowReader) V) tableColumn[R] {
	return tableColumn[R]{name,
		func() (blockColumn, func(*R)) {
			c := P(new(C))
			return values(name, c), func(row *R) { c.Append(*at(row)) }
		},
		func(r *rowReader, row *R) { *at(row) = take(r) }}
}

// enum is an Enum8 whose numbers are those of V.
func enum[R any, V ~uint8](name string, at func(*R) *V) tableColumn[R] {
	return tableColumn[R]{name,
		func() (blockColumn, func(*R)) {
			c := new(proto.ColEnum8)
			return values(name, c), func(row *R) { c.Append(proto.Enum8(*at(row))) }
		},
		func(r *rowReader, row *R) { *at(row) = V(r.u8()) }}
}

// yes is a UInt8, 1 or 0.
func yes[R any](name string, at func(*R) *bool) tableColumn[R] {
	return tableColumn[R]{name,
		func() (blockColumn, func(*R)) {
			c := new(proto.ColUInt8)
			return values(name, c), func(row *R) { c.Append(flag(*at(row))) }
		},
		func(r *rowReader, row *R) { *at(row) = r.u8() != 0 }}
}

// calendar is a month as a UInt32.
func calendar[R any](name string, at func(*R) *ocpi.Month) tableColumn[R] {
	return tableColumn[R]{name,
		func() (blockColumn, func(*R)) {
			c := new(proto.ColUInt32)
			return values(name, c), func(row *R) { c.Append(uint32(*at(row))) }
		},
		func(r *rowReader, row *R) { *at(row) = ocpi.Month(r.u32()) }}
}

// amount is a Nullable(Decimal(38, 12)).
func amount[R any](name string, at func(*R) *ocpi.Number) tableColumn[R] {
	return tableColumn[R]{name,
		func() (blockColumn, func(*R)) {
			c := decimals()
			return values(name, c), func(row *R) { c.Append(optional(*at(row))) }
		},
		func(r *rowReader, row *R) { *at(row) = r.optional() }}
}

// decimals64 is a Nullable(Int64): a number with so many decimals, which are those of
// all that are put into it.
func decimals64[R any](name string, scale uint8, at func(*R) *ocpi.Number) tableColumn[R] {
	return tableColumn[R]{name,
		func() (blockColumn, func(*R)) {
			c := proto.NewColNullable[int64](new(proto.ColInt64))
			return values(name, c), func(row *R) { c.Append(proto.Nullable[int64]{Set: at(row).IsSet(), Value: at(row).Coef()}) }
		},
		func(r *rowReader, row *R) {
			if r.u8() == 0 {
				*at(row) = ocpi.NewNumber(r.i64(), scale)
			}
		}}
}

// money is the two sides of an amount.
func money[R any](name string, at func(*R) *tariff.Money) columns[R] {
	return columns[R]{
		amount(name+"_excl", func(row *R) *ocpi.Number { return &at(row).Excl }),
		amount(name+"_incl", func(row *R) *ocpi.Number { return &at(row).Incl }),
	}
}

// taxes is three arrays, one element a rate.
func taxes[R any](at func(*R) *[]tariff.Tax) columns[R] {
	return columns[R]{
		perItem("tax_name", true, at, func() proto.ColumnOf[[]string] { return proto.NewArray[string](new(proto.ColStr)) },
			func(t *tariff.Tax) string { return t.Name },
			func(r *rowReader, t *tariff.Tax) { t.Name = r.text() }),
		perItem("tax_percentage", false, at, func() proto.ColumnOf[[]proto.Nullable[proto.Decimal128]] { return decimals().Array() },
			func(t *tariff.Tax) proto.Nullable[proto.Decimal128] { return optional(t.Percentage) },
			func(r *rowReader, t *tariff.Tax) { t.Percentage = r.optional() }),
		perItem("tax_amount", false, at, func() proto.ColumnOf[[]proto.Decimal128] {
			return proto.NewArray[proto.Decimal128](new(proto.ColDecimal128))
		},
			func(t *tariff.Tax) proto.Decimal128 { return decimal128(t.Amount) },
			func(r *rowReader, t *tariff.Tax) { t.Amount = r.number() }),
	}
}

// perItem is an array with an element for each of a list that a row has. Of the arrays that
// a list is in, the first says how many there are.
func perItem[R, E, V any](name string, first bool, at func(*R) *[]E, array func() proto.ColumnOf[[]V], get func(*E) V, set func(*rowReader, *E)) tableColumn[R] {
	return tableColumn[R]{name,
		func() (blockColumn, func(*R)) {
			c, elements := array(), []V(nil)
			return values(name, c), func(row *R) {
				elements = elements[:0]
				for i := range *at(row) {
					elements = append(elements, get(&(*at(row))[i]))
				}
				c.Append(elements)
			}
		},
		func(r *rowReader, row *R) {
			list, n := at(row), r.length()
			if first && n > 0 {
				*list = make([]E, n)
			}
			r.same(n, len(*list))
			for i := range *list {
				set(r, &(*list)[i])
			}
		}}
}
