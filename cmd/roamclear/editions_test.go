package main

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

const (
	location211 = `{"id":"L1","type":"ON_STREET","name":"Kade","address":"Kade 1","city":"Utrecht","postal_code":"3511","country":"NLD","coordinates":{"latitude":"52.090000","longitude":"5.120000"},` +
		`"evses":[{"uid":"E1","status":"AVAILABLE","connectors":[{"id":"1","standard":"IEC_62196_T2","format":"SOCKET","power_type":"AC_3_PHASE","voltage":230,"amperage":16,"last_updated":"2025-03-01T00:00:00Z"}],"last_updated":"2025-03-01T00:00:00Z"}],` +
		`"last_updated":"2025-03-01T00:00:00Z"}`
	session211 = `{"id":"S1","start_datetime":"2025-03-04T11:00:00Z","kwh":1,"auth_id":"NL-ZQM-C00000001","auth_method":"WHITELIST","location":` + location211 + `,"currency":"EUR",` +
		`"charging_periods":[{"start_date_time":"2025-03-04T11:00:00Z","dimensions":[{"type":"ENERGY","volume":1}]}],"status":"ACTIVE","last_updated":"2025-03-04T11:00:00Z"}`
	cdr211 = `{"id":"C211","start_date_time":"2025-03-04T11:00:00Z","stop_date_time":"2025-03-04T12:00:00Z","auth_id":"NL-ZQM-C00000001","auth_method":"WHITELIST","location":` + location211 + `,"currency":"EUR",` +
		`"tariffs":[{"id":"T211","currency":"EUR","elements":[{"price_components":[{"type":"ENERGY","price":0.3,"step_size":1}]}],"last_updated":"2025-03-01T00:00:00Z"}],` +
		`"charging_periods":[{"start_date_time":"2025-03-04T11:00:00Z","dimensions":[{"type":"ENERGY","volume":10}]}],"total_cost":3,"total_energy":10,"total_time":1,"last_updated":"2025-03-04T12:01:00Z"}`
)

// cdrNaming is a CDR of 10 kWh that names a tariff and carries none.
func cdrNaming(id, emsp, total string) string {
	return fmt.Sprintf(`{"country_code":"NL","party_id":"ZQA","id":%q,"start_date_time":"2025-03-04T11:00:00Z","end_date_time":"2025-03-04T12:00:00Z",
"cdr_token":{"country_code":"NL","party_id":%q,"uid":"U1","type":"RFID","contract_id":"NL-%s-C00000001"},"auth_method":"WHITELIST",
"cdr_location":{"id":"L1","address":"Kade 1","city":"Utrecht","country":"NLD","coordinates":{"latitude":"52.090000","longitude":"5.120000"},"evse_uid":"E1","evse_id":"NL*ZQA*E1","connector_id":"1","connector_standard":"IEC_62196_T2","connector_format":"SOCKET","connector_power_type":"AC_3_PHASE"},
"currency":"EUR","charging_periods":[{"start_date_time":"2025-03-04T11:00:00Z","dimensions":[{"type":"ENERGY","volume":10}],"tariff_id":"T1"}],
"total_cost":{"excl_vat":%s},"total_energy":10,"total_time":1,"last_updated":"2025-03-04T12:01:00Z"}`, id, emsp, emsp, total)
}

func tariffOf(price string) string {
	return `{"country_code":"NL","party_id":"ZQA","id":"T1","currency":"EUR","elements":[{"price_components":[{"type":"ENERGY","price":` + price + `,"step_size":1}]}],"last_updated":"2025-03-01T00:00:00Z"}`
}

// What partners of three versions send stands side by side: each is served back as
// it was sent, in another version converted, and all of it is priced, also with a
// tariff that is for one eMSP alone; verify finds the same.
func TestThreeVersionsSideBySide(t *testing.T) {
	data := t.TempDir()
	s := startTest(t, data)
	s.partner("CPO", "NL", "ZQA")
	s.partner("EMSP", "NL", "ZQM")
	s.partner("EMSP", "NL", "ZQX")
	s.financeKey()
	old, newer := s.url+"/ocpi/emsp/2.1.1", s.url+"/ocpi/2.3.0/receiver"
	s.accepted("NL*ZQA", http.MethodPut, old+"/locations/NL/ZQA/L1", location211)
	s.accepted("NL*ZQA", http.MethodPut, old+"/sessions/NL/ZQA/S1", session211)
	s.accepted("NL*ZQA", http.MethodPatch, old+"/sessions/NL/ZQA/S1", `{"kwh":2,"charging_periods":[{"start_date_time":"2025-03-04T11:10:00Z","dimensions":[{"type":"ENERGY","volume":1}]}]}`)
	s.accepted("NL*ZQA", http.MethodPatch, newer+"/locations/NL/ZQA/L1", `{"name":"Gracht","last_updated":"2025-03-02T00:00:00Z"}`)
	token := "Token " + s.tokens["NL*ZQA"]
	for to, price := range map[string]string{"": "0.50", "NL/ZQM": "0.20"} {
		country, party, _ := strings.Cut(to, "/")
		if a := s.request(http.MethodPut, "/ocpi/2.2.1/receiver/tariffs/NL/ZQA/T1", token, tariffOf(price), "OCPI-to-country-code", country, "OCPI-to-party-id", party); a.status != http.StatusCreated {
			t.Fatalf("tariff for %q: HTTP %d: %s", to, a.status, a.body)
		}
	}
	location := s.accepted("NL*ZQA", http.MethodPost, old+"/cdrs", cdr211).header.Get("Location")
	if location != old+"/cdrs/NL/ZQA/C211" {
		t.Errorf("Location %q", location)
	}
	s.accepted("NL*ZQA", http.MethodPost, newer+"/cdrs/C230", strings.Replace(cdrNaming("C230", "ZQM", "2"), `{"excl_vat":2}`, `{"before_taxes":2}`, 1))
	s.accepted("NL*ZQA", http.MethodPost, "/receiver/cdrs", cdrNaming("C221", "ZQX", "5"))
	s.stored(3)
	if a := s.as("NL*ZQA", http.MethodGet, old+"/cdrs/NL/ZQA/C211", ""); string(a.ocpi.Data) != cdr211 {
		t.Errorf("the CDR is served back as %s", a.body)
	}
	for path, want := range map[string][]string{
		newer + "/locations/NL/ZQA/L1":  {`"name":"Gracht"`, `"parking_type":"ON_STREET"`, `"party_id":"ZQA"`},
		old + "/locations/NL/ZQA/L1/E1": {`"voltage":230`},
		newer + "/sessions/NL/ZQA/S1":   {`"kwh":2`, `"2025-03-04T11:00:00Z"`, `"2025-03-04T11:10:00Z"`, `"contract_id":"NL-ZQM-C00000001"`},
		"/receiver/cdrs/NL/ZQA/C211":    {`"end_date_time":"2025-03-04T12:00:00Z"`, `"excl_vat":3`},
		newer + "/cdrs/NL/ZQA/C221":     {`"before_taxes":5`},
		old + "/tariffs/NL/ZQA/T1":      {`"price":0.50`},
	} {
		a := s.as("NL*ZQA", http.MethodGet, path, "")
		for _, text := range want {
			if a.status != http.StatusOK || !strings.Contains(string(a.ocpi.Data), text) {
				t.Errorf("GET %s: HTTP %d, want %s in %s", path, a.status, text, a.body)
			}
		}
	}
	for id, want := range map[string]string{"C211": "priced agrees 3", "C230": "priced agrees 2", "C221": "priced agrees 5"} {
		if got := s.caseCDR(id); !strings.HasPrefix(got.Result+" "+got.Total, want) {
			t.Errorf("%s is %+v, want %s", id, got, want)
		}
	}
	// An invoice is for whom its CDRs are to be paid by; the CPO need not say it.
	const invoice = `{"country_code":"NL","party_id":"ZQA","id":"I1","invoice_id":"2025/3","cdrs":["c230"],"last_updated":"2025-04-01T00:00:00Z"}`
	for _, step := range []struct {
		method, path, body string
		status             int
	}{
		{http.MethodPost, "/invoicereconciliation", invoice, http.StatusCreated},
		{http.MethodPost, "/invoicereconciliation", invoice, http.StatusOK},
		{http.MethodGet, "/invoicereconciliation/NL/ZQA/I1", "", http.StatusOK},
		{http.MethodDelete, "/invoicereconciliation/NL/ZQA/I1", "", http.StatusOK},
		{http.MethodGet, "/invoicereconciliation/NL/ZQA/I1", "", http.StatusNotFound},
	} {
		if a := s.as("NL*ZQA", step.method, newer+step.path, step.body); a.status != step.status || step.method == http.MethodGet && a.status == http.StatusOK && string(a.ocpi.Data) != invoice {
			t.Errorf("%s %s: HTTP %d, want %d: %s", step.method, step.path, a.status, step.status, a.body)
		}
	}
	verified(t, data)
}
