package whatif

import (
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing/tariff"
)

// stepParts is how many parts of a curve can show a step each: of amounts that jump
// more often the picture is a slope.
const stepParts = 300

// Steps adds to a curve of the charge both sides of each jump that lies between two
// of its points: the last instant before it and the first after it. A step_size
// makes an amount jump and stand still until it jumps again, and a line drawn from
// point to point would climb. It adds at most two points for each of stepParts.
func Steps(c *Charge, by *Terms, curve []Point) ([]Point, error) {
	p, err := newPlan(c, by)
	if err != nil || len(curve) == 0 {
		return curve, err
	}
	s := &stepper{
		plan: p, engine: tariff.NewEngine(), left: maxCurvePeriods / len(p.points),
		least: max((p.end-p.begin)/stepParts, ocpi.Time(ocpi.Second)),
	}
	out := curve[:1:1]
	for i := 1; i < len(curve); i++ {
		out = append(s.between(out, &curve[i-1], &curve[i]), curve[i])
	}
	return out, nil
}

// stepper prices a charge as if it ended at instants between the points of a curve.
type stepper struct {
	*plan
	engine *tariff.Engine
	out    tariff.Result
	left   int       // prices
	least  ocpi.Time // of a part that is looked into
}

// amounts are the parts of a price that a step_size can make jump.
var amounts = [...]func(*Point) tariff.Money{
	func(p *Point) tariff.Money { return p.Time },
	func(p *Point) tariff.Money { return p.Parking },
	func(p *Point) tariff.Money { return p.Energy },
	func(p *Point) tariff.Money { return p.Reservation },
}

// between appends the sides of the jumps between two points.
func (s *stepper) between(to []Point, a, b *Point) []Point {
	if b.At-a.At <= s.least {
		return to
	}
	mid, ok := s.middle(a, b)
	if !ok {
		return to
	}
	moves := false
	for _, amount := range amounts {
		if amount(a) == amount(b) {
			continue
		}
		moves = true
		before, after, ok := s.jump(a, b, mid, amount)
		if !ok {
			continue
		}
		if to = s.between(to, a, &before); before.At > a.At {
			to = append(to, before)
		}
		if after.At < b.At {
			to = append(to, after)
		}
		return s.between(to, &after, b)
	}
	if !moves {
		return to
	}
	return s.between(s.between(to, a, &mid), &mid, b) // a slope, or several jumps
}

// jump halves the time between two points until an amount jumps between
// neighbouring seconds. It is not ok where the amount does not stand still on both
// sides of one jump.
func (s *stepper) jump(a, b *Point, mid Point, amount func(*Point) tariff.Money) (before, after Point, ok bool) {
	before, after = *a, *b
	for ok = true; ok; mid, ok = s.middle(&before, &after) {
		switch amount(&mid) {
		case amount(a):
			before = mid
		case amount(b):
			after = mid
		default:
			return before, after, false
		}
	}
	return before, after, after.At-before.At < 2*ocpi.Time(ocpi.Second)
}

// middle prices the charge as if it ended halfway between two points, in whole
// seconds from the first; not ok where there is no such second, no price, or no
// more work to be spent.
func (s *stepper) middle(a, b *Point) (Point, bool) {
	half := (b.At - a.At) / 2 / ocpi.Time(ocpi.Second) * ocpi.Time(ocpi.Second)
	if half == 0 || s.left == 0 {
		return Point{}, false
	}
	s.left--
	at := point{a.At + half, s.energyAt(a.At + half)}
	in := s.input(s.cdrUntil(at, false))
	if s.engine.Price(&in, &s.out); !s.out.OK {
		return Point{}, false
	}
	return s.pointOf(at, false, &s.out), true
}

// pointOf is the point of a curve that a price makes.
func (p *plan) pointOf(at point, begins bool, r *tariff.Result) Point {
	return Point{
		At: at.at, KWh: numberOf(at.kwh), Begins: begins, Total: r.Total, Fixed: r.Fixed,
		Energy: r.Energy, Time: r.Time, Parking: r.Parking, Reservation: r.Reservation,
	}
}
