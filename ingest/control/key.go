package control

import (
	"context"
	"slices"
	"strings"

	"github.com/roamclear/roamclear/ocpi"
)

// Scopes an API key can have.
const (
	ScopeFinanceRead = "finance:read"
)

var scopeNames = []string{ScopeFinanceRead}

// Scopes lists what an API key can allow.
func Scopes() []string { return slices.Clone(scopeNames) }

// APIKey lets its holder read reports. A zero Party reads everything, any
// other only rows in which it is CPO or eMSP. One that was handed out never
// changes.
type APIKey struct {
	ID     string
	Name   string
	Hash   TokenHash
	Scopes []string
	Party  ocpi.Party
}

// Allows reports whether the key has the scope.
func (k *APIKey) Allows(scope string) bool { return slices.Contains(k.Scopes, scope) }

// Keys is the domain of the API keys for reports. Its methods are safe for
// concurrent use.
type Keys struct {
	machine *Machine
	state   State[keys]
}

type keys struct {
	byID   Map[string, *APIKey]
	byHash Map[TokenHash, *APIKey]
}

// NewKeys registers the domain.
func NewKeys(m *Machine) *Keys {
	d := &Keys{machine: m}
	m.Register(d.state.Publish, On(d.added), On(d.removed))
	return d
}

// Ready is [Machine.Ready].
func (d *Keys) Ready() error { return d.machine.Ready() }

// Find finds the API key of an Authorization header, "Bearer x".
func (d *Keys) Find(authorization string) (*APIKey, bool) {
	credentials, ok := cutScheme(authorization, "Bearer")
	if !ok {
		return nil, false
	}
	return d.state.Current().byHash.Get(HashToken(credentials))
}

// All returns all API keys, ordered by id.
func (d *Keys) All() []*APIKey {
	return slices.SortedFunc(d.state.Current().byID.Values(), func(a, b *APIKey) int { return strings.Compare(a.ID, b.ID) })
}

// NewKey is what Add needs. A zero Party reads everything.
type NewKey struct {
	Name   string // "" = named after its id
	Scopes []string
	Party  ocpi.Party
}

// Add registers an API key and returns it with its secret, which cannot be had
// again. command may be "". Errors as in [Machine.Do].
func (d *Keys) Add(ctx context.Context, command string, n NewKey) (*APIKey, string, error) {
	secret := NewToken()
	hash := HashToken(secret)
	add := KeyAdded{
		ID: newKeyID(hash), Name: n.Name, Hash: hash, Scopes: n.Scopes,
		Country: n.Party.Country, PartyID: n.Party.ID,
	}
	if add.Name == "" {
		add.Name = add.ID
	}
	if _, err := d.machine.Do(ctx, Command{ID: command, Change: add}); err != nil {
		return nil, "", err
	}
	k, ok := d.Find("Bearer " + secret)
	if !ok {
		return nil, "", Conflict("key %s was removed at the same moment", add.ID)
	}
	return k, secret, nil
}

// newKeyID shortens the hash of the key: unique for all that matters, and a
// clash is refused by the fold.
func newKeyID(h TokenHash) string {
	text, _ := h.MarshalText() // never fails
	return "key-" + strings.ToLower(string(text[:10]))
}

// Remove ends an API key. Errors as in [Machine.Do].
func (d *Keys) Remove(ctx context.Context, command, id string) error {
	_, err := d.machine.Do(ctx, Command{ID: command, Change: KeyRemoved{ID: id}})
	return err
}
