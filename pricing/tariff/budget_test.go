package tariff

import (
	"fmt"
	"reflect"
	"slices"
	"testing"

	"github.com/roamclear/roamclear/ocpi"
)

var hostileSizes = []int{64 << 10, 1 << 20}

// No CDR that is accepted may cost more than a bounded number of steps, and
// which steps those are depends on the CDR alone.
func TestWorkIsBounded(t *testing.T) {
	// One look at the last period may go beyond a budget: five types before and
	// after, each against every element.
	const beyond = 10 * MaxElements
	seen := map[string]bool{}
	used := NewEngine()
	for _, size := range hostileSizes {
		for _, h := range hostiles {
			in, _ := hostileInput(t, h, size)
			e, out := NewEngine(), &Result{}
			if e.Price(in, out); e.steps > MaxSteps+beyond || e.splitSteps > maxSplitSteps+beyond {
				t.Errorf("%s, %d: a price of %d steps and %d for splits", h.name, size, e.steps, e.splitSteps)
			}
			seen[out.Reason] = true
			findings := e.AuditPriced(in, out)
			if out.OK && e.steps > maxAuditSteps+beyond {
				t.Errorf("%s, %d: an audit of %d steps", h.name, size, e.steps)
			}
			for _, f := range findings {
				seen[f.Code] = true
			}
			reconciled := e.Reconcile(in, in.CDR.TotalCost)
			if reconciled.CutShort != (reconciled.Verdict == VerdictCutShort) {
				t.Errorf("%s, %d: %s, cut short: %t", h.name, size, reconciled.Verdict, reconciled.CutShort)
			}
			seen[string(reconciled.Verdict)] = true
			if size > hostileSizes[0] {
				continue
			}
			if got := used.Audit(in); !slices.Equal(got, findings) {
				t.Errorf("%s: an engine that was used before finds %v, want %v", h.name, got, findings)
			}
			if got := used.Reconcile(in, in.CDR.TotalCost); !reflect.DeepEqual(got, reconciled) {
				t.Errorf("%s: an engine that was used before gives %v, want %v", h.name, got, reconciled)
			}
		}
	}
	for _, want := range []string{"", ReasonTooMuchWork, "audit_cut_short", string(VerdictCutShort), string(VerdictNoneFound)} {
		if !seen[want] {
			t.Errorf("nothing ended in %q", want)
		}
	}
}

// What is of ordinary size, or ten times that, is looked at to its end.
func TestOrdinaryWorkIsDone(t *testing.T) {
	text := "zone: Europe/Amsterdam\ntariff: inline id=T currency=EUR"
	for i := range 10 {
		text += fmt.Sprintf("\nelement: ENERGY 0.%d vat 10; TIME 1; PARKING_TIME 2 | start_time %02d:00, end_time %02d:00", 20+i, 2*i, 2*i+2)
	}
	for i := range 300 {
		text += fmt.Sprintf("\nperiod: 2025-07-01T%02d:%02d:00Z ENERGY 0.5 TIME 0.0333", 2+i/30, i%30*2)
	}
	v := parseVector(t, text+"\nend: 2025-07-01T12:00:00Z")
	v.in.CDR.TotalCost.Excl = number("1000000")
	e := NewEngine()
	for _, f := range e.Audit(&v.in) {
		if f.Code == "audit_cut_short" {
			t.Error(f)
		}
	}
	if got := e.Reconcile(&v.in, v.in.CDR.TotalCost); got.Verdict != VerdictNoneFound {
		t.Errorf("%+v", got)
	}
}

func TestTooManyRates(t *testing.T) {
	rates := func(from, n int) (elements []ocpi.TariffElement) {
		for i := range n {
			e := inlineElement(t, "FLAT 1")
			e.Components[0].VAT = ocpi.NewNumber(int64(from+i), 2)
			e.Restrictions.MinDuration, e.Restrictions.MaxDuration = ocpi.NewNumber(int64(i), 0), ocpi.NewNumber(int64(i+1), 0)
			elements = append(elements, e)
		}
		return elements
	}
	for _, c := range []struct {
		elements [2]int
		want     string
	}{
		{[2]int{MaxRates, 0}, ""}, {[2]int{MaxRates + 1, 0}, ReasonTooManyRates}, {[2]int{MaxRates / 2, MaxRates / 2}, ""},
		{[2]int{MaxRates / 2, MaxRates/2 + 1}, ReasonTooManyRates},
	} {
		v := parseVector(t, "tariff: inline id=A currency=EUR\ntariff: inline id=B currency=EUR\nperiod: 2025-07-01T02:00:00Z TIME 1")
		cdr := v.in.CDR
		cdr.Periods = nil
		for i, n := range c.elements {
			cdr.Tariffs[i].Elements = rates(1+i*MaxRates, n)
		}
		for j := range MaxRates + 2 {
			for i, n := range c.elements {
				if j < n {
					cdr.Periods = append(cdr.Periods, ocpi.ChargingPeriod{Start: cdr.Start + ocpi.Time(int64(j)*ocpi.Second),
						Dimensions: []ocpi.Volume{{Dimension: ocpi.DimTime, Volume: number("0")}}, TariffID: cdr.Tariffs[i].ID})
				}
			}
		}
		cdr.End = cdr.Start + ocpi.Time(200*ocpi.Second)
		var out Result
		if NewEngine().Price(&v.in, &out); out.Reason != c.want {
			t.Errorf("%v rates: %q %s, want %q", c.elements, out.Reason, out.Detail, c.want)
		}
	}
}

// The search for a price that changes inside a period looks at the bounds inside
// it only; looking at every bound of the tariff finds the same.
func TestSplitsAgainstEveryBound(t *testing.T) {
	for seed := range uint64(4000) {
		r := randomOf(seed)
		in := &Input{CDR: r.cdr(anyVersion(r)), Zone: amsterdam}
		if r.chance(30) { // periods of days
			for i := range in.CDR.Periods {
				in.CDR.Periods[i].Start = in.CDR.Start + (in.CDR.Periods[i].Start-in.CDR.Start)*97
			}
			in.CDR.End = in.CDR.Start + (in.CDR.End-in.CDR.Start)*97
		}
		e, out := NewEngine(), &Result{}
		if e.Price(in, out); !out.OK {
			continue
		}
		var want []string
		s := state{}
		for i := range e.periods {
			p := &e.periods[i]
			if p.tariff != noTariff {
				t := &e.tariffs[p.tariff]
				e.stateAt(&s, p, t)
				if kind, at := e.everyBound(i, p, t, &s); kind != ocpi.ComponentUnknown {
					want = append(want, periodPath(i)+" "+kind.String()+" "+at)
				}
			}
			s.kwh = e.add(s.kwh, p.energy)
		}
		var got []string
		s = state{}
		for i := range e.periods {
			p := &e.periods[i]
			if p.tariff != noTariff {
				t := &e.tariffs[p.tariff]
				e.stateAt(&s, p, t)
				if kind, at := e.changeInside(i, p, t, &s); kind != ocpi.ComponentUnknown {
					got = append(got, periodPath(i)+" "+kind.String()+" "+at)
				}
			}
			s.kwh = e.add(s.kwh, p.energy)
		}
		if !slices.Equal(want, got) {
			t.Fatalf("seed %d: %q, want %q", seed, got, want)
		}
	}
}

// everyBound is changeInside without its short cuts.
func (e *Engine) everyBound(i int, p *period, t *used, s *state) (ocpi.Component, string) {
	if !t.usesBounds || !p.end.IsSet() || p.end <= p.start {
		return ocpi.ComponentUnknown, ""
	}
	states := []state{*s}
	if p.reservationOnly() {
		states = nil
	}
	if p.has&volumeReservation != 0 {
		states = append(states, e.reserved(s))
	}
	for _, s := range states {
		reserved := s.elapsed == int64(p.start-e.reservationStart) && (p.reservationOnly() || s != states[0])
		at := e.pricedAt(i, p, t, &s, reserved)
		for _, bound := range t.bounds.elapsed {
			inside := s
			inside.elapsed = bound
			if s.elapsed < bound && bound-s.elapsed < int64(p.end-p.start) {
				if kind := e.changed(&at, i, p, t, &inside, reserved); kind != ocpi.ComponentUnknown {
					return kind, "at " + (p.start + ocpi.Time(bound-s.elapsed)).String()
				}
			}
		}
		for _, bound := range t.bounds.energies {
			inside := s
			inside.kwh = bound
			if s.kwh.less(bound) && bound.less(e.add(s.kwh, p.energy)) {
				if kind := e.changed(&at, i, p, t, &inside, reserved); kind != ocpi.ComponentUnknown {
					return kind, "at " + number12(bound).String() + " kWh"
				}
			}
		}
		for day := range int64(9) {
			for _, bound := range t.bounds.seconds {
				instant := p.start + ocpi.Time((int64(bound)-int64(s.wall.second)+day*secondsPerDay)*ocpi.Second)
				if !t.usesWallClock || instant <= p.start || instant >= p.end {
					continue
				}
				inside := s
				inside.elapsed += int64(instant - p.start)
				inside.wall = e.clock.at(instant)
				if kind := e.changed(&at, i, p, t, &inside, reserved); kind != ocpi.ComponentUnknown {
					return kind, "at " + instant.String()
				}
			}
		}
	}
	return ocpi.ComponentUnknown, ""
}
