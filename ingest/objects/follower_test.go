package objects_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ingest/ingesttest"
	"github.com/roamclear/roamclear/ingest/objects"
	"github.com/roamclear/roamclear/ingest/objects/objectstest"
	"github.com/roamclear/roamclear/ocpi"
)

func session(id string) ingest.Target {
	return ingest.Target{Object: ingest.ObjectSession, Key: ocpi.NewKey("GB", "DUN", id)}
}

// put is a Session of so many kWh, last updated in that minute, with periods
// that begin in those.
func put(id, kwh string, updated int, periods ...int) string {
	return fmt.Sprintf(`{"country_code":"GB","party_id":"DUN","id":%q,"start_date_time":"2019-01-01T10:00:00Z","kwh":%s,
"cdr_token":{"country_code":"NL","party_id":"EXW","uid":"U","type":"RFID","contract_id":"C"},"auth_method":"WHITELIST","location_id":"L1","evse_uid":"E1","connector_id":"1",
"currency":"GBP","charging_periods":[%s],"status":"ACTIVE","last_updated":"2019-01-01T10:%02d:00Z"}`, id, kwh, periodList(periods), updated)
}

func patch(kwh string, updated int, periods ...int) string {
	return fmt.Sprintf(`{"kwh":%s,"charging_periods":[%s],"last_updated":"2019-01-01T10:%02d:00Z"}`, kwh, periodList(periods), updated)
}

func periodList(minutes []int) string {
	var list []string
	for _, m := range minutes {
		list = append(list, fmt.Sprintf(`{"start_date_time":"2019-01-01T10:%02d:00Z","dimensions":[{"type":"ENERGY","volume":1}]}`, m))
	}
	return strings.Join(list, ",")
}

func push(t *testing.T, log *ingesttest.Log, m ingest.Method, target ingest.Target, body string) ingest.Position {
	t.Helper()
	e := &ingest.Envelope{Object: target.Object, Method: m, Version: ocpi.V221, Key: target.Key, Variant: target.Variant}
	p, err := log.Append(t.Context(), target.Object.Topic(), e, []byte(body))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// known says what a follower knows of a Session.
func known(t *testing.T, f *objects.Follower, target ingest.Target) string {
	t.Helper()
	s, ok, err := f.Get(t.Context(), target)
	if err != nil {
		t.Fatal(err)
	}
	if !ok {
		return "unknown"
	}
	return kwhAndPeriods(t, s.Body)
}

func kwhAndPeriods(t *testing.T, body []byte) string {
	t.Helper()
	var d ocpi.Decoder
	o, err := d.Session(ocpi.V221, body)
	if err != nil {
		t.Fatal(err)
	}
	minutes := make([]int, len(o.Periods))
	for i, p := range o.Periods {
		minutes[i] = p.Start.Go().Minute()
	}
	return fmt.Sprintf("%s kWh, periods at %v", o.KWh, minutes)
}

func TestSessionsConform(t *testing.T) {
	const period5 = `[{"start_date_time":"2019-01-01T10:00:00Z","dimensions":[{"type":"ENERGY","volume":1}]},{"start_date_time":"2019-01-01T10:05:00Z"`
	objectstest.Conform(t, session("S1").Identity(), func(*objectstest.Store) objects.Fold { return objects.Sessions{} }, []objectstest.Step{
		{Name: "PATCH of a Session nobody PUT", Method: ingest.MethodPatch, Body: patch("1", 1, 0)},
		{Name: "PUT", Method: ingest.MethodPut, Body: put("S1", "1", 5, 0), Want: `"kwh":1`},
		{Name: "PATCH appends periods", Method: ingest.MethodPatch, Body: patch("2", 10, 5), Want: period5},
		{Name: "PATCH of a known period replaces it", Method: ingest.MethodPatch, Body: patch("2.5", 11, 5), Want: period5},
		{Name: "an older last_updated is ignored", Method: ingest.MethodPatch, Body: patch("9", 9, 7), Want: `"kwh":2.5`},
		{Name: "a PUT with an older one too", Method: ingest.MethodPut, Body: put("S1", "8", 10), Want: `"kwh":2.5`},
		{Name: "what is no Session", Method: ingest.MethodPut, Body: `{}`, Want: `"kwh":2.5`},
		{Name: "PUT replaces, periods and all", Method: ingest.MethodPut, Body: put("S1", "3", 20, 10), Want: `"charging_periods":[{"start_date_time":"2019-01-01T10:10:00Z"`},
		{Name: "beyond the size", Method: ingest.MethodPatch, Body: `{"x":"` + strings.Repeat("x", ingest.MaxBody) + `","last_updated":"2019-01-01T10:30:00Z"}`, Want: `"kwh":3`},
	})
}

// Another process than took the push, or one that has just started, reads the
// log to its end before it calls an object unknown.
func TestNothingIsUnknownBeforeTheEndOfTheLog(t *testing.T) {
	log := &late{Log: ingesttest.NewLog(2), ask: make(chan struct{})}
	f := objects.New(objects.Options{Log: log, Store: objectstest.NewStore(), Folds: []objects.Fold{objects.Sessions{}}, Registerer: prometheus.NewRegistry()})
	objectstest.Run(t, f)
	push(t, log.Log, ingest.MethodPut, session("S1"), put("S1", "1", 5, 0))
	if _, ok, err := f.Peek(t.Context(), session("S1")); ok || err != nil {
		t.Fatalf("a follower that has read nothing knows the Session (%t, %v)", ok, err)
	}
	if got, want := known(t, f, session("S1")), "1 kWh, periods at [0]"; got != want {
		t.Errorf("another replica says %s, want %s", got, want)
	}
	if got := known(t, f, session("S22")); got != "unknown" {
		t.Errorf("a Session nobody PUT: %s", got)
	}
}

// late is a log whose records come once somebody has asked where it ends.
type late struct {
	*ingesttest.Log
	ask chan struct{}
}

func (l *late) Bounds(ctx context.Context, p ingest.Partition) (start, end int64, err error) {
	select {
	case <-l.ask:
	default:
		close(l.ask)
	}
	return l.Log.Bounds(ctx, p)
}

func (l *late) Tail(ctx context.Context, p ingest.Partition, from int64, fn func([]ingest.Record) error) error {
	select {
	case <-l.ask:
		return l.Log.Tail(ctx, p, from, fn)
	case <-ctx.Done():
		return ctx.Err()
	}
}

var errAway = errors.New("store is away")

// While this process waits for the store, another one may store records that
// it has not folded: going on at the checkpoint would leave what is in memory
// as it was, for ever.
func TestAfterAnOutageNothingIsSkipped(t *testing.T) {
	// The store has S2, so it is asked for it; what it does not have is not asked for.
	log, store := ingesttest.NewLog(1), objectstest.NewStore(ingest.ObjectState{Object: ingest.ObjectSession, Key: session("S2").Key, Version: ocpi.V221,
		Position: ingest.Position{Epoch: 1}, Body: []byte(put("S2", "1", 0, 0))})
	p := log.Place(ingest.TopicSessions, session("S1").Key)
	f := objects.New(objects.Options{Log: log, Store: store, Folds: []objects.Fold{objects.Sessions{}}, Registerer: prometheus.NewRegistry()})
	ended := make(chan error, 1)
	go func() { ended <- f.Run(t.Context()) }()
	push(t, log, ingest.MethodPut, session("S1"), put("S1", "1", 5, 0))
	known(t, f, session("S1"))

	store.Fail(errAway)
	push(t, log, ingest.MethodPut, session("S2"), put("S2", "1", 5, 0))
	if err := <-ended; !errors.Is(err, errAway) {
		t.Fatalf("follower ended with %v, want the store's error", err)
	}
	last := push(t, log, ingest.MethodPatch, session("S1"), patch("2", 10, 5))
	store.Put(p, last.Offset+1)
	store.Fail(nil)

	objectstest.Run(t, f)
	if err := f.Wait(t.Context(), ingest.TopicSessions, last); err != nil {
		t.Fatal(err)
	}
	if got, want := known(t, f, session("S1")), "2 kWh, periods at [0 5]"; got != want {
		t.Errorf("after the outage: %s, want %s", got, want)
	}
}

// A record that only a newer version can read stops the fold before it: this
// process would else decide otherwise than its peers. It lives, is not ready,
// answers nothing, and what came before is folded.
func TestARecordOfANewerVersionStopsTheFold(t *testing.T) {
	log := ingesttest.NewLog(1)
	p := log.Place(ingest.TopicSessions, session("S1").Key)
	push(t, log, ingest.MethodPut, session("S1"), put("S1", "1", 5, 0))
	log.WriteNewer(p)
	f := objects.New(objects.Options{Log: log, Store: objectstest.NewStore(), Folds: []objects.Fold{objects.Sessions{}}, Registerer: prometheus.NewRegistry()})
	objectstest.Run(t, f)
	err := f.CatchUp(t.Context(), ingest.TopicSessions)
	if !errors.Is(err, ingest.ErrNewer) || !errors.Is(err, ingest.ErrUnavailable) {
		t.Errorf("caught up with %v, want that a newer version is needed", err)
	}
	if err := f.WaitNext(t.Context(), p, 1); err != nil {
		t.Errorf("what came before: %v", err)
	}
	for _, id := range []string{"S1", "S2"} {
		if _, _, err := f.Get(t.Context(), session(id)); !errors.Is(err, ingest.ErrUnavailable) {
			t.Errorf("%s is answered with %v, want unavailable", id, err)
		}
	}
	if f.Ready() || !errors.Is(f.Stopped(), ingest.ErrNewer) {
		t.Errorf("ready %t, stopped for %v", f.Ready(), f.Stopped())
	}
}

// What the store holds is let go of when there is more than may be held, first into little
// memory and then for good, and read again when it is asked for; what the store does not
// hold yet stays.
func TestMemoryIsBoundInBytes(t *testing.T) {
	const bound = 64 << 10
	for _, c := range []struct {
		wane        int64
		least, most int // that are read from the store of the 100 it holds
	}{{1, 90, 100}, {20 << 10, 10, 80}, {1 << 20, 0, 0}} {
		t.Run(fmt.Sprintf("%d bytes of what wanes", c.wane), func(t *testing.T) {
			log, store := ingesttest.NewLog(1), objectstest.NewStore()
			p := log.Place(ingest.TopicSessions, session("S1").Key)
			f := objects.New(objects.Options{Log: log, Store: store, Folds: []objects.Fold{objects.Sessions{}}, MaxBytes: bound, WaneBytes: c.wane, Registerer: prometheus.NewRegistry()})
			objectstest.Run(t, f)
			var all []ingest.Target
			for i := range 200 { // some 200 kB
				target := session(fmt.Sprintf("S%d", i))
				all = append(all, target)
				pos := push(t, log, ingest.MethodPut, target, put(target.Key.ID, fmt.Sprint(i), 5, 0))
				if err := f.Wait(t.Context(), ingest.TopicSessions, pos); err != nil {
					t.Fatal(err)
				}
				if i < 100 { // the store's keeper is behind with the rest
					s, _, _ := f.Get(t.Context(), target)
					store.Put(p, pos.Offset+1, s)
				}
			}
			before := store.Asked()
			for i, target := range all {
				if got, want := known(t, f, target), fmt.Sprintf("%d kWh, periods at [0]", i); got != want {
					t.Errorf("%s: %s, want %s", target.Key, got, want)
				}
			}
			if asked := store.Asked() - before; asked < c.least || asked > c.most {
				t.Errorf("%d of 200 were read from the store, want %d to %d: of the 100 it holds, and none of the others", asked, c.least, c.most)
			}
		})
	}
}
