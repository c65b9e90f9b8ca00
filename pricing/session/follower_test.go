package session_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ingest/control/controltest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing/session"
)

// memoryStore is a store that holds Sessions up to a checkpoint.
type memoryStore struct {
	next     int64
	sessions map[ocpi.Key]ingest.ObjectState
}

func (s memoryStore) Checkpoint(context.Context, ingest.Partition) (int64, error) {
	return s.next, nil
}

func (s memoryStore) LookupSessions(_ context.Context, keys []ocpi.Key) (map[ocpi.Key]ingest.ObjectState, error) {
	found := map[ocpi.Key]ingest.ObjectState{}
	for _, k := range keys {
		if o, ok := s.sessions[k]; ok {
			found[k] = o
		}
	}
	return found, nil
}

var key = ocpi.NewKey("GB", "DUN", "S1")

func put(kwh string, updated int, periods ...int) string {
	return fmt.Sprintf(`{"country_code":"GB","party_id":"DUN","id":"S1","start_date_time":"2019-01-01T10:00:00Z","kwh":%s,
"cdr_token":{"country_code":"NL","party_id":"EXW","uid":"U","type":"RFID","contract_id":"C"},"auth_method":"WHITELIST","location_id":"L1","evse_uid":"E1","connector_id":"1",
"currency":"GBP","charging_periods":[%s],"status":"ACTIVE","last_updated":"2019-01-01T10:%02d:00Z"}`, kwh, periodList(periods), updated)
}

func patch(kwh string, updated int, periods ...int) string {
	return fmt.Sprintf(`{"kwh":%s,"charging_periods":[%s],"last_updated":"2019-01-01T10:%02d:00Z"}`, kwh, periodList(periods), updated)
}

func periodList(minutes []int) string {
	var b strings.Builder
	for i, m := range minutes {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"start_date_time":"2019-01-01T10:%02d:00Z","dimensions":[{"type":"ENERGY","volume":1}]}`, m)
	}
	return b.String()
}

func push(t *testing.T, log *controltest.Log, m ingest.Method, body string) ingest.Position {
	t.Helper()
	p, err := log.Append(t.Context(), ingest.TopicSessions, &ingest.Envelope{Object: ingest.ObjectSession, Method: m, Version: ocpi.V221, Key: key}, []byte(body))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func follow(t *testing.T, log *controltest.Log, store session.Store) *session.Follower {
	t.Helper()
	f := session.NewFollower(log, store, prometheus.NewRegistry())
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- f.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-done })
	return f
}

func state(t *testing.T, f *session.Follower, upTo ingest.Position) string {
	t.Helper()
	if err := f.WaitNext(t.Context(), 0, upTo.Offset+1); err != nil {
		t.Fatal(err)
	}
	s, ok, err := f.Get(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	if !ok {
		return "unknown"
	}
	var d ocpi.Decoder
	o, err := d.Session(ocpi.V221, s.Body)
	if err != nil {
		t.Fatal(err)
	}
	minutes := make([]int, len(o.Periods))
	for i, p := range o.Periods {
		minutes[i] = p.Start.Go().Minute()
	}
	return fmt.Sprintf("%s kWh, periods at %v", o.KWh, minutes)
}

func TestFold(t *testing.T) {
	log := controltest.NewLog()
	f := follow(t, log, memoryStore{})
	step := func(name string, m ingest.Method, body, want string) {
		t.Helper()
		if got := state(t, f, push(t, log, m, body)); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
	step("PATCH of a Session nobody PUT", ingest.MethodPatch, patch("1", 1, 0), "unknown")
	step("PUT", ingest.MethodPut, put("1", 5, 0), "1 kWh, periods at [0]")
	step("PATCH appends periods", ingest.MethodPatch, patch("2", 10, 5), "2 kWh, periods at [0 5]")
	step("PATCH of a known period replaces it", ingest.MethodPatch, patch("2.5", 11, 5), "2.5 kWh, periods at [0 5]")
	step("an older last_updated is ignored", ingest.MethodPatch, patch("9", 9, 7), "2.5 kWh, periods at [0 5]")
	step("PUT replaces, periods and all", ingest.MethodPut, put("3", 20, 10), "3 kWh, periods at [10]")
}

// A replay of any length over what the store holds changes nothing.
func TestReplayChangesNothing(t *testing.T) {
	log := controltest.NewLog()
	var last ingest.Position
	bodies := []struct {
		m    ingest.Method
		body string
	}{{ingest.MethodPut, put("1", 5, 0)}, {ingest.MethodPatch, patch("2", 10, 5)}, {ingest.MethodPatch, patch("3", 15, 10)}, {ingest.MethodPatch, patch("4", 20, 15)}}
	whole := follow(t, log, memoryStore{})
	states := make([]ingest.ObjectState, len(bodies))
	for i, b := range bodies {
		last = push(t, log, b.m, b.body)
		state(t, whole, last)
		states[i], _, _ = whole.Get(t.Context(), key)
	}
	want := state(t, whole, last)
	for stored := range bodies {
		for checkpoint := range stored + 2 {
			store := memoryStore{next: int64(checkpoint), sessions: map[ocpi.Key]ingest.ObjectState{key: states[stored]}}
			if got := state(t, follow(t, log, store), last); got != want {
				t.Errorf("store holds the state of record %d, replay from %d: %s, want %s", stored, checkpoint, got, want)
			}
		}
	}
}

// breaking is a store that another process keeps, and that can be away.
type breaking struct {
	mu sync.Mutex
	memoryStore
	away bool
}

func (s *breaking) set(away bool, m memoryStore) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.away, s.memoryStore = away, m
}

var errAway = errors.New("store is away")

func (s *breaking) Checkpoint(ctx context.Context, p ingest.Partition) (int64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.memoryStore.Checkpoint(ctx, p)
}

func (s *breaking) LookupSessions(ctx context.Context, keys []ocpi.Key) (map[ocpi.Key]ingest.ObjectState, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.away {
		return nil, errAway
	}
	return s.memoryStore.LookupSessions(ctx, keys)
}

// While this process waits for the store, another one may store records that
// it has not folded: going on at the checkpoint would leave what is in memory
// as it was, for ever.
func TestAfterAnOutageNothingIsSkipped(t *testing.T) {
	log, store := controltest.NewLog(), &breaking{}
	f := session.NewFollower(log, store, prometheus.NewRegistry())
	ended := make(chan error, 1)
	go func() { ended <- f.Run(t.Context()) }()
	state(t, f, push(t, log, ingest.MethodPut, put("1", 5, 0)))

	store.set(true, memoryStore{})
	other := &ingest.Envelope{Object: ingest.ObjectSession, Method: ingest.MethodPut, Version: ocpi.V221, Key: ocpi.NewKey("GB", "DUN", "S2")}
	if _, err := log.Append(t.Context(), ingest.TopicSessions, other, []byte(strings.Replace(put("1", 5, 0), "S1", "S2", 1))); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; !errors.Is(err, errAway) {
		t.Fatalf("follower ended with %v, want the store's error", err)
	}
	last := push(t, log, ingest.MethodPatch, patch("2", 10, 5))
	store.set(false, memoryStore{next: last.Offset + 1})

	ctx, cancel := context.WithCancel(t.Context())
	go func() { ended <- f.Run(ctx) }()
	defer func() { cancel(); <-ended }()
	if got, want := state(t, f, last), "2 kWh, periods at [0 5]"; got != want {
		t.Errorf("after the outage: %s, want %s", got, want)
	}
}
