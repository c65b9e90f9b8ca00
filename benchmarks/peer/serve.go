package peer

import (
	"encoding/json"
	"net/http"
	"time"

	"github.com/roamclear/roamclear/ocpi"
)

// routes lists what the peer answers.
func (p *Peer) routes() {
	handle := func(pattern string, tokenA bool, h http.HandlerFunc) {
		p.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) { p.guarded(w, r, tokenA, h) })
	}
	handle("GET /ocpi/versions", true, p.versions)
	handle("GET /ocpi"+p.version(), true, p.details)
	handle("/ocpi"+p.version()+"/credentials", true, p.credentials)
	for _, module := range p.sends() {
		handle("GET /ocpi"+p.base("sender", module), false, func(w http.ResponseWriter, r *http.Request) { p.list(w, r, module) })
	}
	if p.options.Role == EMSP {
		handle("/ocpi"+p.base("sender", "tokens")+"/{uid}/authorize", false, p.authorize)
	} else if p.options.Version != ocpi.V211 {
		handle("PUT /ocpi"+p.base("sender", "sessions")+"/{id}/charging_preferences", false, p.preferences)
	}
	for _, module := range p.takes() {
		handle("/ocpi"+p.base("receiver", module), false, func(w http.ResponseWriter, r *http.Request) {
			p.pushed(w, r, func(w http.ResponseWriter, r *http.Request) { p.post(w, r, module) })
		})
		handle("/ocpi"+p.base("receiver", module)+"/{path...}", false, func(w http.ResponseWriter, r *http.Request) {
			p.pushed(w, r, func(w http.ResponseWriter, r *http.Request) { p.object(w, r, module) })
		})
	}
	if p.options.Role == CPO {
		handle("POST /ocpi"+p.base("receiver", "commands")+"/{command}", false, p.command)
	} else {
		handle("POST /ocpi"+p.base("sender", "commands")+"/{path...}", false, p.result)
	}
	p.mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		reply(w, r, http.StatusNotFound, ocpi.StatusClientError, "no such resource", nil)
	})
}

// guarded lets in who knows a token, slowly where the peer is slow.
func (p *Peer) guarded(w http.ResponseWriter, r *http.Request, tokenA bool, h http.HandlerFunc) {
	if p.options.Fault == Slow {
		select {
		case <-time.After(p.options.Delay):
		case <-r.Context().Done():
			return
		}
	}
	if _, known := p.holder(r); !known || !tokenA && (p.byTokenA(r) || p.options.Fault == Ending) {
		reply(w, r, http.StatusUnauthorized, ocpi.StatusClientError, "unknown token", nil)
		return
	}
	if !tokenA && p.heard(w, r) {
		return
	}
	h(w, r)
}

// holder finds the token of a request.
func (p *Peer) holder(r *http.Request) (token string, known bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	given := r.Header.Get("Authorization")
	if p.tokenA != "" && given == p.authorization(p.tokenA) {
		return p.tokenA, true
	}
	for t := range p.accepted {
		if given == p.authorization(t) {
			return t, true
		}
	}
	return "", false
}

func (p *Peer) byTokenA(r *http.Request) bool {
	token, _ := p.holder(r)
	return token != "" && token == p.TokenA()
}

func (p *Peer) versions(w http.ResponseWriter, r *http.Request) {
	reply(w, r, http.StatusOK, ocpi.StatusSuccess, "", []ocpi.VersionInfo{{Version: p.options.Version.String(), URL: p.at(p.version())}})
}

// endpoint is a module in version details: without a role in 2.1.1.
type endpoint struct {
	Identifier string `json:"identifier"`
	Role       string `json:"role,omitempty"`
	URL        string `json:"url"`
}

func (p *Peer) details(w http.ResponseWriter, r *http.Request) {
	var list []endpoint
	add := func(module, side, role string) {
		if p.options.Version == ocpi.V211 {
			role = ""
		}
		list = append(list, endpoint{module, role, p.at(p.base(side, module))})
	}
	for _, module := range p.sends() {
		add(module, "sender", "SENDER")
	}
	for _, module := range p.takes() {
		add(module, "receiver", "RECEIVER")
	}
	if p.options.Role == CPO {
		add("commands", "receiver", "RECEIVER")
	} else {
		add("commands", "sender", "SENDER")
	}
	role := "SENDER"
	if p.options.Version == ocpi.V211 {
		role = ""
	}
	list = append(list, endpoint{"credentials", role, p.at(p.version() + "/credentials")})
	reply(w, r, http.StatusOK, ocpi.StatusSuccess, "", map[string]any{"version": p.options.Version.String(), "endpoints": list})
}

// reply answers in OCPI's envelope with what is marshalled.
func reply(w http.ResponseWriter, r *http.Request, httpStatus int, status ocpi.Status, message string, data any) {
	var body []byte
	if data != nil {
		var err error
		if body, err = json.Marshal(data); err != nil {
			panic(err) // our own types
		}
	}
	answer(w, r, httpStatus, status, message, body)
}

// answer answers in OCPI's envelope, with the ids of the message and the routing
// headers turned round.
func answer(w http.ResponseWriter, r *http.Request, httpStatus int, status ocpi.Status, message string, data []byte) {
	h := w.Header()
	for _, name := range []string{ocpi.HeaderRequestID, ocpi.HeaderCorrelationID} {
		if v := r.Header.Get(name); v != "" {
			h.Set(name, v)
		}
	}
	for to, from := range map[string]string{
		ocpi.HeaderToCountry: ocpi.HeaderFromCountry, ocpi.HeaderToParty: ocpi.HeaderFromParty,
		ocpi.HeaderFromCountry: ocpi.HeaderToCountry, ocpi.HeaderFromParty: ocpi.HeaderToParty,
	} {
		if v := r.Header.Get(from); v != "" {
			h.Set(to, v)
		}
	}
	h.Set("Content-Type", "application/json")
	w.WriteHeader(httpStatus)
	e := ocpi.Envelope{Status: status, Message: message, Time: time.Now(), Data: data}
	_, _ = w.Write(e.Append(nil)) // the other side is gone: nobody is left to tell
}
