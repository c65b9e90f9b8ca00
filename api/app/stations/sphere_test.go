package stations_test

import (
	"testing"

	"github.com/shopspring/decimal"
	"pgregory.net/rapid"

	"github.com/roamclear/roamclear/api/app/stations"
)

// TestDegreesAreTheNearestFloat holds degrees against the nearest float64 of their seven
// decimals, at the poles and the date line too.
func TestDegreesAreTheNearestFloat(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		places := rapid.Int32Range(0, 9).Draw(t, "decimals")
		d := decimal.New(rapid.Int64Range(-185, 185).Draw(t, "degrees"), 0).Add(decimal.New(rapid.Int64Range(-1_000_000_000, 1_000_000_000).Draw(t, "parts"), -places).Mod(decimal.New(1, 0)))
		rounded := d.Round(7)
		got, ok := stations.ParseDegrees(d.String(), 180)
		if want := !rounded.Abs().GreaterThan(decimal.NewFromInt(180)); ok != want {
			t.Fatalf("%s is a longitude: %t, want %t", d, ok, want)
		}
		if want := rounded.InexactFloat64(); ok && got != want {
			t.Errorf("%s is %.17g, want %.17g", d, got, want)
		}
	})
	for text, want := range map[string]bool{"90": true, "-90.00000001": true, "90.0000001": false, "1e30": false, "": false} {
		if _, ok := stations.ParseDegrees(text, 90); ok != want {
			t.Errorf("%q is a latitude: %t, want %t", text, ok, want)
		}
	}
}
