package tariff

import (
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/roamclear/roamclear/ocpi"
)

// drawn makes rapid's seed drive the generator of random_test.go, so that a
// failure shrinks to a seed and is reported with it.
func drawn(t *rapid.T) random {
	return random{rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 7))}
}

var amsterdam = func() *Zone {
	z, err := LoadZone("Europe/Amsterdam")
	if err != nil {
		panic(err)
	}
	return z
}()

// priced prices a CDR and skips the case when it cannot be.
func priced(t *rapid.T, cdr *ocpi.CDR, profile *Profile) *Result {
	out := &Result{}
	NewEngine().Price(&Input{CDR: cdr, Zone: amsterdam, Profile: profile}, out)
	if !out.OK {
		t.Skip(out.Reason)
	}
	return out
}

func anyVersion(r random) ocpi.Version { return pick(r, ocpi.V211, ocpi.V221, ocpi.V230) }

// Lines, the limit line and the rounding line sum to the total to the last
// decimal; the stored form reads back to the same explanation.
func TestLinesSumToTotal(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := drawn(t)
		cdr := r.cdr(anyVersion(r))
		cdr.Credit = r.chance(10)
		in := &Input{CDR: cdr, Zone: amsterdam, Profile: pick(r, Profiles()...)}
		e, out := NewEngine(), &Result{}
		e.Price(in, out)
		x := e.Explain(in, out)
		checkSum(t, x)
		checkRoundTrip(t, x)
	})
}

func checkSum(t interface{ Fatalf(string, ...any) }, x *Explanation) {
	for i, side := range []func(Money) ocpi.Number{func(m Money) ocpi.Number { return m.Excl }, func(m Money) ocpi.Number { return m.Incl }} {
		total := side(x.Total)
		if !total.IsSet() || x.TaxesStated && len(x.Lines) > 0 && !side(x.Lines[0].Amount).IsSet() {
			continue // the CDR states it
		}
		sum := ratAdd(ratNumber(side(x.Limit)), ratNumber(side(x.Rounding)))
		for _, l := range x.Lines {
			if !side(l.Amount).IsSet() {
				t.Fatalf("side %d: the total is known, line %+v is not", i, l)
			}
			sum = ratAdd(sum, ratNumber(side(l.Amount)))
		}
		if x.More.Lines > 0 && !side(x.More.Amount).IsSet() {
			t.Fatalf("side %d: the total is known, what %d lines sum to is not", i, x.More.Lines)
		}
		sum = ratAdd(sum, ratNumber(side(x.More.Amount)))
		if x.Credit {
			sum.Neg(sum)
		}
		if sum.Cmp(ratNumber(total)) != 0 {
			t.Fatalf("side %d: lines, limit and rounding sum to %s, the total is %s", i, sum.FloatString(6), total)
		}
	}
}

// The taxes sum to what lies between the totals, within a rounding each.
func TestTaxesSumToDifference(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := drawn(t)
		for _, scale := range []uint8{4, 12} {
			cdr := r.cdr(pick(r, ocpi.V221, ocpi.V230))
			out := priced(t, cdr, Default.WithScale(scale))
			if !out.Total.Excl.IsSet() || !out.Total.Incl.IsSet() {
				continue
			}
			sum := ratSub(ratNumber(out.Total.Excl), ratNumber(out.Total.Incl))
			for _, tax := range out.Taxes {
				sum = ratAdd(sum, ratNumber(tax.Amount))
			}
			tolerance := ratMul(ratNumber(ocpi.NewNumber(int64(len(out.Taxes)+2), scale)), ratNumber(number("0.5")))
			if sum.Abs(sum).Cmp(tolerance) > 0 {
				t.Fatalf("taxes %+v, total %+v", out.Taxes, out.Total)
			}
		}
	})
}

// The price never falls when energy rises, under non-negative prices, without
// limits and restrictions on energy. A step_size over prices that differ is the
// stated exception: more energy at a low price leaves less surplus to be charged
// at the last, higher one.
func TestPriceRisesWithEnergy(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := drawn(t)
		cdr := r.cdr(anyVersion(r))
		for i := range cdr.Tariffs {
			plain(&cdr.Tariffs[i])
		}
		before := priced(t, cdr, nil)
		more := *cdr
		more.Periods = slices.Clone(cdr.Periods)
		p := &more.Periods[r.IntN(len(more.Periods))]
		p.Dimensions = slices.Clone(p.Dimensions)
		for i := range p.Dimensions {
			if p.Dimensions[i].Dimension == ocpi.DimEnergy && p.Dimensions[i].Volume.Sign() > 0 {
				p.Dimensions[i].Volume = ocpi.NewNumber(p.Dimensions[i].Volume.Coef()+1+r.Int64N(1000), p.Dimensions[i].Volume.Scale())
			}
		}
		after := priced(t, &more, nil)
		if after.Total.Excl.Cmp(before.Total.Excl) < 0 || after.Total.Incl.Cmp(before.Total.Incl) < 0 {
			t.Fatalf("more energy made %+v of %+v", after.Total, before.Total)
		}
	})
}

// plain makes prices non-negative and takes limits, energy bounds and energy
// steps away.
func plain(t *ocpi.Tariff) {
	t.MinPrice, t.MaxPrice = ocpi.Price{}, ocpi.Price{}
	for i := range t.Elements {
		e := &t.Elements[i]
		e.Restrictions.MinKWh, e.Restrictions.MaxKWh = ocpi.Number{}, ocpi.Number{}
		for j := range e.Components {
			if e.Components[j].Type == ocpi.ComponentEnergy {
				e.Components[j].StepSize = ocpi.Number{}
			}
			if e.Components[j].Price.Sign() < 0 {
				e.Components[j].Price = e.Components[j].Price.Neg()
			}
		}
	}
}

// Splitting a period where nothing changes changes nothing.
func TestSplitChangesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := drawn(t)
		cdr := r.cdr(anyVersion(r))
		whole := priced(t, cdr, nil)
		if slices.ContainsFunc(whole.Findings, func(f ocpi.Finding) bool { return f.Code == "period_not_split" }) {
			t.Skip("a price changes inside a period")
		}
		i := r.IntN(len(cdr.Periods))
		first, second, ok := halves(cdr, i)
		if !ok {
			t.Skip("does not halve")
		}
		split := *cdr
		split.Periods = slices.Insert(slices.Clone(cdr.Periods), i+1, second)
		split.Periods[i] = first
		out := priced(t, &split, nil)
		if out.Total != whole.Total || out.Parking != whole.Parking || out.Energy != whole.Energy {
			t.Fatalf("split at period %d: %+v became %+v", i, whole.Total, out.Total)
		}
	})
}

// halves splits a period that measures one time dimension that matches the
// clock; others leave room for another rounding of hours.
func halves(cdr *ocpi.CDR, i int) (first, second ocpi.ChargingPeriod, ok bool) {
	p := cdr.Periods[i]
	end := cdr.End
	if i+1 < len(cdr.Periods) {
		end = cdr.Periods[i+1].Start
	}
	length := int64(end - p.Start)
	if length%(2*ocpi.Second) != 0 || length == 0 {
		return first, second, false
	}
	first, second = p, p
	first.Dimensions, second.Dimensions = nil, nil
	second.Start = p.Start + ocpi.Time(length/2)
	timed := 0
	for _, v := range p.Dimensions {
		a, b := v, v
		switch v.Dimension {
		case ocpi.DimTime, ocpi.DimParkingTime, ocpi.DimReservationTime:
			timed++
			if v.Volume.Scale() < 4 {
				return first, second, false
			}
			half := ocpi.NewNumber(length/ocpi.Second/2*1_000_000/3600, 6)
			a.Volume, b.Volume = half, half
		case ocpi.DimEnergy:
			a.Volume = ocpi.NewNumber(v.Volume.Coef()*5, v.Volume.Scale()+1)
			b.Volume = a.Volume
			if v.Volume.Sign() < 0 { // the cumulated energy may cross a bound twice
				return first, second, false
			}
		}
		first.Dimensions, second.Dimensions = append(first.Dimensions, a), append(second.Dimensions, b)
	}
	return first, second, timed == 1
}

// Elements that price other dimensions, or never apply, may stand anywhere.
func TestOrderOfUnrelatedElements(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := drawn(t)
		cdr := r.cdr(anyVersion(r))
		var split []ocpi.TariffElement // one element per component: nothing changes
		for _, e := range cdr.Tariffs[0].Elements {
			var seen [ocpi.ComponentParkingTime + 1]bool
			for _, c := range e.Components {
				if !seen[c.Type] && c.Type != ocpi.ComponentFlat {
					split = append(split, ocpi.TariffElement{Components: []ocpi.PriceComponent{c}, Restrictions: e.Restrictions})
				}
				seen[c.Type] = true
			}
		}
		cdr.Tariffs[0].Elements = split
		one := priced(t, cdr, nil)
		// A stable sort by dimension moves only unrelated elements past each other.
		sorted := slices.Clone(split)
		slices.SortStableFunc(sorted, func(a, b ocpi.TariffElement) int {
			return int(a.Components[0].Type) - int(b.Components[0].Type)
		})
		cdr.Tariffs[0].Elements = sorted
		if two := priced(t, cdr, nil); two.Total != one.Total {
			t.Fatalf("%+v became %+v", one.Total, two.Total)
		}
	})
}

// The total lies within the limits that apply.
func TestTotalWithinLimits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := drawn(t)
		cdr := r.cdr(pick(r, ocpi.V221, ocpi.V230))
		out := priced(t, cdr, nil)
		tariff := &cdr.Tariffs[0]
		if len(cdr.Tariffs) > 1 {
			t.Skip("one tariff's limits")
		}
		inside := func(n, low, high ocpi.Number) bool {
			return !n.IsSet() || (!high.IsSet() || n.Cmp(high) <= 0) && (!low.IsSet() || n.Cmp(low) >= 0 || high.IsSet() && n.Cmp(high) == 0)
		}
		low := tariff.MinPrice
		if !out.Energy.Excl.IsSet() && !out.Time.Excl.IsSet() && !out.Parking.Excl.IsSet() && !out.Fixed.Excl.IsSet() {
			low = ocpi.Price{} // perhaps a reservation alone
		}
		twoSided := func(p ocpi.Price) bool { return p.Excl.IsSet() && p.Incl.IsSet() }
		if low.IsSet() && tariff.MaxPrice.IsSet() && !(twoSided(low) && twoSided(tariff.MaxPrice)) {
			return // a one-sided limit moves the other side in proportion, beyond the other limit
		}
		if !inside(out.Total.Excl, low.Excl, tariff.MaxPrice.Excl) {
			t.Fatalf("%s is outside %+v %+v", out.Total.Excl, tariff.MinPrice, tariff.MaxPrice)
		}
		if !inside(out.Total.Incl, low.Incl, tariff.MaxPrice.Incl) {
			t.Fatalf("%s is outside %+v %+v", out.Total.Incl, tariff.MinPrice, tariff.MaxPrice)
		}
	})
}

// With steps of one second and one Wh on whole quantities the step rules agree.
func TestStepRulesAgreeAtOne(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := drawn(t)
		cdr := r.cdr(anyVersion(r))
		for i := range cdr.Tariffs {
			for j := range cdr.Tariffs[i].Elements {
				for k := range cdr.Tariffs[i].Elements[j].Components {
					cdr.Tariffs[i].Elements[j].Components[k].StepSize = number("1")
				}
			}
		}
		for i := range cdr.Periods {
			for j := range cdr.Periods[i].Dimensions {
				v := &cdr.Periods[i].Dimensions[j]
				switch v.Dimension {
				case ocpi.DimEnergy:
					v.Volume = ocpi.NewNumber(int64(r.IntN(20_000)), 3)
				case ocpi.DimTime, ocpi.DimParkingTime, ocpi.DimReservationTime:
					v.Volume = ocpi.NewNumber(int64(r.IntN(20_000)), 4) // read back to whole seconds
				}
			}
		}
		want := priced(t, cdr, nil)
		for _, name := range []string{"STEP_LAST_RELEVANT", "STEP_PER_DIM", "STEP_COMBINED", "STEP_LAST_ALLVOL", "STEP_NONE"} {
			p, _ := ProfileByName(name)
			if got := priced(t, cdr, p); got.Total != want.Total {
				t.Fatalf("%s gives %+v, the default %+v", name, got.Total, want.Total)
			}
		}
	})
}
