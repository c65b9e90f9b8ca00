package world

import (
	"slices"
	"testing"

	"github.com/roamclear/roamclear/ocpi"
	product "github.com/roamclear/roamclear/pricing/tariff"
	"github.com/shopspring/decimal"
)

// The engine and this package's own arithmetic must agree on every CDR whose
// class says so, to the last decimal and in every sub-total, and the engine
// must not agree with a wrong total.
func TestEngineAgrees(t *testing.T) {
	_, all, ref := collect(t, Options{Seed: 1})
	published := priceListsOf(t, all)
	var d ocpi.Decoder
	engine := product.NewEngine()
	var result product.Result
	mistakes, explained := map[string]int{}, 0
	var cost, random reconciled
	for _, i := range all {
		if i.Module != CDRs || i.Class.Refused() || i.Claim.Credit {
			continue
		}
		c, err := d.CDR(ocpi.V221, i.Body)
		if err != nil {
			t.Fatal(err)
		}
		in := product.Input{CDR: c, Zone: zoneOf(t, i.Sender)}
		in.Tariffs, in.Others = published.at(objectPath(i.Sender, c.Periods[0].TariffID), c.Start)
		engine.Price(&in, &result)
		check(t, &i, c, &result)
		if i.Class != Mistaken && i.Class != WrongTotal || !result.OK {
			continue
		}
		why := engine.Reconcile(&in, c.TotalCost)
		cost.add(why)
		if i.Class == WrongTotal {
			random.add(why)
			continue
		}
		mistakes[i.Mistake]++
		if explains(t, why, &i) {
			explained++
		}
	}
	for _, m := range mistakesMade {
		if mistakes[m] == 0 {
			t.Errorf("nobody makes the mistake %s", m)
		}
		delete(mistakes, m)
	}
	if len(mistakes) > 0 {
		t.Errorf("mistakes nobody knows of: %v", mistakes)
	}
	t.Logf("%d mistakes, %d with exactly one explanation", ref.ByClass[Mistaken], explained)
	if n := ref.ByClass[Mistaken]; explained*5 < n*4 {
		t.Errorf("of %d mistakes %d have exactly one explanation, want four in five", n, explained)
	}
	t.Logf("%d reconciliations cost %.1f prices on average; of %d random totals %d are explained", cost.n, float64(cost.prices)/float64(cost.n), random.n, random.explained)
	if cost.prices > 10*cost.n {
		t.Errorf("%d reconciliations cost %d prices, want ten each on average at most", cost.n, cost.prices)
	}
	if random.explained*5 > random.n {
		t.Errorf("%d of %d random totals are explained: what explains anything explains nothing", random.explained, random.n)
	}
}

// reconciled counts reconciliations.
type reconciled struct{ n, prices, explained int }

func (r *reconciled) add(why product.Reconciliation) {
	r.n++
	r.prices += why.Prices
	if len(why.Readings) > 0 && why.Readings[0].Code != product.OwnSum { // which says of a random total what it is
		r.explained++
	}
}

// mistakesMade are the codes that a clearing house must find.
var mistakesMade = []string{
	"vat_forgotten", "vat_twice", "prices_taken_as_gross", "STEP_NONE", "step_per_period", "zone_utc", "max_price_forgotten",
	"min_price_forgotten", "start_fee_twice", "start_fee_missing", "parking_not_charged", "tariff_of_another_version", "energy_in_wh",
}

// explains reports whether a reconciliation finds a mistake and nothing else; it must be
// among what it finds.
func explains(t *testing.T, why product.Reconciliation, i *Item) bool {
	t.Helper()
	var codes []string
	for _, r := range why.Readings {
		codes = append(codes, r.Code)
	}
	if !slices.Contains(codes, i.Mistake) {
		t.Errorf("%s: %s is not among %v", i.Claim.Key, i.Mistake, codes)
	}
	return why.Verdict == product.VerdictFound
}

// priceListVersion is one version of a published tariff.
type priceListVersion struct {
	since    ocpi.Time
	prepared *product.Prepared
}

// published are the versions of each tariff by its path, in order.
type published map[string][]priceListVersion

func priceListsOf(t *testing.T, all []Item) published {
	t.Helper()
	lists := published{}
	for _, i := range all {
		if i.Module != Tariffs {
			continue
		}
		list, err := new(ocpi.Decoder).Tariff(ocpi.V221, i.Body) // a prepared tariff may alias its decoder
		if err != nil {
			t.Fatal(err)
		}
		prepared, err := product.Prepare(list)
		if err != nil {
			t.Fatal(err)
		}
		lists[i.Path] = append(lists[i.Path], priceListVersion{list.LastUpdated, prepared})
	}
	return lists
}

// at returns the version in force at an instant, none where there is no such
// tariff, and the others.
func (p published) at(path string, start ocpi.Time) (force, others []*product.Prepared) {
	versions := p[path]
	n := len(versions) - 1
	for n > 0 && versions[n].since > start {
		n--
	}
	for i, v := range versions {
		if i == n {
			force = append(force, v.prepared)
		} else {
			others = append(others, v.prepared)
		}
	}
	return force, others
}

func zoneOf(t *testing.T, party ocpi.Party) *product.Zone {
	for n := range cpos {
		if cpos[n].party == party {
			z, err := product.LoadZone(cpos[n].zone.String())
			if err != nil {
				t.Fatal(err)
			}
			return z
		}
	}
	t.Fatalf("no CPO %s", party)
	return nil
}

func check(t *testing.T, i *Item, c *ocpi.CDR, r *product.Result) {
	t.Helper()
	switch {
	case i.Class == UnknownTariff:
		if r.OK {
			t.Errorf("%s, %s: priced %s", i.Claim.Key, i.Class, r.Total.Excl)
		}
	case i.Class == EndBeforeStart:
		if r.OK && r.Claim != product.ClaimAgrees {
			t.Errorf("%s: priced %s, claimed %s", i.Claim.Key, r.Total.Excl, i.Claim.Excl)
		}
	case !r.OK:
		t.Errorf("%s, %s: %s %s", i.Claim.Key, i.Class, r.Reason, r.Detail)
	case i.Class == WrongTotal || i.Class == Conflict || i.Class == Mistaken:
		if r.Claim != product.ClaimDiffers {
			t.Errorf("%s: wrong total %s taken for right", i.Claim.Key, i.Claim.Excl)
		}
	case i.Class.Priced():
		if r.Claim != product.ClaimAgrees {
			t.Errorf("%s, %s: claim %s", i.Claim.Key, i.Class, r.Claim)
		}
		same(t, i, "total_cost", c.TotalCost, r.Total)
		same(t, i, "total_fixed_cost", c.TotalFixedCost, r.Fixed)
		same(t, i, "total_energy_cost", c.TotalEnergyCost, r.Energy)
		same(t, i, "total_time_cost", c.TotalTimeCost, r.Time)
		same(t, i, "total_parking_cost", c.TotalParkingCost, r.Parking)
	}
}

func same(t *testing.T, i *Item, field string, claimed ocpi.Price, computed product.Money) {
	t.Helper()
	value := func(n ocpi.Number) decimal.Decimal {
		if !n.IsSet() {
			return decimal.Zero
		}
		return must(n.String())
	}
	if !value(claimed.Excl).Equal(value(computed.Excl)) || claimed.Incl.IsSet() && !value(claimed.Incl).Equal(value(computed.Incl)) {
		t.Errorf("%s, %s: %s is %s / %s, the engine says %s / %s", i.Claim.Key, i.Class, field, claimed.Excl, claimed.Incl, computed.Excl, computed.Incl)
	}
}
