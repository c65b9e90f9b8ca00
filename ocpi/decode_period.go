package ocpi

// chargingPeriods reads the periods of a CDR or of a Session, for which
// session-only dimensions are meant (R-CDR-10).
func (d *Decoder) chargingPeriods(name string, inCDR bool) []ChargingPeriod {
	d.weight = prices
	if !d.isArray(name, '{') {
		return nil
	}
	d.enter(name)
	first := len(d.periods)
	a := d.openArray()
	for d.more(&a) {
		if a.n > MaxPeriods {
			d.skip()
			continue
		}
		d.at(a.n - 1)
		if d.isNull() {
			d.nothing()
			continue
		}
		d.periods = append(d.periods, d.chargingPeriod(inCDR))
	}
	d.leave()
	switch {
	case a.n == 0 && inCDR:
		d.find("empty_list", Serious, name, "want at least one charging period")
	case a.n > MaxPeriods:
		d.tooMany(name, MaxPeriods, "charging periods")
	}
	return d.periods[first:len(d.periods):len(d.periods)]
}

func (d *Decoder) chargingPeriod(inCDR bool) (p ChargingPeriod) {
	if !d.isObject("") {
		return p
	}
	o := d.open()
	for d.next(&o) {
		switch o.name {
		case "start_date_time":
			p.Start = d.instant(o.name)
		case "dimensions":
			p.Dimensions = d.dimensions(o.name, inCDR)
		case "tariff_id":
			if d.version == V211 {
				d.skip()
				continue
			}
			p.TariffID = d.identify(o.name, 36)
		default:
			d.skip()
		}
	}
	d.lacks(&o, p.Start.IsSet(), "start_date_time", prices)
	d.lacks(&o, len(p.Dimensions) > 0, "dimensions", prices)
	d.close(&o)
	return p
}

func (d *Decoder) dimensions(name string, inCDR bool) []Volume {
	if !d.isArray(name, '{') {
		return nil
	}
	d.enter(name)
	first := len(d.volumes)
	a := d.openArray()
	for d.more(&a) {
		if len(d.volumes) == MaxDimensions {
			d.skip()
			continue
		}
		d.at(a.n - 1)
		if d.isNull() {
			d.nothing()
			continue
		}
		d.volumes = append(d.volumes, d.volume(inCDR))
	}
	d.leave()
	switch {
	case a.n == 0:
		d.find("empty_list", Warning, name, "want at least one dimension: nothing was measured in the period")
	case first+a.n > MaxDimensions:
		d.tooMany(name, MaxDimensions, "dimensions in all")
	}
	return d.volumes[first:len(d.volumes):len(d.volumes)]
}

func (d *Decoder) volume(inCDR bool) (v Volume) {
	if !d.isObject("") {
		return v
	}
	o := d.open()
	for d.next(&o) {
		switch o.name {
		case "type":
			v.Dimension = d.dimensionType(o.name, inCDR)
		case "volume":
			d.weight = settles // whether a price rests on it, its type says
			v.Volume = d.number(o.name)
			d.weight = prices
		default:
			d.skip()
		}
	}
	d.lacks(&o, v.Dimension != DimUnknown, "type", prices)
	measured := DimEnergy <= v.Dimension && v.Dimension < DimFlat // and so priced
	if measured && !v.Volume.IsSet() {
		d.spoil("volume", "missing or not readable")
	}
	d.expect(&o, v.Volume.IsSet(), "volume")
	d.close(&o)
	return v
}

func (d *Decoder) dimensionType(name string, inCDR bool) Dimension {
	s, ok := d.string(name)
	if !ok {
		return DimUnknown
	}
	if s == "" {
		d.unread(name, "must not be empty")
		return DimUnknown
	}
	dim := dimensionOf(s)
	if dim == DimUnknown {
		if dim = dimensionOf(enumName(s)); dim != DimUnknown {
			d.enumCase(name, s, dim.String())
		}
	}
	switch {
	case dim == DimUnknown:
		d.unknownEnum(name, s, Serious)
	case dim == DimFlat && d.version != V211:
		d.find("flat_dimension", Info, name, "FLAT is a dimension of 2.1.1 only; it measures nothing")
	case dim >= DimCurrent && inCDR:
		d.find("session_only_dimension", Info, name, s+" is meant for Sessions only; ignored")
	}
	return dim
}

func dimensionOf(s string) Dimension {
	switch s {
	case "ENERGY":
		return DimEnergy
	case "TIME":
		return DimTime
	case "PARKING_TIME":
		return DimParkingTime
	case "RESERVATION_TIME":
		return DimReservationTime
	case "MIN_CURRENT":
		return DimMinCurrent
	case "MAX_CURRENT":
		return DimMaxCurrent
	case "MIN_POWER":
		return DimMinPower
	case "MAX_POWER":
		return DimMaxPower
	}
	for dim := DimFlat; dim <= DimStateOfCharge; dim++ {
		if dimensionNames[dim] == s {
			return dim
		}
	}
	return DimUnknown
}
