package messages

import (
	"encoding/json"

	"github.com/roamclear/roamclear/ocpi"
)

// Keys are what a body tells by which a message is found.
type Keys struct {
	Owner                   ocpi.Party // zero where it does not say so
	ID, SessionID, TokenUID string
}

// KeysOf reads a body that no intake has read. What cannot be read is not known.
func KeysOf(body []byte) (k Keys) {
	var v struct {
		Country   string `json:"country_code"`
		Party     string `json:"party_id"`
		ID        string `json:"id"`
		UID       string `json:"uid"`
		SessionID string `json:"session_id"`
		Token     struct {
			UID string `json:"uid"`
		} `json:"token"`
		CDRToken struct {
			UID string `json:"uid"`
		} `json:"cdr_token"`
	}
	_ = json.Unmarshal(body, &v) // a member of another kind leaves the others as they are
	k = Keys{ID: v.ID, SessionID: v.SessionID, TokenUID: v.UID}
	if v.Country != "" && v.Party != "" {
		k.Owner = ocpi.NewParty(v.Country, v.Party)
	}
	if v.Token.UID != "" {
		k.TokenUID = v.Token.UID
	}
	if v.CDRToken.UID != "" {
		k.TokenUID = v.CDRToken.UID
	}
	return k
}
