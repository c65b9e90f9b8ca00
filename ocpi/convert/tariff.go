package convert

import (
	"github.com/roamclear/roamclear/ocpi"
)

// tariffClass is a Tariff (mod_tariffs).
var tariffClass = func() *class {
	k := newClass(
		since221("country_code", ownerCountry),
		since221("party_id", ownerParty),
		same("id", nil),
		same("currency", nil),
		since221("type", tariffType),
		same("tariff_alt_text", nil),
		same("tariff_alt_url", nil),
		since221("min_price", limit),
		since221("max_price", limit),
		same("elements", nested(elementClass)),
		since230("tax_included", taxIncluded),
		since221("start_date_time", validFrom),
		since221("end_date_time", validUntil),
		same("energy_mix", nested(energyMixClass)),
		same("last_updated", nil),
	)
	k.begin = beginTariff
	k.end = endTariff
	return k
}()

var (
	elementClass = newClass(
		same("price_components", nested(componentClass)),
		same("restrictions", nested(restrictionsClass)),
	)
	componentClass = newClass(
		same("type", nil),
		same("price", componentPrice),
		since221("vat", vat),
		same("step_size", nil),
	)
	restrictionsClass = newClass(
		same("start_time", nil),
		same("end_time", nil),
		same("start_date", nil),
		same("end_date", nil),
		same("min_kwh", nil),
		same("max_kwh", nil),
		since221("min_current", restriction),
		since221("max_current", restriction),
		same("min_power", nil),
		same("max_power", nil),
		same("min_duration", nil),
		same("max_duration", nil),
		same("day_of_week", nil),
		since221("reservation", restriction),
	)
)

func beginTariff(c *conversion, x *exchange) {
	c.tax = c.taxationOf(x.in)
	addOwner(c, x)
}

func endTariff(c *conversion, x *exchange) {
	if c.to == ocpi.V230 {
		x.add("tax_included", quote("NO"))
	}
	if c.up() {
		c.lose("elements", "vat_unknown: OCPI 2.1.1 does not say which VAT applies, and in OCPI "+c.to.String()+" none stands for none")
	}
	if c.up() || c.down() {
		c.chosenAlike(x.text)
	}
}

// tariffType keeps the tariffs of charges that are asked for or paid for in another way
// from 2.1.1, which would take them for anybody's.
func tariffType(c *conversion, x *exchange, m ocpi.RawMember, name string) {
	if kind := enumText(m.Value); name == "" && kind != "REGULAR" && kind != "" {
		c.refuse(m.Name, "OCPI 2.1.1 cannot say that it is not everybody's tariff")
		return
	}
	c.plain(x, m, name)
}

// limit is min_price or max_price: without it charges cost something else.
func limit(c *conversion, x *exchange, m ocpi.RawMember, name string) {
	if name == "" {
		c.refuse(m.Name, "OCPI 2.1.1 has no limits of prices")
		return
	}
	limitValue(c, x, m, name)
}

var limitValue = value(priceLimit)

// restriction is one that 2.1.1 does not have: without it the element would apply always.
func restriction(c *conversion, x *exchange, m ocpi.RawMember, name string) {
	switch {
	case name != "":
		c.plain(x, m, name)
	case m.Value != `""`: // which says nothing
		c.refuse(m.Name, "OCPI 2.1.1 has no such restriction")
	}
}

// validFrom and validUntil keep a Tariff from 2.1.1 that is not in force: there every one is.
func validFrom(c *conversion, x *exchange, m ocpi.RawMember, name string) {
	c.validity(x, m, name, func(t ocpi.Time) bool { return t <= c.at })
}

func validUntil(c *conversion, x *exchange, m ocpi.RawMember, name string) {
	c.validity(x, m, name, func(t ocpi.Time) bool { return c.at < t })
}

func (c *conversion) validity(x *exchange, m ocpi.RawMember, name string, holds func(ocpi.Time) bool) {
	if name == "" {
		t, _, err := ocpi.ParseTime(ocpi.RawText(m.Value))
		if err != nil || !c.at.IsSet() || !holds(t) {
			c.refuse(m.Name, "OCPI 2.1.1 has no validity, and the tariff is not known to be in force")
			return
		}
	}
	c.plain(x, m, name)
}
