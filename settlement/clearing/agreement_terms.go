package clearing

import (
	"math"
	"slices"
	"strings"

	"github.com/roamclear/roamclear/ingest/control"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing/tariff"
)

// Owed says which amount of an accepted CDR is owed.
type Owed string

// Values of Owed.
const (
	OwedClaimed  Owed = "claimed"
	OwedComputed Owed = "computed"
	OwedLower    Owed = "lower" // of the two
)

// Undecided says what a close does with held CDRs.
type Undecided string

// Values of Undecided.
const (
	UndecidedRefuse Undecided = "refuse"
	UndecidedCarry  Undecided = "carry"
)

// TaxCategory says which tax a statement has.
type TaxCategory string

// Tax categories.
const (
	TaxStated        TaxCategory = "stated" // as the CDRs state it
	TaxStandard      TaxCategory = "standard"
	TaxReverseCharge TaxCategory = "reverse_charge"
	TaxExempt        TaxCategory = "exempt"
	TaxZero          TaxCategory = "zero"
	TaxOutside       TaxCategory = "outside" // the scope of tax
)

var allTaxes = []TaxCategory{TaxStated, TaxStandard, TaxReverseCharge, TaxExempt, TaxZero, TaxOutside}

// Known reports whether there is such a category.
func (c TaxCategory) Known() bool { return slices.Contains(allTaxes, c) }

func taxCategories() []string {
	list := make([]string, len(allTaxes))
	for i, c := range allTaxes {
		list[i] = string(c)
	}
	return list
}

// Tax is the tax of a statement. Rate is its percentage, set for TaxStandard alone.
type Tax struct {
	Category TaxCategory
	Rate     ocpi.Number
}

// Terms are what is agreed for a pair and a period. They must not be changed.
type Terms struct {
	Owed         Owed
	Zone         *tariff.Zone // in which a CDR's end says which period it belongs to
	CutOffDay    int          // 1 to 28, 0 = none
	Pack         string
	Rules        []RuleSetting // what differs from the pack, by rule and parameter
	Profile      string        // "" = that of the CPO's registration, see control.Partners.Profile
	Tax          Tax
	Undecided    Undecided
	DaysToPay    int
	HasDaysToPay bool // else a statement has no due date
	NumberPrefix string
	FourEyes     bool
}

// builtIn are the terms where nothing is set: the defaults of the table.
var builtIn = func() (t Terms) {
	for i := range agreementTable {
		r := &agreementTable[i]
		if r.Default == "" {
			continue
		}
		value, text, err := r.parse(r.Default)
		if err != nil {
			panic(err) // a row of the table
		}
		r.apply(&t, &setting[Terms]{row: r, key: r.Name, text: text, value: value})
	}
	return t
}()

// setEffect sets the effect of a rule.
func (t *Terms) setEffect(key, effect string) {
	code, _, _ := ruleOf(key)
	r := RuleSetting{Rule: code}
	if err := r.Effect.UnmarshalText([]byte(effect)); err != nil {
		panic(err) // a word of the row
	}
	t.setRule(r)
}

// setParameter sets a parameter of a rule.
func (t *Terms) setParameter(key string, value ocpi.Number) {
	code, parameter, _ := ruleOf(key)
	t.setRule(RuleSetting{Rule: code, Parameter: parameter, Value: value})
}

func (t *Terms) setRule(r RuleSetting) {
	i, found := slices.BinarySearchFunc(t.Rules, r, RuleSetting.compare)
	if found {
		t.Rules[i] = r
		return
	}
	t.Rules = slices.Insert(t.Rules, i, r)
}

// Terms returns what is agreed for a pair and a period.
func (d *Agreements) Terms(pair control.Pair, period ocpi.Month) Terms {
	return d.TermsAt(pair, period, math.MaxInt64)
}

// TermsAt returns what was agreed for a pair and a period by the control records at
// offsets below: a record at or after it changes nothing of the answer. The asker
// waits first (control.Machine.WaitNext).
func (d *Agreements) TermsAt(pair control.Pair, period ocpi.Month, below int64) Terms {
	t := builtIn
	set := &d.state.Current().set
	scopes, n := ScopeOf(pair).widening()
	for _, scope := range scopes[:n] {
		for s := range set.standing(scope, period, below) {
			s.row.apply(&t, s)
		}
	}
	if t.Tax.Category != TaxStandard {
		t.Tax.Rate = ocpi.Number{}
	}
	return t
}

// Source is one value of terms, and what it comes from.
type Source struct {
	Setting       // its Value is what holds; of LevelDefault nothing else is set but Key
	Level   Level // of the scope that set it
}

// Sources returns every value of the terms of a pair and a period with the record
// that set it, as of an offset: in the order of the table, and of the rules those
// that an agreement sets. scope may name one party, or none: then they are what holds
// for its pairs that have nothing of their own.
func (d *Agreements) Sources(scope Scope, period ocpi.Month, below int64) []Source {
	found := map[string]Source{}
	set := &d.state.Current().set
	scopes, n := scope.widening()
	for _, of := range scopes[:n] {
		for s := range set.standing(of, period, below) {
			found[s.key] = Source{s.shown(of), of.Level()}
		}
	}
	if found[taxCategory].Value != string(TaxStandard) {
		delete(found, taxRate)
	}
	list := make([]Source, 0, len(agreementTable))
	for i := range agreementTable {
		r := &agreementTable[i]
		if strings.HasPrefix(r.Name, "rule.") {
			if r.Name == ruleEffect {
				list = append(list, ofRules(found)...)
			}
			continue
		}
		s, ok := found[r.Name]
		if !ok {
			s = Source{Setting: Setting{Key: r.Name, Value: r.Default}}
		}
		list = append(list, s)
	}
	return list
}

// ofRules returns those of rules, by key.
func ofRules(found map[string]Source) (list []Source) {
	for _, key := range sortedKeys(found) {
		if strings.HasPrefix(key, "rule.") {
			list = append(list, found[key])
		}
	}
	return list
}
