package objects_test

import (
	"strings"
	"testing"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ingest/objects"
	"github.com/roamclear/roamclear/ingest/objects/objectstest"
	"github.com/roamclear/roamclear/ocpi"
)

const (
	askedStart   = `{"type":"START_SESSION","version":"2.2.1","via":"app","caller":"key-1","partner":"","cpo":"SE*ABC","body":{},"answer_within":10,"session_within":300}`
	askedReserve = `{"type":"RESERVE_NOW","version":"2.2.1","via":"ocpi","caller":"se-emp-emsp","partner":"se-emp-emsp","cpo":"SE*ABC","body":{},"expiry":1000000000000,"answer_within":10,"session_within":300}`
)

func commandID(id string) ingest.Identity {
	return ingest.Identity{Object: ingest.ObjectCommand, Key: ocpi.NewKey("SE", "EMP", id)}
}

func commandStep(event, body, want string) objectstest.Step {
	return objectstest.Step{Name: event + " " + body, Method: ingest.MethodPost, Path: event, Body: body, Want: want}
}

func TestCommandsConform(t *testing.T) {
	objectstest.Conform(t, commandID("01K0"), func(*objectstest.Store) objects.Fold { return objects.Commands{} }, []objectstest.Step{
		commandStep("response", `{"result":"ACCEPTED"}`, ""),
		commandStep("requested", askedStart, `"cpo":"SE*ABC"`),
		commandStep("requested", strings.Replace(askedStart, "ABC", "XYZ", 1), `"cpo":"SE*ABC"`),
		commandStep("calling", `{"by":"one"}`, `"by":"one"`),
		commandStep("calling", `{"by":"two"}`, `"by":"one"`),
		commandStep("nonsense", `{}`, `"by":"one"`),
		commandStep("response", `no JSON`, `"by":"one"`),
		commandStep("response", `{"result":"ACCEPTED","timeout":30}`, `"response":{"result":"ACCEPTED"`),
		commandStep("response", `{"result":"REJECTED"}`, `"response":{"result":"ACCEPTED"`),
		commandStep("result", `{"result":"ACCEPTED"}`, `"result":{"result":"ACCEPTED"`),
		commandStep("result", `{"result":"FAILED"}`, `"ignored":1`),
		commandStep("ambiguous", `{"country":"SE","party":"ABC","id":"S1"}`, `"ambiguous":[{"country":"SE"`),
		commandStep("session", `{"country":"SE","party":"ABC","id":"S9","by":"token"}`, `"id":"S9"`),
		commandStep("session", `{"country":"SE","party":"ABC","id":"S8","by":"token"}`, `"id":"S9"`),
		commandStep("stop", `{"id":"01K1","why":"asked"}`, `"id":"01K1"`),
		commandStep("stop", `{"id":"01K2","why":"asked"}`, `"id":"01K1"`),
		commandStep("stop_asked", `{"id":"01K1"}`, `"stop_asked":"01K1"`),
		commandStep("stop", `{"id":"01K3","why":"asked","after":"01K1"}`, `"id":"01K3"`),
		commandStep("limits", `{"max_energy_kwh":"25"}`, `"max_energy_kwh":"25"`),
		commandStep("preferences", `{"sent":{},"response":"ACCEPTED"}`, `"preferences":{"sent":{}`),
		commandStep("closed", `{}`, `"closed":true`),
	})
	objectstest.Conform(t, commandID("IK-1"), func(*objectstest.Store) objects.Fold { return objects.Commands{} }, []objectstest.Step{
		commandStep("pointer", `{"to":"01K0","digest":"a","for":120}`, `"to":"01K0"`), // at minute 1
		commandStep("pointer", `{"to":"01K1","digest":"b","for":120}`, `"to":"01K0"`),
		commandStep("pointer", `{"to":"01K2","digest":"c","for":120}`, `"to":"01K2"`), // at minute 3
		commandStep("pointer", `{"to":"01K2","digest":"c","for":30}`, `"for":120`),    // ends sooner
		commandStep("pointer", `{"to":"01K2","digest":"c","for":600}`, `"for":600`),
		commandStep("pointer", `{"to":"01K3","digest":"c","over":true}`, `"to":"01K2"`),
		commandStep("pointer", `{"to":"01K2","digest":"c","over":true}`, `"over":true`),
		commandStep("pointer", `{"to":"01K2","digest":"c","for":120}`, `"for":120`),
		commandStep("response", `{"result":"ACCEPTED"}`, `"to":"01K2"`),
	})
}

// event is a record of a command: what, the second at which it came, its body.
type event struct {
	what string
	at   int
	body string
}

func folded(t *testing.T, events []event) (*objects.Command, *ingest.ObjectState) {
	t.Helper()
	var s *ingest.ObjectState
	for i, e := range events {
		id := commandID("01K0")
		r := ingest.Record{Position: ingest.Position{Epoch: 1, Offset: int64(i)}, Body: []byte(e.body), Envelope: ingest.Envelope{
			Object: id.Object, Key: id.Key, Method: ingest.MethodPost, Version: ocpi.V221, Path: e.what, Received: ocpi.Time(int64(e.at) * ocpi.Second)}}
		next, err := objects.Commands{}.Apply(s, &r)
		if err != nil {
			t.Fatalf("%s: %v", e.what, err)
		}
		if next != nil {
			s = next
		}
	}
	c, err := objects.ReadCommand(s)
	if err != nil {
		t.Fatal(err)
	}
	return c, s
}

// What comes of a command: which word counts, what is waited for and until when, and
// whether somebody has to see to it.
func TestWhatComesOfACommand(t *testing.T) {
	const (
		accepted = `{"result":"ACCEPTED","timeout":30}`
		rejected = `{"result":"REJECTED"}`
		failed   = `{"result":"FAILED"}`
		link     = `{"country":"SE","party":"ABC","id":"S9"}`
	)
	start, reserve := event{"requested", 100, askedStart}, event{"requested", 100, askedReserve}
	for _, tt := range []struct {
		name   string
		events []event
		awaits string
		until  int
		open   bool
		over   bool
		result string // of the result that counts
		mark   string
	}{
		{"asked", []event{start}, "response", 110, true, false, "", "app START_SESSION open"},
		{"accepted", []event{start, {"response", 101, accepted}}, "result", 131, true, false, "", ""},
		{"accepted without a timeout", []event{start, {"response", 101, `{"result":"ACCEPTED"}`}}, "result", 131, true, false, "", ""},
		{"rejected", []event{start, {"response", 101, rejected}}, "", 0, false, true, "", "app START_SESSION"},
		{"rejected, then a result", []event{start, {"response", 101, rejected}, {"result", 102, accepted}}, "", 0, false, true, "", ""},
		{"no answer", []event{start, {"timed_out", 111, `{"what":"response"}`}}, "", 0, true, true, "", ""},
		{"no answer, then one", []event{start, {"timed_out", 111, `{"what":"response"}`}, {"response", 112, accepted}}, "", 0, true, true, "", ""},
		{"no answer, but it had come", []event{start, {"response", 101, accepted}, {"timed_out", 111, `{"what":"response"}`}}, "result", 131, true, false, "", ""},
		{"no result", []event{start, {"response", 101, accepted}, {"timed_out", 132, `{"what":"result"}`}, {"result", 133, accepted}}, "", 0, true, true, "", ""},
		{"the result comes first", []event{start, {"result", 101, accepted}, {"response", 102, accepted}}, "session", 401, true, false, "ACCEPTED", ""},
		{"failed", []event{start, {"response", 101, accepted}, {"result", 102, failed}}, "", 0, false, true, "FAILED", ""},
		{"a result and another", []event{start, {"response", 101, accepted}, {"result", 102, accepted}, {"result", 103, failed}}, "session", 402, true, false, "ACCEPTED", ""},
		{"linked", []event{start, {"response", 101, accepted}, {"result", 102, accepted}, {"session", 110, link}}, "", 0, true, false, "ACCEPTED", ""},
		{"linked, and nothing left to do", []event{start, {"response", 101, accepted}, {"result", 102, accepted}, {"session", 110, link}, {"closed", 900, `{}`}}, "", 0, false, false, "ACCEPTED", "app START_SESSION"},
		{"not started", []event{start, {"result", 102, accepted}, {"timed_out", 403, `{"what":"session"}`}}, "", 0, true, true, "ACCEPTED", ""},
		{"not started, and a late Session", []event{start, {"result", 102, accepted}, {"timed_out", 403, `{"what":"session"}`}, {"session", 500, link}}, "", 0, true, true, "ACCEPTED", ""},
		{"a stop before the Session is known", []event{start, {"result", 102, accepted}, {"stop", 103, `{"id":"01K1","why":"asked"}`}, {"closed", 900, `{}`}, {"session", 950, link}}, "", 0, true, false, "ACCEPTED", ""},
		{"a reservation", []event{reserve, {"response", 101, accepted}, {"result", 102, accepted}}, "", 0, true, false, "ACCEPTED", "ocpi RESERVE_NOW open"},
		{"a reservation, told", []event{reserve, {"response", 101, accepted}, {"result", 102, accepted}, {"delivered", 103, `{"of":"result","ok":true}`}}, "", 0, false, false, "ACCEPTED", "ocpi RESERVE_NOW"},
		{"told twice", []event{reserve, {"result", 102, accepted}, {"delivered", 103, `{"of":"result","ok":true}`}, {"delivered", 104, `{"of":"result","ok":true}`}}, "", 0, false, false, "ACCEPTED", ""},
		{"a reservation called off", []event{reserve, {"result", 102, accepted}, {"delivered", 103, `{"of":"result","ok":true}`}, {"result", 900, `{"result":"CANCELED_RESERVATION"}`}}, "", 0, true, false, "ACCEPTED", ""},
		{"a reservation called off after its end", []event{reserve, {"result", 102, accepted}, {"delivered", 103, `{"of":"result","ok":true}`}, {"result", 1001, `{"result":"CANCELED_RESERVATION"}`}}, "", 0, false, false, "ACCEPTED", ""},
		{"called off, and the result told again", []event{reserve, {"result", 102, accepted}, {"delivered", 103, `{"of":"result","ok":true}`}, {"result", 900, `{"result":"CANCELED_RESERVATION"}`},
			{"delivered", 901, `{"of":"result","ok":true}`}}, "", 0, true, false, "ACCEPTED", ""},
		{"called off, and told", []event{reserve, {"result", 102, accepted}, {"delivered", 103, `{"of":"result","ok":true}`}, {"result", 900, `{"result":"CANCELED_RESERVATION"}`},
			{"delivered", 901, `{"of":"canceled","ok":true}`}}, "", 0, false, false, "ACCEPTED", ""},
		{"no result, not told yet", []event{reserve, {"response", 101, accepted}, {"timed_out", 132, `{"what":"result"}`}}, "", 0, true, true, "", ""},
		{"no result, told, and a late one", []event{reserve, {"response", 101, accepted}, {"timed_out", 132, `{"what":"result"}`}, {"delivered", 133, `{"of":"timed_out","ok":true}`}, {"result", 134, accepted}}, "", 0, false, true, "", ""},
	} {
		c, s := folded(t, tt.events)
		awaits, until := c.Awaits()
		result := ""
		if c.Result != nil {
			result = c.Result.Result
		}
		if awaits != tt.awaits || until != ocpi.Time(int64(tt.until)*ocpi.Second) || c.Open() != tt.open || c.Over() != tt.over || result != tt.result {
			t.Errorf("%s: awaits %q until %d, open %t, over %t, result %q; want %q %d %t %t %q",
				tt.name, awaits, int64(until)/ocpi.Second, c.Open(), c.Over(), result, tt.awaits, tt.until, tt.open, tt.over, tt.result)
		}
		if tt.mark != "" && s.Contract != tt.mark {
			t.Errorf("%s: mark %q, want %q", tt.name, s.Contract, tt.mark)
		}
		if s.With != ocpi.NewParty("SE", "ABC") || s.Sender != "" || s.LastUpdated != s.Received {
			t.Errorf("%s: with %s, sender %q", tt.name, s.With, s.Sender)
		}
	}
}

// However many results come, few are kept in the state.
func TestResultsAreBounded(t *testing.T) {
	events := []event{{"requested", 100, askedStart}}
	for range 100 {
		events = append(events, event{"result", 101, `{"result":"ACCEPTED"}`})
	}
	if c, _ := folded(t, events); !c.Full() || c.Ignored != 20 {
		t.Errorf("%d were kept", c.Ignored)
	}
}
