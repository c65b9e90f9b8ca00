package main

import (
	"net/http"
	"strings"
	"testing"
)

// TestAChargeIsShownAsItWas hands CDRs and Sessions out in another version: with the
// Location and the Token as they stood when the charge began, whatever has become of
// them since, and after a restart; no Token where two may have had the contract.
func TestAChargeIsShownAsItWas(t *testing.T) {
	data := t.TempDir()
	s := startTest(t, data)
	s.partner("CPO", "NL", "ZQA")
	s.partner("EMSP", "NL", "ZQM")
	location := func(address, updated string) string {
		return strings.NewReplacer(`"country_code":"GB","party_id":"DUN"`, `"country_code":"NL","party_id":"ZQA"`, "Greenmarket", address, "2019-01-01T00:00:00Z", updated).Replace(testLocation)
	}
	token := func(uid, contract, updated string) string {
		return `{"country_code":"NL","party_id":"ZQM","uid":"` + uid + `","type":"RFID","contract_id":"` + contract + `","issuer":"ZQM","valid":true,"whitelist":"ALWAYS","last_updated":"` + updated + `"}`
	}
	s.accepted("NL*ZQA", http.MethodPut, "/receiver/locations/NL/ZQA/L1", location("Before", "2025-01-01T00:00:00Z"))
	s.accepted("NL*ZQM", http.MethodPut, "/receiver/tokens/NL/ZQM/Card1", token("Card1", "own 1", "2025-01-01T00:00:00Z"))
	s.accepted("NL*ZQA", http.MethodPatch, "/receiver/locations/NL/ZQA/L1/E1", `{"status":"CHARGING","last_updated":"2025-03-04T11:00:00Z"}`)
	s.accepted("NL*ZQA", http.MethodPut, "/receiver/sessions/NL/ZQA/S1", `{"country_code":"NL","party_id":"ZQA","id":"S1","start_date_time":"2025-03-04T11:00:00Z","kwh":0,"cdr_token":{"country_code":"NL","party_id":"ZQM","uid":"Card1","type":"RFID","contract_id":"own 1"},"auth_method":"WHITELIST","location_id":"L1","evse_uid":"E1","connector_id":"1","currency":"EUR","status":"ACTIVE","last_updated":"2025-03-04T11:00:00Z"}`)
	s.accepted("NL*ZQA", http.MethodPost, s.url+"/ocpi/emsp/2.1.1/cdrs", strings.Replace(cdr211, "NL-ZQM-C00000001", "own 1", 1))
	// Then both change.
	s.accepted("NL*ZQA", http.MethodPut, "/receiver/locations/NL/ZQA/L1", location("After", "2025-04-01T00:00:00Z"))
	s.accepted("NL*ZQM", http.MethodPut, "/receiver/tokens/NL/ZQM/Card1", token("Card1", "own 2", "2025-04-01T00:00:00Z"))
	s.accepted("NL*ZQM", http.MethodPut, "/receiver/tokens/NL/ZQM/Card2", token("Card2", "own 1", "2025-04-01T00:00:00Z"))
	s.accepted("NL*ZQA", http.MethodPut, "/receiver/sessions/NL/ZQA/S2", `{"country_code":"NL","party_id":"ZQA","id":"S2","start_date_time":"2025-04-04T11:00:00Z","kwh":0,"cdr_token":{"country_code":"NL","party_id":"ZQM","uid":"Card1","type":"RFID","contract_id":"own 1"},"auth_method":"WHITELIST","location_id":"L1","evse_uid":"E1","connector_id":"1","currency":"EUR","status":"ACTIVE","last_updated":"2025-04-04T11:00:00Z"}`)
	s.accepted("NL*ZQA", http.MethodPut, s.url+"/ocpi/emsp/2.1.1/sessions/NL/ZQA/S3", strings.NewReplacer(`"id":"S1"`, `"id":"S3"`, "NL-ZQM-C00000001", "own 1", "2025-03-04T11:00:00Z", "2025-04-04T11:00:00Z").Replace(session211))
	check := func(when string) {
		t.Helper()
		const all = "?date_from=2018-01-01T00:00:00Z"
		for _, tt := range []struct {
			path string
			want []string
		}{
			{s.url + "/ocpi/cpo/2.1.1/sessions" + all, []string{`"id":"S1"`, `"address":"Before"`, `"id":"S2"`, `"address":"After"`}},
			{s.url + "/ocpi/2.2.1/sender/sessions" + all, []string{`"id":"S3"`, `"uid":"#NA","type":"OTHER","contract_id":"own 1"`}},
			{s.url + "/ocpi/2.2.1/sender/cdrs" + all, []string{`"uid":"Card1","type":"RFID","contract_id":"own 1"`}},
		} {
			a := s.as("NL*ZQM", http.MethodGet, tt.path, "")
			at := 0
			for _, want := range tt.want {
				i := strings.Index(a.body[at:], want)
				if a.ocpi.Code != 1000 || i < 0 {
					t.Fatalf("%s, GET %s: %d %q, want %q behind %d of %s", when, tt.path, a.ocpi.Code, a.ocpi.Message, want, at, a.body)
				}
				at += i
			}
		}
	}
	s.eventually("the CDR is stored", func() bool {
		return len(s.listed("NL*ZQM", "/sender/cdrs", nil)) == 1
	})
	check("at first")
	verified(t, data)
	s.stop()
	tokens := s.tokens
	s = startTest(t, data)
	s.tokens = tokens
	check("after a restart")
}
