package main

import (
	"net/http"
	"strings"
	"testing"

	"github.com/roamclear/roamclear/api/rest"
)

// What the Locations of a CPO lack of what operators make available is told of what the store
// has, to the command and over HTTP; a price ad hoc is known by the Tariff's type.
func TestWhatLocationsLack(t *testing.T) {
	s := startTest(t, t.TempDir())
	s.partner("CPO", "GB", "DUN")
	s.partner("CPO", "GB", "PKC")
	s.financeKey()
	s.accepted("GB*DUN", "PUT", "/receiver/tariffs/GB/DUN/T1", strings.Replace(testTariff, `"id":"T1"`, `"id":"T1","type":"REGULAR"`, 1))
	s.accepted("GB*DUN", "PUT", "/receiver/locations/GB/DUN/L1", testLocation)
	s.accepted("GB*DUN", "PUT", "/receiver/locations/GB/DUN/L2", strings.NewReplacer(`"L1"`, `"L2"`, `"uid":"E1"`, `"uid":"E1","evse_id":"GB*DUN*E1"`, `"T1"`, `"T2"`).Replace(testLocation))
	s.accepted("GB*DUN", "PUT", "/receiver/tariffs/GB/DUN/T2", strings.Replace(testTariff, `"id":"T1"`, `"id":"T2","type":"AD_HOC_PAYMENT"`, 1))
	var r rest.PublicDataReport
	s.eventually("both Locations are told", func() bool {
		s.finance("/reports/afir?cpo=GB*DUN", &r)
		return r.Locations == 2
	})
	missing := map[string]int{}
	for _, row := range r.Rows {
		missing[row.Code] = row.Missing
	}
	if missing["B1"] != 1 || missing["F3"] != 1 || missing["A7"] != 0 || missing["A12"] != 2 || r.EVSEs != 2 || len(r.Lacking) != 2 {
		t.Errorf("%+v", r)
	}
	out, _, code := runCommand(t, newAFIRCmd(), "", "--cpo", "GB*DUN", "--missing", "B1", "--data", s.data)
	if code != 0 || !strings.Contains(out, "B1    1        2 EVSEs") || !strings.Contains(out, "\nL1 ") || strings.Contains(out, "\nL2 ") {
		t.Errorf("exit %d:\n%s", code, out)
	}
	for path, says := range map[string]string{"/reports/afir": "required: a party", "/reports/afir?cpo=GB*DUN&missing=Z9": "no kind of data"} {
		if a := s.request(http.MethodGet, "/api/v1"+path, "Bearer "+s.key, ""); a.status != http.StatusBadRequest || !strings.Contains(a.body, says) {
			t.Errorf("%s: HTTP %d: %s", path, a.status, a.body)
		}
	}
	if a := s.request(http.MethodGet, "/api/v1/reports/afir?cpo=GB*DUN", "Bearer "+s.key, "", "Accept", "text/csv"); !strings.Contains(a.body, "L1,2.2.1,1,B1,identification code of the recharging point,1,E1") {
		t.Errorf("CSV: %s", a.body)
	}
}
