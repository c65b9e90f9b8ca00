package tariff

import (
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"github.com/roamclear/roamclear/ocpi"
)

// The same computation in shopspring/decimal, as one would write it plainly:
// prepared bounds, a loop over periods and elements, decimals throughout. It
// knows only what the two bench CDRs need and is checked against the engine
// before it is timed.

type plainElement struct {
	components             []plainComponent
	restrictions           ocpi.Restrictions
	minCurrent, maxCurrent decimal.Decimal
}

type plainComponent struct {
	kind        ocpi.Component
	price, step decimal.Decimal
	vat         decimal.Decimal
}

type plainTariff []plainElement

func plainPrepare(t *ocpi.Tariff) (p plainTariff) {
	for _, e := range t.Elements {
		x := plainElement{restrictions: e.Restrictions, minCurrent: e.Restrictions.MinCurrent.Decimal(), maxCurrent: e.Restrictions.MaxCurrent.Decimal()}
		for _, c := range e.Components {
			x.components = append(x.components, plainComponent{c.Type, c.Price.Decimal(), c.StepSize.Decimal(), c.VAT.Decimal()})
		}
		p = append(p, x)
	}
	return p
}

func (e *plainElement) applies(minute int, weekday time.Weekday, low, high decimal.Decimal) bool {
	r := &e.restrictions
	switch {
	case r.StartTime.IsSet() && minute < r.StartTime.Minute(), r.EndTime.IsSet() && minute >= r.EndTime.Minute():
		return false
	case r.DayOfWeek != 0 && !r.DayOfWeek.Has(weekday):
		return false
	case r.MinCurrent.IsSet() && high.LessThan(e.minCurrent), r.MaxCurrent.IsSet() && low.GreaterThanOrEqual(e.maxCurrent):
		return false
	}
	return true
}

func (p plainTariff) find(kind ocpi.Component, minute int, weekday time.Weekday, low, high decimal.Decimal) *plainComponent {
	for i := range p {
		for j := range p[i].components {
			if p[i].components[j].kind == kind && p[i].applies(minute, weekday, low, high) {
				return &p[i].components[j]
			}
		}
	}
	return nil
}

var (
	decimalHour     = decimal.NewFromInt(3600)
	decimalHundred  = decimal.NewFromInt(100)
	decimalThousand = decimal.NewFromInt(1000)
)

func plainPrice(cdr *ocpi.CDR, tariff plainTariff, location *time.Location) (excl, incl decimal.Decimal) {
	quantities := map[*plainComponent]decimal.Decimal{}
	totals := map[ocpi.Component]decimal.Decimal{}
	last := map[ocpi.Component]*plainComponent{}
	for i := range cdr.Periods {
		p := &cdr.Periods[i]
		local := p.Start.Go().In(location)
		minute, weekday := local.Hour()*60+local.Minute(), local.Weekday()
		var low, high decimal.Decimal
		for _, v := range p.Dimensions {
			switch v.Dimension {
			case ocpi.DimMinCurrent:
				low = v.Volume.Decimal()
			case ocpi.DimMaxCurrent:
				high = v.Volume.Decimal()
			}
		}
		if c := tariff.find(ocpi.ComponentFlat, minute, weekday, low, high); c != nil {
			quantities[c] = decimal.NewFromInt(1)
		}
		for _, v := range p.Dimensions {
			kind := map[ocpi.Dimension]ocpi.Component{ocpi.DimEnergy: ocpi.ComponentEnergy, ocpi.DimTime: ocpi.ComponentTime, ocpi.DimParkingTime: ocpi.ComponentParkingTime}[v.Dimension]
			c := tariff.find(kind, minute, weekday, low, high)
			if c == nil {
				continue
			}
			q := v.Volume.Decimal()
			if kind != ocpi.ComponentEnergy {
				q = q.Mul(decimalHour).Round(0)
			}
			quantities[c] = quantities[c].Add(q)
			totals[kind], last[kind] = totals[kind].Add(q), c
		}
	}
	round := func(kind ocpi.Component, unit decimal.Decimal) {
		c := last[kind]
		if c == nil || c.step.IsZero() {
			return
		}
		step := c.step.Div(unit)
		quantities[c] = quantities[c].Add(totals[kind].Div(step).Ceil().Mul(step).Sub(totals[kind]))
	}
	round(ocpi.ComponentEnergy, decimalThousand)
	if last[ocpi.ComponentParkingTime] != nil {
		round(ocpi.ComponentParkingTime, decimal.NewFromInt(1))
	} else {
		round(ocpi.ComponentTime, decimal.NewFromInt(1))
	}
	for i := range tariff {
		for j := range tariff[i].components {
			c := &tariff[i].components[j]
			q, ok := quantities[c]
			if !ok {
				continue
			}
			amount := q.Mul(c.price)
			if c.kind == ocpi.ComponentTime || c.kind == ocpi.ComponentParkingTime {
				amount = amount.Div(decimalHour)
			}
			excl = excl.Add(amount)
			incl = incl.Add(amount.Mul(decimalHundred.Add(c.vat)).Div(decimalHundred))
		}
	}
	return excl.Round(4), incl.Round(4)
}

func BenchmarkShopspring(b *testing.B) {
	for _, name := range benchNames {
		b.Run(name, func(b *testing.B) {
			in, out := benchInput(b, name), &Result{}
			NewEngine().Price(in, out)
			tariff := plainPrepare(&in.CDR.Tariffs[0])
			excl, incl := plainPrice(in.CDR, tariff, in.Zone.location)
			if !excl.Equal(out.Total.Excl.Decimal()) || !incl.Equal(out.Total.Incl.Decimal()) {
				b.Fatalf("%s / %s, the engine has %+v", excl, incl, out.Total)
			}
			b.ReportAllocs()
			for b.Loop() {
				plainPrice(in.CDR, tariff, in.Zone.location)
			}
		})
	}
}
