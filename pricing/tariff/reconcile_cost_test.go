package tariff

import (
	"reflect"
	"testing"

	"github.com/roamclear/roamclear/ocpi"
)

// maxMeanPrices is how many bare prices a reconciliation may cost on average.
const maxMeanPrices = 10

// A reconciliation tries what can apply, and little else: on average it computes
// ten prices at most, its own among them, over every mistake that the tests of
// this package know and the public cases.
func TestReconcileIsCheap(t *testing.T) {
	most, sum, n := 0, 0, 0
	count := func(name string, r Reconciliation) {
		if r.Prices > 4*maxMeanPrices {
			t.Errorf("%s: %d prices", name, r.Prices)
		}
		most, sum, n = max(most, r.Prices), sum+r.Prices, n+1
	}
	for _, name := range caseNames {
		in := caseInput(t, name)
		count(name, NewEngine().Reconcile(in, in.CDR.TotalCost))
	}
	for _, text := range []string{dayAndNight, hotel, steps, tenMinutes, rawTwice, dear + "step 1"} {
		v := parseVector(t, text)
		for _, claimed := range claimsOf(&v.in) {
			count(text, NewEngine().Reconcile(&v.in, claimed))
		}
	}
	t.Logf("%d reconciliations: %.1f prices on average, %d at most", n, float64(sum)/float64(n), most)
	if sum > maxMeanPrices*n {
		t.Errorf("%d prices for %d reconciliations, want %d each on average", sum, n, maxMeanPrices)
	}
}

// claimsOf lists what other readings make of a CDR, and what none does.
func claimsOf(in *Input) (claims []ocpi.Price) {
	e, base, out := NewEngine(), &Result{}, &Result{}
	if e.Price(in, base); !base.OK {
		return nil
	}
	add := func(excl, incl ocpi.Number) {
		claims = append(claims, ocpi.Price{Excl: excl, Incl: incl})
	}
	for _, p := range variants(profileOf(in)) {
		other := *in
		other.Profile = p
		if e.Price(&other, out); out.OK && out.Total != base.Total {
			add(out.Total.Excl, out.Total.Incl)
		}
	}
	for _, zone := range []*Zone{UTC, FixedZone("", 3600), FixedZone("", 7200), FixedZone("", 10800)} {
		other := *in
		other.Zone = zone
		if e.Price(&other, out); out.OK && out.Total != base.Total {
			add(out.Total.Excl, out.Total.Incl)
		}
	}
	t := base.Total
	add(t.Incl, t.Excl)
	for _, more := range []string{"0.01", "0.37", "-0.02", "100"} {
		excl, ok := t.Excl.Add(number(more))
		incl, ok2 := t.Incl.Add(number(more))
		if ok && ok2 {
			add(excl, incl)
		}
	}
	return claims
}

// variants are all rules that a reconciliation tries.
func variants(base *Profile) (list []*Profile) {
	list = append(list, profiles...)
	for _, m := range mistakes {
		p := *base
		m.vary(&p)
		list = append(list, &p)
	}
	last := *base
	last.Match = MatchLast
	list = append(list, &last)
	for rule := StepLast; rule <= StepPerPeriod; rule++ {
		p := *base
		p.Hours, p.Step = HoursRaw, rule
		list = append(list, &p)
	}
	return list
}

// What is not tried would not have been found: over random CDRs, and claims that
// the readings make of them, trying everything finds the same.
func TestNothingIsLostByNotTrying(t *testing.T) {
	seeds := uint64(envInt(t, "TARIFF_PAIRS", 20_000) / 100)
	tried, all, found := 0, 0, 0
	for seed := range seeds {
		r := randomOf(seed)
		in := &Input{CDR: r.cdr(anyVersion(r)), Zone: amsterdam, Profile: pick(r, Default, Default, pick(r, profiles...))}
		in.CDR.Credit = r.chance(5)
		for _, claimed := range claimsOf(in) {
			e, every := NewEngine(), NewEngine()
			every.exhaustive = true
			got, want := e.Reconcile(in, claimed), every.Reconcile(in, claimed)
			tried, all = tried+got.Prices, all+want.Prices
			if got.Verdict == VerdictFound || got.Verdict == VerdictSeveral {
				found++
			}
			got.Prices, want.Prices = 0, 0
			if !reflect.DeepEqual(got, want) {
				t.Fatalf("seed %d, profile %s, claim %s / %s:\ngot  %+v\nwant %+v\ntariffs %+v\nperiods %+v", seed, in.Profile.Name, claimed.Excl, claimed.Incl,
					got, want, in.CDR.Tariffs, in.CDR.Periods)
			}
		}
	}
	t.Logf("%d explained; %d prices instead of %d", found, tried, all)
	if found == 0 {
		t.Error("nothing was explained: the test proves nothing")
	}
}
