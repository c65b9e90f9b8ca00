package stations

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ingest/objects"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing"
)

// happened is what a store has, in the order in which it came.
type happened struct {
	received ocpi.Time
	// One of these: a charge that a CDR tells of, a Session, a command.
	connector uint64
	end       ocpi.Time
	session   *ingest.ObjectState
	command   *ingest.ObjectState
}

type workedStore struct {
	all  []happened
	fail error
}

func (s *workedStore) LastCharges(_ context.Context, ended, received ocpi.Time, fn func(uint64, ocpi.Time) error) error {
	for _, h := range s.all {
		if h.connector != 0 && h.end >= ended && h.received >= received {
			if err := fn(h.connector, h.end); err != nil {
				return err
			}
		}
	}
	return s.fail
}

func (s *workedStore) EndedSessions(_ context.Context, since ocpi.Time, fn func(*ingest.ObjectState) error) error {
	last := map[string]*ingest.ObjectState{} // a store has the last state of each
	for _, h := range s.all {
		if h.session != nil {
			last[h.session.Key.ID] = h.session
		}
	}
	for _, v := range last {
		if v.Received >= since {
			if err := fn(v); err != nil {
				return err
			}
		}
	}
	return s.fail
}

func (s *workedStore) CommandsSince(_ context.Context, since ocpi.Time, fn func(*ingest.ObjectState) error) error {
	for _, h := range s.all {
		if h.command != nil && h.received >= since {
			if err := fn(h.command); err != nil {
				return err
			}
		}
	}
	return s.fail
}

var workedOwner = ocpi.NewParty("SE", "ABC")

// What is told of an EVSE is what all that ever happened says of it, however often and in
// whatever pieces it was read.
func TestWorkedAgainstAllThatHappened(t *testing.T) {
	start := ocpi.TimeOf(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
	const hour = ocpi.Time(3600 * ocpi.Second)
	rapid.Check(t, func(t *rapid.T) {
		store, w, now := &workedStore{}, NewWorked(), start
		charges, sessions, failures := map[string]ocpi.Time{}, map[string]ocpi.Time{}, map[string]map[string]ocpi.Time{"e0": {}, "e1": {}}
		done := map[string]bool{}
		var before ocpi.Time
		for step := range rapid.IntRange(1, 30).Draw(t, "steps") {
			now += hour * ocpi.Time(rapid.SampledFrom([]int{1, 5, 30, 24 * 8, 24 * 40}).Draw(t, "passes"))
			evse := rapid.SampledFrom([]string{"e0", "e1"}).Draw(t, "evse")
			end := now - hour*ocpi.Time(rapid.SampledFrom([]int{0, 1, 24 * 3, 24 * 100}).Draw(t, "ago"))
			switch rapid.IntRange(0, 4).Draw(t, "what") {
			case 0: // a CDR, of a connector
				store.all = append(store.all, happened{received: now, connector: pricing.ConnectorHash(workedOwner, "L", evseID(evse), "1"), end: end})
				charges[evse] = max(charges[evse], end)
			case 1: // a Session, perhaps of an id there was
				id := fmt.Sprint(rapid.IntRange(0, 5).Draw(t, "session"))
				if done[id] {
					break // what is COMPLETED stays
				}
				status, kwh := rapid.SampledFrom([]string{"COMPLETED", "INVALID"}).Draw(t, "status"), rapid.SampledFrom([]int{0, 7}).Draw(t, "kwh")
				body := fmt.Sprintf(`{"country_code":"SE","party_id":"ABC","id":%q,"location_id":"l","evse_uid":%q,"connector_id":"1","kwh":%d,"status":%q,"currency":"EUR",
"start_date_time":"2025-01-01T00:00:00Z","end_date_time":%q,"last_updated":%q}`, id, evse, kwh, status, end.String(), now.String())
				store.all = append(store.all, happened{received: now, session: &ingest.ObjectState{Object: ingest.ObjectSession, Version: ocpi.V221, Key: ocpi.NewKey("SE", "ABC", id), Received: now, Body: []byte(body)}})
				done[id] = status == "COMPLETED"
				for _, of := range failures {
					delete(of, "s"+id)
				}
				if status == "INVALID" || kwh == 0 {
					failures[evse]["s"+id] = end
				} else {
					sessions[evse] = max(sessions[evse], end)
				}
			case 2: // a start
				id, failed := fmt.Sprint("c", step), rapid.Bool().Draw(t, "failed")
				c := objects.Command{CommandRequest: objects.CommandRequest{Type: ocpi.StartSession, CPO: "SE*ABC", Location: "L", EVSE: evse, Body: []byte(`{}`)}, Asked: now,
					Result: &objects.CommandSaid{Result: ocpi.CommandAccepted}}
				if failed {
					c.Result.Result = ocpi.CommandFailed
					failures[evse][id] = now
				}
				body, err := json.Marshal(&c)
				if err != nil {
					t.Fatal(err)
				}
				store.all = append(store.all, happened{received: now, command: &ingest.ObjectState{Object: ingest.ObjectCommand, Key: ocpi.NewKey("SE", "EMP", id), Received: now, Body: body}})
			}
			if rapid.IntRange(0, 2).Draw(t, "reads") > 0 {
				continue
			}
			if err := w.Refresh(t.Context(), store, before, now); err != nil {
				t.Fatal(err)
			}
			before = now
			for evse, of := range failures {
				got := w.Of(workedOwner, "l", &ocpi.EVSE{UID: evse, Connectors: []ocpi.Connector{{ID: "1"}}}, now)
				want := Lately{}
				if last := charges[evse]; last >= now-ocpi.Time(WorkedWithin) && last > 0 {
					want.LastCharge = last
				}
				if last := sessions[evse]; last >= now-ocpi.Time(FailedWithin) {
					want.LastCharge = max(want.LastCharge, last)
				}
				for _, at := range of {
					if at >= now-ocpi.Time(FailedWithin) {
						want.Failed++
					}
				}
				if got != want {
					t.Fatalf("%s at %s: %+v, want %+v", evse, now, got, want)
				}
			}
		}
	})
}

func evseID(s string) string { return ocpi.Fold(s) }

// A store that is away changes nothing, and nothing is known before it was read once.
func TestWorkedWithoutAStore(t *testing.T) {
	now := ocpi.TimeOf(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
	w, store := NewWorked(), &workedStore{fail: errors.New("away")}
	if err := w.Refresh(t.Context(), store, 0, now); err == nil || w.Ready() {
		t.Errorf("ready after %v", err)
	}
	store.fail = nil
	if err := w.Refresh(t.Context(), store, 0, now); err != nil || !w.Ready() {
		t.Errorf("not ready: %v", err)
	}
}
