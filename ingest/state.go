package ingest

import "github.com/roamclear/roamclear/ocpi"

// ObjectState is one client-owned object as the log folded it up to Position:
// a Location, a Token, a Session, or one version of a Tariff.
type ObjectState struct {
	Object      Object
	Key         ocpi.Key
	Sub         string // the token type for a Token, else ""
	Version     ocpi.Version
	Sender      string
	Position    Position // of the last record applied; for a Tariff of this version
	Received    ocpi.Time
	LastUpdated ocpi.Time
	Deleted     bool
	Body        []byte // the whole object
	Zones       []ZoneChange
}

// ZoneChange says from when on (receiving time) a Location had a time zone.
type ZoneChange struct {
	Received ocpi.Time `json:"received"`
	Zone     string    `json:"zone"`
}
