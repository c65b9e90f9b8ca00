package page

import (
	"fmt"
	"slices"
	"strings"

	"github.com/roamclear/roamclear/api/rest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing/tariff"
)

// The picture of a charge: its charging periods in local time, a bar for each kind of
// price, coloured by the tariff element that was taken; below it that of the partner,
// where a reading explains the claim by other elements.
const (
	timeLeft    = 4
	timeRight   = 716
	lanePitch   = 58
	laneText    = 20  // below the top of a lane
	laneBar     = 28  // likewise
	laneHeight  = 24  // of the bar
	minNumber   = 24  // width of a bar that its number fits into
	maxBands    = 400 // of one lane
	maxPeriods  = 60  // rows of the table
	elementTint = 6   // colours of the style sheet
)

// timeline is the picture, and the table of the same.
type timeline struct {
	Zone, Day, Desc string
	Lanes           []lane
	Ticks           []tick
	Key             []elementKey
	Theirs          bool // there are bars of the partner's
	Rows            []periodRow
	More            int // periods that are not listed
	Height, Axis    int
}

// lane is one kind of price along the charge.
type lane struct {
	Name        string
	Text, Y     int
	Bands       []band
	TooMany     bool
	of          []int // element of each period, none or free
	kind        ocpi.Component
	reservation bool
}

// band is a run of periods with one element. Class is "e0" to "e5", or "free" where no
// element has a price.
type band struct{ X, Width, Middle, Number, Class, Title string }

// elementKey says what an element charges.
type elementKey struct{ Number, Class, Text string }

// periodRow is a charging period in figures.
type periodRow struct {
	Number           int
	From, To, Length string
	KWh              figure
	Elements         string
}

// TickEnd is where the marks of the axis end, TickText where their labels stand.
func (t *timeline) TickEnd() int  { return t.Axis + 6 }
func (t *timeline) TickText() int { return t.Axis + 30 }

// Middle is where the number in a bar stands.
func (l lane) Middle() int { return l.Y + laneHeight/2 }

const (
	none = -1 // a period has nothing of the kind
	free = -2 // no element has a price for it
)

// newTimeline draws the charge of a CDR as ours priced it and, where all of theirs agree
// on it and it differs, as the partner did. It is nil where the CDR does not tell how it went.
func newTimeline(cdr *ocpi.CDR, zone *tariff.Zone, ours *tariff.Explanation, theirs []*tariff.Explanation) *timeline {
	n := len(cdr.Periods)
	if n == 0 || !cdr.End.IsSet() || cdr.Periods[0].Start >= cdr.End || !slices.IsSortedFunc(cdr.Periods, byStart) {
		return nil
	}
	d := &charged{cdr: cdr, zone: zone, begin: cdr.Periods[0].Start, end: cdr.End}
	t := &timeline{Zone: zone.Name(), Day: zone.Local(d.begin).Format("Monday, 2 January 2006")}
	if ours != nil {
		t.Lanes, t.Key = lanesOf(ours, n), keysOf(ours)
	}
	if len(t.Lanes) == 0 { // not priced, or by fees alone
		t.Lanes = []lane{{Name: "Charging periods", of: slices.Repeat([]int{free}, n)}}
	}
	if len(theirs) > 0 && agreeOn(theirs, n) {
		t.beside(lanesOf(theirs[0], n), theirs[0])
	}
	for i := range t.Lanes {
		t.Lanes[i].Text, t.Lanes[i].Y = i*lanePitch+laneText, i*lanePitch+laneBar
		d.draw(&t.Lanes[i])
	}
	t.Axis = len(t.Lanes) * lanePitch
	t.Height = t.Axis + 36
	d.ticks(t)
	d.rows(t)
	t.Desc = d.describe(t)
	return t
}

func byStart(a, b ocpi.ChargingPeriod) int { return int(min(max(a.Start-b.Start, -1), 1)) }

// lanesOf returns the kinds of price that a charge has, and which element is taken for
// each of n periods.
func lanesOf(x *tariff.Explanation, n int) (lanes []lane) {
	add := func(l *tariff.Line, element int) {
		if l.Kind == ocpi.ComponentFlat {
			return
		}
		at := slices.IndexFunc(lanes, func(have lane) bool { return have.kind == l.Kind && have.reservation == l.Reservation })
		if at < 0 {
			at = len(lanes)
			lanes = append(lanes, lane{Name: lineName(l), kind: l.Kind, reservation: l.Reservation, of: slices.Repeat([]int{none}, n)})
		}
		for _, s := range l.Segments {
			for i := max(s.First, 0); i <= min(s.Last, n-1); i++ {
				lanes[at].of[i] = element
			}
		}
	}
	for i := range x.Unpriced {
		add(&x.Unpriced[i], free)
	}
	for i := range x.Lines {
		add(&x.Lines[i], takenBy(&x.Lines[i]))
	}
	slices.SortStableFunc(lanes, func(a, b lane) int { return laneOrder(a) - laneOrder(b) })
	return lanes
}

// agreeOn reports whether all explanations take the same elements.
func agreeOn(all []*tariff.Explanation, n int) bool {
	first := lanesOf(all[0], n)
	return !slices.ContainsFunc(all[1:], func(x *tariff.Explanation) bool {
		return !slices.EqualFunc(first, lanesOf(x, n), func(a, b lane) bool {
			return a.kind == b.kind && a.reservation == b.reservation && slices.Equal(a.of, b.of)
		})
	})
}

func laneOrder(l lane) int {
	if l.reservation {
		return 0
	}
	return 1 + slices.Index([]ocpi.Component{ocpi.ComponentEnergy, ocpi.ComponentTime, ocpi.ComponentParkingTime}, l.kind)
}

// keysOf says of each element that was taken what it charges.
func keysOf(x *tariff.Explanation) (keys []elementKey) {
	for i := range x.Lines {
		l := &x.Lines[i]
		if l.Kind == ocpi.ComponentFlat {
			continue
		}
		price, unit, _ := strings.Cut(newPriceLine(l).Price, " ")
		k := elementKey{Number: numberOf(takenBy(l)), Class: tint(takenBy(l)),
			Text: rest.Joined(" ", strings.ToLower(lineName(l)), "at", price, x.Currency, unit) + ", " + x.Applies(l.Tariff, l.Element)}
		if len(x.Tariffs) > 1 {
			k.Text += ", of tariff " + x.Tariffs[l.Tariff].ID
		}
		if !slices.Contains(keys, k) {
			keys = append(keys, k)
		}
	}
	slices.SortStableFunc(keys, func(a, b elementKey) int { return len(a.Number) - len(b.Number) + strings.Compare(a.Number, b.Number) })
	return keys
}

// ofTariff tells elements of several tariffs apart.
const ofTariff = 10_000

// takenBy is the element of a line, in one number with its tariff.
func takenBy(l *tariff.Line) int { return l.Tariff*ofTariff + l.Element }

// numberOf is what people call an element: "3", of a second tariff "3b".
func numberOf(taken int) string {
	number := fmt.Sprint(taken%ofTariff + 1)
	if more := taken / ofTariff; more > 0 {
		number += string(rune('a' + more%26))
	}
	return number
}

func tint(taken int) string { return fmt.Sprintf("e%d", (taken%ofTariff+taken/ofTariff)%elementTint) }

// beside sets the partner's lanes below ours where they differ.
func (t *timeline) beside(theirs []lane, x *tariff.Explanation) {
	var lanes []lane
	differs := false
	for _, ours := range t.Lanes {
		at := slices.IndexFunc(theirs, func(l lane) bool { return l.kind == ours.kind && l.reservation == ours.reservation })
		lanes = append(lanes, ours)
		if at >= 0 && !slices.Equal(theirs[at].of, ours.of) {
			lanes[len(lanes)-1].Name += ", by us"
			theirs[at].Name += ", by the partner"
			lanes, differs = append(lanes, theirs[at]), true
		}
	}
	if !differs {
		return
	}
	t.Lanes, t.Theirs = lanes, true
	for _, k := range keysOf(x) {
		if !slices.Contains(t.Key, k) {
			t.Key = append(t.Key, k)
		}
	}
}

// charged is a charge being drawn.
type charged struct {
	cdr        *ocpi.CDR
	zone       *tariff.Zone
	begin, end ocpi.Time
}

// until is when a period ends.
func (d *charged) until(i int) ocpi.Time {
	if i+1 < len(d.cdr.Periods) {
		return min(d.cdr.Periods[i+1].Start, d.end)
	}
	return d.end
}

func (d *charged) x(at ocpi.Time) int64 {
	seconds, length := int64(min(max(at, d.begin), d.end)-d.begin)/ocpi.Second, max(int64(d.end-d.begin)/ocpi.Second, 1)
	return timeLeft*10 + (timeRight-timeLeft)*10*seconds/length
}

func (d *charged) local(at ocpi.Time) string { return d.zone.Local(at).Format("15:04") }

// draw joins periods that follow each other with one element.
func (d *charged) draw(l *lane) {
	for first := 0; first < len(l.of); {
		last := first
		for last+1 < len(l.of) && l.of[last+1] == l.of[first] {
			last++
		}
		if l.of[first] != none {
			l.Bands = append(l.Bands, d.band(l.of[first], first, last))
		}
		first = last + 1
	}
	if len(l.Bands) > maxBands {
		l.Bands, l.TooMany = nil, true
	}
}

func (d *charged) band(element, first, last int) band {
	from, to := d.cdr.Periods[first].Start, d.until(last)
	x, end := d.x(from), d.x(to)
	b := band{X: tenths(x), Width: tenths(max(end-x, 10)), Middle: tenths((x + end) / 2), Class: "free", Title: d.local(from) + " to " + d.local(to) + ": no price"}
	if element >= 0 {
		b.Class = tint(element)
		b.Title = fmt.Sprintf("%s to %s: element %s", d.local(from), d.local(to), numberOf(element))
		if end-x >= minNumber*10 {
			b.Number = numberOf(element)
		}
	}
	return b
}

func (d *charged) ticks(t *timeline) {
	times, step := roundTimes(d.begin, d.end, d.zone, maxTicks)
	for _, at := range times {
		x := d.x(at)
		t.Ticks = append(t.Ticks, tick{At: tenths(x), Label: tickLabel(d.zone.Local(at), step), Edge: timeRight*10-x < edgeLabel*15})
	}
}

func (d *charged) rows(t *timeline) {
	shown := d.cdr.Periods[:min(len(d.cdr.Periods), maxPeriods)]
	t.More = len(d.cdr.Periods) - len(shown)
	places := column{}
	kwh := make([]ocpi.Number, len(shown))
	for i := range shown {
		for _, v := range shown[i].Dimensions {
			if v.Dimension == ocpi.DimEnergy {
				kwh[i] = v.Volume
				places.fitQuantity(v.Volume.DecimalOrNil())
			}
		}
	}
	for i := range shown {
		r := periodRow{Number: i + 1, From: d.zone.Local(shown[i].Start).Format("15:04:05"), To: d.zone.Local(d.until(i)).Format("15:04:05"),
			Length: clock(ocpi.NewNumber(int64(d.until(i)-shown[i].Start)/ocpi.Second, 0)), KWh: orUnknown(kwh[i].DecimalOrNil(), places.places)}
		var taken []string
		for _, l := range t.Lanes {
			if l.of[i] >= 0 {
				taken = append(taken, strings.ToLower(l.Name)+" "+numberOf(l.of[i]))
			}
		}
		r.Elements = strings.Join(taken, "; ")
		t.Rows = append(t.Rows, r)
	}
}

// describe says in words what the picture shows.
func (d *charged) describe(t *timeline) string {
	words := []string{fmt.Sprintf("%d charging periods from %s to %s.", len(d.cdr.Periods), d.local(d.begin), d.local(d.end))}
	for i := range t.Lanes {
		l := &t.Lanes[i]
		if l.TooMany {
			words = append(words, l.Name+": the element changes too often to be drawn.")
			continue
		}
		if len(l.Bands) > 6 {
			words = append(words, fmt.Sprintf("%s: %d runs of periods.", l.Name, len(l.Bands)))
			continue
		}
		for _, b := range l.Bands {
			words = append(words, l.Name+", "+b.Title+".")
		}
	}
	return strings.Join(words, " ")
}
