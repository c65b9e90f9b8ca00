package peer

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"github.com/roamclear/roamclear/ocpi"
)

const maxBody = 8 << 20

// pushed has a push taken, as the fault has it: what is lost or late is answered where it
// comes again.
func (p *Peer) pushed(w http.ResponseWriter, r *http.Request, take http.HandlerFunc) {
	fault := p.options.Fault
	if r.Method == http.MethodGet || fault != Refuse && fault != Lost && fault != Late {
		take(w, r)
		return
	}
	if fault == Refuse {
		reply(w, r, http.StatusOK, ocpi.StatusInvalid, "refused, whatever it is", nil)
		return
	}
	body, err := io.ReadAll(r.Body) // heard bounded it
	if err != nil {
		reply(w, r, http.StatusBadRequest, ocpi.StatusInvalid, "the body broke off", nil)
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	name := fmt.Sprintf("%s %s %x", r.Method, r.URL.RequestURI(), sha256.Sum256(body))
	p.mu.Lock()
	p.asked[name]++
	again := p.asked[name] > 1
	p.mu.Unlock()
	if again {
		take(w, r)
		return
	}
	take(nowhere{}, r)
	if fault == Late {
		<-r.Context().Done()
	}
	panic(http.ErrAbortHandler) // net/http closes the connection, and says nothing
}

// nowhere takes an answer that nobody gets.
type nowhere http.Header

// Header implements http.ResponseWriter.
func (n nowhere) Header() http.Header { return http.Header(n) }

// Write implements http.ResponseWriter.
func (nowhere) Write(b []byte) (int, error) { return len(b), nil }

// WriteHeader implements http.ResponseWriter.
func (nowhere) WriteHeader(int) {}

// post takes what is posted to a module: CDRs alone (mod_cdrs, "POST Method").
func (p *Peer) post(w http.ResponseWriter, r *http.Request, module string) {
	if module != "cdrs" || r.Method != http.MethodPost {
		notAllowed(w, r, "POST")
		return
	}
	body, members, ok := read(w, r)
	if !ok {
		return
	}
	var id string
	if err := json.Unmarshal(members["id"], &id); err != nil || id == "" {
		reply(w, r, http.StatusOK, ocpi.StatusInvalid, "id: required", nil)
		return
	}
	path := module + "/" + url.PathEscape(id)
	w.Header().Set("Location", p.at(p.base("receiver", path)))
	reply(w, r, p.keep(Received{Method: r.Method, Path: path, Body: body}), ocpi.StatusSuccess, "", nil)
}

// object takes and shows the objects of other parties, and of CDRs those that
// were posted.
func (p *Peer) object(w http.ResponseWriter, r *http.Request, module string) {
	path := module + "/" + r.PathValue("path")
	old, known := p.kept(path)
	switch {
	case r.Method == http.MethodGet && known:
		reply(w, r, http.StatusOK, ocpi.StatusSuccess, "", json.RawMessage(old.Body))
	case r.Method == http.MethodGet, r.Method == http.MethodPatch && !known, r.Method == http.MethodDelete && !known:
		reply(w, r, http.StatusNotFound, ocpi.StatusClientError, "no such object", nil)
	case module == "cdrs":
		notAllowed(w, r, "GET")
	case r.Method == http.MethodPut:
		if body, _, ok := read(w, r); ok {
			reply(w, r, p.keep(Received{r.Method, path, body}), ocpi.StatusSuccess, "", nil)
		}
	case r.Method == http.MethodPatch:
		if _, members, ok := read(w, r); ok {
			p.keep(Received{r.Method, path, merged(old.Body, members)})
			reply(w, r, http.StatusOK, ocpi.StatusSuccess, "", nil)
		}
	case r.Method == http.MethodDelete && module == "tariffs":
		p.forget(path)
		reply(w, r, http.StatusOK, ocpi.StatusSuccess, "", nil)
	default:
		notAllowed(w, r, "GET, PUT, PATCH")
	}
}

func notAllowed(w http.ResponseWriter, r *http.Request, allow string) {
	w.Header().Set("Allow", allow)
	reply(w, r, http.StatusMethodNotAllowed, ocpi.StatusClientError, "method not allowed", nil)
}

// read reads the body of a push; where it is no JSON object that is answered.
func read(w http.ResponseWriter, r *http.Request) (body []byte, members map[string]json.RawMessage, ok bool) {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody))
	if err == nil {
		err = json.Unmarshal(body, &members)
	}
	if err != nil {
		reply(w, r, http.StatusBadRequest, ocpi.StatusInvalid, "not a JSON object", nil)
	}
	return body, members, err == nil
}

// merged is an object with the members of a PATCH; periods of a Session are
// appended (mod_sessions, "PATCH Method").
func merged(old []byte, patch map[string]json.RawMessage) []byte {
	members := map[string]json.RawMessage{}
	_ = json.Unmarshal(old, &members) // it was an object when it came
	for name, value := range patch {
		var before, more []json.RawMessage
		if name == "charging_periods" && json.Unmarshal(members[name], &before) == nil && json.Unmarshal(value, &more) == nil {
			value, _ = json.Marshal(append(before, more...)) // raw JSON can be written
		}
		members[name] = value
	}
	body, err := json.Marshal(members)
	if err != nil {
		panic(err) // raw JSON can be written
	}
	return body
}

// keep keeps an object and returns the HTTP status that says whether it is new.
func (p *Peer) keep(r Received) (httpStatus int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	_, known := p.received[r.Path]
	p.received[r.Path] = r
	if known {
		return http.StatusOK
	}
	return http.StatusCreated
}

func (p *Peer) kept(path string) (Received, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	r, ok := p.received[path]
	return r, ok
}

func (p *Peer) forget(path string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.received, path)
}
