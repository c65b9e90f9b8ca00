package whatif_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing/tariff"
	"github.com/roamclear/roamclear/pricing/whatif"
)

// prepare compiles the elements of a 2.2.1 tariff, each its own JSON text.
func prepare(t *testing.T, elements string) *tariff.Prepared {
	t.Helper()
	from, err := new(ocpi.Decoder).TariffToPrice(ocpi.V221, []byte(`{"id":"T1","currency":"EUR","last_updated":"2025-01-01T00:00:00Z",`+elements+`}`))
	if err != nil {
		t.Fatal(err)
	}
	p, err := tariff.Prepare(from)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func zone(t *testing.T, name string) *tariff.Zone {
	t.Helper()
	z, err := tariff.LoadZone(name)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

func instant(t *testing.T, s string) ocpi.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339, s)
	if err != nil {
		t.Fatal(err)
	}
	return ocpi.TimeOf(at)
}

func kwh(s string) ocpi.Number { return ocpi.MustNumber(s) }

// dayAndNight is 0.40 a kWh from 08:00 to 20:00, else 0.25; 20 % VAT.
const dayAndNight = `"elements":[
	{"price_components":[{"type":"ENERGY","price":0.40,"vat":20,"step_size":1}],"restrictions":{"start_time":"08:00","end_time":"20:00"}},
	{"price_components":[{"type":"ENERGY","price":0.25,"vat":20,"step_size":1}]}]`

// tiers is a start fee of 1.00, 0.30 a kWh up to 10 kWh and 0.50 beyond, and
// 0.10 a minute of parking, with no VAT.
const tiers = `"elements":[
	{"price_components":[{"type":"FLAT","price":1,"vat":0,"step_size":1},{"type":"PARKING_TIME","price":6,"vat":0,"step_size":1}]},
	{"price_components":[{"type":"ENERGY","price":0.30,"vat":0,"step_size":1}],"restrictions":{"max_kwh":10}},
	{"price_components":[{"type":"ENERGY","price":0.50,"vat":0,"step_size":1}]}]`

// overstay is 0.30 a kWh and a fee of 5.00 after two hours.
const overstay = `"elements":[
	{"price_components":[{"type":"ENERGY","price":0.30,"vat":0,"step_size":1}]},
	{"price_components":[{"type":"FLAT","price":5,"vat":0,"step_size":1}],"restrictions":{"min_duration":7200}}]`

// reserved is 2.00 for a reservation and 3.00 an hour of it, 4.00 an hour if it
// expires; charging is 0.30 a kWh.
const reserved = `"elements":[
	{"price_components":[{"type":"TIME","price":4,"vat":0,"step_size":60}],"restrictions":{"reservation":"RESERVATION_EXPIRES"}},
	{"price_components":[{"type":"FLAT","price":2,"vat":0,"step_size":1},{"type":"TIME","price":3,"vat":0,"step_size":60}],"restrictions":{"reservation":"RESERVATION"}},
	{"price_components":[{"type":"ENERGY","price":0.30,"vat":0,"step_size":1}]}]`

func TestOf(t *testing.T) {
	hour := time.Hour
	for _, tc := range []struct {
		name, tariff string
		charge       whatif.Charge
		excl, incl   string
		periods      string // where they start, and what they measure
	}{
		{
			// 19:00 to 21:00 in Amsterdam: 10 kWh at 0.40, 10 kWh at 0.25.
			"an evening over two prices", dayAndNight,
			whatif.Charge{Start: instant(t, "2025-06-02T17:00:00Z"), Duration: 2 * hour, EnergyKWh: kwh("20")},
			"6.5000", "7.8000",
			"17:00:00 ENERGY 10 TIME 1 MIN_POWER 10 MAX_POWER 10 | 18:00:00 ENERGY 10 TIME 1 MIN_POWER 10 MAX_POWER 10",
		},
		{
			// The night in which clocks go back is an hour longer: 13 h at 2 kW, then
			// one hour of day. It is split where the clocks change.
			"the longest night", dayAndNight,
			whatif.Charge{Start: instant(t, "2025-10-25T18:00:00Z"), Duration: 14 * hour, EnergyKWh: kwh("28")},
			"7.3000", "8.7600",
			"18:00:00 ENERGY 14 TIME 7 MIN_POWER 2 MAX_POWER 2 | 01:00:00 ENERGY 12 TIME 6 MIN_POWER 2 MAX_POWER 2 | 07:00:00 ENERGY 2 TIME 1 MIN_POWER 2 MAX_POWER 2",
		},
		{
			// 1.00 + 10 kWh at 0.30 + 5 kWh at 0.50 + 30 min at 6.00 an hour. The
			// 10 kWh are reached after 40 of the 60 minutes.
			"two tiers and parking", tiers,
			whatif.Charge{Start: instant(t, "2025-06-02T08:00:00Z"), Duration: hour, EnergyKWh: kwh("15"), ParkingAfter: hour / 2},
			"9.5000", "9.5000",
			"08:00:00 ENERGY 10 TIME 0.6667 MIN_POWER 15 MAX_POWER 15 | 08:40:00 ENERGY 5 TIME 0.3333 MIN_POWER 15 MAX_POWER 15 | 09:00:00 PARKING_TIME 0.5",
		},
		{
			// 7 kWh in 22 min 13 s do not reach the second tier.
			"within the first tier", tiers,
			whatif.Charge{Start: instant(t, "2025-06-02T08:00:00Z"), Duration: 1333 * time.Second, EnergyKWh: kwh("7"), PowerKW: kwh("22"), CurrentA: kwh("96")},
			"3.1000", "3.1000",
			"08:00:00 ENERGY 7 TIME 0.3703 MIN_POWER 22 MAX_POWER 22 MIN_CURRENT 96 MAX_CURRENT 96",
		},
		{
			// A fee that begins after two hours is not due at two hours sharp ...
			"two hours", overstay,
			whatif.Charge{Start: instant(t, "2025-06-02T08:00:00Z"), Duration: hour, ParkingAfter: hour, EnergyKWh: kwh("10")},
			"3.0000", "3.0000",
			"08:00:00 ENERGY 10 TIME 1 MIN_POWER 10 MAX_POWER 10 | 09:00:00 PARKING_TIME 1",
		},
		{
			// ... but a second later.
			"two hours and a second", overstay,
			whatif.Charge{Start: instant(t, "2025-06-02T08:00:00Z"), Duration: hour, ParkingAfter: hour + time.Second, EnergyKWh: kwh("10")},
			"8.0000", "8.0000",
			"08:00:00 ENERGY 10 TIME 1 MIN_POWER 10 MAX_POWER 10 | 09:00:00 PARKING_TIME 1 | 10:00:00 PARKING_TIME 0.0003",
		},
		{
			// 2.00 + 20 min at 3.00 an hour + 10 kWh at 0.30.
			"reserved and used", reserved,
			whatif.Charge{Start: instant(t, "2025-06-02T08:00:00Z"), Duration: hour, EnergyKWh: kwh("10"), Reserved: 20 * time.Minute},
			"6.0000", "6.0000",
			"07:40:00 RESERVATION_TIME 0.3333 | 08:00:00 ENERGY 10 TIME 1 MIN_POWER 10 MAX_POWER 10",
		},
		{
			// 2.00 + 30 min at 4.00 an hour.
			"reserved and expired", reserved,
			whatif.Charge{Start: instant(t, "2025-06-02T08:00:00Z"), Reserved: hour / 2, ReservationExpired: true},
			"4.0000", "4.0000", "07:30:00 RESERVATION_TIME 0.5",
		},
		{
			// 2.00 + 30 min at 3.00 an hour.
			"reserved and cancelled", reserved,
			whatif.Charge{Start: instant(t, "2025-06-02T08:00:00Z"), Reserved: hour / 2},
			"3.5000", "3.5000", "07:30:00 RESERVATION_TIME 0.5",
		},
		{
			"plugged in and out", tiers,
			whatif.Charge{Start: instant(t, "2025-06-02T08:00:00Z")},
			"1.0000", "1.0000", "08:00:00 ENERGY 0 TIME 0",
		},
		{
			// 3 s before 20:00 and 4 s after: nothing is lost to rounding.
			"odd figures", dayAndNight,
			whatif.Charge{Start: instant(t, "2025-06-02T17:59:57Z"), Duration: 7 * time.Second, EnergyKWh: kwh("3")},
			"0.9429", "1.1314",
			"17:59:57 ENERGY 1.2857 TIME 0.0008 MIN_POWER 1542.8571 MAX_POWER 1542.8571 | 18:00:00 ENERGY 1.7143 TIME 0.0011 MIN_POWER 1542.8571 MAX_POWER 1542.8571",
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			by := whatif.Terms{Tariff: prepare(t, tc.tariff), Zone: zone(t, "Europe/Amsterdam"), ZoneSource: "given"}
			p, err := whatif.Of(&tc.charge, &by)
			if err != nil {
				t.Fatal(err)
			}
			if !p.Result.OK || p.Result.Total.Excl.String() != tc.excl || p.Result.Total.Incl.String() != tc.incl {
				t.Errorf("%s %s: total %s, %s; want %s, %s", p.Result.Reason, p.Result.Detail, p.Result.Total.Excl, p.Result.Total.Incl, tc.excl, tc.incl)
			}
			if diff := cmp.Diff(strings.ReplaceAll(tc.periods, " | ", "\n"), periods(p.CDR)); diff != "" {
				t.Errorf("periods: -want +got\n%s", diff)
			}
		})
	}
}

func periods(c *ocpi.CDR) string {
	var lines []string
	for _, p := range c.Periods {
		line := p.Start.Go().Format("15:04:05")
		for _, d := range p.Dimensions {
			line += " " + d.Dimension.String() + " " + d.Volume.Decimal().String()
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "\n")
}

func TestRefused(t *testing.T) {
	start := instant(t, "2025-06-02T08:00:00Z")
	for _, tc := range []struct {
		charge whatif.Charge
		want   string
	}{
		{whatif.Charge{}, "start: want a whole second"},
		{whatif.Charge{Start: start + 1}, "start: want a whole second"},
		{whatif.Charge{Start: start, Duration: -1}, "duration: is negative"},
		{whatif.Charge{Start: start, ParkingAfter: time.Millisecond}, "parking: want whole seconds"},
		{whatif.Charge{Start: start, Duration: 20 * 24 * time.Hour, ParkingAfter: 20 * 24 * time.Hour}, "length: reservation, charging and parking together are longer than 31 days"},
		{whatif.Charge{Start: start, Reserved: 32 * 24 * time.Hour}, "reserved: longer than 31 days"},
		{whatif.Charge{Start: start, EnergyKWh: kwh("1")}, "duration: energy takes time to flow"},
		{whatif.Charge{Start: start, Duration: time.Hour, EnergyKWh: kwh("-1")}, "energy: is negative"},
		{whatif.Charge{Start: start, Duration: time.Hour, EnergyKWh: kwh("100000.1")}, "energy: more than 100000"},
		{whatif.Charge{Start: start, Duration: time.Hour, PowerKW: kwh("200000")}, "power: more than 100000"},
		{whatif.Charge{Start: start, Duration: time.Hour, Reserved: time.Hour, ReservationExpired: true}, "reserved: a reservation that expired has no charge after it"},
		{whatif.Charge{Start: start, ReservationExpired: true}, "reserved: a reservation that expired has a length"},
	} {
		_, err := whatif.Of(&tc.charge, &whatif.Terms{Tariff: prepare(t, tiers)})
		if err == nil || err.Error() != tc.want {
			t.Errorf("%+v: %v, want %s", tc.charge, err, tc.want)
		}
	}
}

func TestTooManyChanges(t *testing.T) {
	var b strings.Builder
	b.WriteString(`"elements":[`)
	for hour := range 24 {
		for minute := range 4 {
			if hour+minute > 0 {
				b.WriteByte(',')
			}
			from := time.Date(2025, 1, 1, hour, minute*15, 0, 0, time.UTC)
			b.WriteString(`{"price_components":[{"type":"ENERGY","price":0.1,"step_size":1}],"restrictions":{"start_time":"` +
				from.Format("15:04") + `","end_time":"` + from.Add(15*time.Minute).Format("15:04") + `"}}`)
		}
	}
	b.WriteString(`]`)
	by := whatif.Terms{Tariff: prepare(t, b.String()), Zone: tariff.UTC}
	c := whatif.Charge{Start: instant(t, "2025-06-02T00:00:00Z"), Duration: 20 * 24 * time.Hour, EnergyKWh: kwh("100")}
	if p, err := whatif.Of(&c, &by); err != nil || len(p.CDR.Periods) != 20*96 {
		t.Fatalf("%v: want 1920 periods", err)
	}
	if curve, err := whatif.Curve(&c, &by, 60); err != nil || len(curve) != 26 {
		t.Errorf("%d points, %v; want 50000 / 1920", len(curve), err)
	}
	c.Duration = 21 * 24 * time.Hour
	if _, err := whatif.Of(&c, &by); err == nil || !strings.Contains(err.Error(), "more than 2000 times") {
		t.Errorf("%v", err)
	}
}

func TestNoZone(t *testing.T) {
	c := whatif.Charge{Start: instant(t, "2025-06-02T08:00:00Z"), Duration: time.Hour, EnergyKWh: kwh("10")}
	by := whatif.Terms{Tariff: prepare(t, dayAndNight)}
	p, err := whatif.Of(&c, &by)
	if err != nil || p.Result.OK || p.Result.Reason != tariff.ReasonNoTimeZone {
		t.Errorf("%v: %+v", err, p.Result)
	}
	if curve, err := whatif.Curve(&c, &by, 100); err != nil || curve != nil {
		t.Errorf("a curve without a price: %v, %v", curve, err)
	}
}
