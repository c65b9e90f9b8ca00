package lint

import (
	"github.com/shopspring/decimal"

	"github.com/roamclear/roamclear/ocpi"
)

// validity checks start_date_time and end_date_time.
func (c *checker) validity() {
	if c.t.Start.IsSet() && c.t.End.IsSet() && c.t.End <= c.t.Start {
		c.add("validity_empty", ocpi.Serious, "end_date_time", "the tariff ends before it starts and is never valid; correct one of the two")
	}
}

// limits checks min_price and max_price (P-10).
func (c *checker) limits() {
	c.limit("min_price", c.t.MinPrice)
	c.limit("max_price", c.t.MaxPrice)
	_, excl, incl := c.names()
	low, high := c.t.MinPrice, c.t.MaxPrice
	if low.Excl.IsSet() && high.Excl.IsSet() && low.Excl.Cmp(high.Excl) > 0 {
		c.add("limits_cross", ocpi.Serious, "min_price."+excl, "the lowest price is above the highest, so every charge costs max_price; correct one of the two")
	}
	if low.Incl.IsSet() && high.Incl.IsSet() && low.Incl.Cmp(high.Incl) > 0 {
		c.add("limits_cross", ocpi.Serious, "min_price."+incl, "the lowest price is above the highest, so every charge costs max_price; correct one of the two")
	}
	c.idleLimits(excl)
}

// names returns how the amounts of a limit are called in the tariff's version.
func (c *checker) names() (tax, excl, incl string) {
	if c.t.Version == ocpi.V230 {
		return "tax", "before_taxes", "after_taxes"
	}
	return "VAT", "excl_vat", "incl_vat"
}

func (c *checker) limit(name string, p ocpi.Price) {
	if !p.IsSet() {
		return
	}
	tax, excl, incl := c.names()
	switch {
	case p.Excl.Sign() < 0 || p.Incl.Sign() < 0:
		c.add("negative_limit", ocpi.Serious, name, "a limit below zero makes no sense; write an amount of zero or more, or leave it out")
	case p.Excl.IsSet() && p.Incl.IsSet() && p.Incl.Cmp(p.Excl) < 0:
		c.add("limit_tax_order", ocpi.Serious, name+"."+incl, "the amount with "+tax+" is below the one without: the two limits apply each on their own, so the driver pays less tax than is due; correct them")
	case !p.Incl.IsSet() && c.hasTax():
		c.add("limit_one_sided", ocpi.Info, name+"."+incl, "only "+excl+" is stated: the amount with "+tax+" is scaled in proportion here, other readers leave it unlimited; state both")
	}
}

func (c *checker) hasTax() bool {
	for i := range c.t.Elements {
		for j := range c.t.Elements[i].Components {
			if c.t.Elements[i].Components[j].VAT.Sign() > 0 {
				return true
			}
		}
	}
	return false
}

// idleLimits reports limits that can never bite, or always do. A charge costs
// at least the start fee that nothing restricts; it costs at most the sum of
// all start fees where nothing is charged by use.
func (c *checker) idleLimits(excl string) {
	sure, most, bounded := c.extremes()
	low, high := c.t.MinPrice.Excl, c.t.MaxPrice.Excl
	if low.IsSet() && low.Sign() >= 0 && low.Decimal().LessThanOrEqual(sure) {
		c.add("limit_never_bites", ocpi.Info, "min_price."+excl, "every charge costs at least "+sure.String()+" anyway, so min_price never applies; raise it or leave it out")
	}
	if !high.IsSet() || high.Sign() < 0 {
		return
	}
	switch {
	case high.Sign() == 0:
		c.add("max_price_zero", ocpi.Serious, "max_price."+excl, "a highest price of zero makes every charge free; leave max_price out if there is none")
	case high.Decimal().LessThanOrEqual(sure):
		c.add("limit_always_bites", ocpi.Warning, "max_price."+excl, "the start fee alone reaches max_price, so every charge costs the same; raise max_price")
	case bounded && high.Decimal().GreaterThanOrEqual(most):
		c.add("limit_never_bites", ocpi.Info, "max_price."+excl, "no charge can cost more than "+most.String()+", so max_price never applies; lower it or leave it out")
	}
}

// extremes returns what every charge costs at least, and, when bounded, what
// none can exceed, before tax.
func (c *checker) extremes() (sure, most decimal.Decimal, bounded bool) {
	bounded, found := true, false
	for i := range c.t.Elements {
		e := &c.t.Elements[i]
		for j := range e.Components {
			p := &e.Components[j]
			price := p.Price.Decimal()
			switch {
			case price.IsNegative():
				return decimal.Zero, most, false
			case p.Type == ocpi.ComponentFlat:
				most = most.Add(price)
				if !found && e.Restrictions == (ocpi.Restrictions{}) {
					sure = price
				}
				found = true
			case !price.IsZero():
				bounded = false
			}
		}
	}
	if c.t.TaxIncluded == ocpi.TaxYes {
		return decimal.Zero, most, false // prices are after tax, the limits before
	}
	return sure, most, bounded
}
