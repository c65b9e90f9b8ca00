package ocpi

import (
	"regexp"
	"slices"
	"strings"
	"time"
)

func (r *reading) tariff(n node, at string, nested bool) Tariff {
	t := Tariff{Version: r.v}
	if n == nil {
		return t
	}
	t.ID = r.text(n, at, "id", true, id(36))
	t.Currency = strings.ToUpper(r.text(n, at, "currency", true, letters(3)))
	r.list(n, at, "elements", true, func(n node, at string) { t.Elements = append(t.Elements, r.element(n, at)) })
	t.LastUpdated = r.time(n, at, "last_updated", false)
	if r.v == V211 {
		return t
	}
	t.CountryCode = r.text(n, at, "country_code", !nested, letters(2))
	t.PartyID = r.text(n, at, "party_id", !nested, partyID)
	t.Type = r.enum(n, at, "type", tariffTypes)
	t.MinPrice = r.price(n, at, "min_price", false, true)
	t.MaxPrice = r.price(n, at, "max_price", false, true)
	t.Start = r.time(n, at, "start_date_time", false)
	t.End = r.time(n, at, "end_date_time", false)
	if r.v == V230 {
		t.TaxIncluded = map[string]TaxIncluded{"YES": TaxYes, "NO": TaxNo, "N/A": TaxNotApplicable}[r.text(n, at, "tax_included", false, oneOf("YES", "NO", "N/A"))]
	}
	return t
}

func (r *reading) element(n node, at string) (e TariffElement) {
	if n == nil {
		return e
	}
	r.list(n, at, "price_components", true, func(n node, at string) {
		var c PriceComponent
		if n != nil {
			c.TypeName = r.text(n, at, "type", true, anything)
			if !oneOf("FLAT", "ENERGY", "TIME", "PARKING_TIME")(c.TypeName) {
				r.refuse(join(at, "type"))
			}
			c.Type = map[string]Component{"FLAT": ComponentFlat, "ENERGY": ComponentEnergy, "TIME": ComponentTime, "PARKING_TIME": ComponentParkingTime}[c.TypeName]
			c.Price = r.number(n, at, "price", true)
			if r.v != V211 {
				c.VAT = r.number(n, at, "vat", false)
			}
			c.StepSize = r.number(n, at, "step_size", false)
			if d := c.StepSize.Decimal(); d.IsNegative() || !d.IsInteger() {
				r.refuse(join(at, "step_size"))
				c.StepSize = Number{}
			}
		}
		e.Components = append(e.Components, c)
	})
	if o, at, ok := r.object(n, at, "restrictions", false); ok {
		e.Restrictions = r.restrictions(o, at)
	}
	return e
}

func oneOf(values ...string) func(string) bool {
	return func(s string) bool { return slices.Contains(values, s) }
}

var clock = regexp.MustCompile(`^([0-1][0-9]|2[0-3]):[0-5][0-9]$`)
var calendar = regexp.MustCompile(`^([0-9]{4})-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$`)

func (r *reading) clock(n node, at, name string) TimeOfDay {
	s := r.text(n, at, name, false, clock.MatchString)
	if s == "" {
		return 0
	}
	t, err := time.Parse("15:04", s)
	if err != nil {
		panic(err)
	}
	return NewTimeOfDay(t.Hour(), t.Minute())
}

func (r *reading) date(n node, at, name string) Date {
	s := r.text(n, at, name, false, func(s string) bool {
		_, err := time.Parse(time.DateOnly, s)
		return calendar.MatchString(s) && err == nil
	})
	if s == "" {
		return Date{}
	}
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		panic(err)
	}
	return Date{Year: int16(t.Year()), Month: uint8(t.Month()), Day: uint8(t.Day())}
}

func (r *reading) restrictions(n node, at string) Restrictions {
	x := Restrictions{
		StartTime: r.clock(n, at, "start_time"), EndTime: r.clock(n, at, "end_time"),
		StartDate: r.date(n, at, "start_date"), EndDate: r.date(n, at, "end_date"),
		MinKWh: r.number(n, at, "min_kwh", false), MaxKWh: r.number(n, at, "max_kwh", false),
		MinPower: r.number(n, at, "min_power", false), MaxPower: r.number(n, at, "max_power", false),
		MinDuration: r.number(n, at, "min_duration", false), MaxDuration: r.number(n, at, "max_duration", false),
	}
	if r.v != V211 {
		x.MinCurrent, x.MaxCurrent = r.number(n, at, "min_current", false), r.number(n, at, "max_current", false)
		x.Reservation = map[string]ReservationRestriction{"RESERVATION": Reservation, "RESERVATION_EXPIRES": ReservationExpires}[r.text(
			n, at, "reservation", false, oneOf("RESERVATION", "RESERVATION_EXPIRES"))]
	}
	value, path, ok := r.get(n, at, "day_of_week", false)
	if !ok {
		return x
	}
	days, ok := value.([]any)
	if !ok {
		r.refuse(path)
	}
	for i, day := range days {
		known := false
		for d := time.Sunday; d <= time.Saturday; d++ {
			if strings.ToUpper(d.String()) == day {
				x.DayOfWeek |= 1 << d
				known = true
			}
		}
		if !known {
			r.refuse(index(path, i))
		}
	}
	return x
}
