package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const testTariff = `{"country_code":"GB","party_id":"DUN","id":"T1","currency":"GBP","elements":[
{"price_components":[{"type":"FLAT","price":0.50,"vat":20,"step_size":1}]},
{"price_components":[{"type":"ENERGY","price":0.25,"vat":20,"step_size":1}]},
{"price_components":[{"type":"PARKING_TIME","price":2.00,"vat":20,"step_size":900}],"restrictions":{"start_time":"09:00","end_time":"18:00"}}],"last_updated":"2019-01-01T00:00:00Z"}`

const testLocation = `{"country_code":"GB","party_id":"DUN","id":"L1","publish":true,"address":"Greenmarket","city":"Dundee","country":"GBR",
"coordinates":{"latitude":"56.45700","longitude":"-2.97500"},"time_zone":"Europe/London","last_updated":"2019-01-01T00:00:00Z",
"evses":[{"uid":"E1","status":"AVAILABLE","connectors":[{"id":"1","standard":"IEC_62196_T2","format":"SOCKET","power_type":"AC_3_PHASE","max_voltage":400,"max_amperage":32,"tariff_ids":["T1"],"last_updated":"2019-01-01T00:00:00Z"}],"last_updated":"2019-01-01T00:00:00Z"}]}`

const testSession = `{"country_code":"GB","party_id":"DUN","id":"S1","start_date_time":"2019-01-05T10:00:00Z","kwh":0,
"cdr_token":{"country_code":"NL","party_id":"EXW","uid":"U1","type":"RFID","contract_id":"NL-EXW-1"},"auth_method":"WHITELIST","location_id":"L1","evse_uid":"E1","connector_id":"1",
"currency":"GBP","status":"ACTIVE","last_updated":"2019-01-05T10:00:00Z"}`

// testCDR is a charge of 20 kWh and 40 minutes of parking: by testTariff 0.50
// to start, 5.00 for energy, 1.50 for parking (45 minutes billed), 7.00 in
// all and 8.40 with 20 % VAT.
func testCDR(id, emsp, tariffID, excl, incl string) string {
	return fmt.Sprintf(`{"country_code":"GB","party_id":"DUN","id":%q,"start_date_time":"2019-01-05T10:00:00Z","end_date_time":"2019-01-05T12:00:00Z","session_id":"S1",
"cdr_token":{"country_code":"NL","party_id":%q,"uid":"U1","type":"RFID","contract_id":"NL-EXW-1"},"auth_method":"WHITELIST",
"cdr_location":{"id":"L1","address":"Greenmarket","city":"Dundee","country":"GBR","coordinates":{"latitude":"56.45700","longitude":"-2.97500"},"evse_uid":"E1","evse_id":"GB*DUN*E1","connector_id":"1","connector_standard":"IEC_62196_T2","connector_format":"SOCKET","connector_power_type":"AC_3_PHASE"},
"currency":"GBP","charging_periods":[
{"start_date_time":"2019-01-05T10:00:00Z","dimensions":[{"type":"ENERGY","volume":20},{"type":"TIME","volume":1.3333}],"tariff_id":%q},
{"start_date_time":"2019-01-05T11:20:00Z","dimensions":[{"type":"PARKING_TIME","volume":0.6667}],"tariff_id":%q}],
"total_cost":{"excl_vat":%s,"incl_vat":%s},"total_energy":20,"total_time":2,"total_parking_time":0.6667,"last_updated":"2019-01-05T12:05:00Z","x_own":{"kept": [1, 2.50]}}`,
		id, emsp, tariffID, tariffID, excl, incl)
}

func credited(cdr, of string) string {
	return strings.Replace(cdr, `"currency"`, `"credit":true,"credit_reference_id":"`+of+`","currency"`, 1)
}

const cdrs = "/receiver/cdrs"

// TestLifeOfACDR follows CDRs from the partner's push to finance's report,
// over the embedded log and store, as README.md tells it.
func TestLifeOfACDR(t *testing.T) {
	s := startTest(t, t.TempDir())
	s.partner("CPO", "GB", "DUN")
	s.partner("CPO", "GB", "PKC")
	s.partner("EMSP", "NL", "EXW")
	s.partner("EMSP", "DE", "TNM")
	s.financeKey()

	s.accepted("GB*DUN", "PUT", "/receiver/locations/GB/DUN/L1", testLocation)
	s.accepted("GB*DUN", "PUT", "/receiver/tariffs/GB/DUN/T1", testTariff)
	sessions(s)
	prices(s)
	tariffs(s)
	body := testCDR("c-1", "EXW", "T1", "7.00", "8.40")
	pushAndReadBack(s, body)
	s.stored(1)
	settled(s)
	explained(s)

	copies(s, body)
	credits(s)
	rejectsHeal(s)
	sender(s, body)
	badInput(s)
	measured(s)
	verified(t, s.data)
}

func sessions(s *testService) {
	const path = "/receiver/sessions/GB/DUN/S1"
	s.t.Helper()
	if a := s.as("GB*DUN", "PATCH", path, `{"kwh":1,"last_updated":"2019-01-05T10:05:00Z"}`); a.status != http.StatusNotFound {
		s.t.Errorf("PATCH of a Session nobody PUT: HTTP %d, want 404", a.status)
	}
	s.accepted("GB*DUN", "PUT", path, testSession)
	s.accepted("GB*DUN", "PATCH", path, `{"kwh":7.5,"charging_periods":[{"start_date_time":"2019-01-05T10:00:00Z","dimensions":[{"type":"ENERGY","volume":7.5}]}],"last_updated":"2019-01-05T10:30:00Z"}`)
	var session struct {
		KWh     json.Number       `json:"kwh"`
		Periods []json.RawMessage `json:"charging_periods"`
	}
	a := s.accepted("GB*DUN", "GET", path, "")
	if err := json.Unmarshal(a.ocpi.Data, &session); err != nil || session.KWh != "7.5" || len(session.Periods) != 1 {
		s.t.Errorf("the next GET shows %s, want what was PATCHed", a.ocpi.Data)
	}
}

func pushAndReadBack(s *testService, body string) {
	s.t.Helper()
	a := s.accepted("GB*DUN", "POST", cdrs, body)
	location := a.header.Get("Location")
	if a.status != http.StatusCreated || location == "" || a.header.Get("X-Roamclear-Receipt") == "" {
		s.t.Fatalf("POST of a CDR: HTTP %d, Location %q, receipt %q", a.status, location, a.header.Get("X-Roamclear-Receipt"))
	}
	for _, url := range []string{location, location + "/"} {
		got := s.accepted("GB*DUN", "GET", url, "")
		if !bytes.Contains([]byte(got.body), []byte(body)) {
			s.t.Errorf("GET %s does not hold the CDR as it was sent:\n%s", url, got.body)
		}
	}
	if a := s.as("GB*PKC", "GET", location, ""); a.status != http.StatusNotFound {
		s.t.Errorf("another party's CDR answers HTTP %d, want 404", a.status)
	}
}

func settled(s *testService) {
	s.t.Helper()
	var got struct {
		Rows []map[string]any `json:"rows"`
	}
	s.finance("/reports/settlement?from=2019-01&to=2019-01", &got)
	amount := func(excl, incl string) map[string]any { return map[string]any{"excl_vat": excl, "incl_vat": incl} }
	want := map[string]any{
		"cpo": "GB*DUN", "emsp": "NL*EXW", "month": "2019-01", "currency": "GBP", "cdr_count": 1.0, "credit_count": 0.0,
		"claimed": amount("7.00", "8.40"), "credits": amount("0.00", "0.00"), "net": amount("7.00", "8.40"), "computed": amount("7.00", "8.40"),
		"unpriced_count": 0.0, "unpriced_claimed": amount("0.00", "0.00"), "differs_count": 0.0,
		"tax": []any{map[string]any{"name": "VAT", "percentage": "20", "amount": "1.40"}},
	}
	if len(got.Rows) != 1 {
		s.t.Fatalf("%d settlement rows, want 1", len(got.Rows))
	}
	for k := range got.Rows[0] {
		if _, ok := want[k]; !ok {
			delete(got.Rows[0], k)
		}
	}
	if diff := cmp.Diff(want, got.Rows[0]); diff != "" {
		s.t.Errorf("settlement row (-want +got):\n%s", diff)
	}
}

func explained(s *testService) {
	s.t.Helper()
	var got struct {
		Result struct {
			Status, Claim string
			PricedFrom    struct {
				Source string   `json:"tariff_source"`
				Zone   string   `json:"time_zone"`
				IDs    []string `json:"tariff_ids"`
			} `json:"priced_from"`
		}
		Raw  json.RawMessage
		Text string `json:"explanation_text"`
	}
	s.finance("/cdrs/GB/DUN/c-1", &got)
	if got.Result.Status != "priced" || got.Result.Claim != "agrees" || got.Result.PricedFrom.Source != "store" || got.Result.PricedFrom.Zone != "Europe/London" {
		s.t.Errorf("result %+v, want priced, agrees, with the stored tariff in Europe/London", got.Result)
	}
	for _, part := range []string{"7.00", "8.40", "45 min", "Europe/London"} {
		if !strings.Contains(got.Text, part) {
			s.t.Errorf("explanation does not mention %s:\n%s", part, got.Text)
		}
	}
}

func copies(s *testService, body string) {
	s.t.Helper()
	s.accepted("GB*DUN", "POST", cdrs, body)
	respaced := strings.Replace(body, `"excl_vat":7.00`, `"excl_vat": 7.0`, 1)
	s.accepted("GB*DUN", "POST", cdrs, respaced)
	s.accepted("GB*DUN", "POST", cdrs, testCDR("C-1", "EXW", "T1", "70.00", "84.00"))
	s.eventually("the conflict is listed", func() bool {
		var got struct {
			Conflicts []struct {
				Others []struct{ Conflict bool }
			}
		}
		s.finance("/conflicts", &got)
		if len(got.Conflicts) != 1 || len(got.Conflicts[0].Others) != 3 {
			return false
		}
		conflicts := 0
		for _, c := range got.Conflicts[0].Others {
			if c.Conflict {
				conflicts++
			}
		}
		return conflicts == 1
	})
	settled(s) // counts once, and the first copy stands
}

func credits(s *testService) {
	s.t.Helper()
	s.accepted("GB*DUN", "POST", cdrs, testCDR("c-2", "EXW", "T1", "9.00", "10.80"))
	s.accepted("GB*DUN", "POST", cdrs, credited(testCDR("c-2-C", "EXW", "T1", "-9.00", "-10.80"), "c-2"))
	s.accepted("GB*DUN", "POST", cdrs, testCDR("c-3", "EXW", "T1", "7.00", "8.40"))
	s.stored(4)
	var got struct{ Rows []demoRow }
	s.finance("/reports/settlement?from=2019-01&to=2019-01", &got)
	r := got.Rows[0]
	if r.CDRs != 3 || r.Credits != 1 || r.Claimed.Excl != "23.00" || r.Net.Excl != "14.00" || r.Computed.Excl != "14.00" || r.Differs != 0 {
		s.t.Errorf("after a credit and its replacement: %+v, want 3 CDRs, 1 credit, claimed 23.00, net 14.00, computed 14.00, none differs", r)
	}
}

// rejectsHeal shows that a reject is priced by itself when its cause goes away.
func rejectsHeal(s *testService) {
	s.t.Helper()
	s.accepted("GB*DUN", "POST", cdrs, testCDR("c-4", "EXW", "T2", "7.00", "8.40"))
	s.accepted("GB*DUN", "POST", cdrs, testCDR("c-5", "NEW", "T1", "7.00", "8.40"))
	reasons := func() map[string]string {
		var got struct {
			Rejects []struct{ ID, Reason string } `json:"rejects"`
		}
		s.finance("/rejects", &got)
		m := map[string]string{}
		for _, r := range got.Rejects {
			m[r.ID] = r.Reason
		}
		return m
	}
	want := map[string]string{"c-4": "unknown_tariff", "c-5": "debtor_unknown"}
	s.eventually("both are rejected with their reasons", func() bool { return cmp.Equal(want, reasons()) })
	s.accepted("GB*DUN", "PUT", "/receiver/tariffs/GB/DUN/T2", strings.Replace(testTariff, `"id":"T1"`, `"id":"T2"`, 1))
	s.partner("EMSP", "NL", "NEW")
	s.eventually("both are priced", func() bool { return len(reasons()) == 0 })
}

func sender(s *testService, body string) {
	s.t.Helper()
	a := s.accepted("NL*EXW", "GET", "/sender/cdrs?limit=2", "")
	if a.header.Get("X-Total-Count") != "5" || a.header.Get("X-Limit") == "" || !strings.Contains(a.header.Get("Link"), `rel="next"`) {
		s.t.Errorf("the eMSP's list: X-Total-Count %q, X-Limit %q, Link %q; want 5 CDRs in pages", a.header.Get("X-Total-Count"), a.header.Get("X-Limit"), a.header.Get("Link"))
	}
	if !strings.Contains(a.body, body) {
		s.t.Errorf("the list does not hold the first CDR as it was sent")
	}
	if a := s.accepted("DE*TNM", "GET", "/sender/cdrs", ""); a.header.Get("X-Total-Count") != "0" || string(a.ocpi.Data) != "[]" {
		s.t.Errorf("another eMSP sees %s CDRs: %s", a.header.Get("X-Total-Count"), a.ocpi.Data)
	}
}

func badInput(s *testService) {
	s.t.Helper()
	good := testCDR("c-9", "EXW", "T1", "7.00", "8.40")
	f := func(name string, a answer, status, code int, message string) {
		s.t.Helper()
		if a.status != status || a.ocpi.Code != code || !strings.Contains(a.ocpi.Message, message) {
			s.t.Errorf("%s: HTTP %d, OCPI %d %q; want %d, %d, %q", name, a.status, a.ocpi.Code, a.ocpi.Message, status, code, message)
		}
	}
	f("wrong token", s.request("POST", "/ocpi/2.2.1"+cdrs, "Token wrong-token", good), 401, 2000, "")
	f("malformed", s.as("GB*DUN", "POST", cdrs, `{"id":`), 400, 2001, "")
	f("no country", s.as("GB*DUN", "POST", cdrs, strings.Replace(good, `"country_code":"GB"`, `"country_code":"Great Britain"`, 1)), 200, 2001, "country_code")
	f("too large", s.as("GB*DUN", "POST", cdrs, good+strings.Repeat(" ", 1<<20)), 413, 2001, "")
	f("another party's URL", s.as("GB*PKC", "PUT", "/receiver/tariffs/GB/DUN/T1", testTariff), 404, 2000, "")
	f("no such method", s.as("GB*DUN", "DELETE", cdrs, ""), 405, 2000, "")
	s.eventually("what could not be used is kept", func() bool {
		var got struct {
			Refusals []struct{ Reason string }
		}
		s.finance("/refusals", &got)
		return len(got.Refusals) >= 3
	})
}

// measured wants the metrics that operators watch.
func measured(s *testService) {
	s.t.Helper()
	a := s.request("GET", "/metrics", "", "")
	for _, line := range []string{
		`roamclear_ingest_accepted_total{object="cdr"} `,
		`roamclear_ingest_refused_total{object="cdr",reason="not_json"} 1`,
		`roamclear_pricing_records_total{reason="unknown_tariff",status="rejected"} 1`,
		`roamclear_pricing_healed_total 2`,
		`roamclear_drain_store_errors_total{group="roamclear-records",kind="lasting"} 0`,
	} {
		if !strings.Contains(a.body, line) {
			s.t.Errorf("metrics lack %q", line)
		}
	}
	s.eventually("nothing waits in the log", func() bool {
		a := s.request("GET", "/metrics", "", "")
		return strings.Contains(a.body, `roamclear_log_waiting_records{group="roamclear-pricing",partition="0",topic="cdrs"} 0`) &&
			strings.Contains(a.body, `roamclear_log_oldest_waiting_seconds{group="roamclear-records",partition="1",topic="sessions"} 0`)
	})
}

// verified runs `roamclear verify` and wants it to agree.
func verified(t *testing.T, data string) {
	t.Helper()
	out, err := run(t, newVerifyCmd(), "--data", data, "--quiet")
	if err != nil || !strings.Contains(out, "verified") {
		t.Errorf("verify: %v\n%s", err, out)
	}
}
