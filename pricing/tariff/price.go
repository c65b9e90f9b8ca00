package tariff

import "github.com/roamclear/roamclear/ocpi"

// Engine prices CDRs. It holds only scratch space that the next price reuses:
// one per goroutine. The zero value is ready.
type Engine struct {
	arith
	notices
	clock wallClock

	in      *Input
	cdr     *ocpi.CDR
	profile *Profile

	periods []period
	tariffs []used
	tallies []tally // one per component of every used tariff
	rates   []rateSum
	buckets [bucketCount]amount
	lines   int

	prices     int  // how many it has computed
	exhaustive bool // tests only: a reconciliation tries every reading
	steps      int  // what the price, or the audit, has looked at so far
	splitSteps int  // of checkSplit

	energy, charging, parking, reservation dimension

	sessionStart           ocpi.Time
	reservationStart       ocpi.Time
	onlyReservation        bool
	reservationExpired     bool
	flatCharged            bool
	reservationFlatCharged bool

	decimals     int
	grossDivisor int128
	den          int128 // of every amount: 36 × 10^(12+decimals) × grossDivisor
	unit         int128 // den / 10^roundScale
	scale        uint8  // decimals of every amount
	roundScale   uint8  // decimals that are rounded to, at most scale
	minorUnit    uint8
	final        final
	total        amount // before limits

	explain explainer
}

// NewEngine returns an engine.
func NewEngine() *Engine { return &Engine{} }

// Price computes what the CDR costs by its tariffs. It never fails: where
// there is no price, out says why. With prepared tariffs it does not allocate
// in the steady state. in is only read; out must not be shared.
func (e *Engine) Price(in *Input, out *Result) {
	out.reset()
	e.reset(in)
	e.prices++
	if why := e.price(out); why != nil {
		e.refuse(out, why)
	}
}

// refuse makes the result say why there is no price.
func (e *Engine) refuse(out *Result, why *Unpriceable) {
	needed := out.NeededZone
	out.reset()
	out.NeededZone = needed
	out.Reason, out.Detail = why.Code, why.Detail
	out.Findings = e.appendTo(out.Findings)
}

func profileOf(in *Input) *Profile {
	if in.Profile == nil {
		return Default
	}
	return in.Profile
}

func (e *Engine) reset(in *Input) {
	e.in, e.cdr, e.profile = in, in.CDR, profileOf(in)
	e.overflow, e.raised, e.named = false, 0, e.named[:0]
	e.clock.reset(in.Zone)
	e.tariffs, e.tallies, e.rates = e.tariffs[:0], e.tallies[:0], e.rates[:0]
	e.buckets = [bucketCount]amount{}
	e.lines, e.steps, e.splitSteps = 0, 0, 0
	e.energy = dimension{kind: ocpi.ComponentEnergy, tariff: noTariff}
	e.charging = dimension{kind: ocpi.ComponentTime, tariff: noTariff}
	e.parking = dimension{kind: ocpi.ComponentParkingTime, tariff: noTariff}
	e.reservation = dimension{kind: ocpi.ComponentTime, tariff: noTariff}
	e.flatCharged, e.reservationFlatCharged = false, false
}

// price runs the rules in their order.
func (e *Engine) price(out *Result) *Unpriceable {
	if e.cdr == nil {
		return &Unpriceable{ReasonNoPeriods, reasonNoCDRDetail}
	}
	if len(e.cdr.Unread) > 0 {
		return unreadable(e.cdr.Unread)
	}
	if why := e.layOut(); why != nil {
		return why
	}
	if why := e.chooseTariffs(); why != nil {
		return why
	}
	if why := e.checkTogether(); why != nil {
		return why
	}
	if e.cdr.Version == ocpi.V211 {
		e.forgetCurrents()
	}
	for i := range e.tariffs {
		out.NeededZone = out.NeededZone || e.tariffs[i].usesWallClock
		out.Used = append(out.Used, e.tariffs[i].source)
	}
	if out.NeededZone && e.clock.zone == nil {
		return &Unpriceable{ReasonNoTimeZone, reasonNoTimeZoneDetail}
	}
	e.inferExpiry()
	if e.profile.Split != SplitNever {
		if why := e.splitPeriods(); why != nil {
			return why
		}
	}
	if why := e.chargePeriods(); why != nil {
		return why
	}
	e.applySteps()
	e.unify()
	e.setRounding()
	if e.overflow {
		return &Unpriceable{ReasonOverflow, reasonOverflowDetail}
	}
	if why := e.amounts(); why != nil {
		return why
	}
	e.total = e.sum()
	e.final = e.applyLimits(&e.total)
	e.fill(out, &e.total, &e.final)
	if e.cdr.Credit {
		e.raise(noticeCredit, -1)
		out.negate()
	}
	if out.Total.Excl.IsSet() != out.Total.Incl.IsSet() {
		e.takeStated(out)
	}
	out.Claim = e.claimOf(e.cdr.TotalCost, out.Known())
	if e.overflow {
		return &Unpriceable{ReasonOverflow, reasonOverflowDetail}
	}
	out.OK = true
	out.Findings = e.appendTo(out.Findings)
	return nil
}

// growTallies makes room for n cleared tallies in all.
func (e *Engine) growTallies(n int) {
	from := len(e.tallies)
	if cap(e.tallies) < n {
		grown := make([]tally, n, 2*n)
		copy(grown, e.tallies)
		e.tallies = grown
		return
	}
	e.tallies = e.tallies[:n]
	clear(e.tallies[from:])
}
