package hub

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/roamclear/roamclear/api/partner"
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ingest/control"
	"github.com/roamclear/roamclear/ocpi"
)

// postman fakes the way to partners: it notes what is sent, and answers.
type postman struct {
	mu     sync.Mutex
	sent   []partner.Request
	answer func(r partner.Request) (*partner.Answer, error)
}

func (p *postman) Send(_ context.Context, r partner.Request) (*partner.Answer, error) {
	p.mu.Lock()
	r.Body = slices.Clone(r.Body)
	p.sent = append(p.sent, r)
	p.mu.Unlock()
	return p.answer(r)
}

// says answers with success.
func says(data string) func(partner.Request) (*partner.Answer, error) {
	return func(partner.Request) (*partner.Answer, error) {
		return &partner.Answer{HTTP: 200, Status: ocpi.StatusSuccess, Message: "Success", Data: []byte(data), Header: http.Header{}}, nil
	}
}

// refuses answers with a no, as a partner.Forwarder returns it.
func refuses(status int, code ocpi.Status, data string) func(partner.Request) (*partner.Answer, error) {
	return func(r partner.Request) (*partner.Answer, error) {
		e := &partner.Error{Partner: r.To.ID, Method: r.Method, HTTP: status, Status: code, Message: "no"}
		if code != 0 {
			e.Answer = &partner.Answer{HTTP: status, Status: code, Message: "no", Data: []byte(data), Header: http.Header{}}
		}
		return nil, e
	}
}

// breaks is no answer.
func breaks(err error) func(partner.Request) (*partner.Answer, error) {
	return func(r partner.Request) (*partner.Answer, error) {
		return nil, &partner.Error{Partner: r.To.ID, Method: r.Method, Err: err}
	}
}

// register has a platform of some roles register in a version, with all modules of a
// side, and returns the token that it calls us with.
func (w *whole) register(t testing.TB, v ocpi.Version, roles ...string) string {
	t.Helper()
	return w.registerAs(t, v, control.NewInvitation{Name: "Platform " + roles[0], Roles: rolesOf(roles...)})
}

// registerWith has a platform register in 2.1.1 whose connection is with one party.
func (w *whole) registerWith(t testing.TB, with string, roles ...string) string {
	t.Helper()
	country, id, _ := strings.Cut(with, "/")
	return w.registerAs(t, ocpi.V211, control.NewInvitation{Name: "Platform " + roles[0], Roles: rolesOf(roles...), Version: ocpi.V211, Counterparty: ocpi.NewParty(country, id)})
}

func (w *whole) registerAs(t testing.TB, v ocpi.Version, n control.NewInvitation) string {
	t.Helper()
	p, _, err := w.partners.Invite(t.Context(), "", n)
	if err != nil {
		t.Fatal(err)
	}
	var endpoints []ocpi.Endpoint
	for _, m := range []string{"locations", "tariffs", "sessions", "cdrs", "tokens", "invoicereconciliation"} {
		for _, side := range []ocpi.InterfaceRole{ocpi.RoleSender, ocpi.RoleReceiver} {
			if v == ocpi.V211 {
				side = ""
			}
			endpoints = append(endpoints, ocpi.Endpoint{Identifier: m, Role: side, URL: "https://" + p.ID + ".example/" + strings.ToLower(string(side)) + "/" + m})
		}
	}
	peer := control.Peer{Version: v, URL: "https://" + p.ID + ".example/versions", Endpoints: endpoints, Token: w.sealer.Seal("the-token-of-" + p.ID), Encoding: control.EncodingRaw}
	_, token, err := w.partners.Register(t.Context(), "", p.ID, control.Registration{Peer: peer, Roles: n.Roles})
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// ask sends a request whatever its answer, and returns that.
func (w *whole) ask(t testing.TB, token, method, path, body string, headers ...string) (*httptest.ResponseRecorder, envelope) {
	t.Helper()
	return answerOf(t, w.engine, token, method, path, body, headers...)
}

// tokenIn is a Token of an eMSP as a version has it.
func tokenIn(v ocpi.Version, country, party, uid, kind, whitelist string, valid bool) string {
	if v == ocpi.V211 {
		return fmt.Sprintf(`{"uid":%q,"type":%q,"auth_id":"%s-%s-C00000001","issuer":"Us","valid":%t,"whitelist":%q,"last_updated":"2019-01-05T12:00:00Z"}`, uid, kind, country, party, valid, whitelist)
	}
	return fmt.Sprintf(`{"country_code":%q,"party_id":%q,"uid":%q,"type":%q,"contract_id":"%[1]s-%[2]s-C00000001","issuer":"Us","valid":%[5]t,"whitelist":%[6]q,"last_updated":"2019-01-05T12:00:00Z"}`, country, party, uid, kind, valid, whitelist)
}

// slowWaiters is how many requests of one partner may wait for another one in a lobby.
const slowWaiters = 4

// answerOf sends a request and returns its answer, whatever that is.
func answerOf(t testing.TB, h http.Handler, token, method, path, body string, headers ...string) (*httptest.ResponseRecorder, envelope) {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, Prefix+path, strings.NewReader(body))
	r.Host = "roam.example"
	r.Header.Set("Authorization", "Token "+token)
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	var e envelope
	if err := json.Unmarshal(w.Body.Bytes(), &e); err != nil {
		t.Errorf("%s %s: HTTP %d without an envelope: %q", method, path, w.Code, w.Body)
	}
	return w, e
}

// lobby is a hub with a CPO, GB*DUN, that speaks a version and an eMSP, NL*EXW, that
// speaks another, which has Tokens of every whitelist, valid and not.
type lobby struct {
	*whole
	post      *postman
	version   ocpi.Version // of the CPO
	cpo, emsp string       // tokens
}

func newLobby(t *testing.T, cpo, emsp ocpi.Version) *lobby {
	t.Helper()
	l := &lobby{post: &postman{}, version: cpo}
	l.whole = newWholeOf(t, map[string][]string{tnmToken: {"EMSP DE TNM"}, nspToken: {"NSP DE NSP"}}, func(d *Deps) {
		d.Forwarder, d.Notes, d.Known.Issuer, d.InFlight = l.post, d.Intake.(*ingest.Service), ocpi.Issuers(nil).Of, 64*slowWaiters
	})
	l.cpo, l.emsp = l.register(t, cpo, "CPO GB DUN", "CPO GB PKC"), l.register(t, emsp, "EMSP NL EXW")
	for _, whitelist := range []string{"ALWAYS", "ALLOWED", "ALLOWED_OFFLINE", "NEVER"} {
		for _, valid := range []bool{true, false} {
			uid := whitelist + map[bool]string{true: "-yes", false: "-no"}[valid]
			l.do(t, l.emsp, "PUT", strings.TrimPrefix(place(emsp, "emsp:/tokens/NL/EXW/"+uid), Prefix), tokenIn(emsp, "NL", "EXW", uid, "RFID", whitelist, valid))
		}
	}
	return l
}

// authorize asks as the CPO.
func (l *lobby) authorize(t *testing.T, path, body string, headers ...string) (*httptest.ResponseRecorder, envelope) {
	t.Helper()
	if l.version != ocpi.V211 {
		headers = append([]string{"OCPI-from-country-code", "GB", "OCPI-from-party-id", "DUN"}, headers...)
	}
	return l.ask(t, l.cpo, "POST", strings.TrimPrefix(place(l.version, "to-cpo:/tokens/"+path), Prefix), body, headers...)
}

// kept are the authorizations that are in the log.
func (l *lobby) kept(t *testing.T) (list []string) {
	t.Helper()
	for _, p := range l.log.Partitions(ingest.TopicSessions) {
		records, err := l.log.Read(t.Context(), p, 0, 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		for i := range records {
			if records[i].Object == ingest.ObjectAuthorization {
				list = append(list, records[i].Key.String()+" "+records[i].Variant+" "+string(records[i].Body))
			}
		}
	}
	return list
}

// Who is always allowed is looked up; all others are asked for, and where their eMSP
// cannot be asked those that may charge offline are answered for by what it pushed.
func TestWhoIsAskedForWhom(t *testing.T) {
	late := breaks(context.DeadlineExceeded)
	for name, c := range map[string]struct {
		answer func(partner.Request) (*partner.Answer, error)
		known  string // what ALLOWED and ALLOWED_OFFLINE get
		never  int    // what NEVER gets
	}{
		"answered":         {answer: says(`{"allowed":"NO_CREDIT"}`), known: "NO_CREDIT", never: 1000},
		"late":             {answer: late, known: "store", never: 4002},
		"unreachable":      {answer: breaks(errors.New("connection refused")), known: "store", never: 4003},
		"not let in":       {answer: refuses(401, 2000, ""), known: "store", never: 4003},
		"forbidden":        {answer: refuses(403, 0, ""), known: "store", never: 4003},
		"broken":           {answer: refuses(500, 3000, ""), known: "store", never: 4000},
		"away":             {answer: refuses(503, 0, ""), known: "store", never: 4000},
		"no OCPI":          {answer: refuses(200, 0, ""), known: "store", never: 4000},
		"says nothing":     {answer: says(`{}`), known: "store", never: 4000},
		"says a word":      {answer: says(`{"allowed":"PERHAPS"}`), known: "store", never: 4000},
		"a list":           {answer: says(`[]`), known: "store", never: 4000},
		"2001":             {answer: refuses(200, 2001, `["why"]`), known: "2001", never: 2001},
		"2002":             {answer: refuses(200, 2002, ""), known: "2002", never: 2002},
		"3000":             {answer: refuses(200, 3000, ""), known: "3000", never: 3000},
		"unknown":          {answer: refuses(404, 2004, ""), known: "2004", never: 2004},
		"unknown, no OCPI": {answer: refuses(404, 0, ""), known: "2004", never: 2004},
		"unknown, 200":     {answer: refuses(200, 2004, ""), known: "2004", never: 2004},
		"behind a hub":     {answer: refuses(200, 4002, ""), known: "store", never: 4002},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLobby(t, ocpi.V221, ocpi.V221)
			l.post.answer = c.answer
			for _, whitelist := range []string{"ALWAYS", "ALLOWED", "ALLOWED_OFFLINE", "NEVER"} {
				for valid, stored := range map[string]string{"-yes": "ALLOWED", "-no": "BLOCKED"} {
					want, code := c.known, 1000
					switch {
					case whitelist == "ALWAYS", c.known == "store" && whitelist != "NEVER":
						want = stored
					case whitelist == "NEVER" || c.known[0] == '2' || c.known[0] == '3':
						code = c.never
					}
					l.post.sent = nil
					w, e := l.authorize(t, whitelist+valid+"/authorize", `{"location_id":"L1"}`)
					asked := len(l.post.sent)
					if e.StatusCode != code || code == 1000 && !strings.Contains(string(e.Data), `"allowed":"`+want+`"`) || (asked == 0) != (whitelist == "ALWAYS") {
						t.Errorf("%s%s: HTTP %d with %d %q %s, asked %d; want %d %s", whitelist, valid, w.Code, e.StatusCode, e.StatusMessage, e.Data, asked, code, want)
					}
					if http := map[bool]int{true: 404, false: 200}[code == 2004]; w.Code != http || code == 2004 && e.Data != nil {
						t.Errorf("%s%s: HTTP %d, want %d", whitelist, valid, w.Code, http)
					}
				}
			}
		})
	}
}

// What the eMSP answers goes to who asked as it is, its reference too; it is kept, and
// only one of ours is new. No answer of ours goes out before it is kept.
func TestReferencesOfAuthorizations(t *testing.T) {
	l := newLobby(t, ocpi.V221, ocpi.V221)
	token := tokenIn(ocpi.V221, "NL", "EXW", "NEVER-yes", "RFID", "NEVER", true)
	given := `{"allowed":"ALLOWED","token":` + token + `,"location":{"location_id":"L1","evse_uids":["E1"]},"authorization_reference":"theirs","info":{"language":"en","text":"Hi"},"x_own":1}`
	l.post.answer = says(given)
	w, e := l.authorize(t, "NEVER-yes/authorize", `{"location_id":"L1"}`, "X-Correlation-ID", "c-9")
	if string(e.Data) != given || w.Result().Header.Get("X-Correlation-Id") != "c-9" || w.Result().Header.Get("Ocpi-To-Party-Id") != "DUN" || w.Result().Header.Get(lostHeader) != "" {
		t.Errorf("answered %s %v", e.Data, w.Result().Header)
	}
	r := l.post.sent[0]
	got := fmt.Sprint(r.To.ID, " ", r.Module, " ", r.Side, " ", r.Method, " ", strings.Join(r.Path, "/"), " ", r.From, " ", r.For, " ", r.Correlation, " ", string(r.Body))
	if want := `nl-exw-emsp tokens SENDER POST NEVER-yes/authorize GB*DUN NL*EXW c-9 {"location_id":"L1"}`; got != want {
		t.Errorf("asked %s, want %s", got, want)
	}
	l.post.answer = says(strings.Replace(given, `"authorization_reference":"theirs",`, "", 1))
	if _, e = l.authorize(t, "NEVER-yes/authorize", ""); strings.Contains(string(e.Data), "authorization_reference") {
		t.Errorf("a reference was made up where the eMSP gave none: %s", e.Data)
	}
	_, e = l.authorize(t, "ALWAYS-yes/authorize", "")
	_, rest, _ := strings.Cut(string(e.Data), `"authorization_reference":"`)
	ours, _, _ := strings.Cut(rest, `"`)
	if len(ours) != 26 || !strings.Contains(string(e.Data), `"token":`+tokenIn(ocpi.V221, "NL", "EXW", "ALWAYS-yes", "RFID", "ALWAYS", true)) {
		t.Errorf("from the store: %s", e.Data)
	}
	if _, e = l.authorize(t, "ALWAYS-no/authorize", ""); strings.Contains(string(e.Data), "authorization_reference") {
		t.Errorf("a reference to a no: %s", e.Data)
	}
	want := []string{
		`GB*DUN*NEVER-YES RFID {"authorization_reference":"theirs","allowed":"ALLOWED","emsp":"NL*EXW","uid":"NEVER-yes","contract_id":"NL-EXW-C00000001","location_id":"L1","by":"emsp","at":"` + instant + `"}`,
		`GB*DUN*NEVER-YES RFID {"allowed":"ALLOWED","emsp":"NL*EXW","uid":"NEVER-yes","contract_id":"NL-EXW-C00000001","by":"emsp","at":"` + instant + `"}`,
		`GB*DUN*ALWAYS-YES RFID {"authorization_reference":"` + ours + `","allowed":"ALLOWED","emsp":"NL*EXW","uid":"ALWAYS-yes","contract_id":"NL-EXW-C00000001","by":"store","at":"` + instant + `"}`,
		`GB*DUN*ALWAYS-NO RFID {"allowed":"BLOCKED","emsp":"NL*EXW","uid":"ALWAYS-no","contract_id":"NL-EXW-C00000001","by":"store","at":"` + instant + `"}`,
	}
	if diff := cmp.Diff(want, l.kept(t)); diff != "" {
		t.Error(diff)
	}
	l.log.FailNext(ingest.ErrOverload)
	if w, e = l.authorize(t, "ALWAYS-yes/authorize", ""); w.Code != 503 || e.Data != nil {
		t.Errorf("that could not be kept: HTTP %d %s", w.Code, e.Data)
	}
}

// Between versions: an eMSP of 2.1.1 says no Token and gives no reference, so both are
// ours; a CPO of 2.1.1 has words for neither.
func TestAuthorizationsBetweenVersions(t *testing.T) {
	for _, cpo := range versions {
		for _, emsp := range versions {
			t.Run(cpo.String()+" asks "+emsp.String(), func(t *testing.T) {
				l := newLobby(t, cpo, emsp)
				given := `{"allowed":"ALLOWED","location":{"location_id":"L1","evse_uids":["E1"]},"info":{"language":"en","text":"Hi"}}`
				if emsp == ocpi.V211 {
					given = strings.Replace(given, `["E1"]`, `["E1"],"connector_ids":["1"]`, 1)
				} else {
					given = strings.Replace(given, `"location"`, `"token":`+tokenIn(emsp, "NL", "EXW", "NEVER-yes", "RFID", "NEVER", true)+`,"authorization_reference":"theirs","location"`, 1)
				}
				l.post.answer = says(given)
				body := `{"location_id":"L1","evse_uids":["E1"]}`
				if cpo == ocpi.V211 {
					body = `{"location_id":"L1","evse_uids":["E1"],"connector_ids":["1"]}`
				}
				w, e := l.authorize(t, "NEVER-yes/authorize", body)
				data, lost := string(e.Data), w.Result().Header.Get(lostHeader)
				if e.StatusCode != 1000 || !strings.Contains(data, `"allowed":"ALLOWED"`) || !strings.Contains(data, `"info":{"language":"en","text":"Hi"}`) {
					t.Fatalf("HTTP %d with %d %q %s", w.Code, e.StatusCode, e.StatusMessage, data)
				}
				for name, is := range map[string]bool{
					`"contract_id":"NL-EXW-C00000001"`: cpo != ocpi.V211, `"authorization_reference":"`: cpo != ocpi.V211,
					`"authorization_reference":"theirs"`: cpo != ocpi.V211 && emsp != ocpi.V211, `connector_ids`: cpo == ocpi.V211 && emsp == ocpi.V211,
				} {
					if strings.Contains(data, name) != is {
						t.Errorf("%s in %s: %t, want %t", name, data, !is, is)
					}
				}
				names := map[string]bool{"authorization_reference": cpo == ocpi.V211 && emsp != ocpi.V211, "location.connector_ids": (cpo == ocpi.V211) != (emsp == ocpi.V211)}
				for name, is := range names {
					if strings.Contains(lost, name) != is {
						t.Errorf("%s is told as lost in %q: %t, want %t", name, lost, !is, is)
					}
				}
				if sent := string(l.post.sent[0].Body); strings.Contains(sent, "connector_ids") != (cpo == ocpi.V211 && emsp == ocpi.V211) {
					t.Errorf("sent %s", sent)
				}
				for code, want := range map[ocpi.Status]int{2001: 2001, 4003: map[bool]int{true: 3000, false: 4003}[cpo == ocpi.V211], 2004: map[bool]int{true: 2000, false: 2004}[cpo == ocpi.V211]} {
					l.post.answer = refuses(200, code, "")
					if _, e := l.authorize(t, "NEVER-yes/authorize", ""); e.StatusCode != want {
						t.Errorf("%d becomes %d, want %d", code, e.StatusCode, want)
					}
				}
			})
		}
	}
}

// Whose Token it is: by its uid, by whom the message is for, by the URL, by the contract
// id of one that was never pushed; never by what the CPO may not see.
func TestWhoseTokenIsMeant(t *testing.T) {
	l := newLobby(t, ocpi.V230, ocpi.V221)
	l.post.answer = says(`{"allowed":"ALLOWED"}`)
	l.do(t, tnmToken, "PUT", "/2.2.1/receiver/tokens/DE/TNM/ALWAYS-yes", tokenIn(ocpi.V221, "DE", "TNM", "ALWAYS-yes", "RFID", "ALWAYS", false))
	l.do(t, tnmToken, "PUT", "/2.2.1/receiver/tokens/DE/TNM/A1?type=APP_USER", tokenIn(ocpi.V221, "DE", "TNM", "A1", "APP_USER", "ALWAYS", true))
	l.register(t, ocpi.V221, "EMSP BE BAD")
	const exw, nobody = "NL/EXW", "US/BOU"
	for name, c := range map[string]struct {
		path, to string
		code     int
		says     string // in the data
		asked    string // whom
	}{
		"of two":                           {"ALWAYS-yes/authorize", "", 2001, "", ""},
		"of two, for one":                  {"ALWAYS-yes/authorize", "DE/TNM", 1000, "BLOCKED", ""},
		"of two, for the other":            {"ALWAYS-yes/authorize", exw, 1000, `"ALLOWED"`, ""},
		"of two, in the URL":               {"DE/TNM/ALWAYS-yes/authorize", "", 1000, "BLOCKED", ""},
		"in small letters":                 {"nl/exw/always-YES/authorize?type=rfid", "", 1000, `"ALLOWED"`, ""},
		"in the URL for another":           {"DE/TNM/ALWAYS-yes/authorize", exw, 2001, "", ""},
		"in the URL, for it":               {"DE/TNM/ALWAYS-yes/authorize", "DE/TNM", 1000, "BLOCKED", ""},
		"of another type":                  {"ALWAYS-yes/authorize?type=APP_USER", "", 2004, "", ""},
		"of its type":                      {"A1/authorize?type=APP_USER", "", 1000, `"APP_USER"`, ""},
		"of two types":                     {"A1/authorize?type=APP_USER&type=RFID", "", 2001, "", ""},
		"of nobody":                        {"NONE/authorize", "", 2004, "", ""},
		"of nobody, for one that is asked": {"NONE/authorize", exw, 1000, `"uid":"NONE"`, exw},
		"of nobody, for one that is not":   {"NONE/authorize", "DE/TNM", 2004, "", ""},
		"for no eMSP":                      {"NONE/authorize", "DE/NSP", 2004, "", ""},
		"for nobody":                       {"ALWAYS-yes/authorize", nobody, 4001, "", ""},
		"of nobody in the URL":             {"US/BOU/ALWAYS-yes/authorize", "", 2004, "", ""},
		"a contract":                       {"NL-EXW-C12345678-X/authorize?type=EMAID", "", 2004, "", ""}, // a wrong check digit
		"a contract as it is":              {"NL-EXW-C12345678/authorize?type=EMAID", "", 1000, `"contract_id":"NL-EXW-C12345678","issuer":"Platform EMSP NL EXW"`, exw},
		"a contract, no type":              {"NLEXWC12345678/authorize", "", 1000, `"whitelist":"NEVER"`, exw},
		"a contract on a card":             {"NL-EXW-C12345678/authorize?type=RFID", "", 2004, "", ""},
		"a card like a contract":           {"BEBADC12345678/authorize", "", 2004, "", ""},
		"a contract like a card":           {"BEBADC12345678/authorize?type=OTHER", "", 1000, `"OTHER"`, "BE/BAD"},
		"a contract of who is not asked":   {"DE-TNM-C12345678/authorize?type=EMAID", "", 2004, "", ""},
		"a contract of nobody":             {"US-BOU-C12345678/authorize?type=EMAID", "", 2004, "", ""},
		"a uid that is too long":           {strings.Repeat("A", 37) + "/authorize", "", 2001, "", ""},
		"no type":                          {"A1/authorize?type=", "", 2001, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			l.post.sent = nil
			country, party, _ := strings.Cut(c.to, "/")
			w, e := l.authorize(t, c.path, "", "OCPI-to-country-code", country, "OCPI-to-party-id", party)
			asked := ""
			if len(l.post.sent) > 0 {
				asked = l.post.sent[0].For.Country + "/" + l.post.sent[0].For.ID
			}
			if e.StatusCode != c.code || !strings.Contains(string(e.Data), c.says) || asked != c.asked || (w.Code == 404) != (c.code == 2004) {
				t.Errorf("HTTP %d with %d %q %s, asked %q; want %d %s %q", w.Code, e.StatusCode, e.StatusMessage, e.Data, asked, c.code, c.says, c.asked)
			}
		})
	}
}

// A Token of another party, or another one, is no answer: whose it is would pay.
func TestAnEMSPAuthorizesItsOwnAlone(t *testing.T) {
	l := newLobby(t, ocpi.V221, ocpi.V221)
	for _, token := range []string{
		tokenIn(ocpi.V221, "DE", "TNM", "NEVER-yes", "RFID", "NEVER", true), tokenIn(ocpi.V221, "NL", "EXW", "OTHER", "RFID", "NEVER", true), `5`, `[]`,
	} {
		l.post.answer = says(`{"allowed":"ALLOWED","token":` + token + `}`)
		if _, e := l.authorize(t, "NEVER-yes/authorize", ""); e.StatusCode != 4000 || e.Data != nil {
			t.Errorf("%s: %d %s", token, e.StatusCode, e.Data)
		}
	}
	if kept := l.kept(t); len(kept) > 0 {
		t.Errorf("kept %v", kept)
	}
}

// A body that is none is told so, and none of them is kept as a push that was refused.
func TestBodiesOfQuestions(t *testing.T) {
	l := newLobby(t, ocpi.V221, ocpi.V221)
	for body, want := range map[string]string{
		"": "200 1000", "{}": "200 1000", "null": "200 1000", `{"location_id":"L1"}`: "200 1000",
		"{": "400 2001", "[]": "200 2001", `{"evse_uids":[]}`: "200 2001",
		`{"location_id":"` + strings.Repeat("L", 40) + `"}`: "200 2001", strings.Repeat(" ", 20_001): "413 2001",
	} {
		w, e := l.authorize(t, "ALWAYS-yes/authorize", body)
		if got := fmt.Sprint(w.Code, " ", e.StatusCode); got != want {
			t.Errorf("%.50s: %s %q, want %s", body, got, e.StatusMessage, want)
		}
	}
	if n := l.refused(t); n > 0 {
		t.Errorf("%d bodies are kept", n)
	}
}

// Who waits for an eMSP that is slow holds up nobody who asks another one.
func TestASlowEMSPHoldsUpNobodyElse(t *testing.T) {
	l := newLobby(t, ocpi.V221, ocpi.V221)
	other := l.register(t, ocpi.V221, "EMSP BE OTH")
	l.do(t, other, "PUT", "/2.2.1/receiver/tokens/BE/OTH/O1", tokenIn(ocpi.V221, "BE", "OTH", "O1", "RFID", "NEVER", true))
	entered, leave := make(chan struct{}), make(chan struct{})
	l.post.answer = func(r partner.Request) (*partner.Answer, error) {
		if r.For == ocpi.NewParty("NL", "EXW") {
			entered <- struct{}{}
			<-leave
		}
		return says(`{"allowed":"ALLOWED"}`)(r)
	}
	var waiting sync.WaitGroup
	for range slowWaiters {
		waiting.Go(func() { l.authorize(t, "NEVER-yes/authorize", "") })
		<-entered
	}
	if _, e := l.authorize(t, "NEVER-yes/authorize", ""); e.StatusCode != 4003 || !strings.Contains(e.StatusMessage, "wait") {
		t.Errorf("one more: %d %q", e.StatusCode, e.StatusMessage)
	}
	if _, e := l.authorize(t, "ALLOWED-yes/authorize", ""); e.StatusCode != 1000 {
		t.Errorf("one that may charge offline: %d %q", e.StatusCode, e.StatusMessage)
	}
	if _, e := l.authorize(t, "O1/authorize", ""); e.StatusCode != 1000 {
		t.Errorf("of another: %d %q", e.StatusCode, e.StatusMessage)
	}
	third := l.register(t, ocpi.V221, "CPO FR BEL")
	waiting.Go(func() {
		if _, e := l.ask(t, third, "POST", "/2.2.1/sender/tokens/NEVER-yes/authorize", ""); e.StatusCode != 1000 {
			t.Errorf("asked by another CPO: %d %q", e.StatusCode, e.StatusMessage)
		}
	})
	<-entered // it does not wait behind the other's
	close(leave)
	waiting.Wait()
	l.post.answer = says(`{"allowed":"ALLOWED"}`)
	if _, e := l.authorize(t, "NEVER-no/authorize", ""); e.StatusCode != 1000 {
		t.Errorf("after it: %d %q", e.StatusCode, e.StatusMessage)
	}
}
