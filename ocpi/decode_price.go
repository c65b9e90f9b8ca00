package ocpi

import "strings"

// price reads an amount of a CDR or Session: a number before tax in 2.1.1,
// {excl_vat, incl_vat} in 2.2.1, {before_taxes, taxes} in 2.3.0 (R-TYPE-11).
func (d *Decoder) price(name string) Price {
	return d.amount(name, false)
}

// priceLimit reads min_price or max_price of a Tariff, which is like a price
// but for 2.3.0's {before_taxes, after_taxes}.
func (d *Decoder) priceLimit(name string) Price {
	return d.amount(name, true)
}

func (d *Decoder) amount(name string, limit bool) (p Price) {
	c := d.peek()
	switch {
	case d.version == V211 && c != '{':
		return Price{Excl: d.number(name)}
	case d.version == V211:
		d.find("price_form", Warning, name, "want a number, got an object: its amount before tax is read")
	case c != '{' && (c == '"' || startsNumber(c)):
		d.find("price_form", Warning, name, "want an object, got a bare amount: read as the one before tax")
		return Price{Excl: d.number(name)}
	}
	if !d.isObject(name) {
		return p
	}
	excl, w := "excl_vat", d.weight
	if w == prices {
		w = settles // a limit may state one side alone
	}
	d.enter(name)
	o := d.open()
	var other otherAmounts
	if d.version == V230 {
		excl = "before_taxes"
		d.amount230(&o, &p, &other, limit)
	} else {
		d.amount221(&o, &p, &other)
	}
	if !p.Excl.IsSet() && !p.Incl.IsSet() && d.otherAmounts(&p, &other) {
		d.find("price_form", Warning, "", "the amounts have the names of another version of OCPI")
	}
	d.lacks(&o, p.Excl.IsSet(), excl, w)
	d.close(&o)
	d.leave()
	return p
}

// otherAmounts are the texts of amounts that have the names of another version.
type otherAmounts struct{ excl, incl string }

// see keeps a member that may be one of them.
func (d *Decoder) see(o *object, other *otherAmounts) {
	switch o.name {
	case "excl_vat", "before_taxes":
		other.excl = d.span()
	case "incl_vat", "after_taxes":
		other.incl = d.span()
	default:
		d.skip()
	}
}

// otherAmounts reads them where the version's own are not there.
func (d *Decoder) otherAmounts(p *Price, other *otherAmounts) bool {
	p.Excl, p.Incl = otherNumber(other.excl), otherNumber(other.incl)
	return p.IsSet()
}

func otherNumber(text string) Number {
	n, err := ParseNumber(strings.Trim(text, `"`))
	if err != nil {
		return Number{} // of no version at all
	}
	return n
}

func (d *Decoder) amount221(o *object, p *Price, other *otherAmounts) {
	for d.next(o) {
		switch {
		case o.name == "excl_vat" && d.version == V221:
			p.Excl = d.number(o.name)
		case o.name == "incl_vat" && d.version == V221:
			p.Incl = d.number(o.name)
		default:
			d.see(o, other)
		}
	}
}

func (d *Decoder) amount230(o *object, p *Price, other *otherAmounts, limit bool) {
	taxed := false
	for d.next(o) {
		switch {
		case o.name == "before_taxes":
			p.Excl = d.number(o.name)
		case o.name == "after_taxes" && limit:
			p.Incl = d.number(o.name)
		case o.name == "taxes" && !limit:
			taxed = d.peek() == '['
			p.Taxes = d.taxAmounts(o.name)
		default:
			d.see(o, other)
		}
	}
	if taxed && p.Excl.IsSet() {
		d.addTaxes(p)
	}
}

// addTaxes makes Incl the sum of the amount before taxes and the taxes.
func (d *Decoder) addTaxes(p *Price) {
	p.Incl = NewNumber(p.Excl.coef, p.Excl.scale)
	for i := range p.Taxes {
		sum, ok := p.Incl.Add(p.Taxes[i].Amount)
		if !ok {
			d.unread("taxes", "the sum has "+ErrNumberRange.Error())
			p.Incl = Number{}
			return
		}
		p.Incl = sum
	}
}

func (d *Decoder) taxAmounts(name string) []TaxAmount {
	if !d.isArray(name, '{') {
		return nil
	}
	d.enter(name)
	first := len(d.taxes)
	a := d.openArray()
	for d.more(&a) {
		if len(d.taxes) == MaxTaxes {
			d.skip()
			continue
		}
		d.at(a.n - 1)
		if d.isNull() {
			d.nothing()
			continue
		}
		d.taxes = append(d.taxes, d.taxAmount())
	}
	d.leave()
	if first+a.n > MaxTaxes {
		d.tooMany(name, MaxTaxes, "taxes in all")
	}
	return d.taxes[first:len(d.taxes):len(d.taxes)]
}

func (d *Decoder) taxAmount() (t TaxAmount) {
	if !d.isObject("") {
		return t
	}
	o := d.open()
	for d.next(&o) {
		switch o.name {
		case "name":
			t.Name = d.describe(o.name, 255)
		case "account_number":
			t.AccountNumber = d.describe(o.name, 255)
		case "percentage":
			t.Percentage = d.number(o.name)
		case "amount":
			t.Amount = d.number(o.name)
		default:
			d.skip()
		}
	}
	d.expect(&o, t.Name != "", "name")
	d.lacks(&o, t.Amount.IsSet(), "amount", settles)
	d.close(&o)
	return t
}
