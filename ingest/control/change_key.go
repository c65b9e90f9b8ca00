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

func (c KeyAdded) validate() error {
	if err := validateName("key id", c.ID); err != nil {
		return err
	}
	if err := validateName("key name", c.Name); err != nil {
		return err
	}
	if len(c.Scopes) == 0 {
		return invalid("key without a scope: want one or more of %v", scopeNames)
	}
	for i, scope := range c.Scopes {
		if !slices.Contains(scopeNames, scope) || slices.Contains(c.Scopes[:i], scope) {
			return invalid("scope %q: want each of %v at most once", scope, scopeNames)
		}
	}
	if c.Country == "" && c.PartyID == "" {
		return nil
	}
	return Role{Role: RoleCPO, Country: c.Country, PartyID: c.PartyID}.validate()
}

func (c KeyAdded) apply(s *State, _ Event) error {
	if s.keys[c.ID] != nil {
		return conflict("key %s exists already", c.ID)
	}
	if s.keyHashes[c.Hash] != nil {
		return conflict("this key is in use already")
	}
	k := &APIKey{ID: c.ID, Name: c.Name, Hash: c.Hash, Scopes: slices.Clone(c.Scopes), Party: ocpi.Party{Country: c.Country, ID: c.PartyID}}
	s.keys[k.ID], s.keyHashes[k.Hash] = k, k
	return nil
}

// KeyRemoved ends an API key at once.
type KeyRemoved struct {
	ID string `json:"id"`
}

func (c KeyRemoved) validate() error { return validateName("key id", c.ID) }

func (c KeyRemoved) apply(s *State, _ Event) error {
	k := s.keys[c.ID]
	if k == nil {
		return unknown("there is no key %s", c.ID)
	}
	delete(s.keys, k.ID)
	delete(s.keyHashes, k.Hash)
	return nil
}
