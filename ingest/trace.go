package ingest

import "github.com/roamclear/roamclear/ocpi"

// Trace is what the intake learns of a push that whoever keeps a log of messages asks for:
// where the log has its body, and by what it can be found. Its texts are used again with the
// next push; nothing may keep them.
type Trace struct {
	Topic   Topic    // "" = the log has no body of it
	At      Position // in Topic: its receipt, or where the refused body is
	Owner   []byte   // of the object, such as "NL*TNM"
	ID      []byte   // of the object, folded
	Session []byte   // the Session that a CDR names
	Token   []byte   // uid of the Token of a CDR, a Session, or that it is
}

// Reset empties the trace.
func (t *Trace) Reset() {
	t.Topic, t.At, t.Owner, t.ID, t.Session, t.Token = "", Position{}, t.Owner[:0], t.ID[:0], t.Session[:0], t.Token[:0]
}

// kept notes where a body stands.
func (t *Trace) kept(topic Topic, at Position, key ocpi.Key) {
	if t == nil {
		return
	}
	t.Topic, t.At = topic, at
	t.Owner, t.ID = t.Owner[:0], append(t.ID[:0], key.ID...)
	if !key.Party.IsZero() {
		t.Owner = append(append(append(t.Owner, key.Party.Country...), '*'), key.Party.ID...)
	}
}

// of notes what a charge names.
func (t *Trace) of(session, token string) {
	if t != nil {
		t.Session, t.Token = append(t.Session[:0], session...), append(t.Token[:0], token...)
	}
}
