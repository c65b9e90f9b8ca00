package app_test

import (
	"strings"
	"testing"

	"github.com/roamclear/roamclear/api/app/apptest"
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
)

// tariffOf is T1 with another id, price, type and currency.
func tariffOf(id, price, kind, currency string) string {
	body := strings.NewReplacer(`"T1"`, `"`+id+`"`, "4.50", price, "SEK", currency).Replace(apptest.T1)
	if kind == "" {
		return strings.Replace(body, `"type":"REGULAR",`, "", 1)
	}
	return strings.Replace(body, "REGULAR", kind, 1)
}

// A price is by the REGULAR tariff, else the one without a type, that the eMSP itself
// may see: of one for another alone there is no trace.
func TestWhichTariff(t *testing.T) {
	const emp, tnm = "Bearer emp", "Bearer tnm"
	type object struct{ id, recipient, body string }
	for _, tt := range []struct {
		name    string
		ids     string
		tariffs []object
		as      string
		want    string // price before tax or reason
	}{
		{"regular", `"A"`, []object{{"A", "", tariffOf("A", "1", "REGULAR", "SEK")}}, emp, "20.00"},
		{"untyped", `"A"`, []object{{"A", "", tariffOf("A", "1", "", "SEK")}}, emp, "20.00"},
		{"regular before untyped", `"A","B"`, []object{{"A", "", tariffOf("A", "1", "", "SEK")}, {"B", "", tariffOf("B", "2", "REGULAR", "SEK")}}, emp, "40.00"},
		{"never what is paid at the station", `"A"`, []object{{"A", "", tariffOf("A", "1", "AD_HOC_PAYMENT", "SEK")}}, emp, "no_tariff"},
		{"nor by a profile", `"A"`, []object{{"A", "", tariffOf("A", "1", "PROFILE_GREEN", "SEK")}}, emp, "no_tariff"},
		{"two regular ones", `"A","B"`, []object{{"A", "", tariffOf("A", "1", "REGULAR", "SEK")}, {"B", "", tariffOf("B", "2", "REGULAR", "SEK")}}, emp, "several_tariffs"},
		{"one, twice", `"A","a"`, []object{{"A", "", tariffOf("A", "1", "REGULAR", "SEK")}}, emp, "20.00"},
		{"unknown", `"A"`, nil, emp, "no_tariff"},
		{"none named", ``, nil, emp, "no_tariff"},
		{"its own before that of all", `"A"`, []object{{"A", "", tariffOf("A", "1", "REGULAR", "SEK")}, {"A", "SE*EMP", tariffOf("A", "3", "REGULAR", "SEK")}}, emp, "60.00"},
		{"another's own is not seen", `"A"`, []object{{"A", "", tariffOf("A", "1", "REGULAR", "SEK")}, {"A", "SE*EMP", tariffOf("A", "3", "REGULAR", "SEK")}}, tnm, "20.00"},
		{"and leaves no trace", `"A"`, []object{{"A", "SE*EMP", tariffOf("A", "3", "REGULAR", "SEK")}}, tnm, "no_tariff"},
		{"another currency", `"A"`, []object{{"A", "", tariffOf("A", "1", "REGULAR", "EUR")}}, emp, "not_convertible"},
		{"no price", `"A"`, []object{{"A", "", strings.Replace(tariffOf("A", "1", "REGULAR", "SEK"), "ENERGY", "WEATHER", 1)}}, emp, "unpriceable"},
	} {
		w := apptest.New(t)
		for _, o := range tt.tariffs {
			w.Put(ingest.ObjectTariff, ocpi.V221, "SE*ABC", o.id, o.recipient, o.body)
		}
		w.Put(ingest.ObjectLocation, ocpi.V221, "SE*ABC", "L1", "", strings.ReplaceAll(apptest.Centralen, `["T1"]`, `[`+tt.ids+`]`))
		p := w.Search(tt.as, "standard=IEC_62196_T2_COMBO&price_energy_kwh=20&currency=SEK")
		c, got := p.Data[0].EVSEs[0].Connectors[0], ""
		switch {
		case c.Price != nil && c.PriceReason == nil:
			got = *c.Price.ExclVAT
		case c.Price == nil && c.PriceReason != nil:
			got = *c.PriceReason
		}
		if got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
		_, detail := w.Get(tt.as, "/api/v1/locations/SE/ABC/L1?price_energy_kwh=20")
		if tt.name == "and leaves no trace" && (strings.Contains(detail, "3.00") || !strings.Contains(detail, `"tariffs":[]`)) {
			t.Errorf("%s: %s", tt.name, detail)
		}
	}
}

// A tariff that was withdrawn prices no new charge; a charge lasts as long as its energy
// takes, or as is asked; and it is priced as of the instant that is asked for.
func TestPrices(t *testing.T) {
	w := apptest.New(t)
	byMinute := strings.Replace(apptest.T1, `{"type":"ENERGY","price":4.50`, `{"type":"TIME","price":6.00`, 1)
	w.Put(ingest.ObjectTariff, ocpi.V221, "SE*ABC", "T1", "", byMinute)
	w.Put(ingest.ObjectLocation, ocpi.V221, "SE*ABC", "L1", "", apptest.Centralen)
	price := func(query string) string {
		c := w.Search("Bearer emp", "standard=CHADEMO&"+query).Data[0].EVSEs[0].Connectors[0]
		if c.Price == nil {
			return *c.PriceReason
		}
		return *c.Price.ExclVAT + " " + c.Price.Currency
	}
	w.Put(ingest.ObjectTariff, ocpi.V221, "SE*ABC", "T1", "", strings.NewReplacer(`6.00`, `12.00`, "2026-01-01", "2026-03-01").Replace(byMinute))
	for query, want := range map[string]string{
		"price_energy_kwh=62.5":                                           "6.00 SEK",
		"price_energy_kwh=62.5&price_duration_s=7200":                     "12.00 SEK",
		"price_energy_kwh=62.5&price_at=2026-04-01T00:00:00Z":             "12.00 SEK",
		"price_energy_kwh=62.5&price_at=2026-01-05T12:00:00.5%2B01:00":    "6.00 SEK",
		"price_energy_kwh=100000&price_duration_s=86400&min_power_w=1000": "144.00 SEK",
	} {
		if got := price(query); got != want {
			t.Errorf("%s: %s, want %s", query, got, want)
		}
	}
	w.Change(ingest.ObjectTariff, ingest.MethodDelete, ocpi.V221, "SE*ABC", "T1", "", "")
	if got := price("price_energy_kwh=62.5"); got != "no_tariff" {
		t.Errorf("withdrawn: %s", got)
	}
}
