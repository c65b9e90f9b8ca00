package page

import (
	"slices"

	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing/tariff"
	"github.com/roamclear/roamclear/pricing/whatif"
)

// chartRow is one instant of the table.
type chartRow struct {
	At     string
	KWh    figure
	Parts  []figure
	Total  figure
	Change bool
}

// tableTimes lists the instants that the table is to have, besides those at
// which the price changes.
func tableTimes(c *whatif.Charge, zone *tariff.Zone) []ocpi.Time {
	end := c.Start + ocpi.Time(c.Duration+c.ParkingAfter)
	list, _ := roundTimes(c.Start-ocpi.Time(c.Reserved), end, zone, maxRegular)
	return list
}

// rows is the table: the ends, where the price changes, and some between.
func (d *drawing) rows() {
	for _, p := range d.parts {
		d.Columns = append(d.Columns, p.name)
	}
	layout := "15:04"
	if d.zone.Local(d.begin).Format("0102") != d.zone.Local(d.end).Format("0102") {
		layout = "Mon 2 Jan 15:04"
	}
	var shown []int
	regular := tableTimes(d.charge, d.zone)
	changes := len(d.Marks) > 0
	for i := range d.curve {
		p := &d.curve[i]
		fee := i+1 < len(d.curve) && d.curve[i+1].At == p.At // the price right before a fee
		if i == 0 || i == len(d.curve)-1 || slices.Contains(regular, p.At) || changes && (p.Begins || fee) {
			shown = append(shown, i)
		}
	}
	money, energy := column{2}, column{}
	for _, i := range shown {
		for _, p := range d.parts {
			v := d.amount(p.of(&d.curve[i]))
			money.fit(&v)
		}
		total, kwh := d.amount(d.curve[i].Total), d.curve[i].KWh.Decimal()
		money.fit(&total)
		energy.fitQuantity(&kwh)
	}
	for _, i := range shown {
		p := &d.curve[i]
		row := chartRow{
			At: d.zone.Local(p.At).Format(layout), KWh: newFigure(p.KWh.Decimal(), energy.places),
			Total: newFigure(d.amount(p.Total), money.places), Change: p.Begins && i > 0,
		}
		for _, c := range d.parts {
			row.Parts = append(row.Parts, newFigure(d.amount(c.of(p)), money.places))
		}
		d.Rows = append(d.Rows, row)
	}
}
