package tariff

import (
	"cmp"
	"slices"

	"github.com/roamclear/roamclear/ocpi"
)

// A partner that sends one period where it should have opened several (P-02) may
// have billed several all the same. This file opens them, for a reading: no
// price of record is computed with it, for what was measured by when is not known.

// maxResplits bounds how many periods one price may open.
const maxResplits = 1_000

// cut is a place inside a period: what has passed of it, and what it had measured
// by then.
type cut struct {
	at     int64  // nanoseconds
	energy int128 // 10^-12 kWh
}

// splitPeriods opens a new period wherever a restriction of a period's tariff
// begins or ceases to hold, as far as the profile's rule goes.
func (e *Engine) splitPeriods() *Unpriceable {
	whole := slices.Clone(e.periods)
	e.periods = e.periods[:0]
	kwh := int128{}
	for i := range whole {
		p := &whole[i]
		cuts := e.cutsOf(p, kwh)
		if len(e.periods)+len(cuts)-i > maxResplits {
			return unpriceable(ReasonTooMuchWork, "the charging periods pass more than %d bounds of their tariffs", maxResplits)
		}
		e.openPeriods(p, cuts)
		kwh = e.add(kwh, p.energy)
	}
	e.steps += len(e.periods)
	return nil
}

// cutsOf returns where a period is split, in order. kwh is what was charged before.
func (e *Engine) cutsOf(p *period, kwh int128) (cuts []cut) {
	if p.tariff == noTariff || !p.end.IsSet() || p.end <= p.start {
		return nil
	}
	t := &e.tariffs[p.tariff]
	if e.profile.Split != SplitEnergy {
		for _, at := range e.clockCuts(p, t) {
			cuts = append(cuts, cut{at, e.share(p.energy, at, p)})
		}
	}
	if (e.profile.Split == SplitEnergy || e.profile.Split == SplitAll) && p.energy.sign() > 0 {
		for _, bound := range t.bounds.energiesAfter(kwh) {
			energy := e.sub(bound, kwh)
			if !energy.less(p.energy) {
				break
			}
			at, _ := e.mul(int128Of(int64(p.end-p.start)), energy).div(p.energy)
			cuts = append(cuts, cut{int64(at.lo), energy}) // less than the period's length
		}
	}
	slices.SortFunc(cuts, func(a, b cut) int { return cmp.Or(cmp.Compare(a.at, b.at), a.energy.cmp(b.energy)) })
	return slices.Compact(cuts)
}

// clockCuts returns the nanoseconds after a period's start at which time reaches
// a bound of its tariff.
func (e *Engine) clockCuts(p *period, t *used) (cuts []int64) {
	length := int64(p.end - p.start)
	starts := []ocpi.Time{e.sessionStart}
	if p.has&volumeReservation != 0 {
		starts = append(starts, e.reservationStart)
	}
	for _, from := range starts {
		for _, bound := range t.bounds.elapsedAfter(int64(p.start - from)) {
			at := bound - int64(p.start-from)
			if at >= length || len(cuts) > maxResplits {
				break
			}
			cuts = append(cuts, at)
		}
	}
	instants, err := t.WallClockBounds(e.clock.zone, p.start, p.end, maxResplits)
	if err != nil {
		return append(cuts, make([]int64, maxResplits+1)...) // too many: the caller says so
	}
	for _, instant := range instants {
		cuts = append(cuts, int64(instant-p.start))
	}
	return cuts
}

// share returns the part of a volume that falls to the first nanoseconds of its
// period.
func (e *Engine) share(volume int128, at int64, p *period) int128 {
	part, _ := e.mul(volume, int128Of(at)).div(int128Of(int64(p.end - p.start)))
	return part
}

// openPeriods appends a period in its parts.
func (e *Engine) openPeriods(p *period, cuts []cut) {
	ticks := func(volume int64, at int64) int64 {
		n, _ := e.share(int128Of(volume), at, p).int64() // at most the volume
		return n
	}
	all := *p
	from := cut{}
	for i, to := range append(cuts, cut{int64(p.end - p.start), p.energy}) {
		part := all
		part.start, part.end = p.start+ocpi.Time(from.at), p.start+ocpi.Time(to.at)
		if len(cuts) > 0 {
			part.time = ticks(p.time, to.at) - ticks(p.time, from.at)
			part.parking = ticks(p.parking, to.at) - ticks(p.parking, from.at)
			part.reserved = ticks(p.reserved, to.at) - ticks(p.reserved, from.at)
			part.energy = e.sub(to.energy, from.energy)
			if e.profile.Split == SplitTimes {
				part.energy = int128{}
				if i == 0 {
					part.energy = p.energy
				}
			}
		}
		e.periods = append(e.periods, part)
		from = to
	}
}
