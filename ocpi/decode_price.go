package ocpi

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
	if d.version == V211 {
		return Price{Excl: d.number(name)}
	}
	if !d.isObject(name) {
		return p
	}
	excl := "excl_vat"
	d.enter(name)
	o := d.open()
	if d.version == V230 {
		excl = "before_taxes"
		d.amount230(&o, &p, limit)
	} else {
		d.amount221(&o, &p)
	}
	d.need(&o, p.Excl.IsSet(), excl)
	d.close(&o)
	d.leave()
	return p
}

func (d *Decoder) amount221(o *object, p *Price) {
	for d.next(o) {
		switch o.name {
		case "excl_vat":
			p.Excl = d.number(o.name)
		case "incl_vat":
			p.Incl = d.number(o.name)
		default:
			d.skip()
		}
	}
}

func (d *Decoder) amount230(o *object, p *Price, limit bool) {
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
			d.skip()
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
			d.refuse("taxes", "the sum has "+ErrNumberRange.Error())
			return
		}
		p.Incl = sum
	}
}

func (d *Decoder) taxAmounts(name string) []TaxAmount {
	if !d.isArray(name) {
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
	d.need(&o, t.Amount.IsSet(), "amount")
	d.close(&o)
	return t
}
