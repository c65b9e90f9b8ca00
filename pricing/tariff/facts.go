package tariff

import (
	"slices"

	"github.com/roamclear/roamclear/ocpi"
)

// facts are what of our own price tells which other readings could give another
// one at all. What cannot is not tried: a price costs more than a question.
type facts struct {
	raised                  uint64 // notices of the price
	hits                    [4]bool
	limits                  bool // a used tariff has min_price or max_price:
	minPrice, maxPrice      limit
	energyBounds            bool // a used tariff is restricted by energy
	elapsedBounds           bool // or by duration
	currentBounds           bool // or by current or power
	energyByClock           bool // or its energy by time
	choices                 bool // some dimension has several elements to choose from
	several                 bool // several tariffs could price the CDR
	named                   bool // some period names its tariff
	flats, reservationFlats int  // charged
	uneven                  bool // some quantity is no multiple of a step_size that may round it
	surplus                 bool // step_size added to some
	bothTimed               bool // charging and parking are both priced
	unpriced                bool // some volume has no price
	rounded                 bool // the printed hours are not the seconds that were billed
	zeroEnergy              bool // some period lists an energy of 0 kWh
	parked                  bool
	parkedTicks             int128
	longer                  bool // the time volumes are twice the charge's length, or more
	imports, importsBeside  bool // ENERGY_IMPORT is listed; besides ENERGY
	crossClock, crossEnergy bool // a bound of the tariff lies inside some period
	chargingElsewhere       bool // charging does not begin where the session does
	parkingElsewhere        bool // nor does parking
	first, last             ocpi.Time
	lines                   int

	// What a whole step_size of every line costs, and the time between the printed
	// hours and those billed, over reconciler.den, before and after tax: no rule moves
	// the total farther, but for rounding every period.
	stepCost, driftCost [2]int128
	timePrices          [2][2]int128 // of a tick of TIME in any tariff: the least, or 0, and the greatest; before and after tax
	timeSteps           [2]int128    // what a step_size of each costs
	drift               int128       // ticks between the printed hours and those billed
	periods             int
}

// during reports whether all periods begin in a span of Unix seconds.
func (f *facts) during(from, until int64) bool {
	return from <= floorDiv(int64(f.first), ocpi.Second) && floorDiv(int64(f.last), ocpi.Second) < until
}

// costLine is what one price component of our price was charged for.
type costLine struct {
	component  *component
	tax        taxMode
	bucket     int
	billed     int128    // 10^-12 kWh, ticks, or times
	excl, incl int128    // over reconciler.den
	measured   [2]int128 // the same without what step_size added, before and after tax
	perMinor   int128    // a unit of quantity at a price of one minor unit, over reconciler.den × 10^minor
}

// timed reports whether a line charges for time.
func (l *costLine) timed() bool {
	return l.component.kind == ocpi.ComponentTime || l.component.kind == ocpi.ComponentParkingTime
}

func (l *costLine) energy() bool { return l.component.kind == ocpi.ComponentEnergy }

// startFee reports whether a line is a FLAT outside reservations.
func (l *costLine) startFee() bool {
	return l.component.kind == ocpi.ComponentFlat && l.component.reservation == ocpi.ReservationNone
}

// remember keeps what the engine knows of our price before it computes others.
func (r *reconciler) remember() {
	e, f := r.engine, &r.facts
	r.den, r.perPico, r.scale, r.roundScale = e.den, e.denominator(12), e.scale, e.roundScale
	f.raised, f.hits, f.lines = e.raised, e.final.hits, e.lines
	r.before = [2]int128{e.total.excl, e.total.incl}
	f.bothTimed = e.charging.tariff != noTariff && e.parking.tariff != noTariff
	offered := len(r.in.Tariffs) // to a CDR that embeds none
	if n := len(e.cdr.Tariffs); n > 0 {
		offered = n
	}
	f.several = offered > 1
	for i := range e.tariffs {
		f.ofTariff(&e.tariffs[i])
		f.several = f.several || e.tariffs[i].source.Embedded != (len(e.cdr.Tariffs) > 0)
	}
	r.rememberLines()
	r.rememberPeriods()
	r.rememberSteps()
}

func (f *facts) ofTariff(t *used) {
	f.limits = f.limits || !t.unlimited
	f.minPrice, f.maxPrice = t.minPrice, t.maxPrice // the same of all, see checkTogether
	f.energyBounds = f.energyBounds || len(t.bounds.energies) > 0
	f.elapsedBounds = f.elapsedBounds || len(t.bounds.elapsed) > 0
	f.currentBounds = f.currentBounds || t.usesCurrent
	for _, lists := range [...]*[ocpi.ComponentParkingTime + 1][]candidate{&t.session, &t.reserved, &t.expired} {
		for _, list := range lists {
			f.choices = f.choices || len(list) > 1
		}
	}
	var x arith
	for i := range t.session[ocpi.ComponentTime] {
		c := &t.components[t.session[ocpi.ComponentTime][i].component]
		for side, price := range [...]int128{x.mul(c.excl, t.factor), x.mul(c.incl, t.factor)} {
			if p := &f.timePrices[side]; price.less(p[0]) {
				p[0] = price
			} else if p[1].less(price) {
				p[1] = price
			}
			f.timeSteps[side] = x.add(f.timeSteps[side], x.mul(magnitude(price), c.step))
		}
	}
	if x.overflow {
		f.currentBounds = true // as much is not known
	}
	for i := range t.session[ocpi.ComponentEnergy] {
		f.energyByClock = f.energyByClock || t.session[ocpi.ComponentEnergy][i].has&(hasWallClock|hasElapsed) != 0
	}
}

// rememberLines keeps the lines of our price.
func (r *reconciler) rememberLines() {
	e, f := r.engine, &r.facts
	for i := range e.tariffs {
		t := &e.tariffs[i]
		for j := range t.components {
			y, c := &e.tallies[int(t.first)+j], &t.components[j]
			if !y.used {
				continue
			}
			switch {
			case c.kind != ocpi.ComponentFlat:
			case c.reservation == ocpi.ReservationNone:
				f.flats++
			default:
				f.reservationFlats++
			}
			f.surplus = f.surplus || !y.surplus.isZero()
			r.lines = append(r.lines, costLine{component: c, tax: t.tax, bucket: e.bucketIndex(c),
				billed: e.add(y.quantity, y.surplus), excl: y.excl, incl: y.incl,
				perMinor: e.perMinor(c.kind),
				measured: [2]int128{e.mul(e.mul(y.quantity, c.excl), t.factor), e.mul(e.mul(y.quantity, c.incl), t.factor)}})
		}
	}
}

// perMinor returns what a unit of a kind's quantity costs at a price of 1, over Engine.den,
// as compilePrice does.
func (e *Engine) perMinor(kind ocpi.Component) int128 {
	one := e.mul(pow10[e.decimals], e.grossDivisor)
	switch kind {
	case ocpi.ComponentEnergy:
		return e.mul(one, int128Of(36))
	case ocpi.ComponentFlat:
		return e.mul(one, pow10x36[12])
	}
	return one
}

// rememberPeriods looks once at every period.
func (r *reconciler) rememberPeriods() {
	e, f := r.engine, &r.facts
	s := state{}
	var energy, charging, parking int128
	chargingAt, parkingAt := e.sessionStart, e.sessionStart
	for i := len(e.periods) - 1; i >= 0; i-- { // the first of each kind stays
		if p := &e.periods[i]; p.has&(volumeTime|volumeEnergy) != 0 {
			chargingAt = p.start
		}
		if p := &e.periods[i]; p.has&volumeParking != 0 {
			parkingAt = p.start
		}
	}
	f.chargingElsewhere, f.parkingElsewhere = chargingAt != e.sessionStart, parkingAt != e.sessionStart
	f.first, f.last = e.periods[0].start, e.periods[len(e.periods)-1].start
	for i := range e.periods {
		p := &e.periods[i]
		f.named = f.named || e.cdr.Periods[i].TariffID != ""
		f.parked = f.parked || p.parking != 0
		f.zeroEnergy = f.zeroEnergy || p.has&volumeEnergy != 0 && p.energy.isZero()
		f.ofVolumes(e.cdr.Periods[i].Dimensions)
		f.drift = e.add(f.drift, driftOf(p, e.cdr.Periods[i].Dimensions))
		if p.tariff != noTariff {
			t := &e.tariffs[p.tariff]
			e.stateAt(&s, p, t)
			f.ofBounds(e, p, t, &s)
		}
		energy, charging, parking = e.add(energy, p.energy), e.add(charging, int128Of(p.time)), e.add(parking, int128Of(p.parking))
		s.kwh = e.add(s.kwh, p.energy)
	}
	f.parkedTicks = parking
	f.longer = e.cdr.End <= e.cdr.Start || int128Of(int64(e.cdr.End-e.cdr.Start)*ticksPerNanosecond).less(halfOf(e.add(charging, parking)))
	f.rounded = !f.drift.isZero()
	f.unpriced = energy != e.energy.total || charging != e.charging.total || parking != e.parking.total
}

func halfOf(n int128) int128 {
	n, _ = n.div(int128Of(2))
	return n
}

func (f *facts) ofVolumes(list []ocpi.Volume) {
	energy, imported := false, false
	for i := range list {
		energy = energy || list[i].Dimension == ocpi.DimEnergy
		imported = imported || list[i].Dimension == ocpi.DimEnergyImport
	}
	f.imports = f.imports || imported
	f.importsBeside = f.importsBeside || imported && energy
}

// ofBounds notes whether a bound of its tariff lies inside a period.
func (f *facts) ofBounds(e *Engine, p *period, t *used, s *state) {
	if !t.usesBounds || !p.end.IsSet() || p.end <= p.start {
		return
	}
	still := *p
	still.energy = int128{}
	f.crossClock = f.crossClock || e.crosses(&still, t, s)
	if p.has&volumeReservation != 0 && !f.crossClock {
		rs := e.reserved(s)
		f.crossClock = e.crosses(&still, t, &rs)
	}
	if p.energy.sign() > 0 && !f.crossEnergy {
		next := first(t.bounds.energiesAfter(s.kwh))
		f.crossEnergy = len(next) > 0 && next[0].less(e.add(s.kwh, p.energy))
	}
}

// driftOf returns the ticks between the hours of a period as printed and as billed.
func driftOf(p *period, list []ocpi.Volume) (drift int128) {
	var x arith
	var printed [3]int64
	for i := range list {
		at := slices.Index(timedDimensions[:], list[i].Dimension)
		if at < 0 {
			continue
		}
		ticks, _ := ticksOf(list[i].Volume) // in bounds: it was priced
		printed[at] += ticks
	}
	for i, billed := range [...]int64{p.time, p.parking, p.reserved} {
		d := x.sub(int128Of(billed), int128Of(printed[i]))
		if d.sign() < 0 {
			d = d.neg()
		}
		drift = x.add(drift, d)
	}
	return drift
}

var timedDimensions = [...]ocpi.Dimension{ocpi.DimTime, ocpi.DimParkingTime, ocpi.DimReservationTime}

// maxStepLooks bounds how many quantities are held against steps.
const maxStepLooks = 10_000

// rememberSteps finds whether any rounding to a step_size could move a quantity,
// and how far all of them could move the total.
func (r *reconciler) rememberSteps() {
	e, f := r.engine, &r.facts
	var steps [2][]int128 // of energy, of time
	var x arith
	for i := range r.lines {
		l := &r.lines[i]
		at := 0
		if l.timed() {
			at = 1
		}
		if step := l.component.step; !step.isZero() && !slices.Contains(steps[at], step) {
			steps[at] = append(steps[at], step)
		}
		for side, price := range [...]int128{l.component.excl, l.component.incl} {
			f.stepCost[side] = x.add(f.stepCost[side], x.mul(magnitude(price), l.component.step))
			if l.timed() {
				f.driftCost[side] = x.add(f.driftCost[side], x.mul(magnitude(price), f.drift))
			}
		}
	}
	factor := int128Of(1)
	for i := range e.tariffs {
		if factor.less(e.tariffs[i].factor) {
			factor = e.tariffs[i].factor
		}
	}
	for side := range f.stepCost {
		f.stepCost[side], f.driftCost[side] = x.mul(f.stepCost[side], factor), x.mul(f.driftCost[side], factor)
	}
	if x.overflow {
		f.stepCost = [2]int128{farthest, farthest} // any sum with it does not fit either
	}
	f.periods = len(e.periods)
	f.uneven = len(e.periods)*(len(steps[0])+len(steps[1])) > maxStepLooks
	for i := 0; i < len(e.periods) && !f.uneven; i++ {
		p := &e.periods[i]
		f.uneven = !multiple(p.energy, steps[0]) || !multiple(int128Of(p.time), steps[1]) ||
			!multiple(int128Of(p.parking), steps[1]) || !multiple(int128Of(p.reserved), steps[1])
	}
}

// farthest is beyond every amount.
var farthest = int128{1<<63 - 1, 1<<64 - 1}

func magnitude(n int128) int128 {
	if n.sign() < 0 {
		return n.neg()
	}
	return n
}

// multiple reports whether a quantity is a multiple of every step.
func multiple(q int128, steps []int128) bool {
	for _, step := range steps {
		if _, rest := q.div(step); !rest.isZero() {
			return false
		}
	}
	return true
}
