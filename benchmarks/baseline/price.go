package baseline

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/shopspring/decimal"
)

// Amount is a computed price, rounded to 4 decimals.
type Amount struct{ Excl, Incl decimal.Decimal }

// Line is one priced quantity: the explanation that is stored.
type Line struct {
	Period int             `json:"period"`
	Type   string          `json:"type"`
	Volume decimal.Decimal `json:"volume"`
	Price  decimal.Decimal `json:"price"`
	Excl   decimal.Decimal `json:"excl"`
	Incl   decimal.Decimal `json:"incl"`

	component *Component
}

// Priced is what a CDR costs.
type Priced struct {
	Total  Amount
	ByType map[string]Amount
	Taxes  map[string]decimal.Decimal // by percentage
	Lines  []Line
}

var (
	hundred = decimal.NewFromInt(100)
	hour    = decimal.NewFromInt(3600)
	wattage = decimal.NewFromInt(1000)
	zones   = map[string]string{"GBR": "Europe/London", "FRA": "Europe/Paris", "USA": "America/Denver"}
)

// price computes a CDR by the tariff it carries.
func price(c *CDR, zone *time.Location) (*Priced, error) {
	if len(c.Tariffs) == 0 {
		return nil, fmt.Errorf("CDR %s carries no tariff", c.ID)
	}
	t := &c.Tariffs[0]
	var lines []Line
	flat := false
	for n := range c.Periods {
		p := &c.Periods[n]
		local, elapsed := p.Start.In(zone), int64(p.Start.Sub(c.Start)/time.Second)
		if f := find(t, "FLAT", local, elapsed); f != nil && !flat {
			lines = append(lines, Line{Period: n, Type: "FLAT", Volume: decimal.NewFromInt(1), component: f})
			flat = true
		}
		for _, d := range p.Dimensions {
			if k := find(t, d.Type, local, elapsed); k != nil && !d.Volume.IsZero() {
				lines = append(lines, Line{Period: n, Type: d.Type, Volume: d.Volume, component: k})
			}
		}
	}
	step(lines, "ENERGY", wattage)
	if !step(lines, "PARKING_TIME", hour) {
		step(lines, "TIME", hour)
	}
	return sum(t, lines), nil
}

// find returns the first component of a type whose element matches.
func find(t *Tariff, kind string, local time.Time, elapsed int64) *Component {
	for n := range t.Elements {
		e := &t.Elements[n]
		if e.Restrictions != nil && !matches(e.Restrictions, local, elapsed) {
			continue
		}
		for k := range e.Components {
			if e.Components[k].Type == kind {
				return &e.Components[k]
			}
		}
	}
	return nil
}

func matches(r *Restrictions, local time.Time, elapsed int64) bool {
	clock := local.Format("15:04")
	if r.StartTime != "" && r.EndTime != "" {
		inside := clock >= r.StartTime && clock < r.EndTime
		if r.EndTime < r.StartTime {
			inside = clock >= r.StartTime || clock < r.EndTime
		}
		if !inside {
			return false
		}
	}
	if len(r.DayOfWeek) > 0 && !slices.Contains(r.DayOfWeek, strings.ToUpper(local.Weekday().String())) {
		return false
	}
	return elapsed >= r.MinDuration && (r.MaxDuration == 0 || elapsed < r.MaxDuration)
}

// step rounds the total of a type up to the last step_size and reports
// whether there was any.
func step(lines []Line, kind string, perUnit decimal.Decimal) bool {
	total := decimal.Zero
	var last *Line
	for n := range lines {
		if lines[n].Type == kind {
			total = total.Add(lines[n].Volume)
			last = &lines[n]
		}
	}
	if last == nil {
		return false
	}
	if last.component.Step > 1 {
		size := decimal.NewFromInt(last.component.Step)
		// hours carry 4 decimals: whole seconds first
		units := total.Mul(perUnit).Round(0)
		rounded := units.Div(size).Ceil().Mul(size)
		last.Volume = last.Volume.Add(rounded.Sub(units).Div(perUnit))
	}
	return true
}

func sum(t *Tariff, lines []Line) *Priced {
	p := &Priced{ByType: map[string]Amount{}, Taxes: map[string]decimal.Decimal{}, Lines: lines}
	for n := range lines {
		l := &lines[n]
		l.Price = l.component.Price
		l.Excl = l.Volume.Mul(l.Price)
		l.Incl = l.Excl
		if v := l.component.VAT; v != nil {
			tax := l.Excl.Mul(*v).Div(hundred)
			l.Incl = l.Excl.Add(tax)
			p.Taxes[v.String()] = p.Taxes[v.String()].Add(tax)
		}
		of := p.ByType[l.Type]
		p.ByType[l.Type] = Amount{of.Excl.Add(l.Excl), of.Incl.Add(l.Incl)}
		p.Total = Amount{p.Total.Excl.Add(l.Excl), p.Total.Incl.Add(l.Incl)}
	}
	p.Total = Amount{p.Total.Excl.Round(4), p.Total.Incl.Round(4)}
	if t.Min != nil {
		p.Total.Excl = decimal.Max(p.Total.Excl, t.Min.Excl)
		if t.Min.Incl != nil {
			p.Total.Incl = decimal.Max(p.Total.Incl, *t.Min.Incl)
		}
	}
	if t.Max != nil {
		p.Total.Excl = decimal.Min(p.Total.Excl, t.Max.Excl)
		if t.Max.Incl != nil {
			p.Total.Incl = decimal.Min(p.Total.Incl, *t.Max.Incl)
		}
	}
	for kind, a := range p.ByType {
		p.ByType[kind] = Amount{a.Excl.Round(4), a.Incl.Round(4)}
	}
	for rate, a := range p.Taxes {
		p.Taxes[rate] = a.Round(4)
	}
	return p
}
