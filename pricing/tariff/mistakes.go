package tariff

import (
	"math/big"

	"github.com/roamclear/roamclear/ocpi"
)

// The mistakes that partners are known to make, each as a variation of the
// input or of the price.

// tryMistakes varies one rule at a time.
func (r *reconciler) tryMistakes() {
	for _, m := range [...]struct {
		code, detail string
		vary         func(p *Profile)
	}{
		{"step_per_period", "step_size was applied to every charging period instead of once", func(p *Profile) { p.Step = StepPerPeriod }},
		{"start_fee_twice", "the FLAT was charged twice", func(p *Profile) { p.Flat = FlatTwice }},
		{"start_fee_missing", "the FLAT was not charged", func(p *Profile) { p.Flat = FlatNever }},
		{"max_price_forgotten", "max_price was not applied", func(p *Profile) { p.Limit = LimitNoMax }},
		{"min_price_forgotten", "min_price was not applied", func(p *Profile) { p.Limit = LimitNoMin }},
		{"duration_from_charging", "durations were counted from the start of charging", func(p *Profile) { p.Elapsed = ElapsedCharging }},
		{"duration_from_parking", "durations were counted from the start of parking", func(p *Profile) { p.Elapsed = ElapsedParking }},
	} {
		p := *r.profile()
		p.Name = m.code
		m.vary(&p)
		in := *r.in
		in.Profile = &p
		r.try(m.code, m.detail, &in)
	}
}

// tryRawHours bills the hours as printed and applies step_size in another way:
// whoever bills 0.1667 h rarely rounds it up again. The first that gives the
// total stands for all.
func (r *reconciler) tryRawHours() {
	const code = "rounded_hours_billed_raw"
	for _, s := range [...]struct {
		rule   StepRule
		detail string
	}{
		{StepNone, "step_size was ignored"},
		{StepPerPeriod, "step_size was applied to every charging period"},
		{StepPerDimension, "step_size was applied to charging and to parking each"},
		{StepCombined, "step_size was applied to charging and parking together"},
		{StepLastRelevant, "step_size was applied to whichever of charging and parking came last"},
		{StepLastAllVolume, "step_size was applied to all time of the last kind, the part without a price included"},
		{StepLast, "step_size was applied once, to the parking, or to the charging where no parking is priced"},
	} {
		p := *r.profile()
		p.Name, p.Hours, p.Step = code, HoursRaw, s.rule
		in := *r.in
		in.Profile = &p
		if r.try(code, "the rounded hours were billed as printed, and "+s.detail, &in); len(r.found) > 0 {
			return
		}
	}
}

// tryZones prices in other time zones.
func (r *reconciler) tryZones() {
	if !r.base.NeededZone || r.in.CDR == nil {
		return
	}
	standard, _, _ := r.in.Zone.span(r.in.CDR.Start.Go().AddDate(0, 0, -r.in.CDR.Start.Go().YearDay()+1).Unix())
	current, _, _ := r.in.Zone.span(int64(r.in.CDR.Start) / ocpi.Second)
	for _, z := range [...]struct {
		code, detail string
		zone         *Zone
	}{
		{"zone_utc", "local times were read as UTC", UTC},
		{"zone_without_dst", "daylight saving time was ignored", FixedZone("standard time", int(standard))},
		{"zone_one_hour_east", "local times were one hour ahead", FixedZone("one hour east", int(current)+3600)},
		{"zone_one_hour_west", "local times were one hour behind", FixedZone("one hour west", int(current)-3600)},
	} {
		in := *r.in
		in.Zone = z.zone
		r.try(z.code, z.detail, &in)
	}
}

// tryVolumes prices volumes that were read in another unit or dimension.
func (r *reconciler) tryVolumes() {
	r.tryPeriods("energy_in_wh", "the energy was read as Wh instead of kWh", func(v *ocpi.Volume) {
		if v.Dimension == ocpi.DimEnergy {
			v.Volume = scaledBy(v.Volume, -3)
		}
	})
	r.tryPeriods("energy_times_1000", "kWh were priced where Wh were meant", func(v *ocpi.Volume) {
		if v.Dimension == ocpi.DimEnergy {
			v.Volume = scaledBy(v.Volume, 3)
		}
	})
	r.tryPeriods("parking_as_charging", "parking was billed as charging", func(v *ocpi.Volume) {
		if v.Dimension == ocpi.DimParkingTime {
			v.Dimension = ocpi.DimTime
		}
	})
}

// tryPeriods prices a copy of the CDR with varied volumes.
func (r *reconciler) tryPeriods(code, detail string, vary func(*ocpi.Volume)) {
	if r.left < r.cost {
		r.cutShort = true
		return // before a copy is made
	}
	c := *r.in.CDR
	c.Periods = append([]ocpi.ChargingPeriod(nil), c.Periods...)
	for i := range c.Periods {
		p := &c.Periods[i]
		p.Dimensions = append([]ocpi.Volume(nil), p.Dimensions...)
		for j := range p.Dimensions {
			vary(&p.Dimensions[j])
		}
	}
	in := *r.in
	in.CDR = &c
	r.try(code, detail, &in)
}

// maxTaxLines bounds the sums by rate and kind that taxes are varied over: exact
// fractions grow with each rate, and no country has so many.
const maxTaxLines = 50

// tryTaxes varies what happened between the amounts before and after tax.
func (r *reconciler) tryTaxes() {
	t := r.base.Total
	if !t.Excl.IsSet() || !t.Incl.IsSet() {
		return
	}
	if len(r.lines) > maxTaxLines {
		r.cutShort = true
		return
	}
	r.offer("vat_forgotten", "the amount after tax is the one before it: VAT was not added", Money{t.Excl, t.Excl})
	r.offer("excl_incl_swapped", "the amounts before and after tax were exchanged", Money{t.Incl, t.Excl})
	one := big.NewRat(1, 1)
	twice, gross := new(big.Rat), new(big.Rat)
	sum, taxed := new(big.Rat), new(big.Rat)
	for _, l := range r.lines {
		factor := new(big.Rat).Set(one)
		if l.rate != nil {
			factor.Add(factor, l.rate)
		}
		sum.Add(sum, l.excl)
		taxed.Add(taxed, l.incl)
		twice.Add(twice, new(big.Rat).Mul(l.incl, factor))
		if factor.Sign() != 0 {
			gross.Add(gross, new(big.Rat).Quo(l.excl, factor))
		}
	}
	r.offer("vat_twice", "VAT was added twice", Money{t.Excl, r.number(twice)})
	r.offer("vat_twice", "the amounts including VAT were taken for the ones before it, and VAT was added again", Money{r.number(taxed), r.number(twice)})
	r.offer("prices_taken_as_gross", "the tariff's prices were read as including VAT", Money{r.number(gross), r.number(sum)})
	for _, l := range r.lines {
		if l.rate == nil {
			continue
		}
		all := new(big.Rat).Mul(sum, new(big.Rat).Add(one, l.rate))
		percent := new(big.Rat).Mul(l.rate, big.NewRat(100, 1))
		r.offer("vat_one_rate_for_all", "VAT of "+percent.FloatString(2)+" percent was added to every line, whatever the line's own rate", Money{t.Excl, r.number(all)})
	}
}

// tryMissing leaves one kind of cost out.
func (r *reconciler) tryMissing() {
	for bucket, name := range [bucketCount]string{"fixed", "energy", "time", "parking", "reservation"} {
		excl, incl, some := new(big.Rat), new(big.Rat), false
		for _, l := range r.lines {
			if l.bucket == bucket {
				some = true
				continue
			}
			excl.Add(excl, l.excl)
			incl.Add(incl, l.incl)
		}
		if !some || bucket == bucketFixed { // a missing FLAT is start_fee_missing
			continue
		}
		m := Money{r.number(excl), r.number(incl)}
		if !r.base.Total.Excl.IsSet() {
			m.Excl = ocpi.Number{}
		}
		if !r.base.Total.Incl.IsSet() {
			m.Incl = ocpi.Number{}
		}
		r.offer(name+"_not_charged", "the "+name+" cost was left out", m)
	}
}

// number rounds as the profile does; unset where it does not fit.
func (r *reconciler) number(x *big.Rat) ocpi.Number {
	e := r.engine
	saved := e.overflow
	if r.in.CDR.Credit {
		x = new(big.Rat).Neg(x) // as the total we compare with is
	}
	n := e.ratioNumber(ratio{wide: x})
	e.overflow = saved
	return n
}

// scaledBy returns n × 10^power, or n itself where that is out of bounds.
func scaledBy(n ocpi.Number, power int) ocpi.Number {
	coef, scale := trimmed(n)
	scale -= power
	for scale < 0 && coef < maxCoefficient/10 && coef > -maxCoefficient/10 {
		coef *= 10
		scale++
	}
	if scale < 0 || scale > 12 {
		return n
	}
	return ocpi.NewNumber(coef, uint8(scale))
}
