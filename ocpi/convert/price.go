package convert

import (
	"encoding/json"

	"github.com/roamclear/roamclear/ocpi"
)

// price converts an amount of a CDR or Session: a number before tax in 2.1.1,
// {excl_vat, incl_vat} in 2.2.1, {before_taxes, taxes} in 2.3.0.
func price(c *conversion, text string) (string, bool) { return c.amount(text, false) }

// priceLimit converts min_price or max_price of a Tariff, which 2.3.0 has as
// {before_taxes, after_taxes}.
func priceLimit(c *conversion, text string) (string, bool) { return c.amount(text, true) }

// form is how a version writes an amount.
type form struct{ excl, incl string }

var forms = [...]form{ocpi.V221: {"excl_vat", "incl_vat"}, ocpi.V230: {"before_taxes", "taxes"}}

// formOf returns how the amounts of a version are written, or how these are where they
// have the names of another version, as the Decoder reads them.
func formOf(v ocpi.Version, o ocpi.RawObject, limit bool) form {
	own, other := formIn(ocpi.V221, limit), formIn(ocpi.V230, limit)
	if v == ocpi.V230 {
		own, other = other, own
	}
	if o.Value(own.excl) == "" && o.Value(own.incl) == "" && o.Value(other.excl) != "" {
		return other
	}
	return own
}

func formIn(v ocpi.Version, limit bool) form {
	if v == ocpi.V230 && limit {
		return form{"before_taxes", "after_taxes"}
	}
	return forms[v]
}

func (c *conversion) amount(text string, limit bool) (string, bool) {
	if text[0] == '"' || text[0] == '-' || text[0]-'0' <= 9 {
		return c.bareAmount(text, limit), true
	}
	o := objectOf(text)
	if o == nil {
		if elements, err := ocpi.SplitArray(text, ""); err != nil || len(elements) > 0 {
			c.refuse("", "the amount cannot be read")
		}
		return "", false // an empty array counts as absent
	}
	form := formOf(c.from, o, limit)
	if c.down() {
		return c.exclOnly(o, form)
	}
	x := &exchange{in: o, out: make(ocpi.RawObject, 0, len(o))}
	for _, m := range o {
		c.amountMember(x, m, form, limit)
	}
	if x.same() {
		return text, true
	}
	return string(x.out.Bytes()), true
}

// unquoted returns a number that was sent in quotes without them, and any other text as
// it is: who sent it made a slip, whoever gets it in another version did not.
func unquoted(text string) string {
	if len(text) < 3 || text[0] != '"' {
		return text
	}
	inner := text[1 : len(text)-1]
	if (inner[0] == '-' || inner[0]-'0' <= 9) && json.Valid([]byte(inner)) {
		return inner
	}
	return text
}

// bareAmount hands on a number, which is the amount before tax.
func (c *conversion) bareAmount(text string, limit bool) string {
	text = unquoted(text)
	if c.down() {
		return text
	}
	x := &exchange{}
	x.add(formIn(c.to, limit).excl, text)
	return string(x.out.Bytes())
}

// exclOnly returns the amount before tax: 2.1.1 knows no other.
func (c *conversion) exclOnly(o ocpi.RawObject, f form) (string, bool) {
	excl := o.Value(f.excl)
	for _, m := range o {
		if m.Name != f.excl && m.Value != "null" && m.Value != "[]" {
			c.lose(m.Name, "OCPI 2.1.1 has the amount before tax alone")
		}
	}
	if excl == "" && o.Value(f.incl) != "" {
		c.refuse(f.excl, "OCPI 2.1.1 has amounts before tax, and this one is not known")
	}
	return unquoted(excl), excl != ""
}

// amountMember hands on one member of an amount between 2.2.1 and 2.3.0.
func (c *conversion) amountMember(x *exchange, m ocpi.RawMember, from form, limit bool) {
	to := formIn(c.to, limit)
	switch {
	case m.Name == from.excl:
		x.put(m, to.excl, unquoted(m.Value))
	case m.Name == from.incl && (limit || from == to):
		x.put(m, to.incl, unquoted(m.Value))
	case m.Value == "null" && (m.Name == from.incl || m.Name == to.excl || m.Name == to.incl):
	case m.Name == from.incl && c.to == ocpi.V230:
		if taxes := c.taxesOf(x.in, m, from); taxes != "" {
			x.add(to.incl, taxes)
		}
	case m.Name == from.incl:
		c.inclOf(x, m, from, to)
	case m.Name == to.excl || m.Name == to.incl:
		c.foreign(x, m)
	default:
		x.put(m, m.Name, m.Value)
	}
}

// taxesOf returns the taxes of a 2.2.1 amount: VAT, which is what lies between the
// amounts with and without it, even where that is nothing.
func (c *conversion) taxesOf(o ocpi.RawObject, m ocpi.RawMember, f form) string {
	excl, okExcl := c.number(f.excl, o.Value(f.excl))
	incl, okIncl := c.number(m.Name, m.Value)
	if !okExcl || !okIncl {
		return ""
	}
	vat, ok := incl.Add(excl.Neg())
	if !ok {
		c.refuse(m.Name, "the tax has "+ocpi.ErrNumberRange.Error())
		return ""
	}
	return `[{"name":"VAT","amount":` + vat.String() + `}]`
}

// inclOf adds the amount with tax of a 2.3.0 amount whose taxes are listed: an absent
// list and an empty one say the same, that none is known.
func (c *conversion) inclOf(x *exchange, m ocpi.RawMember, from, to form) {
	taxes, err := ocpi.SplitArray(m.Value, m.Name)
	if err != nil {
		c.refuse(m.Name, "the taxes cannot be read")
		return
	}
	if len(taxes) == 0 {
		return
	}
	incl, ok := c.number(from.excl, x.in.Value(from.excl))
	if !ok {
		return
	}
	c.enter(m.Name)
	plain := len(taxes) == 1
	for i, t := range taxes {
		c.element(i)
		tax := objectOf(t)
		amount, ok := c.number("amount", tax.Value("amount"))
		if !ok {
			break
		}
		plain = plain && len(tax) == 2 && tax.Text("name") == "VAT"
		if incl, ok = incl.Add(amount); !ok {
			c.refuse("", "the sum has "+ocpi.ErrNumberRange.Error())
			break
		}
	}
	c.leave()
	if c.refused == nil {
		x.add(to.incl, incl.String())
	}
	if !plain {
		c.lose(m.Name, "OCPI 2.2.1 has their sum alone")
	}
}

// number reads an amount exactly; one that cannot be read refuses the object.
func (c *conversion) number(name, text string) (ocpi.Number, bool) {
	n, err := ocpi.ParseNumber(ocpi.RawText(text))
	if err != nil {
		c.refuse(name, "the amount cannot be computed with: "+err.Error())
		return ocpi.Number{}, false
	}
	return n, true
}
