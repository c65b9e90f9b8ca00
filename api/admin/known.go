package admin

import (
	"fmt"

	"github.com/roamclear/roamclear/api/rest"
	"github.com/roamclear/roamclear/ingest/control"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing/tariff"
)

// What the control log takes as it comes is held here against what is known: a
// slip of the pen would be kept for ever, and do nothing or the wrong thing. The
// folds do not ask, for what was accepted once stays so.

// knownRoles refuses roles of a country that there is not. The rest of a role is
// checked by its own domain.
func knownRoles(roles []control.Role) error {
	for i, r := range roles {
		if err := knownCountry(fmt.Sprintf("roles[%d].country_code", i), r); err != nil {
			return err
		}
	}
	return nil
}

func knownCountry(field string, r control.Role) error {
	if country := ocpi.Fold(r.Country); len(country) == 2 && !ocpi.IsCountry(country) {
		return rest.Invalid(field, "%q is no country of ISO 3166, such as GB or NL", r.Country)
	}
	return nil
}

// knownProfile refuses a pricing profile that there is not: every CDR of the
// partner would be rejected.
func knownProfile(name string) error {
	if _, ok := tariff.ProfileByName(name); ok {
		return nil
	}
	return rest.Invalid("profile", "%q is not a pricing profile: want %s", name, profiles())
}

func profiles() (list string) {
	for i, p := range tariff.Profiles() {
		if i > 0 {
			list += ", "
		}
		list += p.Name
	}
	return list
}

// keyParty reads the party that a key of some scopes is bound to. One that acts as a
// party needs one that a partner has now, in the role that the scope is of: anybody
// else could do nothing with it.
func (s *server) keyParty(text string, scopes []string) (ocpi.Party, error) {
	party, err := rest.KnownParty(s.partners, "party", text)
	if err != nil {
		return party, err
	}
	for _, scope := range scopes {
		role := control.ScopeRole(scope)
		if role == "" {
			continue
		}
		if _, held := s.partners.Holder(control.NewRole(role, party.Country, party.ID)); !held {
			return party, rest.Invalid("party", "scope %s is for a party of role %s: no partner is %s %s", scope, role, role, party)
		}
	}
	return party, nil
}
