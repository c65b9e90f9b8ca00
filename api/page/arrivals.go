package page

import (
	"context"
	"fmt"
	"slices"

	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement"
	"github.com/roamclear/roamclear/settlement/statement"
)

// arrivalChart is the picture of how many charges ended on each day of a month, and the
// table of the same.
type arrivalChart struct {
	Month, Before string
	Bars          []dayBar
	Ticks         []tick
	Most          string
	Desc          string
}

// dayBar is one day.
type dayBar struct {
	Day, X, Y, Height      string
	WideX, WideY, WideHigh string // of the month before, behind it
	Count, Before          uint64
}

const (
	dayLeft   = 4
	dayRight  = 716
	dayTop    = 30
	dayBottom = 150
)

// newArrivalChart draws days beside those of the month before, nil where there are none.
func newArrivalChart(month ocpi.Month, days, before []uint64) *arrivalChart {
	most := max(slices.Max(days), slices.Max(before))
	if most == 0 {
		return nil
	}
	a := &arrivalChart{Month: month.String(), Before: month.Add(-1).String(), Most: grouped(fmt.Sprint(most))}
	width := int64(dayRight-dayLeft) * 10 / int64(len(days))
	y := func(n uint64) int64 { return dayBottom*10 - int64(n)*(dayBottom-dayTop)*10/int64(most) }
	total, busiest := uint64(0), 0
	for i, n := range days {
		x := dayLeft*10 + int64(i)*width
		b := dayBar{Day: fmt.Sprintf("%s-%02d", month, i+1), X: tenths(x + width/4), WideX: tenths(x + width/10), Y: tenths(y(n)), Height: tenths(dayBottom*10 - y(n)), Count: n}
		if i < len(before) {
			b.Before, b.WideY, b.WideHigh = before[i], tenths(y(before[i])), tenths(dayBottom*10-y(before[i]))
		}
		a.Bars = append(a.Bars, b)
		if i%7 == 0 {
			a.Ticks = append(a.Ticks, tick{At: tenths(x + width/2), Label: fmt.Sprint(i + 1)})
		}
		if total += n; n > days[busiest] {
			busiest = i
		}
	}
	a.Desc = fmt.Sprintf("%d CDRs in %s; the most, %d, on day %d. The table has the same numbers.", total, month, days[busiest], busiest+1)
	return a
}

// Width is that of a day's bar in tenths of the day's own.
func (a *arrivalChart) Width(of int64) string {
	return tenths(int64(dayRight-dayLeft) * 10 / int64(len(a.Bars)) * of / 10)
}

const maxSilent = 50

// addArrivals adds when CDRs came, and whose did not.
func (s *server) addArrivals(ctx context.Context, v visitor, q statement.Query, view *monthView) error {
	if s.Months == nil || !q.CPO.IsZero() || !q.EMSP.IsZero() {
		return nil
	}
	days, err := s.Months.CDRsByDay(ctx, v.Party, q.Period)
	if err != nil {
		return fmt.Errorf("count CDRs of %s by day: %w", q.Period, err)
	}
	before, err := s.Months.CDRsByDay(ctx, v.Party, q.Period.Add(-1))
	if err != nil {
		return fmt.Errorf("count CDRs of %s by day: %w", q.Period.Add(-1), err)
	}
	view.Arrivals = newArrivalChart(q.Period, days, before)
	var silent []settlement.PairArrivals
	now := s.now().UTC()
	err = s.Months.PairsBefore(ctx, v.Party, q.Period, func(p *settlement.PairArrivals) error {
		if _, is := p.SilentFor(q.Period, now); is {
			silent = settlement.KeepSilent(silent, *p, maxSilent)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("read which pairs are silent in %s: %w", q.Period, err)
	}
	for i := range silent {
		p := &silent[i]
		days, _ := p.SilentFor(q.Period, now)
		view.Silent = append(view.Silent, silentLine{s.named(p.CPO, q.Period), s.named(p.EMSP, q.Period), p.Before, p.Count, formatted(p.Last, "2006-01-02"), days})
	}
	return nil
}
