package world

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/shopspring/decimal"
)

// mistake is one way in which partners come to another total, though what they
// measured is right. The code is that of the reading by which a clearing house
// explains it.
type mistake struct {
	code string
	can  func(c *charge) bool // whether the charge can be billed so
	make func(c *charge, body *cdrBody)
	// rare: it changes so few charges that it is tried before others.
	rare bool
}

// mistakes that a partner of this world makes.
var mistakes = []mistake{
	{"vat_forgotten", taxed, billed(billing{tax: taxLeftOut}), false},
	{"vat_twice", taxedWithoutLimit, billed(billing{tax: taxTwice}), false},
	{"prices_taken_as_gross", taxedWithoutLimit, billed(billing{tax: taxIncluded}), false},
	{"STEP_NONE", always, billed(billing{exact: true}), false},
	{"step_per_period", always, billed(billing{eachPeriod: true}), false},
	// In Britain an hour behind is standard time too, and nobody can tell which was meant.
	{"zone_utc", func(c *charge) bool { return c.cpo.country != "GBR" }, billed(billing{zone: time.UTC}), true},
	{"max_price_forgotten", always, billed(billing{noMax: true}), true},
	{"min_price_forgotten", always, billed(billing{noMin: true}), true},
	{"start_fee_twice", always, billed(billing{flats: 1}), false},
	{"start_fee_missing", always, billed(billing{flats: -1}), false},
	{"parking_not_charged", withoutLimit, billed(billing{noParking: true}), false},
	{"tariff_of_another_version", func(c *charge) bool { return c.tariff.before(c.cpo) != nil }, billedByTheVersionBefore, false},
	{"energy_in_wh", belowItsLimit, wattHoursSent, false},
}

func always(*charge) bool { return true }

func taxed(c *charge) bool { return c.cpo.taxed }

func withoutLimit(c *charge) bool { return c.tariff.min == limit{} && c.tariff.max == limit{} }

func taxedWithoutLimit(c *charge) bool { return taxed(c) && withoutLimit(c) }

// belowItsLimit lets energies be 1,000 times too large: a limit of the tariff keeps
// the price of them within reason, and the right total is another.
func belowItsLimit(c *charge) bool { return c.tariff.max != limit{} && !c.limited() }

// billed states the totals of a charge that is billed so.
func billed(b billing) func(*charge, *cdrBody) {
	return func(c *charge, body *cdrBody) {
		q := c.tariff.bill(c.cpo, c.periods, &b)
		body.claim(c.cpo, &q)
	}
}

func billedByTheVersionBefore(c *charge, body *cdrBody) {
	q := c.tariff.before(c.cpo).price(c.cpo, c.periods)
	body.claim(c.cpo, &q)
}

// wattHoursSent has the charging periods tell the energy in Wh; the totals are right.
func wattHoursSent(c *charge, body *cdrBody) {
	if c.quote.energy == nil {
		return
	}
	body.Periods = slices.Clone(body.Periods)
	for i := range body.Periods {
		p := &body.Periods[i]
		p.Dimensions = slices.Clone(p.Dimensions)
		for j := range p.Dimensions {
			if d := &p.Dimensions[j]; d.Type == "ENERGY" {
				d.Volume = json.Number(must(string(d.Volume)).Shift(3).String())
			}
		}
	}
}

// limited reports whether a limit of the tariff decides what the charge costs.
func (c *charge) limited() bool {
	free := c.tariff.bill(c.cpo, c.periods, &billing{noMin: true, noMax: true})
	return !free.total.excl.Equal(c.quote.total.excl)
}

// misbilled is the CDR of a charge that was billed by a mistake, the right one
// where none makes a difference.
func (c *charge) misbilled(right cdrBody, class Class) Item {
	order := c.random.Perm(len(mistakes))
	slices.SortStableFunc(order, func(a, b int) int {
		switch {
		case mistakes[a].rare == mistakes[b].rare:
			return 0
		case mistakes[a].rare:
			return -1
		}
		return 1
	})
	for _, n := range order {
		m := &mistakes[n]
		if !m.can(c) {
			continue
		}
		wrong := right
		m.make(c, &wrong)
		if !noticed(&wrong, &right) {
			continue
		}
		i := c.item(wrong, Mistaken)
		i.Mistake = m.code
		return i
	}
	return c.item(right, class)
}

// noticed reports whether a total or a quantity is wrong by more than rounding.
func noticed(wrong, right *cdrBody) bool {
	apart := func(a, b json.Number) bool {
		return a != b && must(string(a)).Sub(must(string(b))).Abs().GreaterThanOrEqual(decimal.New(5, -2))
	}
	if apart(wrong.TotalCost.Excl, right.TotalCost.Excl) || apart(wrong.TotalCost.Incl, right.TotalCost.Incl) {
		return true
	}
	for i := range wrong.Periods {
		for j, d := range wrong.Periods[i].Dimensions {
			if d.Volume != right.Periods[i].Dimensions[j].Volume {
				return true
			}
		}
	}
	return false
}
