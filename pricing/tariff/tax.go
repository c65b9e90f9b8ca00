package tariff

import (
	"strconv"

	"github.com/roamclear/roamclear/ocpi"
)

// taxMode says what a tariff's prices contain and what is known of the tax
// (P-09).
type taxMode uint8

const (
	taxOnTop    taxMode = iota // 2.2.1: before VAT; no vat means none is added
	taxUnknown                 // 2.1.1: before VAT; the amount with VAT is unknown
	taxAdded                   // 2.3.0 NO: before tax; no vat means the tax is unknown
	taxIncluded                // 2.3.0 YES: with tax; no vat means the amount before tax is unknown
	taxNone                    // 2.3.0 N/A: there is no tax
)

// beforeTax reports whether prices are those before tax. Tariffs that agree in it
// can be summed although they came in different versions of OCPI: each line
// knows or does not know its tax by the version of its own tariff.
func (m taxMode) beforeTax() bool { return m == taxOnTop || m == taxUnknown || m == taxAdded }

func taxModeOf(t *ocpi.Tariff) taxMode {
	switch {
	case t.Version == ocpi.V211:
		return taxUnknown
	case t.Version != ocpi.V230:
		return taxOnTop
	case t.TaxIncluded == ocpi.TaxYes:
		return taxIncluded
	case t.TaxIncluded == ocpi.TaxNotApplicable:
		return taxNone
	}
	return taxAdded
}

// prices are what one unit of quantity (10^-12 kWh, one tick, one FLAT) costs
// before and after tax, as integers over the tariff's denominator.
type prices struct {
	excl, incl           int128
	exclKnown, inclKnown bool
}

// fraction is a positive ratio in lowest terms.
type fraction struct{ num, den int128 }

// taxFactor returns 1 + vat/100 in lowest terms.
func taxFactor(vat ocpi.Number) (fraction, bool) {
	var a arith
	den := a.mul(int128Of(100), pow10[vat.Scale()])
	num := a.add(den, int128Of(vat.Coef()))
	if num.sign() <= 0 || a.overflow {
		return fraction{}, false
	}
	g := gcd(num, den)
	num, _ = num.div(g)
	den, _ = den.div(g)
	return fraction{num, den}, true
}

// decimalsOf returns how many decimals a value with this denominator has: the
// denominator divides a power of ten by construction.
func decimalsOf(den int128) int {
	for n := 0; n <= maxPow10; n++ {
		if _, r := pow10[n].div(den); r.isZero() {
			return n
		}
	}
	return maxPow10
}

// trimmed drops trailing zeros: 10.0 and 10 need the same denominator.
func trimmed(n ocpi.Number) (coef int64, scale int) {
	coef, scale = n.Coef(), int(n.Scale())
	for scale > 0 && coef%10 == 0 {
		coef /= 10
		scale--
	}
	return coef, scale
}

// compilePrices finds the tariff's denominator and turns every price into
// integers over it.
func (p *Prepared) compilePrices(t *ocpi.Tariff) error {
	var a arith
	factors := make([]fraction, len(p.components))
	p.grossDivisor = int128Of(1)
	for i := range p.components {
		c := &p.components[i]
		_, scale := trimmed(c.price)
		one := int128Of(1)
		factors[i] = fraction{one, one}
		if c.vat.IsSet() && p.tax != taxUnknown && p.tax != taxNone {
			f, ok := taxFactor(c.vat)
			if !ok {
				return unpriceable("vat_out_of_range", "elements[%d].price_components[%d] has a VAT of %s percent", c.element, c.index, c.vat)
			}
			factors[i] = f
			if c.rate = p.rateIndex(c.vat); c.rate == MaxRates {
				return unpriceable(ReasonTooManyRates, "the tariff has more than %d VAT rates", MaxRates)
			}
			if p.tax == taxIncluded {
				g := gcd(p.grossDivisor, f.num)
				part, _ := f.num.div(g)
				p.grossDivisor = a.mul(p.grossDivisor, part)
			} else {
				scale += decimalsOf(f.den)
			}
		}
		p.decimals = max(p.decimals, scale)
	}
	for _, n := range []ocpi.Number{t.MinPrice.Excl, t.MinPrice.Incl, t.MaxPrice.Excl, t.MaxPrice.Incl} {
		_, scale := trimmed(n)
		p.decimals = max(p.decimals, scale)
	}
	if p.decimals > maxPow10-14 || a.overflow {
		return unpriceable("overflow", "the prices and VAT rates of the tariff have more digits than can be priced exactly")
	}
	for i := range p.components {
		p.compilePrice(&a, &p.components[i], factors[i])
	}
	p.minPrice = p.compileLimit(&a, t.MinPrice)
	p.maxPrice = p.compileLimit(&a, t.MaxPrice)
	p.unlimited = !t.MinPrice.IsSet() && !t.MaxPrice.IsSet()
	if a.overflow {
		return unpriceable("overflow", "the prices and VAT rates of the tariff have more digits than can be priced exactly")
	}
	return nil
}

func (p *Prepared) rateIndex(vat ocpi.Number) int32 {
	for i, r := range p.rates {
		if r.Cmp(vat) == 0 {
			return int32(i)
		}
	}
	p.rates = append(p.rates, vat)
	return int32(len(p.rates) - 1)
}

// compilePrice scales one price to what one unit of its quantity costs.
func (p *Prepared) compilePrice(a *arith, c *component, f fraction) {
	coef, scale := trimmed(c.price)
	base := a.mul(a.mul(int128Of(coef), pow10[p.decimals-scale]), p.grossDivisor)
	switch c.kind {
	case ocpi.ComponentEnergy: // 36 × 10^12 to the kWh-hour, see doc.go
		base = a.mul(base, int128Of(36))
	case ocpi.ComponentFlat:
		base = a.mul(base, pow10x36[12])
	}
	c.excl, c.incl, c.exclKnown, c.inclKnown = base, base, true, true
	switch {
	case p.tax == taxUnknown:
		c.inclKnown = false
	case p.tax == taxNone:
	case c.vat.IsSet() && p.tax == taxIncluded:
		// before = gross / (1 + vat/100); f.num divides grossDivisor.
		part, _ := base.div(f.num)
		c.excl = a.mul(part, f.den)
	case c.vat.IsSet():
		part, _ := base.div(f.den)
		c.incl = a.mul(part, f.num)
	case coef == 0: // no tax on nothing, whatever the rate
	case p.tax == taxIncluded:
		c.exclKnown = false
	case p.tax == taxAdded:
		c.inclKnown = false
	}
}

// taxName is what the tax of a price component's vat is called in Price.taxes.
const taxName = "VAT"

func percentString(n ocpi.Number) string {
	coef, scale := trimmed(n)
	if scale == 0 {
		return strconv.FormatInt(coef, 10)
	}
	return ocpi.NewNumber(coef, uint8(scale)).String()
}
