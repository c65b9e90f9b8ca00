package clearing

import "fmt"

// Effect is what a rule does to a CDR it strikes. The strongest counts; all that
// struck are shown.
type Effect uint8

// Effects, the weakest first.
const (
	EffectNote   Effect = iota // says so, and moves no money
	EffectZero                 // nothing is owed, and the statement has a line that says so
	EffectHold                 // a person decides before anything is issued
	EffectReject               // nothing is owed, and nothing is issued
)

var effectNames = [...]string{"note", "zero", "hold", "reject"}

// String returns the effect as packs and agreements write it.
func (e Effect) String() string { return effectNames[e] }

// MarshalText writes the effect as String does.
func (e Effect) MarshalText() ([]byte, error) { return []byte(e.String()), nil }

// UnmarshalText reads what MarshalText writes.
func (e *Effect) UnmarshalText(b []byte) error {
	for i, name := range effectNames {
		if string(b) == name {
			*e = Effect(i)
			return nil
		}
	}
	return fmt.Errorf("%q is no effect: note, zero, hold or reject", b)
}

// Ground is a rule that struck a CDR: what was measured, and the limit it went past,
// both as text with their unit, "" where the rule measures nothing.
type Ground struct {
	Code     string `json:"code"`
	Effect   Effect `json:"effect"`
	Measured string `json:"measured,omitempty"`
	Limit    string `json:"limit,omitempty"`
}
