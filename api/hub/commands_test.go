package hub

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/roamclear/roamclear/api"
	"github.com/roamclear/roamclear/api/command"
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ingest/control"
	"github.com/roamclear/roamclear/ingest/objects"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/ocpi/convert"
)

// officer fakes the desk of commands: it notes what is asked and posted, and answers.
type officer struct {
	asked     []command.Asking
	posted    []command.Posted
	preferred []string
	reserved  map[string]ocpi.Party
	state     objects.Command
	err       error
	lost      []convert.Loss
}

func (o *officer) AskAndWait(_ context.Context, a command.Asking) (*command.Entry, error) {
	o.asked = append(o.asked, a)
	return &command.Entry{Command: &o.state, Lost: o.lost}, o.err
}

func (o *officer) Result(_ context.Context, from ingest.Sender, p command.Posted) error {
	p.Body = append([]byte(nil), p.Body...)
	if o.posted = append(o.posted, p); !from.Owns(ocpi.NewParty("GB", "DUN")) {
		return ingest.ErrUnknownObject
	}
	return o.err
}

func (o *officer) Preferred(_ context.Context, session ocpi.Key, emsp ocpi.Party, by string, p objects.CommandPreference) error {
	o.preferred = append(o.preferred, fmt.Sprintf("%s of %s by %s: %s", session, emsp, by, p.Response))
	return nil
}

func (o *officer) ReservedAt(_ context.Context, _ ocpi.Party, id string) (ocpi.Party, bool, bool, error) {
	cpo, ok := o.reserved[id]
	return cpo, id == "several", ok, nil
}

// accepted is what a CPO of 2.2.1 has answered.
var accepted = objects.Command{Response: &objects.CommandSaid{Result: "ACCEPTED", Timeout: 20, Version: "2.2.1"}}

// station is a hub with two CPOs, and eMSPs that registered in two versions.
type commandStation struct {
	*whole
	*officer
	emsp, oldEMSP, two string // tokens
}

func newCommandStation(t *testing.T) *commandStation {
	t.Helper()
	o := &officer{reserved: map[string]ocpi.Party{}, state: accepted}
	w := newWholeOf(t, map[string][]string{dundeeToken: {"CPO GB DUN"}, belToken: {"CPO FR BEL"}, tnmToken: {"EMSP DE TNM"}}, func(d *Deps) { d.Commands = o })
	s := &commandStation{whole: w, officer: o}
	s.emsp, s.oldEMSP, s.two = s.joins(t, ocpi.V221, "EMSP NL EXW"), s.joins(t, ocpi.V211, "EMSP NL OLD"), s.joins(t, ocpi.V221, "EMSP SE EM1", "EMSP SE EM2")
	for token, owner := range map[string]string{dundeeToken: "GB/DUN", belToken: "FR/BEL"} {
		country, party, _ := strings.Cut(owner, "/")
		for _, id := range []string{"both", "at-" + party} {
			s.do(t, token, "PUT", "/2.2.1/receiver/locations/"+owner+"/"+id, fmt.Sprintf(`{"country_code":%q,"party_id":%q,"id":%q,"publish":true,"address":"A","city":"C","country":"GBR",`+
				`"coordinates":{"latitude":"52.0","longitude":"5.0"},"time_zone":"Europe/London","last_updated":"2019-01-01T00:00:00Z"}`, country, party, id))
		}
	}
	s.do(t, dundeeToken, "PUT", "/2.2.1/receiver/sessions/GB/DUN/S1", `{"country_code":"GB","party_id":"DUN","id":"S1","start_date_time":"2019-01-01T00:00:00Z","kwh":1,"cdr_token":{"country_code":"NL","party_id":"EXW","uid":"U","type":"RFID","contract_id":"C"},`+
		`"auth_method":"COMMAND","location_id":"at-DUN","evse_uid":"E1","connector_id":"1","currency":"GBP","status":"ACTIVE","last_updated":"2019-01-01T00:00:00Z"}`)
	return s
}

// joins has a platform register, and returns the token that it calls us with.
func (s *commandStation) joins(t *testing.T, v ocpi.Version, roles ...string) string {
	t.Helper()
	p, _, err := s.partners.Invite(t.Context(), "", control.NewInvitation{Name: roles[0], Roles: rolesOf(roles...)})
	if err != nil {
		t.Fatal(err)
	}
	peer := control.Peer{Version: v, URL: "https://emsp.example/versions", Endpoints: []ocpi.Endpoint{{Identifier: "credentials", URL: "https://emsp.example/credentials"}},
		Token: s.sealer.Seal("the-token-of-" + p.ID), Encoding: control.EncodingRaw}
	_, token, err := s.partners.Register(t.Context(), "", p.ID, control.Registration{Peer: peer, Roles: rolesOf(roles...)})
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// post sends a command or a result.
func (s *commandStation) post(t *testing.T, token, path, body string, headers ...string) (status int, e envelope) {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), "POST", Prefix+path, strings.NewReader(body))
	if token != "" {
		r.Header.Set("Authorization", "Token "+token)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	s.engine.ServeHTTP(w, r)
	if err := json.Unmarshal(w.Body.Bytes(), &e); err != nil {
		t.Errorf("POST %s: HTTP %d %s", path, w.Code, w.Body)
	}
	return w.Code, e
}

const (
	exwCard = `{"country_code":"NL","party_id":"EXW","uid":"U","type":"RFID","contract_id":"C","issuer":"I","valid":true,"whitelist":"NEVER","last_updated":"2019-01-01T00:00:00Z"}`
	oldCard = `{"uid":"U","type":"RFID","auth_id":"C","issuer":"I","valid":true,"whitelist":"NEVER","last_updated":"2019-01-01T00:00:00Z"}`
	replyTo = `"response_url":"https://emsp.example/r/1"`
	exwAt   = `{` + replyTo + `,"token":` + exwCard + `,"location_id":`
)

// Who may give a command to whom: a command of an eMSP goes to the CPO that it names, else
// to the one whose Location, Session or reservation it is about.
func TestWhoGivesCommands(t *testing.T) {
	s := newCommandStation(t)
	s.reserved["R1"] = ocpi.NewParty("FR", "BEL")
	start, unlock := "/2.2.1/receiver/commands/START_SESSION", "/2.2.1/receiver/commands/UNLOCK_CONNECTOR"
	for _, tt := range []struct {
		name, token, path, body string
		from, to                string
		http, code              int
		cpo                     string // that is asked; "" = nobody
		says                    string
	}{
		{"a start at a Location", s.emsp, start, exwAt + `"at-DUN"}`, "", "", 200, 1000, "GB*DUN", ""},
		{"its case is no matter", s.emsp, start, exwAt + `"AT-dun"}`, "", "", 200, 1000, "GB*DUN", ""},
		{"in the name of the eMSP", s.emsp, start, exwAt + `"at-BEL"}`, "NL*EXW", "ZZ*RCH", 200, 1000, "FR*BEL", ""},
		{"in lower case", s.emsp, "/2.2.1/receiver/commands/start_session", exwAt + `"at-BEL"}`, "", "", 200, 1000, "FR*BEL", ""},
		{"to a CPO, wherever", s.emsp, start, exwAt + `"nowhere"}`, "", "GB*DUN", 200, 1000, "GB*DUN", ""},
		{"nowhere", s.emsp, start, exwAt + `"nowhere"}`, "", "", 200, 2003, "", "nowhere"},
		{"at two places", s.emsp, start, exwAt + `"both"}`, "", "", 200, 2001, "", "2 CPOs"},
		{"to an eMSP", s.emsp, start, exwAt + `"at-DUN"}`, "", "DE*TNM", 200, 1000, "DE*TNM", ""},
		{"to nobody", s.emsp, start, exwAt + `"at-DUN"}`, "", "SE*NIX", 200, 4001, "", ""},
		{"of another eMSP", s.emsp, start, exwAt + `"at-DUN"}`, "DE*TNM", "", 200, 2001, "", "not a party of yours"},
		{"with another's Token", s.emsp, start, strings.Replace(exwAt, `"NL"`, `"DE"`, 1) + `"at-DUN"}`, "", "", 200, 2001, "", "a Token of its own"},
		{"with an answer to elsewhere", s.emsp, start, strings.Replace(exwAt, "emsp.example", "evil.example", 1) + `"at-DUN"}`, "", "", 200, 2001, "", "host that you registered"},
		{"without an answer", s.emsp, start, strings.Replace(exwAt, replyTo+",", "", 1) + `"at-DUN"}`, "", "", 200, 2001, "", "response_url"},
		{"no JSON", s.emsp, start, `{`, "", "", 400, 2001, "", ""},
		{"no command", s.emsp, "/2.2.1/receiver/commands/EXPLODE", exwAt + `"at-DUN"}`, "", "", 404, 2000, "", ""},
		{"of who has not registered", tnmToken, start, strings.NewReplacer("NL", "DE", "EXW", "TNM").Replace(exwAt) + `"at-DUN"}`, "", "", 200, 2001, "", "register"},
		{"of a CPO", dundeeToken, start, exwAt + `"at-DUN"}`, "", "", 404, 2000, "", ""},
		{"of nobody", "", start, exwAt + `"at-DUN"}`, "", "", 401, 2000, "", ""},
		{"of one of two", s.two, unlock, `{` + replyTo + `,"location_id":"at-DUN","evse_uid":"E1","connector_id":"1"}`, "", "", 200, 2001, "", "you have 2 eMSPs"},
		{"of one of two, named", s.two, unlock, `{` + replyTo + `,"location_id":"at-DUN","evse_uid":"E1","connector_id":"1"}`, "SE*EM2", "", 200, 1000, "GB*DUN", ""},
		{"a stop", s.emsp, "/2.3.0/receiver/commands/STOP_SESSION", `{` + replyTo + `,"session_id":"s1"}`, "", "", 200, 1000, "GB*DUN", ""},
		{"a stop of another's charge", s.two, "/2.2.1/receiver/commands/STOP_SESSION", `{` + replyTo + `,"session_id":"s1"}`, "SE*EM1", "", 200, 2001, "", "session_id"},
		{"a reservation called off", s.emsp, "/2.2.1/receiver/commands/CANCEL_RESERVATION", `{` + replyTo + `,"reservation_id":"R1"}`, "", "", 200, 1000, "FR*BEL", ""},
		{"one that nobody knows", s.emsp, "/2.2.1/receiver/commands/CANCEL_RESERVATION", `{` + replyTo + `,"reservation_id":"R2"}`, "", "", 200, 2001, "", "reservation_id"},
		{"one of several", s.emsp, "/2.2.1/receiver/commands/CANCEL_RESERVATION", `{` + replyTo + `,"reservation_id":"several"}`, "", "", 200, 2001, "", "OCPI-to"},
		{"2.1.1", s.oldEMSP, "/cpo/2.1.1/commands/START_SESSION", `{` + replyTo + `,"token":` + oldCard + `,"location_id":"at-DUN"}`, "", "", 200, 1000, "GB*DUN", ""},
		{"what 2.1.1 has not", s.oldEMSP, "/cpo/2.1.1/commands/CANCEL_RESERVATION", `{` + replyTo + `,"reservation_id":1}`, "", "", 404, 2000, "", ""},
	} {
		s.asked = nil
		var headers []string
		for name, party := range map[string]string{"from": tt.from, "to": tt.to} {
			if p, ok := ocpi.ParseParty(party); ok {
				headers = append(headers, "OCPI-"+name+"-country-code", p.Country, "OCPI-"+name+"-party-id", p.ID)
			}
		}
		status, e := s.post(t, tt.token, tt.path, tt.body, headers...)
		asked := ""
		if len(s.asked) > 0 {
			asked = s.asked[0].CPO.String()
		}
		if status != tt.http || e.StatusCode != tt.code || asked != tt.cpo || !strings.Contains(e.StatusMessage, tt.says) {
			t.Errorf("%s: HTTP %d, %d %q, asked %q; want %d %d %q", tt.name, status, e.StatusCode, e.StatusMessage, asked, tt.http, tt.code, tt.cpo)
		}
		if want := map[int]string{1000: `"result":"ACCEPTED"`, 2003: `"result":"REJECTED"`}[tt.code]; !strings.Contains(string(e.Data), want) {
			t.Errorf("%s: data %s, want %s", tt.name, e.Data, want)
		}
	}
	if records, err := (inMemory{s.whole}).records(t.Context(), ingest.TopicRefused); err != nil || len(records) > 0 {
		t.Errorf("a command that was refused is kept: %d, %v", len(records), err)
	}
}

// What the CPO answers is told in the version that was asked in, its own codes unchanged.
func TestAnswersToCommands(t *testing.T) {
	s := newCommandStation(t)
	said := func(result string, timeout int, status ocpi.Status, v string) objects.Command {
		return objects.Command{Response: &objects.CommandSaid{Result: result, Timeout: timeout, Status: status, Version: v, Message: []ocpi.DisplayText{{Language: "en", Text: "so"}}}}
	}
	late := objects.Command{TimedOut: &objects.CommandTimeout{What: "response", Status: 4002, Detail: "no answer in time"}}
	for _, tt := range []struct {
		name          string
		state         objects.Command
		err           error
		code, code211 int
		data, data211 string
	}{
		{"accepted", said("ACCEPTED", 20, 0, "2.2.1"), nil, 1000, 1000, `{"result":"ACCEPTED","timeout":20,"message":[{"language":"en","text":"so"}]}`, `{"result":"ACCEPTED"}`},
		{"accepted by 2.1.1", objects.Command{Response: &objects.CommandSaid{Result: "ACCEPTED", Version: "2.1.1"}}, nil, 1000, 1000, `{"result":"ACCEPTED","timeout":30}`, `{"result":"ACCEPTED"}`},
		{"timed out at 2.1.1", objects.Command{Response: &objects.CommandSaid{Result: "TIMEOUT", Version: "2.1.1"}}, nil, 1000, 1000, `"result":"REJECTED","timeout":30`, `{"result":"TIMEOUT"}`},
		{"2001", said("REJECTED", 0, 2001, ""), nil, 2001, 2001, `"result":"REJECTED"`, `{"result":"REJECTED"}`},
		{"4003", said("REJECTED", 0, 4003, ""), nil, 4003, 3000, `"result":"REJECTED"`, `{"result":"REJECTED"}`},
		{"a result alone", objects.Command{Result: &objects.CommandSaid{Result: "ACCEPTED", Version: "2.2.1"}}, nil, 1000, 1000, `"result":"ACCEPTED"`, `{"result":"ACCEPTED"}`},
		{"a bad result alone", objects.Command{Result: &objects.CommandSaid{Result: "FAILED", Version: "2.2.1"}}, nil, 1000, 1000, `"result":"REJECTED"`, `{"result":"REJECTED"}`},
		{"no answer", late, nil, 4002, 3000, `"result":"REJECTED"`, `{"result":"TIMEOUT"}`},
		{"not in its version", objects.Command{}, &convert.Refused{Reason: "no such command"}, 1000, 1000, `"result":"NOT_SUPPORTED"`, `{"result":"NOT_SUPPORTED"}`},
		{"not connected", objects.Command{}, fmt.Errorf("%w: x", api.ErrNotConnected), 4003, 3000, ``, ``},
	} {
		s.state, s.err = tt.state, tt.err
		_, e := s.post(t, s.emsp, "/2.2.1/receiver/commands/START_SESSION", exwAt+`"at-DUN"}`)
		if e.StatusCode != tt.code || !strings.Contains(string(e.Data), tt.data) {
			t.Errorf("%s: %d %s, want %d %s", tt.name, e.StatusCode, e.Data, tt.code, tt.data)
		}
		_, e = s.post(t, s.oldEMSP, "/cpo/2.1.1/commands/START_SESSION", `{`+replyTo+`,"token":`+oldCard+`,"location_id":"at-DUN"}`)
		if e.StatusCode != tt.code211 || string(e.Data) != tt.data211 {
			t.Errorf("%s in 2.1.1: %d %s, want %d %s", tt.name, e.StatusCode, e.Data, tt.code211, tt.data211)
		}
	}
}

// A result is a CPO's, with our signature; it is answered without data.
func TestResultsOfCommands(t *testing.T) {
	s := newCommandStation(t)
	const at = "/commands/START_SESSION/NL/EXW/01K0/sig-1"
	for _, tt := range []struct {
		name, token, path string
		http, code        int
		posted            bool
	}{
		{"a CPO's", dundeeToken, "/2.2.1/sender" + at, 200, 1000, true},
		{"in 2.1.1", dundeeToken, "/emsp/2.1.1" + at, 200, 1000, true},
		{"another CPO's", belToken, "/2.2.1/sender" + at, 404, 2000, true},
		{"an eMSP's", s.emsp, "/2.2.1/sender" + at, 404, 2000, false},
		{"nobody's", "", "/2.2.1/sender" + at, 401, 2000, false},
		{"without a signature", dundeeToken, "/2.2.1/sender/commands/START_SESSION/NL/EXW/01K0", 404, 2000, false},
		{"of no command", dundeeToken, "/2.2.1/sender/commands/EXPLODE/NL/EXW/01K0/sig-1", 404, 2000, false},
	} {
		s.posted = nil
		status, e := s.post(t, tt.token, tt.path, `{"result":"ACCEPTED"}`)
		if status != tt.http || e.StatusCode != tt.code || (len(s.posted) > 0) != tt.posted || e.Data != nil {
			t.Errorf("%s: HTTP %d, %d %q, posted %v, data %s", tt.name, status, e.StatusCode, e.StatusMessage, s.posted, e.Data)
		}
	}
	_, _ = s.post(t, dundeeToken, "/emsp/2.1.1"+at, `{"result":"REJECTED"}`)
	p := s.posted[len(s.posted)-1]
	if p.Type != ocpi.StartSession || p.Key != ocpi.NewKey("NL", "EXW", "01K0") || p.Signature != "sig-1" || p.Version != ocpi.V211 || string(p.Body) != `{"result":"REJECTED"}` {
		t.Errorf("posted %+v", p)
	}
	for v, want := range map[ocpi.Version]string{
		ocpi.V211: "https://roam.example/ocpi/emsp/2.1.1/commands", ocpi.V230: "https://roam.example/ocpi/2.3.0/sender/commands",
	} {
		if got := ResultURL("https://roam.example", v); got != want {
			t.Errorf("%s: %s", v, got)
		}
	}
}

// An EVSE that has to be told the connector cannot be started by who speaks OCPI 2.1.1, which
// cannot tell it: nobody is asked. What is lost on the way is told to who asked.
func TestAConnectorThatCannotBeTold(t *testing.T) {
	s := newCommandStation(t)
	s.do(t, dundeeToken, "PUT", "/2.2.1/receiver/locations/GB/DUN/needs", `{"country_code":"GB","party_id":"DUN","id":"needs","publish":true,"address":"A","city":"C","country":"GBR",`+
		`"coordinates":{"latitude":"52.0","longitude":"5.0"},"time_zone":"Europe/London","last_updated":"2019-01-01T00:00:00Z","evses":[{"uid":"E1","status":"AVAILABLE","last_updated":"2019-01-01T00:00:00Z",`+
		`"capabilities":["REMOTE_START_STOP_CAPABLE","START_SESSION_CONNECTOR_REQUIRED"],"connectors":[{"id":"1","standard":"IEC_62196_T2","format":"CABLE","power_type":"AC_3_PHASE","max_voltage":230,"max_amperage":16,"last_updated":"2019-01-01T00:00:00Z"}]}]}`)
	at := func(id, evse string) string {
		return `{` + replyTo + `,"token":` + oldCard + `,"location_id":"` + id + `","evse_uid":"` + evse + `"}`
	}
	for _, tt := range []struct{ name, body, result string }{
		{"it has to be told", at("needs", "e1"), "NOT_SUPPORTED"},
		{"another EVSE", at("needs", "E2"), "ACCEPTED"},
		{"another place", at("at-DUN", "E1"), "ACCEPTED"},
	} {
		s.asked = nil
		_, e := s.post(t, s.oldEMSP, "/cpo/2.1.1/commands/START_SESSION", tt.body)
		if want := `{"result":"` + tt.result + `"}`; string(e.Data) != want || (len(s.asked) > 0) != (tt.result == "ACCEPTED") {
			t.Errorf("%s: %s, asked %d times; want %s", tt.name, e.Data, len(s.asked), want)
		}
	}
	s.lost = []convert.Loss{{Path: "connector_id", Reason: "OCPI 2.1.1 has no such member"}}
	r := httptest.NewRequest(http.MethodPost, Prefix+"/2.2.1/receiver/commands/START_SESSION", strings.NewReader(exwAt+`"at-DUN"}`))
	r.Header.Set("Authorization", "Token "+base64.StdEncoding.EncodeToString([]byte(s.emsp)))
	w := httptest.NewRecorder()
	s.engine.ServeHTTP(w, r)
	if lost := w.Result().Header.Get(lostHeader); !strings.Contains(lost, "connector_id") {
		t.Errorf("HTTP %d %s, lost %q", w.Code, w.Body, lost)
	}
}
