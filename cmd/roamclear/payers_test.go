package main

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

// TestSessionsOfTokensThatComeLater pushes Sessions whose tokens name nobody known: by
// OCPI 2.1.1, which names a contract alone, and by 2.2.1 without a party. They are on
// no eMSP's list until the Token comes, then on the eMSP's, with all else as
// it was; a contract id that says whose it is needs no Token.
func TestSessionsOfTokensThatComeLater(t *testing.T) {
	data := t.TempDir()
	s := startTest(t, data)
	s.partner("CPO", "NL", "ZQA")
	s.partner("EMSP", "NL", "ZQM")
	s.partner("EMSP", "NL", "ZQX")
	old := s.url + "/ocpi/emsp/2.1.1"
	session := func(id, contract string) string {
		return strings.NewReplacer(`"id":"S1"`, `"id":"`+id+`"`, "NL-ZQM-C00000001", contract).Replace(session211)
	}
	s.accepted("NL*ZQA", http.MethodPut, old+"/sessions/NL/ZQA/S1", session("S1", "own number 7"))
	s.accepted("NL*ZQA", http.MethodPut, old+"/sessions/NL/ZQA/S2", session("S2", "NL-ZQM-C00000001"))
	s.accepted("NL*ZQA", http.MethodPut, old+"/sessions/NL/ZQA/S3", session("S3", "own number 8"))
	s.accepted("NL*ZQA", http.MethodPatch, old+"/sessions/NL/ZQA/S1", `{"status":"COMPLETED","kwh":5,"last_updated":"2025-03-04T12:00:00Z"}`)
	s.accepted("NL*ZQA", http.MethodPut, "/receiver/sessions/NL/ZQA/S4", `{"country_code":"NL","party_id":"ZQA","id":"S4","start_date_time":"2025-03-04T11:00:00Z","kwh":0,"cdr_token":{"uid":"U","type":"RFID","contract_id":"OWN NUMBER 7"},"auth_method":"WHITELIST","location_id":"L1","evse_uid":"E1","connector_id":"1","currency":"EUR","status":"ACTIVE","last_updated":"2025-03-04T11:00:00Z"}`)
	const lists = "/sender/sessions?date_from=2018-01-01T00:00:00Z"
	for party, want := range map[string]string{"NL*ZQA": "S2 S4", "NL*ZQM": "S2", "NL*ZQX": ""} { // of 2.1.1 no other version can say who pays
		if got := s.listed(party, lists, nil); strings.Join(got, " ") != want {
			t.Errorf("%s lists %q, want %q", party, got, want)
		}
	}
	was := s.as("NL*ZQA", http.MethodGet, old+"/sessions/NL/ZQA/S1", "").ocpi.Data
	read := time.Now().UTC().Format(time.RFC3339) // its windows, so far
	s.accepted("NL*ZQM", http.MethodPut, "/receiver/tokens/NL/ZQM/K7", `{"country_code":"NL","party_id":"ZQM","uid":"K7","type":"RFID","contract_id":"own number 7","issuer":"ZQM","valid":true,"whitelist":"ALWAYS","last_updated":"2025-03-01T00:00:00Z"}`)
	s.eventually("the Sessions of the Token are listed", func() bool {
		return strings.Join(s.listed("NL*ZQM", lists, nil), " ") == "S1 S2 S4"
	})
	if got := s.listed("NL*ZQM", "/sender/sessions?date_from="+read, nil); strings.Join(got, " ") != "S1 S4" { // which were both named since
		t.Errorf("the next window has %q", got)
	}
	if is := s.as("NL*ZQA", http.MethodGet, old+"/sessions/NL/ZQA/S1", "").ocpi.Data; string(is) != string(was) {
		t.Errorf("the Session is %s, was %s", is, was)
	}
	// What is known by now stands with the record.
	s.accepted("NL*ZQA", http.MethodPut, old+"/sessions/NL/ZQA/S5", session("S5", "own number 7"))
	if got := s.listed("NL*ZQM", lists, nil); strings.Join(got, " ") != "S1 S2 S4 S5" {
		t.Errorf("one that comes after the Token: %q", got)
	}
	verified(t, data)
	s.stop()
	tokens := s.tokens
	s = startTest(t, data)
	s.tokens = tokens
	if got := s.listed("NL*ZQM", lists, nil); strings.Join(got, " ") != "S1 S2 S4 S5" {
		t.Errorf("after a restart: %q", got)
	}
}
