package partner

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/roamclear/roamclear/api"
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ingest/control"
	"github.com/roamclear/roamclear/ingest/control/controltest"
	"github.com/roamclear/roamclear/ingest/ingesttest"
	"github.com/roamclear/roamclear/ocpi"
)

// intake takes what is pulled and remembers it, as the service does: what has
// "bad" in it is refused.
type intake struct {
	mu      sync.Mutex
	objects map[ingest.Identity]ingest.ObjectState
	cdrs    map[ocpi.Key][]byte
	refused []string // reasons
	taken   int
	away    int // so many answers that it is overloaded
}

func newIntake() *intake {
	return &intake{objects: map[ingest.Identity]ingest.ObjectState{}, cdrs: map[ocpi.Key][]byte{}}
}

func (i *intake) overloaded() bool {
	i.away--
	return i.away >= 0
}

func (i *intake) CDR(ctx context.Context, from ingest.Sender, v ocpi.Version, body []byte) (ingest.Receipt, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.overloaded() {
		return ingest.Receipt{}, ingest.ErrOverload
	}
	cdr, err := new(ocpi.Decoder).CDR(v, body)
	if err != nil {
		return ingest.Receipt{}, i.refuse(err)
	}
	key := cdr.Key(from.Parties[0])
	i.taken++
	if _, ok := i.cdrs[key]; !ok {
		i.cdrs[key] = bytes.Clone(body)
	}
	return ingest.Receipt{Key: key, Created: true}, nil
}

func (i *intake) Put(_ context.Context, from ingest.Sender, v ocpi.Version, t ingest.Target, body []byte) (ingest.Receipt, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.overloaded() {
		return ingest.Receipt{}, ingest.ErrOutcomeUnknown
	}
	if !from.Owns(t.Key.Party) {
		return ingest.Receipt{}, i.refuse(ingest.ErrUnknownObject)
	}
	if bytes.Contains(body, []byte("bad")) {
		return ingest.Receipt{}, i.refuse(&ocpi.Invalid{Fields: []ocpi.FieldError{{Path: "x", Reason: "bad"}}})
	}
	_, known := i.objects[t.Identity()]
	i.taken++
	i.objects[t.Identity()] = ingest.ObjectState{Object: t.Object, Key: t.Key, Variant: t.Variant, Version: v, Body: bytes.Clone(body)}
	return ingest.Receipt{Key: t.Key, Created: !known}, nil
}

func (i *intake) Refuse(_ context.Context, _ ingest.Sender, _ ocpi.Version, _ ingest.Method, _ ingest.Target, _ []byte, reason error) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.refuse(reason)
}

func (i *intake) refuse(reason error) error {
	i.refused = append(i.refused, reason.Error())
	return reason
}

func (i *intake) Peek(_ context.Context, t ingest.Target) (ingest.ObjectState, bool, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	s, ok := i.objects[t.Identity()]
	return s, ok, nil
}

func (i *intake) first(_ context.Context, key ocpi.Key) ([]byte, bool, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	raw, ok := i.cdrs[key]
	return raw, ok, nil
}

// clear is a secret that is none.
type clear struct{}

func (clear) Open(t control.SealedToken) (string, error) { return string(t), nil }

func testPuller(t *testing.T, i *intake) *Puller {
	return &Puller{
		Dialer: testDialer(t), Secrets: clear{}, Intake: i, Objects: i, FirstCDR: i.first,
		Limits: ingest.Limits{CDR: 4000, Session: 4000, Location: 4000, Other: 4000}, Hub: ocpi.NewParty("ZZ", "RCH"),
		Logger: slog.New(slog.DiscardHandler), Wait: func(ctx context.Context, _ time.Duration) bool { return ctx.Err() == nil },
	}
}

// registered is a partner with these lists at a server.
func registered(t *testing.T, v ocpi.Version, url string, modules ...string) *control.Partner {
	t.Helper()
	p := testPartner(t, control.NewRole("CPO", "NL", "TNM"))
	p.Peer = &control.Peer{Version: v, URL: url + "/versions", Token: secretToken, Encoding: control.EncodingBase64}
	for _, m := range modules {
		e := ocpi.Endpoint{Identifier: m, Role: ocpi.RoleSender, URL: url + "/" + m}
		if v == ocpi.V211 {
			e.Role = ""
		}
		p.Peer.Endpoints = append(p.Peer.Endpoints, e)
	}
	return p
}

// testPartner is a partner with roles.
func testPartner(t *testing.T, roles ...control.Role) *control.Partner {
	t.Helper()
	_, partners := testControl(t)
	added, _, err := partners.Add(t.Context(), "", control.NewPartner{Name: "a partner", Roles: roles})
	if err != nil {
		t.Fatal(err)
	}
	one := *added
	return &one
}

// testControl is a control log that nobody else writes.
func testControl(t *testing.T) (*control.Machine, *control.Partners) {
	t.Helper()
	m, err := control.Open(t.Context(), ingesttest.NewLog(1), control.Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	partners := control.NewPartners(m)
	controltest.Run(t, m)
	if err := m.WaitReady(t.Context()); err != nil {
		t.Fatal(err)
	}
	return m, partners
}

func everything(p *Puller, partner *control.Partner) (Pulled, error) {
	since := time.Date(2026, 8, 31, 0, 0, 0, 0, time.UTC)
	p.Partners = oneOf{partner}
	return p.pull(context.Background(), partner, wanted{windowed: true, whole: true, first: since}, nil)
}

// ok is an answer with a list.
func ok(items ...string) string {
	return `{"data":[` + strings.Join(items, ",") + `],"status_code":1000}`
}

func tariff(party, id string) string {
	return fmt.Sprintf(`{"country_code":"NL","party_id":%q,"id":%q,"currency":"EUR","last_updated":"2026-01-01T00:00:00Z"}`, party, id)
}

func TestEachObjectStandsForItself(t *testing.T) {
	s := newDesk(t, pages(map[string]string{
		"/tariffs": ok(`{"id":"T0","x":NaN}`, tariff("TNM", "T1"), tariff("tnm", "t2"), tariff("ZQX", "T3"), `{"id":"T4"}`, `5`, `null`, tariff("TNM", "bad"),
			strings.Replace(tariff("TNM", "T5"), `"EUR"`, `"`+strings.Repeat("x", 5000)+`"`, 1)),
		"/locations": ok(`{"country_code":"NL","party_id":"TNM","id":5,"last_updated":"2026-01-01T00:00:00Z"}`),
		"/sessions":  `{"status_code":2000,"status_message":"no sessions here"}`,
		"/cdrs":      ok(),
	}))
	i := newIntake()
	p := testPuller(t, i)
	partner := registered(t, ocpi.V221, s.URL, "locations", "tariffs", "sessions", "cdrs")
	got, err := everything(p, partner)
	if err != nil {
		t.Fatal(err)
	}
	want := Pulled{Partner: partner.ID, Pages: 3, Modules: []PulledModule{
		{Module: "locations", Read: 1, New: 1, NeverPushed: 1},
		{Module: "tariffs", Read: 9, New: 2, NeverPushed: 2, Refused: 7},
		{Module: "sessions", Error: `nl-tnm-cpo: GET /sessions: HTTP 200, OCPI 2000 "no sessions here"`},
		{Module: "cdrs"},
	}}
	if diff := cmp.Diff(want, got); diff != "" || got.Whole() {
		t.Error(diff)
	}
	for _, reason := range []string{"$: want an object", "body too large", "country_code: required", "unknown object", "x: bad"} {
		if !strings.Contains(strings.Join(i.refused, "\n"), reason) {
			t.Errorf("refused for %q, want %q among them", i.refused, reason)
		}
	}
	for _, line := range s.were() {
		if strings.Contains(line, "date_from") != (strings.Contains(line, "/sessions") || strings.Contains(line, "/cdrs")) {
			t.Errorf("asked %s", line)
		}
	}

	taken, refused := i.taken, len(i.refused)
	again, err := everything(p, partner)
	if err != nil {
		t.Fatal(err)
	}
	want.Modules[0].New, want.Modules[0].NeverPushed, want.Modules[1].New, want.Modules[1].NeverPushed = 0, 0, 0, 0
	if diff := cmp.Diff(want, again); diff != "" || i.taken != taken || len(i.refused) != refused {
		t.Errorf("the second pull took %d in and refused %d: %s", i.taken-taken, len(i.refused)-refused, diff)
	}
}

func TestWhatIsHereIsNotTakenInAgain(t *testing.T) {
	const was = `{"country_code":"NL","party_id":"TNM","id":"T1","currency":"EUR","last_updated":"2026-02-01T00:00:00Z"}`
	for name, c := range map[string]struct {
		item string
		want PulledModule
	}{
		"the same":            {was, PulledModule{}},
		"written another way": {`{ "last_updated":"2026-02-01T00:00:00Z","id":"T1", "currency":"EUR","country_code":"NL","party_id":"TNM"}`, PulledModule{}},
		"older":               {strings.Replace(was, "2026-02", "2026-01", 1), PulledModule{}},
		"newer":               {strings.Replace(was, "2026-02", "2026-03", 1), PulledModule{New: 1}},
		"another":             {strings.Replace(was, "T1", "T2", 1), PulledModule{New: 1, NeverPushed: 1}},
	} {
		i := newIntake()
		target := ingest.Target{Object: ingest.ObjectTariff, Key: ocpi.NewKey("NL", "TNM", "T1"), ID: "T1"}
		i.objects[target.Identity()] = ingest.ObjectState{Object: target.Object, Key: target.Key, Version: ocpi.V221, Body: []byte(was)}
		s := newDesk(t, pages(map[string]string{"/tariffs": ok(c.item)}))
		got, err := everything(testPuller(t, i), registered(t, ocpi.V221, s.URL, "tariffs"))
		c.want.Module, c.want.Read = "tariffs", 1
		if diff := cmp.Diff([]PulledModule{c.want}, got.Modules); diff != "" || err != nil {
			t.Errorf("%s: %v %s", name, err, diff)
		}
	}
}

// The token goes to the partner's own origin, whatever its lists link to.
func TestTheTokenGoesToThePartnerAlone(t *testing.T) {
	thief := newDesk(t, pages(nil))
	s := newDesk(t, func(w http.ResponseWriter, r *http.Request) {
		if !strings.Contains(r.URL.RawQuery, "cursor") {
			w.Header().Set("Link", "<"+thief.URL+r.URL.Path+`?cursor=2>; rel="next"`)
			_, _ = w.Write([]byte(ok(tariff("TNM", "T1"))))
			return
		}
		_, _ = w.Write([]byte(ok(tariff("TNM", "T2"))))
	})
	got, err := everything(testPuller(t, newIntake()), registered(t, ocpi.V221, s.URL, "tariffs"))
	if err != nil || !got.Whole() || got.Modules[0].Read != 2 {
		t.Errorf("%+v, %v", got, err)
	}
	if asked := thief.were(); len(asked) > 0 {
		t.Errorf("another origin was asked: %q", asked)
	}
}

func TestWhatPassesIsTriedAgain(t *testing.T) {
	for name, c := range map[string]struct {
		answer func(w http.ResponseWriter, n int) // the n-th answer
		away   int
		whole  bool
	}{
		"busy once": {func(w http.ResponseWriter, n int) {
			if n == 1 {
				w.Header().Set("Retry-After", "7")
				w.WriteHeader(http.StatusTooManyRequests)
				return
			}
			_, _ = w.Write([]byte(ok(tariff("TNM", "T1"))))
		}, 0, true},
		"breaks off once": {func(w http.ResponseWriter, n int) {
			if n == 1 {
				w.Header().Set("Content-Length", "1000")
			}
			_, _ = w.Write([]byte(ok(tariff("TNM", "T1"))))
		}, 0, true},
		"out of order":   {func(w http.ResponseWriter, _ int) { w.WriteHeader(http.StatusInternalServerError) }, 0, false},
		"no such module": {func(w http.ResponseWriter, _ int) { w.WriteHeader(http.StatusNotFound) }, 0, false},
		"we are busy":    {func(w http.ResponseWriter, _ int) { _, _ = w.Write([]byte(ok(tariff("TNM", "T1")))) }, 2, true},
		"we are stuck":   {func(w http.ResponseWriter, _ int) { _, _ = w.Write([]byte(ok(tariff("TNM", "T1")))) }, 99, false},
	} {
		n := 0
		s := newDesk(t, func(w http.ResponseWriter, _ *http.Request) {
			n++
			c.answer(w, n)
		})
		i := newIntake()
		i.away = c.away
		p := testPuller(t, i)
		var waited []time.Duration
		p.Wait = func(_ context.Context, d time.Duration) bool {
			waited = append(waited, d)
			return true
		}
		got, err := everything(p, registered(t, ocpi.V221, s.URL, "tariffs"))
		if err != nil || got.Whole() != c.whole || c.whole && got.Modules[0].New != 1 {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
		if name == "busy once" && !slices.Equal(waited, []time.Duration{7 * time.Second}) {
			t.Errorf("%s: waited %v", name, waited)
		}
		if n > maxTries+1 {
			t.Errorf("%s: asked %d times", name, n)
		}
	}
}

// In 2.1.1 endpoints have no role and bodies no owner: the lists are those of the
// partner's own side, and what they hold is its party's.
func TestAPullIn211(t *testing.T) {
	s := newDesk(t, pages(map[string]string{"/tariffs": ok(`{"id":"T1","currency":"EUR","last_updated":"2026-01-01T00:00:00Z"}`), "/tokens": ok(`{"uid":"U1"}`)}))
	i := newIntake()
	got, err := everything(testPuller(t, i), registered(t, ocpi.V211, s.URL, "tariffs", "tokens"))
	want := []PulledModule{{Module: "tariffs", Read: 1, New: 1, NeverPushed: 1}}
	if diff := cmp.Diff(want, got.Modules); diff != "" || err != nil {
		t.Errorf("%v %s", err, diff)
	}
	for id := range i.objects {
		if id.Key != ocpi.NewKey("NL", "TNM", "T1") {
			t.Errorf("kept as %s", id)
		}
	}
}

// Bodies of OCPI 2.1.1 name no owner: of a connection with several parties an object
// is whose it was pushed as, and one that nobody pushed is kept aside. So is one that
// two have.
func TestAPullIn211OfSeveralParties(t *testing.T) {
	location := func(id string) string {
		return fmt.Sprintf(`{"id":%q,"name":"new","last_updated":"2026-02-01T00:00:00Z"}`, id)
	}
	s := newDesk(t, pages(map[string]string{"/locations": ok(location("OURS"), location("NEW"), location("BOTH"))}))
	i := newIntake()
	partner := testPartner(t, control.NewRole("CPO", "NL", "AAA"), control.NewRole("CPO", "NL", "BBB"))
	partner.Peer = registered(t, ocpi.V211, s.URL, "locations").Peer
	for _, pushed := range []ocpi.Key{ocpi.NewKey("NL", "BBB", "OURS"), ocpi.NewKey("NL", "AAA", "BOTH"), ocpi.NewKey("NL", "BBB", "BOTH")} {
		body := []byte(`{"name":"old","last_updated":"2026-01-01T00:00:00Z"}`)
		if _, err := i.Put(t.Context(), partner.Charging(), ocpi.V211, ingest.Target{Object: ingest.ObjectLocation, Key: pushed}, body); err != nil {
			t.Fatal(err)
		}
	}
	got, err := everything(testPuller(t, i), partner)
	want := []PulledModule{{Module: "locations", Read: 3, New: 1, Refused: 2}}
	if diff := cmp.Diff(want, got.Modules); diff != "" || err != nil {
		t.Errorf("%v %s", err, diff)
	}
	for key, state := range map[ocpi.Key]string{ocpi.NewKey("NL", "BBB", "OURS"): "new", ocpi.NewKey("NL", "AAA", "BOTH"): "old", ocpi.NewKey("NL", "BBB", "BOTH"): "old"} {
		o := i.objects[ingest.Identity{Object: ingest.ObjectLocation, Key: key}]
		if !bytes.Contains(o.Body, []byte(state)) {
			t.Errorf("%s is %s, want the %s one", key, o.Body, state)
		}
	}
	if len(i.objects) != 3 {
		t.Errorf("%d objects, want those that were pushed", len(i.objects))
	}
}

// What was refused by a policy is offered again once the policy has gone.
func TestAPolicyThatHasGone(t *testing.T) {
	partner := testPartner(t, control.NewRole("CPO", "NL", "TNM"))
	before := keyOf(partner, &modules[0], []byte("{}"))
	partner.Refuses = []string{"a_finding"}
	if keyOf(partner, &modules[0], []byte("{}")) == before {
		t.Error("a body is known from before the policy")
	}
}

// A NAP publishes Locations and Tariffs, and has no charges; who has no role that
// owns what it offers is not asked for it.
func TestWhatARoleOwnsIsPulled(t *testing.T) {
	s := newDesk(t, pages(map[string]string{"/locations": ok(), "/tariffs": ok(), "/tokens": ok(), "/sessions": ok(), "/cdrs": ok()}))
	for role, want := range map[string]string{"CPO": "locations tariffs sessions cdrs", "EMSP": "tokens", "NAP": "locations tariffs", "NSP": ""} {
		partner := registered(t, ocpi.V221, s.URL, "cdrs", "sessions", "tokens", "tariffs", "locations")
		one := testPartner(t, control.NewRole(role, "NL", "TNM"))
		one.Peer = partner.Peer
		got, err := everything(testPuller(t, newIntake()), one)
		var read []string
		for _, m := range got.Modules {
			read = append(read, m.Module)
		}
		if strings.Join(read, " ") != want || err != nil {
			t.Errorf("%s: read %q, %v; want %s", role, read, err, want)
		}
	}
}

// A Tariff that comes over a connection of 2.1.1 with one counterparty is for that
// one, as a pushed one is.
func TestWhomATariffOf211IsFor(t *testing.T) {
	s := newDesk(t, pages(map[string]string{"/tariffs": ok(`{"id":"T1","currency":"EUR","last_updated":"2026-01-01T00:00:00Z"}`)}))
	i := newIntake()
	partner := registered(t, ocpi.V211, s.URL, "tariffs")
	partner.Counterparty = ocpi.NewParty("DE", "EMP")
	if got, err := everything(testPuller(t, i), partner); err != nil || got.Modules[0].New != 1 {
		t.Fatalf("%+v, %v", got, err)
	}
	for id := range i.objects {
		if id.Variant != "DE*EMP" {
			t.Errorf("kept as %s", id)
		}
	}
}

// Pages hold room while they are worked on, and give it back; where there is none
// the list is read another time.
func TestPagesTakeRoom(t *testing.T) {
	s := newDesk(t, pages(map[string]string{"/tariffs": ok(tariff("TNM", "T1"))}))
	p := testPuller(t, newIntake())
	p.Pages = api.NewBudget(PageBytes)
	if got, err := everything(p, registered(t, ocpi.V221, s.URL, "tariffs")); err != nil || !got.Whole() || p.Pages.Used() != 0 {
		t.Errorf("%+v, %v; %d bytes are held", got, err, p.Pages.Used())
	}
	p.Pages = api.NewBudget(1000)
	if got, err := everything(p, registered(t, ocpi.V221, s.URL, "tariffs")); err != nil || got.Whole() || p.Pages.Used() != 0 {
		t.Errorf("without room: %+v, %v; %d bytes are held", got, err, p.Pages.Used())
	}
}

func TestAPullOfNobody(t *testing.T) {
	partner := testPartner(t, control.NewRole("CPO", "NL", "TNM"))
	if _, err := everything(testPuller(t, newIntake()), partner); err == nil {
		t.Error("a partner that has not registered was read")
	}
}

func TestTargets(t *testing.T) {
	owner := ocpi.NewParty("NL", "TNM")
	for _, c := range []struct {
		module, body string
		version      ocpi.Version
		want         string // identity, or the error
	}{
		{"tokens", `{"country_code":"nl","party_id":"tnm","uid":"ab","type":"App_User"}`, ocpi.V221, "token NL*TNM*AB APP_USER"},
		{"tokens", `{"country_code":"NL","party_id":"TNM","uid":"ab"}`, ocpi.V221, "token NL*TNM*AB RFID"},
		{"sessions", `{"id":"S1","country_code":"DE"}`, ocpi.V211, "session NL*TNM*S1"},
		{"locations", `{"ID":"no","id":12,"country_code":"NL","party_id":"TNM"}`, ocpi.V230, "location NL*TNM*12"},
		{"cdrs", `{"id":true,"country_code":null,"party_id":["x"]}`, ocpi.V221, "country_code: required; party_id: required; id: required"},
		{"cdrs", `[]`, ocpi.V221, "$: want an object"},
	} {
		m := modules[slices.IndexFunc(modules, func(m module) bool { return m.id == c.module })]
		target, err := m.target(c.version, owner, json.RawMessage(c.body))
		got := target.Identity().String()
		if err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("%s in %s: %q, want %q", c.body, c.module, got, c.want)
		}
	}
}
