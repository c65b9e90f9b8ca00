package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/roamclear/roamclear/api/admin"
	"github.com/roamclear/roamclear/benchmarks/peer"
	"github.com/roamclear/roamclear/ingest/control"
	"github.com/roamclear/roamclear/ocpi"
)

// appSession is what an app reads of its session.
type appSession struct {
	ID        string `json:"id"`
	State     string `json:"state"`
	Deadline  string `json:"deadline"`
	Reference string `json:"authorization_reference"`
	OCPI      *struct {
		ID, Status string
	} `json:"ocpi"`
	EnergyKWh string `json:"energy_kwh"`
	Quote     *struct {
		TariffID string `json:"tariff_id"`
	} `json:"quote"`
	Command struct{ Response, Result, Message string } `json:"command"`
	Stop    *struct {
		Reason string
		Failed bool
	} `json:"stop"`
	Preferences *struct{ Response string } `json:"charging_preferences"`
	Price       *struct {
		Status, Currency string
		Excl             string `json:"excl_vat"`
		Incl             string `json:"incl_vat"`
	} `json:"price"`
	CDR *struct {
		ID     string
		Excl   string `json:"excl_vat"`
		Agrees *bool  `json:"agrees_with_quote"`
		Reason string
	} `json:"cdr"`
}

// scopedKey makes an API key of a scope for a party.
func (s *testService) scopedKey(scope string, party ocpi.Party) string {
	s.t.Helper()
	flags := serviceFlags{data: s.data}
	client, err := flags.client()
	if err != nil {
		s.t.Fatal(err)
	}
	var got admin.KeySecret
	if err := client.do(s.t.Context(), http.MethodPost, "/keys", admin.KeyRequest{Scopes: []string{scope}, Party: party.Country + "/" + party.ID}, &got); err != nil {
		s.t.Fatal(err)
	}
	return "Bearer " + got.Secret
}

// charging is a service with a CPO that is served beside it, and an app of an eMSP.
type charging struct {
	*testService
	cpo *peer.Peer
	app string // Authorization
}

func newCharging(t *testing.T, v ocpi.Version) *charging {
	t.Helper()
	s := startTest(t, t.TempDir())
	s.partner("EMSP", "DE", "EMP")
	s.partner("EMSP", "DE", "OTH")
	s.financeKey()
	cpo := testPeer(t, peer.Options{Role: peer.CPO, Party: ocpi.NewParty("NL", "TNC"), Version: v})
	if out, err := run(t, newPartnerCmd(), "connect", cpo.VersionsURL(), "--token", cpo.TokenA(), "--role", "CPO", "--data", s.data); err != nil {
		t.Fatal(out, err)
	}
	s.pull("TNC")
	return &charging{s, cpo, s.scopedKey(control.ScopeApp, ocpi.NewParty("DE", "EMP"))}
}

const startBody = `{"location":{"country_code":"NL","party_id":"TNC","location_id":"TNC-L1"},"evse_uid":"TNC-E1","connector_id":"1","token":{"uid":"APP-77","type":"APP_USER","contract_id":"DE-EMP-C00077-X"}%s}`

// call calls the simple calls and reads the session in the answer.
func (c *charging) call(method, path, body string, want int, headers ...string) (v appSession) {
	c.t.Helper()
	a := c.request(method, "/api/v1"+path, c.app, body, headers...)
	if a.status != want {
		c.t.Fatalf("%s %s: HTTP %d %s, want %d", method, path, a.status, a.body, want)
	}
	if err := json.Unmarshal([]byte(a.body), &v); err != nil {
		c.t.Fatal(err, a.body)
	}
	return v
}

// until waits until a session has come to a state.
func (c *charging) until(id, state string) (v appSession) {
	c.t.Helper()
	c.eventually("session is "+state, func() bool {
		v = c.call("GET", "/sessions/"+id, "", 200)
		return v.State == state
	})
	return v
}

// sent counts the commands of a type that came to the CPO.
func (c *charging) sent(kind string) (n int) {
	for _, one := range c.cpo.Commanded() {
		if one.Type == kind {
			n++
		}
	}
	return n
}

// An app finds no more than a key and a station: it starts a charge, follows it, ends it,
// and reads what it cost, which is what was quoted.
func TestAnAppCharges(t *testing.T) {
	c := newCharging(t, ocpi.V221)
	c.cpo.Do("START_SESSION", peer.Plan{Charge: true})
	c.cpo.Do("STOP_SESSION", peer.Plan{Charge: true})
	body := fmt.Sprintf(startBody, "")
	v := c.call("POST", "/sessions", body, 202, "Idempotency-Key", "k1")
	if v.ID == "" || v.Reference != v.ID || v.Deadline == "" || v.Quote == nil || v.Quote.TariffID != "TNC-T1" {
		t.Errorf("asked for: %+v", v)
	}
	if again := c.call("POST", "/sessions", " "+body, 202, "Idempotency-Key", "k1"); again.ID != v.ID {
		t.Errorf("again it is %s, not %s", again.ID, v.ID)
	}
	if a := c.request("POST", "/api/v1/sessions", c.app, fmt.Sprintf(startBody, `,"limits":{"max_energy_kwh":"5"}`), "Idempotency-Key", "k1"); a.status != 422 || !strings.Contains(a.body, "idempotency_mismatch") {
		t.Errorf("another body: HTTP %d %s", a.status, a.body)
	}
	c.until(v.ID, "active")
	if err := c.cpo.Deliver(t.Context(), "TNC-R1", "10", 1); err != nil {
		t.Fatal(err)
	}
	now := c.call("GET", "/sessions/"+v.ID, "", 200)
	if now.EnergyKWh != "10" || now.Price == nil || now.Price.Excl != "3.00" || now.Price.Status != "running" || now.OCPI == nil || now.OCPI.ID != "TNC-R1" || now.Command.Result != "ACCEPTED" {
		t.Errorf("under way: %+v, price %+v", now, now.Price)
	}
	if a := c.request("GET", "/api/v1/sessions/"+v.ID+"/explanation", c.app, ""); a.status != 200 || !strings.Contains(a.body, "0.3") {
		t.Errorf("explanation: HTTP %d %s", a.status, a.body)
	}
	c.call("POST", "/sessions/"+v.ID+"/stop", "", 202)
	if a := c.request("POST", "/api/v1/sessions/"+v.ID+"/stop", c.app, ""); a.status != 202 && a.status != 409 { // it may be over by now
		t.Errorf("stopped again: HTTP %d %s", a.status, a.body)
	}
	billed := c.until(v.ID, "billed")
	if billed.CDR == nil || billed.CDR.Excl != "3.00" || billed.CDR.Agrees == nil || !*billed.CDR.Agrees {
		t.Errorf("billed: %+v", billed.CDR)
	}
	if a := c.request("POST", "/api/v1/sessions/"+v.ID+"/stop", c.app, ""); a.status != 409 || !strings.Contains(a.body, "already_over") {
		t.Errorf("stopped when it is over: HTTP %d %s", a.status, a.body)
	}
	if c.sent("START_SESSION") != 1 || c.sent("STOP_SESSION") != 1 || len(c.cpo.Failures()) > 0 {
		t.Errorf("%d starts, %d stops, failures %v", c.sent("START_SESSION"), c.sent("STOP_SESSION"), c.cpo.Failures())
	}
	var list struct{ Data []appSession }
	if a := c.request("GET", "/api/v1/sessions?state=billed", c.app, ""); json.Unmarshal([]byte(a.body), &list) != nil || len(list.Data) != 1 || list.Data[0].ID != v.ID {
		t.Errorf("listed: HTTP %d %s", a.status, a.body)
	}
	other := c.scopedKey(control.ScopeApp, ocpi.NewParty("DE", "OTH"))
	for _, path := range []string{"/" + v.ID, "/" + v.ID + "/explanation"} {
		if a := c.request("GET", "/api/v1/sessions"+path, other, ""); a.status != 404 {
			t.Errorf("another eMSP: HTTP %d %s", a.status, a.body)
		}
	}
	if a := c.request("GET", "/api/v1/sessions", other, ""); a.status != 200 || strings.Contains(a.body, v.ID) {
		t.Errorf("another eMSP's list: HTTP %d %s", a.status, a.body)
	}
	verified(t, c.data)
}

// What cannot be started is told before the CPO is asked.
func TestWhatAnAppCannotStart(t *testing.T) {
	c := newCharging(t, ocpi.V221)
	c.partner("CPO", "NL", "MUT")
	c.accepted("NL*MUT", http.MethodPut, "/receiver/locations/NL/MUT/M1", `{"country_code":"NL","party_id":"MUT","id":"M1","publish":false,"address":"A","city":"C","country":"NLD",`+
		`"coordinates":{"latitude":"52.0","longitude":"5.0"},"time_zone":"Europe/Amsterdam","last_updated":"2025-01-01T00:00:00Z"}`)
	body := fmt.Sprintf(startBody, "")
	for _, tt := range []struct {
		name, old, new string
		status         int
		code           string
	}{
		{"an unknown Location", "TNC-L1", "TNC-L9", 404, "unknown_location"},
		{"an unknown EVSE", "TNC-E1", "TNC-E9", 404, "unknown_evse"},
		{"an unknown connector", `"connector_id":"1"`, `"connector_id":"9"`, 404, "unknown_connector"},
		{"a connector of no EVSE", `"evse_uid":"TNC-E1",`, ``, 400, "connector_id"},
		{"another's Token", `"uid":`, `"country_code":"DE","party_id":"OTH","uid":`, 403, "foreign_token"},
		{"a member that there is none of", `"evse_uid"`, `"evseuid"`, 400, "evseuid"},
		{"no Token", `"uid":"APP-77"`, `"uid":""`, 400, "token.uid"},
		{"who is not connected", `"party_id":"TNC","location_id":"TNC-L1"},"evse_uid":"TNC-E1","connector_id":"1"`, `"party_id":"MUT","location_id":"M1"}`, 409, "cpo_not_connected"},
	} {
		a := c.request("POST", "/api/v1/sessions", c.app, strings.Replace(body, tt.old, tt.new, 1))
		if a.status != tt.status || !strings.Contains(a.body, tt.code) {
			t.Errorf("%s: HTTP %d %s, want %d %s", tt.name, a.status, a.body, tt.status, tt.code)
		}
	}
	if n := len(c.cpo.Commanded()); n != 0 {
		t.Errorf("%d commands", n)
	}
	helpdesk := c.scopedKey(control.ScopeHelpdesk, ocpi.NewParty("DE", "EMP"))
	const unlock = `{"location_id":"TNC-L1","evse_uid":"TNC-E1","connector_id":"1"}`
	if a := c.request("POST", "/api/v1/commands/UNLOCK_CONNECTOR?cpo=NL*TNC", c.app, unlock); a.status != 403 {
		t.Errorf("unlocked by an app: HTTP %d %s", a.status, a.body)
	}
	if a := c.request("POST", "/api/v1/commands/UNLOCK_CONNECTOR?cpo=NL*TNC", helpdesk, unlock); a.status != 202 {
		t.Errorf("unlocked by a helpdesk: HTTP %d %s", a.status, a.body)
	}
	c.eventually("the connector is unlocked", func() bool { return c.sent("UNLOCK_CONNECTOR") == 1 })
}

// A CPO of OCPI 2.1.1, whose Sessions refer to nothing: a charge is found by token, place
// and time, and stopped as soon as it is; likewise its CDR.
func TestAnAppChargesByOCPI211(t *testing.T) {
	c := newCharging(t, ocpi.V211)
	c.cpo.Do("START_SESSION", peer.Plan{Charge: true})
	c.cpo.Do("STOP_SESSION", peer.Plan{Charge: true})
	v := c.call("POST", "/sessions", fmt.Sprintf(startBody, ""), 202)
	c.call("POST", "/sessions/"+v.ID+"/stop", "", 202)
	got := c.until(v.ID, "billed")
	if got.OCPI == nil || got.CDR == nil || got.CDR.ID != "C-"+got.OCPI.ID || c.sent("STOP_SESSION") != 1 || len(c.cpo.Failures()) > 0 {
		t.Errorf("%+v, CDR %+v, %d stops, failures %v", got, got.CDR, c.sent("STOP_SESSION"), c.cpo.Failures())
	}
}

// A CPO that refuses, and one that accepts and of which nothing comes.
func TestCPOsThatDoNotCharge(t *testing.T) {
	c := newCharging(t, ocpi.V221)
	c.cpo.Do("START_SESSION", peer.Plan{Response: "REJECTED"})
	v := c.call("POST", "/sessions", fmt.Sprintf(startBody, ""), 202)
	if got := c.until(v.ID, "rejected"); got.Command.Response != "REJECTED" {
		t.Errorf("%+v", got.Command)
	}
	c.cpo.Do("START_SESSION", peer.Plan{Result: "EVSE_OCCUPIED"})
	v = c.call("POST", "/sessions", fmt.Sprintf(startBody, ""), 202)
	if got := c.until(v.ID, "failed"); got.Command.Result != "EVSE_OCCUPIED" {
		t.Errorf("%+v", got.Command)
	}
	c.cpo.Do("START_SESSION", peer.Plan{Result: peer.NoResult, Timeout: 1})
	v = c.call("POST", "/sessions", fmt.Sprintf(startBody, ""), 202)
	c.until(v.ID, "timed_out")
}

// A CPO reports by a key, or by its OCPI token, what it would push.
func TestReportingByKey(t *testing.T) {
	s := startTest(t, t.TempDir())
	s.partner("CPO", "NL", "QQQ")
	s.partner("EMSP", "NL", "EMP")
	s.financeKey()
	key := s.scopedKey(control.ScopeCPO, ocpi.NewParty("NL", "QQQ"))
	session, cdr := clean["2.2.1"]["sessions"], clean["2.2.1"]["cdrs"]
	for n, authorization := range []string{key, "Token " + s.tokens["NL*QQQ"]} {
		want := []int{201, 200}[n]
		if a := s.request("PUT", "/api/v1/sessions/NL/QQQ/X1", authorization, session); a.status != want || a.header.Get("X-Roamclear-Receipt") == "" {
			t.Errorf("Session: HTTP %d %s", a.status, a.body)
		}
		if a := s.request("POST", "/api/v1/cdrs", authorization, cdr, "OCPI-Version", "2.2.1"); a.status != 201 || !strings.Contains(a.body, `"receipt"`) {
			t.Errorf("CDR: HTTP %d %s", a.status, a.body)
		}
	}
	s.stored(1)
	if a := s.as("NL*QQQ", http.MethodGet, "/receiver/sessions/NL/QQQ/X1", ""); string(a.ocpi.Data) != session {
		t.Errorf("read back over OCPI: %s", a.body)
	}
	for name, a := range map[string]answer{
		"another's Session":      s.request("PUT", "/api/v1/sessions/NL/OTH/X1", key, session),
		"an eMSP":                s.request("PUT", "/api/v1/sessions/NL/QQQ/X1", "Token "+s.tokens["NL*EMP"], session),
		"no key":                 s.request("POST", "/api/v1/cdrs", "", cdr),
		"a version that is none": s.request("POST", "/api/v1/cdrs", key, cdr, "OCPI-Version", "2.0"),
		"no CDR":                 s.request("POST", "/api/v1/cdrs", key, `{"id":"X"}`),
	} {
		if want := map[string]int{"another's Session": 404, "an eMSP": 403, "no key": 401, "a version that is none": 400, "no CDR": 422}[name]; a.status != want {
			t.Errorf("%s: HTTP %d %s, want %d", name, a.status, a.body, want)
		}
	}
}
