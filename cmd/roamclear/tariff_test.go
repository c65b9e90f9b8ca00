package main

import (
	"net/http"
	"strings"
)

// tariffs shows that the owner of a doubtful tariff hears of it at once, and
// finance finds it with its versions. The tariff that prices is left as it was.
func tariffs(s *testService) {
	s.t.Helper()
	const path = "/receiver/tariffs/GB/DUN/T0"
	good := strings.Replace(testTariff, `"id":"T1"`, `"id":"T0"`, 1)
	s.accepted("GB*DUN", "PUT", path, good)
	a := s.accepted("GB*DUN", "PUT", path, strings.ReplaceAll(good, `"vat":20`, `"vat":0.20`))
	if !strings.Contains(a.ocpi.Message, "vat_fraction (0.20 means 0.20 %") {
		s.t.Errorf("the owner is told %q of VAT 0.20", a.ocpi.Message)
	}
	type tariff struct {
		Owner, ID, URL string
		Counts         struct{ Serious int } `json:"finding_counts"`
		Versions       int
		PriceList      []string `json:"price_list"`
		Findings       []struct{ Code string }
	}
	var list struct{ Tariffs []tariff }
	s.finance("/tariffs?party=GB*DUN", &list)
	if len(list.Tariffs) != 2 || list.Tariffs[0].ID != "T0" || list.Tariffs[0].Counts.Serious != 3 || list.Tariffs[1].Counts.Serious != 0 {
		s.t.Fatalf("the tariffs known are %+v, want T0 with 3 serious findings and T1 with none", list.Tariffs)
	}
	var one tariff
	s.finance(strings.TrimPrefix(list.Tariffs[0].URL, "/api/v1"), &one)
	if one.Versions != 2 || len(one.PriceList) == 0 || len(one.Findings) < 3 || one.Findings[0].Code != "vat_fraction" {
		s.t.Errorf("the doubtful tariff is %+v", one)
	}
	if page := s.request(http.MethodGet, "/tariffs/GB/DUN/T0", "", ""); !strings.Contains(page.body, "vat_fraction") {
		s.t.Errorf("the page: HTTP %d: %s", page.status, page.body)
	}
}
