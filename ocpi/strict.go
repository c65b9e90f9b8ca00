package ocpi

import (
	"errors"
	"strings"

	jsonv2 "github.com/go-json-experiment/json"
)

// MemberError names the member of a JSON value that cannot be used, such as
// "roles.0.party_id"; "" is the value itself.
type MemberError struct {
	Path   string
	Reason string
	err    error
}

// Error returns the reason, with the member in front.
func (e *MemberError) Error() string {
	if e.Path == "" {
		return e.Reason
	}
	return e.Path + ": " + e.Reason
}

// Unwrap returns what the decoder said.
func (e *MemberError) Unwrap() error { return e.err }

// UnknownMember reports whether the error is that there is no such member.
func (e *MemberError) UnknownMember() bool { return errors.Is(e.err, jsonv2.ErrUnknownName) }

// DecodeStrict reads one JSON value whose form is ours, never a partner's. A
// member that v does not have, by its very spelling, or that comes twice, and
// anything after the value are errors: what is misspelt must never do another
// thing than was meant. The error is a [*MemberError], or says why the text is
// not one JSON value.
func DecodeStrict(data []byte, v any) error {
	err := jsonv2.Unmarshal(data, v, jsonv2.RejectUnknownMembers(true))
	wrong, ok := errors.AsType[*jsonv2.SemanticError](err)
	if !ok {
		return err
	}
	e := &MemberError{Path: strings.ReplaceAll(strings.TrimPrefix(string(wrong.JSONPointer), "/"), "/", "."), err: err}
	switch {
	case e.UnknownMember():
		e.Reason = "no such member"
	case errors.Is(err, ErrNumberSyntax), errors.Is(err, ErrNumberRange):
		e.Reason = `want a decimal such as "20.5", of at most 18 digits`
	default:
		e.Reason = "has the wrong type or is too large"
	}
	return e
}
