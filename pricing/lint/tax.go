package lint

import (
	"fmt"

	"github.com/roamclear/roamclear/ocpi"
)

// taxes checks VAT and tax_included (2.2.1 and 2.3.0 mod_tariffs; P-09).
func (c *checker) taxes() {
	if c.t.Version == ocpi.V211 {
		return // prices before tax, no VAT at all
	}
	with, without := 0, ""
	for i := range c.t.Elements {
		for j := range c.t.Elements[i].Components {
			p := &c.t.Elements[i].Components[j]
			switch {
			case p.VAT.IsSet():
				with++
				c.vat(i, j, p.VAT)
			case without == "" && p.Price.Sign() != 0:
				without = componentPath(i, j, "vat")
			}
		}
	}
	if with > 0 && without != "" {
		c.add("vat_absent_beside_present", ocpi.Warning, without, "other prices of the tariff have a VAT and this one has none: it is charged without tax; write its rate, 0 for none")
	}
	c.taxIncluded(with)
}

// vat checks one rate, in percent.
func (c *checker) vat(i, j int, rate ocpi.Number) {
	path := componentPath(i, j, "vat")
	one, hundred := ocpi.NewNumber(1, 0), ocpi.NewNumber(100, 0)
	switch {
	case rate.Sign() < 0 || rate.Cmp(hundred) > 0:
		c.add("vat_out_of_range", ocpi.Serious, path, "a VAT of "+rate.String()+" % is not between 0 and 100; write the rate in percent")
	case rate.Sign() > 0 && rate.Cmp(one) < 0:
		c.add("vat_fraction", ocpi.Serious, path,
			fmt.Sprintf("%s means %s %%, so almost no tax is added; write %s for %s %%", rate, rate, rate.Decimal().Shift(2), rate.Decimal().Shift(2)))
	}
	if c.t.TaxIncluded == ocpi.TaxNotApplicable && rate.Sign() != 0 {
		c.add("vat_without_tax", ocpi.Warning, path, "tax_included is N/A, no tax applies, so this rate is ignored; remove it or write YES or NO")
	}
}

// taxIncluded checks what the tariff as a whole says about tax.
func (c *checker) taxIncluded(rates int) {
	switch t := c.t; {
	case c.has("tax_included"): // misspelt, which says enough
	case t.Version == ocpi.V230 && t.TaxIncluded == ocpi.TaxUnstated:
		c.add("tax_included_missing", ocpi.Serious, "tax_included", "the tariff does not say whether its prices include taxes: NO is assumed, other readers may not; write YES, NO or N/A")
	case t.TaxIncluded == ocpi.TaxYes && rates == 0:
		c.add("tax_included_without_rate", ocpi.Info, "tax_included", "prices include taxes at a rate nobody states, so the amount before taxes cannot be computed; add vat where there is one rate")
	case t.TaxIncluded == ocpi.TaxNo && rates == 0:
		c.add("vat_absent", ocpi.Info, "elements", "no price has a vat: the taxes on top of it are unknown and only amounts before taxes can be compared")
	case t.Version == ocpi.V221 && rates == 0:
		c.add("vat_absent", ocpi.Info, "elements", "no price has a vat: it is charged without tax; write 0 if that is meant")
	}
}
