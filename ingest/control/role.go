package control

import (
	"fmt"
	"slices"
	"strings"

	"github.com/roamclear/roamclear/ocpi"
)

// Names of the roles a partner's parties may have (OCPI 2.2.1 types, Role).
const (
	RoleCPO   = "CPO"
	RoleEMSP  = "EMSP"
	RoleHub   = "HUB"
	RoleNAP   = "NAP"
	RoleNSP   = "NSP"
	RoleOther = "OTHER"
	RoleSCSP  = "SCSP"
)

var roleNames = []string{RoleCPO, RoleEMSP, RoleHub, RoleNAP, RoleNSP, RoleOther, RoleSCSP}

// RolesIn lists the roles that a version of OCPI has: 2.1.1 knows two, by the
// side that a tree of URLs is for; 2.3.0 has no HUB, see hub_party_id.
func RolesIn(v ocpi.Version) []string {
	switch v {
	case ocpi.V211:
		return []string{RoleCPO, RoleEMSP}
	case ocpi.V230:
		return slices.DeleteFunc(RoleNames(), func(name string) bool { return name == RoleHub })
	}
	return RoleNames()
}

// reads are the roles whose holders read what CPOs publish for everybody, and
// that a CPO reaches in turn (OCPI 2.2.1 transport, "Message routing", the
// audience of a broadcast).
var reads = []string{RoleEMSP, RoleNAP, RoleNSP, RoleOther}

// Roles whose holders own Locations and Tariffs, and Tokens.
var (
	publishes = []string{RoleCPO, RoleNAP}
	provides  = []string{RoleEMSP}
)

// Role is one role of one party. A role belongs to one partner only.
type Role struct {
	Role    string `json:"role"`
	Country string `json:"country_code"`
	PartyID string `json:"party_id"`
}

// NewRole folds its parts, so that roles compare as OCPI's CiStrings do.
func NewRole(role, country, party string) Role {
	return Role{Role: ocpi.Fold(role), Country: ocpi.Fold(country), PartyID: ocpi.Fold(party)}
}

// HubRole returns the role of the hub that a platform says it is by hub_party_id, which
// in OCPI 2.3.0 stands for the role HUB; ok is false where it says none.
func HubRole(c *ocpi.Credentials) (r Role, ok bool) {
	r = NewRole(RoleHub, c.Hub.Country, c.Hub.ID)
	return r, r.validate() == nil
}

// Party returns the party that has the role.
func (r Role) Party() ocpi.Party { return ocpi.Party{Country: r.Country, ID: r.PartyID} }

// RoleNames lists the roles that a partner can have.
func RoleNames() []string { return slices.Clone(roleNames) }

// String returns the role as people write it: "CPO GB*DUN".
func (r Role) String() string { return r.Role + " " + r.Party().String() }

func (r Role) validate() error {
	switch {
	case r != NewRole(r.Role, r.Country, r.PartyID):
		return Invalid("role %s: not in upper case", r)
	case !slices.Contains(roleNames, r.Role):
		return Invalid("role %q: want one of %s", r.Role, strings.Join(roleNames, ", "))
	case len(r.Country) != 2 || !isAlnum(r.Country):
		return Invalid("country_code %q: want two letters (ISO 3166 alpha-2)", r.Country)
	case len(r.PartyID) == 0 || len(r.PartyID) > 3 || !isAlnum(r.PartyID):
		return Invalid("party_id %q: want one to three letters or digits", r.PartyID)
	}
	return nil
}

func isAlnum(s string) bool {
	for i := range len(s) {
		if c := s[i]; (c < 'A' || c > 'Z') && (c < '0' || c > '9') {
			return false
		}
	}
	return true
}

// PartnerID derives a partner's id from its first role: readable, and unique
// because a role belongs to one partner only.
func PartnerID(first Role) string {
	return strings.ToLower(fmt.Sprintf("%s-%s-%s", first.Country, first.PartyID, first.Role))
}
