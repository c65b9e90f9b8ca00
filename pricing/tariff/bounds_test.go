package tariff

import (
	"strconv"
	"testing"

	"github.com/roamclear/roamclear/ocpi"
)

// TestLargest prices and explains the largest CDR by the largest tariff that
// are accepted, with the worst order of elements: the work is periods × elements
// and the explanation stays bounded.
func TestLargest(t *testing.T) {
	tariff := ocpi.Tariff{Version: ocpi.V221, ID: "T", Currency: "EUR"}
	for i := range MaxElements {
		e := inlineElement(t, "ENERGY 0.25 vat 10 step 1 | max_kwh 1, min_kwh 1")
		e.Restrictions.MinCurrent = number(strconv.Itoa(i))
		if i >= MaxElements-2 { // the last two take turns
			e.Restrictions = ocpi.Restrictions{MinCurrent: number("16")}
		}
		if i == MaxElements-1 {
			e.Restrictions = ocpi.Restrictions{}
		}
		tariff.Elements = append(tariff.Elements, e)
	}
	cdr := &ocpi.CDR{Version: ocpi.V221, Currency: "EUR", Tariffs: []ocpi.Tariff{tariff}, Start: mustTime(t, "2025-07-01T00:00:00Z")}
	for i := range MaxPeriods {
		cdr.Periods = append(cdr.Periods, ocpi.ChargingPeriod{
			Start: cdr.Start + ocpi.Time(int64(i)*ocpi.Second),
			Dimensions: []ocpi.Volume{
				{Dimension: ocpi.DimEnergy, Volume: number("0.001")},
				{Dimension: ocpi.DimMaxCurrent, Volume: number(strconv.Itoa(i % 2 * 16))},
			},
		})
	}
	cdr.End = cdr.Start + ocpi.Time(MaxPeriods*ocpi.Second)
	in, e, out := &Input{CDR: cdr}, NewEngine(), &Result{}
	e.Price(in, out)
	if !out.OK || out.Total.Excl.String() != "2.5000" {
		t.Fatalf("%s %s: %+v", out.Reason, out.Detail, out.Total)
	}
	x := e.Explain(in, out)
	checkSum(t, x)
	if !x.Truncated {
		t.Error("not truncated")
	}
	if size := len(x.AppendJSON(nil)); size > 1<<20 {
		t.Errorf("the explanation has %d bytes", size)
	}
}

// A tariff that is not there and a profile beyond the scale are no reason to panic.
func TestOddInputs(t *testing.T) {
	v := parseVector(t, "period: 2025-07-01T04:00:00Z ENERGY 1 @T\nend: 2025-07-01T05:00:00Z")
	v.in.Tariffs = []*Prepared{nil}
	e, out := NewEngine(), &Result{}
	if e.Price(&v.in, out); out.Reason != ReasonUnknownTariff {
		t.Errorf("nil tariff: %q", out.Reason)
	}
	v.in.CDR.Periods[0].TariffID = ""
	if e.Price(&v.in, out); out.Reason != ReasonUnknownTariff {
		t.Errorf("nil tariff, no name: %q", out.Reason)
	}
	if e.Price(&Input{}, out); out.OK || out.Reason == "" {
		t.Errorf("no CDR: %+v", out)
	}
	v = parseVector(t, "tariff: inline id=T currency=EUR\nelement: ENERGY 0.25\nperiod: 2025-07-01T04:00:00Z ENERGY 1 @T\nend: 2025-07-01T05:00:00Z")
	v.in.Profile = &Profile{Name: "beyond", Scale: 200}
	if e.Price(&v.in, out); out.Total.Excl.String() != "0.250000000000" {
		t.Errorf("scale 200: %+v", out.Total)
	}
}

// Readings lists only what differs.
func TestReadings(t *testing.T) {
	v := parseVector(t, steps)
	if got := NewEngine().Readings(&v.in); len(got) != 0 {
		t.Errorf("3 kWh in steps of one: %+v", got)
	}
	v = parseVector(t, dayAndNight)
	for _, r := range NewEngine().Readings(&v.in) {
		if r.Code == "STEP_NONE" && r.Total.Excl.String() == "6.8417" {
			return
		}
	}
	t.Error("STEP_NONE is missing")
}
