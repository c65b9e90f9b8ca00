package command_test

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/roamclear/roamclear/api"
	"github.com/roamclear/roamclear/api/command"
	"github.com/roamclear/roamclear/ingest/objects"
	"github.com/roamclear/roamclear/ocpi"
)

// charges asks for a charge by a Token of a party at a place.
func (w *world) charges(party ocpi.Party, uid, location string) error {
	id := command.NewID()
	body := fmt.Sprintf(`{"response_url":%q,"token":{"country_code":%q,"party_id":%q,"uid":%q,"type":"APP_USER","contract_id":"C-%s","issuer":"E","valid":true,`+
		`"whitelist":"NEVER","last_updated":"2026-01-05T10:00:00Z"},"location_id":%q,"authorization_reference":%q}`, command.NoURL, party.Country, party.ID, uid, uid, location, id)
	_, err := w.office.Ask(w.t.Context(), command.Asking{ID: id, Party: party, Via: objects.ViaApp, Caller: "key-1", CPO: abc, Command: commandOf(w.t, ocpi.StartSession, body)})
	synctest.Wait()
	return err
}

func (w *world) tooOften(err error) bool {
	_, often := errors.AsType[*api.TooOftenError](err)
	return often && api.Classify(err) == api.KindTooOften
}

// A party has no more than so many commands open, and takes no place of another's. It may
// still stop what it has started, and what is over makes room.
func TestOpenCommandsAreBoundedPerParty(t *testing.T) {
	bubble(t, func(w *world) {
		w.stop()
		w.open = 3
		w.start(true)
		tnm := ocpi.NewParty("DE", "TNM")
		for n := range 3 {
			if err := w.charges(emp, fmt.Sprint("U", n), "L1"); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.charges(emp, "U4", "L1"); !w.tooOften(err) {
			t.Errorf("one more than it may: %v", err)
		}
		if err := w.charges(tnm, "U4", "L1"); err != nil {
			t.Errorf("another party: %v", err)
		}
		stop := command.Asking{Party: emp, Via: objects.ViaOCPI, CPO: abc, Command: commandOf(t, ocpi.StopSession, `{"response_url":"u","session_id":"S"}`)}
		for range 3 {
			if _, err := w.office.Ask(w.t.Context(), stop); err != nil {
				t.Errorf("a stop: %v", err)
			}
		}
		if _, err := w.office.Ask(w.t.Context(), stop); !w.tooOften(err) {
			t.Errorf("as many stops again: %v", err)
		}
		time.Sleep(25 * time.Hour)
		if err := w.charges(emp, "U4", "L1"); err != nil {
			t.Errorf("after they are over: %v", err)
		}
	})
}

// Starts with one Token at one place that wait for their Session are few: each Session of it
// is held against all of them.
func TestStartsLikeEachOtherAreBounded(t *testing.T) {
	bubble(t, func(w *world) {
		for n := range 100 {
			if err := w.charges(emp, "U1", "L1"); err != nil {
				t.Fatal(n, err)
			}
		}
		if err := w.charges(emp, "u1", "l1"); !w.tooOften(err) {
			t.Errorf("the 101st: %v", err)
		}
		if err := w.charges(emp, "U2", "L1"); err != nil {
			t.Errorf("another Token: %v", err)
		}
		if err := w.charges(emp, "U1", "L2"); err != nil {
			t.Errorf("another place: %v", err)
		}
	})
}
