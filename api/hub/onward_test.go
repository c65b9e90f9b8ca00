package hub

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/roamclear/roamclear/api"
	"github.com/roamclear/roamclear/api/partner"
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ingest/control"
	"github.com/roamclear/roamclear/ocpi"
)

// exchangeOf is a hub with a CPO, GB*DUN, of one version and two eMSPs, NL*EXW and
// DE*TNM, of another, all of which have registered.
type exchangeOf struct {
	*whole
	post           *postman
	cpo, emsp, tnm string // tokens
	desk           *officer
}

func newExchange(t *testing.T, from, to ocpi.Version) *exchangeOf {
	t.Helper()
	e := &exchangeOf{post: &postman{answer: says("")}, desk: &officer{}}
	e.whole = newWholeOf(t, map[string][]string{belToken: {"CPO FR BEL"}, bothToken: {"EMSP DE BOT"}, nspToken: {"NSP DE NSP"}}, func(d *Deps) {
		d.Forwarder, d.Notes, d.InFlight, d.Commands = e.post, d.Intake.(*ingest.Service), 64*slowWaiters, e.desk
	})
	e.cpo, e.emsp, e.tnm = e.register(t, from, "CPO GB DUN"), e.register(t, to, "EMSP NL EXW"), e.register(t, to, "EMSP DE TNM")
	return e
}

// send has a partner send something to another party, which is registered.
func (e *exchangeOf) send(t *testing.T, token, call, body, from, to string) (http.Header, envelope, *partner.Request) {
	t.Helper()
	e.post.sent = nil
	method, path, _ := strings.Cut(call, " ")
	fromCountry, fromID, _ := strings.Cut(from, "/")
	country, id, _ := strings.Cut(to, "/")
	w, got := e.ask(t, token, method, path, body, "OCPI-from-country-code", fromCountry, "OCPI-from-party-id", fromID, "OCPI-to-country-code", country, "OCPI-to-party-id", id,
		"X-Request-ID", "r-1", "X-Correlation-ID", "c-1")
	if len(e.post.sent) == 0 {
		return w.Result().Header, got, nil
	}
	return w.Result().Header, got, &e.post.sent[0]
}

// pushesOf are pushes of each module in each form, by whom, and as what they arrive
// where both sides speak one version, and where they do not.
var pushesOf = []struct {
	call, kind, owner, other string
	body                     string // in place of a whole object; "-" = none
	changed                  string // what it is in another version; "" = as sent
}{
	{call: "PUT receiver/locations/GB/DUN/L1", kind: "locations", owner: "GB/DUN", other: "NL/EXW"},
	{call: "PATCH receiver/locations/GB/DUN/L1", kind: "locations", owner: "GB/DUN", other: "NL/EXW", body: `{"name":"New","last_updated":"2019-01-06T00:00:00Z"}`, changed: "PUT receiver/locations/GB/DUN/L1"},
	{call: "PUT receiver/tariffs/GB/DUN/T1", kind: "tariffs", owner: "GB/DUN", other: "NL/EXW"},
	{call: "DELETE receiver/tariffs/GB/DUN/T1", kind: "tariffs", owner: "GB/DUN", other: "NL/EXW", body: "-"},
	{call: "PUT receiver/sessions/GB/DUN/S1", kind: "sessions", owner: "GB/DUN", other: "NL/EXW"},
	{call: "PATCH receiver/sessions/GB/DUN/S1", kind: "sessions", owner: "GB/DUN", other: "NL/EXW", body: `{"kwh":12,"last_updated":"2019-01-06T00:00:00Z"}`, changed: "PUT receiver/sessions/GB/DUN/S1"},
	{call: "POST receiver/cdrs", kind: "cdrs", owner: "GB/DUN", other: "NL/EXW"},
}

// Every module's push goes on to whom it is for, stored before, in that one's version
// and with what it lost named; what that says comes back.
func TestPushesGoOn(t *testing.T) {
	for _, from := range later {
		for _, to := range versions {
			t.Run(from.String()+" to "+to.String(), func(t *testing.T) {
				e := newExchange(t, from, to)
				for _, p := range pushesOf {
					id := p.call[strings.LastIndexByte(p.call, '/')+1:]
					if p.kind == "cdrs" {
						id = "C1"
					}
					body := p.body
					switch body {
					case "":
						body = thing{p.kind, p.owner, p.other, id}.in(from)
					case "-":
						body = ""
					}
					method, path, _ := strings.Cut(p.call, " ")
					header, got, r := e.send(t, e.cpo, method+" /"+from.String()+"/"+path, body, p.owner, p.other)
					if r == nil || got.StatusCode != 1000 {
						t.Errorf("%s: %d %q, sent %v", p.call, got.StatusCode, got.StatusMessage, r)
						continue
					}
					want := p.call
					if from != to && p.changed != "" {
						want = p.changed
					}
					arrived := strings.TrimSuffix(r.Method+" receiver/"+r.Module+"/"+strings.Join(r.Path, "/"), "/")
					if arrived != want || r.Side != ocpi.RoleReceiver || r.To.ID != "nl-exw-emsp" || r.From != ocpi.NewParty("GB", "DUN") || r.For != ocpi.NewParty("NL", "EXW") || r.Correlation != "c-1" {
						t.Errorf("%s arrived as %s %+v", p.call, arrived, r)
					}
					if from == to && string(r.Body) != body {
						t.Errorf("%s: the body is %s", p.call, r.Body)
					}
					if p.body != "-" && (from == to || r.Method != "PATCH") && (from != to || p.body == "") {
						readable(t, p.kind, to, r.Body)
					}
					if p.kind != "cdrs" && header.Get(api.HeaderReceipt) == "" {
						t.Errorf("%s has no receipt", p.call)
					}
					if p.kind == "locations" && (header.Get(lostHeader) != "") != (to == ocpi.V211) {
						t.Errorf("%s: lost %q", p.call, header.Get(lostHeader))
					}
					if location := header.Get("Location"); (location != "") != (p.kind == "cdrs") || location != "" && location != "http://roam.example/ocpi/"+from.String()+"/receiver/cdrs/GB/DUN/C1" {
						t.Errorf("%s: Location %q", p.call, location)
					}
				}
			})
		}
	}
}

// readable holds a body against its version.
func readable(t *testing.T, kind string, v ocpi.Version, body []byte) {
	t.Helper()
	var d ocpi.Decoder
	var err error
	switch kind {
	case "locations":
		_, err = d.Location(v, body)
	case "tariffs":
		_, err = d.Tariff(v, body)
	case "sessions":
		_, err = d.Session(v, body)
	case "cdrs":
		_, err = d.CDR(v, body)
	case "tokens":
		_, err = d.Token(v, body)
	}
	if err != nil {
		t.Errorf("%s in %s: %v: %s", kind, v, err, body)
	}
}

// Tokens go the other way, and invoices between those that have them.
func TestTokensAndInvoicesGoOn(t *testing.T) {
	for _, cpo := range versions {
		e := newExchange(t, cpo, ocpi.V230)
		_, got, r := e.send(t, e.emsp, "PUT /2.3.0/receiver/tokens/NL/EXW/K1?type=APP_USER", strings.Replace(thing{"tokens", "NL/EXW", "", "K1"}.in(ocpi.V230), `"RFID"`, `"APP_USER"`, 1), "NL/EXW", "GB/DUN")
		if got.StatusCode != 1000 || r == nil || r.To.ID != "gb-dun-cpo" || (r.Query.Get("type") == "APP_USER") != (cpo != ocpi.V211) {
			t.Errorf("%s: %d %q, sent %+v", cpo, got.StatusCode, got.StatusMessage, r)
		} else {
			readable(t, "tokens", cpo, r.Body)
		}
		body := thing{"invoicereconciliation", "NL/EXW", "GB/DUN", "I1"}.in(ocpi.V230)
		_, got, r = e.send(t, e.emsp, "POST /2.3.0/receiver/invoicereconciliation", body, "NL/EXW", "GB/DUN")
		if r == nil || r.Since != ocpi.V230 || string(r.Body) != body {
			t.Errorf("%s: an invoice: %d %q, sent %+v", cpo, got.StatusCode, got.StatusMessage, r)
		}
	}
}

// A connection of 2.1.1 is with one party, which is whom all of it is for.
func TestAConnectionWithOnePartyGoesOn(t *testing.T) {
	e := newExchange(t, ocpi.V211, ocpi.V221)
	old := e.registerWith(t, "NL/EXW", "CPO GB PKC")
	body := thing{"sessions", "GB/PKC", "NL/EXW", "S1"}.in(ocpi.V211)
	_, got, r := e.send(t, old, "PUT /emsp/2.1.1/sessions/GB/PKC/S1", body, "", "")
	if got.StatusCode != 1000 || r == nil || r.For != ocpi.NewParty("NL", "EXW") || r.From != ocpi.NewParty("GB", "PKC") {
		t.Fatalf("%d %q, sent %+v", got.StatusCode, got.StatusMessage, r)
	}
	readable(t, "sessions", ocpi.V221, r.Body)
	e.post.answer = breaks(context.DeadlineExceeded)
	if _, got, _ = e.send(t, old, "PUT /emsp/2.1.1/sessions/GB/PKC/S2", strings.ReplaceAll(body, `"S1"`, `"S2"`), "", ""); got.StatusCode != 3000 {
		t.Errorf("ours to a caller of 2.1.1: %d %q", got.StatusCode, got.StatusMessage)
	}
	// What is another eMSP's is stored all the same, and as if there were nobody to send it to.
	w, got := e.ask(t, old, "POST", "/emsp/2.1.1/cdrs", thing{"cdrs", "GB/PKC", "DE/TNM", "C1"}.in(ocpi.V211))
	if w.Code != 201 || got.StatusCode != 1000 || w.Result().Header.Get("Location") == "" {
		t.Errorf("a CDR of another: HTTP %d with %d %q", w.Code, got.StatusCode, got.StatusMessage)
	}
	// One that is with nobody pushes to us alone.
	if _, got, r = e.send(t, e.cpo, "PUT /emsp/2.1.1/sessions/GB/DUN/S1", thing{"sessions", "GB/DUN", "NL/EXW", "S1"}.in(ocpi.V211), "", ""); r != nil || got.StatusCode != 1000 {
		t.Errorf("%d %q, sent %+v", got.StatusCode, got.StatusMessage, r)
	}
}

// What whom it is for says is what its sender is told; where that cannot be read, or is
// not about the sender, our code. It is stored in any case, once.
func TestWhatComesOfAPush(t *testing.T) {
	for name, c := range map[string]struct {
		answer     func(partner.Request) (*partner.Answer, error)
		http, code int
		data       string
	}{
		"made":         {func(partner.Request) (*partner.Answer, error) { return &partner.Answer{HTTP: 201, Status: 1000}, nil }, 201, 1000, ""},
		"changed":      {says(""), 200, 1000, ""},
		"a code of it": {says(`{"x":1}`), 200, 1000, `{"x":1}`},
		"no":           {refuses(200, 2001, `["why"]`), 200, 2001, `["why"]`},
		"no by HTTP":   {refuses(404, 2003, ""), 404, 2003, ""},
		"not allowed":  {refuses(405, 2000, ""), 405, 2000, ""},
		"its fault":    {refuses(200, 3000, ""), 200, 3000, ""},
		"its hub's":    {refuses(200, 4002, ""), 200, 4002, ""},
		"no JSON":      {refuses(200, 2001, `{NaN}`), 200, 2001, ""},
		"401":          {refuses(401, 2000, ""), 200, 4003, ""},
		"403":          {refuses(403, 2001, ""), 200, 4003, ""},
		"500":          {refuses(500, 2001, ""), 200, 4000, ""},
		"502":          {refuses(502, 0, ""), 200, 4000, ""},
		"HTML":         {refuses(200, 0, ""), 200, 4000, ""},
		"404 in HTML":  {refuses(404, 0, ""), 200, 4000, ""},
		"late":         {breaks(context.DeadlineExceeded), 200, 4002, ""},
		"no room": {func(partner.Request) (*partner.Answer, error) {
			return nil, &partner.Error{HTTP: 200, Err: api.ErrBusy}
		}, 200, 4003, ""},
		"away": {breaks(errors.New("connection refused")), 200, 4003, ""},
	} {
		t.Run(name, func(t *testing.T) {
			e := newExchange(t, ocpi.V221, ocpi.V221)
			e.post.answer = c.answer
			body := thing{"cdrs", "GB/DUN", "NL/EXW", "C1"}.in(ocpi.V221)
			w, got := e.ask(t, e.cpo, "POST", "/2.2.1/receiver/cdrs", body, "OCPI-to-country-code", "NL", "OCPI-to-party-id", "EXW", "X-Request-ID", "r-1")
			if w.Code != c.http || got.StatusCode != c.code || string(got.Data) != c.data || w.Result().Header.Get("X-Request-Id") != "r-1" || w.Result().Header.Get(api.HeaderReceipt) == "" {
				t.Errorf("HTTP %d with %d %q %s %v; want %d with %d %s", w.Code, got.StatusCode, got.StatusMessage, got.Data, w.Result().Header, c.http, c.code, c.data)
			}
			if w, got = e.ask(t, e.cpo, "GET", "/2.2.1/receiver/cdrs/GB/DUN/C1", "", "OCPI-to-country-code", "NL", "OCPI-to-party-id", "EXW"); string(got.Data) != body {
				t.Errorf("it is stored as HTTP %d %s", w.Code, got.Data)
			}
			refused := c.code/1000 == 2 || c.code == 3000 || name == "its hub's"
			state, ok, err := e.follower.Get(t.Context(), ingest.Target{Object: ingest.ObjectDelivery, Key: ocpi.NewKey("GB", "DUN", "C1")})
			if err != nil || ok != refused {
				t.Fatalf("a delivery is noted: %t, %v", ok, err)
			}
			found := e.tally.With("gb-dun-cpo", nil)
			counted := false
			for _, f := range found {
				counted = counted || f.Code == "refused_by_recipient"
			}
			if counted != refused {
				t.Errorf("found %+v", found)
			}
			if !refused {
				return
			}
			if d, err := ingest.ReadDelivery(&state); err != nil || d.Status != c.code || d.Recipient != "NL*EXW" || !d.Refused() {
				t.Errorf("%+v, %v", d, err)
			}
			e.post.answer = says("") // the CPO has mended it
			if _, got = e.ask(t, e.cpo, "POST", "/2.2.1/receiver/cdrs", body, "OCPI-to-country-code", "NL", "OCPI-to-party-id", "EXW"); got.StatusCode != 1000 {
				t.Errorf("sent again: %d", got.StatusCode)
			}
			if err := e.follower.CatchUp(t.Context(), ingest.TopicSessions); err != nil {
				t.Fatal(err)
			}
			if state, _, err = e.follower.Get(t.Context(), ingest.Target{Object: ingest.ObjectDelivery, Key: ocpi.NewKey("GB", "DUN", "C1")}); err != nil {
				t.Fatal(err)
			}
			if d, err := ingest.ReadDelivery(&state); err != nil || d.Refused() {
				t.Errorf("taken: %+v, %v", d, err)
			}
		})
	}
}

// A charge is sent to nobody but who pays for it, whatever its CPO says, and nothing to
// who may not see it; who cannot be reached is told from who is nobody. It is stored.
func TestWhatIsNotSentOn(t *testing.T) {
	e := newExchange(t, ocpi.V221, ocpi.V221)
	e.register(t, ocpi.V221, "SCSP NL SMA")
	scsp := func() (int, bool) {
		_, got, r := e.send(t, e.cpo, "PUT /2.2.1/receiver/sessions/GB/DUN/S9", thing{"sessions", "GB/DUN", "NL/EXW", "S9"}.in(ocpi.V221), "GB/DUN", "NL/SMA")
		return got.StatusCode, r != nil
	}
	if code, sent := scsp(); code != 4001 || sent {
		t.Errorf("an SCSP without a grant: %d, sent %t", code, sent)
	}
	if err := e.partners.AddGrant(t.Context(), "", control.Grant{CPO: ocpi.NewParty("GB", "DUN"), SCSP: ocpi.NewParty("NL", "SMA")}); err != nil {
		t.Fatal(err)
	}
	if code, sent := scsp(); code != 1000 || !sent {
		t.Errorf("an SCSP with a grant: %d, sent %t", code, sent)
	}
	for name, c := range map[string]struct {
		call, kind, other, to string
		code                  int
	}{
		"a Session of another eMSP":       {"PUT /2.2.1/receiver/sessions/GB/DUN/S1", "sessions", "DE/TNM", "NL/EXW", 2001},
		"a CDR of another eMSP":           {"POST /2.2.1/receiver/cdrs", "cdrs", "DE/TNM", "NL/EXW", 2001},
		"a Session for who has no access": {"PUT /2.2.1/receiver/sessions/GB/DUN/S2", "sessions", "DE/BOT", "DE/BOT", 4003},
		"a Location for who has none":     {"PUT /2.2.1/receiver/locations/GB/DUN/L1", "locations", "", "DE/BOT", 4003},
		"a Location for a CPO":            {"PUT /2.2.1/receiver/locations/GB/DUN/L1", "locations", "", "FR/BEL", 4003},
		"a Location for nobody":           {"PUT /2.2.1/receiver/locations/GB/DUN/L1", "locations", "", "US/BOU", 4001},
	} {
		id := c.call[strings.LastIndexByte(c.call, '/')+1:]
		header, got, r := e.send(t, e.cpo, c.call, thing{c.kind, "GB/DUN", c.other, id}.in(ocpi.V221), "GB/DUN", c.to)
		if got.StatusCode != c.code || r != nil || (header.Get(api.HeaderReceipt) == "") != (c.code == 4001) {
			t.Errorf("%s: %d %q, receipt %q, sent %+v; want %d", name, got.StatusCode, got.StatusMessage, header.Get(api.HeaderReceipt), r, c.code)
		}
	}
	// An older push, and a part of one, is judged by what it says itself.
	own := thing{"sessions", "GB/DUN", "NL/EXW", "S3"}.in(ocpi.V221)
	older := strings.Replace(thing{"sessions", "GB/DUN", "DE/TNM", "S3"}.in(ocpi.V221), "2019-01-05T12:00:00Z", "2018-01-05T12:00:00Z", 1)
	part := `{"cdr_token":{"country_code":"DE","party_id":"TNM","uid":"X1","type":"RFID","contract_id":"DE-TNM-C00000001"},"last_updated":"2018-01-05T12:00:00Z"}`
	for _, c := range []struct {
		method, body string
		code         int
	}{{"PUT", own, 1000}, {"PUT", older, 2001}, {"PATCH", part, 2001}, {"PATCH", `{"kwh":11,"last_updated":"2019-01-06T12:00:00Z"}`, 1000}} {
		if _, got, r := e.send(t, e.cpo, c.method+" /2.2.1/receiver/sessions/GB/DUN/S3", c.body, "GB/DUN", "NL/EXW"); got.StatusCode != c.code || (r != nil) != (c.code == 1000) {
			t.Errorf("%s %s: %d %q, sent %+v", c.method, c.body, got.StatusCode, got.StatusMessage, r)
		}
	}
	// Half an eMSP is none, as everywhere: its CPO says who pays.
	half := strings.Replace(thing{"sessions", "GB/DUN", "NL/EXW", "S4"}.in(ocpi.V221), `"party_id":"EXW",`, "", 1)
	if _, got, r := e.send(t, e.cpo, "PUT /2.2.1/receiver/sessions/GB/DUN/S4", half, "GB/DUN", "NL/EXW"); got.StatusCode != 1000 || r == nil {
		t.Errorf("with half an eMSP: %d %q, sent %+v", got.StatusCode, got.StatusMessage, r)
	}
	// A Tariff is for whom OCPI-to names, here too, whether or not that one is reached.
	if _, got, r := e.send(t, e.cpo, "PUT /2.2.1/receiver/tariffs/GB/DUN/T1", thing{"tariffs", "GB/DUN", "DE/BOT", "T1"}.in(ocpi.V221), "GB/DUN", "DE/BOT"); got.StatusCode != 1000 || r != nil {
		t.Errorf("a Tariff for one: %d %q, sent %+v", got.StatusCode, got.StatusMessage, r)
	}
}

// What cannot be said in the receiver's version is stored and not sent.
func TestWhatCannotBeSaidIsNotSent(t *testing.T) {
	e := newExchange(t, ocpi.V230, ocpi.V211)
	body := strings.Replace(thing{"tariffs", "GB/DUN", "NL/EXW", "T1"}.in(ocpi.V230), `"currency":"EUR"`, `"currency":"EUR","start_date_time":"2030-01-01T00:00:00Z"`, 1)
	header, got, r := e.send(t, e.cpo, "PUT /2.3.0/receiver/tariffs/GB/DUN/T1", body, "GB/DUN", "NL/EXW")
	if got.StatusCode != 2001 || r != nil || header.Get(api.HeaderReceipt) == "" || !strings.Contains(got.StatusMessage, "stored here") {
		t.Errorf("%d %q, sent %+v", got.StatusCode, got.StatusMessage, r)
	}
}

// The whole that a change in part comes to in another version goes to who pays for the
// whole, whatever the change says.
func TestAWholeIsSentToWhoPaysForIt(t *testing.T) {
	e := newExchange(t, ocpi.V221, ocpi.V230)
	if _, got, r := e.send(t, e.cpo, "PUT /2.2.1/receiver/sessions/GB/DUN/S1", thing{"sessions", "GB/DUN", "DE/TNM", "S1"}.in(ocpi.V221), "GB/DUN", "DE/TNM"); got.StatusCode != 1000 || r == nil {
		t.Fatalf("%d %q, sent %+v", got.StatusCode, got.StatusMessage, r)
	}
	part := `{"cdr_token":{"country_code":"NL","party_id":"EXW","uid":"X1","type":"RFID","contract_id":"NL-EXW-C00000001"},"last_updated":"DATE"}`
	for _, c := range []struct {
		date string
		code int
	}{{"2018-01-05T12:00:00Z", 2001}, {"2019-01-06T12:00:00Z", 1000}} {
		if _, got, r := e.send(t, e.cpo, "PATCH /2.2.1/receiver/sessions/GB/DUN/S1", strings.Replace(part, "DATE", c.date, 1), "GB/DUN", "NL/EXW"); got.StatusCode != c.code || (r != nil) != (c.code == 1000) {
			t.Errorf("of %s: %d %q, sent %+v", c.date, got.StatusCode, got.StatusMessage, r)
		}
	}
}

// What a recipient says of a copy that does not count is no note of the CDR that does.
func TestACopyIsNotNoted(t *testing.T) {
	e := newExchange(t, ocpi.V221, ocpi.V221)
	body := thing{"cdrs", "GB/DUN", "NL/EXW", "C1"}.in(ocpi.V221)
	if _, got, r := e.send(t, e.cpo, "POST /2.2.1/receiver/cdrs", body, "GB/DUN", "NL/EXW"); got.StatusCode != 1000 || r == nil {
		t.Fatalf("%d %q, sent %+v", got.StatusCode, got.StatusMessage, r)
	}
	e.post.answer = refuses(200, 2001, "")
	header, got, r := e.send(t, e.cpo, "POST /2.2.1/receiver/cdrs", strings.Replace(body, `"total_energy":10`, `"total_energy":11`, 1), "GB/DUN", "NL/EXW")
	if got.StatusCode != 2001 || r == nil {
		t.Fatalf("the copy: %d %q %v, sent %+v", got.StatusCode, got.StatusMessage, header, r)
	}
	if _, noted, err := e.follower.Get(t.Context(), ingest.Target{Object: ingest.ObjectDelivery, Key: ocpi.NewKey("GB", "DUN", "C1")}); err != nil || noted {
		t.Errorf("noted: %t, %v", noted, err)
	}
}
