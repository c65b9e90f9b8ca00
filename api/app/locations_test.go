package app_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/roamclear/roamclear/api/app/apptest"
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ingest/control"
	"github.com/roamclear/roamclear/ocpi"
)

// The example, word for word but for the address, which is told beside.
func TestTheExample(t *testing.T) {
	w := apptest.New(t)
	w.Example()
	_, body := w.Get("Bearer emp", "/api/v1/locations?latitude=57.7&longitude=11.97&radius_m=2000&standard=IEC_62196_T2_COMBO&min_power_w=50000&status=AVAILABLE&price_energy_kwh=20&limit=1")
	const want = `{"data":[{"country_code":"SE","party_id":"ABC","location_id":"L1","name":"Centralen","address":"Nils Ericsonsplatsen 1","city":"Göteborg","postal_code":"41103","country":"SWE",
"coordinates":{"latitude":"57.70870","longitude":"11.97456"},"distance_m":1005,"time_zone":"Europe/Stockholm","opening":"open",
"evses":[{"uid":"E1","evse_id":"SE*ABC*E1","status":"AVAILABLE","status_at":"2026-01-05T10:00:00Z","status_age_s":0,"last_charge_at":null,"failed_starts_7d":null,"connectors":[{"id":"1","standard":"IEC_62196_T2_COMBO","format":"CABLE","power_type":"DC","max_electric_power":150000,"startable":true,
"price":{"basis":"roaming_tariff","tariff_id":"T1","version":"2026-01-01T00:00:00Z","as_of":"2026-01-05T10:00:00Z","currency":"SEK","energy_kwh":"20","duration_s":480,"excl_vat":"90.00","incl_vat":"112.50"},"price_reason":null}]}]}],"next":null}`
	if diff := cmp.Diff(anything(t, want), anything(t, body)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func anything(t *testing.T, s string) (v any) {
	t.Helper()
	if err := json.Unmarshal([]byte(s), &v); err != nil {
		t.Fatalf("%v: %s", err, s)
	}
	return v
}

// One connector must be all that is asked for, and only those that are shown; all=true
// shows the others of a Location that fits.
func TestFilters(t *testing.T) {
	w := apptest.New(t)
	w.Example()
	const plugAndCharge = `{"country_code":"SE","party_id":"XYZ","id":"L9","publish":true,"address":"Hamngatan 1","city":"Malmö","country":"SWE","coordinates":{"latitude":"55.60000","longitude":"13.00000"},"time_zone":"Europe/Stockholm",
"evses":[{"uid":"E1","status":"AVAILABLE","last_updated":"2026-01-05T09:00:00Z","connectors":[{"id":"1","standard":"IEC_62196_T2_COMBO","format":"CABLE","power_type":"DC","max_voltage":500,"max_amperage":125,"capabilities":["ISO_15118_20_PLUG_AND_CHARGE"],"last_updated":"2026-01-01T00:00:00Z"}]}],"last_updated":"2026-01-05T10:00:00Z"}`
	w.Put(ingest.ObjectLocation, ocpi.V230, "SE*XYZ", "L9", "", plugAndCharge)
	const everything = "SE*ABC L1 E1/1+E1/2+E2/1+E3/1"
	for query, want := range map[string]string{
		"":                                 everything + ", SE*XYZ L9 E1/1",
		"standard=CHADEMO":                 "SE*ABC L1 E1/2",
		"standard=chademo&status=CHARGING": "",
		"standard=CHADEMO&all=true":        everything,
		"status=CHARGING":                  "SE*ABC L1 E2/1",
		"status=REMOVED":                   "",
		"format=SOCKET":                    "SE*ABC L1 E2/1+E3/1",
		"power_type=DC&min_power_w=62500":  "SE*ABC L1 E1/1+E1/2, SE*XYZ L9 E1/1",
		"min_power_w=62501":                "SE*ABC L1 E1/1",
		"min_power_w=22080&power_type=AC_3_PHASE":     "SE*ABC L1 E2/1",
		"min_power_w=22081&power_type=AC_3_PHASE":     "",
		"capability=RESERVABLE":                       "SE*ABC L1 E1/1+E1/2",
		"plug_and_charge=true":                        "SE*XYZ L9 E1/1",
		"plug_and_charge=false":                       everything,
		"facility=TRAIN_STATION":                      everything,
		"facility=HOTEL":                              "",
		"country_code=se&party_id=xyz":                "SE*XYZ L9 E1/1",
		"country_code=NO":                             "",
		"party_id=ABC":                                everything,
		"q=central":                                   everything,
		"q=G%C3%B6teborg+41103":                       everything,
		"q=hamn":                                      "SE*XYZ L9 E1/1",
		"q=nowhere":                                   "",
		"open_at=2026-01-05T10:00:00Z":                everything,
		"latitude=57.7&longitude=11.97&radius_m=1004": "",
		"latitude=57.7&longitude=11.97&radius_m=1005": everything,
		"min_latitude=55&max_latitude=56&min_longitude=12&max_longitude=14":      "SE*XYZ L9 E1/1",
		"min_latitude=55&max_latitude=58&min_longitude=12&max_longitude=-14":     "SE*XYZ L9 E1/1",
		"price_energy_kwh=20&max_price_excl_vat=90&currency=SEK":                 "SE*ABC L1 E1/1+E1/2+E2/1",
		"price_energy_kwh=20&max_price_excl_vat=89.99&currency=SEK":              "",
		"price_energy_kwh=20&max_price_excl_vat=90&currency=EUR":                 "",
		"price_energy_kwh=20&max_price_excl_vat=90&currency=SEK&status=CHARGING": "SE*ABC L1 E2/1",
	} {
		if got := w.Search("Bearer emp", query).IDs(); got != want {
			t.Errorf("%s: %s, want %s", query, got, want)
		}
	}
}

// What cannot be used is refused by its name.
func TestWrongParameters(t *testing.T) {
	w := apptest.New(t)
	for query, field := range map[string]string{
		"x=1": "x", "limit=0": "limit", "limit=101": "limit", "limit=": "limit", "limit=1&limit=2": "limit",
		"latitude=57": "longitude", "latitude=57&longitude=11": "radius_m", "latitude=91&longitude=11&radius_m=1": "latitude", "latitude=57&longitude=180.1&radius_m=1": "longitude",
		"latitude=57&longitude=11&radius_m=100001": "radius_m", "latitude=57&longitude=11&radius_m=0": "radius_m", "latitude=57&longitude=11&radius_m=1&min_latitude=5&max_latitude=6&min_longitude=5&max_longitude=6": "radius_m",
		"min_latitude=5": "min_longitude", "min_latitude=6&max_latitude=5&min_longitude=5&max_longitude=6": "min_latitude",
		"standard=PLUG": "standard", "format=X": "format", "power_type=X": "power_type", "status=X": "status", "facility=X": "facility", "capability=X": "capability",
		"min_power_w=-1": "min_power_w", "min_power_w=1.5": "min_power_w", "plug_and_charge=yes": "plug_and_charge", "all=1": "all", "q=a": "q", "open_at=today": "open_at",
		"max_price_excl_vat=5&price_energy_kwh=1": "currency", "max_price_excl_vat=5&currency=SEK": "price_energy_kwh", "currency=SEKK&price_energy_kwh=1": "currency", "price_at=2026-01-05T10:00:00Z": "price_energy_kwh",
		"price_energy_kwh=0": "price_energy_kwh", "price_energy_kwh=x": "price_energy_kwh", "price_energy_kwh=100001": "price_energy_kwh", "price_energy_kwh=1&price_duration_s=-1": "price_duration_s",
		"cursor=x": "cursor", "cursor=x&standard=CHADEMO": "standard", "cursor=e30": "cursor",
	} {
		status, body := w.Get("Bearer emp", "/api/v1/locations?"+query)
		var e struct{ Error struct{ Code, Field string } }
		if err := json.Unmarshal([]byte(body), &e); err != nil || status != 400 || e.Error.Code != "invalid_parameter" || e.Error.Field != field {
			t.Errorf("%s: HTTP %d %s, want 400 of %s", query, status, body, field)
		}
	}
}

// Pages follow each other by distance, hold whatever is written meanwhile, and end.
func TestPagesAreStable(t *testing.T) {
	w := apptest.New(t)
	put := func(id string, north int) {
		body := strings.NewReplacer(`"L1"`, `"`+id+`"`, `57.70870`, fmt.Sprintf("57.7%04d", north)).Replace(apptest.Centralen)
		w.Put(ingest.ObjectLocation, ocpi.V221, "SE*ABC", id, "", body)
	}
	for i := range 7 {
		put(fmt.Sprintf("P%d", i), 10*(6-i))
	}
	put("TWIN", 30) // as far away as P3
	const query = "latitude=57.7&longitude=11.97456&radius_m=2000&standard=CHADEMO&limit=3&price_energy_kwh=5"
	first := w.Search("Bearer emp", query)
	if got := first.IDs(); got != "SE*ABC P6 E1/2, SE*ABC P5 E1/2, SE*ABC P4 E1/2" || first.Next == nil {
		t.Fatalf("first page: %s, next %v", got, first.Next)
	}
	put("NEARER", 1) // stands before what has been shown
	put("LATER", 31)
	put("P6", 55) // moves behind
	second := w.Search("Bearer emp", *first.Next)
	if got := second.IDs(); got != "SE*ABC P3 E1/2, SE*ABC TWIN E1/2, SE*ABC LATER E1/2" || second.Next == nil {
		t.Fatalf("second page: %s, next %v", got, second.Next)
	}
	third := w.Search("Bearer emp", *second.Next+"&limit=9")
	if got := third.IDs(); got != "SE*ABC P2 E1/2, SE*ABC P1 E1/2, SE*ABC P6 E1/2, SE*ABC P0 E1/2" || third.Next != nil {
		t.Errorf("third page: %s, next %v", got, third.Next)
	}
	if p := third.Data[0].EVSEs[0].Connectors[0]; p.PriceReason == nil || *p.PriceReason != "no_tariff" {
		t.Errorf("a later page prices otherwise: %+v", p)
	}
	whole := w.Search("Bearer emp", "country_code=SE&limit=10")
	if whole.Next != nil || len(whole.Data) != 10 {
		t.Errorf("%d Locations on the last page, next %v", len(whole.Data), whole.Next)
	}
}

// A page that came to a bound of its work goes on where that ended, until all has been
// looked at.
func TestWorkIsBounded(t *testing.T) {
	w := apptest.New(t)
	w.Put(ingest.ObjectTariff, ocpi.V221, "SE*ABC", "T1", "", apptest.T1)
	for i := range 700 { // each with a power of its own: that many prices
		body := strings.NewReplacer(`"L1"`, fmt.Sprintf(`"L%03d"`, i), `150000`, fmt.Sprint(10000+100*i)).Replace(apptest.Centralen)
		w.Put(ingest.ObjectLocation, ocpi.V221, "SE*ABC", fmt.Sprintf("L%03d", i), "", body)
	}
	w.Put(ingest.ObjectTariff, ocpi.V221, "SE*ABC", "T1", "", strings.Replace(apptest.T1, `"price":4.50`, `"price":4.51`, 1))
	query, found, pages := "standard=IEC_62196_T2_COMBO&price_energy_kwh=20&max_price_excl_vat=1&currency=SEK", 0, 0
	for {
		p := w.Search("Bearer emp", query)
		found, pages = found+len(p.Data), pages+1
		if p.Next == nil {
			break
		}
		query = *p.Next
	}
	if found != 0 || pages < 2 || pages > 10 {
		t.Errorf("%d Locations on %d pages, want none, on a few", found, pages)
	}
}

// What is not published is shown to nobody but who has a Token that it names.
func TestNotPublished(t *testing.T) {
	w := apptest.New(t)
	private := strings.Replace(apptest.Centralen, `"publish":true`, `"publish":false,"publish_allowed_to":[{"group_id":"G"},{"uid":"APP-77","type":"APP_USER","issuer":"Emp"}]`, 1)
	w.Put(ingest.ObjectLocation, ocpi.V221, "SE*ABC", "L1", "", private)
	token := func(issuer string) {
		w.Put(ingest.ObjectToken, ocpi.V221, "SE*EMP", "APP-77", "APP_USER",
			`{"country_code":"SE","party_id":"EMP","uid":"APP-77","type":"APP_USER","contract_id":"SE-EMP-1","issuer":"`+issuer+`","valid":true,"whitelist":"NEVER","last_updated":"2026-01-01T00:00:00Z"}`)
	}
	look := func(as string) string {
		status, _ := w.Get(as, "/api/v1/locations/SE/ABC/L1")
		return fmt.Sprintf("%s %d", w.Search(as, "standard=CHADEMO").IDs(), status)
	}
	if got := look("Bearer emp"); got != " 404" {
		t.Errorf("without a Token: %s", got)
	}
	token("Other")
	if got := look("Bearer emp"); got != " 404" {
		t.Errorf("another issuer's Token: %s", got)
	}
	token("Emp")
	if got := look("Bearer emp"); got != "SE*ABC L1 E1/2 200" {
		t.Errorf("with the Token: %s", got)
	}
	if got := look("Bearer tnm"); got != " 404" {
		t.Errorf("another eMSP: %s", got)
	}
}

// A Location of which no EVSE stands does not appear.
func TestWithoutEVSEs(t *testing.T) {
	w := apptest.New(t)
	for id, status := range map[string]string{"GONE": "REMOVED", "SOON": "PLANNED"} {
		w.Put(ingest.ObjectLocation, ocpi.V221, "SE*ABC", id, "", strings.NewReplacer(`"L1"`, `"`+id+`"`, "AVAILABLE", status, "CHARGING", status).Replace(apptest.Centralen))
	}
	if got := w.Search("Bearer emp", "").IDs(); got != "" {
		t.Errorf("found %s", got)
	}
	for _, id := range []string{"GONE", "SOON", "NEVER"} {
		if status, body := w.Get("Bearer emp", "/api/v1/locations/SE/ABC/"+id); status != 404 || !strings.Contains(body, `"unknown_location"`) {
			t.Errorf("%s: HTTP %d %s", id, status, body)
		}
	}
}

// One Location comes with its tariffs in words, by the kWh first.
func TestOneLocation(t *testing.T) {
	w := apptest.New(t)
	w.Example()
	w.Put(ingest.ObjectTariff, ocpi.V221, "SE*ABC", "T1", "", strings.Replace(apptest.T1, `{"type":"ENERGY"`, `{"type":"FLAT","price":5,"vat":25,"step_size":1},{"type":"PARKING_TIME","price":30,"vat":25,"step_size":60},{"type":"ENERGY"`, 1))
	status, body := w.Get("Bearer emp", "/api/v1/locations/se/abc/l1?price_energy_kwh=20")
	var got struct {
		LocationID string `json:"location_id"`
		DistanceM  *int   `json:"distance_m"`
		EVSEs      []struct{ UID string }
		Tariffs    []struct {
			TariffID string `json:"tariff_id"`
			Words    []string
		}
	}
	if err := json.Unmarshal([]byte(body), &got); err != nil || status != 200 {
		t.Fatalf("HTTP %d, %v: %s", status, err, body)
	}
	if got.LocationID != "L1" || got.DistanceM != nil || len(got.EVSEs) != 3 || len(got.Tariffs) != 1 || !strings.Contains(body, `"excl_vat":"95.00"`) {
		t.Errorf("%s", body)
	}
	want := []string{"Energy", "  SEK 4.50 per kWh, excl. 25 % VAT (SEK 5.625 incl.)", "Charging time", "  free",
		"Parking", "  SEK 0.50 per minute (SEK 30.00 per hour), in steps of 1 minute, excl. 25 % VAT (SEK 37.50 incl.)", "Start fee", "  SEK 5.00 once, excl. 25 % VAT (SEK 6.25 incl.)"}
	if diff := cmp.Diff(want, got.Tariffs[0].Words); diff != "" {
		t.Errorf("words (-want +got):\n%s", diff)
	}
}

// Only pairs roam: an eMSP finds the stations of its pairs alone, and a platform of two
// those of the one that asks.
func TestOnlyPairs(t *testing.T) {
	w := apptest.New(t, (*control.Partners).PairsOnly)
	w.Example()
	party := func(s string) ocpi.Party { p, _ := ocpi.ParseParty(s); return p }
	for _, emsp := range []string{"SE*EMP", "NL*ONE"} {
		if err := w.Partners.AddPair(t.Context(), "", control.Pair{CPO: party("SE*ABC"), EMSP: party(emsp)}); err != nil {
			t.Fatal(err)
		}
	}
	from := func(id string) []string { return []string{"OCPI-from-country-code", "NL", "OCPI-from-party-id", id} }
	for _, tt := range []struct {
		as      string
		headers []string
		sees    bool
	}{
		{"Bearer emp", nil, true}, {"Bearer tnm", nil, false},
		{"Token " + w.Tokens["NL*ONE"], from("ONE"), true}, {"Token " + w.Tokens["NL*ONE"], from("TWO"), false},
	} {
		a := w.Do(tt.as, "/api/v1/locations", tt.headers...)
		one := w.Do(tt.as, "/api/v1/locations/SE/ABC/L1", tt.headers...)
		if sees := strings.Contains(a.Body.String(), `"L1"`); a.Code != 200 || sees != tt.sees || (one.Code == 200) != tt.sees {
			t.Errorf("%s %v: HTTP %d, sees %t, one %d; want %t", tt.as, tt.headers, a.Code, sees, one.Code, tt.sees)
		}
	}
}
