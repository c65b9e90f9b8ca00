package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// TestPartnersListWhatTheyMaySee is the Sender side on the whole stack: what was
// acknowledged is on the next list of everybody who may see it, a Link leads to its
// end while others push, and after a restart the lists are the same.
func TestPartnersListWhatTheyMaySee(t *testing.T) {
	data := t.TempDir()
	s := startTest(t, data)
	s.partner("CPO", "GB", "DUN")
	s.partner("CPO", "FR", "BEL")
	s.partner("EMSP", "NL", "EXW")
	s.partner("EMSP", "DE", "TNM")
	for i := range 7 {
		id := fmt.Sprintf("L%d", i)
		s.accepted("GB*DUN", "PUT", "/receiver/locations/GB/DUN/"+id, strings.Replace(testLocation, `"id":"L1"`, `"id":"`+id+`"`, 1))
	}
	french := strings.NewReplacer(`"country_code":"GB"`, `"country_code":"FR"`, `"party_id":"DUN"`, `"party_id":"BEL"`)
	s.accepted("FR*BEL", "PUT", "/receiver/locations/FR/BEL/L1", french.Replace(testLocation))
	s.accepted("GB*DUN", "PUT", "/receiver/tariffs/GB/DUN/T1", testTariff)
	s.accepted("GB*DUN", "PUT", "/receiver/tariffs/GB/DUN/T2", strings.Replace(testTariff, `"id":"T1"`, `"id":"T2"`, 1))
	s.accepted("GB*DUN", "DELETE", "/receiver/tariffs/GB/DUN/T2", "")
	s.accepted("NL*EXW", "PUT", "/receiver/tokens/NL/EXW/K1", `{"country_code":"NL","party_id":"EXW","uid":"K1","type":"RFID","contract_id":"NL-EXW-C1","issuer":"EXW","valid":true,"whitelist":"ALWAYS","last_updated":"2019-01-01T00:00:00Z"}`)
	s.accepted("GB*DUN", "PUT", "/receiver/sessions/GB/DUN/S1", testSession)
	s.accepted("GB*DUN", "POST", cdrs, testCDR("listed", "EXW", "T1", "7.00", "8.40"))
	check := func() {
		t.Helper()
		const all = "?date_from=2018-01-01T00:00:00Z"
		for _, tt := range []struct{ party, list, want string }{
			{"NL*EXW", "locations", "L0 L1 L2 L3 L4 L5 L6 L1"},
			{"DE*TNM", "tariffs", "T1"},
			{"FR*BEL", "tokens", "K1"},
			{"NL*EXW", "sessions", "S1"},
			{"DE*TNM", "sessions", ""},
			{"GB*DUN", "sessions", "S1"},
			{"FR*BEL", "sessions", ""},
			{"NL*EXW", "cdrs", "listed"},
			{"DE*TNM", "cdrs", ""},
			{"NL*EXW", "hubclientinfo", "BEL DUN"},
		} {
			if got := s.listed(tt.party, "/sender/"+tt.list+all+"&limit=3", nil); strings.Join(got, " ") != tt.want {
				t.Errorf("%s lists %s: %q, want %q", tt.party, tt.list, got, tt.want)
			}
		}
	}
	check()
	for _, path := range []string{"/sender/locations", "/sender/tariffs"} { // those it sends
		if a := s.as("GB*DUN", "GET", path, ""); a.status != 404 {
			t.Errorf("a CPO asks for %s: HTTP %d", path, a.status)
		}
	}
	if a := s.as("NL*EXW", "GET", "/sender/sessions", ""); a.status != 200 || a.ocpi.Code != 2001 {
		t.Errorf("Sessions of ever: HTTP %d with %d", a.status, a.ocpi.Code)
	}
	if a := s.as("NL*EXW", "GET", "/sender/locations/L5", ""); a.ocpi.Code != 1000 || !strings.Contains(string(a.ocpi.Data), `"L5"`) {
		t.Errorf("the only L5: HTTP %d with %d %q", a.status, a.ocpi.Code, a.ocpi.Message)
	}
	if a := s.as("NL*EXW", "GET", "/sender/locations/L1", ""); a.ocpi.Code != 2001 {
		t.Errorf("one of two L1: HTTP %d with %d", a.status, a.ocpi.Code)
	}
	// While somebody follows the list, the first one changes and another one comes.
	pages := 0
	got := s.listed("DE*TNM", "/sender/locations?limit=2", func() {
		pages++
		changed := strings.NewReplacer(`"id":"L1"`, `"id":"L0"`, `"last_updated":"2019-01-01T00:00:00Z"`, fmt.Sprintf(`"last_updated":"2019-01-02T00:%02d:00Z"`, pages)).Replace(testLocation)
		s.accepted("GB*DUN", "PUT", "/receiver/locations/GB/DUN/L0", changed)
		s.accepted("GB*DUN", "PUT", fmt.Sprintf("/receiver/locations/GB/DUN/N%d", pages), strings.Replace(testLocation, `"id":"L1"`, fmt.Sprintf(`"id":"N%d"`, pages), 1))
	})
	if old := got[:min(8, len(got))]; strings.Join(old, " ") != "L0 L1 L2 L3 L4 L5 L6 L1" || slices.Contains(got[len(old):], "L0") {
		t.Errorf("followed while others push: %q", got)
	}
	followsCDRs(s)
	verified(t, data)
	s.stop()
	tokens := s.tokens
	s = startTest(t, data)
	s.tokens = tokens
	if got := s.listed("NL*EXW", "/sender/locations?limit=100", nil); len(got) != 8+pages {
		t.Errorf("after a restart: %q", got)
	}
}

// followsCDRs follows the list of CDRs in every version while others are pushed: those
// that were there are met once, and none twice.
func followsCDRs(s *testService) {
	s.t.Helper()
	var before []string
	push := func(id string, minute int) answer {
		made := fmt.Sprintf(`"last_updated":"2019-01-05T12:%02d:00Z"`, minute)
		return s.as("GB*DUN", "POST", cdrs, strings.Replace(testCDR(id, "EXW", "T1", "7.00", "8.40"), `"last_updated":"2019-01-05T12:05:00Z"`, made, 1))
	}
	for n := range 9 {
		before = append(before, fmt.Sprintf("there-%d", n))
		if a := push(before[n], 10+n); a.ocpi.Code != 1000 {
			s.t.Fatalf("%s: HTTP %d: %s", before[n], a.status, a.body)
		}
	}
	for _, list := range []string{"/cpo/2.1.1", "/2.2.1/sender", "/2.3.0/sender"} {
		stop, stopped := make(chan struct{}), make(chan struct{})
		go func() {
			defer close(stopped)
			for n := range 60 { // before, among and behind what was there
				select {
				case <-stop:
					return
				default:
					push(fmt.Sprintf("more-%s-%d", strings.ReplaceAll(list, "/", "-"), n), 1+n*7%28)
				}
			}
		}()
		times := map[string]int{}
		// 2.1.1 knows no VAT, and hands out these without their tariffs.
		for _, id := range s.listed("NL*EXW", s.url+"/ocpi"+list+"/cdrs?limit=2&date_to=2019-01-31T00:00:00Z", nil) {
			times[id]++
		}
		close(stop)
		<-stopped
		for id, n := range times {
			if n > 1 {
				s.t.Errorf("%s: %s is met %d times", list, id, n)
			}
		}
		for _, id := range before {
			if times[id] != 1 {
				s.t.Errorf("%s: %s is met %d times", list, id, times[id])
			}
		}
	}
}

// listed follows a list to its end and returns the ids on it. between, if any,
// runs after each page.
func (s *testService) listed(party, path string, between func()) (ids []string) {
	s.t.Helper()
	for path != "" {
		a := s.as(party, "GET", path, "")
		if a.status != 200 || a.ocpi.Code != 1000 {
			s.t.Fatalf("%s GET %s: HTTP %d with %d %q", party, path, a.status, a.ocpi.Code, a.ocpi.Message)
		}
		var items []struct {
			ID    string
			UID   string
			Party string `json:"party_id"`
		}
		if err := json.Unmarshal(a.ocpi.Data, &items); err != nil {
			s.t.Fatal(err)
		}
		for _, i := range items {
			id := i.ID + i.UID
			if id == "" {
				id = i.Party
			}
			ids = append(ids, id)
		}
		if a.header.Get("X-Limit") != "500" || a.header.Get("X-Total-Count") == "" {
			s.t.Errorf("%s GET %s: limit %q, total %q", party, path, a.header.Get("X-Limit"), a.header.Get("X-Total-Count"))
		}
		path, _, _ = strings.Cut(strings.TrimPrefix(a.header.Get("Link"), "<"), ">")
		if path != "" && between != nil {
			between()
		}
	}
	return ids
}
