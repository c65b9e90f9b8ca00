package tariff

import (
	"math/big"
	"slices"
	"sort"

	"github.com/roamclear/roamclear/ocpi"
)

// The second reading's quantities: P-03 state, P-07 FLAT, P-08 reservations,
// P-06 steps.

type readUse struct {
	line   *readLine
	period int
	volume rat
}

func (r *reader) charge() {
	start := r.cdr.Start
	if r.periods[0].onlyReservation() {
		for _, p := range r.periods {
			if !p.onlyReservation() {
				start = p.start
				break
			}
		}
	}
	kwh := ratInt(0)
	var energy, charging, parking, reservation []readUse
	allEnergy, allTime, allParking := ratInt(0), ratInt(0), ratInt(0)
	flats := 0
	reservationFlats := 0
	for i, p := range r.periods {
		allEnergy, allTime, allParking = ratAdd(allEnergy, p.energy), ratAdd(allTime, p.time), ratAdd(allParking, p.parking)
		if p.tariff != nil {
			elapsed := int64(p.start - start)
			if !p.onlyReservation() {
				if l := r.lookup(ocpi.ComponentFlat, ocpi.ReservationNone, p, elapsed, kwh); l != nil && l.quantity == nil {
					if flats == 0 || r.profile.Flat != FlatFirstOnly {
						l.quantity = ratInt(1)
						flats++
					}
				}
				for _, d := range []struct {
					dim    ocpi.Dimension
					kind   ocpi.Component
					volume rat
					uses   *[]readUse
				}{
					{ocpi.DimEnergy, ocpi.ComponentEnergy, p.energy, &energy},
					{ocpi.DimTime, ocpi.ComponentTime, p.time, &charging},
					{ocpi.DimParkingTime, ocpi.ComponentParkingTime, p.parking, &parking},
				} {
					if p.has[d.dim] {
						if l := r.lookup(d.kind, ocpi.ReservationNone, p, elapsed, kwh); l != nil {
							*d.uses = append(*d.uses, readUse{l, i, d.volume})
						}
					}
				}
			}
			if p.has[ocpi.DimReservationTime] {
				since := int64(p.start - r.cdr.Start)
				find := func(kind ocpi.Component) *readLine {
					if r.expired {
						if l := r.lookup(kind, ocpi.ReservationExpires, p, since, kwh); l != nil {
							return l
						}
					}
					return r.lookup(kind, ocpi.Reservation, p, since, kwh)
				}
				if l := find(ocpi.ComponentFlat); l != nil && l.quantity == nil && (reservationFlats == 0 || r.profile.Flat != FlatFirstOnly) {
					l.quantity = ratInt(1)
					reservationFlats++
				}
				if l := find(ocpi.ComponentTime); l != nil {
					reservation = append(reservation, readUse{l, i, p.resvd})
				}
			}
		}
		kwh = ratAdd(kwh, p.energy)
	}
	for _, uses := range [][]readUse{energy, charging, parking, reservation} {
		for _, u := range uses {
			if u.line.quantity == nil {
				u.line.quantity = ratInt(0)
			}
			u.line.quantity = ratAdd(u.line.quantity, u.volume)
		}
	}
	r.steps(energy, charging, parking, reservation, allEnergy, allTime, allParking)
}

// P-06.
func (r *reader) steps(energy, charging, parking, reservation []readUse, allEnergy, allTime, allParking rat) {
	relevant := func(uses []readUse) []readUse {
		return slices.DeleteFunc(slices.Clone(uses), func(u readUse) bool { return u.volume.Sign() == 0 })
	}
	total := func(uses []readUse) rat {
		sum := ratInt(0)
		for _, u := range uses {
			sum = ratAdd(sum, u.volume)
		}
		return sum
	}
	round := func(uses []readUse, sum rat, unit int64) {
		if len(uses) == 0 {
			return
		}
		last := uses[len(uses)-1].line
		step := r.componentOf(last).StepSize
		if !step.IsSet() || step.Sign() <= 0 {
			return
		}
		size := ratDiv(ratNumber(step), ratInt(unit))
		count := ratDiv(sum, size)
		q, m := new(big.Int).QuoRem(count.Num(), count.Denom(), new(big.Int))
		if m.Sign() > 0 {
			q.Add(q, big.NewInt(1))
		}
		last.quantity = ratAdd(last.quantity, ratSub(ratMul(new(big.Rat).SetInt(q), size), sum))
	}
	if r.profile.Step == StepNone {
		return
	}
	energyPresent := energy
	energy, charging, parking, reservation = relevant(energy), relevant(charging), relevant(parking), relevant(reservation)
	sumEnergy, sumTime, sumParking := total(energy), total(charging), total(parking)
	if r.profile.Step == StepLastAllVolume {
		sumEnergy, sumTime, sumParking = allEnergy, allTime, allParking
	}
	if r.profile.Surplus == SurplusLastPresent {
		energy = energyPresent
	}
	round(energy, sumEnergy, 1000)
	round(reservation, total(reservation), 1)
	timed := append(slices.Clone(charging), parking...)
	sort.SliceStable(timed, func(i, j int) bool { return timed[i].period < timed[j].period })
	lastIsParking := len(timed) > 0 && r.componentOf(timed[len(timed)-1].line).Type == ocpi.ComponentParkingTime
	switch r.profile.Step {
	case StepPerDimension:
		round(charging, sumTime, 1)
		round(parking, sumParking, 1)
	case StepCombined:
		round(timed, ratAdd(sumTime, sumParking), 1)
	case StepLastRelevant:
		if lastIsParking {
			round(parking, sumParking, 1)
		} else {
			round(charging, sumTime, 1)
		}
	default:
		if len(parking) > 0 {
			round(parking, sumParking, 1)
		} else {
			round(charging, sumTime, 1)
		}
	}
}
