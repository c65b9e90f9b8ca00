package reference_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ingest/control/controltest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing/reference"
)

// memoryStore is a store that holds states up to a checkpoint.
type memoryStore struct {
	next   int64
	states []ingest.ObjectState
}

func (s memoryStore) Checkpoint(context.Context, ingest.Partition) (int64, error) {
	return s.next, nil
}

func (s memoryStore) LoadObjects(_ context.Context, kind ingest.Object, fn func(ingest.ObjectState) error) error {
	for _, o := range s.states {
		if o.Object != kind {
			continue
		}
		if err := fn(o); err != nil {
			return err
		}
	}
	return nil
}

func follow(t *testing.T, log *controltest.Log, store reference.Store) *reference.Follower {
	t.Helper()
	f := reference.NewFollower(log, store, slog.New(slog.DiscardHandler), prometheus.NewRegistry())
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- f.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-done })
	if err := f.CatchUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	return f
}

// at is the n-th minute of the tests' clock.
func at(n int) ocpi.Time { return ocpi.Time(int64(n+1) * 60 * ocpi.Second) }

func tariffBody(price, validity string) string {
	return fmt.Sprintf(`{"country_code":"GB","party_id":"DUN","id":"T1","currency":"GBP",%s"elements":[{"price_components":[{"type":"ENERGY","price":%s,"step_size":1}]}],"last_updated":"2019-01-01T00:00:00Z"}`, validity, price)
}

func locationBody(zone string) string {
	return fmt.Sprintf(`{"country_code":"GB","party_id":"DUN","id":"L1","publish":true,"address":"a","city":"c","country":"GBR","coordinates":{"latitude":"56.46000","longitude":"-2.97000"},"time_zone":%q,"last_updated":"2019-01-01T00:00:00Z"}`, zone)
}

func push(t *testing.T, log *controltest.Log, minute int, object ingest.Object, method ingest.Method, id, body string) {
	t.Helper()
	e := &ingest.Envelope{Object: object, Method: method, Version: ocpi.V221, Sender: "gb-dun-cpo", Key: ocpi.NewKey("GB", "DUN", id), Received: at(minute)}
	if _, err := log.Append(t.Context(), ingest.TopicReference, e, []byte(body)); err != nil {
		t.Fatal(err)
	}
}

func TestTariffVersionOfACDR(t *testing.T) {
	log := controltest.NewLog()
	push(t, log, 10, ingest.ObjectTariff, ingest.MethodPut, "T1", tariffBody("0.10", ""))
	push(t, log, 20, ingest.ObjectTariff, ingest.MethodPut, "T1", tariffBody("0.20", ""))
	push(t, log, 25, ingest.ObjectTariff, ingest.MethodPut, "T1", tariffBody("0.20", "")) // says nothing new
	push(t, log, 30, ingest.ObjectTariff, ingest.MethodPut, "T1", tariffBody("0.30", `"start_date_time":"1970-01-01T02:00:00Z",`))
	push(t, log, 40, ingest.ObjectTariff, ingest.MethodDelete, "T1", "")
	f := follow(t, log, memoryStore{})
	key := ocpi.NewKey("GB", "DUN", "t1")
	cases := []struct {
		name            string
		received, start int
		want            int64 // offset of the version, -1 = unknown
	}{
		{"the latest received before the CDR", 15, 5, 0},
		{"a newer one", 22, 5, 1},
		{"a repetition is no version", 27, 5, 1},
		{"not valid yet at the session's start: the one before", 35, 5, 1},
		{"valid at the session's start", 35, 130, 3},
		{"none before: the first after, so that a late tariff heals a reject", 5, 5, 0},
		{"deleted since: CDRs still need it", 50, 5, 1},
	}
	for _, c := range cases {
		v := f.Tariff(key, at(c.received), at(c.start))
		if v == nil || v.Position.Offset != c.want {
			t.Errorf("%s: CDR received at %d of a charge begun at %d gets %v, want the version at offset %d", c.name, c.received, c.start, v, c.want)
		}
	}
	if v := f.Tariff(ocpi.NewKey("GB", "DUN", "T2"), at(50), at(5)); v != nil {
		t.Errorf("unknown tariff gives %v", v)
	}
	if v := f.CurrentTariff(key); v != nil {
		t.Errorf("deleted tariff still stands: %v", v)
	}
}

func TestTariffsBeforeACDR(t *testing.T) {
	log := controltest.NewLog()
	push(t, log, 10, ingest.ObjectTariff, ingest.MethodPut, "T1", tariffBody("0.10", ""))
	push(t, log, 20, ingest.ObjectTariff, ingest.MethodPut, "T1", tariffBody("0.20", `"start_date_time":"2030-01-01T00:00:00Z",`))
	push(t, log, 25, ingest.ObjectTariff, ingest.MethodDelete, "T1", "")
	push(t, log, 30, ingest.ObjectTariff, ingest.MethodPut, "T1", tariffBody("0.30", ""))
	f := follow(t, log, memoryStore{})
	for _, c := range []struct {
		id              string
		received, limit int
		want            []int64 // offsets
	}{
		{"t1", 40, 9, []int64{3, 1, 0}},
		{"t1", 30, 2, []int64{3, 1}},
		{"t1", 29, 9, []int64{1, 0}},
		{"t1", 5, 9, nil},
		{"t2", 40, 9, nil},
	} {
		var got []int64
		for _, v := range f.TariffsBefore(ocpi.NewKey("GB", "DUN", c.id), at(c.received), c.limit) {
			got = append(got, v.Position.Offset)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s received by %d, at most %d: versions at %v, want %v", c.id, c.received, c.limit, got, c.want)
		}
	}
}

func TestZoneOfACDR(t *testing.T) {
	log := controltest.NewLog()
	push(t, log, 10, ingest.ObjectLocation, ingest.MethodPut, "L1", locationBody("Europe/Dublin"))
	push(t, log, 20, ingest.ObjectLocation, ingest.MethodPut, "L1", locationBody("Europe/London"))
	push(t, log, 20, ingest.ObjectLocation, ingest.MethodPut, "L2", locationBody("Europe/London"))
	f := follow(t, log, memoryStore{})
	cases := []struct {
		name, id, country string
		received          int
		want, source      string
	}{
		{"the zone it had when the CDR came", "L1", "GBR", 15, "Europe/Dublin", "location"},
		{"the corrected one", "L1", "GBR", 25, "Europe/London", "location"},
		{"before the Location: the country's only zone", "L1", "FRA", 5, "Europe/Paris", "country"},
		{"a country with several: the Location's first", "L1", "USA", 5, "Europe/Dublin", "location"},
		{"unknown Location and country", "L9", "USA", 25, "", ""},
	}
	for _, c := range cases {
		zone, source := f.Zone(ocpi.NewKey("GB", "DUN", c.id), c.country, at(c.received))
		if zone != c.want || source != c.source {
			t.Errorf("%s: %q from %q, want %q from %q", c.name, zone, source, c.want, c.source)
		}
	}
}

// A follower that starts from what the store was given answers like one that
// folded the whole log.
func TestRestartFromTheStore(t *testing.T) {
	log := controltest.NewLog()
	push(t, log, 10, ingest.ObjectTariff, ingest.MethodPut, "T1", tariffBody("0.10", ""))
	push(t, log, 11, ingest.ObjectLocation, ingest.MethodPut, "L1", locationBody("Europe/Dublin"))
	push(t, log, 12, ingest.ObjectLocation, ingest.MethodPut, "L1", locationBody("Europe/London"))
	push(t, log, 13, ingest.ObjectTariff, ingest.MethodDelete, "T1", "")
	push(t, log, 14, ingest.ObjectTariff, ingest.MethodPut, "T1", tariffBody("0.20", ""))
	push(t, log, 15, ingest.ObjectTariff, ingest.MethodPatch, "T9", `{}`) // nobody PUT it: changes nothing
	whole := follow(t, log, memoryStore{})

	var records []ingest.Record
	ctx, cancel := context.WithCancel(t.Context())
	_ = log.Tail(ctx, log.Partitions(ingest.TopicReference)[0], 0, func(r []ingest.Record) error {
		records = append(records, r...)
		cancel()
		return nil
	})
	for split := range len(records) + 1 {
		stored := memoryStore{next: int64(split), states: whole.States(0, records[:split])}
		restarted := follow(t, log, stored)
		for minute := range 20 {
			a, b := describe(whole, minute), describe(restarted, minute)
			if diff := cmp.Diff(a, b); diff != "" {
				t.Errorf("store holds %d of %d records, CDR received at minute %d (-whole log +restarted):\n%s", split, len(records), minute, diff)
			}
		}
	}
}

func describe(f *reference.Follower, received int) []string {
	version := "unknown"
	if v := f.Tariff(ocpi.NewKey("GB", "DUN", "T1"), at(received), at(0)); v != nil {
		version = v.Position.String() + " " + v.Hash()
	}
	current := "none"
	if v := f.CurrentTariff(ocpi.NewKey("GB", "DUN", "T1")); v != nil {
		current = v.Position.String()
	}
	zone, source := f.Zone(ocpi.NewKey("GB", "DUN", "L1"), "USA", at(received))
	return []string{version, current, zone, source}
}

// stamped is a body with another last_updated, the n-th minute of 2019-01-01.
func stamped(body string, n int) string {
	return strings.ReplaceAll(body, "2019-01-01T00:00", fmt.Sprintf("2019-01-01T00:%02d", n))
}

// What was overtaken on its way changes nothing (R-OWN-07), and a follower
// that starts in the middle decides alike.
func TestAnOlderLastUpdatedIsIgnored(t *testing.T) {
	const (
		token     = `{"country_code":"GB","party_id":"DUN","uid":"U1","type":"RFID","contract_id":"%s","issuer":"i","valid":true,"whitelist":"ALWAYS","last_updated":"2019-01-01T00:00:00Z"}`
		evse      = `{"uid":"E1","status":"%s","last_updated":"2019-01-01T00:00:00Z"}`
		connector = `{"id":"1","format":"%s","last_updated":"2019-01-01T00:00:00Z"}`
		patch     = `{"%s":"%s","last_updated":"2019-01-01T00:00:00Z"}`
	)
	location := strings.Replace(locationBody("Europe/London"), `"last_updated"`, `"evses":[{"uid":"E1","status":"AVAILABLE","last_updated":"2019-01-01T00:00:00Z"}],"last_updated"`, 1)
	steps := []struct {
		object ingest.Object
		method ingest.Method
		sub    string
		body   string
		minute int // of last_updated
		want   string
	}{
		{ingest.ObjectTariff, ingest.MethodPut, "", tariffBody("0.10", ""), 5, `"price":0.10`},
		{ingest.ObjectTariff, ingest.MethodPut, "", tariffBody("0.20", ""), 4, `"price":0.10`},
		{ingest.ObjectTariff, ingest.MethodPut, "", tariffBody("0.30", ""), 5, `"price":0.30`},
		{ingest.ObjectTariff, ingest.MethodDelete, "", "", 0, ""},
		{ingest.ObjectTariff, ingest.MethodPut, "", tariffBody("0.40", ""), 3, `"price":0.40`},
		{ingest.ObjectToken, ingest.MethodPut, "RFID", fmt.Sprintf(token, "C1"), 5, `"contract_id":"C1"`},
		{ingest.ObjectToken, ingest.MethodPut, "RFID", fmt.Sprintf(token, "C2"), 4, `"contract_id":"C1"`},
		{ingest.ObjectToken, ingest.MethodPatch, "RFID", fmt.Sprintf(patch, "contract_id", "C3"), 4, `"contract_id":"C1"`},
		{ingest.ObjectToken, ingest.MethodPatch, "RFID", fmt.Sprintf(patch, "contract_id", "C4"), 6, `"contract_id":"C4"`},
		{ingest.ObjectLocation, ingest.MethodPut, "", location, 5, `"status":"AVAILABLE"`},
		{ingest.ObjectLocation, ingest.MethodPut, "E1", fmt.Sprintf(evse, "CHARGING"), 8, `"status":"CHARGING"`},
		{ingest.ObjectLocation, ingest.MethodPatch, "E1", fmt.Sprintf(patch, "status", "BLOCKED"), 7, `"status":"CHARGING"`},
		{ingest.ObjectLocation, ingest.MethodPut, "E1", fmt.Sprintf(evse, "RESERVED"), 7, `"status":"CHARGING"`},
		{ingest.ObjectLocation, ingest.MethodPut, "", location, 6, `"status":"CHARGING"`}, // the EVSE's change made the Location as new
		{ingest.ObjectLocation, ingest.MethodPut, "E1/1", fmt.Sprintf(connector, "SOCKET"), 2, `"format":"SOCKET"`},
		{ingest.ObjectLocation, ingest.MethodPut, "E1/1", fmt.Sprintf(connector, "CABLE"), 1, `"format":"SOCKET"`},
		{ingest.ObjectLocation, ingest.MethodPatch, "E1/1", fmt.Sprintf(patch, "format", "CABLE"), 3, `"format":"CABLE"`},
		{ingest.ObjectLocation, ingest.MethodPatch, "", fmt.Sprintf(patch, "city", "older"), 7, `"city":"c"`},
		{ingest.ObjectLocation, ingest.MethodPatch, "", fmt.Sprintf(patch, "city", "newer"), 9, `"city":"newer"`},
	}
	log := controltest.NewLog()
	var stored memoryStore
	for i, s := range steps {
		id := map[ingest.Object]string{ingest.ObjectTariff: "T1", ingest.ObjectToken: "U1", ingest.ObjectLocation: "L1"}[s.object]
		e := &ingest.Envelope{Object: s.object, Method: s.method, Version: ocpi.V221, Key: ocpi.NewKey("GB", "DUN", id), Received: at(i)}
		e.SetSub(s.sub)
		pos, err := log.Append(t.Context(), ingest.TopicReference, e, []byte(stamped(s.body, s.minute)))
		if err != nil {
			t.Fatal(err)
		}
		whole, restarted := follow(t, log, memoryStore{}), follow(t, log, stored)
		target := ingest.Target{Object: s.object, Key: e.Key, Variant: e.Variant}
		for name, f := range map[string]*reference.Follower{"whole log": whole, "restarted": restarted} {
			raw, _, ok, err := f.Get(t.Context(), target)
			if err != nil || ok != (s.want != "") || !strings.Contains(string(raw), s.want) {
				t.Errorf("step %d, %s: %s %v (known %v), want %s", i, name, raw, err, ok, s.want)
			}
		}
		if s.object != ingest.ObjectTariff {
			stored.states = slices.DeleteFunc(stored.states, func(o ingest.ObjectState) bool { return o.Object == s.object })
		}
		stored.states = append(stored.states, whole.States(0, []ingest.Record{{Position: pos, Envelope: *e}})...)
		stored.next = pos.Offset + 1
	}
	if n := follow(t, log, memoryStore{}).Versions(ocpi.NewKey("GB", "DUN", "T1")); n != 3 {
		t.Errorf("%d versions of the tariff, want 3", n)
	}
}

// cutShort is a store whose connection breaks after the Tariffs, once.
type cutShort struct {
	memoryStore
	broken *bool
}

var errBroken = errors.New("connection broke")

func (s cutShort) LoadObjects(ctx context.Context, kind ingest.Object, fn func(ingest.ObjectState) error) error {
	if kind == ingest.ObjectLocation && !*s.broken {
		*s.broken = true
		return errBroken
	}
	return s.memoryStore.LoadObjects(ctx, kind, fn)
}

// A load that broke off is done again, and no version is there twice.
func TestALoadThatBrokeOffIsDoneAgain(t *testing.T) {
	version := func(offset int64, price string) ingest.ObjectState {
		return ingest.ObjectState{Object: ingest.ObjectTariff, Key: ocpi.NewKey("GB", "DUN", "T1"), Version: ocpi.V221,
			Position: ingest.Position{Epoch: 1, Offset: offset}, Received: at(int(offset)), Body: []byte(tariffBody(price, ""))}
	}
	store := cutShort{memoryStore{next: 2, states: []ingest.ObjectState{version(0, "0.10"), version(1, "0.20")}}, new(bool)}
	log := controltest.NewLog()
	for range 2 {
		push(t, log, 1, ingest.ObjectToken, ingest.MethodPut, "U1", "{}")
	}
	f := reference.NewFollower(log, store, slog.New(slog.DiscardHandler), prometheus.NewRegistry())
	if err := f.Run(t.Context()); !errors.Is(err, errBroken) {
		t.Fatalf("first load: %v, want the store's error", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- f.Run(ctx) }()
	defer func() { cancel(); <-done }()
	if err := f.CatchUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := f.Versions(ocpi.NewKey("GB", "DUN", "T1")); n != 2 {
		t.Errorf("%d versions, want the 2 there are", n)
	}
}
