package tariff

import (
	"slices"
	"strings"

	"github.com/roamclear/roamclear/ocpi"
)

// The mistakes that partners are known to make, each as a variation of the
// input.

// splitCode begins the codes of how an unsplit period was split.
const splitCode = "period_split_"

// mistakes vary one rule at a time.
var mistakes = [...]struct {
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
	{"time_in_seconds", "the time volumes are seconds instead of hours", func(p *Profile) { p.Hours = HoursAsSeconds }},
	{"time_in_minutes", "the time volumes are minutes instead of hours", func(p *Profile) { p.Hours = HoursAsMinutes }},
	{"time_per_minute", "each minute was charged the price of an hour", func(p *Profile) { p.Hours = HoursPerMinute }},
	{"time_per_second", "each second was charged the price of an hour", func(p *Profile) { p.Hours = HoursPerSecond }},
	{"period_split_by_clock", "a charging period inside which the price changes was split by the clock", func(p *Profile) { p.Split = SplitClock }},
	{"period_split_by_clock", "the time of a charging period inside which the price changes was split by the clock, its energy was not", func(p *Profile) { p.Split = SplitTimes }},
	{"period_split_by_energy", "a charging period inside which the price changes was split where its energy reaches min_kwh or max_kwh", func(p *Profile) { p.Split = SplitEnergy }},
	{"period_split_by_energy", "a charging period inside which the price changes was split where its energy reaches min_kwh or max_kwh, and by the clock", func(p *Profile) { p.Split = SplitAll }},
}

// tryMistakes makes one mistake at a time.
func (r *reconciler) tryMistakes() {
	for _, m := range mistakes {
		if r.has(splitCode) && strings.HasPrefix(m.code, splitCode) {
			continue // the first way of splitting that gives the total stands for all
		}
		p := r.vary(m.code)
		m.vary(p)
		r.tryProfile(m.code, m.detail, p)
	}
}

// tryLastMatch takes the last element that applies. Where a tariff ends in an element
// without restrictions, that is what whoever reads another time wrong charges too:
// so it is asked after them.
func (r *reconciler) tryLastMatch() {
	p := r.vary("last_match_wins")
	p.Match = MatchLast
	r.tryProfile(p.Name, "of the elements that apply the last one was used instead of the first", p)
}

// tryRawHours bills the hours as printed and applies step_size in another way:
// whoever bills 0.1667 h rarely rounds it up again. The first that gives the
// total stands for all.
func (r *reconciler) tryRawHours() {
	const code = "rounded_hours_billed_raw"
	if !r.may(r.facts.rounded || r.profile().Hours != HoursRecovered) {
		return
	}
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
		p := r.vary(code)
		p.Hours, p.Step = HoursRaw, s.rule
		if r.tryProfile(code, "the rounded hours were billed as printed, and "+s.detail, p); len(r.found) > 0 {
			return
		}
	}
}

// tryZones prices in other time zones, once for each distance to UTC.
func (r *reconciler) tryZones() {
	if !r.base.NeededZone || r.in.CDR == nil {
		return
	}
	standard, _, _ := r.in.Zone.span(r.in.CDR.Start.Go().AddDate(0, 0, -r.in.CDR.Start.Go().YearDay()+1).Unix())
	current, from, until := r.in.Zone.span(floorDiv(int64(r.in.CDR.Start), ocpi.Second))
	priced := map[int]Money{}
	if r.facts.during(from, until) {
		priced[int(current)] = r.base.Total // the zone is this one all along
	}
	for _, z := range [...]struct {
		code, detail, name string
		east               int
	}{
		{"zone_utc", "local times were read as UTC", "UTC", 0},
		{"zone_without_dst", "daylight saving time was ignored", "standard time", int(standard)},
		{"zone_one_hour_east", "local times were one hour ahead", "one hour east", int(current) + 3600},
		{"zone_one_hour_west", "local times were one hour behind", "one hour west", int(current) - 3600},
	} {
		r.variant = *r.in
		r.variant.Zone = FixedZone(z.name, z.east)
		total, known := priced[z.east]
		if !known {
			if !r.price(&r.variant, &r.out) {
				continue
			}
			total = r.out.Known()
			priced[z.east] = total
		}
		r.offerBy(&r.variant, z.code, z.detail, total)
	}
}

// tryVolumes prices volumes that were read in another unit or dimension.
func (r *reconciler) tryVolumes() {
	if r.may(r.scales(1, 1000, (*costLine).energy) || r.facts.energyBounds) {
		r.tryPeriods("energy_in_wh", "the energy was read as Wh instead of kWh", eachVolume(func(v *ocpi.Volume) {
			if v.Dimension == ocpi.DimEnergy {
				v.Volume = scaledBy(v.Volume, -3)
			}
		}))
	}
	if r.may(r.scales(1000, 1, (*costLine).energy) || r.facts.energyBounds) {
		r.tryPeriods("energy_times_1000", "kWh were priced where Wh were meant", eachVolume(func(v *ocpi.Volume) {
			if v.Dimension == ocpi.DimEnergy {
				v.Volume = scaledBy(v.Volume, 3)
			}
		}))
	}
	if r.may(r.parkingCharges()) {
		r.tryPeriods("parking_as_charging", "parking was billed as charging", eachVolume(func(v *ocpi.Volume) {
			if v.Dimension == ocpi.DimParkingTime {
				v.Dimension = ocpi.DimTime
			}
		}))
	}
}

// tryImports prices ENERGY_IMPORT, which is meant for Sessions and prices nothing.
func (r *reconciler) tryImports() {
	const code = "energy_import_read"
	if !r.facts.imports {
		return
	}
	read := func(v *ocpi.Volume) {
		if v.Dimension == ocpi.DimEnergyImport {
			v.Dimension = ocpi.DimEnergy
		}
	}
	r.tryPeriods(code, "ENERGY_IMPORT was billed as the energy of its charging period", func(list []ocpi.Volume) []ocpi.Volume {
		imports := func(v ocpi.Volume) bool { return v.Dimension == ocpi.DimEnergyImport }
		if slices.ContainsFunc(list, imports) {
			list = slices.DeleteFunc(list, func(v ocpi.Volume) bool { return v.Dimension == ocpi.DimEnergy })
		}
		return eachVolume(read)(list)
	})
	if r.facts.importsBeside && !r.has(code) {
		r.tryPeriods(code, "ENERGY_IMPORT was billed besides the energy of its charging period", eachVolume(read))
	}
}

// eachVolume varies the volumes of a period one by one.
func eachVolume(vary func(*ocpi.Volume)) func([]ocpi.Volume) []ocpi.Volume {
	return func(list []ocpi.Volume) []ocpi.Volume {
		for i := range list {
			vary(&list[i])
		}
		return list
	}
}

// tryPeriods prices a copy of the CDR with varied volumes.
func (r *reconciler) tryPeriods(code, detail string, vary func([]ocpi.Volume) []ocpi.Volume) {
	if r.left < r.cost {
		r.cutShort = true
		return // before a copy is made
	}
	c := *r.in.CDR
	c.Periods = slices.Clone(c.Periods)
	for i := range c.Periods {
		c.Periods[i].Dimensions = vary(slices.Clone(c.Periods[i].Dimensions))
	}
	in := *r.in
	in.CDR = &c
	r.try(code, detail, &in)
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
