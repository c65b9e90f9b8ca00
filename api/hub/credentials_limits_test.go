package hub

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/roamclear/roamclear/api/partner"
	"github.com/roamclear/roamclear/ingest/control"
	"github.com/roamclear/roamclear/ocpi"
)

// Each registration is kept in the control log for ever: a partner may change its own
// a few times at once, then once in a while, and is told when it may again.
func TestUpdatesAreLimited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRegistrar(t, control.NewInvitation{})
		token := r.post(ocpi.V221)
		put := func() *http.Response {
			t.Helper()
			resp, e := request(t, r.handler, "PUT", credentialsPath(ocpi.V221), token, credentialsOf(ocpi.V221))
			if resp.StatusCode == 200 {
				token = r.token(200, e)
			} else if e.StatusCode != 2000 {
				t.Errorf("HTTP %d with %d", resp.StatusCode, e.StatusCode)
			}
			return resp
		}
		r.client.err = partner.ErrUnreachable
		for range 2 * handshakesAtOnce { // what fails leaves nothing behind, and does not count
			r.call("PUT", ocpi.V221, token, credentialsOf(ocpi.V221))
		}
		r.client.err = nil
		for n := 1; n < handshakesAtOnce; n++ {
			if resp := put(); resp.StatusCode != 200 {
				t.Fatalf("change %d: HTTP %d", n, resp.StatusCode)
			}
		}
		peer, calls := r.partner().Peer, len(r.client.calls)
		if resp := put(); resp.StatusCode != 429 || resp.Header.Get("Retry-After") != "600" || r.partner().Peer != peer || len(r.client.calls) != calls {
			t.Errorf("one too many: HTTP %d, Retry-After %q, %d calls, were %d", resp.StatusCode, resp.Header.Get("Retry-After"), len(r.client.calls), calls)
		}
		if status, _ := r.call("GET", ocpi.V221, token, ""); status != 200 {
			t.Errorf("GET: HTTP %d", status)
		}
	})
}

func TestHandshakesBecomeDueAgain(t *testing.T) {
	var h handshakes
	at := time.Unix(1_000_000, 0)
	enter := func() bool {
		if h.enter("p", at) != nil {
			return false
		}
		defer h.leave("p")
		h.count("p", at)
		return true
	}
	for n := range handshakesAtOnce {
		if !enter() {
			t.Fatalf("no %d. of %d", n+1, handshakesAtOnce)
		}
	}
	for i, step := range []struct {
		later time.Duration
		want  bool
	}{{0, false}, {handshakeEvery - 1, false}, {1, true}, {0, false}, {2 * handshakeEvery, true}, {0, true}, {0, false}} {
		if at = at.Add(step.later); enter() != step.want {
			t.Errorf("step %d: want %t", i, step.want)
		}
	}
	if err := h.enter("another", at); err != nil {
		t.Errorf("another partner: %v", err)
	}
}

// slowClients are clients that do not answer until they are let, but for one.
type slowClients struct {
	client
	asked, let chan struct{}
}

func (c *slowClients) Discover(ctx context.Context, url, token string, e control.TokenEncoding, want ocpi.Version) (*partner.Found, error) {
	if token == tokenB {
		return c.client.Discover(ctx, url, token, e, want)
	}
	c.asked <- struct{}{}
	<-c.let
	return nil, partner.ErrUnreachable
}

// Clients whose own interface does not answer hold up nobody but themselves, however
// many they are.
func TestSlowClientsHoldUpNobody(t *testing.T) {
	const many = 100
	r := newRegistrar(t, control.NewInvitation{})
	slow := &slowClients{asked: make(chan struct{}), let: make(chan struct{})}
	handler := serve(t, &backend{}, func(d *Deps) { d.Partners, d.Callback, d.Sealer = r.partners, slow, r.sealer })
	body := strings.Replace(credentialsOf(ocpi.V221), tokenB, "of-a-slow-client", 1)
	ended := make(chan int, many)
	var token string
	for n := range many {
		role := control.NewRole("CPO", "SE", fmt.Sprintf("%03d", n))
		var err error
		if _, token, err = r.partners.Invite(t.Context(), "", control.NewInvitation{Name: role.String(), Roles: []control.Role{role}}); err != nil {
			t.Fatal(err)
		}
		go func() {
			_, e := request(t, handler, "POST", credentialsPath(ocpi.V221), token, body)
			ended <- e.StatusCode
		}()
		<-slow.asked
	}
	if resp, _ := request(t, handler, "POST", credentialsPath(ocpi.V221), token, body); resp.StatusCode != 503 {
		t.Errorf("a second time beside its first: HTTP %d", resp.StatusCode)
	}
	if resp, e := request(t, handler, "POST", credentialsPath(ocpi.V221), r.tokenA, credentialsOf(ocpi.V221)); resp.StatusCode != 200 || e.StatusCode != 1000 {
		t.Errorf("one that answers: HTTP %d with %d %q", resp.StatusCode, e.StatusCode, e.StatusMessage)
	}
	close(slow.let)
	for range many {
		if status := <-ended; status != 3001 {
			t.Errorf("a slow one ended with %d", status)
		}
	}
}

// A token that is ended while its holder is called back gets nobody another one.
func TestATokenThatEndsDuringTheCallBack(t *testing.T) {
	r := newRegistrar(t, control.NewInvitation{})
	tokenC := r.post(ocpi.V221)
	r.client.during = func() {
		if _, _, err := r.partners.Rotate(t.Context(), "", "nl-tnm-cpo", 0, control.Rotation{Now: true}); err != nil {
			t.Error(err)
		}
	}
	if status, e := r.call("PUT", ocpi.V221, tokenC, credentialsOf(ocpi.V221)); status != 401 || e.Data != nil {
		t.Errorf("HTTP %d with %s, want 401", status, e.Data)
	}
	if p := r.partner(); len(p.Tokens) != 2 || p.Peer.Version != ocpi.V221 {
		t.Errorf("the partner is %+v", p)
	}
}
