package whatif

import (
	"slices"
	"time"

	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing/tariff"
)

// MaxCurve bounds the points of a curve, maxCurvePeriods the charging periods
// that are priced for it in all: each point is a CDR of its own.
const (
	MaxCurve        = 200
	maxCurvePeriods = 50_000
)

// Point is what a charge costs if it ends at an instant.
type Point struct {
	At  ocpi.Time
	KWh ocpi.Number // until then
	// Begins: a charging period begins here, and its price, such as a fee, is in
	// the amounts. The Point before has the same instant without it.
	Begins bool

	Total, Fixed, Energy, Time, Parking, Reservation tariff.Money
}

// sample is a Point to price.
type sample struct {
	point
	begins bool
}

// Curve prices a charge as if it ended at each of a number of instants, at
// most n and MaxCurve, and fewer where it has very many periods: its begin,
// every instant at which the price changes, those that are asked for, regular
// steps between, of whole minutes where there is room, and its end. Where the
// price changes more often than a third of that, those instants are left out.
// The last Point is the price that [Of] gives, or there is none when that has
// none.
//
// With prices that are not negative the total never falls, but for two rules of
// OCPI: a charge that ends in an element with a large step_size may cost more
// than one that goes on into an element with a small one; and a limit that is
// stated on one side of tax only moves the other side in proportion.
func Curve(c *Charge, by *Terms, n int, also ...ocpi.Time) ([]Point, error) {
	p, err := newPlan(c, by)
	if err != nil {
		return nil, err
	}
	engine, out := tariff.NewEngine(), tariff.Result{}
	var curve []Point
	for _, s := range p.samples(min(n, MaxCurve, maxCurvePeriods/len(p.points)), also) {
		in := p.input(p.cdrUntil(s.point, s.begins))
		engine.Price(&in, &out)
		if !out.OK {
			return nil, nil
		}
		at := p.pointOf(s.point, s.begins, &out)
		if last := len(curve) - 1; s.begins && last >= 0 && curve[last].At == at.At && curve[last].Total == at.Total {
			curve[last].Begins = true
			continue
		}
		curve = append(curve, at)
	}
	return curve, nil
}

// samples lists what to price, in order.
func (p *plan) samples(most int, also []ocpi.Time) []sample {
	list := []sample{{p.points[0], true}}
	if 3*len(p.points) <= most {
		for _, at := range p.points[1:] {
			list = append(list, sample{at, false}, sample{at, true})
		}
	}
	add := func(at ocpi.Time) {
		if p.begin < at && at < p.end && len(list) < most-1 {
			list = append(list, sample{point{at, p.energyAt(at)}, false})
		}
	}
	for _, at := range also {
		add(at)
	}
	if room := ocpi.Time(most - len(list)); room > 1 {
		step := roundUpTo((p.end-p.begin)/room+1, ocpi.Time(ocpi.Second))
		if minute := ocpi.Time(time.Minute); step > minute {
			step = roundUpTo(step, minute)
		}
		for at := p.begin + step; at < p.end; at += step {
			add(at)
		}
	}
	list = append(list, sample{p.last(), false})
	slices.SortStableFunc(list, func(a, b sample) int {
		if c := a.compare(b.point); c != 0 || a.begins == b.begins {
			return c
		} else if a.begins {
			return 1
		}
		return -1
	})
	list = slices.CompactFunc(list, func(a, b sample) bool { return a.compare(b.point) == 0 && a.begins == b.begins })
	if len(list) > 1 && list[0].compare(list[1].point) == 0 && !list[0].begins {
		list = list[1:] // nothing comes before the begin
	}
	return list
}

func roundUpTo(n, unit ocpi.Time) ocpi.Time { return (n + unit - 1) / unit * unit }
