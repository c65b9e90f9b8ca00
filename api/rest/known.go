package rest

import (
	"slices"
	"strings"

	"github.com/roamclear/roamclear/ingest/control"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement/clearing"
)

// KnownParty reads a party that a partner has or had: what is said of anybody else
// would do nothing, and nobody would know why.
func KnownParty(partners *control.Partners, field, text string) (ocpi.Party, error) {
	p, ok := ocpi.ParseParty(text)
	switch {
	case !ok:
		return p, Invalid(field, "%q: want country and party id, such as GB/DUN", text)
	case partners.Knew(p) || partners.Has(p):
		return p, nil
	case !ocpi.IsCountry(p.Country):
		return p, Invalid(field, "%q: %s is no country of ISO 3166, such as GB or NL", text, p.Country)
	}
	return p, Invalid(field, "%q: no partner has this party; add the partner first%s", text, someParties(partners))
}

// KnownScope reads a scope of parties that have these roles, or had them: what is said of
// anybody else would never hold. "" names none.
func KnownScope(partners *control.Partners, cpo, emsp string) (scope clearing.Scope, err error) {
	for _, side := range []struct {
		field, text, role string
		into              *ocpi.Party
	}{{"cpo", cpo, control.RoleCPO, &scope.CPO}, {"emsp", emsp, control.RoleEMSP, &scope.EMSP}} {
		if side.text == "" {
			continue
		}
		if *side.into, err = KnownParty(partners, side.field, side.text); err != nil {
			return scope, err
		}
		if !partners.KnewAs(side.role, *side.into) {
			return scope, Invalid(side.field, "%q: %s is no %s, and never was", side.text, *side.into, side.role)
		}
	}
	return scope, nil
}

// fewParties is how many parties an error names.
const fewParties = 10

// someParties names the parties there are, or the first of them.
func someParties(partners *control.Partners) string {
	var names []string
	for _, p := range partners.All() {
		for _, r := range p.Roles {
			if name := r.Party().String(); !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
		if len(names) > fewParties {
			return "; known are " + strings.Join(names[:fewParties], ", ") + " and more"
		}
	}
	if len(names) == 0 {
		return ""
	}
	return "; known are " + strings.Join(names, ", ")
}
