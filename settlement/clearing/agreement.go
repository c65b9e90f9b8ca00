package clearing

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/roamclear/roamclear/ingest/control"
	"github.com/roamclear/roamclear/ocpi"
)

// Agreements is the domain of what pairs, parties and the house agreed on: by what
// a CDR is settled, from a period on. Its methods are safe for concurrent use.
type Agreements struct {
	machine *control.Machine
	closes  *Closes
	state   control.State[agreements]
}

type agreements struct {
	set      dated[Terms]
	profiles bool // one was ever agreed
}

// NewAgreements registers the domain. closes are of the same machine: a period that
// is closed keeps the terms that it was closed by.
func NewAgreements(m *control.Machine, closes *Closes) *Agreements {
	d := &Agreements{machine: m, closes: closes}
	closes.agreements = d
	m.Register(d.state.Publish, control.On(d.agreed))
	return d
}

// NewAgreement is what Set needs. A value "" withdraws what the scope said: from then
// on what wider scopes say holds.
type NewAgreement struct {
	Scope  Scope
	From   ocpi.Month // the first period that it holds for
	Values map[string]string
	By     string // who decides: ByLocal, or the id of a key
}

// Set agrees on values for a scope and returns them as they are kept, with the offset
// of the record. command may be "". Errors: *ValueError where a key or a value is none
// that is known, and those of [control.Machine.Do].
func (d *Agreements) Set(ctx context.Context, command string, n NewAgreement) (map[string]string, int64, error) {
	values, err := agreementTable.canonical(n.Scope, n.Values)
	for _, key := range sortedKeys(values) {
		if err == nil {
			err = checkRule(key, values[key])
		}
	}
	if err == nil {
		err = checkTax(values)
	}
	if err != nil {
		return nil, 0, err
	}
	set := AgreementSet{scopeData: newScopeData(n.Scope), From: n.From, Values: values, By: n.By}
	at, err := d.machine.Do(ctx, control.Command{ID: command, Change: set})
	return values, at.Offset, err
}

// checkTax holds the rate to its category: one event sets both, or withdraws both. So
// no scope's category ever stands beside another scope's rate.
func checkTax(values map[string]string) error {
	category, named := values[taxCategory]
	rate := values[taxRate]
	switch _, given := values[taxRate]; {
	case category == string(TaxStandard) && rate == "":
		return wrongValue(taxRate, "%s=standard needs the rate with it, such as %s=21", taxCategory, taxRate)
	case category != string(TaxStandard) && rate != "":
		return wrongValue(taxRate, "only %s=standard has a rate: set both together", taxCategory)
	case given && !named:
		return wrongValue(taxRate, "is withdrawn with %s", taxCategory)
	}
	return nil
}

// Settings returns what was ever set and can bear on pairs within a scope, by scope,
// key, period and record.
func (d *Agreements) Settings(within Scope) []Setting {
	return d.state.Current().set.settings(within.Bears)
}

// AgreementSet says what is agreed for a scope from a period on. Values are by key; ""
// withdraws one.
type AgreementSet struct {
	scopeData
	From   ocpi.Month        `json:"from"` // "2026-01"
	Values map[string]string `json:"values"`
	By     string            `json:"by"`
}

// Kind implements control.Change.
func (AgreementSet) Kind() control.Kind { return control.Kind{Name: "agreement.set", Version: 1} }

// Validate implements control.Change.
func (c AgreementSet) Validate() error {
	if err := c.validate(); err != nil {
		return err
	}
	return validateValues(c.From, c.Values, maxValue, c.By)
}

func (d *Agreements) agreed(e control.Event, c AgreementSet) error {
	scope := c.scope()
	if until, of := d.closes.state.Folded.through(scope); c.From <= until {
		return control.Conflict("%s is closed through %s: from %s on something else can be agreed for %s, not from %s", of, until, until.Add(1), scope, c.From)
	}
	values, err := agreementTable.read(c.withRate())
	if err != nil {
		return err
	}
	s := &d.state.Folded
	set, err := s.set.with(scope, c.From, values, &record{offset: e.Offset, at: e.At, by: c.By})
	if err != nil {
		return err
	}
	_, profile := c.Values[profileKey]
	s.set, s.profiles = set, s.profiles || profile
	return nil
}

// withRate returns the values, of which one that names a category of tax names the rate
// too: where the category has none, it is withdrawn.
func (c AgreementSet) withRate() map[string]string {
	_, category := c.Values[taxCategory]
	if _, rate := c.Values[taxRate]; rate || !category {
		return c.Values
	}
	values := maps.Clone(c.Values)
	values[taxRate] = ""
	return values
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// compareParties orders by pairs of parties, the first that differ.
func compareParties(pairs ...ocpi.Party) int {
	for i := 0; i+1 < len(pairs); i += 2 {
		a, b := pairs[i], pairs[i+1]
		if c := cmp.Or(strings.Compare(a.Country, b.Country), strings.Compare(a.ID, b.ID)); c != 0 {
			return c
		}
	}
	return 0
}
