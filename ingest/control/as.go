package control

import "github.com/roamclear/roamclear/ocpi"

// As returns the partner as one of its parties alone, with what roles that has: a
// platform of several parties that speaks for one of them sees what that one sees,
// see [Partners.Scope].
func (p *Partner) As(party ocpi.Party) *Partner {
	one := *p
	one.Roles = nil
	for _, r := range p.Roles {
		if r.Party() == party {
			one.Roles = append(one.Roles, r)
		}
	}
	one.derive()
	return &one
}
