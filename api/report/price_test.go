package report_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"
	"github.com/google/go-cmp/cmp"
	"github.com/roamclear/roamclear/api/report"
	"github.com/roamclear/roamclear/api/report/reporttest"
	"github.com/roamclear/roamclear/api/rest"
)

func newPriceSite(t *testing.T) site {
	t.Helper()
	engine := gin.New()
	report.Mount(engine, report.Deps{Reader: reporttest.World(1), Auth: auth, Tariffs: reporttest.Known(t), Sessions: reporttest.KnownSessions()})
	return site{engine, nil}
}

func (s site) price(t testing.TB, key, body string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/api/v1/price", strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+key)
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w
}

const known = `"tariff_id":{"country_code":"gb","party_id":"dun","id":"day-night"}`

func TestPriceGolden(t *testing.T) {
	s := newPriceSite(t)
	// 0.50 + 10 kWh at 0.45 + 10 kWh at 0.30 + 15 min at 4.80 an hour.
	w := s.price(t, "dundee", `{`+known+`,"start":"2019-02-11T19:00:00Z","duration_s":7200,"energy_kwh":"20","parking_s":870,"location":{"country_code":"GB","party_id":"DUN","id":"GreenMarket"}}`)
	if w.Code != http.StatusOK {
		t.Fatalf("status %d: %s", w.Code, w.Body)
	}
	golden(t, "price.json", indent(t, w.Body.Bytes()))
	w = s.get(t, "all", "/api/v1/sessions/gb/dun/s-1")
	if w.Code != http.StatusOK {
		t.Fatalf("status %d: %s", w.Code, w.Body)
	}
	golden(t, "session.json", indent(t, w.Body.Bytes()))
}

func TestPrice(t *testing.T) {
	s := newPriceSite(t)
	given := `"tariff":` + reporttest.DayAndNight
	const charge = `"start":"2019-02-11T19:00:00Z","duration_s":7200,"energy_kwh":20`
	for _, tc := range []struct{ name, key, body, excl, incl string }{
		{"by key", "all", `{` + known + `,` + charge + `,"time_zone":"Europe/London"}`, "8.00", "9.60"},
		{"by text, to a key of another party", "volt", `{` + given + `,` + charge + `,"time_zone":"Europe/London"}`, "8.00", "9.60"},
		{"local time of the owner's country, as on the page", "all", `{` + known + `,` + charge + `}`, "8.00", "9.60"},
		{"of a given tariff too", "all", `{` + given + `,` + charge + `}`, "8.00", "9.60"},
		{"an hour east it is night", "all", `{` + known + `,` + charge + `,"time_zone":"Europe/Paris"}`, "6.50", "7.80"},
		{"end instead of duration", "all", `{` + known + `,"start":"2019-02-11T20:00:00+01:00","end":"2019-02-11T21:00:00Z","energy_kwh":20,"time_zone":"Europe/London"}`, "8.00", "9.60"},
		{"the most it costs", "all", `{` + known + `,"start":"2019-02-11T19:00:00Z","duration_s":7200,"energy_kwh":"90.5","time_zone":"Europe/London"}`, "20.00", "24.00"},
		{"as another reading has it", "all", `{` + known + `,` + charge + `,"profile":"TOTAL_HALF_EVEN","power_kw":"10","current_a":"","time_zone":"Europe/London"}`, "8.00", "9.60"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := s.price(t, tc.key, tc.body)
			var got struct {
				Total struct {
					Excl string `json:"excl_vat"`
					Incl string `json:"incl_vat"`
				} `json:"total_cost"`
			}
			if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || w.Code != http.StatusOK {
				t.Fatalf("status %d, %v: %s", w.Code, err, w.Body)
			}
			if got.Total.Excl != tc.excl || got.Total.Incl != tc.incl {
				t.Errorf("%+v, want %s, %s", got.Total, tc.excl, tc.incl)
			}
		})
	}
}

func TestPriceErrors(t *testing.T) {
	s := newPriceSite(t)
	const start, lasts = `"start":"2019-02-11T19:00:00Z"`, `"duration_s":60`
	id := func(country, party, id string) string {
		return fmt.Sprintf(`{"country_code":%q,"party_id":%q,"id":%q}`, country, party, id)
	}
	for _, tc := range []struct {
		name, key, body string
		status          int
		code, field     string
	}{
		{"no key", "", `{}`, 401, "unauthorized", ""},
		{"key without scope", "other-scope", `{}`, 403, "missing_scope", ""},
		{"not JSON", "all", `{"start":`, 400, "not_json", ""},
		{"member twice", "all", `{` + start + `,` + start + `}`, 400, "not_json", ""},
		{"too large", "all", `{"tariff":"` + strings.Repeat("x", report.MaxPriceRequest) + `"}`, 413, "too_large", ""},
		{"unknown member", "all", `{` + known + `,` + start + `,"durations":60}`, 400, "invalid_parameter", "durations"},
		{"unknown member of a key", "all", `{"tariff_id":{"country":"GB"}}`, 400, "invalid_parameter", "tariff_id.country"},
		{"wrong type", "all", `{"start":17}`, 400, "invalid_parameter", "start"},
		{"not a number", "all", `{"energy_kwh":"a lot"}`, 400, "invalid_parameter", "energy_kwh"},
		{"too many digits", "all", `{"energy_kwh":1.0000000000001}`, 400, "invalid_parameter", "energy_kwh"},
		{"no tariff", "all", `{` + start + `,` + lasts + `}`, 400, "invalid_parameter", "tariff"},
		{"two tariffs", "all", `{` + known + `,"tariff":{}}`, 400, "invalid_parameter", "tariff_id"},
		{"unknown tariff", "all", `{"tariff_id":` + id("GB", "DUN", "NOPE") + `}`, 400, "invalid_parameter", "tariff_id"},
		{"another's tariff", "volt", `{` + known + `}`, 400, "invalid_parameter", "tariff_id"},
		{"not a tariff", "all", `{"tariff":[1]}`, 400, "invalid_parameter", "tariff"},
		{"a tariff with a wrong field", "all", `{"tariff":{"id":"T","currency":"EUR","elements":[{"price_components":[{"type":"ENERGY","price":"x","step_size":1}]}]}}`, 400, "invalid_parameter", "tariff.elements[0].price_components[0].price"},
		{"a tariff that has no price", "all", `{"tariff_id":` + id("GB", "DUN", "ODD") + `}`, 422, "unpriceable", "tariff_id"},
		{"unknown version", "all", `{"tariff":{},"version":"3.0"}`, 400, "invalid_parameter", "version"},
		{"version of a known tariff", "all", `{` + known + `,"version":"2.2.1"}`, 400, "invalid_parameter", "version"},
		{"unknown zone", "all", `{` + known + `,"time_zone":"Europe/Dundee"}`, 400, "invalid_parameter", "time_zone"},
		{"zone and location", "all", `{` + known + `,"time_zone":"UTC","location":` + id("GB", "DUN", "Greenmarket") + `}`, 400, "invalid_parameter", "location"},
		{"unknown location", "all", `{` + known + `,"location":` + id("GB", "DUN", "NOPE") + `}`, 400, "invalid_parameter", "location"},
		{"another's location", "volt", `{"tariff":` + reporttest.DayAndNight + `,"location":` + id("GB", "DUN", "Greenmarket") + `}`, 400, "invalid_parameter", "location"},
		{"no zone, and the price needs one", "all", `{"tariff":` + strings.Replace(reporttest.DayAndNight, `"GB"`, `"US"`, 1) + `,` + start + `,` + lasts + `}`, 422, "unpriceable", "time_zone"},
		{"unknown profile", "all", `{` + known + `,"profile":"MINE"}`, 400, "invalid_parameter", "profile"},
		{"no start", "all", `{` + known + `,` + lasts + `}`, 400, "invalid_parameter", "start"},
		{"half a second", "all", `{` + known + `,"start":"2019-02-11T19:00:00.5Z"}`, 400, "invalid_parameter", "start"},
		{"neither end nor duration", "all", `{` + known + `,` + start + `}`, 400, "invalid_parameter", "duration_s"},
		{"end and duration", "all", `{` + known + `,` + start + `,` + lasts + `,"end":"2019-02-11T20:00:00Z"}`, 400, "invalid_parameter", "end"},
		{"end before start", "all", `{` + known + `,` + start + `,"end":"2019-02-11T18:00:00Z"}`, 400, "invalid_parameter", "duration_s"},
		{"negative parking", "all", `{` + known + `,` + start + `,` + lasts + `,"parking_s":-1}`, 400, "invalid_parameter", "parking_s"},
		{"energy at once", "all", `{` + known + `,` + start + `,"duration_s":0,"energy_kwh":"1"}`, 400, "invalid_parameter", "duration_s"},
		{"negative energy", "all", `{` + known + `,` + start + `,` + lasts + `,"energy_kwh":"-1"}`, 400, "invalid_parameter", "energy_kwh"},
		{"longer than a month", "all", `{` + known + `,` + start + `,"duration_s":2678400,"parking_s":1}`, 400, "invalid_parameter", "duration_s"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := s.price(t, tc.key, tc.body)
			var got struct{ Error rest.Error }
			if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
				t.Fatalf("status %d, not JSON: %s", w.Code, w.Body)
			}
			if w.Code != tc.status || got.Error.Code != tc.code || got.Error.Field != tc.field || got.Error.Message == "" {
				t.Errorf("status %d %+v; want %d %s %s", w.Code, got.Error, tc.status, tc.code, tc.field)
			}
		})
	}
}

func TestSession(t *testing.T) {
	s := newPriceSite(t)
	for _, tc := range []struct {
		key, path string
		status    int
		total     string
		reason    string
	}{
		{"all", "/api/v1/sessions/GB/DUN/S-1", 200, "3.65", ""}, // 0.50 + 5 kWh at 0.45 + 3 kWh at 0.30
		{"dundee", "/api/v1/sessions/GB/DUN/s-2", 200, "3.65", ""},
		{"all", "/api/v1/sessions/GB/DUN/S-3", 200, "", "unknown_tariff"},
		{"volt", "/api/v1/sessions/GB/DUN/S-1", 404, "", ""},
		{"all", "/api/v1/sessions/GB/DUN/S-9", 404, "", ""},
		{"all", "/api/v1/sessions/GB/DUN/S-1?x=1", 400, "", ""},
	} {
		w := s.get(t, tc.key, tc.path)
		var got struct {
			Reason string
			Price  *struct {
				Total struct {
					Excl string `json:"excl_vat"`
				} `json:"total_cost"`
			}
		}
		if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
			t.Fatalf("%s: %v", w.Body, err)
		}
		if w.Code != tc.status || got.Reason != tc.reason || (got.Price != nil) != (tc.total != "") || got.Price != nil && got.Price.Total.Excl != tc.total {
			t.Errorf("%s as %s: status %d: %s", tc.path, tc.key, w.Code, w.Body)
		}
	}
	foreign, unknown := s.get(t, "volt", "/api/v1/sessions/GB/DUN/S-1"), s.get(t, "volt", "/api/v1/sessions/GB/DUN/S-9")
	if diff := cmp.Diff(unknown.Body.String(), foreign.Body.String()); diff != "" {
		t.Errorf("another's Session does not answer as an unknown one: %s", diff)
	}
}
