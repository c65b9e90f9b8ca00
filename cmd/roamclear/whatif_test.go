package main

import (
	"net/http"
	"strings"
)

// prices asks for the running price of the Session that [sessions] pushed, for
// that of a charge by the pushed tariff, and for the page that shows it.
func prices(s *testService) {
	s.t.Helper()
	var running struct {
		Price struct {
			Total struct {
				Excl string `json:"excl_vat"`
				Incl string `json:"incl_vat"`
			} `json:"total_cost"`
		}
		EMSP string
	}
	s.finance("/sessions/GB/DUN/S1", &running)
	// 0.50 to start and 7.5 kWh at 0.25, with 20 % VAT.
	if got := running.Price.Total; got.Excl != "2.375" || got.Incl != "2.85" || running.EMSP != "NL*EXW" {
		s.t.Errorf("the Session costs %+v, to be paid by %s", got, running.EMSP)
	}
	const tariff = `"tariff_id":{"country_code":"GB","party_id":"DUN","id":"T1"},"location":{"country_code":"GB","party_id":"DUN","id":"L1"}`
	a := s.request(http.MethodPost, "/api/v1/price", "Bearer "+s.key,
		`{`+tariff+`,"start":"2019-01-05T10:00:00Z","duration_s":4800,"energy_kwh":"20","parking_s":2400}`)
	// The charge of testCDR costs the same before it is made.
	if a.status != http.StatusOK || !strings.Contains(a.body, `"total_cost":{"excl_vat":"7.00","incl_vat":"8.40"}`) {
		s.t.Errorf("POST /price: HTTP %d: %s", a.status, a.body)
	}
	page := s.request(http.MethodGet, "/price?tariff=GB*DUN*T1&start=2019-01-05T10:00&minutes=80&kwh=20&parking=40", "", "")
	if page.status != http.StatusOK || !strings.Contains(page.body, "costs 7.00 GBP before VAT, 8.40 including VAT") {
		s.t.Errorf("the page: HTTP %d: %s", page.status, page.body)
	}
}
