package control

import (
	"fmt"
	"slices"
	"strings"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
)

// Names of the roles a partner's parties may have (OCPI 2.2.1 types, Role).
const (
	RoleCPO  = "CPO"
	RoleEMSP = "EMSP"
)

var roleNames = []string{RoleCPO, RoleEMSP, "HUB", "NAP", "NSP", "OTHER", "SCSP"}

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

// Party returns the party that has the role.
func (r Role) Party() ocpi.Party { return ocpi.Party{Country: r.Country, ID: r.PartyID} }

// String returns the role as people write it: "CPO GB*DUN".
func (r Role) String() string { return r.Role + " " + r.Party().String() }

func (r Role) validate() error {
	switch {
	case r != NewRole(r.Role, r.Country, r.PartyID):
		return invalid("role %s: not in upper case", r)
	case !slices.Contains(roleNames, r.Role):
		return invalid("role %q: want one of %s", r.Role, strings.Join(roleNames, ", "))
	case len(r.Country) != 2 || !isAlnum(r.Country):
		return invalid("country_code %q: want two letters (ISO 3166 alpha-2)", r.Country)
	case len(r.PartyID) == 0 || len(r.PartyID) > 3 || !isAlnum(r.PartyID):
		return invalid("party_id %q: want one to three letters or digits", r.PartyID)
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

// Partner is one platform that talks OCPI to us. A Partner got from a State
// never changes.
type Partner struct {
	ID       string
	Name     string
	Roles    []Role
	Encoding TokenEncoding
	Profile  string // name of the policy profile, "" = the default
	Version  uint64 // grows by one with every change, from 1
	Tokens   []Token

	charging, mobility ingest.Sender
}

// Token is one credential of a partner. Until is the last instant it is
// accepted at, zero when that is not bounded. The newest token stands first;
// a second one is the old token of a rotation under way.
type Token struct {
	Hash  TokenHash
	Until ocpi.Time
}

// Charging returns the partner as the sender of what CPOs own: CDRs,
// Sessions, Locations, Tariffs. The slice in it must not be changed.
func (p *Partner) Charging() ingest.Sender { return p.charging }

// Mobility returns the partner as the sender of what eMSPs own: Tokens, and
// as the reader of the CDRs they owe. The slice in it must not be changed.
func (p *Partner) Mobility() ingest.Sender { return p.mobility }

// Owns reports whether party is one of the partner's, in any role.
func (p *Partner) Owns(party ocpi.Party) bool {
	for _, r := range p.Roles {
		if r.Party() == party {
			return true
		}
	}
	return false
}

func (p *Partner) derive() {
	p.charging, p.mobility = ingest.Sender{ID: p.ID}, ingest.Sender{ID: p.ID}
	for _, r := range p.Roles {
		switch r.Role {
		case RoleCPO:
			p.charging.Parties = append(p.charging.Parties, r.Party())
		case RoleEMSP:
			p.mobility.Parties = append(p.mobility.Parties, r.Party())
		}
	}
}

// PartnerID derives a partner's id from its first role: readable, and unique
// because a role belongs to one partner only.
func PartnerID(first Role) string {
	return strings.ToLower(fmt.Sprintf("%s-%s-%s", first.Country, first.PartyID, first.Role))
}

// Scopes an API key can have.
const (
	ScopeFinanceRead = "finance:read"
)

var scopeNames = []string{ScopeFinanceRead}

// APIKey lets its holder read reports. A zero Party reads everything, any
// other only rows in which it is CPO or eMSP.
type APIKey struct {
	ID     string
	Name   string
	Hash   TokenHash
	Scopes []string
	Party  ocpi.Party
}

// Allows reports whether the key has the scope.
func (k *APIKey) Allows(scope string) bool { return slices.Contains(k.Scopes, scope) }
