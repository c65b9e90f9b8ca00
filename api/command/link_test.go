package command_test

import (
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/roamclear/roamclear/api/command"
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ingest/control"
	"github.com/roamclear/roamclear/ingest/objects"
	"github.com/roamclear/roamclear/ocpi"
)

// A Session belongs to the start whose id it refers to, or, where it refers to nothing,
// to the one start that is like it.
func TestWhoseASessionIs(t *testing.T) {
	reference := func(e *command.Entry) map[string]any {
		return map[string]any{"authorization_reference": strings.ToLower(e.Key.ID)}
	}
	none := map[string]any{}
	for _, tt := range []struct {
		name   string
		owner  ocpi.Party
		change func(e *command.Entry) map[string]any
		by     string
	}{
		{"it refers to it", abc, reference, "reference"},
		{"it refers to it, and is another CPO's", old, reference, ""},
		{"it refers to nothing of ours", abc, func(*command.Entry) map[string]any { return map[string]any{"authorization_reference": "other"} }, "token"},
		{"it refers to nothing of ours, at another EVSE", abc, func(*command.Entry) map[string]any {
			return map[string]any{"authorization_reference": "other", "evse_uid": "E2"}
		}, ""},
		{"it refers to an authorization of the Token", abc, func(*command.Entry) map[string]any { return map[string]any{"authorization_reference": "given"} }, ""},
		{"it refers to it, of another eMSP", abc, func(e *command.Entry) map[string]any {
			return map[string]any{"authorization_reference": e.Key.ID, "cdr_token": map[string]string{"country_code": "DE", "party_id": "TNM", "uid": "APP-77", "type": "RFID", "contract_id": "DE-TNM-C1"}}
		}, ""},
		{"it is like it", abc, func(*command.Entry) map[string]any { return none }, "token"},
		{"of another token", abc, func(*command.Entry) map[string]any {
			return map[string]any{"cdr_token": map[string]string{"country_code": "SE", "party_id": "EMP", "uid": "APP-78", "type": "APP_USER", "contract_id": "SE-EMP-C00077-X"}}
		}, ""},
		{"at another place", abc, func(*command.Entry) map[string]any { return map[string]any{"location_id": "L2"} }, ""},
		{"at another EVSE", abc, func(*command.Entry) map[string]any { return map[string]any{"evse_uid": "E2"} }, ""},
		{"begun before", abc, func(*command.Entry) map[string]any {
			return map[string]any{"start_date_time": time.Now().Add(-time.Hour).UTC().Format(time.RFC3339)}
		}, ""},
		{"of another CPO", old, func(*command.Entry) map[string]any { return none }, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(w *world) {
				w.authorization("GIVEN")
				e := w.starting(abc, objects.CommandLimits{})
				w.session(tt.owner, "S9", tt.change(e))
				c := w.now(e)
				by := ""
				if c.Session != nil {
					by = c.Session.By
				}
				if by != tt.by || len(c.Ambiguous) > 0 {
					t.Errorf("linked by %q, ambiguous %v", by, c.Ambiguous)
				}
			})
		})
	}
}

// Sessions that refer to their starts do not wait for each other: each link waits for the log
// twice, and starts come faster than that.
func TestLinksAreMadeSideBySide(t *testing.T) {
	bubble(t, func(w *world) {
		var starts []*command.Entry
		for range 31 {
			starts = append(starts, w.starting(abc, objects.CommandLimits{}))
		}
		synctest.Wait()
		hold := make(chan struct{})
		w.gate.hold.Store(&hold)
		for n, e := range starts {
			w.session(abc, fmt.Sprintf("S%d", n), map[string]any{"authorization_reference": e.Key.ID})
		}
		if n := w.gate.held.Load(); n != 1 {
			t.Fatalf("%d Sessions were there at first", n)
		}
		hold <- struct{}{}
		synctest.Wait()
		if n := w.gate.held.Load(); n != 30 {
			t.Errorf("%d of 30 links are under way at once", n)
		}
		close(hold)
		for n, e := range starts {
			if c := w.now(e); c.Session == nil || c.Session.ID != fmt.Sprintf("S%d", n) {
				t.Errorf("S%d: linked to %+v", n, c.Session)
			}
		}
	})
}

// Of Sessions that came together the first that refers to a start is its, whatever else is
// like it; another that refers to it is of no start.
func TestSessionsThatCameTogether(t *testing.T) {
	bubble(t, func(w *world) {
		first, one, two := w.starting(abc, objects.CommandLimits{}), w.starting(abc, objects.CommandLimits{}), w.starting(abc, objects.CommandLimits{})
		synctest.Wait()
		hold := make(chan struct{})
		w.gate.hold.Store(&hold)
		w.session(abc, "S0", map[string]any{"authorization_reference": first.Key.ID})
		for _, id := range []string{"S3", "S4", "S5"} { // which are looked at together, after S0
			w.session(abc, id, map[string]any{"authorization_reference": one.Key.ID})
		}
		w.session(abc, "S9", nil)
		close(hold)
		its := w.now(one).Session
		if its == nil || its.By != "reference" {
			t.Fatalf("linked to %+v", its)
		}
		if c := w.now(two); c.Session == nil || c.Session.ID != "S9" || len(c.Ambiguous) > 0 {
			t.Errorf("the other: %+v, ambiguous %v", c.Session, c.Ambiguous)
		}
		for _, id := range []string{"S3", "S4", "S5"} {
			s, taken, err := w.office.Objects.Get(w.t.Context(), command.Target(command.Name(abc, "IL", id)))
			if err != nil || taken != (id == its.ID) {
				t.Errorf("%s is of a start: %t, %s, %v", id, taken, s.Body, err)
			}
		}
	})
}

// authorization notes that APP-77 was authorized at SE*ABC.
func (w *world) authorization(reference string) {
	w.t.Helper()
	a := ingest.Authorization{Reference: reference, Allowed: "ALLOWED", EMSP: "SE*EMP", UID: "APP-77"}
	note, err := a.Annotation(abc, "APP_USER", ocpi.V221, "cpo")
	if err != nil {
		w.t.Fatal(err)
	}
	e := &ingest.Envelope{Object: note.Object, Method: ingest.MethodPut, Version: note.Version, Sender: note.Sender, Key: note.Key, Variant: note.Variant, Received: ocpi.TimeOf(time.Now())}
	if _, err := w.log.Append(w.t.Context(), note.Object.Topic(), e, note.Body); err != nil {
		w.t.Fatal(err)
	}
	synctest.Wait()
}

// A Session that refers to another start of ours is no other's, whatever it is like.
func TestASessionOfAnotherStart(t *testing.T) {
	bubble(t, func(w *world) {
		one := w.starting(abc, objects.CommandLimits{})
		w.session(abc, "S1", map[string]any{"authorization_reference": one.Key.ID})
		elsewhere, two := w.starting(old, objects.CommandLimits{}), w.starting(abc, objects.CommandLimits{})
		w.session(abc, "S2", map[string]any{"authorization_reference": one.Key.ID})
		w.session(abc, "S3", map[string]any{"authorization_reference": elsewhere.Key.ID})
		if c := w.now(two); c.Session != nil || len(c.Ambiguous) > 0 {
			t.Errorf("linked to %+v, ambiguous %v", c.Session, c.Ambiguous)
		}
	})
}

// Where nobody is known to pay for a Session that is linked to a start, the start says who
// does: who asked for the charge can follow and stop it.
func TestWhoPaysForALinkedSession(t *testing.T) {
	for _, via := range []string{objects.ViaApp, objects.ViaOCPI} {
		bubble(t, func(w *world) {
			e := w.startingVia(via, old, objects.CommandLimits{})
			w.session211By("S9", "SE-EMP-C00077-X", "")
			if c := w.now(e); c.Session == nil || c.Session.By != "token" {
				t.Fatalf("via %s: linked to %+v", via, c.Session)
			}
			s, ok, err := w.office.follower.Get(w.t.Context(), ingest.Target{Object: ingest.ObjectSession, Key: ocpi.NewKey("SE", "OLD", "S9")})
			if err != nil || !ok || s.With != emp {
				t.Errorf("via %s: %s pays, known %t, %v", via, s.With, ok, err)
			}
			stop := commandOf(t, ocpi.StopSession, `{"response_url":"u","session_id":"S9"}`)
			if _, err := w.office.Ask(w.t.Context(), command.Asking{Party: emp, Via: via, CPO: old, Command: stop}); err != nil {
				t.Errorf("via %s: its stop: %v", via, err)
			}
			time.Sleep(time.Minute)
			if c := w.now(e); c.Open() {
				t.Errorf("via %s: something is left to see to", via)
			}
		})
	}
}

// A start over OCPI is its eMSP's to follow where its Session says who pays for it.
func TestAStartOverOCPI(t *testing.T) {
	bubble(t, func(w *world) {
		e := w.startingVia(objects.ViaOCPI, abc, objects.CommandLimits{})
		w.session(abc, "S9", map[string]any{"authorization_reference": e.Key.ID})
		if c := w.now(e); c.Session != nil || c.MayCharge() {
			t.Errorf("linked to %+v", c.Session)
		}
	})
}

// What a driver prefers is noted with the charge that an app of the same eMSP asked for.
func TestPreferencesOverOCPI(t *testing.T) {
	bubble(t, func(w *world) {
		e := w.starting(abc, objects.CommandLimits{})
		w.session(abc, "S9", map[string]any{"authorization_reference": e.Key.ID})
		w.session(abc, "S8", map[string]any{"location_id": "L2"})
		said := objects.CommandPreference{Sent: []byte(`{"profile_type":"CHEAP"}`), Response: "ACCEPTED"}
		for _, at := range []struct {
			session string
			emsp    ocpi.Party
			noted   bool
		}{{"S8", emp, false}, {"S9", ocpi.NewParty("DE", "TNM"), false}, {"S9", emp, true}} {
			if err := w.office.Preferred(w.t.Context(), ocpi.NewKey("SE", "ABC", at.session), at.emsp, "se-emp-emsp", said); err != nil {
				t.Fatal(err)
			}
			if c := w.now(e); (c.Preferences != nil) != at.noted || at.noted && c.Preferences.Response != "ACCEPTED" {
				t.Errorf("%s of %s: %+v", at.session, at.emsp, c.Preferences)
			}
		}
	})
}

// Where two starts are like a Session nobody knows whose it is; and no Session is two
// starts'.
func TestAmbiguousSessions(t *testing.T) {
	bubble(t, func(w *world) {
		one, two := w.starting(abc, objects.CommandLimits{}), w.starting(abc, objects.CommandLimits{})
		w.session(abc, "S9", nil)
		for _, e := range []*command.Entry{one, two} {
			if c := w.now(e); c.Session != nil || len(c.Ambiguous) != 1 || c.Ambiguous[0].ID != "S9" {
				t.Errorf("linked %+v, ambiguous %v", c.Session, c.Ambiguous)
			}
		}
		_, before, _ := w.log.Bounds(w.t.Context(), w.log.Partitions(ingest.TopicCommands)[0])
		w.session(abc, "S9", map[string]any{"kwh": 1})
		if _, now, _ := w.log.Bounds(w.t.Context(), w.log.Partitions(ingest.TopicCommands)[0]); now != before {
			t.Errorf("%d records say again what is known", now-before)
		}
		w.session(abc, "S8", map[string]any{"authorization_reference": one.Key.ID})
		w.session(abc, "S7", nil)
		if c := w.now(one); c.Session == nil || c.Session.ID != "S8" {
			t.Errorf("the one: %+v", c.Session)
		}
		if c := w.now(two); c.Session == nil || c.Session.ID != "S7" {
			t.Errorf("the other: %+v", c.Session)
		}
		three := w.starting(abc, objects.CommandLimits{})
		w.session(abc, "S7", map[string]any{"kwh": 1})
		if c := w.now(three); c.Session != nil || len(c.Ambiguous) > 0 {
			t.Errorf("a Session of two starts: %+v %v", c.Session, c.Ambiguous)
		}
	})
}

// A Session that refers to nothing waits until all starts are known that it may be of.
func TestASessionBeforeWhatIsOpenIsKnown(t *testing.T) {
	bubble(t, func(w *world) {
		one := w.starting(abc, objects.CommandLimits{})
		w.now(one)
		w.keep()
		w.hold = make(chan struct{})
		w.restart(true)
		two := w.starting(abc, objects.CommandLimits{})
		w.now(two)
		w.session(abc, "S9", nil)
		if c := w.now(two); c.Session != nil {
			t.Errorf("linked to %+v before the other start was known", c.Session)
		}
		close(w.hold)
		for _, e := range []*command.Entry{one, two} {
			if c := w.now(e); c.Session != nil || len(c.Ambiguous) != 1 {
				t.Errorf("linked to %+v, ambiguous %v", c.Session, c.Ambiguous)
			}
		}
	})
}

// A Session that came while no process saw to commands is found by the next one, be it
// in the log alone or in the store.
func TestASessionThatCameMeanwhile(t *testing.T) {
	for _, stored := range []bool{false, true} {
		bubble(t, func(w *world) {
			e := w.starting(abc, objects.CommandLimits{})
			w.now(e)
			w.restart(false)
			w.session(abc, "S9", nil)
			if stored {
				w.keep()
			}
			w.restart(true)
			time.Sleep(time.Second)
			if c := w.now(e); c.Session == nil {
				t.Errorf("stored %t: it is not linked", stored)
			}
		})
	}
}

// A process that dies between taking a Session for a start and saying so there leaves no
// charge without its Session.
func TestALinkThatWasHalfMade(t *testing.T) {
	bubble(t, func(w *world) {
		e := w.starting(abc, objects.CommandLimits{})
		if _, err := w.office.Point(w.t.Context(), command.Name(abc, "IL", "S9"), objects.CommandPoint{To: e.Key.String()}); err != nil {
			t.Fatal(err)
		}
		w.session(abc, "S9", nil)
		if c := w.now(e); c.Session == nil || c.Session.ID != "S9" {
			t.Errorf("linked to %+v", c.Session)
		}
	})
}

// At a CPO of OCPI 2.1.1 a start that names another's contract gets nothing of its charge:
// who pays for a Session is not what the start says.
func TestAContractOfAnother(t *testing.T) {
	bubble(t, func(w *world) {
		e := w.starting(old, objects.CommandLimits{})
		for id, payer := range map[string]ocpi.Party{"S7": {}, "S8": ocpi.NewParty("DE", "TNM")} {
			w.session211(id, payer)
			if c := w.now(e); c.Session != nil {
				t.Errorf("another's: %+v", c.Session)
			}
		}
		w.session211("S9", emp)
		if c := w.now(e); c.Session == nil || c.Session.ID != "S9" {
			t.Errorf("its own: %+v", c.Session)
		}
	})
}

// Nobody stops another's charge; where the CPO is not told who asks, none that is not known
// to be its own.
func TestWhoStops(t *testing.T) {
	bubble(t, func(w *world) {
		tnm := ocpi.NewParty("DE", "TNM")
		w.session(abc, "S1", nil)
		w.session211("S2", emp)
		for _, tt := range []struct {
			who, cpo ocpi.Party
			session  string
			ok       bool
		}{
			{emp, abc, "s1", true}, {tnm, abc, "s1", false}, {tnm, abc, "unknown", true},
			{emp, old, "s2", true}, {tnm, old, "s2", false}, {tnm, old, "unknown", false},
		} {
			stop := commandOf(t, ocpi.StopSession, `{"response_url":"u","session_id":"`+tt.session+`"}`)
			_, err := w.office.Ask(w.t.Context(), command.Asking{Party: tt.who, CPO: tt.cpo, Command: stop})
			if _, refused := errors.AsType[*ocpi.Invalid](err); refused == tt.ok || tt.ok && err != nil {
				t.Errorf("%s stops %s of %s: %v", tt.who, tt.session, tt.cpo, err)
			}
		}
		synctest.Wait()
		if n := len(w.office.calls()); n != 3 {
			t.Errorf("%d calls", n)
		}
	})
}

// session211 pushes a Session of SE*OLD by APP-77, of which it is known who pays; zero = it
// is not, and the contract is of DE*TNM.
func (w *world) session211(id string, payer ocpi.Party) {
	w.t.Helper()
	const contract = "SE-EMP-C00077-X"
	if payer.IsZero() {
		w.session211By(id, "DE-TNM-C00077-X", "")
		return
	}
	w.session211By(id, contract, ingest.PayerPath(payer, ocpi.FoldContractID(contract)))
}

// session211By pushes a Session of SE*OLD by a contract; path says who pays.
func (w *world) session211By(id, contract, path string) {
	w.t.Helper()
	now := time.Now().UTC().Format(time.RFC3339)
	body := `{"id":"` + id + `","start_datetime":"` + now + `","kwh":0,"auth_id":"` + contract + `","auth_method":"AUTH_REQUEST","location":{"id":"L1","type":"ON_STREET","address":"A","city":"C","postal_code":"1","country":"SWE",` +
		`"coordinates":{"latitude":"52.0","longitude":"5.0"},"last_updated":"2026-01-05T10:00:00Z"},"currency":"SEK","status":"ACTIVE","last_updated":"` + now + `"}`
	e := &ingest.Envelope{Object: ingest.ObjectSession, Method: ingest.MethodPut, Version: ocpi.V211, Sender: "cpo", Key: ocpi.NewKey("SE", "OLD", id), Received: ocpi.TimeOf(time.Now()), Path: path}
	if _, err := w.log.Append(w.t.Context(), ingest.TopicSessions, e, []byte(body)); err != nil {
		w.t.Fatal(err)
	}
	synctest.Wait()
}

// stops returns the STOP_SESSIONs that were sent.
func (w *world) stops() (bodies []string) {
	w.now(w.starting(old, objects.CommandLimits{})) // whatever was under way is done
	for _, r := range w.office.calls() {
		if r.Path[0] == string(ocpi.StopSession) {
			bodies = append(bodies, string(r.Body))
		}
	}
	return bodies
}

// A stop is one STOP_SESSION, however often it is asked for; before the Session is known
// it waits for it.
func TestStop(t *testing.T) {
	bubble(t, func(w *world) {
		e := w.starting(abc, objects.CommandLimits{})
		w.now(e)
		for range 3 {
			again, ok, err := w.office.Get(w.t.Context(), e.Key)
			if err != nil || !ok {
				t.Fatal(err)
			}
			if _, err := w.office.Stop(w.t.Context(), again, "key-1"); err != nil {
				t.Fatal(err)
			}
		}
		if n := len(w.stops()); n != 0 {
			t.Fatalf("%d stops before the Session is known", n)
		}
		w.session(abc, "s9", map[string]any{"authorization_reference": e.Key.ID})
		time.Sleep(time.Second)
		stops := w.stops()
		if len(stops) != 1 || !strings.Contains(stops[0], `"session_id":"s9"`) {
			t.Errorf("%d stops: %v", len(stops), stops)
		}
		c := w.now(e)
		stop, err := w.office.StopOf(w.t.Context(), &command.Entry{Key: e.Key, Command: c})
		if err != nil || stop == nil || stop.Command.Of != e.Key.ID || stop.Command.Response == nil || c.StopAsked != c.Stop.ID || !c.Closed {
			t.Errorf("%+v, %v, closed %t", stop, err, c.Closed)
		}
	})
}

// A stop that is durable is no error, whatever becomes of the STOP_SESSION now.
func TestAStopThatCannotBeAskedForNow(t *testing.T) {
	bubble(t, func(w *world) {
		e := w.starting(abc, objects.CommandLimits{})
		w.session(abc, "S9", map[string]any{"authorization_reference": e.Key.ID})
		now, _, err := w.office.Get(w.t.Context(), e.Key)
		if err != nil {
			t.Fatal(err)
		}
		w.office.alone.Store(true)
		if got, err := w.office.Stop(w.t.Context(), now, "key-1"); err != nil || got.Command.Stop == nil {
			t.Errorf("%+v, %v", got, err)
		}
		synctest.Wait()
		w.office.alone.Store(false)
		time.Sleep(time.Minute)
		if n := len(w.stops()); n != 1 {
			t.Errorf("%d stops", n)
		}
	})
}

// nobody are partners that hold no role while they are alone.
type nobody struct {
	command.Partners
	alone *atomic.Bool
}

func (n nobody) Holder(r control.Role) (*control.Partner, bool) {
	if n.alone.Load() {
		return nil, false
	}
	return n.Partners.Holder(r)
}

// A stop that failed may be asked for again.
func TestAStopThatFailed(t *testing.T) {
	bubble(t, func(w *world) {
		e := w.starting(abc, objects.CommandLimits{})
		w.session(abc, "S9", map[string]any{"authorization_reference": e.Key.ID})
		w.office.answers(says(`{"result":"REJECTED","timeout":0}`))
		for n := 1; n <= 2; n++ {
			now, _, err := w.office.Get(w.t.Context(), e.Key)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := w.office.Stop(w.t.Context(), now, "key-1"); err != nil {
				t.Fatal(err)
			}
			if got := len(w.stops()); got != n {
				t.Errorf("%d stops, want %d", got, n)
			}
		}
	})
}

// After a stop that failed limits hold as before.
func TestLimitsAfterAStopThatFailed(t *testing.T) {
	bubble(t, func(w *world) {
		until := ocpi.TimeOf(time.Now().Add(time.Hour))
		energy, timed := w.starting(abc, objects.CommandLimits{MaxEnergyKWh: "30"}), w.starting(abc, objects.CommandLimits{StopAt: until})
		w.session(abc, "S1", map[string]any{"authorization_reference": energy.Key.ID})
		w.session(abc, "S2", map[string]any{"authorization_reference": timed.Key.ID})
		w.office.answers(says(`{"result":"REJECTED","timeout":0}`))
		for _, e := range []*command.Entry{energy, timed} {
			now, _, err := w.office.Get(w.t.Context(), e.Key)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := w.office.Stop(w.t.Context(), now, "key-1"); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(2 * time.Minute)
		w.session(abc, "S1", map[string]any{"authorization_reference": energy.Key.ID, "kwh": "31"})
		time.Sleep(10 * time.Second)
		if c := w.now(energy); c.Stop.Why != "max_energy_kwh" || c.StopFailed == nil || c.StopFailed.Times != 2 || c.Closed {
			t.Errorf("energy: %+v, failed %+v, closed %t", c.Stop, c.StopFailed, c.Closed)
		}
		w.office.answers(says(`{"result":"ACCEPTED","timeout":30}`))
		time.Sleep(time.Hour)
		if c := w.now(timed); c.Stop.Why != "stop_at" || c.StopFailed == nil {
			t.Errorf("time: %+v, failed %+v", c.Stop, c.StopFailed)
		}
	})
}

// Our limits end a charge.
func TestLimits(t *testing.T) {
	bubble(t, func(w *world) {
		e := w.starting(abc, objects.CommandLimits{MaxEnergyKWh: "30"})
		for _, kwh := range []string{"10", "29.9"} {
			w.session(abc, "S9", map[string]any{"authorization_reference": e.Key.ID, "kwh": kwh})
			if n := len(w.stops()); n != 0 {
				t.Fatalf("stopped at %s kWh", kwh)
			}
			time.Sleep(time.Second)
		}
		w.session(abc, "S9", map[string]any{"authorization_reference": e.Key.ID, "kwh": "30.1"})
		time.Sleep(time.Second)
		if c := w.now(e); c.Stop == nil || c.Stop.Why != "max_energy_kwh" || len(w.stops()) != 1 {
			t.Errorf("at 30.1 kWh: %+v", c.Stop)
		}
		timed := w.starting(abc, objects.CommandLimits{StopAt: ocpi.TimeOf(time.Now().Add(time.Hour))})
		w.session(abc, "S10", map[string]any{"authorization_reference": timed.Key.ID})
		time.Sleep(59 * time.Minute)
		if n := len(w.stops()); n != 1 {
			t.Fatalf("stopped before its time")
		}
		time.Sleep(2 * time.Minute)
		if c := w.now(timed); c.Stop == nil || c.Stop.Why != "stop_at" || len(w.stops()) != 2 {
			t.Errorf("at its time: %+v", c.Stop)
		}
		over := w.starting(abc, objects.CommandLimits{MaxEnergyKWh: "5"})
		w.session(abc, "S11", map[string]any{"authorization_reference": over.Key.ID, "kwh": "9", "status": "COMPLETED"})
		time.Sleep(time.Second)
		if c := w.now(over); c.Stop != nil || !c.Closed {
			t.Errorf("a charge that is over: %+v, closed %t", c.Stop, c.Closed)
		}
	})
}

// reserving211 asks SE*OLD for reservation 7, as an eMSP of OCPI 2.1.1, and returns its number
// there.
func (w *world) reserving211(party ocpi.Party) string {
	w.t.Helper()
	c, err := ocpi.ReadCommand(ocpi.V211, ocpi.ReserveNow, []byte(`{"response_url":"u","token":{"uid":"U1","type":"RFID","auth_id":"C","issuer":"I","valid":true,"whitelist":"NEVER",`+
		`"last_updated":"2026-01-05T10:00:00Z"},"expiry_date":"2026-01-05T10:00:00Z","reservation_id":7,"location_id":"L1"}`))
	if err != nil {
		w.t.Fatal(err)
	}
	if _, err := w.office.AskAndWait(w.t.Context(), command.Asking{Party: party, Via: objects.ViaOCPI, CPO: old, Command: c}); err != nil {
		w.t.Fatal(err)
	}
	calls := w.office.calls()
	return ocpi.Text(calls[len(calls)-1].Body, "reservation_id")
}

// A reservation has a number at a CPO of OCPI 2.1.1, always the same, and of no other
// eMSP's; and we know at which CPO it is.
func TestReservations(t *testing.T) {
	bubble(t, func(w *world) {
		reserve := func(party ocpi.Party, id string) string {
			c := commandOf(t, ocpi.ReserveNow, `{"response_url":"u","token":{"country_code":"SE","party_id":"EMP","uid":"U1","type":"RFID","contract_id":"C","issuer":"I","valid":true,"whitelist":"NEVER","last_updated":"2026-01-05T10:00:00Z"},`+
				`"expiry_date":"2026-01-05T10:00:00Z","reservation_id":"`+id+`","location_id":"L1"}`)
			e, err := w.office.AskAndWait(w.t.Context(), command.Asking{Party: party, Via: objects.ViaOCPI, CPO: old, Command: c})
			if err != nil {
				t.Fatal(err)
			}
			calls := w.office.calls()
			n := ocpi.Text(calls[len(calls)-1].Body, "reservation_id")
			if n != e.Command.Reservation || !strings.Contains(string(calls[len(calls)-1].Body), `"reservation_id":`+n) {
				t.Errorf("%s in %s", e.Command.Reservation, calls[len(calls)-1].Body)
			}
			return n
		}
		one, again, other, others := reserve(emp, "abc"), reserve(emp, "ABC"), reserve(emp, "abd"), reserve(ocpi.NewParty("DE", "TNM"), "abc")
		if one != again || one == other || one == others {
			t.Errorf("%s %s %s %s", one, again, other, others)
		}
		if one, another := w.reserving211(emp), w.reserving211(ocpi.NewParty("DE", "TNM")); one == another {
			t.Errorf("two eMSPs of OCPI 2.1.1 have %s", one)
		}
	})
}

// reserving asks for reservation R1 of SE*EMP, for an hour, and returns what became of it.
func (w *world) reserving(at ocpi.Party, until time.Time) *command.Entry {
	w.t.Helper()
	c := commandOf(w.t, ocpi.ReserveNow, `{"response_url":"u","token":{"country_code":"SE","party_id":"EMP","uid":"U1","type":"RFID","contract_id":"C","issuer":"I","valid":true,"whitelist":"NEVER","last_updated":"2026-01-05T10:00:00Z"},`+
		`"expiry_date":"`+until.UTC().Format(time.RFC3339)+`","reservation_id":"R1","location_id":"L1"}`)
	e, err := w.office.AskAndWait(w.t.Context(), command.Asking{Party: emp, Via: objects.ViaOCPI, CPO: at, Command: c})
	if err != nil {
		w.t.Fatal(err)
	}
	return e
}

// reservedAt says where reservation R1 of SE*EMP is: a CPO, several, or nowhere.
func (w *world) reservedAt() string {
	w.t.Helper()
	synctest.Wait()
	at, ambiguous, ok, err := w.office.ReservedAt(w.t.Context(), emp, "r1")
	switch {
	case err != nil:
		w.t.Fatal(err)
	case ambiguous:
		return "several"
	case !ok:
		return "nowhere"
	}
	return at.String()
}

// A reservation is at a CPO from when that has accepted it until it ends: at its expiry, or
// when it fails, is called off or is cancelled.
func TestWhereAReservationIs(t *testing.T) {
	bubble(t, func(w *world) {
		expect := func(what, want string) {
			t.Helper()
			if got := w.reservedAt(); got != want {
				t.Errorf("%s: %s, want %s", what, got, want)
			}
		}
		in := func(d time.Duration) time.Time { return time.Now().Add(d) }
		expect("at first", "nowhere")
		w.office.answers(says(`{"result":"REJECTED","timeout":0}`))
		w.reserving(abc, in(time.Hour))
		expect("rejected", "nowhere")
		w.office.answers(says(`{"result":"ACCEPTED","timeout":3600}`))
		w.reserving(abc, in(time.Hour))
		expect("accepted", "SE*ABC")
		w.reserving(abc, in(2*time.Hour))
		time.Sleep(90 * time.Minute)
		expect("prolonged", "SE*ABC")
		w.reserving(old, in(time.Hour))
		expect("at two CPOs", "several")
		time.Sleep(3 * time.Hour)
		expect("after both have ended", "nowhere")

		result := func(body string) {
			t.Helper()
			if err := w.post(cpo, w.responseURL(len(w.office.calls())-1), body); err != nil {
				t.Fatal(err)
			}
		}
		w.reserving(abc, in(time.Hour))
		result(`{"result":"EVSE_OCCUPIED"}`)
		expect("failed", "nowhere")
		w.reserving(abc, in(time.Hour))
		result(accepted)
		expect("accepted by the station", "SE*ABC")
		result(`{"result":"CANCELED_RESERVATION"}`)
		expect("called off", "nowhere")
		w.reserving(abc, in(time.Hour))
		cancel := commandOf(t, ocpi.CancelReservation, `{"response_url":"u","reservation_id":"R1"}`)
		if _, err := w.office.AskAndWait(w.t.Context(), command.Asking{Party: emp, Via: objects.ViaOCPI, CPO: abc, Command: cancel}); err != nil {
			t.Fatal(err)
		}
		expect("before it is cancelled", "SE*ABC")
		result(accepted)
		expect("cancelled", "nowhere")
	})
}
