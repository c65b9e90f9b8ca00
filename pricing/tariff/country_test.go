package tariff

import "testing"

// A country that has one zone is found by either code, in any case.
func TestSingleZone(t *testing.T) {
	for code, want := range map[string]string{
		"NL": "Europe/Amsterdam", "NLD": "Europe/Amsterdam", "nl": "Europe/Amsterdam", "nld": "Europe/Amsterdam",
		"DE": "Europe/Berlin", "DEU": "Europe/Berlin", "CYP": "Asia/Nicosia", "GB": "Europe/London", "MYS": "Asia/Kuala_Lumpur",
		"ARG": "America/Argentina/Buenos_Aires", "AE": "Asia/Dubai", "XK": "Europe/Belgrade", "ROU": "Europe/Bucharest",
		"ES": "", "ESP": "", "PRT": "", "US": "", "USA": "", "KAZ": "", "UA": "", "ZZ": "", "": "", "Netherlands": "",
	} {
		if got := SingleZone(code); got != want {
			t.Errorf("%q: got %q, want %q", code, got, want)
		}
	}
}

// Every zone of every country is in the database, and each country is known by
// both of its codes.
func TestZonesOfCountriesAreKnown(t *testing.T) {
	countries := countryZones()
	if len(countries) < 2*245 {
		t.Errorf("%d codes", len(countries))
	}
	for code, list := range countries {
		for _, name := range list {
			if z, err := LoadZone(name); err != nil || z.Name() != name {
				t.Errorf("%s: %s: %v", code, name, err)
			}
		}
	}
}
