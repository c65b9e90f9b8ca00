package hub

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/roamclear/roamclear/api"
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ingest/control"
	"github.com/roamclear/roamclear/ingest/control/controltest"
	"github.com/roamclear/roamclear/ingest/ingesttest"
	"github.com/roamclear/roamclear/ingest/objects"
	"github.com/roamclear/roamclear/ingest/objects/objectstest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing"
	"github.com/roamclear/roamclear/pricing/reference"
	"github.com/roamclear/roamclear/pricing/reference/referencetest"
	"github.com/roamclear/roamclear/pricing/tariff"
	"github.com/roamclear/roamclear/settlement"
)

// whole is a hub with what stands behind it as it is in life, but for log and store,
// which are in memory.
type whole struct {
	log      *ingesttest.Log
	partners *control.Partners
	follower *objects.Follower
	intake   *ingest.Service
	sealer   *control.Sealer
	tally    *ingest.Tally
	logged   *journal
	engine   *gin.Engine
	served   *Server
}

// journal is what is logged, by whichever goroutine.
type journal struct {
	mu   sync.Mutex
	text strings.Builder
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(p)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.String()
}

// More partners than those of partners.
const (
	belToken   = "bel-token"   // CPO FR*BEL
	tnmToken   = "tnm-token"   // eMSP DE*TNM
	smaToken   = "sma-token"   // SCSP NL*SMA, which GB*DUN lets read its Sessions
	inviteMark = "invited-one" // CPO NL*NEW, which has not registered
)

// everybody are the partners of a hub that nothing else is said of.
var everybody = map[string][]string{
	dundeeToken: {"CPO GB DUN", "CPO GB PKC"}, exwToken: {"EMSP NL EXW"}, nspToken: {"NSP DE NSP"}, napToken: {"NAP FR NAP"}, bothToken: {"CPO DE BOT", "EMSP DE BOT"},
	belToken: {"CPO FR BEL"}, tnmToken: {"EMSP DE TNM"}, smaToken: {"SCSP NL SMA"},
}

// newWhole serves a hub of everybody, of whom one has yet to register; change may
// alter what it works with.
func newWhole(t testing.TB, change func(*Deps)) *whole {
	t.Helper()
	w := newWholeOf(t, everybody, change)
	if err := w.partners.AddGrant(t.Context(), "", control.Grant{CPO: ocpi.NewParty("GB", "DUN"), SCSP: ocpi.NewParty("NL", "SMA")}); err != nil {
		t.Fatal(err)
	}
	if _, _, err := w.partners.Invite(t.Context(), "", control.NewInvitation{Name: "NEW", Token: inviteMark, Roles: []control.Role{control.NewRole("CPO", "NL", "NEW")}}); err != nil {
		t.Fatal(err)
	}
	return w
}

// newWholeOf serves a hub of some partners, by their tokens.
func newWholeOf(t testing.TB, members map[string][]string, change func(*Deps)) *whole {
	t.Helper()
	now, err := time.Parse(time.RFC3339, instant)
	if err != nil {
		t.Fatal(err)
	}
	w := &whole{log: ingesttest.NewLog(1), tally: new(ingest.Tally), logged: new(journal)}
	w.open(t, members)
	index := reference.NewIndex(referencetest.Of(objectstest.NewStore()))
	w.follower = objectstest.Follow(t, w.log, objectstest.NewStore(), append(index.Folds(), objects.Sessions{}, objects.Invoices{}, objects.Authorizations{}, objects.Deliveries{})...)
	limits := ingest.Limits{CDR: 20_000, Session: 20_000, Location: 20_000, Other: 20_000}
	intake := ingest.NewService(w.log, w.follower, func() time.Time { return now }, limits, ingest.NewMetrics(prometheus.NewRegistry()))
	w.intake = intake
	stored := inMemory{w}
	intake.Tally, intake.First = w.tally, func(ctx context.Context, key ocpi.Key) ([]byte, bool, error) {
		raw, _, err := stored.CDR(ctx, key)
		return raw, err == nil, nil
	}
	if w.sealer, err = control.NewSealer(control.NewSealKey()); err != nil {
		t.Fatal(err)
	}
	d := Deps{
		Partners: w.partners, Intake: intake, Objects: w.follower, CDRs: stored, Lists: stored, Tally: w.tally,
		Metrics: api.NewMetrics(prometheus.NewRegistry()), Logger: slog.New(slog.NewTextHandler(w.logged, nil)), Callback: &client{}, Sealer: w.sealer,
		Known: Known{Token: func(contract string, at ocpi.Time) (ocpi.CDRToken, bool) {
			party, ok := index.Payer(contract, at, pricing.Present)
			return ocpi.CDRToken{CountryCode: party.Country, PartyID: party.ID, ContractID: contract}, ok
		}, Zone: tariff.SingleZone},
		Limits: limits, Hold: time.Microsecond, Now: func() time.Time { return now },
	}
	if change != nil {
		change(&d)
	}
	s := New(d)
	w.served, w.engine = s, api.NewEngine(d.Logger, s.Fallback())
	s.Mount(w.engine)
	api.ServeHead(w.engine)
	return w
}

// open runs the control log with the partners that there are.
func (w *whole) open(t testing.TB, members map[string][]string) {
	t.Helper()
	m, err := control.Open(t.Context(), w.log, control.Options{})
	if err != nil {
		t.Fatal(err)
	}
	w.partners = control.NewPartners(m)
	controltest.Run(t, m)
	for token, list := range members {
		if _, _, err := w.partners.Add(t.Context(), "", control.NewPartner{Name: list[0], Token: token, Roles: rolesOf(list...)}); err != nil {
			t.Fatal(err)
		}
	}
}

// rolesOf reads roles such as "CPO GB DUN".
func rolesOf(list ...string) (roles []control.Role) {
	for _, one := range list {
		part := strings.Fields(one)
		roles = append(roles, control.NewRole(part[0], part[1], part[2]))
	}
	return roles
}

// do sends a request that must be done.
func (w *whole) do(t testing.TB, token, method, path, body string, headers ...string) {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, Prefix+path, strings.NewReader(body))
	r.Header.Set("Authorization", "Token "+token)
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	a := httptest.NewRecorder()
	if w.engine.ServeHTTP(a, r); a.Code >= http.StatusBadRequest || !strings.Contains(a.Body.String(), `"status_code":1000`) {
		t.Fatalf("%s %s: HTTP %d %s", method, path, a.Code, a.Body)
	}
}

// inMemory reads what the log holds as the store would.
type inMemory struct{ w *whole }

func (m inMemory) records(ctx context.Context, topic ingest.Topic) (list []ingest.Record, err error) {
	for _, p := range m.w.log.Partitions(topic) {
		records, err := m.w.log.Read(ctx, p, 0, 1<<20)
		if err != nil {
			return nil, err
		}
		list = append(list, records...)
	}
	return list, nil
}

// CDR implements CDRSource.
func (m inMemory) CDR(ctx context.Context, key ocpi.Key) ([]byte, ocpi.Version, error) {
	list, err := m.records(ctx, ingest.TopicCDRs)
	if err != nil {
		return nil, 0, err
	}
	for i := range list {
		if list[i].Key == key {
			return list[i].Body, list[i].Version, nil
		}
	}
	return nil, 0, settlement.ErrNotFound
}

// First implements CDRSource.
func (m inMemory) First(ctx context.Context, key ocpi.Key) ([]byte, ocpi.Version, error) {
	return m.CDR(ctx, key)
}

// Await implements Lists.
func (inMemory) Await(context.Context, ingest.Object, bool) error { return nil }

// OCPICDRs implements Lists.
func (m inMemory) OCPICDRs(ctx context.Context, q settlement.OCPIQuery) (settlement.OCPIPage, error) {
	list, err := m.records(ctx, ingest.TopicCDRs)
	if err != nil {
		return settlement.OCPIPage{}, err
	}
	var found []ingest.ObjectState
	known := map[ocpi.Key]bool{}
	for i := range list {
		r := &list[i]
		var d ocpi.Decoder
		cdr, err := d.CDR(r.Version, r.Body)
		if err != nil {
			return settlement.OCPIPage{}, err
		}
		debtor, at := cdr.Debtor(), cdr.LastUpdated.Go()
		its := slices.Contains(q.Creditors, r.Key.Party) || slices.Contains(q.Debtors, debtor)
		within := (q.From.IsZero() || !at.Before(q.From)) && (q.To.IsZero() || at.Before(q.To))
		if its && within && !known[r.Key] {
			known[r.Key] = true
			found = append(found, ingest.ObjectState{Key: r.Key, Version: r.Version, Body: r.Body})
		}
	}
	return pageOf(found, q.OCPIWindow)
}

// OCPIObjects implements Lists.
func (m inMemory) OCPIObjects(ctx context.Context, q settlement.ObjectQuery) (settlement.OCPIPage, error) {
	list, err := m.records(ctx, q.Object.Topic())
	if err != nil {
		return settlement.OCPIPage{}, err
	}
	var found []ingest.ObjectState
	known := map[ingest.Identity]bool{}
	for i := range list {
		id := list[i].Identity()
		if id.Object != q.Object || known[id] {
			continue
		}
		known[id] = true
		s, ok, err := m.w.follower.Get(ctx, ingest.Target{Object: id.Object, Key: id.Key, Variant: id.Variant})
		if err != nil {
			return settlement.OCPIPage{}, err
		}
		if ok && q.Holds(&s) {
			found = append(found, s)
		}
	}
	return pageOf(found, q.OCPIWindow)
}

// pageOf is the part of a list that is asked for.
func pageOf(list []ingest.ObjectState, w settlement.OCPIWindow) (p settlement.OCPIPage, err error) {
	from := w.Offset
	if w.After != "" {
		if from, err = strconv.Atoi(w.After); err != nil || from < 0 {
			return p, fmt.Errorf("%w: %q", settlement.ErrCursor, w.After)
		}
	}
	p.Total = len(list)
	from = min(from, p.Total)
	to := min(from+w.Limit, p.Total)
	for _, s := range list[from:to] {
		p.Bodies, p.Versions, p.Owners = append(p.Bodies, s.Body), append(p.Versions, s.Version), append(p.Owners, s.Key.Party)
	}
	if to < p.Total {
		p.Next = strconv.Itoa(to)
	}
	return p, nil
}
