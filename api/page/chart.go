package page

import (
	"fmt"
	"strings"

	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing/tariff"
	"github.com/roamclear/roamclear/pricing/whatif"
	"github.com/shopspring/decimal"
)

// The picture of a price that builds up: an area per component, stacked, a
// line for the total, local time below. Everything is computed with exact
// decimals and printed in tenths of a unit of the view box.
const (
	maxSamples  = 120 // points of the curve
	maxRegular  = 12  // rows of the table beside the picture, besides changes
	maxTicks    = 6   // below
	maxMarks    = 24  // instants at which the price changes; of more none is marked
	chartWidth  = 720
	chartHeight = 380
	plotLeft    = 76 // more where the labels of the left axis are longer: see chart.Left
	plotRight   = 704
	plotTop     = 54
	plotBottom  = 332
	minLabel    = 110 // width of a phase that its name fits into
)

// chart is the picture and the table of the same numbers.
type chart struct {
	Left           int64  // of the plot
	Currency, Side string // "before VAT"
	Title, Desc    string
	Areas          []area
	Total          string // path
	Phases         []phase
	Ticks          []tick // below
	Levels         []tick // to the left
	Marks          []string
	Columns        []string
	Rows           []chartRow
	Limited        bool   // the total is not what the areas sum to: a limit applies
	Beyond         string // path around what lies above the total then
}

// area is one component.
type area struct {
	Name, Class, Path string
	Amount            figure // at the end
}

// tick is a label on an axis. That of the last tick would stand out of the picture:
// with Edge it ends where the picture does.
type tick struct {
	At, Label string
	Edge      bool
}

// phase is what happens for a time: reservation, charging, parking.
type phase struct{ Class, Label, X, Width, Middle string }

// part is a component of a price.
type part struct {
	name, class string
	of          func(*whatif.Point) tariff.Money
}

var parts = []part{
	{"Fixed fees", "fixed", func(p *whatif.Point) tariff.Money { return p.Fixed }},
	{"Reservation", "reservation", func(p *whatif.Point) tariff.Money { return p.Reservation }},
	{"Energy", "energy", func(p *whatif.Point) tariff.Money { return p.Energy }},
	{"Charging time", "time", func(p *whatif.Point) tariff.Money { return p.Time }},
	{"Parking", "parking", func(p *whatif.Point) tariff.Money { return p.Parking }},
}

// drawing is a chart being drawn.
type drawing struct {
	*chart
	curve      []whatif.Point
	charge     *whatif.Charge
	zone       *tariff.Zone
	side       vatSide
	parts      []part // that charge anything
	begin, end ocpi.Time
	most       decimal.Decimal // at the top
	sums       [][]decimal.Decimal
}

// newChart draws the curve, nil where there is nothing to draw.
func newChart(curve []whatif.Point, c *whatif.Charge, zone *tariff.Zone, currency string, side vatSide) *chart {
	if len(curve) == 0 || curve[0].At == curve[len(curve)-1].At {
		return nil
	}
	d := &drawing{chart: &chart{Currency: currency, Side: "before VAT"}, curve: curve, charge: c, zone: zone, side: side,
		begin: curve[0].At, end: curve[len(curve)-1].At}
	if side == inclVAT {
		d.Side = "including VAT"
	}
	last := &curve[len(curve)-1]
	for _, p := range parts {
		for i := range curve {
			if !d.amount(p.of(&curve[i])).IsZero() {
				d.parts = append(d.parts, p)
				break
			}
		}
	}
	d.stack()
	d.levels()
	d.areas(last)
	d.line()
	d.phases()
	d.ticks()
	d.marks()
	d.rows()
	d.describe(last)
	return d.chart
}

// amount is the side shown of an amount, zero where nothing was priced.
func (d *drawing) amount(m tariff.Money) decimal.Decimal {
	if d.side == inclVAT {
		return m.Incl.Decimal()
	}
	return m.Excl.Decimal()
}

// stack adds the parts up at each point and finds the highest value.
func (d *drawing) stack() {
	d.sums = make([][]decimal.Decimal, len(d.curve))
	tenth := decimal.New(1, -3) // sub-totals are rounded each on its own
	for i := range d.curve {
		sum := decimal.Zero
		d.sums[i] = []decimal.Decimal{sum}
		for _, p := range d.parts {
			sum = sum.Add(d.amount(p.of(&d.curve[i])))
			d.sums[i] = append(d.sums[i], sum)
		}
		total := d.amount(d.curve[i].Total)
		d.Limited = d.Limited || total.Sub(sum).Abs().GreaterThan(tenth)
		d.most = decimal.Max(d.most, sum, total)
	}
}

func (d *drawing) x(at ocpi.Time) string {
	seconds, length := int64(at-d.begin)/ocpi.Second, int64(d.end-d.begin)/ocpi.Second
	return tenths(d.Left*10 + (plotRight-d.Left)*10*seconds/length)
}

func (d *drawing) y(v decimal.Decimal) string {
	up := v.Mul(decimal.NewFromInt((plotBottom-plotTop)*10)).DivRound(d.most, 0).IntPart()
	return tenths(plotBottom*10 - min(max(up, 0), (plotBottom-plotTop)*10))
}

// tenths writes a coordinate without a needless decimal.
func tenths(n int64) string {
	if n%10 == 0 {
		return fmt.Sprint(n / 10)
	}
	return fmt.Sprintf("%d.%d", n/10, n%10)
}

// areas draws each part between the sum below it and the sum with it.
func (d *drawing) areas(last *whatif.Point) {
	for k, p := range d.parts {
		var b strings.Builder
		for i := range d.curve {
			fmt.Fprintf(&b, "%c%s %s", "ML"[min(i, 1)], d.x(d.curve[i].At), d.y(d.sums[i][k+1]))
		}
		for i := len(d.curve) - 1; i >= 0; i-- {
			fmt.Fprintf(&b, "L%s %s", d.x(d.curve[i].At), d.y(d.sums[i][k]))
		}
		b.WriteByte('Z')
		d.Areas = append(d.Areas, area{p.name, p.class, b.String(), newFigure(d.amount(p.of(last)), 2)})
	}
}

// line draws the total.
func (d *drawing) line() {
	var b strings.Builder
	for i := range d.curve {
		fmt.Fprintf(&b, "%c%s %s", "ML"[min(i, 1)], d.x(d.curve[i].At), d.y(d.amount(d.curve[i].Total)))
	}
	d.Total = b.String()
	if d.Limited {
		d.Beyond = fmt.Sprintf("%sL%d %dL%d %dZ", d.Total, plotRight, plotTop, d.Left, plotTop)
	}
}

// phases names above the plot what happens.
func (d *drawing) phases() {
	charged := d.charge.Start + ocpi.Time(d.charge.Duration)
	for _, p := range []struct {
		class, label string
		from, until  ocpi.Time
	}{{"reservation", "reserved", d.begin, d.charge.Start}, {"energy", "charging", d.charge.Start, charged}, {"parking", "parked", charged, d.end}} {
		if p.from >= p.until {
			continue
		}
		width := (plotRight - d.Left) * 10 * (int64(p.until-p.from) / ocpi.Second) / (int64(d.end-d.begin) / ocpi.Second)
		shown := phase{Class: p.class, X: d.x(p.from), Width: tenths(width), Middle: d.x(p.from + (p.until-p.from)/2)}
		if width >= minLabel*10 {
			shown.Label = p.label
		}
		d.Phases = append(d.Phases, shown)
	}
}

// marks are the instants at which a charging period begins.
func (d *drawing) marks() {
	for i := 1; i < len(d.curve); i++ {
		if d.curve[i].Begins && d.curve[i].At < d.end {
			d.Marks = append(d.Marks, d.x(d.curve[i].At))
		}
	}
	if len(d.Marks) > maxMarks {
		d.Marks = nil
	}
}

// describe says in words what the picture shows.
func (d *drawing) describe(last *whatif.Point) {
	layout := "15:04"
	d.Title = fmt.Sprintf("The price building up to %s %s %s", newFigure(d.amount(last.Total), 2).Text, d.Currency, d.Side)
	s := fmt.Sprintf("From %s to %s the price rises from %s to %s %s.", d.zone.Local(d.begin).Format(layout), d.zone.Local(d.end).Format(layout),
		newFigure(d.amount(d.curve[0].Total), 2).Text, newFigure(d.amount(last.Total), 2).Text, d.Currency)
	for i := range d.Areas {
		s += " " + d.Areas[i].Name + ": " + d.Areas[i].Amount.Text + "."
	}
	if d.Limited {
		s += " A price limit of the tariff applies."
	}
	d.Desc = s + " The table has the same numbers."
}
