package ingest

import (
	"errors"
	"fmt"

	"github.com/roamclear/roamclear/ocpi"
)

// Apply returns the object as it stands after one accepted change: the one
// function that validates a push before it is appended and folds it after. old
// is nil, deleted or without a body where there is no such object. Unknown
// members are preserved. A change in part that comes in another OCPI version is
// one of the object as that version has it.
func Apply(v ocpi.Version, m Method, t Target, old *ObjectState, body []byte) ([]byte, error) {
	base, err := basis(v, m, t, old)
	if err != nil {
		return nil, err
	}
	whole, err := apply(v, m, t, base, body)
	if err == nil && len(whole) > MaxBody {
		return nil, tooLarge(t.Object, len(whole), MaxBody, "")
	}
	if t.Object != ObjectSession || err != nil {
		return whole, err
	}
	if reason := ended(m, base); reason != "" && !Stale(t, base, whole) && !ocpi.SameSession(base, whole) {
		return nil, invalid("status", reason)
	}
	return whole, nil
}

// basis is what a change is applied to.
func basis(v ocpi.Version, m Method, t Target, old *ObjectState) ([]byte, error) {
	switch {
	case old == nil || old.Deleted || len(old.Body) == 0:
		return nil, nil
	case old.Version == v:
		return old.Body, nil
	case m == MethodPut && !t.isPart() && (t.Object != ObjectSession || ended(m, old.Body) == ""): // nothing of it is left
		return old.Body, nil
	}
	return old.In(v)
}

// ended says why a Session stays as it is, "" where it goes on: no more
// modifications are made of one that is COMPLETED, and what was found INVALID is
// not billed (OCPI mod_sessions, SessionStatus); a PUT says all of it anew. The
// reason is a code, and a sentence.
func ended(m Method, session []byte) string {
	switch status := ocpi.SessionStatus(session); {
	case status == "COMPLETED":
		return "session_completed: the Session is COMPLETED, and then no more modifications are made; this one is kept and changes nothing"
	case status == "INVALID" && m == MethodPatch:
		return "session_invalid: the Session is INVALID, and a PATCH makes it no other; this one is kept and changes nothing"
	}
	return ""
}

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
	nested := t.isPart()
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
