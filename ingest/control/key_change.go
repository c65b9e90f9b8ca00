package control

import (
	"slices"

	"github.com/roamclear/roamclear/ocpi"
)

// ReportKeyAdded registers an API key for reports: what there was before keys had
// other scopes, and an end.
type ReportKeyAdded struct {
	ID      string    `json:"id"`
	Name    string    `json:"name"`
	Hash    TokenHash `json:"hash"`
	Scopes  []string  `json:"scopes"`
	Country string    `json:"country_code,omitempty"` // with PartyID: only this party's rows
	PartyID string    `json:"party_id,omitempty"`
}

// Kind implements Change.
func (ReportKeyAdded) Kind() Kind { return Kind{"key.added", 1} }

// Validate implements Change.
func (c ReportKeyAdded) Validate() error {
	if len(c.Scopes) > 0 && !slices.Equal(c.Scopes, []string{ScopeFinanceRead}) {
		return Invalid("scopes %q: want %s, once", c.Scopes, ScopeFinanceRead)
	}
	return c.key().Validate()
}

func (c ReportKeyAdded) key() KeyAdded {
	return KeyAdded{ID: c.ID, Name: c.Name, Hash: c.Hash, Scopes: c.Scopes, Country: c.Country, PartyID: c.PartyID}
}

func (d *Keys) reportAdded(e Event, c ReportKeyAdded) error { return d.added(e, c.key()) }

// KeyAdded registers an API key. Which scopes there are is not the fold's to say: one
// that a version does not know opens nothing there.
type KeyAdded struct {
	ID      string    `json:"id"`
	Name    string    `json:"name"`
	Hash    TokenHash `json:"hash"`
	Scopes  []string  `json:"scopes"`
	Country string    `json:"country_code,omitempty"` // with PartyID: the party it is bound to
	PartyID string    `json:"party_id,omitempty"`
	Expires ocpi.Time `json:"expires,omitempty"`
}

// Kind implements Change.
func (KeyAdded) Kind() Kind { return Kind{"key.added", 2} }

// Validate implements Change.
func (c KeyAdded) Validate() error {
	if err := validateName("key id", c.ID); err != nil {
		return err
	}
	if err := validateName("key name", c.Name); err != nil {
		return err
	}
	if err := validateScopes(c.Scopes); err != nil {
		return err
	}
	if c.Country != "" || c.PartyID != "" {
		return Role{Role: RoleCPO, Country: c.Country, PartyID: c.PartyID}.validate()
	}
	for _, scope := range c.Scopes {
		if role := ScopeRole(scope); role != "" {
			return Invalid("scope %s: the key must be bound to one party, of role %s (--party)", scope, role)
		}
	}
	return nil
}

const maxScopes = 16

func validateScopes(scopes []string) error {
	if len(scopes) == 0 || len(scopes) > maxScopes {
		return Invalid("key with %d scopes: want one or more of %v", len(scopes), scopeNames)
	}
	for i, scope := range scopes {
		if err := validateName("scope", scope); err != nil {
			return err
		}
		if slices.Contains(scopes[:i], scope) {
			return Invalid("scope %q: given twice", scope)
		}
	}
	return nil
}

func (d *Keys) added(e Event, c KeyAdded) error {
	s := &d.state.Folded
	if c.Expires.IsSet() && c.Expires <= e.At {
		return Invalid("key %s: its end, %s, is past", c.ID, c.Expires)
	}
	if _, ok := s.byID.Get(c.ID); ok {
		return Conflict("key %s exists already", c.ID)
	}
	if _, ok := s.byHash.Get(c.Hash); ok {
		return Conflict("this key is in use already")
	}
	s.put(&APIKey{
		ID: c.ID, Name: c.Name, Hash: c.Hash, Scopes: slices.Clone(c.Scopes),
		Party: ocpi.Party{Country: c.Country, ID: c.PartyID}, Expires: c.Expires,
	})
	return nil
}

// put makes k the current form of its key, in every index. The secrets of the form
// before were taken out.
func (s *keys) put(k *APIKey) {
	s.byID, s.byHash = s.byID.With(k.ID, k), s.byHash.With(k.Hash, k)
	if k.Old.Until.IsSet() {
		s.byHash = s.byHash.With(k.Old.Hash, k)
	}
}

// end takes the secrets of a key out of the index.
func (s *keys) end(k *APIKey) {
	s.byHash = s.byHash.Without(k.Hash)
	if k.Old.Until.IsSet() {
		s.byHash = s.byHash.Without(k.Old.Hash)
	}
}

// KeyRotated gives a key a new secret. The one it has works on until Until, and no
// longer than the key did; one before that ends.
type KeyRotated struct {
	ID      string    `json:"id"`
	Hash    TokenHash `json:"hash"`
	Until   ocpi.Time `json:"until"`
	Expires ocpi.Time `json:"expires,omitempty"` // the key's new end; unset = as it was
}

// Kind implements Change.
func (KeyRotated) Kind() Kind { return Kind{"key.rotated", 1} }

// Validate implements Change.
func (c KeyRotated) Validate() error {
	if !c.Until.IsSet() {
		return Invalid("rotation of key %s: the end of the old secret is missing", c.ID)
	}
	return validateName("key id", c.ID)
}

func (d *Keys) rotated(e Event, c KeyRotated) error {
	s := &d.state.Folded
	k, ok := s.byID.Get(c.ID)
	switch {
	case !ok:
		return Unknown("there is no key %s", c.ID)
	case c.Expires.IsSet() && c.Expires <= e.At:
		return Invalid("key %s: its new end, %s, is past", c.ID, c.Expires)
	case !c.Expires.IsSet() && k.Expired(e.At):
		return Conflict("key %s ended at %s: give it a new end (--expires)", c.ID, k.Expires)
	}
	if _, ok := s.byHash.Get(c.Hash); ok {
		return Conflict("the new secret is in use already")
	}
	s.end(k)
	next := *k
	next.Hash, next.Old = c.Hash, Token{Hash: k.Hash, Until: c.Until}
	if k.Expires.IsSet() {
		next.Old.Until = min(c.Until, k.Expires)
	}
	if next.Old.Until <= e.At {
		next.Old = Token{}
	}
	if c.Expires.IsSet() {
		next.Expires = c.Expires
	}
	s.put(&next)
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
	s := &d.state.Folded
	k, ok := s.byID.Get(c.ID)
	if !ok {
		return Unknown("there is no key %s", c.ID)
	}
	s.end(k)
	s.byID = s.byID.Without(k.ID)
	return nil
}
