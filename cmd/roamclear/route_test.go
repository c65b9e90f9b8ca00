package main

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/roamclear/roamclear/benchmarks/peer"
	"github.com/roamclear/roamclear/ocpi"
)

const (
	// Of 2.3.0, with what no other version has words for.
	location230 = `{"country_code":"NL","party_id":"ZQA","id":"L1","publish":true,"address":"Kade 1","city":"Utrecht","country":"NLD","coordinates":{"latitude":"52.090000","longitude":"5.120000"},` +
		`"parking_places":[{"id":"P1","vehicle_types":["PERSONAL_VEHICLE"],"restricted_to_type":false,"reservation_required":false}],"evses":[{"uid":"E1","status":"AVAILABLE","capabilities":["CHARGING_PREFERENCES_CAPABLE"],` +
		`"connectors":[{"id":"1","standard":"IEC_62196_T2","format":"SOCKET","power_type":"AC_3_PHASE","max_voltage":230,"max_amperage":16,"last_updated":"2025-03-01T00:00:00Z"}],"last_updated":"2025-03-01T00:00:00Z"}],` +
		`"time_zone":"Europe/Amsterdam","last_updated":"2025-03-01T00:00:00Z"}`
	evse230    = `{"uid":"E1","status":"CHARGING","connectors":[{"id":"1","standard":"IEC_62196_T2","format":"SOCKET","power_type":"AC_3_PHASE","max_voltage":230,"max_amperage":16,"last_updated":"2025-03-03T00:00:00Z"}],"last_updated":"2025-03-03T00:00:00Z"}`
	session230 = `{"country_code":"NL","party_id":"ZQA","id":"SPARTY","start_date_time":"2025-03-04T11:00:00Z","kwh":1,"cdr_token":{"country_code":"DE","party_id":"PARTY","uid":"04A1B2C3D4E501","type":"RFID","contract_id":"DE-PARTY-C00000001"},` +
		`"auth_method":"WHITELIST","location_id":"L1","evse_uid":"E1","connector_id":"1","currency":"EUR","status":"ACTIVE","last_updated":"2025-03-04T11:00:00Z"}`
	tariff230 = `{"country_code":"NL","party_id":"ZQA","id":"T1","currency":"EUR","tax_included":"NO","elements":[{"price_components":[{"type":"ENERGY","price":0.3,"step_size":1}]}],"last_updated":"2025-03-01T00:00:00Z"}`
)

// inMail has a CPO of 2.3.0 and eMSPs of all versions register with a service.
func inMail(t *testing.T) (s *testService, cpo *peer.Peer, emsps map[ocpi.Version]*peer.Peer) {
	t.Helper()
	s = startTest(t, t.TempDir())
	s.financeKey()
	cpo, emsps = s.joins(peer.CPO, "NL", "ZQA", ocpi.V230), map[ocpi.Version]*peer.Peer{}
	for _, v := range everyVersion {
		emsps[v] = s.joins(peer.EMSP, "DE", emspOf(v), v)
	}
	return s, cpo, emsps
}

func emspOf(v ocpi.Version) string { return "E" + strings.ReplaceAll(v.String(), ".", "")[:2] }

// kept is what a peer holds at a path, nil for nothing.
func kept(p *peer.Peer, path string) []byte {
	for _, r := range p.Received() {
		if r.Path == path {
			return r.Body
		}
	}
	return nil
}

// TestPushesGoOnToPeers has a CPO push each module's objects to eMSPs of every version,
// over the embedded log and store: they are stored here, arrive in the receiver's
// version, with what that has no words for named, and are read back there.
func TestPushesGoOnToPeers(t *testing.T) {
	s, cpo, emsps := inMail(t)
	for _, v := range everyVersion {
		t.Run(v.String(), func(t *testing.T) {
			to := ocpi.NewParty("DE", emspOf(v))
			of := func(text string) string { return strings.ReplaceAll(text, "PARTY", to.ID) }
			push := func(method, module, path, body string) *peer.Reply {
				t.Helper()
				return asks(t, cpo, peer.Message{Method: method, Module: module, Role: ocpi.RoleReceiver, Path: path, To: to, Correlation: "c-" + module, Body: []byte(body)})
			}
			for _, p := range []struct{ method, module, path, body, want string }{
				{"PUT", "locations", "/NL/ZQA/L1", location230, `"Kade 1"`},
				{"PATCH", "locations", "/NL/ZQA/L1", `{"name":"Gracht","last_updated":"2025-03-02T00:00:00Z"}`, `"Gracht"`},
				{"PUT", "locations", "/NL/ZQA/L1/E1", evse230, `"CHARGING"`},
				{"PUT", "tariffs", "/NL/ZQA/T1", tariff230, `"step_size":1`},
				{"PUT", "sessions", "/NL/ZQA/S" + to.ID, of(session230), `"ACTIVE"`},
				{"PATCH", "sessions", "/NL/ZQA/S" + to.ID, `{"kwh":2,"last_updated":"2025-03-04T11:10:00Z"}`, `"kwh":2`},
				{"POST", "cdrs", "", cdrTo(to, "C-"+to.ID), `"total_energy":10`},
			} {
				a := push(p.method, p.module, p.path, p.body)
				if a.Code != 1000 || a.Header.Get("X-Correlation-Id") != "c-"+p.module || a.Header.Get("X-Roamclear-Receipt") == "" {
					t.Errorf("%s %s: %+v", p.method, p.module+p.path, a)
					continue
				}
				if lost := a.Header.Get("X-Roamclear-Lost"); p.body == location230 && (lost == "") != (v == ocpi.V230) {
					t.Errorf("lost to %s: %q", v, lost)
				}
				path := p.module + p.path
				if p.module == "cdrs" {
					path = "cdrs/C-" + to.ID
					at := s.url + "/ocpi/2.3.0/receiver/cdrs/NL/ZQA/C-" + to.ID
					if a.Header.Get("Location") != at {
						t.Errorf("Location %q", a.Header.Get("Location"))
					}
					if back := asks(t, cpo, peer.Message{Method: "GET", Module: "cdrs", Role: ocpi.RoleReceiver, Path: at, To: to}); string(back.Data) != p.body {
						t.Errorf("read back %+v %s", back, back.Data)
					}
				}
				if body := string(kept(emsps[v], path)); p.want != "" && !strings.Contains(body, p.want) {
					t.Errorf("%s holds %s of %s, want %s", to, body, path, p.want)
				}
			}
			if v == ocpi.V211 { // parts of Locations are kept apart by the peer
				return
			}
			back := asks(t, cpo, peer.Message{Method: "GET", Module: "sessions", Role: ocpi.RoleReceiver, Path: "/NL/ZQA/S" + to.ID, To: to})
			if back.Code != 1000 || !strings.Contains(string(back.Data), `"kwh":2`) {
				t.Errorf("read back %+v %s", back, back.Data)
			}
		})
	}
	// A Token goes from an eMSP to the CPO.
	token := strings.ReplaceAll(`{"country_code":"DE","party_id":"E22","uid":"K1","type":"APP_USER","contract_id":"DE-E22-C00000001","issuer":"Us","valid":true,"whitelist":"NEVER","last_updated":"2025-03-01T00:00:00Z"}`, "E22", emspOf(ocpi.V221))
	a := asks(t, emsps[ocpi.V221], peer.Message{Method: "PUT", Module: "tokens", Role: ocpi.RoleReceiver, Path: "/DE/E22/K1?type=APP_USER", To: ocpi.NewParty("NL", "ZQA"), Body: []byte(token)})
	if a.Code != 1000 || string(kept(cpo, "tokens/DE/E22/K1")) != token {
		t.Errorf("%+v, the CPO has %s", a, kept(cpo, "tokens/DE/E22/K1"))
	}
	verified(t, s.data)
}

// cdrTo is a CDR of 2.3.0 that an eMSP of DE is to pay.
func cdrTo(emsp ocpi.Party, id string) string {
	return strings.NewReplacer(`"NL","party_id":"EMP"`, `"DE","party_id":"`+emsp.ID+`"`, `NL-EMP-`, "DE-"+emsp.ID+"-", `"excl_vat"`, `"before_taxes"`).Replace(cdrNaming(id, "EMP", "3"))
}

// A CDR that its recipient refuses stays here, with what that said; it is found with the
// CDR, and counted for its sender, until the recipient takes it. Nothing is sent to who
// does not pay.
func TestARefusedCDRStays(t *testing.T) {
	s, cpo, emsps := inMail(t)
	emsp, to := emsps[ocpi.V221], ocpi.NewParty("DE", emspOf(ocpi.V221))
	post := func(to ocpi.Party, body string) *peer.Reply {
		return asks(t, cpo, peer.Message{Method: "POST", Module: "cdrs", Role: ocpi.RoleReceiver, To: to, Body: []byte(body)})
	}
	found := func() (code, detail string) {
		var got struct {
			Findings []struct{ Code, Detail string }
		}
		s.finance("/cdrs/NL/ZQA/C1", &got)
		for _, f := range got.Findings {
			if f.Code == "refused_by_recipient" {
				return f.Code, f.Detail
			}
		}
		return "", ""
	}
	emsp.Interfere(func(w http.ResponseWriter, r *http.Request) bool {
		_, _ = w.Write([]byte(`{"status_code":2001,"status_message":"no such session","timestamp":"2026-01-05T10:00:00Z"}`))
		return true
	})
	a := post(to, cdrTo(to, "C1"))
	if a.HTTP != 200 || a.Code != 2001 || a.Message != "no such session" || a.Header.Get("X-Roamclear-Receipt") == "" {
		t.Errorf("refused: %+v", a)
	}
	s.eventually("the CDR is priced", func() bool {
		return s.request(http.MethodGet, "/api/v1/cdrs/NL/ZQA/C1", "Bearer "+s.key, "").status == http.StatusOK
	})
	if code, detail := found(); code == "" || !strings.Contains(detail, "DE*"+to.ID+" refused it with 2001: no such session") {
		t.Errorf("found %q %q", code, detail)
	}
	if page := s.request(http.MethodGet, "/cdrs/NL/ZQA/C1", "", ""); !strings.Contains(page.body, "refused it with 2001: no such session") {
		t.Errorf("the page shows HTTP %d %.300s", page.status, page.body)
	}
	out, err := run(t, newPartnerCmd(), "findings", "nl-zqa-cpo", "--data", s.data)
	if err != nil || !strings.Contains(out, "refused_by_recipient") {
		t.Errorf("findings: %v\n%s", err, out)
	}
	emsp.Interfere(nil)
	if a = post(to, cdrTo(to, "C1")); a.Code != 1000 {
		t.Errorf("taken: %+v", a)
	}
	s.eventually("it is refused no more", func() bool { code, _ := found(); return code == "" })
	before := len(routed(emsps[ocpi.V230]))
	if a = post(ocpi.NewParty("DE", emspOf(ocpi.V230)), cdrTo(to, "C2")); a.Code != 2001 || len(routed(emsps[ocpi.V230])) != before {
		t.Errorf("to who does not pay: %+v", a)
	}
	verified(t, s.data)
}

// What another party has is asked of that party, page by page over links of ours, and
// shown as far as it is the reader's to see; preferences go to the CPO.
func TestAskingAnotherParty(t *testing.T) {
	s := startTest(t, t.TempDir())
	cpo, emsp := s.joins(peer.CPO, "NL", "TNM", ocpi.V230), s.joins(peer.EMSP, "DE", "EMP", ocpi.V221)
	other := s.joins(peer.EMSP, "DE", "OTH", ocpi.V221)
	to := ocpi.NewParty("NL", "TNM")
	from := time.Now().AddDate(0, 0, -60).UTC().Format("2006-01-02T15:04:05Z")
	walk := func(p *peer.Peer, module string) (ids []string) {
		t.Helper()
		for at := "?limit=10&date_from=" + from; at != ""; {
			a := asks(t, p, peer.Message{Method: "GET", Module: module, Role: ocpi.RoleSender, Path: at, To: to})
			var items []struct {
				ID    string
				Party string `json:"party_id"`
			}
			if a.Code != 1000 || json.Unmarshal(a.Data, &items) != nil {
				t.Fatalf("%s %s: %+v", module, at, a)
			}
			for _, i := range items {
				ids = append(ids, i.Party+" "+i.ID)
			}
			at, _, _ = strings.Cut(strings.TrimPrefix(a.Header.Get("Link"), "<"), ">")
			if at != "" && !strings.HasPrefix(at, s.url+"/ocpi/2.2.1/sender/"+module+"?cursor=") {
				t.Fatalf("%s links to %s", module, at)
			}
		}
		return ids
	}
	for module, want := range map[string]int{"sessions": 25, "cdrs": 25} {
		if ids := walk(emsp, module); len(ids) != want || ids[0][:4] != "TNM " {
			t.Errorf("%d %s: %v", len(ids), module, ids)
		}
		if ids := walk(other, module); len(ids) != 0 { // the peer shows everybody all of it
			t.Errorf("another eMSP is shown %s %v", module, ids)
		}
	}
	a := asks(t, emsp, peer.Message{Method: "GET", Module: "locations", Role: ocpi.RoleSender, Path: "/TNM-L1", To: to})
	if a.HTTP != http.StatusNotFound { // this peer has a list alone
		t.Errorf("a Location: %+v", a)
	}
	session := strings.NewReplacer("ZQA", "TNM", "PARTY", "EMP").Replace(session230)
	if a = asks(t, cpo, peer.Message{Method: "PUT", Module: "sessions", Role: ocpi.RoleReceiver, Path: "/NL/TNM/SEMP", Body: []byte(session)}); a.Code != 1000 {
		t.Fatalf("%+v", a)
	}
	prefer := func(p *peer.Peer, id string) *peer.Reply {
		return asks(t, p, peer.Message{Method: "PUT", Module: "sessions", Role: ocpi.RoleSender, Path: "/" + id + "/charging_preferences", Body: []byte(`{"profile_type":"CHEAP","energy_need":20}`)})
	}
	if a = prefer(emsp, "semp"); a.Code != 1000 || string(a.Data) != `"ACCEPTED"` {
		t.Errorf("preferences: %+v", a)
	}
	asked := routed(cpo)
	if last := asked[len(asked)-1]; last.Path != "/sender/sessions/SEMP/charging_preferences" || string(last.Body) != `{"profile_type":"CHEAP","energy_need":20}` || last.From != ocpi.NewParty("DE", "EMP") || last.To != to {
		t.Errorf("asked %+v", last)
	}
	if a = prefer(other, "SEMP"); a.HTTP != http.StatusNotFound || len(routed(cpo)) != len(asked) {
		t.Errorf("preferences of another's Session: %+v", a)
	}
	cpo.Interfere(func(w http.ResponseWriter, _ *http.Request) bool {
		w.WriteHeader(http.StatusUnauthorized)
		return true
	})
	if a = prefer(emsp, "SEMP"); a.HTTP != http.StatusOK || a.Code != ocpi.StatusNotConnected {
		t.Errorf("of a CPO that does not let us in: %+v", a)
	}
	verified(t, s.data)
}
