package lint

import (
	"slices"
	"time"

	"github.com/roamclear/roamclear/ocpi"
)

// The axes along which restrictions of a tariff element cut what may happen.
const (
	axisWeek     = iota // minutes of the local week
	axisDate            // local dates
	axisKWh             // energy so far
	axisDuration        // seconds since the start of the session
	axisCurrent         // A, sum over phases
	axisPower           // kW
	axes
)

// box is a product of sets, one an axis: all moments whose coordinate on each
// axis is in that axis's set. One empty set makes it empty.
type box [axes]set

func (b *box) empty() bool {
	for i := range b {
		if len(b[i]) == 0 {
			return true
		}
	}
	return false
}

func (b *box) disjoint(o *box) bool {
	for i := range b {
		if disjoint(b[i], o[i]) {
			return true
		}
	}
	return false
}

// contains reports whether all of o, which is not empty, is in b.
func (b *box) contains(o *box) bool {
	for i := range b {
		if len(subtract(o[i], b[i])) > 0 {
			return false
		}
	}
	return true
}

// space is what may happen in a session under one tariff. Every number and
// date that occurs in a restriction is a cut; between two neighbouring cuts
// nothing changes, so each axis but the week is counted in such atoms.
type space struct {
	cuts     [axes][]ocpi.Number // ascending, from 0; atom i is [cuts[i], cuts[i+1])
	dates    []ocpi.Date         // ascending; atom i is [dates[i-1], dates[i])
	universe []box
	budget   int // box subtractions left
}

// maxSubtractions bounds the work on one tariff. Elements that do not overlap
// need one comparison a pair and dimension: 125,000 for the 500 elements that the
// engine prices with.
const maxSubtractions = 1_000_000

// cutCost is how many comparisons a cut takes besides: it makes up to a box per
// axis, each of which is compared with all that follows.
const cutCost = 20

func newSpace(t *ocpi.Tariff) *space {
	s := &space{budget: maxSubtractions}
	for axis := axisKWh; axis < axes; axis++ {
		s.cuts[axis] = []ocpi.Number{ocpi.NewNumber(0, 0)}
	}
	for i := range t.Elements {
		r := &t.Elements[i].Restrictions
		for axis := axisKWh; axis < axes; axis++ {
			low, high := bounds(r, axis)
			s.cut(axis, low)
			s.cut(axis, high)
		}
		for _, date := range []ocpi.Date{r.StartDate, r.EndDate} {
			if date.IsSet() {
				s.dates = append(s.dates, date)
			}
		}
	}
	for axis := axisKWh; axis < axes; axis++ {
		slices.SortFunc(s.cuts[axis], ocpi.Number.Cmp)
		s.cuts[axis] = slices.CompactFunc(s.cuts[axis], func(a, b ocpi.Number) bool { return a.Cmp(b) == 0 })
	}
	slices.SortFunc(s.dates, compareDates)
	s.dates = slices.Compact(s.dates)
	s.universe = s.everything()
	return s
}

func (s *space) cut(axis int, n ocpi.Number) {
	if n.Sign() > 0 {
		s.cuts[axis] = append(s.cuts[axis], n)
	}
}

// bounds returns the restriction's lower and upper bound on an axis.
func bounds(r *ocpi.Restrictions, axis int) (low, high ocpi.Number) {
	switch axis {
	case axisKWh:
		return r.MinKWh, r.MaxKWh
	case axisDuration:
		return r.MinDuration, r.MaxDuration
	case axisCurrent:
		return r.MinCurrent, r.MaxCurrent
	case axisPower:
		return r.MinPower, r.MaxPower
	}
	return ocpi.Number{}, ocpi.Number{}
}

func compareDates(a, b ocpi.Date) int { return int(dayNumber(a) - dayNumber(b)) }

// dayNumber counts days from 1970-01-01.
func dayNumber(d ocpi.Date) int64 {
	return midnight(d).Unix() / (24 * 60 * 60)
}

func midnight(d ocpi.Date) time.Time {
	return time.Date(int(d.Year), time.Month(d.Month), int(d.Day), 0, 0, 0, 0, time.UTC)
}

// everything returns all that may happen. Between two dates less than a week
// apart only some weekdays occur, hence more than one box.
func (s *space) everything() []box {
	var full box
	full[axisWeek] = wholeWeek
	full[axisDate] = interval(0, int32(len(s.dates))+1)
	for axis := axisKWh; axis < axes; axis++ {
		full[axis] = interval(0, int32(len(s.cuts[axis])))
	}
	all := []box{full}
	for i := 1; i < len(s.dates); i++ {
		days := weekdaysBetween(s.dates[i-1], s.dates[i])
		if days == 0 {
			continue
		}
		short := interval(int32(i), int32(i)+1)
		all[0][axisDate] = subtract(all[0][axisDate], short)
		part := full
		part[axisDate] = short
		part[axisWeek] = onDays(set{{0, minutesPerDay}}, days)
		all = append(all, part)
	}
	return all
}

// weekdaysBetween returns the weekdays from one date up to another, 0 when
// they are all of them.
func weekdaysBetween(from, to ocpi.Date) (days ocpi.Weekdays) {
	n := dayNumber(to) - dayNumber(from)
	if n >= 7 {
		return 0
	}
	first := midnight(from).Weekday()
	for i := range n {
		days |= 1 << ((int64(first) + i) % 7)
	}
	return days
}

// box returns where the restrictions match.
func (s *space) box(r *ocpi.Restrictions) (b box) {
	b[axisWeek] = weekOf(r)
	from, to := int32(0), int32(len(s.dates))+1
	if r.StartDate.IsSet() {
		i, _ := slices.BinarySearchFunc(s.dates, r.StartDate, compareDates)
		from = int32(i) + 1
	}
	if r.EndDate.IsSet() {
		i, _ := slices.BinarySearchFunc(s.dates, r.EndDate, compareDates)
		to = int32(i) + 1
	}
	b[axisDate] = interval(from, to)
	for axis := axisKWh; axis < axes; axis++ {
		low, high := bounds(r, axis)
		b[axis] = interval(s.atom(axis, low, 0), s.atom(axis, high, int32(len(s.cuts[axis]))))
	}
	return b
}

// atom returns the index of a bound among the cuts; what is below zero counts
// as zero, an absent bound as otherwise.
func (s *space) atom(axis int, n ocpi.Number, otherwise int32) int32 {
	if !n.IsSet() {
		return otherwise
	}
	if n.Sign() <= 0 {
		return 0
	}
	i, _ := slices.BinarySearchFunc(s.cuts[axis], n, ocpi.Number.Cmp)
	return int32(i)
}

// minus returns the region without b; ok is false when the work has become
// too much.
func (s *space) minus(region []box, b *box) (rest []box, ok bool) {
	for i := range region {
		a := &region[i]
		s.budget--
		if s.budget < 0 {
			return nil, false
		}
		if a.disjoint(b) {
			rest = append(rest, *a)
			continue
		}
		s.budget -= cutCost
		common := *a
		for axis := range a {
			piece := common
			if piece[axis] = subtract(a[axis], b[axis]); len(piece[axis]) > 0 {
				rest = append(rest, piece)
			}
			common[axis] = intersect(a[axis], b[axis])
		}
	}
	return rest, true
}
