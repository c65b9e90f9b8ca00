package statement

import (
	"bufio"
	"io"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/shopspring/decimal"
)

// WriteTo writes the canonical form, see docs/statement.md. The lines come last and
// are written one by one.
func (s *Statement) WriteTo(w io.Writer) (int64, error) {
	c := &counter{w: w}
	b := bufio.NewWriterSize(c, 1<<16)
	t := s.Totals()
	head := s.head(nil, &t)
	if _, err := b.Write(head); err != nil {
		return c.n, err
	}
	line := head[:0]
	for i := range s.Lines {
		line = line[:0]
		if i > 0 {
			line = append(line, ',')
		}
		if _, err := b.Write(s.Lines[i].append(line)); err != nil {
			return c.n, err
		}
	}
	b.WriteString("]}\n")
	err := b.Flush()
	return c.n, err
}

type counter struct {
	w io.Writer
	n int64
}

func (c *counter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}

// head is everything before the first line.
func (s *Statement) head(b []byte, t *Totals) []byte {
	minor := int32(ocpi.MinorUnit(s.Currency))
	b = append(b, `{"statement":1,"cpo":`...)
	b = quote(b, s.CPO.String())
	b = member(b, "emsp", s.EMSP.String())
	b = member(b, "period", s.Period.String())
	b = member(b, "zone", s.Zone)
	b = member(b, "currency", s.Currency)
	b = append(b, `,"terms":{"owed":`...)
	b = quote(b, string(s.Terms.Owed))
	b = member(b, "tax", string(s.Terms.Category))
	b = known(b, "rate", rateOf(s.Terms.Tax))
	b = append(b, `},"totals":{"lines":`...)
	b = whole(b, t.Lines)
	b = exact(b, "kwh", &t.KWh)
	b = exact(b, "net", &t.Net)
	b = money(b, "rounding", &t.Rounding, max(minor, decimalsOf(t.Rounding)))
	b = money(b, "tax", t.Tax, minor)
	b = money(b, "payable", t.Payable, minor)
	b = append(b, `,"debtor":`...)
	if t.Debtor.IsZero() {
		b = append(b, "null"...)
	} else {
		b = quote(b, t.Debtor.String())
	}
	b = append(b, `},"tax":[`...)
	for i := range t.ByTax {
		b = comma(b, i)
		b = append(b, `{"category":`...)
		b = quote(b, string(t.ByTax[i].Category))
		b = known(b, "rate", rateOf(t.ByTax[i].Tax))
		b = money(b, "base", &t.ByTax[i].Base, minor)
		b = money(b, "tax", t.ByTax[i].Amount, minor)
		b = append(b, '}')
	}
	b = append(b, `],"sums":[`...)
	for i := range t.Sums {
		sum := &t.Sums[i]
		b = comma(b, i)
		b = append(b, `{"belongs":`...)
		b = quote(b, sum.Belongs.String())
		b = member(b, "kind", string(sum.Kind))
		b = known(b, "country", sum.Country)
		b = append(b, `,"lines":`...)
		b = whole(b, sum.Lines)
		b = exact(b, "kwh", &sum.KWh)
		b = exact(b, "net", &sum.Net)
		b = append(b, '}')
	}
	return append(b, `],"lines":[`...)
}

func (l *Line) append(b []byte) []byte {
	b = append(b, `{"cdr":`...)
	b = quote(b, l.CDR)
	b = member(b, "kind", string(l.Kind))
	b = known(b, "of", l.Of)
	b = member(b, "belongs", l.Belongs.String())
	b = known(b, "country", l.Country)
	b = known(b, "start", second(l.Start))
	b = known(b, "end", second(l.End))
	b = exact(b, "kwh", l.KWh)
	b = exact(b, "net", &l.Net)
	b = exact(b, "tax", l.LineTax)
	b = member(b, "category", string(l.Category))
	b = known(b, "rate", rateOf(l.Tax))
	return append(b, '}')
}

// second is an instant, UTC, to the second; "" when it is not known.
func second(t ocpi.Time) string {
	const perSecond = 1e9
	if t -= t % perSecond; !t.IsSet() {
		return ""
	}
	return t.Go().Format("2006-01-02T15:04:05Z")
}

func comma(b []byte, i int) []byte {
	if i > 0 {
		return append(b, ',')
	}
	return b
}

// quote appends a string as RFC 8785 writes it: escaped is what must be. An id that is
// no UTF-8 has the replacement character where it is not.
func quote(b []byte, s string) []byte {
	b, _ = jsontext.AppendQuote(b, s) // the error says that s is no UTF-8
	return b
}

func name(b []byte, n string) []byte {
	b = append(b, ',', '"')
	b = append(b, n...)
	return append(b, '"', ':')
}

func member(b []byte, n, s string) []byte { return quote(name(b, n), s) }

// known is member, null for "".
func known(b []byte, n, s string) []byte {
	if s == "" {
		return append(name(b, n), "null"...)
	}
	return member(b, n, s)
}

// exact appends a decimal in its shortest form.
func exact(b []byte, n string, d *decimal.Decimal) []byte { return known(b, n, text(d)) }

// Fixed is an amount with all digits of the currency's minor unit, nil for nil.
func Fixed(d *decimal.Decimal, currency string) *string {
	if d == nil {
		return nil
	}
	text := d.StringFixed(int32(ocpi.MinorUnit(currency)))
	return &text
}

// money appends a decimal with as many decimals as asked for.
func money(b []byte, n string, d *decimal.Decimal, decimals int32) []byte {
	if d == nil {
		return known(b, n, "")
	}
	return member(b, n, d.StringFixed(decimals))
}

// decimalsOf is how many decimals the shortest form of a decimal has.
func decimalsOf(d decimal.Decimal) int32 {
	_, fraction, _ := strings.Cut(d.String(), ".")
	return int32(len(fraction))
}

func whole(b []byte, n int) []byte { return strconv.AppendInt(b, int64(n), 10) }
