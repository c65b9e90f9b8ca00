package page

import (
	"fmt"
	"strings"

	"github.com/shopspring/decimal"
)

// waterfall is the picture of how what is claimed becomes what is issued: a bar for each
// step, from where the one before ended.
type waterfall struct {
	Currency, ID, Desc string
	Bars               []fallBar
	Zero               string // where nothing is, along the bars
	Height             int
}

type fallBar struct {
	Name, Class, X, Width string
	Amount                figure
	Text, Y               int
}

const (
	fallLeft  = 4
	fallRight = 716
	fallPitch = 54
	fallBarAt = 26
)

// newWaterfall draws a road. Steps that are nothing are left out.
func newWaterfall(r *road) waterfall {
	w := waterfall{Currency: r.Currency, ID: strings.ToLower(r.Currency)}
	type step struct {
		name, class string
		from, to    decimal.Decimal
		amount      decimal.Decimal
	}
	at := r.Claimed
	steps := []step{{"Claimed", "claimed", decimal.Zero, at, at}}
	for _, s := range []struct {
		name, class string
		less        decimal.Decimal
	}{
		{"Settled elsewhere", "apart", r.Before}, {"Adjusted", "adjusted", r.Adjusted}, {"Zeroed", "rejected", r.Zeroed},
		{"Rejected", "rejected", r.Rejected}, {"Held", "held", r.Held}, {"Issued before", "apart", r.Issued},
	} {
		if s.less.IsZero() {
			continue
		}
		steps = append(steps, step{s.name, s.class, at, at.Sub(s.less), s.less.Neg()})
		at = at.Sub(s.less)
	}
	if !r.Done.IsZero() {
		steps = append(steps, step{"Issued", "issued", decimal.Zero, r.Done, r.Done})
	}
	if r.Done.IsZero() || !r.Now.IsZero() {
		steps = append(steps, step{"Would be issued", "draft", r.Done, r.Done.Add(r.Now), r.Now})
	}
	low, high := decimal.Zero, decimal.Zero
	for _, s := range steps {
		low, high = decimal.Min(low, s.from, s.to), decimal.Max(high, s.from, s.to)
	}
	span := high.Sub(low)
	if span.IsZero() {
		span = decimal.NewFromInt(1)
	}
	x := func(d decimal.Decimal) int64 {
		return fallLeft*10 + d.Sub(low).Mul(decimal.NewFromInt((fallRight-fallLeft)*10)).DivRound(span, 0).IntPart()
	}
	words := []string{}
	for i, s := range steps {
		from, to := x(decimal.Min(s.from, s.to)), x(decimal.Max(s.from, s.to))
		b := fallBar{Name: s.name, Class: s.class, X: tenths(from), Width: tenths(max(to-from, 10)), Amount: newFigure(s.amount, 2), Text: i*fallPitch + 20, Y: i*fallPitch + fallBarAt}
		w.Bars = append(w.Bars, b)
		words = append(words, fmt.Sprintf("%s %s.", s.name, b.Amount.Text))
	}
	w.Zero, w.Height, w.Desc = tenths(x(decimal.Zero)), len(steps)*fallPitch+4, strings.Join(words, " ")
	return w
}
