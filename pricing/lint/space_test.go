package lint

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/roamclear/roamclear/ocpi"
)

// moment is one point of what may happen, on the grid of all bounds.
type moment struct {
	at       time.Time // local
	kwh      int64
	duration int64
}

// matches is the rule of P-04, word for word.
func matches(r *ocpi.Restrictions, m moment) bool {
	minute := m.at.Hour()*60 + m.at.Minute()
	date := ocpi.Date{Year: int16(m.at.Year()), Month: uint8(m.at.Month()), Day: uint8(m.at.Day())}
	if r.StartTime.IsSet() && r.EndTime.IsSet() {
		start, end := r.StartTime.Minute(), r.EndTime.Minute()
		switch {
		case start < end && (minute < start || minute >= end):
			return false
		case start > end && minute < start && minute >= end:
			return false
		}
	}
	switch {
	case r.DayOfWeek != 0 && !r.DayOfWeek.Has(m.at.Weekday()),
		r.StartDate.IsSet() && date.String() < r.StartDate.String(),
		r.EndDate.IsSet() && date.String() >= r.EndDate.String(),
		r.MinKWh.IsSet() && ocpi.NewNumber(m.kwh, 0).Cmp(r.MinKWh) < 0,
		r.MaxKWh.IsSet() && ocpi.NewNumber(m.kwh, 0).Cmp(r.MaxKWh) >= 0,
		r.MinDuration.IsSet() && ocpi.NewNumber(m.duration, 0).Cmp(r.MinDuration) < 0,
		r.MaxDuration.IsSet() && ocpi.NewNumber(m.duration, 0).Cmp(r.MaxDuration) >= 0:
		return false
	}
	return true
}

var (
	gridMinutes = []int{0, 360, 720, 1320}
	gridDays    = []int{1, 2, 4, 9, 13} // of June 2025
	gridNumbers = []int64{0, 5, 10}
)

// grid lists every moment at which something may change, and the days between.
func grid() (all []moment) {
	for day := -7; day < 25; day++ {
		for _, minute := range gridMinutes {
			for _, kwh := range gridNumbers {
				for _, duration := range gridNumbers {
					all = append(all, moment{time.Date(2025, 6, day, 0, minute, 0, 0, time.UTC), kwh, duration})
				}
			}
		}
	}
	return all
}

func drawRestrictions(t *rapid.T) (r ocpi.Restrictions) {
	number := rapid.Custom(func(t *rapid.T) ocpi.Number {
		return ocpi.NewNumber(rapid.SampledFrom(gridNumbers).Draw(t, "number"), 0)
	})
	maybe := func(name string) bool { return rapid.IntRange(0, 3).Draw(t, name) == 0 }
	if maybe("window") {
		r.StartTime = ocpi.NewTimeOfDay(0, rapid.SampledFrom(gridMinutes).Draw(t, "start"))
		r.EndTime = ocpi.NewTimeOfDay(0, rapid.SampledFrom(gridMinutes).Draw(t, "end"))
	}
	if maybe("days") {
		r.DayOfWeek = ocpi.Weekdays(rapid.IntRange(1, 127).Draw(t, "weekdays"))
	}
	if maybe("from") {
		r.StartDate = ocpi.Date{Year: 2025, Month: 6, Day: uint8(rapid.SampledFrom(gridDays).Draw(t, "start date"))}
	}
	if maybe("until") {
		r.EndDate = ocpi.Date{Year: 2025, Month: 6, Day: uint8(rapid.SampledFrom(gridDays).Draw(t, "end date"))}
	}
	for name, n := range map[string]*ocpi.Number{"a": &r.MinKWh, "b": &r.MaxKWh, "c": &r.MinDuration, "d": &r.MaxDuration} {
		if maybe(name) {
			*n = number.Draw(t, name)
		}
	}
	return r
}

// TestCoverageIsExact compares the set arithmetic with asking, moment by
// moment, which element applies.
func TestCoverageIsExact(t *testing.T) {
	moments := grid()
	rapid.Check(t, func(t *rapid.T) {
		tariff := &ocpi.Tariff{Version: ocpi.V221, Currency: "EUR"}
		n := rapid.IntRange(1, 6).Draw(t, "elements")
		for range n {
			tariff.Elements = append(tariff.Elements, ocpi.TariffElement{
				Components:   []ocpi.PriceComponent{{Type: ocpi.ComponentEnergy, Price: ocpi.NewNumber(1, 0)}},
				Restrictions: drawRestrictions(t),
			})
		}
		used, gap := make([]bool, n), false
		for _, m := range moments {
			i := slices.IndexFunc(tariff.Elements, func(e ocpi.TariffElement) bool { return matches(&e.Restrictions, m) })
			if i < 0 {
				gap = true
				continue
			}
			used[i] = true
		}
		c := &checker{t: tariff}
		s := newSpace(tariff)
		offers := c.offers(s, ocpi.ReservationNone, ocpi.ComponentEnergy)
		region, ok := c.shadows(s, offers, make([]int, n))
		if !ok {
			t.Fatal("gave up")
		}
		for i := range offers {
			if offers[i].dead == used[i] {
				t.Errorf("elements[%d] %+v: dead is %v", i, tariff.Elements[i].Restrictions, offers[i].dead)
			}
		}
		if gap != (len(region) > 0) {
			t.Errorf("gap is %v, found %s", gap, s.when(region))
		}
	})
}

// TestBounds holds that neither the work nor the list grows without end.
func TestBounds(t *testing.T) {
	knotted := &ocpi.Tariff{Version: ocpi.V221, Currency: "EUR"}
	for i := range int64(1000) {
		knotted.Elements = append(knotted.Elements, ocpi.TariffElement{
			Components: []ocpi.PriceComponent{{Type: ocpi.ComponentEnergy, Price: ocpi.NewNumber(i, 0), VAT: ocpi.NewNumber(i%7, 0), StepSize: ocpi.NewNumber(1, 0)}},
			Restrictions: ocpi.Restrictions{
				MinKWh: ocpi.NewNumber(1+i*37%100, 0), MaxKWh: ocpi.NewNumber(3+i*37%100, 0),
				MinDuration: ocpi.NewNumber(60+i*53%100, 0), MaxDuration: ocpi.NewNumber(63+i*53%100, 0),
				MinCurrent: ocpi.NewNumber(1+i*71%100, 0), MaxCurrent: ocpi.NewNumber(4+i*71%100, 0),
				MinPower: ocpi.NewNumber(1+i*91%97, 0), MaxPower: ocpi.NewNumber(30+i*91%97, 0),
				StartTime: ocpi.NewTimeOfDay(0, int(i*13%1440)), EndTime: ocpi.NewTimeOfDay(0, int(i*29%1440)),
			},
		})
	}
	twice := *knotted
	twice.Elements = slices.Clone(knotted.Elements[:200])
	for i := range twice.Elements {
		p := twice.Elements[i].Components[0]
		p.Type = ocpi.ComponentTime
		twice.Elements[i].Components = append([]ocpi.PriceComponent{p}, twice.Elements[i].Components...)
	}
	for _, tariff := range []*ocpi.Tariff{knotted, &twice} {
		findings := Check(tariff)
		if !slices.ContainsFunc(findings, func(f ocpi.Finding) bool { return f.Code == "analysis_bounded" }) {
			t.Errorf("%d elements: not bounded", len(tariff.Elements))
		}
	}

	long := &ocpi.Tariff{Version: ocpi.V221, Currency: "EUR"}
	for range maxFindings + 1 {
		long.Elements = append(long.Elements, ocpi.TariffElement{
			Components: []ocpi.PriceComponent{{Type: ocpi.ComponentFlat, Price: ocpi.NewNumber(-1, 0), StepSize: ocpi.NewNumber(1, 0)}},
		})
	}
	findings := Check(long)
	codes := map[string]bool{} // the first of each is listed in any case
	for _, f := range findings {
		codes[f.Code] = true
	}
	if n := len(findings); n <= maxFindings || n > maxFindings+len(codes) || findings[n-1].Code != "more_findings" {
		t.Errorf("%d findings, the last %+v", len(findings), findings[len(findings)-1])
	}
}

func FuzzTariff(f *testing.F) {
	for _, restrictions := range []string{`{}`, `{"min_kwh":-1,"max_kwh":1e3}`, `{"start_time":"24:00","day_of_week":["Monday",1,null]}`, `[]`, `null`} {
		f.Add([]byte(fmt.Sprintf(`{"country_code":"DE","party_id":"ALL","id":"1","currency":"EUR","elements":[{"price_components":[{"type":"ENERGY","price":"0.25","vat":0.1,"step_size":1}],"restrictions":%s}]}`, restrictions)), byte(2))
	}
	f.Add([]byte(strings.Repeat(`[`, 1000)), byte(0))
	f.Add([]byte(`{"min_price":{"before_taxes":1},"elements":[{"price_components":[]}]}`), byte(3))
	f.Fuzz(func(t *testing.T, raw []byte, v byte) {
		r := Explained(raw, ocpi.Version(v%4))
		for _, finding := range r.Findings {
			if finding.Code == "" || finding.Path == "" || finding.Detail == "" {
				t.Errorf("incomplete: %+v", finding)
			}
		}
	})
}

// A tariff is doubtful by what is serious in one of its parts, not by how its elements
// cover one another.
func TestDoubtful(t *testing.T) {
	element := func(price int64) ocpi.TariffElement {
		return ocpi.TariffElement{Components: []ocpi.PriceComponent{{Type: ocpi.ComponentEnergy, Price: ocpi.NewNumber(price, 0), StepSize: ocpi.NewNumber(1, 0)}}}
	}
	for name, c := range map[string]struct {
		elements          []ocpi.TariffElement
		doubtful, serious bool
	}{
		"in order":                      {[]ocpi.TariffElement{element(1)}, false, false},
		"a price below zero":            {[]ocpi.TariffElement{element(-1)}, true, true},
		"a price that is never charged": {[]ocpi.TariffElement{element(1), element(2)}, false, true},
	} {
		tariff := &ocpi.Tariff{Version: ocpi.V221, Currency: "EUR", Elements: c.elements}
		serious := slices.ContainsFunc(Check(tariff), func(f ocpi.Finding) bool { return f.Severity == ocpi.Serious })
		if Doubtful(tariff) != c.doubtful || serious != c.serious {
			t.Errorf("%s: doubtful %t, serious %t", name, Doubtful(tariff), serious)
		}
	}
}
