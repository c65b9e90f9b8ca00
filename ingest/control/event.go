package control

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/roamclear/roamclear/ocpi"
)

// Event is one record of the control log: what was asked for, by which
// command and when. Its JSON is frozen; a change of meaning is a new version.
type Event struct {
	Command string    // id of the command: a repeat does nothing
	Expect  uint64    // version the partner must have, 0 = any
	At      ocpi.Time // by the clock of the process that appended it
	Change  Change
}

// Change is what an event does to the state. The types of this package that
// implement it are all there are.
type Change interface {
	// validate returns a *Refused when the change makes no sense in any state.
	validate() error
	// apply changes the state, or leaves it alone and returns a *Refused.
	apply(s *State, e Event) error
}

// kind is the name and version of a change in the log, and how to read one.
type kind struct {
	name    string
	version int
	decode  func(data []byte) (Change, error)
}

var kinds = []kind{
	{"installation.created", 1, decode[InstallationCreated]},
	{"topic.registered", 1, decode[TopicRegistered]},
	{"partner.added", 1, decode[PartnerAdded]},
	{"partner.removed", 1, decode[PartnerRemoved]},
	{"token.rotated", 1, decode[TokenRotated]},
	{"token.confirmed", 1, decode[TokenConfirmed]},
	{"key.added", 1, decode[KeyAdded]},
	{"key.removed", 1, decode[KeyRemoved]},
	{"period.closed", 1, decode[PeriodClosed]},
}

func kindOf(c Change) kind {
	switch c.(type) {
	case InstallationCreated:
		return kinds[0]
	case TopicRegistered:
		return kinds[1]
	case PartnerAdded:
		return kinds[2]
	case PartnerRemoved:
		return kinds[3]
	case TokenRotated:
		return kinds[4]
	case TokenConfirmed:
		return kinds[5]
	case KeyAdded:
		return kinds[6]
	case KeyRemoved:
		return kinds[7]
	case PeriodClosed:
		return kinds[8]
	}
	panic(fmt.Sprintf("control: change of type %T has no kind", c))
}

// UnknownEventError says that this program does not know an event: it was
// written by a newer one, and going on would fold to another state.
type UnknownEventError struct {
	Type    string
	Version int
}

// Error says what was found and how to go on.
func (e *UnknownEventError) Error() string {
	return fmt.Sprintf("control event %q version %d is unknown to this version of roamclear: start a version at least as new as the one that wrote it", e.Type, e.Version)
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
func (e Event) Encode() ([]byte, error) {
	data, err := json.Marshal(e.Change)
	if err != nil {
		return nil, fmt.Errorf("encode control event: %w", err)
	}
	k := kindOf(e.Change)
	body, err := json.Marshal(wireEvent{Type: k.name, Version: k.version, Command: e.Command, Expect: e.Expect, At: e.At, Data: data})
	if err != nil {
		return nil, fmt.Errorf("encode control event: %w", err)
	}
	return body, nil
}

// DecodeEvent reads what Encode wrote. A type, version or member it does not
// know is an error: *UnknownEventError for the first two.
func DecodeEvent(body []byte) (Event, error) {
	var w wireEvent
	if err := decodeStrict(body, &w); err != nil {
		return Event{}, fmt.Errorf("decode control event: %w", err)
	}
	for _, k := range kinds {
		if k.name != w.Type || k.version != w.Version {
			continue
		}
		change, err := k.decode(w.Data)
		if err != nil {
			return Event{}, fmt.Errorf("decode control event %s: %w", k.name, err)
		}
		return Event{Command: w.Command, Expect: w.Expect, At: w.At, Change: change}, nil
	}
	return Event{}, &UnknownEventError{Type: w.Type, Version: w.Version}
}

func decode[C Change](data []byte) (Change, error) {
	var c C
	err := decodeStrict(data, &c)
	return c, err
}

func decodeStrict(data []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("bytes after the JSON value")
	}
	return nil
}
