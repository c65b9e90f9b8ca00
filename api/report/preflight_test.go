package report_test

import (
	"cmp"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"

	"github.com/roamclear/roamclear/api"
	"github.com/roamclear/roamclear/api/report"
	"github.com/roamclear/roamclear/api/report/reporttest"
	"github.com/roamclear/roamclear/api/rest"
)

// looked asks what would become of a body, with a key.
func looked(t *testing.T, key, query, body string, headers ...string) (int, *report.Preflown, string) {
	t.Helper()
	engine := gin.New()
	report.Mount(engine, report.Deps{Preflight: reporttest.Preflight(t, reporttest.Known(t)), Auth: auth})
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/api/v1/check"+query, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+key)
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	engine.ServeHTTP(w, r)
	v := &report.Preflown{}
	if err := json.Unmarshal(w.Body.Bytes(), v); err != nil {
		t.Fatal(err)
	}
	return w.Code, v, w.Body.String()
}

func replaced(t *testing.T, body string, pairs ...string) string {
	t.Helper()
	for i := 0; i+1 < len(pairs); i += 2 {
		if !strings.Contains(body, pairs[i]) {
			t.Fatalf("there is no %s", pairs[i])
		}
		body = strings.ReplaceAll(body, pairs[i], pairs[i+1])
	}
	return body
}

// What would become of an object, in words.
func TestPreflightInWords(t *testing.T) {
	const agreeing = `"total_cost":{"excl_vat":6.35,"incl_vat":7.62}`
	const claim = `"total_cost":{"excl_vat":6.95,"incl_vat":8.34}`
	for name, c := range map[string]struct {
		query, body string
		sound       bool
	}{
		"agrees":        {"", replaced(t, reporttest.ChargedBody, claim, agreeing), true},
		"by_policy":     {"", reporttest.ChargedBody, false},
		"differs":       {"", replaced(t, reporttest.ChargedBody, `"country_code":"GB","party_id":"DUN","id"`, `"country_code":"GB","party_id":"PKC","id"`, `"last_updated":"2019-07-10T20:01:00Z"`, `"last_updated":"2019-07-10T20:01:00Z","tariffs":[`+dayNight+`]`), false},
		"not_priced":    {"", replaced(t, reporttest.ChargedBody, claim, agreeing, "DAY-NIGHT", "NONE"), false},
		"credit":        {"", replaced(t, reporttest.ChargedBody, claim, `"credit":true,"credit_reference_id":"c-0","total_cost":{"excl_vat":-6.35}`), true},
		"no_id":         {"", replaced(t, reporttest.ChargedBody, `"id":"dun-evening",`, ""), false},
		"no_json":       {"", `{"id":`, false},
		"another_kind":  {"?kind=tariff", reporttest.ChargedBody, false},
		"location":      {"", `{"country_code":"GB","party_id":"DUN","id":"L1","publish":true,"address":"a","city":"b","country":"GBR","coordinates":{"latitude":"1.00000","longitude":"2.00000"},"time_zone":"GMT Standard Time","last_updated":"2019-01-01T00:00:00Z"}`, true},
		"session":       {"", `{"country_code":"GB","party_id":"DUN","id":"S1","start_date_time":"2019-02-11T19:00:00Z","kwh":3.5,"cdr_token":{"country_code":"NL","party_id":"EXW","uid":"u","type":"RFID","contract_id":"c"},"auth_method":"WHITELIST","location_id":"GREENMARKET","evse_uid":"E1","connector_id":"1","currency":"GBP","status":"ACTIVE","last_updated":"2019-02-11T19:30:00Z","charging_periods":[{"start_date_time":"2019-02-11T19:00:00Z","dimensions":[{"type":"ENERGY","volume":3.5}],"tariff_id":"DAY-NIGHT"}]}`, true},
		"tariff":        {"", dayNight, true},
		"tariff_211":    {"?party=GB*DUN", `{"id":"T","currency":"GBP","elements":[{"price_components":[{"type":"ENERGY","price":0.2,"step_size":1}]}],"last_updated":"2019-01-01T00:00:00Z"}`, true},
		"tariff_unread": {"", `{"country_code":"GB","party_id":"DUN","id":"T","currency":"GBP","elements":[{"price_components":[{"type":"ENERGY","price":"much","step_size":1}]}],"last_updated":"2019-01-01T00:00:00Z"}`, false},
	} {
		t.Run(name, func(t *testing.T) {
			var headers []string
			if strings.HasSuffix(name, "_211") {
				headers = []string{"OCPI-Version", "2.1.1"}
			}
			status, v, body := looked(t, "all", c.query, c.body, headers...)
			if status != http.StatusOK {
				t.Fatalf("HTTP %d: %s", status, body)
			}
			var b strings.Builder
			if err := v.WriteText(&b); err != nil {
				t.Fatal(err)
			}
			golden(t, "preflight_"+name+".txt", []byte(b.String()))
			if v.Sound() != c.sound {
				t.Errorf("sound %t, want %t", v.Sound(), c.sound)
			}
		})
	}
}

const dayNight = `{"country_code":"GB","party_id":"PKC","id":"DAY-NIGHT","currency":"GBP","elements":[
{"price_components":[{"type":"FLAT","price":0.50,"vat":20,"step_size":1}]},
{"price_components":[{"type":"PARKING_TIME","price":4.80,"vat":20,"step_size":60}]},
{"price_components":[{"type":"ENERGY","price":0.45,"vat":20,"step_size":1}],"restrictions":{"start_time":"08:00","end_time":"20:00"}},
{"price_components":[{"type":"ENERGY","price":0.30,"vat":20,"step_size":1}]}],"last_updated":"2018-12-01T00:00:00Z"}`

// A key of one party sees what would become of what is its own: of what it would owe the
// answer tells of its owner's other CDRs, tariffs and authorizations.
func TestWhoMayLook(t *testing.T) {
	body := reporttest.ChargedBody
	const of211 = `{"id":"T","currency":"GBP","elements":[{"price_components":[{"type":"ENERGY","price":0.2,"step_size":1}]}],"last_updated":"2019-01-01T00:00:00Z"}`
	for _, c := range []struct {
		key, query, body, version string
		want                      int
	}{
		{"all", "", body, "", 200}, {"dundee", "", body, "", 200},
		{"volt", "", body, "", 403}, {"volt", "", replaced(t, body, `"country_code":"NL","party_id":"EXW"`, `"country_code":"DE","party_id":"VOL"`), "", 403},
		{"volt", "", dayNight, "", 403},
		{"volt", "", `{"total_energy":1}`, "", 200}, {"dundee", "", of211, "2.1.1", 200}, {"volt", "?party=GB*DUN", of211, "2.1.1", 403},
		{"other-scope", "", body, "", 403}, {"none", "", body, "", 401},
	} {
		if got, _, said := looked(t, c.key, c.query, c.body, "OCPI-Version", cmp.Or(c.version, "2.2.1")); got != c.want {
			t.Errorf("%s: HTTP %d, want %d: %.200s", c.key, got, c.want, said)
		}
	}
	twice := replaced(t, body, `"country_code":"GB","party_id":"DUN","id"`, `"country_code":"DE","party_id":"VOL","country_code":"GB","party_id":"DUN","id"`)
	if got, v, said := looked(t, "volt", "", twice); got == 200 && (v.Accepted || v.Price != nil) {
		t.Errorf("a CDR that says twice whose it is: %.300s", said)
	}
	for query, want := range map[string]int{"?kind=token": 400, "?party=DUN": 400, "?version=2.2.1": 400} {
		if got, _, said := looked(t, "all", query, body); got != want {
			t.Errorf("%s: HTTP %d, want %d: %s", query, got, want, said)
		}
	}
	if got, v, said := looked(t, "all", "", body+strings.Repeat(" ", 1<<20)); got != 200 || v.Answer.HTTP != http.StatusRequestEntityTooLarge {
		t.Errorf("a CDR larger than may be: HTTP %d %.300s", got, said)
	}
	if got, _, said := looked(t, "all", "", body, "OCPI-Version", "3.0"); got != 400 {
		t.Errorf("a version that there is not: HTTP %d %s", got, said)
	}
	if got, _, said := looked(t, "all", "", `{"id":"1"}`); got != 400 || !strings.Contains(said, `"field":"kind"`) {
		t.Errorf("of what cannot be told: HTTP %d %s", got, said)
	}
}

// Of the places there are one key has a quarter.
func TestPreflightIsBounded(t *testing.T) {
	p := reporttest.Preflight(t, reporttest.Known(t))
	p.Limits = rest.Limits{Places: api.NewBudget(4)}
	leave, err := p.Limits.Enter(rest.Key{ID: "mine"})
	if err != nil {
		t.Fatal(err)
	}
	ask := func(id string) error {
		c, _ := gin.CreateTestContext(httptest.NewRecorder())
		c.Request = httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/api/v1/check", strings.NewReader(reporttest.ChargedBody))
		return p.Check(c, &rest.Viewer{Key: rest.Key{ID: id}})
	}
	if err := ask("mine"); !errors.Is(err, api.ErrBusy) {
		t.Errorf("a second one of the same key: %v", err)
	}
	if err := ask("another's"); err != nil {
		t.Errorf("one of another key: %v", err)
	}
	leave()
	if err := ask("mine"); err != nil {
		t.Errorf("the next one: %v", err)
	}
}
