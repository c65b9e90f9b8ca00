package tariff

import "testing"

// Each country that has one zone is found by either code.
func TestZoneOfCountry(t *testing.T) {
	if len(alpha3) != len(singleZone) {
		t.Errorf("%d codes of %d countries", len(alpha3), len(singleZone))
	}
	for two, three := range alpha3 {
		if singleZone[three] == "" || ZoneOfCountry(two) != singleZone[three] {
			t.Errorf("%s is %s: %q", two, three, ZoneOfCountry(two))
		}
	}
	if got := ZoneOfCountry("US"); got != "" {
		t.Errorf("US has one zone, %s", got)
	}
}
