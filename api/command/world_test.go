package command_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/roamclear/roamclear/api/command"
	"github.com/roamclear/roamclear/api/partner"
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ingest/control"
	"github.com/roamclear/roamclear/ingest/ingesttest"
	"github.com/roamclear/roamclear/ingest/objects"
	"github.com/roamclear/roamclear/ingest/objects/objectstest"
	"github.com/roamclear/roamclear/ocpi"
)

var emp, abc, old = ocpi.NewParty("SE", "EMP"), ocpi.NewParty("SE", "ABC"), ocpi.NewParty("SE", "OLD")

// cpo is whom results come from.
var cpo = ingest.Sender{ID: "se-abc-cpo", Parties: []ocpi.Party{abc}}

// world is a desk with a log, a store and partners in memory, within a bubble of
// synctest: its clock is that of the bubble.
type world struct {
	t         *testing.T
	log       *ingesttest.Log
	store     *objectstest.Store
	signer    *control.Sealer
	office    *office
	stop      func()
	leave     func()        // the process loses its partitions
	rebalance func()        // the process loses its partitions, and gets them again
	hold      chan struct{} // until when nothing is read of what is open; nil = not at all
	open      int           // command.Deps.Open
	others    int           // Sessions of each CPO in the store, of which there is nothing to read
	gate      *gate
}

// office is one process.
type office struct {
	alone                   atomic.Bool                                 // partners hold no role now
	read                    atomic.Pointer[func(s *ingest.ObjectState)] // what happens once a command was read
	opened, pages, sessions atomic.Int64                                // reads of what is open, of pages of Sessions, of Sessions
	*command.Desk
	follower *objects.Follower
	world    *world

	mu        sync.Mutex // guards what follows
	sent      []partner.Request
	delivered []partner.Delivery
	answer    func(ctx context.Context, r partner.Request) (*partner.Answer, error)
	deliver   func(ctx context.Context, d partner.Delivery) error
}

func newWorld(t *testing.T) *world {
	t.Helper()
	signer, err := control.NewSealer(control.NewSealKey())
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, log: ingesttest.NewLog(1), store: objectstest.NewStore(), signer: signer}
	w.gate = &gate{Log: w.log}
	w.start(true)
	return w
}

// start starts a process; one that works sees to what is open.
func (w *world) start(works bool) {
	w.t.Helper()
	o := &office{world: w, answer: says(`{"result":"ACCEPTED","timeout":30}`)}
	o.Desk = command.New(command.Deps{
		Log: w.gate, Place: func(key ocpi.Key) ingest.Partition { return w.log.Place(ingest.TopicCommands, key) },
		Partners: nobody{partners{}, &o.alone}, Store: o, Sender: o, Signer: w.signer, Open: w.open, Logger: slog.New(slog.DiscardHandler),
		ResultURL: func(v ocpi.Version) string { return "https://roam.example/ocpi/" + v.String() + "/sender/commands" },
	})
	o.follower = objects.New(objects.Options{Log: w.log, Store: w.store, Registerer: prometheus.NewRegistry(),
		Folds: []objects.Fold{objects.Sessions{Seen: o.SessionSeen}, objects.Commands{Seen: o.Seen}, objects.Authorizations{}}})
	o.Objects = meanwhile{o.follower, &o.read, &o.sessions}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { _ = o.follower.Run(ctx) })
	if works {
		o.Work(ctx)
		running.Go(func() { _ = o.Follow(ctx) })
	}
	w.office = o
	w.leave = w.seeTo(ctx, works)
	w.rebalance = func() { w.leave(); w.leave = w.seeTo(ctx, works) }
	w.stop = func() { cancel(); w.leave(); running.Wait(); o.Close() }
	synctest.Wait()
}

// seeTo sees to all partitions, until leave.
func (w *world) seeTo(ctx context.Context, works bool) (leave func()) {
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	if works {
		for _, p := range w.log.Partitions(ingest.TopicCommands) {
			running.Go(func() { _ = w.office.Run(ctx, p) })
		}
	}
	synctest.Wait()
	return func() { cancel(); running.Wait() }
}

// restart ends the process and starts another one.
func (w *world) restart(works bool) {
	w.stop()
	w.start(works)
}

// gate is the log of processes, which may hold them up where they append what a name stands for.
type gate struct {
	*ingesttest.Log
	hold atomic.Pointer[chan struct{}] // each such append takes one of it first; nil = none does
	held atomic.Int32                  // of them, that wait
}

// Append implements ingest.Appender.
func (g *gate) Append(ctx context.Context, topic ingest.Topic, e *ingest.Envelope, body []byte) (ingest.Position, error) {
	if hold := g.hold.Load(); hold != nil && e.Path == objects.CommandPointer {
		g.held.Add(1)
		<-*hold
		g.held.Add(-1)
	}
	return g.Log.Append(ctx, topic, e, body)
}

// partners are a CPO of 2.2.1, one of 2.1.1, and an eMSP.
type partners struct{}

func peer(v ocpi.Version, module string, role ocpi.InterfaceRole) *control.Peer {
	return &control.Peer{Version: v, URL: "https://peer.example/versions", Endpoints: []ocpi.Endpoint{{Identifier: module, Role: role, URL: "https://peer.example/commands"}}}
}

func (partners) Holder(r control.Role) (*control.Partner, bool) {
	switch r.Party() {
	case abc:
		return &control.Partner{ID: "se-abc-cpo", Peer: peer(ocpi.V221, "commands", ocpi.RoleReceiver)}, r.Role == control.RoleCPO
	case old:
		return &control.Partner{ID: "se-old-cpo", Peer: peer(ocpi.V211, "commands", "")}, r.Role == control.RoleCPO
	case ocpi.NewParty("SE", "NOT"):
		return &control.Partner{ID: "se-not-cpo", Peer: peer(ocpi.V221, "sessions", ocpi.RoleSender)}, true
	}
	return nil, false
}

func (partners) Find(id string) (*control.Partner, bool) {
	return &control.Partner{ID: id, Peer: peer(ocpi.V221, "commands", ocpi.RoleSender)}, strings.HasSuffix(id, "-emsp")
}

// OpenCommands implements command.Store: all that there are.
func (o *office) OpenCommands(ctx context.Context, after ocpi.Key, limit int) (keys []ocpi.Key, err error) {
	o.opened.Add(1)
	if o.world.hold != nil {
		<-o.world.hold
	}
	err = o.world.store.LoadObjects(ctx, ingest.ObjectCommand, func(s ingest.ObjectState) error {
		if after == (ocpi.Key{}) {
			keys = append(keys, s.Key)
		}
		return nil
	})
	return keys, err
}

// SessionsSince implements command.Store.
func (o *office) SessionsSince(ctx context.Context, cpo ocpi.Party, _ ocpi.Time, after string, limit int) (keys []ocpi.Key, err error) {
	err = o.world.store.LoadObjects(ctx, ingest.ObjectSession, func(s ingest.ObjectState) error {
		keys = append(keys, s.Key)
		return nil
	})
	for n := range o.world.others {
		keys = append(keys, ocpi.NewKey(cpo.Country, cpo.ID, fmt.Sprintf("A%06d", n)))
	}
	keys = slices.DeleteFunc(keys, func(k ocpi.Key) bool { return k.Party != cpo || k.ID <= after })
	slices.SortFunc(keys, func(a, b ocpi.Key) int { return strings.Compare(a.ID, b.ID) })
	o.pages.Add(1)
	return keys[:min(limit, len(keys))], err
}

// keep stores all that the log holds, as the Recorder does.
func (w *world) keep() {
	w.t.Helper()
	for _, topic := range []ingest.Topic{ingest.TopicCommands, ingest.TopicSessions} {
		p := w.log.Partitions(topic)[0]
		records, err := w.log.Read(w.t.Context(), p, 0, 1000)
		if err != nil {
			w.t.Fatal(err)
		}
		w.store.Put(p, int64(len(records)), w.office.follower.States(p, records)...)
	}
}

// says answers with data.
func says(data string) func(context.Context, partner.Request) (*partner.Answer, error) {
	return func(context.Context, partner.Request) (*partner.Answer, error) {
		return &partner.Answer{HTTP: http.StatusOK, Status: ocpi.StatusSuccess, Data: []byte(data)}, nil
	}
}

// silent does not answer.
func silent(ctx context.Context, r partner.Request) (*partner.Answer, error) {
	<-ctx.Done()
	return nil, &partner.Error{Partner: r.To.ID, Err: ctx.Err()}
}

// Send implements command.Sender.
func (o *office) Send(ctx context.Context, r partner.Request) (*partner.Answer, error) {
	o.mu.Lock()
	o.sent = append(o.sent, r)
	answer := o.answer
	o.mu.Unlock()
	return answer(ctx, r)
}

// Deliver implements command.Sender.
func (o *office) Deliver(ctx context.Context, d partner.Delivery) error {
	o.mu.Lock()
	o.delivered = append(o.delivered, d)
	deliver := o.deliver
	o.mu.Unlock()
	if deliver == nil {
		return nil
	}
	return deliver(ctx, d)
}

// delivers has results brought so.
func (o *office) delivers(deliver func(ctx context.Context, d partner.Delivery) error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.deliver = deliver
}

func (o *office) calls() []partner.Request {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.sent
}

func (o *office) results() []partner.Delivery {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.delivered
}

func (o *office) answers(with func(context.Context, partner.Request) (*partner.Answer, error)) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.answer = with
}

// commandOf reads a command.
func commandOf(t *testing.T, kind ocpi.CommandType, body string) *ocpi.Command {
	t.Helper()
	c, err := ocpi.ReadCommand(ocpi.V221, kind, []byte(body))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// starting asks for a charge at L1 by APP-77, as an app does.
func (w *world) starting(to ocpi.Party, limits objects.CommandLimits) *command.Entry {
	w.t.Helper()
	return w.startingVia(objects.ViaApp, to, limits)
}

func (w *world) startingVia(via string, to ocpi.Party, limits objects.CommandLimits) *command.Entry {
	w.t.Helper()
	id := command.NewID()
	body := fmt.Sprintf(`{"response_url":%q,"token":{"country_code":"SE","party_id":"EMP","uid":"APP-77","type":"APP_USER","contract_id":"SE-EMP-C00077-X","issuer":"E","valid":true,`+
		`"whitelist":"NEVER","last_updated":"2026-01-05T10:00:00Z"},"location_id":"L1","evse_uid":"E1","connector_id":"1","authorization_reference":%q}`, command.NoURL, id)
	e, err := w.office.Ask(w.t.Context(), command.Asking{ID: id, Party: emp, Via: via, Caller: "key-1", CPO: to, Command: commandOf(w.t, ocpi.StartSession, body), Limits: limits})
	if err != nil {
		w.t.Fatal(err)
	}
	return e
}

// now is a command as it stands.
func (w *world) now(e *command.Entry) *objects.Command {
	w.t.Helper()
	synctest.Wait()
	e, ok, err := w.office.Get(w.t.Context(), e.Key)
	if err != nil || !ok {
		w.t.Fatalf("known %t, %v", ok, err)
	}
	return e.Command
}

// responseURL is where the CPO was told to post the nth command's result.
func (w *world) responseURL(n int) string {
	w.t.Helper()
	synctest.Wait()
	calls := w.office.calls()
	if len(calls) <= n {
		w.t.Fatalf("%d calls", len(calls))
	}
	return ocpi.Text(calls[n].Body, "response_url")
}

// post posts a result to a response_url.
func (w *world) post(from ingest.Sender, at, body string) error {
	w.t.Helper()
	part := strings.Split(at, "/")
	part = part[len(part)-5:]
	return w.office.Result(w.t.Context(), from, command.Posted{
		Type: ocpi.CommandType(part[0]), Key: ocpi.NewKey(part[1], part[2], part[3]), Signature: part[4], Version: ocpi.V221, Body: []byte(body),
	})
}

// session pushes a Session of SE*ABC, changed in some members.
func (w *world) session(owner ocpi.Party, id string, change map[string]any) {
	w.t.Helper()
	now := time.Now().UTC().Format(time.RFC3339)
	m := map[string]any{
		"country_code": owner.Country, "party_id": owner.ID, "id": id, "start_date_time": now, "kwh": 0, "auth_method": "COMMAND", "location_id": "L1", "evse_uid": "E1", "connector_id": "1",
		"cdr_token": map[string]string{"country_code": "SE", "party_id": "EMP", "uid": "APP-77", "type": "APP_USER", "contract_id": "SE-EMP-C00077-X"},
		"currency":  "SEK", "status": "ACTIVE", "last_updated": now,
	}
	for name, value := range change {
		m[name] = value
	}
	body, err := json.Marshal(m)
	if err != nil {
		w.t.Fatal(err)
	}
	e := &ingest.Envelope{Object: ingest.ObjectSession, Method: ingest.MethodPut, Version: ocpi.V221, Sender: "cpo", Key: ocpi.NewKey(owner.Country, owner.ID, id), Received: ocpi.TimeOf(time.Now())}
	if _, err := w.log.Append(w.t.Context(), ingest.TopicSessions, e, body); err != nil {
		w.t.Fatal(err)
	}
	synctest.Wait()
}

// bubble runs a test of a world within synctest.
func bubble(t *testing.T, test func(w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer func() { w.stop() }()
		test(w)
	})
}
