package clearing

import (
	"fmt"
	"slices"
	"strings"

	"github.com/roamclear/roamclear/ocpi"
)

// Rule is what is looked at in a CDR before it is owed. Help, documents, API and page
// say of it what stands here; what becomes of a CDR that it strikes, a [Pack] says.
type Rule struct {
	Code     string   `json:"code"`     // stable, lower_snake_case
	Measure  string   `json:"measure"`  // what is measured, in which unit, and when it strikes
	Sentence string   `json:"sentence"` // what it says then, of {measured} and {limit}
	Evidence Evidence `json:"evidence"`
	// Structural is a rule that no pack and no agreement changes, see Always: without what
	// most of them miss nobody can say what is owed, or by whom.
	Structural bool `json:"structural"`
	// Chain is a rule that holds a credit against the CDR it names and its other
	// credits: not [Judge.Judge] says that it struck, but [Chain.Settle].
	Chain bool `json:"chain"`
	// Credits says that credit CDRs are looked at too; others follow from the CDR
	// they credit.
	Credits bool     `json:"credits"`
	Params  []Param  `json:"params"`
	Source  Document `json:"source"`
	Edition string   `json:"edition"` // changes with whatever of it can change a ground

	always  string  // see Always, "" is "hold"
	strikes strikes // nil of a Chain rule
}

// What structural rules do that do not hold all of a CDR.
const (
	alwaysNote   = "note"
	alwaysExcess = "hold what exceeds"
)

// Always says what a structural rule does whatever pack and agreement say, "" of others.
func (r *Rule) Always() string {
	if r.Structural && r.always == "" {
		return Hold.String()
	}
	return r.always
}

// structural is the effect of a structural rule that is no Chain rule.
func (r *Rule) structural() Effect {
	if r.always == alwaysNote {
		return Note
	}
	return Hold
}

// Param is a value that a rule compares with. A pack has one for each, an agreement
// may have another: rule.CODE.NAME.
type Param struct {
	Name    string `json:"name"`
	Unit    string `json:"unit"`
	Default string `json:"default"` // decimals without exponent, as Min and Max
	Min     string `json:"min"`
	Max     string `json:"max"`
}

// Evidence says who can compute a rule again.
type Evidence string

// Pair is what both parties have: the CDR, its tariffs, its other CDRs between them.
// Owner is what one of them may not see: when it came, a connector's power, a charge of
// another eMSP.
const (
	Pair  Evidence = "pair"
	Owner Evidence = "owner"
)

// Document is where a rule or a pack comes from, for everybody to read.
type Document struct {
	Title string `json:"title"`
	URL   string `json:"url,omitempty"`
}

// Effect is what a rule does to a CDR that it strikes. The greater one wins.
type Effect uint8

// Effects. A CDR with a note is accepted; one that is held waits for a person, or for
// its cause to go.
const (
	Off Effect = iota // the rule is not asked
	Note
	Zero   // nothing is owed, the line stays
	Hold   // nothing is issued yet
	Reject // nothing is owed
)

var effectNames = [...]string{"off", "note", "zero", "hold", "reject"}

// String returns the effect's name.
func (e Effect) String() string { return effectNames[e] }

// MarshalText writes the effect's name.
func (e Effect) MarshalText() ([]byte, error) { return []byte(e.String()), nil }

// UnmarshalText reads the effect's name.
func (e *Effect) UnmarshalText(b []byte) error {
	i := slices.Index(effectNames[:], string(b))
	if i < 0 {
		return fmt.Errorf("%q: want one of %s", b, strings.Join(effectNames[:], ", "))
	}
	*e = Effect(i)
	return nil
}

// Ground is why something becomes of a CDR. Measured and Limit are in words: a decimal
// with its unit, a party, another CDR; Limit is "" where there is nothing to compare with.
type Ground struct {
	Code     string `json:"code"`
	Effect   Effect `json:"effect"`
	Measured string `json:"measured"`
	Limit    string `json:"limit"`
}

// Sentence says the ground in words; of a rule that is not known (any more) its code.
func (g Ground) Sentence() string {
	r, ok := RuleOf(g.Code)
	if !ok {
		return strings.ReplaceAll(g.Code, "_", " ") + ": " + g.Measured
	}
	return strings.NewReplacer("{measured}", g.Measured, "{limit}", g.Limit).Replace(r.Sentence)
}

// Strongest returns the greatest effect of the grounds, [Off] of none.
func Strongest(grounds []Ground) (e Effect) {
	for i := range grounds {
		e = max(e, grounds[i].Effect)
	}
	return e
}

// Rules returns the rules in the order of their grounds, structural ones first. What is
// returned is shared: it must not be changed.
func Rules() []Rule { return rules }

// RuleOf returns the rule of a code.
func RuleOf(code string) (*Rule, bool) {
	i := slices.IndexFunc(rules, func(r Rule) bool { return r.Code == code })
	if i < 0 {
		return nil, false
	}
	return &rules[i], true
}

// param returns where a parameter stands.
func (r *Rule) param(name string) (i int, ok bool) {
	i = slices.IndexFunc(r.Params, func(p Param) bool { return p.Name == name })
	return i, i >= 0
}

// parse reads a value of the parameter. Its error says what would fit.
func (p *Param) parse(value string) (ocpi.Number, error) {
	n, err := ocpi.ParseNumber(value)
	if err != nil || n.Scale() > maxParamDecimals || n.Cmp(ocpi.MustNumber(p.Min)) < 0 || n.Cmp(ocpi.MustNumber(p.Max)) > 0 {
		return ocpi.Number{}, fmt.Errorf("want %s to %s (%s), %d decimals at most", p.Min, p.Max, p.Unit, maxParamDecimals)
	}
	return n, nil
}

const maxParamDecimals = 4
