package ocpi

import (
	"fmt"
	"strings"
)

// Severity ranks a finding.
type Severity uint8

// Info is worth knowing, Warning departs from OCPI without harm to the money,
// Serious makes the money doubtful.
const (
	Info Severity = iota
	Warning
	Serious
)

// String returns "info", "warning" or "serious".
func (s Severity) String() string { return [...]string{"info", "warning", "serious"}[s] }

// MarshalText writes the severity's name.
func (s Severity) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads the severity's name.
func (s *Severity) UnmarshalText(b []byte) error {
	for i := Info; i <= Serious; i++ {
		if i.String() == string(b) {
			*s = i
			return nil
		}
	}
	return fmt.Errorf("severity %q: want info, warning or serious", b)
}

// Finding is a departure from OCPI that does not stop a body from being
// accepted: kept, listed, and shown to its owner and to finance. Code is
// stable and lower_snake_case; Path is the JSON path such as
// "charging_periods[3].dimensions[0].volume"; Detail is one sentence.
type Finding struct {
	Code     string   `json:"code"`
	Severity Severity `json:"severity"`
	Path     string   `json:"path,omitempty"`
	Detail   string   `json:"detail,omitempty"`
}

// FieldError says why one field makes a body unusable.
type FieldError struct {
	Path   string `json:"path"`
	Reason string `json:"reason"`
}

// Invalid is the error of a body that is JSON but cannot be identified,
// priced or settled: OCPI status 2001.
type Invalid struct{ Fields []FieldError }

// Error lists every field with its reason.
func (e *Invalid) Error() string {
	parts := make([]string, len(e.Fields))
	for i, f := range e.Fields {
		parts[i] = f.Path + ": " + f.Reason
	}
	return strings.Join(parts, "; ")
}

// SyntaxError is the error of a body that is not JSON as OCPI wants it
// (malformed, a duplicate member name, invalid UTF-8): HTTP status 400.
type SyntaxError struct {
	Offset int
	Reason string
}

// Error gives the byte offset and the reason.
func (e *SyntaxError) Error() string {
	return fmt.Sprintf("not valid JSON at byte %d: %s", e.Offset, e.Reason)
}
