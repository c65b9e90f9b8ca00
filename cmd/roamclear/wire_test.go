package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/google/go-cmp/cmp"
	"github.com/roamclear/roamclear/ocpi"
)

// TestWhatGoesOverTheWire is what partners and readers meet at the edges: headers,
// several parties on one connection, large bodies, copies that differ.
func TestWhatGoesOverTheWire(t *testing.T) {
	s := startTest(t, t.TempDir())
	s.partner("CPO", "GB", "DUN")
	s.partner("EMSP", "NL", "EXW")
	s.financeKey()
	s.accepted("GB*DUN", "PUT", "/receiver/locations/GB/DUN/L1", testLocation)
	s.accepted("GB*DUN", "PUT", "/receiver/tariffs/GB/DUN/T1", testTariff)
	neighbour := testCDR("neighbour", "EXW", "T1", "7.00", "8.40")
	s.accepted("GB*DUN", "POST", cdrs, neighbour)

	routingHeaders(s)
	secondParty(s)
	largeBodies(s)
	tooLargeBodies(s)
	toldConflicts(s)
	s.priced("GB/DUN/neighbour", "7.00", "8.40")
	headOfEverything(s)
	unknownAddresses(s)
	verified(t, s.data)
}

// priced waits for a CDR that agrees with its claim and has no finding.
func (s *testService) priced(path, excl, incl string) {
	s.t.Helper()
	var got struct {
		CDR struct {
			Status, Claim string
			Computed      struct {
				Excl string `json:"excl_vat"`
				Incl string `json:"incl_vat"`
			}
		}
		Findings []ocpi.Finding
	}
	s.eventually(path+" is priced", func() bool {
		return s.request("GET", "/api/v1/cdrs/"+path, "Bearer "+s.key, "").status == http.StatusOK
	})
	s.finance("/cdrs/"+path, &got)
	if c := got.CDR; c.Status != "priced" || c.Claim != "agrees" || c.Computed.Excl != excl || c.Computed.Incl != incl || got.Findings == nil || len(got.Findings) > 0 {
		s.t.Errorf("%s: %+v, want priced, agrees, %s and %s, and no finding", path, got, excl, incl)
	}
}

// send is as with headers.
func (s *testService) send(token, method, path, body string, headers map[string]string) answer {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), method, s.url+path, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	req.Header.Set("Authorization", token)
	for name, value := range headers {
		req.Header.Set(name, value)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	a := answer{status: res.StatusCode, header: res.Header, body: string(b)}
	_ = json.Unmarshal(b, &a.ocpi) // an answer outside OCPI leaves it empty
	return a
}

func routingHeaders(s *testService) {
	s.t.Helper()
	token := "Token " + s.tokens["GB*DUN"]
	headers := map[string]string{"X-Request-ID": "r-1", "X-Correlation-ID": "c-1", "OCPI-from-country-code": "GB", "OCPI-from-party-id": "DUN", "OCPI-to-country-code": "NL", "OCPI-to-party-id": "EXW"}
	a := s.send(token, "PUT", "/ocpi/2.2.1/receiver/cdrs/GB/DUN/NOPE", "{}", headers)
	got := map[string]string{}
	for name := range headers {
		got[name] = a.header.Get(name)
	}
	want := map[string]string{"X-Request-ID": "r-1", "X-Correlation-ID": "c-1", "OCPI-from-country-code": "NL", "OCPI-from-party-id": "EXW", "OCPI-to-country-code": "GB", "OCPI-to-party-id": "DUN"}
	if diff := cmp.Diff(want, got); diff != "" || a.status != 405 || a.ocpi.Code != 2000 {
		s.t.Errorf("PUT of a CDR: HTTP %d with %d: %s", a.status, a.ocpi.Code, diff)
	}

	// In a foreign name: answered like the same mismatch in the body, and kept.
	body := testCDR("foreign-header", "EXW", "T1", "7.00", "8.40")
	a = s.send(token, "POST", "/ocpi/2.2.1"+cdrs, body, map[string]string{"OCPI-from-country-code": "GB", "OCPI-from-party-id": "ZQX"})
	if a.status != 200 || a.ocpi.Code != 2001 || !strings.Contains(a.ocpi.Message, "GB*ZQX is not a party of yours") {
		s.t.Errorf("in a foreign name: HTTP %d with %d %q", a.status, a.ocpi.Code, a.ocpi.Message)
	}
	s.refused("GB*ZQX is not a party of yours", "foreign-header")
}

// refused waits for a refused body with a reason; its body has the text.
func (s *testService) refused(reason, text string) {
	s.t.Helper()
	s.eventually("the refused body is kept: "+reason, func() bool {
		var got struct {
			Refusals []struct {
				Reason string
				Body   json.RawMessage
				Base64 []byte `json:"body_base64"`
			}
		}
		s.finance("/refusals", &got)
		for _, r := range got.Refusals {
			if strings.Contains(r.Reason, reason) && (strings.Contains(string(r.Body), text) || strings.Contains(string(r.Base64), text)) {
				return true
			}
		}
		return false
	})
}

// secondParty is a platform with two parties and one token: by the command that
// adds a partner, and by the one that adds a role.
func secondParty(s *testService) {
	s.t.Helper()
	add := func(args ...string) error {
		_, err := run(s.t, newPartnerCmd(), append(args, "--data", s.data)...)
		return err
	}
	body := func(party, id string) string {
		return strings.Replace(testCDR(id, "EXW", "T1", "7.00", "8.40"), `"party_id":"DUN"`, `"party_id":"`+party+`"`, 1)
	}
	if a := s.as("GB*DUN", "POST", cdrs, body("PKC", "p-0")); a.ocpi.Code != 2001 {
		s.t.Errorf("a party it has no role for: HTTP %d with %d", a.status, a.ocpi.Code)
	}
	if err := add("add", "--role", "CPO", "--country", "GB", "--party", "PKC", "--token", s.tokens["GB*DUN"]); err != nil {
		s.t.Fatal(err)
	}
	if err := add("role", "add", "gb-dun-cpo", "--role", "CPO", "--country", "GB", "--party", "ANG"); err != nil {
		s.t.Fatal(err)
	}
	for _, party := range []string{"PKC", "ANG"} {
		s.accepted("GB*DUN", "PUT", "/receiver/tariffs/GB/"+party+"/T1", strings.Replace(testTariff, `"party_id":"DUN"`, `"party_id":"`+party+`"`, 1))
		s.accepted("GB*DUN", "PUT", "/receiver/locations/GB/"+party+"/L1", strings.Replace(testLocation, `"party_id":"DUN"`, `"party_id":"`+party+`"`, 1))
		s.accepted("GB*DUN", "POST", cdrs, body(party, "p-1"))
		s.priced("GB/"+party+"/p-1", "7.00", "8.40")
	}
	if err := add("role", "remove", "gb-dun-cpo", "--role", "CPO", "--country", "GB", "--party", "ANG"); err != nil {
		s.t.Fatal(err)
	}
	if a := s.as("GB*DUN", "POST", cdrs, body("ANG", "p-2")); a.ocpi.Code != 2001 {
		s.t.Errorf("a party whose role was removed: HTTP %d with %d", a.status, a.ocpi.Code)
	}
	if err := add("role", "add", "gb-dun-cpo", "--role", "EMSP", "--country", "NL", "--party", "EXW"); err == nil || !strings.Contains(err.Error(), "already belongs to partner nl-exw-emsp") {
		s.t.Errorf("another's role: %v", err)
	}
}

// minutes are charging periods of a minute and 0.1 kWh each.
func minutes(n int) string {
	periods := make([]string, n)
	for i := range periods {
		at := time.Date(2019, 1, 5, 10, i, 0, 0, time.UTC).Format(time.RFC3339)
		periods[i] = fmt.Sprintf(`{"start_date_time":%q,"dimensions":[{"type":"ENERGY","volume":0.1},{"type":"TIME","volume":0.0167}],"tariff_id":"TE"}`, at)
	}
	return "[" + strings.Join(periods, ",") + "]"
}

// largeBodies are what charges of a night, a site of many EVSEs and a Session
// that was PATCHed every minute come to: 72 kWh at 0.50 are 36.00, with 20 % VAT
// 43.20.
func largeBodies(s *testService) {
	s.t.Helper()
	const energyTariff = `{"country_code":"GB","party_id":"DUN","id":"TE","currency":"GBP","elements":[{"price_components":[{"type":"ENERGY","price":0.50,"vat":20,"step_size":1}]}],"last_updated":"2019-01-01T00:00:00Z"}`
	s.accepted("GB*DUN", "PUT", "/receiver/tariffs/GB/DUN/TE", energyTariff)
	night := minutes(720)
	cdr := testCDR("night", "EXW", "TE", "36.00", "43.20")
	cdr = strings.NewReplacer(`"session_id":"S1"`, `"session_id":"NIGHT"`, "2019-01-05T12:0", "2019-01-05T22:0", `"total_energy":20,"total_time":2,"total_parking_time":0.6667`, `"total_energy":72,"total_time":12`).Replace(cdr)
	from, to := strings.Index(cdr, `"charging_periods":`), strings.Index(cdr, `"total_cost"`)
	cdr = cdr[:from] + `"charging_periods":` + night + "," + cdr[to:]
	s.accepted("GB*DUN", "POST", cdrs, cdr)
	s.priced("GB/DUN/night", "36.00", "43.20")

	const path = "/receiver/sessions/GB/DUN/S1"
	s.accepted("GB*DUN", "PUT", path, testSession)
	grown := 0
	for i := 0; grown < 900<<10; i++ {
		s.accepted("GB*DUN", "PATCH", path, fmt.Sprintf(`{"x_%d":%q,"kwh":%d,"last_updated":"2019-01-05T10:%02d:00Z"}`, i, strings.Repeat("x", 90<<10), i+1, i+1))
		grown = len(s.accepted("GB*DUN", "GET", path, "").ocpi.Data)
	}
	whole := string(s.accepted("GB*DUN", "GET", path, "").ocpi.Data)
	if a := s.as("GB*DUN", "PATCH", path, `{"y":"`+strings.Repeat("y", 200<<10)+`","last_updated":"2019-01-05T11:00:00Z"}`); a.status != 200 || a.ocpi.Code != 2001 || !strings.Contains(a.ocpi.Message, "charging_periods: ") || !strings.Contains(a.ocpi.Message, "at most 1048576 are kept (limits.session_bytes)") {
		s.t.Errorf("a PATCH beyond the limit: HTTP %d with %d %q", a.status, a.ocpi.Code, a.ocpi.Message)
	}
	s.accepted("GB*DUN", "PUT", path, strings.Replace(whole, `"ACTIVE"`, `"COMPLETED"`, 1))

	site := strings.Replace(testLocation, `"id":"L1"`, `"id":"SITE","x":"`+strings.Repeat("x", 3<<20)+`"`, 1)
	s.accepted("GB*DUN", "PUT", "/receiver/locations/GB/DUN/SITE", site)
	if got := s.accepted("GB*DUN", "GET", "/receiver/locations/GB/DUN/SITE", ""); string(got.ocpi.Data) != site {
		s.t.Errorf("a site of %d bytes comes back with %d", len(site), len(got.ocpi.Data))
	}
}

func tooLargeBodies(s *testService) {
	s.t.Helper()
	body := testCDR("too-large", "EXW", "T1", "7.00", "8.40") + strings.Repeat(" ", 1<<20)
	a := s.as("GB*DUN", "POST", cdrs, body)
	if want := fmt.Sprintf("body too large: %d bytes, at most 1048576 are accepted (limits.cdr_bytes)", len(body)); a.status != 413 || a.ocpi.Code != 2001 || !strings.HasPrefix(a.ocpi.Message, want) {
		s.t.Errorf("a CDR that is too large: HTTP %d with %d %q, want %q", a.status, a.ocpi.Code, a.ocpi.Message, want)
	}
	s.refused("limits.cdr_bytes", `"too-large"`)
}

// toldConflicts sends a CDR again, at once and after it was stored, and reads in
// what the copies differ.
func toldConflicts(s *testService) {
	s.t.Helper()
	twice := func(excl string) string {
		return strings.Replace(testCDR("twice", "EXW", "T1", excl, "8.40"), `"session_id":"S1"`, `"session_id":"TWICE"`, 1)
	}
	s.accepted("GB*DUN", "POST", cdrs, twice("7.00"))
	for _, again := range []struct{ excl, header, differs string }{
		{"7.0", "", ""}, {"70.00", "true", "total_cost.excl_vat (70, was 7)"}, {"71.00", "true", "total_cost.excl_vat (71, was 7)"},
	} {
		a := s.accepted("GB*DUN", "POST", cdrs, twice(again.excl))
		if a.header.Get("X-Roamclear-Conflict") != again.header || !strings.Contains(a.ocpi.Message, again.differs) {
			s.t.Errorf("again with %s: header %q, message %q", again.excl, a.header.Get("X-Roamclear-Conflict"), a.ocpi.Message)
		}
	}
	var got struct {
		Counts struct {
			Claimed struct {
				Excl string `json:"excl_vat"`
			}
			Raw json.RawMessage
		}
		Others []struct {
			Conflict bool
			Claimed  struct {
				Excl string `json:"excl_vat"`
			}
			Difference struct {
				Excl string `json:"excl_vat"`
			}
			Differs []ocpi.Difference
			Raw     json.RawMessage
		}
	}
	s.eventually("the copies are stored", func() bool {
		a := s.request("GET", "/api/v1/conflicts/GB/DUN/twice", "Bearer "+s.key, "")
		return a.status == http.StatusOK && json.Unmarshal([]byte(a.body), &got) == nil && len(got.Others) == 2
	})
	last := got.Others[1]
	paths := []string{}
	for _, d := range last.Differs {
		paths = append(paths, d.Path)
	}
	if got.Counts.Claimed.Excl != "7.00" || !strings.Contains(string(got.Counts.Raw), `"twice"`) || !last.Conflict || last.Claimed.Excl != "71.00" || last.Difference.Excl != "64.00" ||
		!slices.Equal(paths, []string{"total_cost.excl_vat"}) || !strings.Contains(string(last.Raw), "71.00") {
		s.t.Errorf("the copies: %+v", got)
	}
	page := s.request("GET", "/conflicts/GB/DUN/twice", "", "")
	for _, text := range []string{"total_cost.excl_vat", "64.00", "The copy that counts", "&#34;twice&#34;"} {
		if page.status != http.StatusOK || !strings.Contains(page.body, text) {
			s.t.Errorf("the page of the copies: HTTP %d without %q", page.status, text)
		}
	}
}

var routeParameter = regexp.MustCompile(`[:*]\w+`)

// headOfEverything asks for HEAD wherever there is GET: the same status and
// headers, and no body.
func headOfEverything(s *testService) {
	s.t.Helper()
	n := 0
	for _, r := range s.inside.http.routes.(*gin.Engine).Routes() {
		if r.Method != http.MethodGet {
			continue
		}
		n++
		path := routeParameter.ReplaceAllString(r.Path, "x")
		authorization := "Bearer " + s.key
		switch {
		case strings.HasPrefix(path, "/ocpi/"):
			authorization = "Token " + s.tokens["GB*DUN"]
		case strings.HasPrefix(path, "/admin/"):
			authorization = "Bearer " + s.inside.adminToken
		}
		get, head := s.request("GET", path, authorization, ""), s.request("HEAD", path, authorization, "")
		if head.status != get.status || head.body != "" || head.header.Get("Content-Type") != get.header.Get("Content-Type") {
			s.t.Errorf("HEAD %s: HTTP %d %q with %d bytes, GET has %d %q", path, head.status, head.header.Get("Content-Type"), len(head.body), get.status, get.header.Get("Content-Type"))
		}
	}
	if n < 40 {
		s.t.Errorf("only %d routes have GET", n)
	}
}

// unknownAddresses answers browsers with a page and programs as programs read it.
func unknownAddresses(s *testService) {
	s.t.Helper()
	const browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
	for _, tt := range []struct {
		method, path, accept string
		status               int
		kind, text           string
	}{
		{"GET", "/nowhere", browser, 404, "text/html; charset=utf-8", "There is no page at this address"},
		{"GET", "/nowhere", "", 404, "application/json; charset=utf-8", `"not_found"`},
		{"GET", "/nowhere", "*/*", 404, "application/json; charset=utf-8", `"not_found"`},
		{"GET", "/nowhere", "application/json", 404, "application/json; charset=utf-8", `"not_found"`},
		{"DELETE", "/cdrs", browser, 405, "text/html; charset=utf-8", "Not done here"},
		{"GET", "/api/v1/nowhere", browser, 404, "application/json; charset=utf-8", `"not_found"`},
		{"GET", "/ocpi/nowhere", browser, 401, "application/json", `2000`},
	} {
		a := s.send("", tt.method, tt.path, "", map[string]string{"Accept": tt.accept})
		if a.status != tt.status || a.header.Get("Content-Type") != tt.kind || !strings.Contains(a.body, tt.text) {
			s.t.Errorf("%s %s as %q: HTTP %d %q: %.200s", tt.method, tt.path, tt.accept, a.status, a.header.Get("Content-Type"), a.body)
		}
	}
}
