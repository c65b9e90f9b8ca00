package lint

import (
	"github.com/shopspring/decimal"

	"github.com/roamclear/roamclear/ocpi"
)

// perEuro is roughly how many units of a currency are worth a euro, of those
// that charging is paid in. It only decides what is worth a look, so a figure
// that is half off is good enough; prices in other currencies are not judged.
var perEuro = map[string]int64{
	"EUR": 1, "GBP": 1, "CHF": 1, "USD": 1, "CAD": 1, "AUD": 2, "NZD": 2, "SGD": 1, "BGN": 2, "BAM": 2, "AED": 4, "ILS": 4,
	"PLN": 4, "RON": 5, "DKK": 7, "CNY": 8, "HKD": 9, "NOK": 11, "SEK": 11, "ZAR": 20, "CZK": 25, "THB": 38, "TRY": 45, "UAH": 45,
	"INR": 95, "RSD": 117, "ISK": 145, "JPY": 165, "HUF": 400, "KRW": 1500,
}

// What a driver pays at most and at least, in euros: per kWh, per hour, per
// session. The dearest chargers take a fifth of it.
var sane = map[ocpi.Component]struct{ most, least, unit string }{
	ocpi.ComponentEnergy:      {"5", "0.002", "kWh"},
	ocpi.ComponentTime:        {"200", "0.3", "hour"},
	ocpi.ComponentParkingTime: {"200", "0.02", "hour"},
	ocpi.ComponentFlat:        {"200", "0", "session"},
}

// maxAbsurd bounds how many are listed: who writes cents writes all in cents.
const maxAbsurd = 10

// absurd reports prices that nobody pays: one in cents instead of the currency,
// or per Wh or per minute instead of per kWh or per hour.
func (c *checker) absurd(i, j int, p *ocpi.PriceComponent) {
	worth, known := perEuro[c.t.Currency]
	bounds, ok := sane[p.Type]
	if !known || !ok || p.Price.Sign() <= 0 || c.absurds == maxAbsurd {
		return
	}
	before := len(c.findings)
	defer func() { c.absurds += len(c.findings) - before }()
	euros := p.Price.Decimal().Div(decimal.NewFromInt(worth))
	path, price := componentPath(i, j, "price"), money(c.t.Currency, p.Price)
	switch {
	case euros.GreaterThan(decimal.RequireFromString(bounds.most)):
		c.add("price_absurd", ocpi.Warning, path, price+" per "+bounds.unit+" is more than anybody pays: if cents are meant, divide by 100; the price is in "+c.t.Currency+" per "+bounds.unit)
	case euros.LessThan(decimal.RequireFromString(bounds.least)):
		c.add("price_absurd", ocpi.Warning, path, price+" per "+bounds.unit+" is next to nothing: the price is in "+c.t.Currency+" per "+bounds.unit+smaller[p.Type])
	}
}

var smaller = map[ocpi.Component]string{
	ocpi.ComponentEnergy: ", not per Wh; if Wh are meant, multiply by 1000", ocpi.ComponentTime: ", not per minute; if minutes are meant, multiply by 60",
	ocpi.ComponentParkingTime: ", not per minute; if minutes are meant, multiply by 60",
}
