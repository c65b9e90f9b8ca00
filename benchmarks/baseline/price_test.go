package baseline

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/roamclear/roamclear/benchmarks/world"
	"github.com/shopspring/decimal"
)

// The baseline does the same work: its prices are those of right CDRs, but for
// what hours with 4 decimals lose.
func TestPriceAgrees(t *testing.T) {
	tolerance := decimal.RequireFromString("0.05")
	priced := 0
	for item, err := range world.Items(world.Options{Seed: 1, Only: []world.Module{world.CDRs}, Clean: true}) {
		if err != nil {
			t.Fatal(err)
		}
		var c CDR
		if err := json.Unmarshal(item.Body, &c); err != nil {
			t.Fatal(err)
		}
		if !item.Class.Priced() || len(c.Tariffs) == 0 {
			continue
		}
		zone, err := time.LoadLocation(zones[c.Location.Country])
		if err != nil {
			t.Fatal(err)
		}
		p, err := price(&c, zone)
		if err != nil {
			t.Fatal(err)
		}
		priced++
		if p.Total.Excl.Sub(item.Claim.Excl).Abs().GreaterThan(tolerance) {
			t.Errorf("%s: %s, want %s", c.ID, p.Total.Excl, item.Claim.Excl)
		}
	}
	if priced < 1000 {
		t.Errorf("only %d CDRs priced", priced)
	}
}
