package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/roamclear/roamclear/api/admin"
	"github.com/roamclear/roamclear/api/rest"
	"github.com/roamclear/roamclear/benchmarks/peer"
	"github.com/roamclear/roamclear/ingest/control"
	"github.com/roamclear/roamclear/ingest/messages"
	"github.com/roamclear/roamclear/ocpi"
)

// opsKey makes an API key that reads messages.
func (s *testService) opsKey() string {
	s.t.Helper()
	flags := serviceFlags{data: s.data}
	client, err := flags.client()
	if err != nil {
		s.t.Fatal(err)
	}
	var got admin.KeySecret
	if err := client.do(s.t.Context(), http.MethodPost, "/keys", admin.KeyRequest{Scopes: []string{control.ScopeOpsRead}}, &got); err != nil {
		s.t.Fatal(err)
	}
	return "Bearer " + got.Secret
}

// messages asks for messages, and says of each what it was.
func (s *testService) messages(authorization string, q url.Values) (list rest.MessageList, what []string) {
	s.t.Helper()
	a := s.request(http.MethodGet, "/api/v1/messages?"+q.Encode(), authorization, "")
	if a.status != http.StatusOK {
		s.t.Fatalf("%s: HTTP %d %s", q.Encode(), a.status, a.body)
	}
	if err := json.Unmarshal([]byte(a.body), &list); err != nil {
		s.t.Fatal(err)
	}
	for _, m := range slices.Backward(list.Messages) {
		status := 0
		if m.Status != nil {
			status = *m.Status
		}
		what = append(what, fmt.Sprintf("%s %s %s %d", m.Direction, m.Method, m.Object, status))
	}
	return list, what
}

// message reads one message.
func (s *testService) message(authorization, id string) (d rest.MessageDetail) {
	s.t.Helper()
	a := s.request(http.MethodGet, "/api/v1/messages/"+id, authorization, "")
	if err := json.Unmarshal([]byte(a.body), &d); err != nil || a.status != http.StatusOK {
		s.t.Fatalf("%s: HTTP %d %s", id, a.status, a.body)
	}
	return d
}

const (
	messageSession = `{"country_code":"NL","party_id":"TNM","id":"S9","start_date_time":"2026-01-05T10:00:00Z","kwh":0,
"cdr_token":{"country_code":"DE","party_id":"EMP","uid":"04A1B2C3D4E501","type":"RFID","contract_id":"DE-EMP-C00000001"},"auth_method":"WHITELIST","location_id":"L1","evse_uid":"E1","connector_id":"1",
"currency":"EUR","status":"ACTIVE","last_updated":"2026-01-05T10:00:00Z"}`
	messageUID = "04A1B2C3D4E501"
)

// elsewhere is an object of these tests as NL*TNM has it, in euros.
func elsewhere(body string, pairs ...string) string {
	return strings.NewReplacer(append(pairs, `"country_code":"GB","party_id":"DUN"`, `"country_code":"NL","party_id":"TNM"`, `"country_code":"NL","party_id":"EXW"`, `"country_code":"DE","party_id":"EMP"`,
		`"GBP"`, `"EUR"`, `"U1"`, `"`+messageUID+`"`, `NL-EXW-1`, "DE-EMP-C00000001", `"S1"`, `"S9"`, "Europe/London", "Europe/Amsterdam", `"GBR"`, `"NLD"`)...).Replace(body)
}

// life has two partners do with each other through us, and with us, all that is done: from
// the handshake to the bill. It returns tokens that were used.
func (s *testService) life(t *testing.T) (cpo, emsp *peer.Peer, secrets []string) {
	cpo, emsp = s.joins(peer.CPO, "NL", "TNM", ocpi.V221), s.joins(peer.EMSP, "DE", "EMP", ocpi.V221)
	pushesToken(t, emsp, ocpi.V221, "EMP", messageUID, "NEVER", true)
	push := func(method, module, path, body string, want ocpi.Status, to ocpi.Party) {
		t.Helper()
		a := asks(t, cpo, peer.Message{Method: method, Module: module, Role: ocpi.RoleReceiver, Path: path, Correlation: "c-" + module, To: to, Body: []byte(body)})
		if a.Code != want {
			t.Fatalf("%s %s: %+v", method, path, a)
		}
	}
	nobody, other := ocpi.Party{}, ocpi.NewParty("DE", "EMP")
	cdr := elsewhere(testCDR("c-9", "EXW", "T1", "7.00", "8.40"))
	push("PUT", "locations", "/NL/TNM/L1", elsewhere(testLocation), 1000, nobody)
	push("PUT", "tariffs", "/NL/TNM/T1", elsewhere(testTariff), 1000, nobody)
	push("PUT", "sessions", "/NL/TNM/S9", messageSession, 1000, nobody)
	push("PATCH", "sessions", "/NL/TNM/S9", `{"kwh":1,"last_updated":"2026-01-05T10:05:00Z"}`, 1000, nobody)
	push("POST", "cdrs", "", cdr, 1000, other)
	push("POST", "cdrs", "", strings.Replace(cdr, `"id":"c-9",`, `"id":"c-bad","currency":7,`, 1), 2001, nobody)
	push("POST", "cdrs", "", `{"id":`, 2001, nobody)
	s.pull("TNM")
	if a := asks(t, cpo, peer.Message{Method: "POST", Module: "tokens", Role: ocpi.RoleSender, Path: "/DE/EMP/" + messageUID + "/authorize", Correlation: "c-authorize", Body: []byte(`{"location_id":"L1"}`)}); a.Code != 1000 {
		t.Fatalf("authorize: %+v", a)
	}
	start := map[string]any{"response_url": emsp.ResponseURL("u9"), "location_id": "L1", "evse_uid": "E1", "connector_id": "1",
		"token": json.RawMessage(`{"country_code":"DE","party_id":"EMP","uid":"04FFEE","type":"RFID","contract_id":"DE-EMP-C00000001","issuer":"Test","valid":true,"whitelist":"NEVER","last_updated":"2026-01-05T10:00:00Z"}`)}
	body, err := json.Marshal(start)
	if err != nil {
		t.Fatal(err)
	}
	if a := asks(t, emsp, peer.Message{Method: "POST", Module: "commands", Role: ocpi.RoleReceiver, Path: "/START_SESSION", Correlation: "c-start", Body: body}); a.Code != 1000 {
		t.Fatalf("start: %+v", a)
	}
	s.eventually("the result is back", func() bool { return len(emsp.Commanded()) > 0 })
	own := asks(t, cpo, peer.Message{Method: "GET", Module: "credentials", Role: ocpi.RoleSender})
	var credentials struct{ Token string }
	if err := json.Unmarshal(own.Data, &credentials); err != nil || credentials.Token == "" {
		t.Fatalf("credentials %s", own.Data)
	}
	secrets = []string{credentials.Token, cpo.TokenA(), emsp.TokenA()}
	for _, p := range s.inside.control.partners.All() {
		token, err := s.inside.sealer.Open(p.Peer.Token)
		if err != nil {
			t.Fatal(err)
		}
		secrets = append(secrets, token)
	}
	return cpo, emsp, secrets
}

// TestEveryMessageIsFound follows two partners from the handshake to the bill: what they
// exchanged with us is found by each key, its bodies are there, and no secret is.
func TestEveryMessageIsFound(t *testing.T) {
	s := startTest(t, t.TempDir())
	s.financeKey()
	ops := s.opsKey()
	_, _, secrets := s.life(t)
	s.stored(1)
	const cpo, emsp = "nl-tnm-cpo", "de-emp-emsp"
	for _, c := range []struct {
		name string
		q    url.Values
		want []string
	}{
		{"the eMSP", url.Values{"partner": {emsp}}, []string{
			"in GET versions 1000", "in GET versions 1000", "in POST credentials 1000", "out GET versions 1000", "out GET versions 1000", "in GET versions 1000", "in GET versions 1000",
			"in PUT token 1000", "out POST cdr 1000", "out POST token 1000", "in POST command 1000", "out POST command 1000"}},
		{"what failed", url.Values{"partner": {cpo}, "status": {"failed"}}, []string{"in POST cdr 2001", "in POST cdr 2001"}},
		{"by OCPI's code", url.Values{"status": {"2001"}}, []string{"in POST cdr 2001", "in POST cdr 2001"}},
		{"what we asked of the CPO", url.Values{"partner": {cpo}, "direction": {"out"}, "session_id": {"nothing"}}, nil},
		{"a correlation", url.Values{"correlation_id": {"c-cdrs"}}, []string{"in POST cdr 1000", "out POST cdr 1000", "in POST cdr 2001", "in POST cdr 2001"}},
		{"an authorization", url.Values{"correlation_id": {"c-authorize"}}, []string{"in POST token 1000", "out POST token 1000"}},
		{"a command", url.Values{"correlation_id": {"c-start"}}, []string{"in POST command 1000", "out POST command 1000", "out POST command 1000"}},
		{"a Session", url.Values{"session_id": {"s9"}}, []string{"in PUT session 1000", "in PATCH session 1000", "in POST cdr 1000", "out POST cdr 1000", "in POST cdr 2001"}},
		{"a CDR", url.Values{"cdr_id": {"C-9"}}, []string{"in POST cdr 1000", "out POST cdr 1000"}},
		{"a refused CDR", url.Values{"cdr_id": {"c-bad"}}, []string{"in POST cdr 2001"}},
		{"a Token", url.Values{"token_uid": {strings.ToLower(messageUID)}}, []string{
			"in PUT token 1000", "in PUT session 1000", "in PATCH session 1000", "in POST cdr 1000", "out POST cdr 1000", "in POST cdr 2001", "in POST token 1000", "out POST token 1000"}},
		{"the Token of a command", url.Values{"token_uid": {"04FFEE"}}, []string{"in POST command 1000", "out POST command 1000"}},
		{"before all of it", url.Values{"to": {"2026-01-01"}}, nil},
	} {
		list, got := s.messages(ops, c.q)
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s: %s", c.name, diff)
		}
		if list.NotKept != 0 {
			t.Errorf("%s: %d not kept", c.name, list.NotKept)
		}
	}
	s.bodiesAreThere(ops)
	s.printed(cpo)
	s.partnersSeeTheirOwn(ops)
	s.hidden(secrets)
	verified(t, s.data)
}

// bodiesAreThere reads bodies that the log holds, that it does not, and that were refused.
func (s *testService) bodiesAreThere(ops string) {
	s.t.Helper()
	list, _ := s.messages(ops, url.Values{"cdr_id": {"c-9"}})
	for _, m := range list.Messages {
		s.eventually("the body is stored", func() bool {
			b := s.message(ops, m.ID).Request
			return b != nil && b.Whole
		})
		d := s.message(ops, m.ID)
		if !strings.Contains(d.Request.Text(), `"id":"c-9"`) || d.Held == nil || d.Held.Topic != "cdrs" || d.Latency <= 0 || d.Response == nil || !d.Response.Whole || d.RequestID == "" || d.Owner == nil || *d.Owner != "NL*TNM" ||
			!strings.HasPrefix(d.Became, "counts; priced") || d.Link == nil || *d.Link != "/cdrs/NL/TNM/C-9" {
			s.t.Errorf("message %+v, held %+v, became %s", d.Message, d.Held, d.Became)
		}
		if m.Direction == "in" && !strings.Contains(d.Response.Text(), `"status_code":1000`) {
			s.t.Errorf("answered %s", d.Response.Text())
		}
	}
	refused, _ := s.messages(ops, url.Values{"status": {"2001"}, "direction": {"in"}})
	for _, m := range refused.Messages {
		s.eventually("the refused body is stored", func() bool {
			b := s.message(ops, m.ID).Request
			return b != nil && b.Whole
		})
		d := s.message(ops, m.ID)
		var said answer
		if err := json.Unmarshal(d.Response.JSON, &said.ocpi); err != nil || d.Held.Topic != "refused" || d.Reason == nil || said.ocpi.Message != *d.Reason || d.Became != "refused, and kept with the reason" || !strings.HasPrefix(d.Request.Text(), `{`) {
			s.t.Errorf("refused: %+v %+v %s", d.Message, d.Held, d.Became)
		}
	}
	started, _ := s.messages(ops, url.Values{"correlation_id": {"c-start"}, "partner": {"nl-tnm-cpo"}})
	if len(started.Messages) != 1 {
		s.t.Fatalf("%d starts at the CPO", len(started.Messages))
	}
	if d := s.message(ops, started.Messages[0].ID); d.Held != nil || !strings.Contains(d.Request.Text(), "04FFEE") || !strings.Contains(d.Response.Text(), "ACCEPTED") {
		s.t.Errorf("the command out: %+v %s", d.Message, d.Request.Text())
	}
}

// printed asks by the command.
func (s *testService) printed(cpo string) {
	s.t.Helper()
	out, err := run(s.t, newMessagesCmd(), "--cdr-id", "c-bad", "--partner", cpo, "--data", s.data)
	if err != nil || !strings.Contains(out, "NL*TNM C-BAD") || !strings.Contains(out, "2001") {
		s.t.Errorf("messages prints %q, %v", out, err)
	}
	var list rest.MessageList
	out, err = run(s.t, newMessagesCmd(), "--cdr-id", "c-bad", "--format", "json", "--data", s.data)
	if err != nil || json.Unmarshal([]byte(out), &list) != nil || len(list.Messages) != 1 {
		s.t.Fatalf("messages as JSON: %q, %v", out, err)
	}
	out, err = run(s.t, newMessagesCmd(), list.Messages[0].ID, "--data", s.data)
	for _, want := range []string{"from " + cpo + " 2.2.1", "POST /ocpi/2.2.1/receiver/cdrs", "HTTP 400, OCPI 2001", "refused, and kept with the reason", `"id":"c-bad"`, "Answer\n{"} {
		if err != nil || !strings.Contains(out, want) {
			s.t.Errorf("the message lacks %q: %q, %v", want, out, err)
		}
	}
	if _, err := run(s.t, newMessagesCmd(), "--status", "bad", "--data", s.data); err == nil || !strings.Contains(err.Error(), "status") {
		s.t.Errorf("a wrong status: %v", err)
	}
}

// partnersSeeTheirOwn asks as a partner, and as keys that may not.
func (s *testService) partnersSeeTheirOwn(ops string) {
	s.t.Helper()
	s.partner("CPO", "GB", "DUN")
	s.as("GB*DUN", "PUT", "/receiver/tariffs/GB/DUN/T1", testTariff)
	s.as("GB*DUN", "PUT", "/receiver/tariffs/GB/DUN/T2", `{"id":"T2"}`)
	token := "Token " + s.tokens["GB*DUN"]
	list, got := s.messages(token, url.Values{})
	if diff := cmp.Diff([]string{"in PUT tariff 1000", "in PUT tariff 2001"}, got); diff != "" {
		s.t.Errorf("its own: %s", diff)
	}
	if d := s.message(token, list.Messages[0].ID); d.Became != "refused, and kept with the reason" {
		s.t.Errorf("its own: %+v", d)
	}
	others, _ := s.messages(ops, url.Values{"partner": {"nl-tnm-cpo"}, "limit": {"1"}})
	if others.Next == nil {
		s.t.Error("there is no next page")
	}
	for path, want := range map[string][3]int{ // as the partner, with the key of finance, with that of operations
		"/" + others.Messages[0].ID: {404, 403, 200}, "?partner=nl-tnm-cpo": {400, 403, 200}, "?partner=gb-dun-cpo": {200, 403, 200}, "?partner=nobody": {400, 403, 400}, "?sender=x": {400, 403, 400},
		"?status=7": {400, 403, 400}, "?direction=both": {400, 403, 400}, "?from=yesterday": {400, 403, 400}, "?from=2026-02-01&to=2026-01-01": {400, 403, 400}, "?limit=0": {400, 403, 400}, "?cursor=x": {400, 403, 400}, "/nothing": {404, 403, 404},
	} {
		for i, who := range []string{token, "Bearer " + s.key, ops} {
			if a := s.request("GET", "/api/v1/messages"+path, who, ""); a.status != want[i] {
				s.t.Errorf("%s as the %dth: HTTP %d %s", path, i+1, a.status, a.body)
			}
		}
	}
}

// TestNoMessagesAreKept has the log of messages switched off: nothing is kept, and who asks is
// told by which setting.
func TestNoMessagesAreKept(t *testing.T) {
	c := testConfig(t.TempDir())
	c.Messages.Retention = 0
	s := startConfig(t, c)
	s.eventually("service is ready", func() bool { return s.request(http.MethodGet, "/readyz", "", "").status == http.StatusOK })
	s.partner("CPO", "GB", "DUN")
	s.accepted("GB*DUN", "PUT", "/receiver/tariffs/GB/DUN/T1", testTariff)
	if a := s.request("GET", "/api/v1/messages", s.opsKey(), ""); a.status != http.StatusNotFound || !strings.Contains(a.body, "messages.retention") {
		t.Errorf("HTTP %d %s", a.status, a.body)
	}
	if left, _, err := s.inside.backends.store.Messages(t.Context(), messages.Query{}); err != nil || len(left) != 0 {
		t.Errorf("%d are kept, %v", len(left), err)
	}
}

// TestAStopKeepsWhatIsLeft stops a service right after it has answered: what it exchanged is
// there after the next start. One that is killed loses what it had not kept.
func TestAStopKeepsWhatIsLeft(t *testing.T) {
	data := t.TempDir()
	s := startTest(t, data)
	s.partner("CPO", "GB", "DUN")
	s.accepted("GB*DUN", "PUT", "/receiver/tariffs/GB/DUN/T1", testTariff)
	s.stop()
	again := startTest(t, data)
	if _, got := again.messages(again.opsKey(), url.Values{"partner": {"gb-dun-cpo"}}); len(got) != 1 {
		t.Errorf("there are %q", got)
	}
}

// hidden looks for secrets in all that the table has.
func (s *testService) hidden(secrets []string) {
	s.t.Helper()
	store, n := s.inside.backends.store, 0
	for q := (messages.Query{Limit: 1000}); ; {
		page, next, err := store.Messages(s.t.Context(), q)
		if err != nil {
			s.t.Fatal(err)
		}
		for i := range page {
			m, err := store.Message(s.t.Context(), page[i].MessageID())
			if err != nil {
				s.t.Fatal(err)
			}
			n++
			text := fmt.Sprintf("%+v %s %s", *m, m.Request, m.Response)
			for _, secret := range secrets {
				if len(messages.Mask([]byte(text), secret)) != len(text) {
					s.t.Errorf("%s %s shows a secret: %s", m.Method, m.Path, text)
				}
			}
			if listed := fmt.Sprintf("%+v", page[i]); strings.Contains(strings.ToUpper(listed), messageUID) {
				s.t.Errorf("a column shows the uid of a Token: %s", listed)
			}
		}
		if q.After = next; next == "" {
			break
		}
	}
	if n < 20 {
		s.t.Errorf("only %d messages were looked at", n)
	}
}
