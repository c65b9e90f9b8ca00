package hub

import (
	"encoding/json"
	"errors"
	"strconv"
	"strings"

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

// successMessage counts the findings of an accepted body, which departs from
// OCPI or says something doubtful, and names the most serious one.
func successMessage(findings []ocpi.Finding) string {
	if len(findings) == 0 {
		return ""
	}
	worst := &findings[0]
	for i := range findings {
		if findings[i].Severity > worst.Severity {
			worst = &findings[i]
		}
	}
	m := "Success; 1 finding: "
	if len(findings) > 1 {
		m = "Success; " + strconv.Itoa(len(findings)) + " findings, most serious: "
	}
	m += worst.Path + " " + worst.Code
	if worst.Detail != "" {
		m += " (" + worst.Detail + ")"
	}
	return bounded(m)
}

// bounded cuts a message that is too long.
func bounded(message string) string {
	if len(message) > maxMessage {
		return strings.ToValidUTF8(message[:maxMessage], "") + "…"
	}
	return message
}
