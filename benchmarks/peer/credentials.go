package peer

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/roamclear/roamclear/ocpi"
)

// credentials answers the credentials module (mod_credentials): POST registers,
// PUT changes, DELETE ends, GET tells ours.
func (p *Peer) credentials(w http.ResponseWriter, r *http.Request) {
	token, _ := p.holder(r)
	registering := p.byTokenA(r)
	switch r.Method {
	case http.MethodGet:
		reply(w, r, http.StatusOK, ocpi.StatusSuccess, "", p.own(token))
	case http.MethodPost, http.MethodPut:
		if registering != (r.Method == http.MethodPost) {
			notAllowed(w, r, "GET")
			return
		}
		p.register(w, r)
	case http.MethodDelete:
		if registering {
			notAllowed(w, r, "GET, POST")
			return
		}
		p.unregister()
		reply(w, r, http.StatusOK, ocpi.StatusSuccess, "", nil)
	default:
		notAllowed(w, r, "GET, POST, PUT, DELETE")
	}
}

// theirs is what the other side's credentials say that matters here.
type theirs struct {
	Token string `json:"token"`
	URL   string `json:"url"`
}

// register calls the other side back by the token that it gives, and gives it
// one.
func (p *Peer) register(w http.ResponseWriter, r *http.Request) {
	body, _, ok := read(w, r)
	if !ok {
		return
	}
	var t theirs
	if err := json.Unmarshal(body, &t); err != nil || t.Token == "" || t.URL == "" {
		reply(w, r, http.StatusOK, ocpi.StatusInvalid, "token, url: required", nil)
		return
	}
	endpoints, err := p.discover(r.Context(), t.URL, t.Token)
	if errors.Is(err, errNoVersion) {
		reply(w, r, http.StatusOK, 3002, err.Error(), nil)
		return
	}
	if err != nil {
		reply(w, r, http.StatusOK, 3001, err.Error(), nil)
		return
	}
	token := rand.Text()
	p.mu.Lock()
	p.tokenA, p.accepted = "", map[string]bool{token: true}
	p.outgoing = registration{t.Token, endpoints, body}
	p.mu.Unlock()
	reply(w, r, http.StatusOK, ocpi.StatusSuccess, "", p.own(token))
}

func (p *Peer) unregister() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.accepted, p.outgoing, p.tokenA = map[string]bool{}, registration{}, rand.Text()
}

// Connect registers with the other side: the handshake as its client, by a token
// A of theirs.
func (p *Peer) Connect(ctx context.Context, versionsURL, tokenA string) error {
	endpoints, err := p.discover(ctx, versionsURL, tokenA)
	if err != nil {
		return err
	}
	at := endpointOf(endpoints, "credentials")
	if at == "" {
		return errors.New("the other side lists no credentials")
	}
	token := rand.Text()
	p.mu.Lock()
	p.accepted[token] = true // it calls back before it answers
	p.mu.Unlock()
	var t theirs
	body, err := p.call(ctx, http.MethodPost, at, tokenA, p.own(token), &t)
	if err != nil {
		p.mu.Lock()
		delete(p.accepted, token)
		p.mu.Unlock()
		return err
	}
	if t.Token == "" {
		return errors.New("the other side's credentials hold no token")
	}
	if endpoints, err = p.discover(ctx, versionsURL, t.Token); err != nil {
		return fmt.Errorf("with the new token: %w", err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.outgoing = registration{t.Token, endpoints, body}
	return nil
}

func endpointOf(list []ocpi.Endpoint, module string) string {
	for _, e := range list {
		if e.Identifier == module {
			return e.URL
		}
	}
	return ""
}

// own are the peer's credentials with a token for the other side: in 2.1.1 of one
// party, without its role.
func (p *Peer) own(token string) any {
	business := map[string]string{"name": "Test " + p.options.Role + " " + p.options.Party.ID}
	c := map[string]any{"token": token, "url": p.VersionsURL()}
	if p.options.Version == ocpi.V211 {
		c["business_details"], c["country_code"], c["party_id"] = business, p.options.Party.Country, p.options.Party.ID
		return c
	}
	var roles []map[string]any
	for _, party := range p.parties() {
		roles = append(roles, map[string]any{"role": p.options.Role, "business_details": business, "country_code": party.Country, "party_id": party.ID})
	}
	c["roles"] = roles
	return c
}
