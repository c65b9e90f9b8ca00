package tariff

import (
	"slices"
	"strings"
	"testing"

	"github.com/roamclear/roamclear/ocpi"
)

// TestAudit breaks a clean CDR in one way at a time and expects exactly the
// codes that the break must raise.
func TestAudit(t *testing.T) {
	at := func(s string) ocpi.Time { return mustTime(t, s) }
	for _, c := range []struct {
		name   string
		breaks func(in *Input)
		want   string
	}{
		{"clean", func(*Input) {}, ""},
		{"order", func(in *Input) { in.CDR.Periods[1].Start = at("2025-07-01T04:00:00Z") }, "periods_out_of_order time_not_wall_clock time_not_wall_clock"},
		{"not covered", func(in *Input) { in.CDR.Start = at("2025-07-01T04:00:00Z") }, "start_not_covered"},
		{"end", func(in *Input) { in.CDR.End = at("2025-07-01T04:00:00Z") }, "period_after_end end_before_start"},
		{"wall clock", func(in *Input) { in.CDR.Periods[2].Dimensions[0].Volume = number("0.6000") }, "time_not_wall_clock time_does_not_add_up parking_does_not_add_up total_differs subtotal_differs"},
		{"energy", func(in *Input) { in.CDR.TotalEnergy = number("18.75") }, "energy_does_not_add_up"},
		{"currency", func(in *Input) { in.CDR.Tariffs[0].Currency = "USD" }, "currency_differs"},
		{"changed", func(in *Input) { in.CDR.Tariffs[0].LastUpdated = at("2025-07-01T04:30:00Z") }, "tariff_changed_after_start"},
		{"expired", func(in *Input) { in.CDR.Tariffs[0].End = at("2025-07-01T04:00:00Z") }, "tariff_not_valid"},
		{"subtotal", func(in *Input) { in.CDR.TotalParkingCost.Excl = number("0.73") }, "subtotal_differs total_does_not_add_up"},
		{"total", func(in *Input) { in.CDR.TotalCost.Excl = number("6.11") }, "total_differs total_does_not_add_up"},
		{"credit", func(in *Input) { in.CDR.Credit = true }, "credit total_differs total_does_not_add_up total_does_not_add_up credit_without_reference credit_not_negative"},
		{"reference", func(in *Input) { in.CDR.CreditReferenceID = "X" }, "reference_without_credit"},
		{"incl", func(in *Input) { in.CDR.TotalCost.Incl = number("7.00") }, "total_differs total_does_not_add_up incl_below_excl"},
		{"duplicate", func(in *Input) {
			p := &in.CDR.Periods[2]
			p.Dimensions = append(p.Dimensions, ocpi.Volume{Dimension: ocpi.DimParkingTime, Volume: number("0.0000")})
		}, "duplicate_dimension"},
		{"power", func(in *Input) {
			in.CDR.Location.PowerType = "AC_1_PHASE"
			in.CDR.Periods[1].Start = at("2025-07-01T04:20:00Z")
		}, "energy_above_power"},
		{"split", func(in *Input) {
			c := in.CDR
			c.Periods[0].Dimensions = []ocpi.Volume{{Dimension: ocpi.DimEnergy, Volume: number("17.75")}, {Dimension: ocpi.DimTime, Volume: number("1.3333")}}
			c.Periods = slices.Delete(c.Periods, 1, 2)
		}, "period_not_split"},
	} {
		t.Run(c.name, func(t *testing.T) {
			in := auditInput(t)
			c.breaks(in)
			var codes []string
			for _, f := range NewEngine().Audit(in) {
				if f.Detail == "" || f.Code == "" {
					t.Errorf("finding without code or sentence: %+v", f)
				}
				codes = append(codes, f.Code)
			}
			// A break may have honest followers; what is wanted must be there, and a
			// clean CDR must have none.
			for _, want := range strings.Fields(c.want) {
				if !slices.Contains(codes, want) {
					t.Errorf("codes %v, want %s", codes, want)
				}
			}
			if c.want == "" && len(codes) > 0 {
				t.Errorf("codes %v on a clean CDR", codes)
			}
		})
	}
}

func auditInput(t *testing.T) *Input {
	t.Helper()
	v := parseVector(t, dayAndNight)
	c := v.in.CDR
	price := func(excl, incl string) ocpi.Price { return ocpi.Price{Excl: number(excl), Incl: number(incl)} }
	c.TotalCost = price("7.11", "8.10")
	c.TotalFixedCost, c.TotalEnergyCost = price("0.50", "0.60"), price("4.28", "4.70")
	c.TotalTimeCost, c.TotalParkingCost = price("1.33", "1.60"), price("1.00", "1.20")
	c.TotalEnergy, c.TotalTime, c.TotalParkingTime = number("17.75"), number("1.7"), number("0.3667")
	c.Location.PowerType = "AC_3_PHASE"
	return &v.in
}

// The instant at which a price changes inside a period is named, also when
// the price is back where it was at the period's end.
func TestAuditNamesTheChange(t *testing.T) {
	v := parseVector(t, `
zone: Europe/Amsterdam
tariff: inline id=T currency=EUR
element: TIME 2 | start_time 12:00, end_time 13:00
element: TIME 1
period: 2025-07-01T08:00:00Z TIME 5
end: 2025-07-01T13:00:00Z`)
	for _, f := range NewEngine().Audit(&v.in) {
		if f.Code == "period_not_split" {
			if !strings.Contains(f.Detail, "2025-07-01T10:00:00Z") {
				t.Errorf("detail %q", f.Detail)
			}
			return
		}
	}
	t.Error("not found")
}

// A newer version of the tariff that was published before the charge started
// makes the one in the CDR stale; one published later does not.
func TestAuditStaleTariff(t *testing.T) {
	for updated, want := range map[string]bool{"2025-06-30T00:00:00Z": true, "2025-07-02T00:00:00Z": false} {
		in := auditInput(t)
		newer := in.CDR.Tariffs[0]
		newer.LastUpdated = mustTime(t, updated)
		p, err := Prepare(&newer)
		if err != nil {
			t.Fatal(err)
		}
		in.Tariffs = []*Prepared{p}
		got := slices.ContainsFunc(NewEngine().Audit(in), func(f ocpi.Finding) bool { return f.Code == "stale_tariff" })
		if got != want {
			t.Errorf("updated %s: stale %t, want %t", updated, got, want)
		}
	}
}

// 2.1.1 states the connector's voltage and amperage: 230 V × 16 A give 3.68 kW,
// 50 minutes of it 3.1 kWh.
func TestAuditConnectorPower(t *testing.T) {
	in := auditInput(t)
	in.CDR.Location = ocpi.CDRLocation{PowerType: "AC_1_PHASE", MaxVoltage: number("230"), MaxAmperage: number("16")}
	findings := NewEngine().Audit(in)
	i := slices.IndexFunc(findings, func(f ocpi.Finding) bool { return f.Code == "energy_above_power" })
	if i < 0 || !strings.Contains(findings[i].Detail, "3.68 kW") {
		t.Errorf("findings %+v", findings)
	}
}
