package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/roamclear/roamclear/benchmarks/peer"
	"github.com/roamclear/roamclear/ocpi"
)

var everyVersion = []ocpi.Version{ocpi.V211, ocpi.V221, ocpi.V230}

// joins has a peer of a party register with the service.
func (s *testService) joins(role, country, id string, v ocpi.Version) *peer.Peer {
	s.t.Helper()
	tokenA, err := run(s.t, newPartnerCmd(), "invite", "--role", role, "--country", country, "--party", id, "--version", v.String(), "--data", s.data)
	if err != nil {
		s.t.Fatal(err)
	}
	p := testPeer(s.t, peer.Options{Role: role, Party: ocpi.NewParty(country, id), Version: v})
	if err := p.Connect(s.t.Context(), s.url+"/ocpi/versions", strings.TrimSpace(tokenA)); err != nil {
		s.t.Fatal(err)
	}
	return p
}

// routed is what a peer was asked through us: without the pulls of its lists, which come when they
// come.
func routed(p *peer.Peer) []peer.Request {
	return slices.DeleteFunc(p.Requests(), func(r peer.Request) bool { return r.Method == http.MethodGet && strings.Contains(r.Path, "?limit=") })
}

// lastRouted is the last of these.
func lastRouted(t *testing.T, p *peer.Peer) peer.Request {
	t.Helper()
	all := routed(p)
	if len(all) == 0 {
		t.Fatal("the peer was asked nothing")
	}
	return all[len(all)-1]
}

// asks sends a message as a peer.
func asks(t *testing.T, p *peer.Peer, m peer.Message) *peer.Reply {
	t.Helper()
	a, err := p.Ask(t.Context(), m)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// pushesToken has an eMSP push one of its Tokens, as its version has it.
func pushesToken(t *testing.T, p *peer.Peer, v ocpi.Version, party, uid, whitelist string, valid bool) {
	t.Helper()
	contract, owner := "auth_id", ""
	if v != ocpi.V211 {
		contract, owner = "contract_id", fmt.Sprintf(`"country_code":"DE","party_id":%q,`, party)
	}
	body := fmt.Sprintf(`{%s"uid":%q,"type":"RFID",%q:"DE-%s-C00000001","issuer":"Test","valid":%t,"whitelist":%q,"last_updated":%q}`,
		owner, uid, contract, party, valid, whitelist, time.Now().UTC().Format("2006-01-02T15:04:05Z"))
	a := asks(t, p, peer.Message{Method: http.MethodPut, Module: "tokens", Role: ocpi.RoleReceiver, Path: "/DE/" + party + "/" + uid, Body: []byte(body)})
	if a.Code != 1000 {
		t.Fatalf("PUT %s: %+v", uid, a)
	}
}

// TestAuthorizeThroughUs has CPOs of each version ask eMSPs of each version in real time,
// over the embedded log and store: what the eMSP says comes back, and where it says
// nothing that can be used what may charge offline is answered for.
func TestAuthorizeThroughUs(t *testing.T) {
	c := testConfig(t.TempDir())
	c.Authorize.Timeout = 300 * time.Millisecond
	s := startConfig(t, c)
	s.eventually("service is ready", func() bool { return s.request(http.MethodGet, "/readyz", "", "").status == http.StatusOK })
	cpos, emsps := map[ocpi.Version]*peer.Peer{}, map[ocpi.Version]*peer.Peer{}
	name := func(kind string, v ocpi.Version) string { return kind + strings.ReplaceAll(v.String(), ".", "")[:2] }
	const uid, offline = "04A1B2C3D4E501", "OFFLINE" // the first in the list of every one of these eMSPs
	for _, v := range everyVersion {
		cpos[v], emsps[v] = s.joins(peer.CPO, "NL", name("C", v), v), s.joins(peer.EMSP, "DE", name("E", v), v)
		pushesToken(t, emsps[v], v, name("E", v), uid, "NEVER", true)
		pushesToken(t, emsps[v], v, name("E", v), offline, "ALLOWED_OFFLINE", true)
	}
	for _, from := range everyVersion {
		for _, to := range everyVersion {
			t.Run(from.String()+" asks "+to.String(), func(t *testing.T) {
				ask := func(uid string) (*peer.Reply, string) {
					t.Helper()
					a := asks(t, cpos[from], peer.Message{Method: http.MethodPost, Module: "tokens", Role: ocpi.RoleSender, Path: "/DE/" + name("E", to) + "/" + uid + "/authorize",
						Correlation: "c-" + uid, Body: []byte(`{"location_id":"L1"}`)})
					var info struct {
						Allowed   string
						Reference string `json:"authorization_reference"`
						Token     *struct{ UID string }
					}
					if a.Data != nil && json.Unmarshal(a.Data, &info) != nil {
						t.Fatalf("%s", a.Data)
					}
					if a.Code == 1000 && (info.Token != nil) != (from != ocpi.V211) {
						t.Errorf("the Token in %s", a.Data)
					}
					return a, info.Allowed + " " + info.Reference
				}
				a, got := ask(uid)
				ours := from != ocpi.V211 && to == ocpi.V211
				want := map[bool]string{true: "ALLOWED " + peer.Reference(uid), false: "ALLOWED "}[from != ocpi.V211 && to != ocpi.V211]
				if a.HTTP != 200 || a.Code != 1000 || got != want && !(ours && len(got) == len("ALLOWED ")+26) {
					t.Errorf("HTTP %d with %d %q %s", a.HTTP, a.Code, a.Message, a.Data)
				}
				last := lastRouted(t, emsps[to])
				if !strings.HasSuffix(last.Path, "/"+uid+"/authorize") || last.Correlation != "c-"+uid || last.ID == "" || last.ID == a.Header.Get("X-Request-Id") ||
					to != ocpi.V211 && (last.From.ID != name("C", from) || last.To.ID != name("E", to)) {
					t.Errorf("asked %+v", last)
				}
				s.troubles(t, emsps[to], from, uid, offline, ask)
			})
		}
	}
	// One uid at several eMSPs: whom it is for has to be said.
	ask := func(to ocpi.Party) *peer.Reply {
		return asks(t, cpos[ocpi.V221], peer.Message{Method: http.MethodPost, Module: "tokens", Role: ocpi.RoleSender, Path: "/" + uid + "/authorize", To: to})
	}
	if a := ask(ocpi.Party{}); a.HTTP != 200 || a.Code != ocpi.StatusInvalid || !strings.Contains(a.Message, "OCPI-to-party-id") {
		t.Errorf("of several: %+v", a)
	}
	if a := ask(ocpi.NewParty("DE", name("E", ocpi.V230))); a.Code != 1000 {
		t.Errorf("of one: %+v", a)
	}
	// Plug & Charge: the contract id says whom to ask.
	a := asks(t, cpos[ocpi.V230], peer.Message{Method: http.MethodPost, Module: "tokens", Role: ocpi.RoleSender, Path: "/DE-" + name("E", ocpi.V221) + "-C12345678/authorize?type=EMAID"})
	if a.HTTP != 404 || a.Code != ocpi.StatusUnknownToken || a.Data != nil {
		t.Errorf("a contract that its eMSP does not know: %+v", a)
	}
	if last := lastRouted(t, emsps[ocpi.V221]); !strings.Contains(last.Path, "/DE-"+name("E", ocpi.V221)+"-C12345678/authorize?type=EMAID") {
		t.Errorf("asked %+v", last)
	}
	verified(t, s.data)
}

// troubles has an eMSP answer in every bad way.
func (s *testService) troubles(t *testing.T, emsp *peer.Peer, from ocpi.Version, uid, offline string, ask func(uid string) (*peer.Reply, string)) {
	t.Helper()
	leave := make(chan struct{})
	answering := func(status int, body string) func(http.ResponseWriter, *http.Request) bool {
		return func(w http.ResponseWriter, _ *http.Request) bool {
			w.WriteHeader(status)
			_, _ = w.Write([]byte(body))
			return true
		}
	}
	for name, c := range map[string]struct {
		answer func(http.ResponseWriter, *http.Request) bool
		code   ocpi.Status // for NEVER
		told   bool        // that it is the eMSP's own word, whatever the whitelist
	}{
		"2001":       {answering(200, `{"status_code":2001,"status_message":"no"}`), 2001, true},
		"401":        {answering(401, `{"status_code":2000}`), 4003, false},
		"403":        {answering(403, `{"status_code":2000}`), 4003, false},
		"500":        {answering(500, `{"status_code":3000}`), 4000, false},
		"unreadable": {answering(200, `<html>`), 4000, false},
		"slow": {func(_ http.ResponseWriter, r *http.Request) bool {
			select {
			case <-leave:
			case <-r.Context().Done():
			}
			return true
		}, 4002, false},
	} {
		emsp.Interfere(c.answer)
		want := c.code
		if from == ocpi.V211 && want >= ocpi.StatusHubError {
			want = 3000
		}
		if a, _ := ask(uid); a.HTTP != 200 || a.Code != want || a.Data != nil {
			t.Errorf("%s: HTTP %d with %d %q %s, want %d", name, a.HTTP, a.Code, a.Message, a.Data, want)
		}
		a, got := ask(offline)
		if stored := strings.HasPrefix(got, "ALLOWED ") && a.Code == 1000; stored == c.told {
			t.Errorf("%s, offline: HTTP %d with %d %q %s", name, a.HTTP, a.Code, a.Message, a.Data)
		}
	}
	close(leave)
	emsp.Interfere(nil)
}

// A charge's CDR is held against the authorization that it was given: one that names
// another is told so, found with it, and counted.
func TestCDRsNameTheirAuthorization(t *testing.T) {
	s := startTest(t, t.TempDir())
	s.financeKey()
	cpo, emsp := s.joins(peer.CPO, "NL", "ZQA", ocpi.V221), s.joins(peer.EMSP, "DE", "EMP", ocpi.V221)
	const uid = "04A1B2C3D4E501"
	pushesToken(t, emsp, ocpi.V221, "EMP", uid, "NEVER", true)
	if a := asks(t, cpo, peer.Message{Method: http.MethodPost, Module: "tokens", Role: ocpi.RoleSender, Path: "/" + uid + "/authorize", Body: []byte(`{"location_id":"L1"}`)}); a.Code != 1000 {
		t.Fatalf("%+v", a)
	}
	cdr := func(id, reference string) []byte {
		now := time.Now().UTC()
		at := func(d time.Duration) string { return now.Add(d).Format("2006-01-02T15:04:05Z") }
		text := strings.NewReplacer("2025-03-04T11:00:00Z", at(-10*time.Minute), "2025-03-04T12:00:00Z", at(10*time.Minute), "2025-03-04T12:01:00Z", at(11*time.Minute),
			`"NL","party_id":"EMP","uid":"U1"`, `"DE","party_id":"EMP","uid":"`+uid+`"`, `"contract_id":"NL-EMP-C00000001"`, `"contract_id":"DE-EMP-C00000001"`,
			`"WHITELIST"`, `"AUTH_REQUEST"`+reference).Replace(cdrNaming(id, "EMP", "3"))
		return []byte(text)
	}
	for id, reference := range map[string]string{"GOOD": `,"authorization_reference":"auth-` + uid + `"`, "OTHER": `,"authorization_reference":"AUTH-X"`, "NONE": ""} {
		a := asks(t, cpo, peer.Message{Method: http.MethodPost, Module: "cdrs", Role: ocpi.RoleReceiver, Body: cdr(id, reference)})
		if a.Code != 1000 || strings.Contains(a.Message, "other_authorization") == (id == "GOOD") {
			t.Errorf("%s: %+v", id, a)
		}
		var got struct {
			Findings      []struct{ Code, Detail string }
			Authorization struct {
				Reference string `json:"authorization_reference"`
				EMSP, By  string
				Named     bool
			}
		}
		s.eventually("CDR "+id+" is priced", func() bool {
			return s.request(http.MethodGet, "/api/v1/cdrs/NL/ZQA/"+id, "Bearer "+s.key, "").status == http.StatusOK
		})
		s.finance("/cdrs/NL/ZQA/"+id, &got)
		g, found := got.Authorization, false
		for _, f := range got.Findings {
			found = found || f.Code == "other_authorization" && strings.Contains(f.Detail, peer.Reference(uid))
		}
		if g.Reference != peer.Reference(uid) || g.EMSP != "DE*EMP" || g.By != "emsp" || g.Named != (id == "GOOD") || found == (id == "GOOD") {
			t.Errorf("%s: %+v", id, got)
		}
	}
	verified(t, s.data)
}
