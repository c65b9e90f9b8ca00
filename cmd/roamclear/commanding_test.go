package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/roamclear/roamclear/benchmarks/peer"
	"github.com/roamclear/roamclear/ocpi"
)

// An eMSP commands a CPO of another version through us, and has the result back at its
// own response_url; what is forged reaches nobody.
func TestAnEMSPCommandsACPO(t *testing.T) {
	for _, versions := range [][2]ocpi.Version{{ocpi.V230, ocpi.V211}, {ocpi.V211, ocpi.V221}} {
		c := newCharging(t, versions[1])
		tokenA, err := run(t, newPartnerCmd(), "invite", "--role", "EMSP", "--country", "NL", "--party", "EMZ", "--version", versions[0].String(), "--data", c.data)
		if err != nil {
			t.Fatal(err)
		}
		emsp := testPeer(t, peer.Options{Role: peer.EMSP, Party: ocpi.NewParty("NL", "EMZ"), Version: versions[0]})
		if err := emsp.Connect(t.Context(), c.url+"/ocpi/versions", strings.TrimSpace(tokenA)); err != nil {
			t.Fatal(err)
		}
		unlock := map[string]string{"response_url": emsp.ResponseURL("u1"), "location_id": "TNC-L1", "evse_uid": "TNC-E1", "connector_id": "1"}
		var said struct{ Result string }
		if err := emsp.Call(t.Context(), http.MethodPost, "commands", ocpi.RoleReceiver, "/UNLOCK_CONNECTOR", unlock, &said); err != nil || said.Result != "ACCEPTED" {
			t.Fatalf("from %s to %s: %+v, %v", versions[0], versions[1], said, err)
		}
		c.eventually("the result is back", func() bool { return len(emsp.Commanded()) > 0 })
		got, sent := emsp.Commanded()[0], c.cpo.Commanded()[0]
		if got.Path != "u1" || !strings.Contains(string(got.Body), `"result":"ACCEPTED"`) {
			t.Errorf("result %+v %s", got, got.Body)
		}
		if !strings.HasPrefix(sent.ResponseURL, c.url+"/ocpi/") || len(sent.ResponseURL) > 255 || strings.Contains(string(sent.Body), "/u1") {
			t.Errorf("the CPO was told %s", sent.Body)
		}
		forged := sent.ResponseURL[:len(sent.ResponseURL)-4] + "AAAA"
		if err := c.cpo.Post(t.Context(), forged, map[string]string{"result": "FAILED"}); err == nil || !strings.Contains(err.Error(), "HTTP 404") {
			t.Errorf("a forged result: %v", err)
		}
		if a := c.request("POST", sent.ResponseURL, "", `{"result":"FAILED"}`); a.status != http.StatusUnauthorized {
			t.Errorf("a result of nobody: HTTP %d", a.status)
		}
		if err := c.cpo.Post(t.Context(), sent.ResponseURL, map[string]string{"result": "REJECTED"}); err != nil {
			t.Errorf("a result again: %v", err)
		}
		if n := len(emsp.Commanded()); n != 1 {
			t.Errorf("%d results", n)
		}
		verified(t, c.data)
	}
}

// What a driver prefers goes to the CPO, and its answer comes back; a limit ends a charge.
func TestAChargeIsChanged(t *testing.T) {
	c := newCharging(t, ocpi.V221)
	c.cpo.Do("START_SESSION", peer.Plan{Charge: true})
	c.cpo.Do("STOP_SESSION", peer.Plan{Charge: true})
	v := c.call("POST", "/sessions", strings.Replace(startBody, "%s", "", 1), 202)
	c.until(v.ID, "active")
	got := c.call("PUT", "/sessions/"+v.ID, `{"charging_preferences":{"profile_type":"CHEAP","departure_time":"2026-01-05T12:00:00Z","energy_need":20},"limits":{"max_energy_kwh":"25"}}`, 200)
	if got.Preferences == nil || got.Preferences.Response != "ACCEPTED" {
		t.Errorf("preferences %+v", got.Preferences)
	}
	if a := c.request("PUT", "/api/v1/sessions/"+v.ID, c.app, `{"charging_preferences":{"profile_type":"MINE"}}`); a.status != 400 || !strings.Contains(a.body, "profile_type") {
		t.Errorf("no profile: HTTP %d %s", a.status, a.body)
	}
	if err := c.cpo.Deliver(t.Context(), "TNC-R1", "25.1", 1); err != nil {
		t.Fatal(err)
	}
	billed := c.until(v.ID, "billed")
	if billed.Stop == nil || billed.Stop.Reason != "max_energy_kwh" || c.sent("STOP_SESSION") != 1 {
		t.Errorf("stop %+v, %d stops", billed.Stop, c.sent("STOP_SESSION"))
	}
	if a := c.request("PUT", "/api/v1/sessions/"+v.ID, c.app, `{"charging_preferences":{"profile_type":"FAST"}}`); a.status != 409 || !strings.Contains(a.body, "not_active") {
		t.Errorf("when it is over: HTTP %d %s", a.status, a.body)
	}
}

// What each fault of commands makes of one that an eMSP sends through us: what it is told,
// and the results that it gets, one at most. That none came is told by the time-out of the
// response (TestCPOsThatDoNotCharge has it, by a shorter one than the 30 s of this).
func TestCommandsThatGoWrong(t *testing.T) {
	config := testConfig(t.TempDir())
	config.Commands.AnswerTimeout = time.Second
	s := startConfig(t, config)
	s.eventually("service is ready", func() bool { return s.request(http.MethodGet, "/readyz", "", "").status == http.StatusOK })
	emsp := s.joins(peer.EMSP, "DE", "EMP", ocpi.V221)
	want := map[peer.Fault]struct{ said, results string }{
		peer.Silent: {"4002 REJECTED", ""}, peer.ResultLess: {"1000 ACCEPTED", ""}, peer.ResultTwice: {"1000 ACCEPTED", "ACCEPTED"}, peer.ResultBefore: {"1000 ACCEPTED", "ACCEPTED"},
	}
	for n, name := range peer.Faults(peer.Commands) {
		t.Run(name, func(t *testing.T) {
			want, party := want[peer.Fault(name)], fmt.Sprintf("K%d", n)
			cpo := testPeer(t, peer.Options{Role: peer.CPO, Party: ocpi.NewParty("NL", party), Version: ocpi.V221, Fault: peer.Fault(name)})
			if out, err := run(t, newPartnerCmd(), "connect", cpo.VersionsURL(), "--token", cpo.TokenA(), "--role", "CPO", "--data", s.data); err != nil {
				t.Fatal(out, err)
			}
			body := fmt.Sprintf(`{"response_url":%q,"location_id":"%s-L1","evse_uid":"%s-E1","connector_id":"1"}`, emsp.ResponseURL(party), party, party)
			a := asks(t, emsp, peer.Message{Method: "POST", Module: "commands", Role: ocpi.RoleReceiver, Path: "/UNLOCK_CONNECTOR", To: ocpi.NewParty("NL", party), Body: []byte(body)})
			var said struct{ Result string }
			if len(a.Data) > 0 {
				if err := json.Unmarshal(a.Data, &said); err != nil {
					t.Fatal(err)
				}
			}
			if got := strings.TrimSpace(fmt.Sprint(a.Code, " ", said.Result)); got != want.said {
				t.Errorf("told %q (%s), want %q", got, a.Message, want.said)
			}
			results := func() (list []string) {
				for _, c := range emsp.Commanded() {
					var m struct{ Result string }
					if err := json.Unmarshal(c.Body, &m); err != nil {
						t.Fatal(err)
					}
					if c.Path == party {
						list = append(list, m.Result)
					}
				}
				return list
			}
			if want.results != "" {
				s.eventually("the result is there", func() bool { return len(results()) > 0 })
			}
			cpo.Wait()
			if got := strings.Join(results(), " "); got != want.results {
				t.Errorf("results %q, want %q", got, want.results)
			}
			if err := cpo.Failed(); err != nil {
				t.Error(err)
			}
			if got := len(cpo.Commanded()); got != 1 {
				t.Errorf("commanded %d times", got)
			}
		})
	}
	verified(t, s.data)
}
