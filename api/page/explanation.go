package page

import (
	"fmt"
	"strings"

	"github.com/roamclear/roamclear/api/rest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing/tariff"
)

// explanation is how a price came about: the lines that sum to the total, and
// the engine's own words for each.
type explanation struct {
	Currency string
	Lines    []priceLine
	Words    string
}

// priceLine is one line of the sum. Limit, rounding and total have no quantity.
type priceLine struct {
	Name, Measured, Billed, Price, VAT string
	Excl, Incl                         figure
	Total                              bool
}

func newExplanation(x *tariff.Explanation) *explanation {
	var words strings.Builder
	if err := x.Text(&words); err != nil {
		panic(err) // a strings.Builder does not fail
	}
	e := &explanation{Currency: x.Currency, Words: strings.TrimSpace(words.String())}
	if x.Reason != "" {
		return e
	}
	places := column{2}
	amounts := []tariff.Money{x.More.Amount, x.Limit, x.Rounding, x.Total}
	for i := range x.Lines {
		amounts = append(amounts, x.Lines[i].Amount)
	}
	for _, m := range amounts {
		places.fit(m.Excl.DecimalOrNil())
		places.fit(m.Incl.DecimalOrNil())
	}
	add := func(l priceLine, m tariff.Money) {
		l.Excl, l.Incl = orUnknown(m.Excl.DecimalOrNil(), places.places), orUnknown(m.Incl.DecimalOrNil(), places.places)
		e.Lines = append(e.Lines, l)
	}
	for i := range x.Lines {
		add(newPriceLine(&x.Lines[i]), x.Lines[i].Amount)
	}
	if x.More.Lines > 0 {
		add(priceLine{Name: x.More.String()}, x.More.Amount)
	}
	if len(x.Limits) > 0 {
		add(priceLine{Name: limitName(x)}, x.Limit)
	}
	if x.Rounding.Excl.Sign() != 0 || x.Rounding.Incl.Sign() != 0 {
		add(priceLine{Name: "Rounding"}, x.Rounding)
	}
	add(priceLine{Name: "Total", Total: true}, x.Total)
	return e
}

func newPriceLine(l *tariff.Line) priceLine {
	p := priceLine{Name: lineName(l), VAT: "none"}
	if l.VAT.IsSet() {
		p.VAT = rest.Quantity(l.VAT.Decimal()) + " %"
	}
	unit := ""
	switch l.Kind {
	case ocpi.ComponentEnergy:
		p.Measured, p.Billed, unit = amountOf(l.Measured, "kWh"), amountOf(l.Billed, "kWh"), " per kWh"
	case ocpi.ComponentTime, ocpi.ComponentParkingTime:
		p.Measured, p.Billed, unit = clock(l.Measured), clock(l.Billed), " per hour"
	}
	p.Price = newFigure(l.Price.Decimal(), 2).Text + unit
	return p
}

func lineName(l *tariff.Line) string {
	flat := l.Kind == ocpi.ComponentFlat
	switch {
	case l.Reservation && flat:
		return "Reservation fee"
	case l.Reservation:
		return "Reservation"
	case flat:
		return "Fixed fee"
	case l.Kind == ocpi.ComponentEnergy:
		return "Energy"
	case l.Kind == ocpi.ComponentTime:
		return "Charging time"
	}
	return "Parking time"
}

func limitName(x *tariff.Explanation) string {
	for _, l := range x.Limits {
		if l.Maximum {
			return "Maximum price " + rest.Money(l.Bound.Decimal())
		}
	}
	return "Minimum price " + rest.Money(x.Limits[0].Bound.Decimal())
}

func amountOf(n ocpi.Number, unit string) string {
	if !n.IsSet() {
		return ""
	}
	return newFigure(n.Decimal(), 0).Text + groupSpace + unit
}

// clock writes seconds as hours, minutes and seconds: "1:58:23".
func clock(seconds ocpi.Number) string {
	if !seconds.IsSet() {
		return ""
	}
	d := seconds.Decimal()
	whole := d.Truncate(0)
	n := whole.IntPart()
	text := fmt.Sprintf("%d:%02d:%02d", n/3600, n/60%60, n%60)
	if left := d.Sub(whole); !left.IsZero() {
		text += strings.TrimPrefix(rest.Quantity(left.Abs()), "0")
	}
	return text
}
