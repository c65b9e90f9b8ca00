package hub

import (
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/roamclear/roamclear/api/partner"
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ingest/control"
	"github.com/roamclear/roamclear/ocpi"
)

// estate is a whole hub that calls others too.
type estate struct {
	*whole
	t         *testing.T
	roles     []string // of its one partner, which the other estate reaches through it
	url       string
	registrar *partner.Registrar
	puller    *partner.Puller
}

func newEstate(t *testing.T, self string, token string, roles ...string) *estate {
	t.Helper()
	e := &estate{t: t, roles: roles}
	dialer := partner.NewDialer(partner.Policy{AllowPrivate: true})
	t.Cleanup(dialer.Close)
	party, _ := ocpi.ParseParty(self)
	e.whole = newWholeOf(t, map[string][]string{token: roles}, func(d *Deps) { d.Callback, d.Party, d.Name = dialer, party, "hub "+self })
	server := httptest.NewServer(e.engine)
	t.Cleanup(server.Close)
	e.url = server.URL + Prefix + "/versions"
	logger := slog.New(slog.DiscardHandler)
	e.registrar = &partner.Registrar{Dialer: dialer, Partners: e.partners, Sealer: e.sealer, Self: control.Self{Party: party, Name: "hub " + self}, Versions: e.url, Logger: logger}
	now, _ := time.Parse(time.RFC3339, instant)
	e.puller = &partner.Puller{
		Dialer: dialer, Partners: e.partners, Secrets: e.sealer, Intake: e.intake, Objects: e.follower, FirstCDR: e.intake.First,
		Limits: ingest.DefaultLimits, Hub: party, Logger: logger, Now: func() time.Time { return now },
	}
	return e
}

// joins has the estate register with another one, which invites it: each is to the
// other what its own partner is.
func (e *estate) joins(host *estate, v ocpi.Version) {
	e.t.Helper()
	_, tokenA, err := host.partners.Invite(e.t.Context(), "", control.NewInvitation{Name: "another hub", Roles: rolesOf(e.roles...)})
	if err != nil {
		e.t.Fatal(err)
	}
	if _, err := e.registrar.Connect(e.t.Context(), partner.Invited{URL: host.url, Token: tokenA, Version: v, Roles: rolesOf(host.roles...)}); err != nil {
		e.t.Fatal(err)
	}
}

// other is the other estate, as this one has it registered.
func (e *estate) other() *control.Partner {
	e.t.Helper()
	for _, p := range e.partners.All() {
		if p.Peer != nil {
			return p
		}
	}
	e.t.Fatal("the other is not registered")
	return nil
}

// pulls reads all lists of the other estate.
func (e *estate) pulls(want ...partner.PulledModule) {
	e.t.Helper()
	other := e.other()
	if err := e.puller.Start(e.t.Context(), other); err != nil {
		e.t.Fatal(err)
	}
	var job partner.Job
	until(e.t, "the pull is done", func() bool {
		job, _ = e.puller.Job(other.ID)
		return job.Done
	})
	if diff := cmp.Diff(want, job.Modules); diff != "" || job.Error != "" {
		e.t.Errorf("%s %s", job.Error, diff)
	}
}

// calls sends a request to a module of the other estate, as its endpoints say, with
// the token that it has given.
func (e *estate) calls(method, module string, role ocpi.InterfaceRole, path, body string, headers ...string) (int, envelope) {
	e.t.Helper()
	other := e.other()
	at, ok := other.Peer.Endpoint(module, role)
	if !ok {
		e.t.Fatalf("the other offers no %s %s", module, role)
	}
	r, err := http.NewRequestWithContext(e.t.Context(), method, at+path, strings.NewReader(body))
	if err != nil {
		e.t.Fatal(err)
	}
	token, err := e.sealer.Open(other.Peer.Token)
	if err != nil {
		e.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Token "+token)
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		e.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		e.t.Fatal(err)
	}
	var got envelope
	if err := json.Unmarshal(text, &got); err != nil {
		e.t.Fatalf("%s %s: HTTP %d: %v", method, at+path, resp.StatusCode, err)
	}
	return resp.StatusCode, got
}

// done is calls of what must be done; it returns what came.
func (e *estate) done(method, module string, role ocpi.InterfaceRole, path, body string, headers ...string) string {
	e.t.Helper()
	status, got := e.calls(method, module, role, path, body, headers...)
	if status >= http.StatusBadRequest || got.StatusCode != 1000 {
		e.t.Errorf("%s %s%s: HTTP %d with %d %q", method, module, path, status, got.StatusCode, got.StatusMessage)
	}
	return string(got.Data)
}

// Two installations, one of an eMSP, one of a CPO, with each other in each version,
// whichever registers: what their partners have is pulled from one to the other and
// stands on the lists there, each module takes what is pushed to it, and all of it goes
// on when tokens were exchanged.
func TestTwoHubsExchangeEverything(t *testing.T) {
	for _, v := range versions {
		for _, joins := range []string{"that of the eMSP", "that of the CPO"} {
			t.Run(v.String()+", "+joins+" registers", func(t *testing.T) {
				east, west := newEstate(t, "NL/ONE", exwToken, "EMSP NL EXW"), newEstate(t, "DE/TWO", dundeeToken, "CPO GB DUN")
				pulled := []thing{{"locations", "GB/DUN", "", "X1"}, {"tariffs", "GB/DUN", "", "X1"}, {"sessions", "GB/DUN", "NL/EXW", "X1"}, {"cdrs", "GB/DUN", "NL/EXW", "X1"}}
				card := thing{"tokens", "NL/EXW", "", "X1"}
				west.furnish(t, pulled...)
				east.furnish(t, card)
				if joins == "that of the CPO" {
					west.joins(east, v)
				} else {
					east.joins(west, v)
				}
				module := func(name string, fresh int) partner.PulledModule {
					return partner.PulledModule{Module: name, Read: 1, New: fresh, NeverPushed: fresh}
				}
				for _, fresh := range []int{1, 0} {
					east.pulls(module("locations", fresh), module("tariffs", fresh), module("sessions", fresh), module("cdrs", fresh))
					west.pulls(module("tokens", fresh))
				}
				for _, g := range pulled {
					if v != ocpi.V211 || g.other == "" { // where Sessions and CDRs name no party
						east.lists(exwToken, v, g)
					}
				}
				west.lists(dundeeToken, v, card)
				east.takes(west, v)
				for _, side := range []*estate{east, west} {
					if _, err := side.registrar.Rotate(t.Context(), side.other(), "", true); err != nil {
						t.Errorf("exchange tokens: %v", err)
					}
				}
				west.pulls(module("tokens", 0))
				if err := east.registrar.Unregister(t.Context(), east.other()); err != nil {
					t.Errorf("part: %v", err)
				}
			})
		}
	}
}

// lists looks for what was pulled on a list of the estate's own partner.
func (e *estate) lists(token string, v ocpi.Version, g thing) {
	e.t.Helper()
	who := caller{token: token}
	a := who.asks(e.whole, http.MethodGet, "/ocpi/2.2.1/sender/"+g.kind+"?date_from=2018-01-01T00:00:00Z", "")
	if !strings.Contains(a.Body, g.secret()) || v == ocpi.V221 && !strings.Contains(a.Body, g.in(v)) {
		e.t.Errorf("%s: HTTP %d %s", g.secret(), a.Status, a.Body)
	}
}

// takes pushes to each module of either side, reads it back, and asks for what else
// there is.
func (e *estate) takes(west *estate, v ocpi.Version) {
	const in, out = ocpi.RoleReceiver, ocpi.RoleSender
	for _, kind := range []string{"locations", "tariffs", "sessions"} {
		g := thing{kind, "GB/DUN", "NL/EXW", "X7"}
		west.done(http.MethodPut, kind, in, "/GB/DUN/X7", g.in(v))
		if got := west.done(http.MethodGet, kind, in, "/GB/DUN/X7", ""); got != g.in(v) {
			e.t.Errorf("%s is read back as %s", kind, got)
		}
	}
	const later = `"last_updated":"2019-01-06T00:00:00Z"}`
	west.done(http.MethodPatch, "sessions", in, "/GB/DUN/X7", `{"kwh":11,`+later)
	west.done(http.MethodPatch, "locations", in, "/GB/DUN/X7/E1", `{"status":"BLOCKED",`+later)
	west.done(http.MethodGet, "locations", in, "/GB/DUN/X7/E1/1", "")
	west.done(http.MethodDelete, "tariffs", in, "/GB/DUN/X7", "")
	west.done(http.MethodPost, "cdrs", in, "", thing{"cdrs", "GB/DUN", "NL/EXW", "X7"}.in(v))
	if got := west.done(http.MethodGet, "cdrs", in, "/GB/DUN/X7", ""); got != (thing{"cdrs", "GB/DUN", "NL/EXW", "X7"}).in(v) {
		e.t.Errorf("a CDR is read back as %s", got)
	}
	e.done(http.MethodPut, "tokens", in, "/NL/EXW/X7", thing{"tokens", "NL/EXW", "", "X7"}.in(v))
	e.done(http.MethodPatch, "tokens", in, "/NL/EXW/X7", `{"valid":false,`+later)
	e.done(http.MethodGet, "locations", out, "/X1", "")
	e.done(http.MethodGet, "cdrs", out, "", "")
	for _, side := range []*estate{e, west} {
		side.done(http.MethodGet, "credentials", out, "", "")
		if v == ocpi.V211 {
			continue
		}
		side.done(http.MethodGet, "cdrs", out, "", "")
		if got := side.done(http.MethodGet, "hubclientinfo", out, "", ""); !strings.Contains(got, `"CONNECTED"`) {
			e.t.Errorf("who is there: %s", got)
		}
	}
	if v == ocpi.V230 {
		west.done(http.MethodPost, "invoicereconciliation", in, "", thing{"invoicereconciliation", "GB/DUN", "NL/EXW", "I1"}.in(v))
		e.done(http.MethodPost, "invoicereconciliation", in, "", thing{"invoicereconciliation", "NL/EXW", "GB/DUN", "I2"}.in(v))
		west.done(http.MethodGet, "invoicereconciliation", in, "/GB/DUN/I1", "")
		if got := west.done(http.MethodGet, "invoicereconciliation", out, "", ""); !strings.Contains(got, `"I1"`) {
			e.t.Errorf("invoices: %s", got)
		}
	}
}
