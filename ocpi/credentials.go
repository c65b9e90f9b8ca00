package ocpi

import (
	"encoding/json"
	"errors"
	"fmt"
)

// Credentials say how to call a platform and which parties are on it (OCPI
// credentials). In 2.1.1 there is one party, without a role.
type Credentials struct {
	Token    string
	URL      string // of the versions endpoint
	Hub      Party  // hub_party_id, from 2.3.0 on; zero = none
	Roles    []CredentialsRole
	Findings []Finding // of credentials that were decoded
}

// CredentialsRole is a party on a platform. Role is "" where it was not said.
type CredentialsRole struct {
	Role  string
	Party Party
	Name  string // of business_details
	Site  string // its website, "" = none
}

// Bounds of credentials (2.2.1 credentials, "Credentials object"): longer tokens
// and URLs than OCPI has are taken up to these.
const (
	maxToken       = 64
	maxTokenRead   = 255
	maxURLRead     = 2000
	maxCredentials = 1000 // roles
)

// wireCredentials has the members of all versions.
type wireCredentials struct {
	Token       string        `json:"token"`
	URL         string        `json:"url"`
	HubPartyID  string        `json:"hub_party_id,omitempty"`
	Roles       []wireRole    `json:"roles,omitempty"`
	Business    *wireBusiness `json:"business_details,omitempty"` // 2.1.1, as the two below
	PartyID     string        `json:"party_id,omitempty"`
	CountryCode string        `json:"country_code,omitempty"`
}

type wireRole struct {
	Role        string       `json:"role"`
	Business    wireBusiness `json:"business_details"`
	PartyID     string       `json:"party_id"`
	CountryCode string       `json:"country_code"`
}

type wireBusiness struct {
	Name string `json:"name"`
	Site string `json:"website,omitempty"`
}

// Encode writes credentials as a version of OCPI has them. In 2.1.1 that is the
// first role's party.
func (c *Credentials) Encode(v Version) ([]byte, error) {
	if len(c.Roles) == 0 {
		return nil, errors.New("encode credentials: they name no party")
	}
	w := wireCredentials{Token: c.Token, URL: c.URL}
	if v == V211 {
		r := &c.Roles[0]
		w.Business, w.PartyID, w.CountryCode = &wireBusiness{r.Name, r.Site}, r.Party.ID, r.Party.Country
	} else {
		for _, r := range c.Roles {
			w.Roles = append(w.Roles, wireRole{r.Role, wireBusiness{r.Name, r.Site}, r.Party.ID, r.Party.Country})
		}
	}
	if v == V230 && !c.Hub.IsZero() {
		w.HubPartyID = c.Hub.Country + c.Hub.ID
	}
	body, err := json.Marshal(w)
	if err != nil {
		return nil, fmt.Errorf("encode credentials: %w", err)
	}
	return body, nil
}
