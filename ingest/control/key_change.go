package control

import (
	"slices"

	"github.com/roamclear/roamclear/ocpi"
)

// KeyAdded registers an API key for reports.
type KeyAdded struct {
	ID      string    `json:"id"`
	Name    string    `json:"name"`
	Hash    TokenHash `json:"hash"`
	Scopes  []string  `json:"scopes"`
	Country string    `json:"country_code,omitempty"` // with PartyID: only this party's rows
	PartyID string    `json:"party_id,omitempty"`
}

// Kind implements Change.
func (KeyAdded) Kind() Kind { return Kind{"key.added", 1} }

// Validate implements Change.
func (c KeyAdded) Validate() error {
	if err := validateName("key id", c.ID); err != nil {
		return err
	}
	if err := validateName("key name", c.Name); err != nil {
		return err
	}
	if len(c.Scopes) == 0 {
		return Invalid("key without a scope: want one or more of %v", scopeNames)
	}
	for i, scope := range c.Scopes {
		if !slices.Contains(scopeNames, scope) || slices.Contains(c.Scopes[:i], scope) {
			return Invalid("scope %q: want each of %v at most once", scope, scopeNames)
		}
	}
	if c.Country == "" && c.PartyID == "" {
		return nil
	}
	return Role{Role: RoleCPO, Country: c.Country, PartyID: c.PartyID}.validate()
}

func (d *Keys) added(_ Event, c KeyAdded) error {
	if _, ok := d.state.Folded.byID.Get(c.ID); ok {
		return Conflict("key %s exists already", c.ID)
	}
	if _, ok := d.state.Folded.byHash.Get(c.Hash); ok {
		return Conflict("this key is in use already")
	}
	k := &APIKey{ID: c.ID, Name: c.Name, Hash: c.Hash, Scopes: slices.Clone(c.Scopes), Party: ocpi.Party{Country: c.Country, ID: c.PartyID}}
	d.state.Folded.byID, d.state.Folded.byHash = d.state.Folded.byID.With(k.ID, k), d.state.Folded.byHash.With(k.Hash, k)
	return nil
}

// KeyRemoved ends an API key at once.
type KeyRemoved struct {
	ID string `json:"id"`
}

// Kind implements Change.
func (KeyRemoved) Kind() Kind { return Kind{"key.removed", 1} }

// Validate implements Change.
func (c KeyRemoved) Validate() error { return validateName("key id", c.ID) }

func (d *Keys) removed(_ Event, c KeyRemoved) error {
	k, ok := d.state.Folded.byID.Get(c.ID)
	if !ok {
		return Unknown("there is no key %s", c.ID)
	}
	d.state.Folded.byID, d.state.Folded.byHash = d.state.Folded.byID.Without(k.ID), d.state.Folded.byHash.Without(k.Hash)
	return nil
}
