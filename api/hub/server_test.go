package hub

import (
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/roamclear/roamclear/api"
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ingest/control"
	"github.com/roamclear/roamclear/ingest/control/controltest"
	"github.com/roamclear/roamclear/ingest/ingesttest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement"
)

// push is what an Intake was asked for.
type push struct {
	Method string
	From   ingest.Sender
	Target ingest.Target
	Body   string
}

// kept is a body that was refused before the Intake looked at it.
type kept struct {
	push
	Reason string
}

// backend fakes everything behind the Server.
type backend struct {
	pushes  []push
	kept    []kept
	receipt ingest.Receipt
	err     error // of every push
	panics  bool

	objects map[ingest.Target]string // without ID
	every   string                   // what any other object is; "" = there is none
	version ocpi.Version
	readErr error

	cdr     func(ctx context.Context, key ocpi.Key) ([]byte, ocpi.Version, error)
	lists   []settlement.OCPIQuery
	of      []settlement.ObjectQuery
	page    settlement.OCPIPage
	awaited []ingest.Object
	strict  bool                 // the last of them
	owned   []ingest.ObjectState // of Find
}

func (b *backend) push(method string, from ingest.Sender, t ingest.Target, body []byte) (ingest.Receipt, error) {
	if b.panics {
		panic("intake is broken")
	}
	b.pushes = append(b.pushes, push{method, from, t, string(body)})
	return b.receipt, b.err
}

func (b *backend) CDR(_ context.Context, from ingest.Sender, _ ocpi.Version, body []byte) (ingest.Receipt, error) {
	return b.push("POST", from, ingest.Target{}, body)
}

func (b *backend) Put(_ context.Context, from ingest.Sender, _ ocpi.Version, t ingest.Target, body []byte) (ingest.Receipt, error) {
	return b.push("PUT", from, t, body)
}

func (b *backend) Patch(_ context.Context, from ingest.Sender, _ ocpi.Version, t ingest.Target, body []byte) (ingest.Receipt, error) {
	return b.push("PATCH", from, t, body)
}

func (b *backend) Delete(_ context.Context, from ingest.Sender, _ ocpi.Version, t ingest.Target) (ingest.Receipt, error) {
	return b.push("DELETE", from, t, nil)
}

func (b *backend) Refuse(_ context.Context, from ingest.Sender, _ ocpi.Version, m ingest.Method, t ingest.Target, body []byte, reason error) error {
	b.kept = append(b.kept, kept{push{m.String(), from, t, string(body)}, reason.Error()})
	return reason
}

func (b *backend) Get(_ context.Context, t ingest.Target) (s ingest.ObjectState, ok bool, err error) {
	t.ID = ""
	body, ok := b.objects[t]
	if !ok && b.every != "" {
		body, ok = b.every, true
	}
	return ingest.ObjectState{Version: b.version, Body: []byte(body)}, ok, b.readErr
}

func (b *backend) OCPICDRs(_ context.Context, q settlement.OCPIQuery) (settlement.OCPIPage, error) {
	b.lists = append(b.lists, q)
	return b.page, b.readErr
}

func (b *backend) OCPIObjects(_ context.Context, q settlement.ObjectQuery) (settlement.OCPIPage, error) {
	b.of = append(b.of, q)
	return b.page, b.readErr
}

func (b *backend) Await(_ context.Context, o ingest.Object, strict bool) error {
	b.strict = strict
	b.awaited = append(b.awaited, o)
	return nil
}

func (b *backend) Find(_ context.Context, ids []ingest.Identity) (found []ingest.ObjectState, err error) {
	if b.every != "" {
		return []ingest.ObjectState{{Object: ids[0].Object, Key: ids[0].Key, Version: b.version, Body: []byte(b.every), With: ocpi.NewParty("NL", "EXW")}}, b.readErr
	}
	for _, s := range b.owned {
		if slices.Contains(ids, s.Identity()) {
			found = append(found, s)
		}
	}
	return found, b.readErr
}

// cdrs adapts backend.cdr, whose name CDR is taken.
type cdrs struct{ b *backend }

func (c cdrs) CDR(ctx context.Context, key ocpi.Key) ([]byte, ocpi.Version, error) {
	return c.b.cdr(ctx, key)
}

func (c cdrs) First(ctx context.Context, key ocpi.Key) ([]byte, ocpi.Version, error) {
	if c.b.cdr == nil {
		return nil, 0, settlement.ErrNotFound
	}
	return c.b.cdr(ctx, key)
}

const (
	dundeeToken = "dundee-token" // CPO GB*DUN and GB*PKC
	exwToken    = "exw-token"    // eMSP NL*EXW
	nspToken    = "nsp-token"    // NSP DE*NSP: owns nothing
	napToken    = "nap-token"    // NAP FR*NAP: owns Locations and Tariffs
	bothToken   = "both-token"   // CPO and eMSP DE*BOT
	instant     = "2019-01-31T12:00:00Z"
)

// partners runs a control log with some partners.
func partners(t testing.TB) *control.Partners {
	t.Helper()
	m, err := control.Open(t.Context(), ingesttest.NewLog(1), control.Options{})
	if err != nil {
		t.Fatal(err)
	}
	p := control.NewPartners(m)
	controltest.Run(t, m)
	for _, n := range []control.NewPartner{
		{Name: "Dundee", Token: dundeeToken, Roles: []control.Role{control.NewRole("CPO", "GB", "DUN"), control.NewRole("CPO", "GB", "PKC")}},
		{Name: "EXW", Token: exwToken, Roles: []control.Role{control.NewRole("EMSP", "NL", "EXW")}},
		{Name: "NSP", Token: nspToken, Roles: []control.Role{control.NewRole("NSP", "DE", "NSP")}},
		{Name: "NAP", Token: napToken, Roles: []control.Role{control.NewRole("NAP", "FR", "NAP")}},
		{Name: "Both", Token: bothToken, Roles: []control.Role{control.NewRole("CPO", "DE", "BOT"), control.NewRole("EMSP", "DE", "BOT")}},
	} {
		if _, _, err := p.Add(t.Context(), "", n); err != nil {
			t.Fatal(err)
		}
	}
	return p
}

// serve returns a handler over b; change may alter what the Server works with.
func serve(t testing.TB, b *backend, change func(*Deps)) http.Handler {
	t.Helper()
	h, _ := serveWith(t, b, change)
	return h
}

// serveWith is serve that also returns the Server.
func serveWith(t testing.TB, b *backend, change func(*Deps)) (http.Handler, *Server) {
	t.Helper()
	if b.version == 0 {
		b.version = ocpi.V221
	}
	now, err := time.Parse(time.RFC3339, instant)
	if err != nil {
		t.Fatal(err)
	}
	d := Deps{
		Intake: b, Objects: b, CDRs: cdrs{b}, Lists: b,
		Metrics: api.NewMetrics(prometheus.NewRegistry()), Logger: slog.New(slog.DiscardHandler),
		Limits: ingest.Limits{CDR: 1000, Session: 1000, Location: 1000, Other: 1000}, Now: func() time.Time { return now },
	}
	if change != nil {
		change(&d)
	}
	if d.Partners == nil {
		d.Partners = partners(t)
	}
	s := New(d)
	e := api.NewEngine(d.Logger, s.Fallback())
	s.Mount(e)
	api.ServeHead(e)
	return e, s
}

// envelope is OCPI's response format.
type envelope struct {
	Data          json.RawMessage `json:"data"`
	StatusCode    int             `json:"status_code"`
	StatusMessage string          `json:"status_message"`
	Timestamp     string          `json:"timestamp"`
}

// request sends one request and checks that the answer has OCPI's form.
func request(t *testing.T, h http.Handler, method, path, token, body string, headers ...string) (*http.Response, envelope) {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(body))
	r.Host = "roam.example"
	if token != "" {
		r.Header.Set("Authorization", "Token "+token)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	resp := w.Result()
	var e envelope
	if err := json.Unmarshal(w.Body.Bytes(), &e); err != nil {
		t.Fatalf("%s %s: HTTP %d without an envelope: %q", method, path, resp.StatusCode, w.Body)
	}
	if got := resp.Header.Get("Content-Type"); got != "application/json" {
		t.Errorf("%s %s: content type %q", method, path, got)
	}
	if e.Timestamp != instant {
		t.Errorf("%s %s: timestamp %q", method, path, e.Timestamp)
	}
	return resp, e
}

// A body compressed by gzip is taken as what it is unpacked; of one that is compressed in
// another way, which would be kept as bytes that are no JSON, its sender hears what to change.
func TestCompressedPushes(t *testing.T) {
	for path, token := range map[string]string{"POST /cdrs": dundeeToken, "PUT /sessions/GB/DUN/S1": dundeeToken, "PATCH /tokens/NL/EXW/T1": exwToken} {
		b := &backend{}
		method, path, _ := strings.Cut(path, " ")
		var packed strings.Builder
		w := gzip.NewWriter(&packed)
		_, _ = w.Write([]byte(`{"id":"S1"}`))
		_ = w.Close()
		resp, e := request(t, serve(t, b, nil), method, "/ocpi/2.2.1/receiver"+path, token, packed.String(), "Content-Encoding", "gzip")
		if e.StatusCode != 1000 || len(b.pushes) != 1 || b.pushes[0].Body != `{"id":"S1"}` {
			t.Errorf("%s %s: HTTP %d with %d %q, %d pushes", method, path, resp.StatusCode, e.StatusCode, e.StatusMessage, len(b.pushes))
		}
		b = &backend{}
		resp, e = request(t, serve(t, b, nil), method, "/ocpi/2.2.1/receiver"+path, token, "{}", "Content-Encoding", "br")
		if resp.StatusCode != http.StatusUnsupportedMediaType || resp.Header.Get("Accept-Encoding") != "gzip" || e.StatusCode != 2001 || !strings.Contains(e.StatusMessage, "gzip") || len(b.pushes) != 0 {
			t.Errorf("%s %s: HTTP %d with %d %q, %d pushes", method, path, resp.StatusCode, e.StatusCode, e.StatusMessage, len(b.pushes))
		}
	}
}

func TestInvalidFieldsAreListed(t *testing.T) {
	b := &backend{err: fmt.Errorf("wrapped: %w", &ocpi.Invalid{Fields: []ocpi.FieldError{{Path: "id", Reason: "missing"}, {Path: "currency", Reason: `"£": want three letters`}}})}
	_, e := request(t, serve(t, b, nil), "POST", "/ocpi/2.2.1/receiver/cdrs", dundeeToken, "{}")
	if want := `id: missing; currency: "£": want three letters`; e.StatusMessage != want {
		t.Errorf("message %q, want %q", e.StatusMessage, want)
	}
	if want := `[{"path":"id","reason":"missing"},{"path":"currency","reason":"\"£\": want three letters"}]`; string(e.Data) != want {
		t.Errorf("data %s, want %s", e.Data, want)
	}
}

func TestPanicIsAnswered(t *testing.T) {
	resp, e := request(t, serve(t, &backend{panics: true}, nil), "POST", "/ocpi/2.2.1/receiver/cdrs", dundeeToken, "{}")
	if resp.StatusCode != 200 || e.StatusCode != 3000 || e.StatusMessage != "internal error" {
		t.Errorf("got HTTP %d with %d %q", resp.StatusCode, e.StatusCode, e.StatusMessage)
	}
}

func TestMessageIDsAndRouting(t *testing.T) {
	h := serve(t, &backend{}, nil)
	resp, _ := request(t, h, "PUT", "/ocpi/2.2.1/receiver/sessions/GB/DUN/S1", dundeeToken, "{}",
		"X-Request-ID", "req", "X-Correlation-ID", "cor",
		"OCPI-from-country-code", "gb", "OCPI-from-party-id", "DUN", "OCPI-to-country-code", "NL", "OCPI-to-party-id", "EXW")
	got := map[string]string{}
	for _, name := range []string{"X-Request-ID", "X-Correlation-ID", "OCPI-from-country-code", "OCPI-from-party-id", "OCPI-to-country-code", "OCPI-to-party-id"} {
		got[name] = resp.Header.Get(name)
	}
	want := map[string]string{
		"X-Request-ID": "req", "X-Correlation-ID": "cor",
		"OCPI-from-country-code": "NL", "OCPI-from-party-id": "EXW", "OCPI-to-country-code": "gb", "OCPI-to-party-id": "DUN",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}

	resp, _ = request(t, h, "GET", "/ocpi/versions", dundeeToken, "", "OCPI-from-country-code", "US", "OCPI-from-party-id", "BOU")
	if resp.StatusCode != 200 || resp.Header.Get("OCPI-to-party-id") != "" {
		t.Error("version information is not routed")
	}
	first, second := resp.Header.Get("X-Request-ID"), ""
	resp, _ = request(t, h, "GET", "/ocpi/versions", dundeeToken, "")
	if second = resp.Header.Get("X-Request-ID"); len(first) != 36 || first == second {
		t.Errorf("made-up request ids %q and %q", first, second)
	}
}

type notReady struct{ Partners }

func (notReady) Ready() error { return control.ErrNotReady }

func TestShedding(t *testing.T) {
	resp, _ := request(t, serve(t, &backend{}, func(d *Deps) { d.Partners = notReady{} }), "GET", "/ocpi/versions", dundeeToken, "")
	if resp.StatusCode != 503 || resp.Header.Get("Retry-After") == "" {
		t.Errorf("before the control log is folded: HTTP %d", resp.StatusCode)
	}

	// One request fills the server: it waits in the intake.
	entered, leave := make(chan struct{}), make(chan struct{})
	h := serve(t, &backend{cdr: func(context.Context, ocpi.Key) ([]byte, ocpi.Version, error) {
		close(entered)
		<-leave
		return []byte("{}"), ocpi.V221, nil
	}}, func(d *Deps) { d.InFlight = 1 })
	done := make(chan struct{})
	go func() {
		defer close(done)
		r := httptest.NewRequestWithContext(t.Context(), "GET", "/ocpi/2.2.1/receiver/cdrs/GB/DUN/1", nil)
		r.Header.Set("Authorization", "Token "+dundeeToken)
		h.ServeHTTP(httptest.NewRecorder(), r)
	}()
	<-entered
	resp, e := request(t, h, "GET", "/ocpi/versions", dundeeToken, "")
	if resp.StatusCode != 503 || e.StatusCode != 3000 || resp.Header.Get("Retry-After") == "" {
		t.Errorf("full server: HTTP %d with %d", resp.StatusCode, e.StatusCode)
	}
	close(leave)
	<-done
	if resp, _ := request(t, h, "GET", "/ocpi/versions", dundeeToken, ""); resp.StatusCode != 200 {
		t.Errorf("after it emptied: HTTP %d", resp.StatusCode)
	}
}
