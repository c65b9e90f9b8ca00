package clearing

import (
	"slices"
	"strings"

	"github.com/roamclear/roamclear/ocpi"
)

// Pack is what becomes of CDRs that rules strike, and the values that they compare
// with: of every rule that is not structural, in the order of [Rules].
type Pack struct {
	Name    string     `json:"name"`
	Purpose string     `json:"purpose"`
	Source  Document   `json:"source"`
	Edition string     `json:"edition"` // changes whenever an effect or a value of it does
	Rules   []PackRule `json:"rules"`
}

// PackRule is what a pack says of one rule.
type PackRule struct {
	Code   string       `json:"code"`
	Effect Effect       `json:"effect"`
	Values []ParamValue `json:"values"` // in the order of its parameters
}

// ParamValue is the value of a parameter: a decimal.
type ParamValue struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// DefaultPack is the pack of who agreed on none.
const DefaultPack = "observe"

// Packs returns the packs, the default one first. What is returned is shared: it must
// not be changed.
func Packs() []Pack { return packs }

// PackOf returns the pack of a name.
func PackOf(name string) (*Pack, bool) {
	i := slices.IndexFunc(packs, func(p Pack) bool { return p.Name == name })
	if i < 0 {
		return nil, false
	}
	return &packs[i], true
}

// Judge holds CDRs against a pack and what an agreement has changed of it. It is never
// changed, and safe for concurrent use.
type Judge struct {
	pack      *Pack
	asked     []asked // without rules that are off
	tolerance limits  // of the difference rule, also where that is off
}

// asked is a rule as a pair has it.
type asked struct {
	rule   *Rule
	effect Effect
	limits limits
}

// Compile makes the judge of a pack and of the overrides of an agreement:
// rule.CODE.PARAM, a decimal, and rule.CODE.effect. Its errors are *ValueError: they
// name what is not known and what is.
func Compile(pack string, overrides map[string]string) (*Judge, error) {
	agreed := make([]RuleSetting, 0, len(overrides))
	for _, key := range sortedKeys(overrides) {
		r, err := readRule(key, overrides[key])
		if err != nil {
			return nil, err
		}
		agreed = append(agreed, r)
	}
	return compile(pack, agreed)
}

// Judge makes the judge of what is agreed. Its errors are *ValueError: an earlier version
// had a rule that there is no more.
func (t *Terms) Judge() (*Judge, error) { return compile(t.Pack, t.Rules) }

func compile(pack string, agreed []RuleSetting) (*Judge, error) {
	p, ok := PackOf(pack)
	if !ok {
		return nil, wrongValue("pack", "there is no pack %q; known are %s", pack, strings.Join(packNames(), ", "))
	}
	for i := range agreed {
		if _, _, err := findRule(agreed[i].key()); err != nil {
			return nil, err
		}
	}
	j := &Judge{pack: p}
	next := 0 // of the pack's rules
	for i := range rules {
		a := asked{rule: &rules[i], effect: rules[i].structural()}
		if !rules[i].Structural {
			a.take(&p.Rules[next], agreed)
			next++
		}
		if a.rule.Code == "difference" {
			a.limits.tolerances()
			j.tolerance = a.limits
		}
		if a.effect != Off && !rules[i].Chain {
			j.asked = append(j.asked, a)
		}
	}
	return j, nil
}

// take takes what the pack says of the rule, then what was agreed.
func (a *asked) take(p *PackRule, agreed []RuleSetting) {
	a.effect = p.Effect
	for i := range p.Values {
		a.limits.values[i] = ocpi.MustNumber(p.Values[i].Value)
	}
	for _, r := range agreed {
		if r.Rule != a.rule.Code {
			continue
		}
		if i, ok := a.rule.param(r.Parameter); ok {
			a.limits.values[i], a.limits.agreed[i] = r.Value, true
		} else {
			a.effect = r.Effect
		}
	}
}

// Pack returns the pack it was made of.
func (j *Judge) Pack() *Pack { return j.pack }

// Judge appends the grounds of one CDR, in the order of [Rules]. It allocates nothing
// where no rule strikes.
func (j *Judge) Judge(f *Facts, into []Ground) []Ground {
	for i := range j.asked {
		a := &j.asked[i]
		if f.Credit && !a.rule.Credits {
			continue
		}
		if measured, limit, struck := a.rule.strikes(&a.limits, f); struck {
			into = append(into, Ground{Code: a.rule.Code, Effect: a.effect, Measured: measured, Limit: limit})
		}
	}
	return into
}

// Tolerates reports whether a claim is as good as what was computed, both before tax in a currency:
// |claimed − computed| ≤ max(amount, per cent × |computed|) of the difference rule.
func (j *Judge) Tolerates(claimed, computed ocpi.Number, currency string) bool {
	return j.tolerance.tolerates(claimed, computed, currency)
}
