package clearing

import (
	"maps"
	"slices"
	"strings"

	"github.com/roamclear/roamclear/ocpi"
)

// Packs lists the packs of rules, the default first.
func Packs() []string { return []string{"observe", "strict", "hubject", "eviolin", "market"} }

// effects are what a rule can do, the weakest first.
var effects = []string{"note", "zero", "hold", "reject"}

// ruleParameters returns the parameters of a rule; known is false where there is none
// of that code.
func ruleParameters(code string) (parameters []string, known bool) {
	parameters, known = rulesForNow[code]
	return parameters, known
}

// ruleCodes lists the codes of the rules.
func ruleCodes() []string { return slices.Sorted(maps.Keys(rulesForNow)) }

var rulesForNow = map[string][]string{"energy": {"max_kwh"}, "age": {"max_days"}}

// RuleSetting is what an agreement says of one rule beside its pack: its effect, or
// the value of a parameter.
type RuleSetting struct {
	Rule      string
	Parameter string // "" = the effect
	Effect    string
	Value     ocpi.Number // of the parameter
}

func (r RuleSetting) compare(o RuleSetting) int {
	if c := strings.Compare(r.Rule, o.Rule); c != 0 {
		return c
	}
	return strings.Compare(r.Parameter, o.Parameter)
}
