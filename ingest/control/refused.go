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
	Cause  error // for who acts on it; nil = the reason says all
}

// Error returns the reason.
func (r *Refused) Error() string { return r.Reason }

// Unwrap returns the cause.
func (r *Refused) Unwrap() error { return r.Cause }

// Invalid returns a refusal of what makes no sense in any state.
func Invalid(format string, args ...any) error {
	return &Refused{Kind: RefusedInvalid, Reason: fmt.Sprintf(format, args...)}
}

// Conflict returns a refusal of what contradicts the state.
func Conflict(format string, args ...any) error {
	return &Refused{Kind: RefusedConflict, Reason: fmt.Sprintf(format, args...)}
}

// Unknown returns a refusal of what addresses something that does not exist.
func Unknown(format string, args ...any) error {
	return &Refused{Kind: RefusedUnknown, Reason: fmt.Sprintf(format, args...)}
}
