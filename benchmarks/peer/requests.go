package peer

import (
	"bytes"
	"io"
	"net/http"
	"slices"

	"github.com/roamclear/roamclear/ocpi"
)

// Request is one request to a functional module, as it came.
type Request struct {
	Method      string
	Path        string // with query, below the peer's version
	From, To    ocpi.Party
	ID          string // X-Request-ID
	Correlation string // X-Correlation-ID
	Body        []byte
}

// maxRequests bounds how many are remembered.
const maxRequests = 1000

// Requests returns what was asked of functional modules, the latest of them, in order.
func (p *Peer) Requests() []Request {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.requests)
}

// Interfere has fn answer requests to functional modules in the place of the peer, those
// for which it returns true; nil ends it.
func (p *Peer) Interfere(fn func(w http.ResponseWriter, r *http.Request) bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.interfere = fn
}

// heard notes a request, and reports whether it was answered by who interferes.
func (p *Peer) heard(w http.ResponseWriter, r *http.Request) (answered bool) {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody))
	if err != nil {
		reply(w, r, http.StatusBadRequest, ocpi.StatusInvalid, "the body broke off", nil)
		return true
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	h := r.Header
	request := Request{
		Method: r.Method, Path: r.URL.RequestURI()[len("/ocpi"+p.version()):],
		From: ocpi.NewParty(h.Get(ocpi.HeaderFromCountry), h.Get(ocpi.HeaderFromParty)), To: ocpi.NewParty(h.Get(ocpi.HeaderToCountry), h.Get(ocpi.HeaderToParty)),
		ID: h.Get(ocpi.HeaderRequestID), Correlation: h.Get(ocpi.HeaderCorrelationID), Body: body,
	}
	p.mu.Lock()
	p.requests = append(p.requests, request)
	p.requests = p.requests[max(0, len(p.requests)-maxRequests):]
	interfere := p.interfere
	p.mu.Unlock()
	return interfere != nil && interfere(w, r)
}
