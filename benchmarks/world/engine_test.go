package world

import (
	"testing"

	"github.com/roamclear/roamclear/ocpi"
	product "github.com/roamclear/roamclear/pricing/tariff"
	"github.com/shopspring/decimal"
)

// The engine and this package's own arithmetic must agree on every CDR whose
// class says so, to the last decimal and in every sub-total, and the engine
// must not agree with a wrong total.
func TestEngineAgrees(t *testing.T) {
	_, all, _ := collect(t, Options{Seed: 1})
	published := map[string]*product.Prepared{} // by path
	var lists [16]ocpi.Decoder                  // a prepared tariff may alias its decoder
	for _, i := range all {
		if i.Module != Tariffs {
			continue
		}
		d := &lists[len(published)]
		list, err := d.Tariff(ocpi.V221, i.Body)
		if err != nil {
			t.Fatal(err)
		}
		prepared, err := product.Prepare(list)
		if err != nil {
			t.Fatal(err)
		}
		published[i.Path] = prepared
	}
	var d ocpi.Decoder
	engine := product.NewEngine()
	var result product.Result
	for _, i := range all {
		if i.Module != CDRs || i.Class.Refused() || i.Claim.Credit {
			continue
		}
		c, err := d.CDR(ocpi.V221, i.Body)
		if err != nil {
			t.Fatal(err)
		}
		in := product.Input{CDR: c, Zone: zoneOf(t, i.Sender)}
		if p := published[objectPath(i.Sender, c.Periods[0].TariffID)]; p != nil {
			in.Tariffs = append(in.Tariffs, p)
		}
		engine.Price(&in, &result)
		check(t, &i, c, &result)
	}
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
	case i.Class == WrongTotal || i.Class == Conflict:
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
