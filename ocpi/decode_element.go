package ocpi

// tariffElements reads the elements of a tariff. All of them matter to the
// price: where something in them cannot be read, nothing is priced by it. A
// name we do not know is kept and listed.
func (d *Decoder) tariffElements(name string) []TariffElement {
	if !d.isArray(name, '{') {
		return nil
	}
	d.enter(name)
	first := len(d.elements)
	a := d.openArray()
	for d.more(&a) {
		if len(d.elements) == MaxTariffElements {
			d.skip()
			continue
		}
		d.at(a.n - 1)
		if d.isNull() {
			d.nothing()
			continue
		}
		d.elements = append(d.elements, TariffElement{})
		d.tariffElement(&d.elements[len(d.elements)-1])
	}
	d.leave()
	switch {
	case a.n == 0:
		d.unread(name, "want at least one element")
	case first+a.n > MaxTariffElements:
		d.tooMany(name, MaxTariffElements, "tariff elements in all")
	}
	return d.elements[first:len(d.elements):len(d.elements)]
}

func (d *Decoder) tariffElement(e *TariffElement) {
	if !d.isObject("") {
		return
	}
	o := d.open()
	for d.next(&o) {
		switch o.name {
		case "price_components":
			e.Components = d.priceComponents(o.name)
		case "restrictions":
			if d.isObject(o.name) {
				d.enter(o.name)
				d.restrictions(&e.Restrictions)
				d.leave()
			}
		default:
			d.skip()
		}
	}
	d.lacks(&o, len(e.Components) > 0, "price_components", prices)
	d.close(&o)
}

func (d *Decoder) priceComponents(name string) []PriceComponent {
	if !d.isArray(name, '{') {
		return nil
	}
	d.enter(name)
	first := len(d.components)
	a := d.openArray()
	for d.more(&a) {
		if len(d.components) == MaxComponents {
			d.skip()
			continue
		}
		d.at(a.n - 1)
		if d.isNull() {
			d.nothing()
			continue
		}
		d.components = append(d.components, d.priceComponent())
	}
	d.leave()
	switch {
	case a.n == 0:
		d.find("empty_list", Warning, name, "want at least one price component: the element prices nothing")
	case first+a.n > MaxComponents:
		d.tooMany(name, MaxComponents, "price components in all")
	}
	return d.components[first:len(d.components):len(d.components)]
}

func (d *Decoder) priceComponent() (c PriceComponent) {
	if !d.isObject("") {
		return c
	}
	o := d.open()
	for d.next(&o) {
		switch o.name {
		case "type":
			c.Type, c.TypeName = d.componentType(o.name)
		case "price":
			c.Price = d.number(o.name)
		case "vat":
			if d.version == V211 {
				d.skip()
				continue
			}
			c.VAT = d.number(o.name)
		case "step_size":
			c.StepSize = d.stepSize(o.name)
		default:
			d.skip()
		}
	}
	d.lacks(&o, c.TypeName != "", "type", prices)
	d.lacks(&o, c.Price.IsSet(), "price", settles) // without one there is no price: see tariff.Prepare
	d.expect(&o, c.StepSize.IsSet(), "step_size")
	d.close(&o)
	return c
}

func (d *Decoder) componentType(name string) (c Component, s string) {
	s, ok := d.string(name)
	if !ok {
		return ComponentUnknown, ""
	}
	if c := componentOf(s); c != ComponentUnknown {
		return c, s
	}
	if c := componentOf(enumName(s)); c != ComponentUnknown {
		d.enumCase(name, s, c.String())
		return c, c.String()
	}
	d.unknownEnum(name, s, Serious)
	return ComponentUnknown, s
}

func componentOf(name string) Component {
	for c := ComponentFlat; c <= ComponentParkingTime; c++ {
		if componentNames[c] == name {
			return c
		}
	}
	return ComponentUnknown
}

// stepSize reads a whole number of Wh or seconds that is not negative
// (R-TARIFF-08).
func (d *Decoder) stepSize(name string) Number {
	n := d.number(name)
	whole := n.coef
	for range n.scale {
		if whole%10 != 0 {
			d.unread(name, "want a whole number")
			return Number{}
		}
		whole /= 10
	}
	if n.coef < 0 {
		d.unread(name, "must not be negative")
		return Number{}
	}
	return n
}

func (d *Decoder) restrictions(r *Restrictions) {
	o := d.open()
	for d.next(&o) {
		switch o.name {
		case "start_time":
			r.StartTime = d.timeOfDay(o.name, false)
		case "end_time":
			r.EndTime = d.timeOfDay(o.name, true)
		case "start_date":
			r.StartDate = d.date(o.name)
		case "end_date":
			r.EndDate = d.date(o.name)
		case "min_kwh":
			r.MinKWh = d.number(o.name)
		case "max_kwh":
			r.MaxKWh = d.number(o.name)
		case "min_power":
			r.MinPower = d.number(o.name)
		case "max_power":
			r.MaxPower = d.number(o.name)
		case "min_duration":
			r.MinDuration = d.number(o.name)
		case "max_duration":
			r.MaxDuration = d.number(o.name)
		case "day_of_week":
			r.DayOfWeek = d.weekdays(o.name)
		default:
			d.restriction22(r, &o)
		}
	}
	d.close(&o)
}

// restriction22 reads the restrictions that came with 2.2.1. One that no
// version knows may change the price and is listed (2.3.0 bookings).
func (d *Decoder) restriction22(r *Restrictions, o *object) {
	switch {
	case d.version == V211:
		d.unknownRestriction(o.name)
	case o.name == "min_current":
		r.MinCurrent = d.number(o.name)
	case o.name == "max_current":
		r.MaxCurrent = d.number(o.name)
	case o.name == "reservation":
		r.Reservation = d.reservation(o.name)
	default:
		d.unknownRestriction(o.name)
	}
}

func (d *Decoder) unknownRestriction(name string) {
	if !d.absent() {
		d.skip()
		d.find("unknown_restriction", Serious, name, "a restriction that OCPI "+d.version.String()+" does not know; ignored")
	}
}

func (d *Decoder) reservation(name string) ReservationRestriction {
	s, ok := d.string(name)
	switch {
	case !ok:
		return ReservationNone
	case s == "RESERVATION":
		return Reservation
	case s == "RESERVATION_EXPIRES":
		return ReservationExpires
	case s == "":
		d.find("empty_value", Warning, name, "an empty value says nothing: counts as absent")
		return ReservationNone
	}
	switch spelled := enumName(s); spelled {
	case "RESERVATION":
		d.enumCase(name, s, spelled)
		return Reservation
	case "RESERVATION_EXPIRES":
		d.enumCase(name, s, spelled)
		return ReservationExpires
	}
	d.unknownEnum(name, s, Serious)
	return ReservationUnknown
}
