package ingest

import "github.com/roamclear/roamclear/ocpi"

// ObjectState is one client-owned object as the log folded it up to Position:
// a Location, a Token, a Session, or one version of a Tariff.
type ObjectState struct {
	Object      Object
	Key         ocpi.Key
	Variant     string // see Identity
	Version     ocpi.Version
	Sender      string
	Position    Position // of the last record applied; for a Tariff of this version
	Received    ocpi.Time
	LastUpdated ocpi.Time
	Deleted     bool
	Body        []byte // the whole object
	Zones       []ZoneChange
}

// Identity returns which object it is.
func (s *ObjectState) Identity() Identity { return Identity{s.Object, s.Key, s.Variant} }

// Identity says which object is meant. It is a value: compare it with ==, use
// it as a key. Variant tells objects of one key apart: the type of a Token,
// since of one uid there may be several (mod_tokens).
type Identity struct {
	Object  Object
	Key     ocpi.Key
	Variant string
}

// String names the object as messages do: "token NL*EXW*U1 RFID".
func (i Identity) String() string {
	s := i.Object.String() + " " + i.Key.String()
	if i.Variant != "" {
		s += " " + i.Variant
	}
	return s
}

// ZoneChange says from when on (receiving time) a Location had a time zone.
type ZoneChange struct {
	Received ocpi.Time `json:"received"`
	Zone     string    `json:"zone"`
}
