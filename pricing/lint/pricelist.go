package lint

import (
	"strings"

	"github.com/shopspring/decimal"

	"github.com/roamclear/roamclear/ocpi"
)

// PriceList writes the tariff as a price list a driver could read, one line an
// entry, such as "  Mon–Fri 09:00–18:00: €5.00 per hour, in steps of 5
// minutes, excl. 10 % VAT (€5.50 incl.)". Of the lines under one heading the
// first that fits applies, as in the tariff; elements that can never apply are
// left out. It does not keep t.
func PriceList(t *ocpi.Tariff) []string {
	l := &priceList{checker: checker{t: t}, space: newSpace(t)}
	l.heading()
	l.section("Start fee", ocpi.ReservationNone, ocpi.ComponentFlat, false)
	l.section("Energy", ocpi.ReservationNone, ocpi.ComponentEnergy, true)
	l.section("Charging time", ocpi.ReservationNone, ocpi.ComponentTime, true)
	l.section("Parking", ocpi.ReservationNone, ocpi.ComponentParkingTime, true)
	l.reservations()
	l.limitLine("At least", t.MinPrice)
	l.limitLine("At most", t.MaxPrice)
	return l.lines
}

// DriverPrices is PriceList without its heading and in the order in which drivers are
// to be shown prices (Regulation (EU) 2023/1804, article 5): by the kWh, by the minute, by
// the session, other. Prices of time are by the minute where that is exact.
func DriverPrices(t *ocpi.Tariff) []string {
	l := &priceList{checker: checker{t: t}, space: newSpace(t), minutes: true}
	l.section("Energy", ocpi.ReservationNone, ocpi.ComponentEnergy, true)
	l.section("Charging time", ocpi.ReservationNone, ocpi.ComponentTime, true)
	l.section("Parking", ocpi.ReservationNone, ocpi.ComponentParkingTime, true)
	l.section("Start fee", ocpi.ReservationNone, ocpi.ComponentFlat, false)
	l.limitLine("At least", t.MinPrice)
	l.limitLine("At most", t.MaxPrice)
	l.reservations()
	return l.lines
}

// priceList collects the lines of one tariff.
type priceList struct {
	checker
	minutes bool // prices of time are by the minute
	space   *space
	lines   []string
}

func (l *priceList) reservations() {
	l.section("Reservation fee", ocpi.Reservation, ocpi.ComponentFlat, false)
	l.section("Reserved time", ocpi.Reservation, ocpi.ComponentTime, false)
	l.section("Fee when a reservation expires", ocpi.ReservationExpires, ocpi.ComponentFlat, false)
	l.section("Reserved time when the reservation expires", ocpi.ReservationExpires, ocpi.ComponentTime, false)
}

func (l *priceList) heading() {
	t := l.t
	name := "Tariff " + t.ID
	if t.CountryCode != "" {
		name += " of " + t.CountryCode + "*" + t.PartyID
	}
	name += ", " + map[ocpi.TaxIncluded]string{
		ocpi.TaxUnstated: "prices before tax", ocpi.TaxNo: "prices before tax",
		ocpi.TaxYes: "prices include tax", ocpi.TaxNotApplicable: "no tax applies",
	}[t.TaxIncluded]
	l.lines = append(l.lines, name)
	switch {
	case t.Start.IsSet() && t.End.IsSet():
		l.lines = append(l.lines, "Valid from "+t.Start.String()+" until "+t.End.String())
	case t.Start.IsSet():
		l.lines = append(l.lines, "Valid from "+t.Start.String())
	case t.End.IsSet():
		l.lines = append(l.lines, "Valid until "+t.End.String())
	}
}

// section writes the prices of one dimension, and that it is free where it has
// none and a driver would ask.
func (l *priceList) section(title string, phase ocpi.ReservationRestriction, dimension ocpi.Component, asked bool) {
	offers := l.offers(l.space, phase, dimension)
	region, ok := l.space.universe, true
	var lines []string
	for i := range offers {
		o := &offers[i]
		if ok && !meets(region, &o.box) {
			continue
		}
		if ok {
			region, ok = l.space.minus(region, &o.box)
		}
		when := l.space.text(&o.box)
		switch {
		case when == "" && len(lines) > 0:
			when = "otherwise: "
		case when != "":
			when += ": "
		}
		lines = append(lines, "  "+when+l.priceText(o.price))
	}
	switch {
	case len(lines) == 0 && asked:
		lines = []string{"  free"}
	case len(lines) == 0 || !asked && len(lines) == 1 && offers[0].price.Price.Sign() == 0:
		return
	case ok && asked && len(region) > 0:
		lines = append(lines, "  otherwise: free")
	}
	l.lines = append(append(l.lines, title), lines...)
}

// priceText writes one price with its unit, step and tax.
func (l *priceList) priceText(p *ocpi.PriceComponent) string {
	if p.Price.Sign() == 0 {
		return "free"
	}
	text := money(l.t.Currency, p.Price)
	switch p.Type {
	case ocpi.ComponentFlat:
		text += " once"
	case ocpi.ComponentEnergy:
		text += " per kWh"
		if step := p.StepSize.Decimal().IntPart(); step > 1 {
			text += ", in steps of " + energyText(step)
		}
	default:
		text = l.timeText(p)
		if step := p.StepSize.Decimal().IntPart(); step > 1 {
			text += ", in steps of " + secondsText(p.StepSize)
		}
	}
	return text + l.taxText(p)
}

// timeText writes a price of time, by the hour as the tariff has it, or by the minute.
func (l *priceList) timeText(p *ocpi.PriceComponent) string {
	hour := money(l.t.Currency, p.Price) + " per hour"
	minute := p.Price.Decimal().DivRound(decimal.NewFromInt(60), 4)
	if !l.minutes || !minute.Mul(decimal.NewFromInt(60)).Equal(p.Price.Decimal()) {
		return hour
	}
	return amountText(l.t.Currency, minute) + " per minute (" + hour + ")"
}

func energyText(wh int64) string {
	if wh%1000 == 0 {
		return decimal.NewFromInt(wh/1000).String() + " kWh"
	}
	return decimal.NewFromInt(wh).String() + " Wh"
}

// taxText says how the VAT of a price is to be read, exactly.
func (l *priceList) taxText(p *ocpi.PriceComponent) string {
	if !p.VAT.IsSet() || l.t.TaxIncluded == ocpi.TaxNotApplicable {
		return ""
	}
	rate := p.VAT.Decimal().String() + " % VAT"
	if l.t.TaxIncluded == ocpi.TaxYes {
		return ", incl. " + rate
	}
	incl := p.Price.Decimal().Mul(p.VAT.Decimal().Shift(-2).Add(decimal.NewFromInt(1)))
	return ", excl. " + rate + " (" + amountText(l.t.Currency, incl) + " incl.)"
}

func (l *priceList) limitLine(title string, p ocpi.Price) {
	var parts []string
	if p.Excl.IsSet() {
		parts = append(parts, money(l.t.Currency, p.Excl)+" before tax")
	}
	if p.Incl.IsSet() {
		parts = append(parts, money(l.t.Currency, p.Incl)+" after tax")
	}
	if len(parts) > 0 {
		l.lines = append(l.lines, title+" "+strings.Join(parts, ", ")+" per session")
	}
}
