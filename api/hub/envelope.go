package hub

import (
	"cmp"
	"encoding/json"
	"errors"
	"strconv"

	"github.com/roamclear/roamclear/api"
	"github.com/roamclear/roamclear/ocpi"
)

// maxMessage bounds status_message, in bytes.
const maxMessage = 1000

// errorAnswer says what was wrong: in words in status_message, and for wrong
// fields also as data, a list of path and reason, which OCPI leaves open to
// such use (2.2.1 transport, "Response format").
func errorAnswer(kind api.Kind, err error) answer {
	a := answer{message: kind.Message(err)}
	if invalid, ok := errors.AsType[*ocpi.Invalid](err); ok && kind == api.KindInvalid {
		a.message = invalid.Error()
		if data, err := json.Marshal(invalid.Fields); err == nil {
			a.data = data
		}
	}
	a.message = bounded(a.message)
	return a
}

// successMessage is what a sender should know of an accepted body, and the number
// of its findings, where it departs from OCPI or says something doubtful, with the
// most serious one; "" where there is neither.
func successMessage(note string, findings []ocpi.Finding) string {
	if note != "" {
		note = "Success, but " + note
	}
	if len(findings) == 0 {
		return bounded(note)
	}
	worst := &findings[0]
	for i := range findings {
		if findings[i].Severity > worst.Severity {
			worst = &findings[i]
		}
	}
	m := cmp.Or(note, "Success") + "; 1 finding: "
	if len(findings) > 1 {
		m = cmp.Or(note, "Success") + "; " + strconv.Itoa(len(findings)) + " findings, most serious: "
	}
	m += worst.Path + " " + worst.Code
	if worst.Detail != "" {
		m += " (" + worst.Detail + ")"
	}
	return bounded(m)
}

// bounded cuts a message that is too long.
func bounded(message string) string { return api.Shorten(message, maxMessage) }
