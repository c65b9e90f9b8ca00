package peer

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"

	"github.com/roamclear/roamclear/ocpi"
)

const maxBody = 8 << 20

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
