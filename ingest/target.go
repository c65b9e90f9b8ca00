package ingest

import (
	"errors"
	"net/url"
	"slices"
	"strings"

	"github.com/roamclear/roamclear/ocpi"
)

// ErrUnknownObject says that a PATCH, DELETE or nested PUT addresses an
// object that does not exist: HTTP 404.
var ErrUnknownObject = errors.New("unknown object")

// Sender is the authenticated partner a body comes from, with the parties it
// may write for, and the codes of findings that refuse what it sends. Acting is the
// one of its parties that it says it speaks for, zero where it does not say.
type Sender struct {
	ID      string
	Parties []ocpi.Party
	Refuses []string
	Acting  ocpi.Party
	Trace   *Trace // what is learned of its push; nil = nobody asks
}

// Owns reports whether the sender may write for p.
func (s Sender) Owns(p ocpi.Party) bool {
	_, ok := s.own(p)
	return ok
}

// own returns the sender's own copy of p, whose strings alias no body.
func (s Sender) own(p ocpi.Party) (ocpi.Party, bool) {
	for _, own := range s.Parties {
		if own == p {
			return own, true
		}
	}
	return ocpi.Party{}, false
}

// maxRefusals bounds the findings that a refusal names.
const maxRefusals = 100

// refusal says which findings the sender's policies refuse, each by its code,
// which is what a policy names; nil where there is none.
func (s Sender) refusal(findings []ocpi.Finding) error {
	var wrong []ocpi.FieldError
	for _, f := range findings {
		if len(wrong) == maxRefusals {
			break
		}
		if !slices.Contains(s.Refuses, f.Code) {
			continue
		}
		field := RefusedBy(&f)
		if !slices.Contains(wrong, field) {
			wrong = append(wrong, field)
		}
	}
	if wrong == nil {
		return nil
	}
	return &ocpi.Invalid{Fields: wrong}
}

// RefusedBy is the error of what is refused for a finding, by a policy.
func RefusedBy(f *ocpi.Finding) ocpi.FieldError {
	return ocpi.FieldError{Path: f.Path, Reason: f.Code + ", which is refused by agreement: " + f.Detail}
}

// Target is a client-owned object as a URL addresses it, or a part of one.
type Target struct {
	Object  Object
	Key     ocpi.Key
	ID      string // as in the URL
	Variant string // see Identity
	Path    string // of a part of a Location, see PartPath, or whom an invoice is for; "" = the whole object
}

// Identity returns which object the target is, or is a part of.
func (t Target) Identity() Identity { return Identity{t.Object, t.Key, t.Variant} }

// PartPath joins the uid of an EVSE and the id of a Connector (each may be
// empty) into a Target's Path. Ids may hold any printable character, so each
// segment is percent-encoded.
func PartPath(evseUID, connectorID string) string {
	if connectorID == "" {
		return url.PathEscape(evseUID)
	}
	return url.PathEscape(evseUID) + "/" + url.PathEscape(connectorID)
}

// PayerPath says, in the Path of a Session's record, who pays for a contract.
func PayerPath(payer ocpi.Party, contract string) string { return payer.String() + " " + contract }

// PayerOf returns what PayerPath joined; ok is false where the record says nothing of it.
func (e *Envelope) PayerOf() (payer ocpi.Party, contract string, ok bool) {
	party, contract, ok := strings.Cut(e.Path, " ")
	if e.Object != ObjectSession || !ok {
		return payer, "", false
	}
	payer, ok = ocpi.ParseParty(party)
	return payer, contract, ok
}

// isPart reports whether the target is a part of an object.
func (t Target) isPart() bool { return t.Object == ObjectLocation && t.Path != "" }

// Part returns what PartPath joined: both are empty for a whole object.
func (t Target) Part() (evseUID, connectorID string) {
	if !t.isPart() {
		return "", ""
	}
	evse, connector, _ := strings.Cut(t.Path, "/")
	return unescape(evse), unescape(connector)
}

func unescape(segment string) string {
	s, err := url.PathUnescape(segment)
	if err != nil {
		return segment
	}
	return s
}

// Receipt is what a partner gets for an accepted body.
type Receipt struct {
	Position Position
	Key      ocpi.Key
	ID       string  // as sent
	Created  bool    // the object did not exist before; always true for a CDR
	Earlier  Earlier // of a CDR: a copy that came before
	Findings []ocpi.Finding
}
