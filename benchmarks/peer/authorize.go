package peer

import (
	"encoding/json"
	"net/http"
	"strings"

	"github.com/roamclear/roamclear/ocpi"
)

// authorize answers a real-time authorization (mod_tokens, "POST Method" of the Sender
// interface): a Token of the list is allowed wherever it is used, and is given a
// reference made of its uid; what is unknown is told so.
func (p *Peer) authorize(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		notAllowed(w, r, "POST")
		return
	}
	uid := r.PathValue("uid")
	for _, o := range p.lists["tokens"] {
		var token struct {
			UID string `json:"uid"`
		}
		if err := json.Unmarshal(o.body, &token); err != nil || !strings.EqualFold(token.UID, uid) {
			continue
		}
		info := members{"allowed": "ALLOWED", "info": members{"language": "en", "text": "Welcome"}}
		if p.options.Version != ocpi.V211 {
			info["token"], info["authorization_reference"] = o.body, Reference(token.UID)
		}
		var place map[string]json.RawMessage
		if err := json.NewDecoder(r.Body).Decode(&place); err == nil && place["location_id"] != nil {
			info["location"] = place
		}
		reply(w, r, http.StatusOK, ocpi.StatusSuccess, "", info)
		return
	}
	reply(w, r, http.StatusNotFound, ocpi.StatusUnknownToken, "unknown token", nil)
}

// Reference is the authorization_reference that an eMSP gives with a Token.
func Reference(uid string) string { return "AUTH-" + uid }

// preferences answers what a driver prefers for a Session (mod_sessions, "PUT Method" of
// the Sender interface): whatever it is, it is tried.
func (p *Peer) preferences(w http.ResponseWriter, r *http.Request) {
	if _, members, ok := read(w, r); !ok {
		return
	} else if members["profile_type"] == nil {
		reply(w, r, http.StatusOK, ocpi.StatusInvalid, "profile_type: required", nil)
		return
	}
	reply(w, r, http.StatusOK, ocpi.StatusSuccess, "", "ACCEPTED")
}
