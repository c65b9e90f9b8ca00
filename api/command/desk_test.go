package command_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/roamclear/roamclear/api"
	"github.com/roamclear/roamclear/api/command"
	"github.com/roamclear/roamclear/api/partner"
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ingest/objects"
	"github.com/roamclear/roamclear/ocpi"
)

const accepted = `{"result":"ACCEPTED"}`

// A command is durable before the CPO is called, which is told whose it is, and posts
// its result to us.
func TestACommandGoesToItsCPO(t *testing.T) {
	bubble(t, func(w *world) {
		e := w.starting(abc, objects.CommandLimits{})
		if e.Command.Calling != nil || e.Command.Response != nil {
			t.Error("it was answered before it was called")
		}
		at := w.responseURL(0)
		r := w.office.calls()[0]
		if r.Module != "commands" || r.Method != http.MethodPost || strings.Join(r.Path, "/") != "START_SESSION" || r.From != emp || r.For != abc || r.To.ID != "se-abc-cpo" {
			t.Errorf("asked %+v", r)
		}
		if !strings.HasPrefix(at, "https://roam.example/ocpi/2.2.1/sender/commands/START_SESSION/SE/EMP/"+e.Key.ID+"/") || len(at) > 255 || ocpi.Text(r.Body, "authorization_reference") != e.Key.ID {
			t.Errorf("response_url %s in %s", at, r.Body)
		}
		if c := w.now(e); c.Response == nil || c.Response.Result != "ACCEPTED" || c.Response.Timeout != 30 {
			t.Errorf("response %+v", c.Response)
		}
		if err := w.post(cpo, at, accepted); err != nil {
			t.Error(err)
		}
		if c := w.now(e); c.Result == nil || c.Result.Result != "ACCEPTED" {
			t.Errorf("result %+v", c.Result)
		}
	})
}

// What a CPO answers, or does not, and what that comes to.
func TestWhatACPOAnswers(t *testing.T) {
	fails := func(e *partner.Error) func(context.Context, partner.Request) (*partner.Answer, error) {
		return func(context.Context, partner.Request) (*partner.Answer, error) { return nil, e }
	}
	for _, tt := range []struct {
		name   string
		answer func(context.Context, partner.Request) (*partner.Answer, error)
		result string
		status ocpi.Status
		out    bool // timed out
		says   string
	}{
		{"rejected", says(`{"result":"REJECTED","timeout":0,"message":[{"language":"en","text":"busy"}]}`), "REJECTED", 0, false, "busy"},
		{"not supported", says(`{"result":"NOT_SUPPORTED","timeout":0}`), "NOT_SUPPORTED", 0, false, ""},
		{"no CommandResponse", says(`"yes"`), "REJECTED", 4000, false, "cannot be read"},
		{"no data", says(``), "REJECTED", 4000, false, "cannot be read"},
		{"2003", fails(&partner.Error{HTTP: 200, Status: 2003, Message: "no such place"}), "REJECTED", 2003, false, "no such place"},
		{"unauthorized", fails(&partner.Error{HTTP: 401, Status: 2000, Path: "/hidden"}), "REJECTED", 4003, false, "SE*ABC is not connected: it does not let us in"},
		{"not found", fails(&partner.Error{HTTP: 404, Path: "/hidden"}), "REJECTED", 4000, false, "SE*ABC answered what cannot be read"},
		{"out of order", fails(&partner.Error{HTTP: 500}), "", 4003, true, "SE*ABC answered HTTP 500"},
		{"not reached", fails(&partner.Error{Err: errors.New("connection refused")}), "", 4003, true, "SE*ABC is not connected"},
		{"broken off", fails(&partner.Error{Err: errors.New("EOF"), Sent: true}), "", 4002, true, "no answer: the connection broke off"},
		{"silent", silent, "", 4002, true, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(w *world) {
				w.office.answers(tt.answer)
				e := w.starting(abc, objects.CommandLimits{})
				time.Sleep(11 * time.Second)
				c := w.now(e)
				switch {
				case tt.out && (c.TimedOut == nil || c.TimedOut.What != "response" || c.TimedOut.Status != tt.status || !strings.Contains(c.TimedOut.Detail, tt.says)):
					t.Errorf("timed out %+v, response %+v", c.TimedOut, c.Response)
				case !tt.out && (c.Response == nil || c.Response.Result != tt.result || c.Response.Status != tt.status || !strings.Contains((&ocpi.CommandAnswer{Message: c.Response.Message}).Text(), tt.says)):
					t.Errorf("response %+v, timed out %+v", c.Response, c.TimedOut)
				}
				if n := len(w.office.calls()); n != 1 {
					t.Errorf("%d calls", n)
				}
			})
		})
	}
}

// Who is no CPO here, or takes no commands, is told before anything is written.
func TestACommandToNobody(t *testing.T) {
	bubble(t, func(w *world) {
		for _, to := range []ocpi.Party{ocpi.NewParty("SE", "NIX"), ocpi.NewParty("SE", "NOT")} {
			_, err := w.office.Ask(w.t.Context(), command.Asking{Party: emp, CPO: to, Command: commandOf(t, ocpi.StopSession, `{"response_url":"u","session_id":"S"}`)})
			if !errors.Is(err, api.ErrNotConnected) {
				t.Errorf("%s: %v", to, err)
			}
		}
		if _, end, _ := w.log.Bounds(w.t.Context(), w.log.Partitions(ingest.TopicCommands)[0]); end != 0 {
			t.Errorf("%d records", end)
		}
	})
}

// A result needs the CPO's token and its own signature; what is forged, late or double
// changes nothing.
func TestResultsOfOthers(t *testing.T) {
	bubble(t, func(w *world) {
		e := w.starting(abc, objects.CommandLimits{})
		at := w.responseURL(0)
		other := ingest.Sender{ID: "se-xyz-cpo", Parties: []ocpi.Party{ocpi.NewParty("SE", "XYZ")}}
		forged := at[:len(at)-1] + map[bool]string{true: "A", false: "B"}[at[len(at)-1] != 'A']
		for name, err := range map[string]error{
			"another CPO":       w.post(other, at, accepted),
			"a forged one":      w.post(cpo, forged, accepted),
			"another command":   w.post(cpo, strings.Replace(at, "START_SESSION", "STOP_SESSION", 1), accepted),
			"another id":        w.post(cpo, strings.Replace(at, e.Key.ID, command.NewID(), 1), accepted),
			"another eMSP":      w.post(cpo, strings.Replace(at, "/EMP/", "/EMQ/", 1), accepted),
			"none of a partner": w.post(ingest.Sender{ID: "x"}, at, accepted),
		} {
			if !errors.Is(err, ingest.ErrUnknownObject) {
				t.Errorf("%s: %v", name, err)
			}
		}
		var invalid *ocpi.Invalid
		if err := w.post(cpo, at, `{"result":"PERHAPS"}`); !errors.As(err, &invalid) {
			t.Errorf("no result: %v", err)
		}
		if c := w.now(e); c.Result != nil {
			t.Errorf("taken: %+v", c.Result)
		}
		for _, body := range []string{accepted, `{"result":"FAILED"}`} {
			if err := w.post(cpo, at, body); err != nil {
				t.Error(err)
			}
		}
		if c := w.now(e); c.Result.Result != "ACCEPTED" || c.Ignored != 1 {
			t.Errorf("%+v, %d ignored", c.Result, c.Ignored)
		}
		for range 100 {
			if err := w.post(cpo, at, accepted); err != nil {
				t.Error(err)
			}
		}
		if _, end, _ := w.log.Bounds(w.t.Context(), w.log.Partitions(ingest.TopicCommands)[0]); end > 40 {
			t.Errorf("%d records", end)
		}
	})
}

// The result may come before the response.
func TestTheResultMayComeFirst(t *testing.T) {
	bubble(t, func(w *world) {
		w.office.answers(func(ctx context.Context, r partner.Request) (*partner.Answer, error) {
			if err := w.post(cpo, ocpi.Text(r.Body, "response_url"), accepted); err != nil {
				t.Error(err)
			}
			return says(`{"result":"ACCEPTED","timeout":30}`)(ctx, r)
		})
		e := w.starting(abc, objects.CommandLimits{})
		if c := w.now(e); c.Result == nil || c.Response == nil || c.Over() {
			t.Errorf("result %+v, response %+v", c.Result, c.Response)
		}
	})
}

// A process that dies is followed by another: what it had asked for and not called is
// called, what it was calling is never called again.
func TestNobodyIsCalledTwice(t *testing.T) {
	bubble(t, func(w *world) {
		w.restart(false) // one that cannot call
		asked := w.starting(abc, objects.CommandLimits{})
		w.restart(true)
		time.Sleep(3 * time.Second)
		if c := w.now(asked); c.Response == nil || len(w.office.calls()) != 1 {
			t.Errorf("%d calls, response %+v", len(w.office.calls()), c.Response)
		}
		w.office.answers(silent)
		calling := w.starting(abc, objects.CommandLimits{})
		if c := w.now(calling); c.Calling == nil || len(w.office.calls()) != 2 {
			t.Fatalf("%d calls, %+v", len(w.office.calls()), c)
		}
		w.restart(true)
		time.Sleep(30 * time.Second)
		if c := w.now(calling); len(w.office.calls()) != 0 || c.TimedOut == nil || c.TimedOut.What != "response" {
			t.Errorf("%d calls, timed out %+v", len(w.office.calls()), c.TimedOut)
		}
	})
}

// Two processes that want to call are one call.
func TestOneOfTwoCalls(t *testing.T) {
	bubble(t, func(w *world) {
		first, stop := w.office, w.stop
		defer stop()
		w.start(true) // another one beside it
		second := w.office
		e := w.starting(abc, objects.CommandLimits{})
		w.now(e)
		time.Sleep(20 * time.Second)
		if n := len(first.calls()) + len(second.calls()); n != 1 {
			t.Errorf("%d calls", n)
		}
	})
}

// What does not come in its time is said once; what comes after that changes nothing.
func TestWhatDoesNotCome(t *testing.T) {
	bubble(t, func(w *world) {
		e := w.starting(abc, objects.CommandLimits{})
		at := w.responseURL(0)
		time.Sleep(31 * time.Second)
		if c := w.now(e); c.TimedOut == nil || c.TimedOut.What != "result" {
			t.Errorf("no result: %+v", c.TimedOut)
		}
		if err := w.post(cpo, at, accepted); err != nil || w.now(e).Result != nil {
			t.Errorf("a late result: %v, %+v", err, w.now(e).Result)
		}
		e = w.starting(abc, objects.CommandLimits{})
		if err := w.post(cpo, w.responseURL(1), accepted); err != nil {
			t.Fatal(err)
		}
		time.Sleep(299 * time.Second)
		if c := w.now(e); c.TimedOut != nil {
			t.Errorf("after 299 s: %+v", c.TimedOut)
		}
		time.Sleep(2 * time.Second)
		if c := w.now(e); c.TimedOut == nil || c.TimedOut.What != "session" {
			t.Errorf("no Session: %+v", c.TimedOut)
		}
		w.session(abc, "S9", map[string]any{"authorization_reference": e.Key.ID})
		if c := w.now(e); c.Session == nil || c.Session.Key() != ocpi.NewKey("SE", "ABC", "S9") {
			t.Errorf("a late Session: %+v", c.Session)
		}
	})
}

// Results are brought to who asked, in its version, with the parties turned round; it is
// tried again while that fails.
func TestResultsAreDelivered(t *testing.T) {
	bubble(t, func(w *world) {
		unlock := commandOf(t, ocpi.UnlockConnector, `{"response_url":"https://peer.example/r/1","location_id":"L1","evse_uid":"E1","connector_id":"1"}`)
		e, err := w.office.AskAndWait(w.t.Context(), command.Asking{Party: emp, Via: objects.ViaOCPI, Caller: "se-emp-emsp", Partner: "se-emp-emsp", CPO: abc, Command: unlock, Correlation: "c-1"})
		if err != nil || e.Command.Response.Result != "ACCEPTED" {
			t.Fatalf("%+v, %v", e, err)
		}
		tries := 0
		w.office.delivers(func(context.Context, partner.Delivery) error {
			if tries++; tries < 3 {
				return &partner.Error{HTTP: 500}
			}
			return nil
		})
		if err := w.post(cpo, w.responseURL(0), `{"result":"FAILED","message":[{"language":"en","text":"stuck"}]}`); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		c := w.now(e)
		if len(c.Delivered) != 1 || !c.Delivered[0].OK || tries != 3 || c.Open() {
			t.Errorf("delivered %+v after %d tries", c.Delivered, tries)
		}
		d := w.office.results()[2]
		if d.URL != "https://peer.example/r/1" || d.From != abc || d.For != emp || d.Correlation != "c-1" || string(d.Body) != `{"result":"FAILED","message":[{"language":"en","text":"stuck"}]}` {
			t.Errorf("delivered %+v %s", d, d.Body)
		}
	})
}

// Where nobody takes a result it is given up.
func TestDeliveriesEnd(t *testing.T) {
	bubble(t, func(w *world) {
		unlock := commandOf(t, ocpi.UnlockConnector, `{"response_url":"https://peer.example/r/1","location_id":"L1","evse_uid":"E1","connector_id":"1"}`)
		e, err := w.office.AskAndWait(w.t.Context(), command.Asking{Party: emp, Via: objects.ViaOCPI, Caller: "se-emp-emsp", Partner: "se-emp-emsp", CPO: abc, Command: unlock})
		if err != nil {
			t.Fatal(err)
		}
		w.office.delivers(func(context.Context, partner.Delivery) error { return &partner.Error{HTTP: 500} })
		if err := w.post(cpo, w.responseURL(0), accepted); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		if c := w.now(e); len(c.Delivered) != 1 || c.Delivered[0].OK || len(w.office.results()) != 6 || c.Open() {
			t.Errorf("delivered %+v after %d tries", c.Delivered, len(w.office.results()))
		}
	})
}

// Nobody waits for a CPO that others ask too often.
func TestCallsAreBounded(t *testing.T) {
	bubble(t, func(w *world) {
		w.office.answers(silent)
		var busy error
		for range 200 {
			id := command.NewID()
			stop := commandOf(t, ocpi.StopSession, `{"response_url":"u","session_id":"S"}`)
			if _, err := w.office.Ask(w.t.Context(), command.Asking{ID: id, Party: emp, CPO: abc, Command: stop}); err != nil {
				busy = err
			}
		}
		if !errors.Is(busy, api.ErrBusy) {
			t.Errorf("200 calls at once: %v", busy)
		}
		if _, err := w.office.Ask(w.t.Context(), command.Asking{Party: emp, CPO: old, Command: commandOf(t, ocpi.UnlockConnector, `{"response_url":"u","location_id":"L1","evse_uid":"E1","connector_id":"1"}`)}); err != nil {
			t.Errorf("another CPO: %v", err)
		}
		synctest.Wait()
		time.Sleep(11 * time.Second)
	})
}
