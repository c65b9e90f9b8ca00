package convert

import (
	"github.com/shopspring/decimal"

	"github.com/roamclear/roamclear/ocpi"
)

// taxation is what the prices of a 2.3.0 Tariff contain.
type taxation uint8

const (
	beforeTax taxation = iota // NO, and every Tariff of 2.1.1 and 2.2.1
	withTax                   // YES
	noTax                     // N/A
)

func (c *conversion) taxationOf(in ocpi.RawObject) taxation {
	text := in.Value("tax_included")
	if c.from != ocpi.V230 || text == "" {
		return beforeTax
	}
	switch enumText(text) {
	case "YES":
		return withTax
	case "N/A":
		return noTax
	}
	if text == "true" {
		return withTax
	}
	return beforeTax
}

// taxIncluded is a word of 2.3.0 alone: before it prices are those before tax.
func taxIncluded(c *conversion, x *exchange, m ocpi.RawMember, _ string) {
	switch word := enumText(m.Value); {
	case c.tax == withTax:
		c.lose(m.Name, "OCPI "+c.to.String()+" has prices before tax: they are divided by 1 + vat")
	case c.tax == noTax:
		c.lose(m.Name, "OCPI "+c.to.String()+" cannot say that there is no tax")
	case word != "NO" && m.Value != "false":
		c.refuse(m.Name, "it is not known whether the prices contain taxes")
	}
}

// vat is the rate of a component. Where there is no tax none applies.
func vat(c *conversion, x *exchange, m ocpi.RawMember, name string) {
	if c.tax == noTax && name != "" {
		c.lose(m.Name, "the tariff says that there is no tax")
		return
	}
	c.plain(x, m, name)
}

// componentPrice is before tax in every version but 2.3.0.
func componentPrice(c *conversion, x *exchange, m ocpi.RawMember, name string) {
	if c.tax != withTax {
		c.plain(x, m, name)
		return
	}
	gross, ok := c.number(m.Name, m.Value)
	if !ok {
		return
	}
	net, ok := netOf(gross, x.in.Text("vat"))
	if !ok {
		c.refuse(m.Name, "the price contains taxes, and the one before them is not known exactly")
		return
	}
	x.add(name, net)
}

// exactDecimals is how many decimals a number of OCPI has.
const exactDecimals = 4

// netOf returns the price before a tax in percent where it has at most four decimals.
// Nothing is nothing before any tax.
func netOf(gross ocpi.Number, percent string) (string, bool) {
	if gross.Sign() == 0 {
		return gross.String(), true
	}
	rate, err := ocpi.ParseNumber(percent)
	if err != nil {
		return "", false
	}
	hundred := decimal.NewFromInt(100)
	factor, price := hundred.Add(rate.Decimal()), gross.Decimal().Mul(hundred)
	if factor.Sign() <= 0 {
		return "", false
	}
	net := price.DivRound(factor, exactDecimals)
	if !net.Mul(factor).Equal(price) {
		return "", false
	}
	return net.String(), true
}
