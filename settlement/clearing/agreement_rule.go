package clearing

import (
	"strings"

	"github.com/roamclear/roamclear/ocpi"
)

// RuleSetting is what an agreement says of one rule beside its pack: its effect, or
// the value of a parameter.
type RuleSetting struct {
	Rule      string
	Parameter string // "" = the effect
	Effect    Effect
	Value     ocpi.Number // of the parameter
}

func (r RuleSetting) compare(o RuleSetting) int {
	if c := strings.Compare(r.Rule, o.Rule); c != 0 {
		return c
	}
	return strings.Compare(r.Parameter, o.Parameter)
}

func (r RuleSetting) key() string {
	if r.Parameter == "" {
		return "rule." + r.Rule + ".effect"
	}
	return "rule." + r.Rule + "." + r.Parameter
}

// readRule reads the key of a rule and its value. Its errors are *ValueError: they name
// what is not known and what is.
func readRule(key, value string) (r RuleSetting, err error) {
	rule, param, err := findRule(key)
	if err != nil {
		return r, err
	}
	r.Rule = rule.Code
	if param == nil {
		if err := r.Effect.UnmarshalText([]byte(value)); err != nil {
			return r, wrongValue(key, "%v", err)
		}
		return r, nil
	}
	r.Parameter = param.Name
	if r.Value, err = param.parse(value); err != nil {
		return r, wrongValue(key, "%q: %v", value, err)
	}
	return r, nil
}

// findRule returns the rule and the parameter that a key means, nil for its effect.
func findRule(key string) (*Rule, *Param, error) {
	code, parameter, ok := ruleOf(key)
	if !ok {
		return nil, nil, wrongValue(key, "want %s or %s", ruleParameter, ruleEffect)
	}
	rule, known := RuleOf(code)
	switch {
	case !known:
		return nil, nil, wrongValue(key, "there is no rule %q; known are %s", code, strings.Join(ruleCodes(), ", "))
	case rule.Structural:
		return nil, nil, wrongValue(key, "rule %s is structural: no agreement changes it", code)
	case parameter == "effect":
		return rule, nil, nil
	}
	i, ok := rule.param(parameter)
	if !ok {
		return nil, nil, wrongValue(key, "rule %s has no parameter %q; it has %s", code, parameter, strings.Join(rule.settings(), ", "))
	}
	return rule, &rule.Params[i], nil
}

// checkRule refuses the key of a rule, or of a parameter, that there is not, and a value
// that does not fit; "" withdraws one. Only who sets it is asked: what stands in the log
// stays.
func checkRule(key, value string) error {
	if _, _, ok := ruleOf(key); !ok {
		return nil
	}
	if value == "" {
		_, _, err := findRule(key)
		return err
	}
	_, err := readRule(key, value)
	return err
}

// settings lists what an agreement can say of the rule.
func (r *Rule) settings() []string {
	list := []string{"effect"}
	for i := range r.Params {
		list = append(list, r.Params[i].Name)
	}
	return list
}

// ruleCodes lists the rules of which an agreement can say something.
func ruleCodes() (codes []string) {
	for i := range rules {
		if !rules[i].Structural {
			codes = append(codes, rules[i].Code)
		}
	}
	return codes
}

// RuleKeys returns the keys of all rules there are.
func RuleKeys() (keys []string) {
	for i := range rules {
		if rules[i].Structural {
			continue
		}
		for _, name := range rules[i].settings() {
			keys = append(keys, "rule."+rules[i].Code+"."+name)
		}
	}
	return keys
}

// packNames lists the packs, the default first.
func packNames() []string {
	names := make([]string, len(packs))
	for i := range packs {
		names[i] = packs[i].Name
	}
	return names
}
