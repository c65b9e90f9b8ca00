package main

import (
	"net/http"
	"slices"
	"strings"
	"testing"
)

// TestListsOf211TellIDsAlone is an eMSP of OCPI 2.1.1 that agreed on no counterparty:
// what two CPOs have of one id is on none of its lists, and it is told; of a Tariff it
// is shown the one that is its own. In 2.2.1, which names owners, everything is there.
func TestListsOf211TellIDsAlone(t *testing.T) {
	data := t.TempDir()
	s := startTest(t, data)
	s.partner("CPO", "GB", "DUN")
	s.partner("CPO", "FR", "BEL")
	s.partner("EMSP", "NL", "EXW")
	s.partner("EMSP", "DE", "TNM")
	const tariff = `{"country_code":"GB","party_id":"DUN","id":"T1","currency":"GBP","elements":[{"price_components":[{"type":"ENERGY","price":0.25,"vat":0,"step_size":1}]}],"last_updated":"2019-01-01T00:00:00Z"}`
	id := func(body, old, id string) string {
		return strings.ReplaceAll(body, `"id":"`+old+`","`, `"id":"`+id+`","`)
	}
	french := strings.NewReplacer(`"country_code":"GB"`, `"country_code":"FR"`, `"party_id":"DUN"`, `"party_id":"BEL"`).Replace
	for _, of := range []string{"L1", "L2"} {
		s.accepted("GB*DUN", http.MethodPut, "/receiver/locations/GB/DUN/"+of, id(testLocation, "L1", of))
	}
	s.accepted("FR*BEL", http.MethodPut, "/receiver/locations/FR/BEL/L1", french(testLocation))
	for _, of := range []string{"S1", "S2"} {
		s.accepted("GB*DUN", http.MethodPut, "/receiver/sessions/GB/DUN/"+of, id(testSession, "S1", of))
	}
	s.accepted("FR*BEL", http.MethodPut, "/receiver/sessions/FR/BEL/S1", french(testSession))
	for _, of := range []string{"T1", "T2"} {
		s.accepted("GB*DUN", http.MethodPut, "/receiver/tariffs/GB/DUN/"+of, id(tariff, "T1", of))
	}
	s.accepted("FR*BEL", http.MethodPut, "/receiver/tariffs/FR/BEL/T2", french(id(tariff, "T1", "T2")))
	own := strings.Replace(tariff, "0.25", "0.20", 1)
	if a := s.request(http.MethodPut, "/ocpi/2.2.1/receiver/tariffs/GB/DUN/T1", "Token "+s.tokens["GB*DUN"], own, "OCPI-to-country-code", "NL", "OCPI-to-party-id", "EXW"); a.ocpi.Code != 1000 {
		t.Fatalf("a Tariff for one: %s", a.body)
	}
	for _, of := range []string{"C1", "C2"} {
		s.accepted("GB*DUN", http.MethodPost, "/receiver/cdrs", testCDR(of, "EXW", "T1", "5.00", "5.00"))
	}
	s.accepted("FR*BEL", http.MethodPost, "/receiver/cdrs", french(testCDR("C1", "EXW", "T1", "5.00", "5.00")))
	const all = "?date_from=2018-01-01T00:00:00Z&limit=2"
	for _, tt := range []struct{ party, list, old, newer string }{
		{"NL*EXW", "locations", "L2", "L1 L1 L2"},
		{"NL*EXW", "sessions", "S2", "S1 S1 S2"},
		{"NL*EXW", "tariffs", "T1", "T1 T1 T2 T2"},
		{"DE*TNM", "tariffs", "T1", "T1 T2 T2"},
		{"NL*EXW", "cdrs", "C2", "C1 C1 C2"},
	} {
		if got := strings.Join(s.listed(tt.party, s.url+"/ocpi/cpo/2.1.1/"+tt.list+all, nil), " "); got != tt.old {
			t.Errorf("%s lists %s of 2.1.1: %q, want %q", tt.party, tt.list, got, tt.old)
		}
		newer := s.listed(tt.party, "/sender/"+tt.list+all, nil)
		if slices.Sort(newer); strings.Join(newer, " ") != tt.newer {
			t.Errorf("%s lists %s of 2.2.1: %q, want %q", tt.party, tt.list, newer, tt.newer)
		}
	}
	for party, price := range map[string]string{"NL*EXW": `"price":0.20`, "DE*TNM": `"price":0.25`} {
		if a := s.as(party, http.MethodGet, s.url+"/ocpi/cpo/2.1.1/tariffs", ""); !strings.Contains(a.body, price) {
			t.Errorf("%s is shown %s, want %s", party, a.body, price)
		}
	}
	if a := s.as("NL*EXW", http.MethodGet, s.url+"/ocpi/cpo/2.1.1/locations", ""); !strings.Contains(a.ocpi.Message, "location L1 of ") {
		t.Errorf("told: %q", a.ocpi.Message)
	}
	if a := s.as("NL*EXW", http.MethodGet, s.url+"/ocpi/cpo/2.1.1/locations/L1", ""); a.ocpi.Code != 2001 {
		t.Errorf("one of two: HTTP %d with %d", a.status, a.ocpi.Code)
	}
	if out, err := run(t, newPartnerCmd(), "findings", "nl-exw-emsp", "--data", data); err != nil || !strings.Contains(out, "shared_id") || !strings.Contains(out, "location L1 of ") {
		t.Errorf("its findings: %v\n%s", err, out)
	}
	verified(t, data)
}
