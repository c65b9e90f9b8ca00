package tariff

import (
	"math/rand/v2"
	"time"

	"github.com/roamclear/roamclear/ocpi"
)

// random makes tariffs and CDRs that stay near the rules' edges: few distinct
// bounds, so that periods start exactly on them.
type random struct{ *rand.Rand }

func (r random) chance(percent int) bool { return r.IntN(100) < percent }

func pick[T any](r random, of ...T) T { return of[r.IntN(len(of))] }

func number(s string) ocpi.Number { return ocpi.MustNumber(s) }

func (r random) tariff(version ocpi.Version, id, currency string) ocpi.Tariff {
	t := ocpi.Tariff{Version: version, ID: id, Currency: currency, CountryCode: "DE", PartyID: "ALL"}
	if version == ocpi.V230 {
		t.TaxIncluded = pick(r, ocpi.TaxUnstated, ocpi.TaxYes, ocpi.TaxNo, ocpi.TaxNo, ocpi.TaxNotApplicable)
	}
	vat := version != ocpi.V211 && r.chance(85)
	for range 1 + r.IntN(6) {
		t.Elements = append(t.Elements, r.element(vat))
	}
	if version != ocpi.V211 && r.chance(25) {
		t.MinPrice = r.limit("0.50", "2.00", "5.0")
	}
	if version != ocpi.V211 && r.chance(25) {
		t.MaxPrice = r.limit("3.00", "8.00", "12")
	}
	return t
}

func (r random) limit(of ...string) ocpi.Price {
	p := ocpi.Price{Excl: number(pick(r, of...))}
	switch r.IntN(4) {
	case 0:
	case 1:
		p.Incl, p.Excl = p.Excl, ocpi.Number{}
	default:
		p.Incl = ocpi.NewNumber(p.Excl.Coef()*11, p.Excl.Scale()+1)
	}
	return p
}

func (r random) element(vat bool) (e ocpi.TariffElement) {
	for range 1 + r.IntN(3) {
		c := ocpi.PriceComponent{
			Type:  pick(r, ocpi.ComponentFlat, ocpi.ComponentEnergy, ocpi.ComponentEnergy, ocpi.ComponentTime, ocpi.ComponentTime, ocpi.ComponentParkingTime),
			Price: number(pick(r, "0", "0.00", "0.25", "0.3333", "1.20", "2.00", "5", "0.0001", "-0.10")),
		}
		if vat && r.chance(90) {
			c.VAT = number(pick(r, "0", "10.0", "20", "19", "21.0", "7.7", "5.5"))
		}
		if r.chance(80) {
			c.StepSize = number(pick(r, "0", "1", "60", "300", "900", "1000", "7"))
		}
		e.Components = append(e.Components, c)
	}
	if r.chance(65) {
		e.Restrictions = r.restrictions()
	}
	return e
}

func (r random) restrictions() (x ocpi.Restrictions) {
	clock := func() ocpi.TimeOfDay { return ocpi.NewTimeOfDay(pick(r, 0, 2, 3, 9, 17, 20, 22), pick(r, 0, 0, 0, 30)) }
	if r.chance(30) {
		if r.chance(85) {
			x.StartTime = clock()
		}
		if r.chance(85) {
			x.EndTime = clock()
		}
	}
	if r.chance(15) {
		x.DayOfWeek = ocpi.Weekdays(1 + r.IntN(127))
	}
	if r.chance(8) {
		x.StartDate = ocpi.Date{Year: 2025, Month: uint8(pick(r, 3, 10)), Day: uint8(pick(r, 26, 30, 27))}
	}
	if r.chance(8) {
		x.EndDate = ocpi.Date{Year: 2025, Month: uint8(pick(r, 3, 10)), Day: uint8(pick(r, 26, 30, 31))}
	}
	optional := func(n *ocpi.Number, percent int, of ...string) {
		if r.chance(percent) {
			*n = number(pick(r, of...))
		}
	}
	optional(&x.MinKWh, 10, "1", "5", "10.0", "0")
	optional(&x.MaxKWh, 10, "5", "10", "20.5")
	optional(&x.MinDuration, 10, "0", "600", "3600", "1800")
	optional(&x.MaxDuration, 10, "1800", "3600", "7200")
	optional(&x.MinCurrent, 9, "16", "32.0")
	optional(&x.MaxCurrent, 9, "16", "32.0", "40")
	optional(&x.MinPower, 9, "11", "22.0")
	optional(&x.MaxPower, 9, "11", "22.0", "50")
	if r.chance(12) {
		x.Reservation = pick(r, ocpi.Reservation, ocpi.Reservation, ocpi.ReservationExpires)
	}
	return x
}

// cdr makes a CDR over its tariffs, around the days on which clocks change.
func (r random) cdr(version ocpi.Version) *ocpi.CDR {
	currency := pick(r, "EUR", "EUR", "JPY", "KWD")
	c := &ocpi.CDR{Version: version, Currency: currency}
	day := pick(r, time.Date(2025, 3, 29, 0, 0, 0, 0, time.UTC), time.Date(2025, 10, 25, 0, 0, 0, 0, time.UTC), time.Date(2025, 6, 2, 0, 0, 0, 0, time.UTC))
	at := ocpi.TimeOf(day) + ocpi.Time(int64(r.IntN(96))*900*ocpi.Second)
	c.Start = at
	ids := []string{"A"}
	c.Tariffs = []ocpi.Tariff{r.tariff(version, "A", currency)}
	if version != ocpi.V211 && r.chance(15) {
		second := r.tariff(version, "B", currency)
		second.MinPrice, second.MaxPrice, second.TaxIncluded = c.Tariffs[0].MinPrice, c.Tariffs[0].MaxPrice, c.Tariffs[0].TaxIncluded
		c.Tariffs = append(c.Tariffs, second)
		ids = append(ids, "B")
	}
	if r.chance(5) { // an older version beside the newer one
		older := r.tariff(version, "A", currency)
		older.MinPrice, older.MaxPrice, older.TaxIncluded = c.Tariffs[0].MinPrice, c.Tariffs[0].MaxPrice, c.Tariffs[0].TaxIncluded
		older.End = at + ocpi.Time(int64(pick(r, -1, 0, 1))*ocpi.Second)
		c.Tariffs = append([]ocpi.Tariff{older}, c.Tariffs...)
	}
	if r.chance(10) {
		c.Tariffs[0].End = at + ocpi.Time(int64(pick(r, -1, 0, 1))*ocpi.Second)
	}
	tag := version != ocpi.V211 && r.chance(70)
	reserved := r.chance(12)
	for range 1 + r.IntN(8) {
		seconds := pick(r, 60, 600, 900, 1800, 3600, 437, 7103, 0)
		p := ocpi.ChargingPeriod{Start: at, Dimensions: r.dimensions(seconds, &reserved)}
		if tag && r.chance(95) {
			p.TariffID = pick(r, ids...)
		}
		c.Periods = append(c.Periods, p)
		at += ocpi.Time(int64(seconds) * ocpi.Second)
	}
	c.End = at
	return c
}

func (r random) dimensions(seconds int, reserved *bool) (d []ocpi.Volume) {
	add := func(dim ocpi.Dimension, n ocpi.Number) { d = append(d, ocpi.Volume{Dimension: dim, Volume: n}) }
	hours := func(s int) ocpi.Number {
		scale := pick(r, uint8(4), 4, 4, 3, 10, 2)
		unit := pow10i64[scale]
		return ocpi.NewNumber((int64(s)*unit+1800)/3600, scale)
	}
	if *reserved {
		*reserved = r.chance(30)
		add(ocpi.DimReservationTime, hours(seconds))
		return d
	}
	parked := r.chance(30)
	switch {
	case parked:
		add(ocpi.DimParkingTime, hours(seconds))
	case r.chance(10):
		add(ocpi.DimTime, hours(seconds/2))
		add(ocpi.DimParkingTime, hours(seconds-seconds/2))
	case r.chance(90):
		add(ocpi.DimTime, hours(seconds))
	}
	if !parked && r.chance(90) {
		add(ocpi.DimEnergy, number(pick(r, "0", "5", "1.5", "2.3456", "10", "0.1152", "4.3", "-1.25")))
	}
	if r.chance(50) {
		add(ocpi.DimMinCurrent, number(pick(r, "0", "15.9", "16", "32")))
	}
	if r.chance(50) {
		add(ocpi.DimMaxCurrent, number(pick(r, "16", "31.9", "32", "40")))
	}
	if r.chance(30) {
		add(ocpi.DimMaxPower, number(pick(r, "11", "7.4", "22", "50")))
	}
	if r.chance(3) && len(d) > 0 {
		d = append(d, d[0])
	}
	if len(d) == 0 {
		add(ocpi.DimEnergy, number("1"))
	}
	return d
}
