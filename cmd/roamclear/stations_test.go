package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// A Location is found by the first search after its PUT was answered, priced by the
// tariff as the eMSP sees it, and again after a restart, when the index is made of what
// the store holds and of the log behind it.
func TestStationsAreFound(t *testing.T) {
	s := startTest(t, t.TempDir())
	s.partner("CPO", "GB", "DUN")
	s.partner("EMSP", "NL", "EXW")
	s.accepted("GB*DUN", "PUT", "/receiver/tariffs/GB/DUN/T1", testTariff)
	const around = "?latitude=56.457&longitude=-2.975&radius_m=5000&price_energy_kwh=20&price_at=2026-01-05T12:00:00Z"
	for i := range 20 {
		id := fmt.Sprintf("N%d", i)
		s.accepted("GB*DUN", "PUT", "/receiver/locations/GB/DUN/"+id, strings.Replace(testLocation, `"L1"`, `"`+id+`"`, 1))
		if found := s.stations(around + "&limit=100"); len(found) != i+1 || found[0] != "0 m, 5.50 GBP" {
			t.Fatalf("after the PUT of %s: %v", id, found)
		}
	}
	s.accepted("GB*DUN", "PATCH", "/receiver/locations/GB/DUN/N3/E1", `{"status":"CHARGING","last_updated":"2019-02-01T00:00:00Z"}`)
	if found := s.stations(around + "&status=CHARGING"); len(found) != 1 {
		t.Errorf("after the PATCH of a status: %v", found)
	}
	s.accepted("GB*DUN", "PATCH", "/receiver/locations/GB/DUN/N4/E1", `{"status":"REMOVED","last_updated":"2019-02-01T00:00:00Z"}`)
	if found := s.stations(around + "&limit=100"); len(found) != 19 {
		t.Errorf("after an EVSE was removed: %d Locations", len(found))
	}
	tokens := s.tokens
	s.stop()
	s = startTest(t, s.data)
	s.tokens = tokens
	s.eventually("all Locations are found again", func() bool {
		a := s.request("GET", "/api/v1/locations"+around+"&limit=100", "Token "+s.tokens["NL*EXW"], "")
		if a.status == http.StatusServiceUnavailable {
			return false // it says that it does not know yet, and never half of them
		}
		if n := strings.Count(a.body, `"location_id"`); a.status != http.StatusOK || n != 19 {
			t.Fatalf("after a restart: HTTP %d, %d Locations: %s", a.status, n, a.body)
		}
		return true
	})
}

// stations searches as NL*EXW and returns distance and price of what is found.
func (s *testService) stations(query string) (found []string) {
	s.t.Helper()
	a := s.request("GET", "/api/v1/locations"+query, "Token "+s.tokens["NL*EXW"], "")
	var page struct {
		Data []struct {
			DistanceM int `json:"distance_m"`
			EVSEs     []struct {
				Connectors []struct {
					Price struct {
						Excl     string `json:"excl_vat"`
						Currency string `json:"currency"`
					} `json:"price"`
				} `json:"connectors"`
			} `json:"evses"`
		} `json:"data"`
	}
	if err := json.Unmarshal([]byte(a.body), &page); err != nil || a.status != http.StatusOK {
		s.t.Fatalf("GET %s: HTTP %d, %v: %s", query, a.status, err, a.body)
	}
	for _, l := range page.Data {
		c := l.EVSEs[0].Connectors[0]
		found = append(found, fmt.Sprintf("%d m, %s %s", l.DistanceM, c.Price.Excl, c.Price.Currency))
	}
	return found
}
