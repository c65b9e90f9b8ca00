package tariff

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/roamclear/roamclear/ocpi"
)

// The short form of the vector files: "inline id=T currency=EUR min=0.50/0.55",
// then per element "FLAT 0.50 vat 20; ENERGY 0.25 step 1 | min_kwh 10".

func inlineTariff(tb testing.TB, version ocpi.Version, text string) ocpi.Tariff {
	tb.Helper()
	t := ocpi.Tariff{Version: version}
	for _, field := range strings.Fields(text) {
		key, value, _ := strings.Cut(field, "=")
		switch key {
		case "id":
			t.ID = value
		case "currency":
			t.Currency = value
		case "tax":
			t.TaxIncluded = map[string]ocpi.TaxIncluded{"YES": ocpi.TaxYes, "NO": ocpi.TaxNo, "N/A": ocpi.TaxNotApplicable}[value]
		case "min":
			t.MinPrice = inlinePrice(tb, value)
		case "max":
			t.MaxPrice = inlinePrice(tb, value)
		default:
			tb.Fatalf("tariff field %q", field)
		}
	}
	return t
}

func inlinePrice(tb testing.TB, text string) (p ocpi.Price) {
	tb.Helper()
	excl, incl, _ := strings.Cut(text, "/")
	if excl != "" && excl != "-" {
		p.Excl = ocpi.MustNumber(excl)
	}
	if incl != "" && incl != "-" {
		p.Incl = ocpi.MustNumber(incl)
	}
	return p
}

func inlineElement(tb testing.TB, text string) (e ocpi.TariffElement) {
	tb.Helper()
	components, restrictions, _ := strings.Cut(text, " | ")
	for _, part := range strings.Split(components, ";") {
		words := strings.Fields(part)
		c := ocpi.PriceComponent{Price: ocpi.MustNumber(words[1]), TypeName: words[0]}
		for kind := ocpi.ComponentFlat; kind <= ocpi.ComponentParkingTime; kind++ {
			if kind.String() == words[0] {
				c.Type = kind
			}
		}
		for i := 2; i+1 < len(words); i += 2 {
			switch words[i] {
			case "vat":
				c.VAT = ocpi.MustNumber(words[i+1])
			case "step":
				c.StepSize = ocpi.MustNumber(words[i+1])
			default:
				tb.Fatalf("component word %q", words[i])
			}
		}
		e.Components = append(e.Components, c)
	}
	for _, part := range strings.Split(restrictions, ",") {
		if key, value, ok := strings.Cut(strings.TrimSpace(part), " "); ok {
			inlineRestriction(tb, &e.Restrictions, key, value)
		}
	}
	return e
}

func inlineRestriction(tb testing.TB, r *ocpi.Restrictions, key, value string) {
	tb.Helper()
	numbers := map[string]*ocpi.Number{
		"min_kwh": &r.MinKWh, "max_kwh": &r.MaxKWh, "min_current": &r.MinCurrent, "max_current": &r.MaxCurrent,
		"min_power": &r.MinPower, "max_power": &r.MaxPower, "min_duration": &r.MinDuration, "max_duration": &r.MaxDuration,
	}
	if n, ok := numbers[key]; ok {
		*n = ocpi.MustNumber(value)
		return
	}
	switch key {
	case "start_time":
		r.StartTime = inlineTimeOfDay(tb, value)
	case "end_time":
		r.EndTime = inlineTimeOfDay(tb, value)
	case "start_date":
		r.StartDate = inlineDate(tb, value)
	case "end_date":
		r.EndDate = inlineDate(tb, value)
	case "day_of_week":
		for _, day := range strings.Fields(value) {
			for d := time.Sunday; d <= time.Saturday; d++ {
				if strings.EqualFold(d.String(), day) {
					r.DayOfWeek |= 1 << d
				}
			}
		}
	case "reservation":
		r.Reservation = map[string]ocpi.ReservationRestriction{"RESERVATION": ocpi.Reservation, "RESERVATION_EXPIRES": ocpi.ReservationExpires}[value]
	default:
		tb.Fatalf("restriction %q", key)
	}
}

func inlineTimeOfDay(tb testing.TB, s string) ocpi.TimeOfDay {
	tb.Helper()
	h, m, _ := strings.Cut(s, ":")
	hour, err := strconv.Atoi(h)
	if err != nil {
		tb.Fatal(err)
	}
	minute, err := strconv.Atoi(m)
	if err != nil {
		tb.Fatal(err)
	}
	return ocpi.NewTimeOfDay(hour, minute)
}

func inlineDate(tb testing.TB, s string) ocpi.Date {
	tb.Helper()
	d, err := time.Parse(time.DateOnly, s)
	if err != nil {
		tb.Fatal(err)
	}
	return ocpi.Date{Year: int16(d.Year()), Month: uint8(d.Month()), Day: uint8(d.Day())}
}

// inlinePeriod reads "2019-02-04T09:00:00Z ENERGY 20 TIME 1 @T".
func inlinePeriod(tb testing.TB, text string) ocpi.ChargingPeriod {
	tb.Helper()
	words := strings.Fields(text)
	p := ocpi.ChargingPeriod{Start: mustTime(tb, words[0])}
	for i := 1; i < len(words); i++ {
		if id, ok := strings.CutPrefix(words[i], "@"); ok {
			p.TariffID = id
			continue
		}
		v := ocpi.Volume{Volume: ocpi.MustNumber(words[i+1])}
		for d := ocpi.DimEnergy; d <= ocpi.DimStateOfCharge; d++ {
			if d.String() == words[i] {
				v.Dimension = d
			}
		}
		p.Dimensions = append(p.Dimensions, v)
		i++
	}
	return p
}
