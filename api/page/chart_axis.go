package page

import (
	"time"
	"unicode"

	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing/tariff"
	"github.com/shopspring/decimal"
)

// levels puts at most six round amounts on the left axis.
func (d *drawing) levels() {
	if !d.most.IsPositive() {
		d.most = decimal.NewFromInt(1)
	}
	step := decimal.New(1, -4)
	for i := 0; d.most.GreaterThan(step.Mul(decimal.NewFromInt(5))); i++ {
		step = step.Mul([]decimal.Decimal{decimal.NewFromInt(2), decimal.New(25, -1), decimal.NewFromInt(2)}[i%3])
	}
	d.most = d.most.DivRound(step, 8).Ceil().Mul(step)
	d.Left = plotLeft
	places := column{}
	for v := decimal.Zero; v.LessThanOrEqual(d.most); v = v.Add(step) {
		places.fitQuantity(&v)
	}
	for v := decimal.Zero; v.LessThanOrEqual(d.most); v = v.Add(step) {
		label := newFigure(v, places.places).Text
		d.Levels = append(d.Levels, tick{At: d.y(v), Label: label})
		d.Left = max(d.Left, labelGap+labelWidth(label))
	}
}

// LevelAt is where the labels of the left axis end.
func (c *chart) LevelAt() int64 { return c.Left - labelGap }

// Widths of labels in units of the view box, where they are largest: on a phone a
// digit is 14 wide, anything between digits half of that.
const (
	labelGap  = 10
	edgeLabel = 20 // a tick nearer to the right of the plot has no room for its label
)

func labelWidth(label string) (width int64) {
	for _, r := range label {
		width += 7
		if unicode.IsDigit(r) {
			width += 7
		}
	}
	return width
}

var tickSteps = []time.Duration{
	time.Minute, 2 * time.Minute, 5 * time.Minute, 10 * time.Minute, 15 * time.Minute, 30 * time.Minute,
	time.Hour, 2 * time.Hour, 3 * time.Hour, 6 * time.Hour, 12 * time.Hour, 24 * time.Hour, 48 * time.Hour, 7 * 24 * time.Hour,
}

// tickStep is the smallest step that divides a length into at most n parts.
func tickStep(length ocpi.Time, n int) ocpi.Time {
	for _, step := range tickSteps {
		if time.Duration(length)/step < time.Duration(n) {
			return ocpi.Time(step)
		}
	}
	return ocpi.Time(tickSteps[len(tickSteps)-1])
}

// roundTimes lists the instants in a charge at which its local clock shows a
// multiple of a step.
func roundTimes(begin, end ocpi.Time, zone *tariff.Zone, n int) (list []ocpi.Time, step ocpi.Time) {
	step = tickStep(end-begin, n)
	_, offset := zone.Local(begin).Zone()
	local := begin + ocpi.Time(int64(offset)*ocpi.Second)
	for at := begin + (step-local%step)%step; at <= end; at += step {
		list = append(list, at)
	}
	return list, step
}

// ticks puts round local times below the plot, a date at midnight.
func (d *drawing) ticks() {
	times, step := roundTimes(d.begin, d.end, d.zone, maxTicks)
	for _, at := range times {
		d.Ticks = append(d.Ticks, tick{At: d.x(at), Label: tickLabel(d.zone.Local(at), step), Edge: d.atEdge(at)})
	}
}

// tickLabel is a local time, a date at midnight.
func tickLabel(wall time.Time, step ocpi.Time) string {
	label := wall.Format("15:04")
	if label == "00:00" || step >= ocpi.Time(24*time.Hour) {
		label = wall.Format("2 Jan")
	}
	return label
}

// atEdge reports whether a tick stands so far right that its label would be cut.
func (d *drawing) atEdge(at ocpi.Time) bool {
	left := int64(d.end-at) / ocpi.Second * (plotRight - d.Left)
	return left < edgeLabel*(int64(d.end-d.begin)/ocpi.Second)
}
