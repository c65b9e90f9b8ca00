package control

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/roamclear/roamclear/ocpi"
)

// Scopes an API key can have.
const (
	ScopeFinanceRead    = "finance:read"    // reads reports
	ScopeFinanceDecide  = "finance:decide"  // decides about CDRs that wait
	ScopeFinanceApprove = "finance:approve" // approves a close that another key asked for
	ScopeApp            = "app"             // finds stations, starts and follows charges, as the one eMSP it is bound to
	ScopeCPO            = "cpo"             // reports Sessions and CDRs, as the one CPO it is bound to
	ScopeHelpdesk       = "helpdesk"        // unlocks connectors
	ScopeOpsRead        = "ops:read"        // reads what is exchanged with partners
)

var scopeNames = []string{ScopeFinanceRead, ScopeFinanceDecide, ScopeFinanceApprove, ScopeApp, ScopeCPO, ScopeHelpdesk, ScopeOpsRead}

// Scopes lists what an API key can allow.
func Scopes() []string { return slices.Clone(scopeNames) }

// scopeRole is the role of the one party that a key of a scope acts as. A key of
// another scope may be of any party, or of none.
var scopeRole = map[string]string{ScopeApp: RoleEMSP, ScopeCPO: RoleCPO}

// ScopeRole returns the role of the one party that a key of a scope acts as; "" where
// the scope binds it to none.
func ScopeRole(scope string) string { return scopeRole[scope] }

// KeyGrace is how long the old secret of a rotation works. Nothing ends it sooner: a
// key is in many instances of an app, which do not all change it at once.
const KeyGrace = RotationGrace

// APIKey lets its holder do what its scopes say. A zero Party reads everything, any
// other only what concerns it. One that was handed out never changes.
type APIKey struct {
	ID      string
	Name    string
	Hash    TokenHash // of its secret
	Old     Token     // its secret before the last rotation; zero = none
	Scopes  []string
	Party   ocpi.Party
	Expires ocpi.Time // the last instant it works at, zero = it does not end

	Certificates []Fingerprint // with one of which alone it is used; none = it needs none
}

// Allows reports whether the key has the scope.
func (k *APIKey) Allows(scope string) bool { return slices.Contains(k.Scopes, scope) }

// Expired reports whether the key has come to its end.
func (k *APIKey) Expired(now ocpi.Time) bool { return k.Expires.IsSet() && now > k.Expires }

// RotationUntil returns when the old secret of a rotation ends; ok is false where
// none works any more.
func (k *APIKey) RotationUntil(now ocpi.Time) (until ocpi.Time, ok bool) {
	return k.Old.Until, k.Old.Until >= now
}

// accepts reports whether a secret is the key's and works at an instant.
func (k *APIKey) accepts(secret TokenHash, now ocpi.Time) bool {
	if k.Expired(now) {
		return false
	}
	return k.Hash == secret || k.Old.Hash == secret && now <= k.Old.Until
}

// Keys is the domain of the API keys. Its methods are safe for concurrent use.
type Keys struct {
	machine *Machine
	state   State[keys]
}

type keys struct {
	byID   Map[string, *APIKey]
	byHash Map[TokenHash, *APIKey] // of their secrets, old ones of rotations too
}

// NewKeys registers the domain.
func NewKeys(m *Machine) *Keys {
	d := &Keys{machine: m}
	m.Register(d.state.Publish, On(d.reportAdded), On(d.added), On(d.rotated), On(d.removed), On(d.certAdded), On(d.certRemoved))
	return d
}

// Ready is [Machine.Ready].
func (d *Keys) Ready() error { return d.machine.Ready() }

// Now is the clock by which keys end.
func (d *Keys) Now() ocpi.Time { return d.machine.Now() }

// Find finds the API key of an Authorization header, "Bearer x". One that has ended
// is not found.
func (d *Keys) Find(authorization string) (*APIKey, bool) {
	credentials, ok := cutScheme(authorization, "Bearer")
	if !ok {
		return nil, false
	}
	secret := HashToken(credentials)
	k, ok := d.state.Current().byHash.Get(secret)
	if !ok || !k.accepts(secret, d.machine.now()) {
		return nil, false
	}
	return k, true
}

// All returns all API keys, ordered by id, those that have ended too.
func (d *Keys) All() []*APIKey {
	return slices.SortedFunc(d.state.Current().byID.Values(), func(a, b *APIKey) int { return strings.Compare(a.ID, b.ID) })
}

// NewKey is what Add needs. A zero Party reads everything.
type NewKey struct {
	Name    string // "" = named after its id
	Scopes  []string
	Party   ocpi.Party
	Expires ocpi.Time // zero = it does not end
}

// change is the event that adds the key. One that earlier versions know is written as
// they do, so that it halts none of them.
func (n *NewKey) change(secret TokenHash) Change {
	id := newKeyID(secret)
	add := KeyAdded{
		ID: id, Name: n.Name, Hash: secret, Scopes: n.Scopes,
		Country: n.Party.Country, PartyID: n.Party.ID, Expires: n.Expires,
	}
	if add.Name == "" {
		add.Name = id
	}
	if !n.Expires.IsSet() && slices.Equal(n.Scopes, []string{ScopeFinanceRead}) {
		return ReportKeyAdded{ID: add.ID, Name: add.Name, Hash: add.Hash, Scopes: add.Scopes, Country: add.Country, PartyID: add.PartyID}
	}
	return add
}

// Add registers an API key and returns it with its secret, which cannot be had
// again. command may be "". Errors as in [Machine.Do].
func (d *Keys) Add(ctx context.Context, command string, n NewKey) (*APIKey, string, error) {
	for _, scope := range n.Scopes {
		if !slices.Contains(scopeNames, scope) {
			return nil, "", Invalid("scope %q: want some of %s", scope, strings.Join(scopeNames, ", "))
		}
	}
	secret := NewToken()
	hash := HashToken(secret)
	if _, err := d.machine.Do(ctx, Command{ID: command, Change: n.change(hash)}); err != nil {
		return nil, "", err
	}
	k, err := d.key(newKeyID(hash))
	return k, secret, err
}

// KeyRotation is what Rotate needs. The old secret works for [KeyGrace]; with Now it
// ends at once, as does one before it: it has leaked.
type KeyRotation struct {
	Now     bool
	Expires ocpi.Time // of the key from then on; zero = as it was
}

// Rotate gives a key a new secret and returns it. Errors as in [Machine.Do].
func (d *Keys) Rotate(ctx context.Context, command, id string, r KeyRotation) (*APIKey, string, error) {
	secret := NewToken()
	until := d.machine.Now() + ocpi.Time(KeyGrace)
	if r.Now {
		until = endedAtOnce
	}
	rotate := KeyRotated{ID: id, Hash: HashToken(secret), Until: until, Expires: r.Expires}
	if _, err := d.machine.Do(ctx, Command{ID: command, Change: rotate}); err != nil {
		return nil, "", err
	}
	k, err := d.key(id)
	return k, secret, err
}

func (d *Keys) key(id string) (*APIKey, error) {
	k, ok := d.ByID(id)
	if !ok {
		return nil, Conflict("key %s was removed at the same moment", id)
	}
	return k, nil
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

// MaxKeyLife bounds how far away the end of a key may be: what is further is a slip
// of the pen.
const MaxKeyLife = 100 * 365 * 24 * time.Hour
