package tariff

import (
	"fmt"

	"github.com/roamclear/roamclear/ocpi"
)

// maxAuditSteps bounds how long one audit looks for prices that change inside a
// period: a step is one bound of the tariff or one restriction looked at. Every
// CDR of ordinary size stays far below. Counted, never timed, so that the same
// CDR gets the same findings everywhere.
const maxAuditSteps = 50_000

// splits reports every period inside which a price changes, with the instant.
func (a *audit) splits() {
	e := a.engine
	e.steps = 0
	s := state{}
	for i := range e.periods {
		p := &e.periods[i]
		if p.tariff != noTariff {
			t := &e.tariffs[p.tariff]
			e.stateAt(&s, p, t)
			kind, at := e.changeInside(i, p, t, &s)
			switch {
			case kind != ocpi.ComponentUnknown:
				f := noticeTexts[noticePeriodNotSplit]
				f.Path = periodPath(i)
				f.Detail = fmt.Sprintf("the %s price changes %s; the price at the period's start was applied to all of it", kind, at)
				a.add(f)
			case e.steps > maxAuditSteps:
				a.cutShort(i)
				return
			}
		}
		s.kwh = e.add(s.kwh, p.energy)
	}
}

// cutShort says from which period on nobody looked. What the price itself came
// upon is said all the same.
func (a *audit) cutShort(period int) {
	a.find("audit_cut_short", ocpi.Warning, periodPath(period),
		"the audit ended after %d steps: from this period on it was not searched for prices that change inside one", maxAuditSteps)
	if a.counts[noticeTexts[noticePeriodNotSplit].Code] > 0 {
		return
	}
	for _, f := range a.price.Findings {
		if f.Code == noticeTexts[noticePeriodNotSplit].Code {
			a.add(f)
		}
	}
}

// changeInside returns the first price that changes strictly inside a period,
// and when, looking at every bound inside it while steps are left.
func (e *Engine) changeInside(i int, p *period, t *used, s *state) (kind ocpi.Component, at string) {
	e.steps++
	if !t.usesBounds || !p.end.IsSet() || p.end <= p.start {
		return ocpi.ComponentUnknown, ""
	}
	if !p.reservationOnly() {
		search := splitSearch{Engine: e, i: i, p: p, t: t}
		if kind, at = search.run(s); kind != ocpi.ComponentUnknown {
			return kind, at
		}
	}
	if p.has&volumeReservation != 0 {
		rs := e.reserved(s)
		search := splitSearch{Engine: e, i: i, p: p, t: t, reserved: true}
		return search.run(&rs)
	}
	return ocpi.ComponentUnknown, ""
}

// splitSearch looks for a price that changes inside one period.
type splitSearch struct {
	*Engine
	i        int
	p        *period
	t        *used
	reserved bool
	start    pricedBy // at the period's start
	asked    bool     // start is set
}

func (x *splitSearch) run(s *state) (ocpi.Component, string) {
	for _, bound := range x.t.bounds.elapsedAfter(s.elapsed) {
		if bound-s.elapsed >= int64(x.p.end-x.p.start) {
			break
		}
		inside := *s
		inside.elapsed = bound
		if kind := x.changes(s, &inside); kind != ocpi.ComponentUnknown {
			return kind, "at " + (x.p.start + ocpi.Time(bound-s.elapsed)).String()
		}
		if x.steps > maxAuditSteps {
			return ocpi.ComponentUnknown, ""
		}
	}
	if x.p.energy.sign() > 0 {
		end := x.add(s.kwh, x.p.energy)
		for _, bound := range x.t.bounds.energiesAfter(s.kwh) {
			if !bound.less(end) {
				break
			}
			inside := *s
			inside.kwh = bound
			if kind := x.changes(s, &inside); kind != ocpi.ComponentUnknown {
				return kind, "at " + number12(bound).String() + " kWh"
			}
			if x.steps > maxAuditSteps {
				return ocpi.ComponentUnknown, ""
			}
		}
	}
	if x.t.usesWallClock {
		return x.wall(s)
	}
	return ocpi.ComponentUnknown, ""
}

// wall tries the local bounds of the first nine days of the period, which have
// every weekday in them.
func (x *splitSearch) wall(s *state) (ocpi.Component, string) {
	bounds := x.t.bounds.secondsAfter(s.wall.second)
	for day := range int64(9) {
		for _, bound := range bounds {
			instant := x.p.start + ocpi.Time((int64(bound)-int64(s.wall.second)+day*secondsPerDay)*ocpi.Second)
			if instant >= x.p.end || x.steps > maxAuditSteps {
				return ocpi.ComponentUnknown, ""
			}
			inside := *s
			inside.elapsed += int64(instant - x.p.start)
			inside.wall = x.clock.at(instant)
			if kind := x.changes(s, &inside); kind != ocpi.ComponentUnknown {
				return kind, "at " + instant.String()
			}
		}
		bounds = x.t.bounds.seconds
	}
	return ocpi.ComponentUnknown, ""
}

// changes returns what is priced differently inside the period than at its start.
func (x *splitSearch) changes(s, inside *state) ocpi.Component {
	x.steps++
	if !x.asked {
		x.start, x.asked = x.pricedAt(x.i, x.p, x.t, s, x.reserved), true
	}
	return x.changed(&x.start, x.i, x.p, x.t, inside, x.reserved)
}
