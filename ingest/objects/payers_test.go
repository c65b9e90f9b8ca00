package objects_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ingest/ingesttest"
	"github.com/roamclear/roamclear/ingest/objects"
	"github.com/roamclear/roamclear/ingest/objects/objectstest"
	"github.com/roamclear/roamclear/ocpi"
)

// unnamed are Sessions of nobody, two a page.
type unnamed []ingest.ObjectState

func (u unnamed) UnnamedSessions(_ context.Context, _ ingest.Partition, after string, _ int) ([]ingest.ObjectState, string, error) {
	from := len(after)
	if from+2 >= len(u) {
		return u[min(from, len(u)):], "", nil
	}
	return u[from : from+2], strings.Repeat("x", from+2), nil
}

// Who pays for a Session of nobody is found when somebody comes to be known, by what
// the Session says now: its record says so, and changes nothing that was said.
func TestPayersAreFoundLater(t *testing.T) {
	exw := ocpi.NewParty("NL", "EXW")
	const token = `"country_code":"NL","party_id":"EXW","uid":"U","type":"RFID","contract_id":"C"`
	log := ingesttest.NewLog(1)
	f := objectstest.Follow(t, log, objectstest.NewStore(), objects.Sessions{})
	var stored unnamed
	for _, id := range []string{"S1", "S2", "S3", "S4"} {
		said := strings.Replace(put(id, "1", 1), token, `"uid":"U","type":"RFID","contract_id":"`+id+`"`, 1)
		push(t, log, ingest.MethodPut, session(id), said)
		stored = append(stored, ingest.ObjectState{Object: ingest.ObjectSession, Key: session(id).Key, Contract: id})
	}
	push(t, log, ingest.MethodPut, session("S3"), put("S3", "1", 2)) // names somebody by now
	if err := f.CatchUp(t.Context(), ingest.TopicSessions); err != nil {
		t.Fatal(err)
	}
	before, _, err := f.Get(t.Context(), session("S1"))
	if err != nil {
		t.Fatal(err)
	}
	payers := objects.Payers{Store: stored, Objects: f, Log: log, Metrics: objects.NewPayerMetrics(prometheus.NewRegistry()), Payer: func(contract string, start ocpi.Time) (ocpi.Party, bool) {
		return exw, contract != "S4" && (start == 0 || start == before.LastUpdated-ocpi.Time(60*ocpi.Second))
	}}
	p := log.Place(ingest.TopicSessions, session("S1").Key)
	for range 2 { // the second time there is nothing to do
		if more, err := payers.Look(t.Context(), p); more || err != nil {
			t.Fatal(more, err)
		}
	}
	if _, end, err := log.Bounds(t.Context(), p); end != 7 || err != nil {
		t.Errorf("%d records, %v; want two more than five", end, err)
	}
	for id, want := range map[string]ocpi.Party{"S1": exw, "S2": exw, "S3": exw, "S4": {}} {
		s, ok, err := f.Get(t.Context(), session(id))
		if err != nil || !ok || s.With != want {
			t.Errorf("%s is with %s, known %t, %v; want %s", id, s.With, ok, err, want)
		}
		if id == "S1" {
			if s.Named < before.Received {
				t.Errorf("it was named at %s, before it came", s.Named)
			}
			before.With, before.Position, before.Named = s.With, s.Position, s.Named
			if diff := cmp.Diff(before, s); diff != "" {
				t.Errorf("what was found changes more: %s", diff)
			}
		}
	}
}

// unnameable is a log that takes no record of some Sessions.
type unnameable struct {
	*ingesttest.Log
	bad map[string]bool
}

var errBad = errors.New("not this one")

func (l unnameable) Append(ctx context.Context, topic ingest.Topic, e *ingest.Envelope, body []byte) (ingest.Position, error) {
	if l.bad[e.Key.ID] {
		return ingest.Position{}, errBad
	}
	return l.Log.Append(ctx, topic, e, body)
}

// nobodys are Sessions that name a contract alone, in the log and on the store's list.
func nobodys(t *testing.T, log *ingesttest.Log, n int) (stored unnamed) {
	t.Helper()
	const token = `"country_code":"NL","party_id":"EXW","uid":"U","type":"RFID","contract_id":"C"`
	for i := range n {
		id := fmt.Sprint("S", i)
		push(t, log, ingest.MethodPut, session(id), strings.Replace(put(id, "1", 1), token, `"uid":"U","type":"RFID","contract_id":"C"`, 1))
		stored = append(stored, ingest.ObjectState{Object: ingest.ObjectSession, Key: session(id).Key, Contract: "C"})
	}
	return stored
}

// A Session that cannot be named ends nothing: the others are named, it is told, and
// tried again after a while that grows. What fails for all of them ends the look.
func TestABadSessionIsSkipped(t *testing.T) {
	exw := ocpi.NewParty("NL", "EXW")
	log := ingesttest.NewLog(1)
	stored := nobodys(t, log, 5)
	p := log.Place(ingest.TopicSessions, session("S1").Key)
	f := objectstest.Follow(t, log, objectstest.NewStore(), objects.Sessions{})
	refusing := unnameable{log, map[string]bool{"S0": true, "S3": true}}
	now := time.Date(2019, 1, 1, 0, 0, 0, 0, time.UTC)
	registry := prometheus.NewRegistry()
	var tries atomic.Int64
	payers := objects.Payers{Store: stored, Objects: f, Log: refusing, Metrics: objects.NewPayerMetrics(registry), Logger: slog.New(slog.DiscardHandler),
		Now: func() time.Time { return now }, Payer: func(_ string, start ocpi.Time) (ocpi.Party, bool) {
			if start != 0 {
				tries.Add(1)
			}
			return exw, true
		}}
	look := func(after time.Duration, wantTries int64, want string) {
		t.Helper()
		now = now.Add(after)
		tries.Store(0)
		if more, err := payers.Look(t.Context(), p); more || err != nil {
			t.Fatalf("more %t, %v", more, err)
		}
		var named []string
		for i := range stored {
			if s, _, err := f.Get(t.Context(), ingest.Target{Object: ingest.ObjectSession, Key: stored[i].Key}); err == nil && s.With == exw {
				named = append(named, s.Key.ID)
			}
		}
		if got := strings.Join(named, " "); got != want || tries.Load() != wantTries {
			t.Errorf("after %s: named are %q after %d attempts, want %q after %d", after, got, tries.Load(), want, wantTries)
		}
	}
	look(0, 7, "S1 S2 S4") // each of the bad ones twice: beside the others, and alone
	look(59*time.Second, 0, "S1 S2 S4")
	look(time.Second, 4, "S1 S2 S4")
	look(time.Minute, 0, "S1 S2 S4") // the second pause is longer
	delete(refusing.bad, "S3")
	look(time.Minute, 3, "S1 S2 S3 S4")
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	counts := map[string]float64{}
	for _, f := range families {
		counts[f.GetName()] = f.GetMetric()[0].GetCounter().GetValue()
	}
	if diff := cmp.Diff(map[string]float64{"roamclear_sessions_unnameable_total": 5, "roamclear_sessions_named_total": 4}, counts); diff != "" {
		t.Error(diff)
	}
	// A log that takes nothing is no Session's fault.
	many := nobodys(t, log, 20)
	all := unnameable{log, map[string]bool{}}
	for i := range many {
		all.bad[many[i].Key.ID] = true
	}
	away := objects.Payers{Store: many[5:], Objects: f, Log: all, Payer: payers.Payer, Metrics: payers.Metrics, Logger: payers.Logger}
	if _, err := away.Look(t.Context(), p); !errors.Is(err, errBad) {
		t.Errorf("a log that takes nothing: %v", err)
	}
}

// What waits when a process starts is named a part at a time; the next look goes on
// where the one before ended.
func TestNamingIsPaced(t *testing.T) {
	log := ingesttest.NewLog(1)
	stored := nobodys(t, log, 9)
	p := log.Place(ingest.TopicSessions, session("S1").Key)
	f := objectstest.Follow(t, log, objectstest.NewStore(), objects.Sessions{})
	payers := objects.Payers{Store: stored, Objects: f, Log: log, AtATime: 4, Metrics: objects.NewPayerMetrics(prometheus.NewRegistry()),
		Payer: func(string, ocpi.Time) (ocpi.Party, bool) { return ocpi.NewParty("NL", "EXW"), true }}
	for i, want := range []struct {
		records int64
		more    bool
	}{{4, true}, {8, true}, {9, false}, {9, true}, {9, true}, {9, false}} { // the list of the test names them again
		more, err := payers.Look(t.Context(), p)
		_, end, boundsErr := log.Bounds(t.Context(), p)
		if more != want.more || end != 9+want.records || err != nil || boundsErr != nil {
			t.Errorf("look %d: %d named, more %t, %v, %v; want %d, %t", i, end-9, more, err, boundsErr, want.records, want.more)
		}
	}
}
