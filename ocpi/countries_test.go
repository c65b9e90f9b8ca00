package ocpi

import (
	"strings"
	"testing"
)

func TestCountries(t *testing.T) {
	for code, want := range map[string]bool{
		"GB": true, "NL": true, "US": true, "XK": true, "AD": true, "ZW": true,
		"": false, "gb": false, "UK": false, "ZZ": false, "GBR": false, "B ": false, " G": false, "E A": false,
	} {
		if got := IsCountry(code); got != want {
			t.Errorf("%q: %t, want %t", code, got, want)
		}
	}
	if n := len(strings.Fields(countries)); n != 249+1 {
		t.Errorf("%d countries, ISO 3166-1 has 249, and XK", n)
	}
}

func TestCountryAlpha3(t *testing.T) {
	for code, want := range map[string]string{
		"NL": "NLD", "be": "BEL", "XK": "XKX", "AD": "AND", "ZW": "ZWE", "UK": "", "": "", "NLD": "",
	} {
		if got, ok := CountryAlpha3(code); got != want || ok != (want != "") {
			t.Errorf("%q: %q, want %q", code, got, want)
		}
	}
	for _, code := range strings.Fields(countries) {
		if len(code) != len("NLNLD") {
			t.Errorf("%q is no pair of codes", code)
		}
	}
}

func TestCountryOf(t *testing.T) {
	for code, want := range map[string]string{
		"NLD": "NLD", "gbr": "GBR", "NL": "NLD", "de": "DEU", "XKX": "XKX", "ZWE": "ZWE",
		"UK": "", "": "", "DNL": "", "LNL": "", "D A": "", " NL": "", "   ": "", "NLDX": "", "NEDERLAND": "",
	} {
		if got := CountryOf(code); got != want {
			t.Errorf("%q: %q, want %q", code, got, want)
		}
	}
}
