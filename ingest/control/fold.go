package control

import "fmt"

// Refusal says why a command had no effect.
type Refusal uint8

// Refusals.
const (
	RefusedInvalid  Refusal = iota + 1 // the command makes no sense
	RefusedConflict                    // it contradicts what stands in the log before it
	RefusedUnknown                     // what it addresses does not exist
	RefusedRepeat                      // a command with this id was decided before
)

// Refused is the error of a command that had no effect. Every process that
// folds the log refuses the same commands.
type Refused struct {
	Kind   Refusal
	Reason string
}

// Error returns the reason.
func (r *Refused) Error() string { return r.Reason }

func invalid(format string, args ...any) error {
	return &Refused{Kind: RefusedInvalid, Reason: fmt.Sprintf(format, args...)}
}

func conflict(format string, args ...any) error {
	return &Refused{Kind: RefusedConflict, Reason: fmt.Sprintf(format, args...)}
}

func unknown(format string, args ...any) error {
	return &Refused{Kind: RefusedUnknown, Reason: fmt.Sprintf(format, args...)}
}

// Fold applies one event. It reads no clock and depends on nothing but the
// state and the event. It returns a *Refused, and leaves everything but the
// memory of command ids alone, when the event has no effect.
func (s *State) Fold(e Event) error {
	if err := e.validate(); err != nil {
		return err
	}
	if !s.commands.add(e.Command) {
		return &Refused{Kind: RefusedRepeat, Reason: fmt.Sprintf("command %q was decided before: a command takes effect at most once", e.Command)}
	}
	return e.Change.apply(s, e)
}

const maxCommandLength = 64

func (e Event) validate() error {
	if e.Command == "" || len(e.Command) > maxCommandLength {
		return invalid("command id of %d bytes: want 1 to %d", len(e.Command), maxCommandLength)
	}
	if !e.At.IsSet() {
		return invalid("command %q has no time", e.Command)
	}
	return e.Change.validate()
}
