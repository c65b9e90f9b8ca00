package control

import (
	"bytes"
	"encoding/json"
	"fmt"
	"unicode"
	"unicode/utf8"

	"github.com/roamclear/roamclear/ocpi"
)

// Kind is the name and version of a kind of event, such as "partner.added" 1.
type Kind struct {
	Name    string
	Version int
}

// Change is what an event asks for; its type says its kind. Its JSON is frozen:
// a change of meaning is a new version, which is a type of its own.
type Change interface {
	// Kind returns the same for every value of the type.
	Kind() Kind
	// Validate returns a *Refused when the change makes no sense in any state.
	Validate() error
}

// Event is one record of the control log without its change: where it stands,
// by which command it was asked for, and when.
type Event struct {
	Offset  int64
	Command string    // id of the command: a repeat does nothing
	Expect  uint64    // version of what the change addresses, 0 = any: the domain's fold holds it against its state
	At      ocpi.Time // by the clock of the process that appended it
	Body    []byte    // all of it as it stands in the log; not to be changed
}

// Fold is a kind of event with the function that folds it. On makes one.
type Fold struct {
	kind   Kind
	decode func(data []byte) (Change, error)
	apply  func(Event, Change) error
	owner  *domain // set by Register
}

// On returns the fold of the events with a change of type C. apply changes the
// state of its domain, or leaves it alone and returns a *Refused; it reads no
// clock and depends on nothing but that state and the event.
func On[C Change](apply func(Event, C) error) Fold {
	var zero C
	return Fold{
		kind: zero.Kind(),
		decode: func(data []byte) (Change, error) {
			var c C
			err := ocpi.DecodeStrict(data, &c)
			return c, err
		},
		apply: func(e Event, c Change) error { return apply(e, c.(C)) },
	}
}

// UnknownEventError says that this program does not know an event: it was
// written by a newer one, and going on would fold to another state.
type UnknownEventError struct{ Kind Kind }

// Error says what was found and how to go on.
func (e *UnknownEventError) Error() string {
	return fmt.Sprintf("control event %q version %d is unknown to this version of roamclear: start a version at least as new as the one that wrote it", e.Kind.Name, e.Kind.Version)
}

type wireEvent struct {
	Type    string          `json:"type"`
	Version int             `json:"v"`
	Command string          `json:"command"`
	Expect  uint64          `json:"expect,omitempty"`
	At      ocpi.Time       `json:"at"` // nanoseconds since 1970, UTC
	Data    json.RawMessage `json:"data"`
}

// Encode returns the event as it stands in the log.
func Encode(e Event, c Change) ([]byte, error) {
	data, err := encode(c)
	if err != nil {
		return nil, fmt.Errorf("encode control event: %w", err)
	}
	k := c.Kind()
	body, err := encode(wireEvent{Type: k.Name, Version: k.Version, Command: e.Command, Expect: e.Expect, At: e.At, Data: data})
	if err != nil {
		return nil, fmt.Errorf("encode control event: %w", err)
	}
	return body, nil
}

// encode writes JSON as it is read back, without HTML escapes: an & is one byte.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}

// decode reads what Encode wrote. A kind that no domain registered is an
// *UnknownEventError, and a member that nobody knows is an error too.
func (m *Machine) decode(body []byte) (Event, Change, error) {
	var w wireEvent
	if err := ocpi.DecodeStrict(body, &w); err != nil {
		return Event{}, nil, fmt.Errorf("decode control event: %w", err)
	}
	fold, ok := m.folds[Kind{w.Type, w.Version}]
	if !ok {
		return Event{}, nil, &UnknownEventError{Kind{w.Type, w.Version}}
	}
	change, err := fold.decode(w.Data)
	if err != nil {
		return Event{}, nil, fmt.Errorf("decode control event %s: %w", w.Type, err)
	}
	return Event{Command: w.Command, Expect: w.Expect, At: w.At}, change, nil
}

const maxCommandLength = 64

// validate returns a *Refused for what makes no sense in any state.
func validate(e Event, c Change) error {
	if e.Command == "" || len(e.Command) > maxCommandLength {
		return Invalid("command id of %d bytes: want 1 to %d", len(e.Command), maxCommandLength)
	}
	if !e.At.IsSet() {
		return Invalid("command %q has no time", e.Command)
	}
	return c.Validate()
}

const maxName = 200 // bytes of a name or an id

func validateName(what, s string) error {
	if s == "" || len(s) > maxName || !utf8.ValidString(s) {
		return Invalid("%s: want 1 to %d bytes of UTF-8", what, maxName)
	}
	for _, r := range s {
		if unicode.IsControl(r) {
			return Invalid("%s %q: control characters are not allowed", what, s)
		}
	}
	return nil
}
