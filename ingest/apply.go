package ingest

import (
	"errors"
	"fmt"

	"github.com/roamclear/roamclear/ocpi"
)

// Apply returns the object as it stands after one accepted change: the one
// function that validates a push before it is appended and folds it after.
// base is nil when the object is unknown. Unknown members are preserved.
func Apply(v ocpi.Version, m Method, t Target, base, body []byte) ([]byte, error) {
	whole, err := apply(v, m, t, base, body)
	if err == nil && len(whole) > MaxBody {
		return nil, tooLarge(t.Object, len(whole), MaxBody, "")
	}
	if t.Object == ObjectSession && err == nil && ocpi.SessionCompleted(base) && !Stale(t, base, whole) && !ocpi.SameSession(base, whole) {
		return nil, invalid("status", sessionCompleted)
	}
	return whole, err
}

// sessionCompleted is why a finished Session stays as it is (OCPI mod_sessions,
// SessionStatus): its code, and a sentence.
const sessionCompleted = "session_completed: the Session is COMPLETED, and then no more modifications are made; this one is kept and changes nothing"

// growing is the member that PATCHes and parts make larger than any one body.
var growing = map[Object]string{ObjectSession: "charging_periods", ObjectLocation: "evses"}

// tooLarge refuses what a change would make of an object: more than limit bytes,
// by a setting where there is one.
func tooLarge(o Object, size, limit int, setting string) error {
	reason := fmt.Sprintf("the %s would have %d bytes, at most %d are kept", o, size, limit)
	if setting != "" {
		reason += " (" + setting + ")"
	}
	return invalid(growing[o], reason)
}

func apply(v ocpi.Version, m Method, t Target, base, body []byte) ([]byte, error) {
	evse, connector := t.Part()
	nested := t.Object == ObjectLocation && evse != ""
	var whole []byte
	var err error
	switch {
	case m == MethodPut && !nested:
		return body, nil
	case m == MethodPut && connector == "":
		whole, err = ocpi.PutEVSE(base, evse, body)
	case m == MethodPut:
		whole, err = ocpi.PutConnector(base, evse, connector, body)
	case m == MethodPatch && t.Object == ObjectLocation:
		whole, err = ocpi.PatchLocation(base, evse, connector, body)
	case m == MethodPatch && t.Object == ObjectSession:
		whole, err = ocpi.MergeSession(base, body)
	case m == MethodPatch:
		whole, err = ocpi.MergeObject(base, body)
	default:
		return nil, fmt.Errorf("method %s changes no %s", m, t.Object)
	}
	if errors.Is(err, ocpi.ErrNoParent) {
		return nil, ErrUnknownObject
	}
	return whole, err
}

// Stale reports whether a change of base to whole carries an older
// last_updated than what it changes: it was overtaken on its way and is to be
// ignored (R-OWN-07). A part of a Location is held against that part, since
// the Location takes over the latest last_updated of all its parts. An equal
// one is no older, and where either says none nothing is known to be older.
func Stale(t Target, base, whole []byte) bool {
	evse, connector := t.Part()
	old, known := ocpi.Sub(base, evse, connector)
	changed, ok := ocpi.Sub(whole, evse, connector)
	if !known || !ok {
		return false
	}
	before, known := ocpi.LastUpdated(old)
	after, ok := ocpi.LastUpdated(changed)
	return known && ok && after < before
}
