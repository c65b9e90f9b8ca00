package partner

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/roamclear/roamclear/ingest/control"
	"github.com/roamclear/roamclear/ocpi"
)

// forwarding returns a Forwarder, and a partner that is called at a URL.
func forwarding(t *testing.T, at string, v ocpi.Version) (*Forwarder, *control.Partner) {
	t.Helper()
	sealer, err := control.NewSealer(control.NewSealKey())
	if err != nil {
		t.Fatal(err)
	}
	role := ocpi.RoleSender
	if v == ocpi.V211 {
		role = ""
	}
	return &Forwarder{Dialer: testDialer(t), Secrets: sealer}, &control.Partner{ID: "nl-exw-emsp", Peer: &control.Peer{
		Version: v, Token: sealer.Seal(secretToken), Encoding: control.EncodingRaw,
		Endpoints: []ocpi.Endpoint{{Identifier: "tokens", Role: role, URL: at + "/tokens"}, {Identifier: "sessions", Role: role, URL: at + "/sessions/"}},
	}}
}

func authorizing(to *control.Partner) Request {
	return Request{
		To: to, Module: "tokens", Side: ocpi.RoleSender, Method: http.MethodPost, Path: []string{"A/B", "..", "authorize"}, Query: url.Values{"type": {"RFID"}},
		From: ocpi.NewParty("GB", "DUN"), For: ocpi.NewParty("NL", "EXW"), Correlation: "c-1", Body: []byte(`{}`),
	}
}

// What is forwarded has the party it is from and for and the same correlation id, and
// no way up in its path; OCPI 2.1.1 has no such headers.
func TestWhatIsForwarded(t *testing.T) {
	for _, v := range []ocpi.Version{ocpi.V211, ocpi.V221} {
		var got http.Header
		s := newDesk(t, func(w http.ResponseWriter, r *http.Request) {
			got = r.Header.Clone()
			w.Header().Set("Link", `<x>; rel="next"`)
			fmt.Fprint(w, `{"status_code":1000,"data":{"allowed":"ALLOWED"}}`)
		})
		f, to := forwarding(t, s.URL, v)
		a, err := f.Send(t.Context(), authorizing(to))
		if err != nil || string(a.Data) != `{"allowed":"ALLOWED"}` || a.Header.Get("Link") == "" {
			t.Fatalf("%+v, %v", a, err)
		}
		if diff := cmp.Diff([]string{"POST /tokens/A%2FB/%2E%2E/authorize?type=RFID raw"}, s.were()); diff != "" {
			t.Error(diff)
		}
		routing := got.Get(ocpi.HeaderFromCountry) + got.Get(ocpi.HeaderFromParty) + got.Get(ocpi.HeaderToCountry) + got.Get(ocpi.HeaderToParty)
		if want := map[bool]string{true: "GBDUNNLEXW"}[v != ocpi.V211]; routing != want {
			t.Errorf("%s: routed %q, want %q", v, routing, want)
		}
		if got.Get(ocpi.HeaderCorrelationID) != "c-1" || len(got.Get(ocpi.HeaderRequestID)) != 36 {
			t.Errorf("%s: ids %q and %q", v, got.Get(ocpi.HeaderCorrelationID), got.Get(ocpi.HeaderRequestID))
		}
	}
}

// An answer that says no keeps what it says.
func TestANoIsKept(t *testing.T) {
	for _, status := range []int{200, 404} {
		s := newDesk(t, saying(status, `{"status_code":2004,"status_message":"unknown","data":[1]}`))
		f, to := forwarding(t, s.URL, ocpi.V221)
		_, err := f.Send(t.Context(), authorizing(to))
		failed, ok := errors.AsType[*Error](err)
		if !ok || failed.Answer == nil || failed.Answer.HTTP != status || failed.Answer.Status != 2004 || failed.Answer.Message != "unknown" || string(failed.Answer.Data) != "[1]" || failed.Answer.Header.Get("X-Said") != "no" {
			t.Errorf("%+v, %v", failed, err)
		}
	}
}

func saying(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Said", "no")
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}
}

// Our token reaches nobody by way of an answer, good or not.
func TestATokenIsNotHandedOn(t *testing.T) {
	for _, body := range []string{
		`{"status_code":1000,"data":{"x":"` + secretToken + `"}}`, `{"status_code":2000,"data":"` + secretToken + `"}`,
		`{"status_code":1000,"data":"` + base64.StdEncoding.EncodeToString([]byte(secretToken)) + `"}`,
	} {
		s := newDesk(t, saying(200, body))
		f, to := forwarding(t, s.URL, ocpi.V221)
		a, err := f.Send(t.Context(), authorizing(to))
		failed, ok := errors.AsType[*Error](err)
		if a != nil || !ok || failed.Answer != nil || !errors.Is(err, ErrShowsToken) || strings.Contains(err.Error(), secretToken) {
			t.Errorf("%+v, %v", a, err)
		}
	}
}

// Who cannot be asked is told from who does not answer.
func TestWhoIsNotReached(t *testing.T) {
	f, to := forwarding(t, "http://127.0.0.1:1", ocpi.V221)
	unregistered := *to
	unregistered.Peer = nil
	for name, c := range map[string]struct {
		change func(r *Request)
		want   error
	}{
		"no address": {func(r *Request) { r.To = &unregistered }, ErrNotRegistered},
		"no module":  {func(r *Request) { r.Module = "cdrs" }, ErrNoEndpoint},
		"no side":    {func(r *Request) { r.Side = ocpi.RoleReceiver }, ErrNoEndpoint},
		"an old one": {func(r *Request) { r.Since = ocpi.V230 }, ErrNoEndpoint},
		"nobody":     {func(*Request) {}, ErrUnreachable},
	} {
		r := authorizing(to)
		c.change(&r)
		_, err := f.Send(t.Context(), r)
		failed, called := errors.AsType[*Error](err)
		if !errors.Is(err, c.want) || called && (failed.TimedOut() || failed.Sent) {
			t.Errorf("%s: %v", name, err)
		}
	}
	done := make(chan struct{})
	s := newDesk(t, func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-done:
		case <-r.Context().Done():
		}
	})
	f, to = forwarding(t, s.URL, ocpi.V221)
	r := authorizing(to)
	r.Within = 20 * time.Millisecond
	_, err := f.Send(t.Context(), r)
	close(done)
	if failed, ok := errors.AsType[*Error](err); !ok || !failed.TimedOut() || !failed.Sent {
		t.Errorf("who is slow: %v", err)
	}
}

// The driver's preferences go to the CPO's Sender side; OCPI 2.1.1 knows none.
func TestChargingPreferences(t *testing.T) {
	s := newDesk(t, saying(200, `{"status_code":1000,"data":"ACCEPTED"}`))
	f, to := forwarding(t, s.URL, ocpi.V221)
	p := Preferences{CPO: to, Session: "S 1", From: ocpi.NewParty("NL", "EXW"), For: ocpi.NewParty("GB", "DUN"), Body: []byte(`{"profile_type":"CHEAP"}`)}
	if a, err := f.ChargingPreferences(t.Context(), p); err != nil || string(a.Data) != `"ACCEPTED"` {
		t.Errorf("%+v, %v", a, err)
	}
	if diff := cmp.Diff([]string{"PUT /sessions/S%201/charging_preferences raw"}, s.were()); diff != "" {
		t.Error(diff)
	}
	f, p.CPO = forwarding(t, s.URL, ocpi.V211)
	if _, err := f.ChargingPreferences(t.Context(), p); !errors.Is(err, ErrNoEndpoint) {
		t.Errorf("of 2.1.1: %v", err)
	}
}

// Who stands and waits for an answer does not wait behind pulls and what is handed on, nor
// does a result; whose turn does not come is told so.
func TestWhoStandsAndWaitsHasPlacesOfItsOwn(t *testing.T) {
	entered, leave := make(chan struct{}), make(chan struct{})
	s := newDesk(t, func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/sessions") {
			entered <- struct{}{}
			<-leave
		}
		fmt.Fprint(w, `{"status_code":1000,"data":{}}`)
	})
	f, to := forwarding(t, s.URL, ocpi.V221)
	slow, prompt := authorizing(to), authorizing(to)
	slow.Module, prompt.Prompt = "sessions", true
	var sent sync.WaitGroup
	for range atOnce {
		sent.Go(func() {
			if _, err := f.Send(t.Context(), slow); err != nil {
				t.Error(err)
			}
		})
		<-entered
	}
	if _, err := f.Send(t.Context(), prompt); err != nil {
		t.Errorf("while all places are taken: %v", err)
	}
	if err := f.Deliver(t.Context(), Delivery{To: to, URL: s.URL + "/result", Body: []byte(`{}`)}); err != nil {
		t.Errorf("a result while all places are taken: %v", err)
	}
	over, end := context.WithCancel(t.Context())
	end()
	if _, err := f.Send(over, slow); !errors.Is(err, ErrNoTurn) {
		t.Errorf("one more: %v", err)
	}
	close(leave)
	sent.Wait()
}
