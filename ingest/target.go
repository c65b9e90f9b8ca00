package ingest

import (
	"errors"

	"github.com/roamclear/roamclear/ocpi"
)

// ErrUnknownObject says that a PATCH, DELETE or nested PUT addresses an
// object that does not exist: HTTP 404.
var ErrUnknownObject = errors.New("unknown object")

// Sender is the authenticated partner a body comes from, with the parties it
// may write for.
type Sender struct {
	ID      string
	Parties []ocpi.Party
}

// Owns reports whether the sender may write for p.
func (s Sender) Owns(p ocpi.Party) bool {
	for _, own := range s.Parties {
		if own == p {
			return true
		}
	}
	return false
}

// Target is a client-owned object as a URL addresses it. Sub is the path
// below it: "" or "EVSE_UID" or "EVSE_UID/CONNECTOR_ID" for a Location, the
// token type for a Token.
type Target struct {
	Object Object
	Key    ocpi.Key
	ID     string // as in the URL
	Sub    string
}

// Receipt is what a partner gets for an accepted body.
type Receipt struct {
	Position Position
	Key      ocpi.Key
	ID       string // as sent
	Created  bool   // the object did not exist before; always true for a CDR
	Findings []ocpi.Finding
}
